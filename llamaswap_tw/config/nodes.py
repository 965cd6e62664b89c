"""
A source as a tree that knows where each value was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from .errors import Mark

#: What a scalar can be.
Value: TypeAlias = "str | int | float | bool | None"

#: The longest key that is shown whole.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """
    A single value.

    :ivar mark: where it was written.
    :ivar text: as it was written.
    :ivar value: as YAML understands it.
    :ivar secret: whether it may hold a value from the environment, which no
        message shows.
    :ivar broken: whether it was complained about already.
    """

    mark: Mark
    text: str
    value: Value
    secret: bool = False
    broken: bool = False


@dataclass(frozen=True, slots=True)
class ListNode:
    """
    A list.
    """

    mark: Mark
    items: tuple[Node, ...]


class Entry(NamedTuple):
    """
    A key with its value.
    """

    key: ScalarNode
    value: Node


@dataclass(frozen=True, slots=True)
class MapNode:
    """
    A mapping, in the order in which it was written.
    """

    mark: Mark
    entries: dict[str, Entry]


Node: TypeAlias = "ScalarNode | ListNode | MapNode"


def is_null(node: object) -> bool:
    """
    Whether this is YAML's null.
    """
    return isinstance(node, ScalarNode) and node.value is None


def kind_of(node: object) -> str:
    """
    In words, what this is; never its value.
    """
    if isinstance(node, MapNode):
        return "a mapping"
    if isinstance(node, ListNode):
        return "a list"
    value = node.value if isinstance(node, ScalarNode) else node
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "a whole number"
    return "a number" if isinstance(value, float) else "text"


def plain(node: object) -> Any:
    """
    The value without its marks: dicts, lists and scalars.
    """
    if isinstance(node, MapNode):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return node.value if isinstance(node, ScalarNode) else node


def shown(node: ScalarNode) -> str:
    """
    A key for a path, on one line, of bounded length, and without secrets.
    """
    if node.secret:
        return "(from the environment)"
    text = node.text
    if len(text) > _SHOWN:
        text = text[:_SHOWN] + "…"
    return text if text and text.isprintable() else repr(text)


def quoted(node: ScalarNode) -> str:
    """
    A name for a message, on one line, of bounded length, without secrets.
    """
    if node.secret:
        return "(from the environment)"
    return repr(node.text if len(node.text) <= _SHOWN else node.text[:_SHOWN] + "…")


def joined(path: str, key: ScalarNode) -> str:
    """
    The path of what is under a key.
    """
    return f"{path}.{shown(key)}" if path else shown(key)


def child(node: Node | None, *keys: str) -> Node | None:
    """
    What is under these keys, or `None` where there is nothing.
    """
    for key in keys:
        if not isinstance(node, MapNode) or key not in node.entries:
            return None
        node = node.entries[key].value
    return node


class Place(NamedTuple):
    """
    Where something is written.
    """

    mark: Mark
    path: str


def locate(root: Node, keys: Sequence[str | int]) -> Place:
    """
    The line and the path of a value; where it is missing, the line of what
    should hold it.

    :param root: the whole tree.
    :param keys: the way from there: keys, and indices of lists.
    """
    node: Node | None = root
    mark, path = root.mark, ""
    for key in keys:
        if isinstance(key, int):
            path += f"[{key}]"
            if isinstance(node, ListNode) and key < len(node.items):
                node = node.items[key]
                mark = node.mark
            else:
                node = None
        elif isinstance(node, MapNode) and key in node.entries:
            # The key's line, not the value's: behind an alias that is elsewhere.
            entry = node.entries[key]
            node, mark, path = entry.value, entry.key.mark, joined(path, entry.key)
        else:
            path = f"{path}.{key}" if path else key
            node = None
    return Place(mark, path)


def without(node: Node, ways: Iterable[Sequence[str | int]]) -> Node:
    """
    The tree without some values.

    :param ways: the way to each; what is in a list goes with the whole list.
    :returns: the same tree if none of them is in it.
    """
    if not isinstance(node, MapNode):
        return node
    #: Under each key, what goes there; nothing, where all of it goes.
    below: dict[str, list[Sequence[str | int]]] = {}
    whole: set[str] = set()
    for keys in ways:
        key = str(keys[0]) if keys else ""
        if not keys or key not in node.entries:
            continue
        below.setdefault(key, []).append(keys[1:])
        if len(keys) == 1 or isinstance(keys[1], int):
            whole.add(key)
    if not below:
        return node
    entries = dict(node.entries)
    changed = bool(whole)
    for key, rest in below.items():
        if key in whole:
            del entries[key]
            continue
        old = entries[key]
        value = without(old.value, rest)
        changed = changed or value is not old.value
        entries[key] = old._replace(value=value)
    return MapNode(node.mark, entries) if changed else node
