"""
The tree with its macros expanded, and a port for each model that wants one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from .commands import strip_comments
from .errors import Problems
from .macros import Budget, Macro, Scope, TooMuch, declare
from .nodes import Entry, ListNode, MapNode, Node, ScalarNode, child, joined
from .scalars import whole_number

#: In which of a model's keys lines that begin with # are comments.
_COMMANDS = ("cmd", "cmdStop")

#: Whose keys are expanded too.
_KEYS_TOO = "setParamsByID"

DEFAULT_START_PORT = 5800

HIGHEST_PORT = 65535


def _expand(
    node: Node, path: str, scope: Scope, problems: Problems, *, keys: str = ""
) -> Node:
    """
    :param keys: the name of the mapping below whose keys are expanded.
    """
    if isinstance(node, ScalarNode):
        return scope.expand(node, path, problems)
    if isinstance(node, ListNode):
        return ListNode(
            node.mark,
            tuple(
                _expand(item, f"{path}[{number}]", scope, problems)
                for number, item in enumerate(node.items)
            ),
        )
    entries: dict[str, Entry] = {}
    for key, value in node.entries.values():
        below = joined(path, key)
        value = _expand(value, below, scope, problems)
        if keys and key.text == keys and isinstance(value, MapNode):
            value = _expand_keys(value, below, scope, problems)
        entries[key.text] = Entry(key, value)
    return MapNode(node.mark, entries)


def _expand_keys(node: MapNode, path: str, scope: Scope, problems: Problems) -> MapNode:
    entries: dict[str, Entry] = {}
    for key, value in node.entries.values():
        expanded = scope.expand(key, joined(path, key), problems)
        if expanded.text in entries:
            problems.error(
                key.mark,
                joined(path, expanded),
                "this key is repeated, once its macros are expanded",
            )
        entries[expanded.text] = Entry(expanded, value)
    return MapNode(node.mark, entries)


class _Expander:
    def __init__(
        self,
        macros: Mapping[str, Macro],
        known_keys: Collection[str],
        known_model_keys: Collection[str],
        held_ports: Mapping[str, int],
        problems: Problems,
    ) -> None:
        self._held_ports = held_ports
        self._taken_ports = frozenset(held_ports.values())
        self._macros = macros
        self._known_keys = known_keys
        self._known_model_keys = known_model_keys
        self._problems = problems
        self._budget = Budget()
        self._next_port = 0

    def expand(self, root: MapNode) -> tuple[MapNode, dict[str, int]]:
        """
        :returns: the tree, and the models' ports.
        """
        scope = Scope(self._macros, {}, self._budget)
        entries: dict[str, Entry] = {}
        for name, entry in root.entries.items():
            if name in self._known_keys and name not in ("macros", "models"):
                value = _expand(
                    entry.value, joined("", entry.key), scope, self._problems
                )
                entry = entry._replace(value=value)
            entries[name] = entry
        ports: dict[str, int] = {}
        models = child(root, "models")
        if isinstance(models, MapNode):
            start = child(MapNode(root.mark, entries), "startPort")
            # One that is no number is complained about by the schema.
            first = whole_number(start.value if isinstance(start, ScalarNode) else None)
            self._next_port = DEFAULT_START_PORT
            if first is not None and 1 <= first <= HIGHEST_PORT:
                self._next_port = first
            models = self._models(models, ports)
            entries["models"] = entries["models"]._replace(value=models)
        return MapNode(root.mark, entries), ports

    def _models(self, models: MapNode, ports: dict[str, int]) -> MapNode:
        expanded = dict(models.entries)
        for model_id in sorted(models.entries):
            key, node = models.entries[model_id]
            if isinstance(node, MapNode):
                value = self._model(key, node, ports)
                expanded[model_id] = Entry(key, value)
        return MapNode(models.mark, expanded)

    def _model(self, key: ScalarNode, node: MapNode, ports: dict[str, int]) -> MapNode:
        model_id, path, problems = key.text, f"models.{joined('', key)}", self._problems
        macros = self._macros
        own = child(node, "macros")
        if own is not None:
            macros = declare(own, f"{path}.macros", macros, problems)
        given = {"MODEL_ID": replace(key, value=model_id)}
        entries = {
            name: self._without_comments(entry) if name in _COMMANDS else entry
            for name, entry in node.entries.items()
        }
        command = child(MapNode(node.mark, entries), "cmd")
        if isinstance(command, ScalarNode):
            # Complaints come with the port, below.
            draft = Scope(macros, given, self._budget, ("PORT",))
            if "${PORT}" in draft.expand(command, "", Problems()).text:
                port = ports[model_id] = self._port_of(model_id)
                given["PORT"] = ScalarNode(command.mark, str(port), port)
                if port > HIGHEST_PORT:
                    problems.error(
                        command.mark,
                        f"{path}.cmd",
                        "no port is left for ${PORT}; choose a lower startPort",
                    )
        scope = Scope(macros, given, self._budget)
        stop_scope = Scope(macros, given, self._budget, ("PID",))
        for name, entry in entries.items():
            if name in self._known_model_keys and name != "macros":
                value = _expand(
                    entry.value,
                    joined(path, entry.key),
                    stop_scope if name == "cmdStop" else scope,
                    problems,
                    keys=_KEYS_TOO if name == "filters" else "",
                )
                entries[name] = entry._replace(value=value)
        return MapNode(node.mark, entries)

    def _port_of(self, model_id: str) -> int:
        held = self._held_ports.get(model_id)
        if held is not None:
            return held
        while self._next_port in self._taken_ports:
            self._next_port += 1
        port = self._next_port
        self._next_port += 1
        return port

    @staticmethod
    def _without_comments(entry: Entry) -> Entry:
        node = entry.value
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            return entry
        text = strip_comments(node.value)
        return entry._replace(value=replace(node, text=text, value=text))


def expand_macros(
    root: MapNode,
    known_keys: Collection[str],
    known_model_keys: Collection[str],
    held_ports: Mapping[str, int],
    problems: Problems,
) -> tuple[MapNode, dict[str, int]]:
    """
    Expand all macros of a configuration.

    :param root: the whole of it.
    :param known_keys: the keys at its top; others are left alone.
    :param known_model_keys: the keys of a model; others are left alone.
    :param held_ports: model → the port that it has already, and keeps if it still
        wants one; no other model gets that.
    :param problems: takes what is wrong.
    :returns: the tree with them expanded, and the port of each model whose
        ``cmd`` holds ``${PORT}``.
    """
    macros = declare(child(root, "macros"), "macros", {}, problems)
    try:
        return _Expander(
            macros, known_keys, known_model_keys, held_ports, problems
        ).expand(root)
    except TooMuch:
        problems.error(
            root.mark, "macros", "they expand to more than 64 MiB; do they pile up?"
        )
        raise problems.give_up() from None
