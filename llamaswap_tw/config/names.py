"""
Which name stands for which model.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from .errors import Problems
from .file_schema import File
from .nodes import ListNode, Node, ScalarNode, child, locate, quoted

#: How many unknown names are compared with the known ones, and how much of each.
_MOST_HINTS = 20
_COMPARED = 100


class Names:
    """
    The ids and aliases of the models.

    :param file: what the file says.
    :param ids: the ids of all its models, also of those that are no good.
    :param root: the tree, for the places of what is wrong.
    :param problems: takes clashes.
    :ivar aliases: every alias → its model's id.
    :ivar of_model: each model's aliases, in the order of the file.
    """

    def __init__(
        self, file: File, ids: Collection[str], root: Node, problems: Problems
    ) -> None:
        self.aliases: dict[str, str] = {}
        self.of_model: dict[str, tuple[str, ...]] = {}
        self._ids = frozenset(ids)
        self._root = root
        self._problems = problems
        self._hints = _MOST_HINTS
        models = sorted(file.models.items())
        for model_id, model in models:
            for number, alias in enumerate(model.aliases):
                self._alias(model_id, alias.strip(), number)
        for model_id, model in models:
            for name in model.filters.set_params_by_id:
                self._parameters(model_id, name)
        for alias, model_id in self.aliases.items():
            self.of_model[model_id] = (*self.of_model.get(model_id, ()), alias)

    def _alias(self, model_id: str, alias: str, number: int) -> None:
        keys = ("models", model_id, "aliases", number)
        if alias and alias not in self.aliases and alias not in self._ids:
            self.aliases[alias] = model_id
            return
        place = locate(self._root, keys)
        shown = self._shown(alias, *keys)
        if not alias:
            self._problems.warn(*place, "is blank, and ignored")
        elif alias in self.aliases:
            other = self.aliases[alias]
            of = "this model" if other == model_id else f"the model {self._id(other)}"
            self._problems.error(
                *place, f"{shown} is an alias of {of} already; aliases are unique"
            )
        elif alias != model_id:
            self._problems.warn(
                *place, f"{shown} is also a model's id, and means that model"
            )

    def _parameters(self, model_id: str, name: str) -> None:
        if name == model_id or self.aliases.get(name) == model_id:
            return
        place = locate(
            self._root, ("models", model_id, "filters", "setParamsByID", name)
        )
        if name in self._ids or name in self.aliases:
            other = name if name in self._ids else self.aliases[name]
            self._problems.error(
                *place,
                "its keys become aliases of this model, and this one is a name of "
                f"the model {self._id(other)} already",
            )
        elif not name.strip():
            self._problems.error(*place, "a key must be a model's id or alias")
        else:
            self.aliases[name] = model_id

    def _id(self, model_id: str) -> str:
        return locate(self._root, ("models", model_id)).path[len("models.") :]

    def _shown(self, text: str, *keys: str | int) -> str:
        node: Node | None = self._root
        for key in keys:
            if isinstance(key, str):
                node = child(node, key)
            elif isinstance(node, ListNode):
                node = node.items[key]
        return quoted(node) if isinstance(node, ScalarNode) else repr(text)

    def resolve(self, name: str) -> str | None:
        """
        The id of the model of that name, or `None`.
        """
        return name if name in self._ids else self.aliases.get(name)

    def unknown(self, name: str, *keys: str | int) -> str:
        """
        That a name is not known, in words.

        :param keys: the way to where it is used.
        """
        shown = self._shown(name, *keys)
        if shown.startswith("("):
            return f"there is no model of the name {shown}"
        # Each look-up goes through all ids, and one slip may be in many places.
        self._hints -= 1
        near = (
            get_close_matches(name[:_COMPARED], sorted(self._ids), n=1)
            if self._hints >= 0
            else []
        )
        hint = f", did you mean {self._id(near[0])}?" if near else ""
        return f"there is no model {shown}{hint}"
