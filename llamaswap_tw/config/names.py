"""
Which name stands for which model.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from .file_schema import File
from .reporter import Reporter

#: How many unknown names are compared with the known ones, and how much of each.
_MOST_HINTS = 20
_COMPARED = 100


class Names:
    """
    The ids and aliases of the models.

    :param file: what the file says.
    :param ids: the ids of all its models, also of those that are no good.
    :param reporter: takes clashes.
    :ivar ids: the ids.
    :ivar aliases: every alias → its model's id.
    :ivar of_model: each model's aliases, in the order of the file.
    """

    def __init__(self, file: File, ids: Collection[str], reporter: Reporter) -> None:
        self.aliases: dict[str, str] = {}
        self.of_model: dict[str, tuple[str, ...]] = {}
        self.ids = frozenset(ids)
        self._reporter = reporter
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
        if alias and alias not in self.aliases and alias not in self.ids:
            self.aliases[alias] = model_id
            return
        shown = self._reporter.text(*keys) or repr(alias)
        if not alias:
            self._reporter.warn("is blank, and ignored", *keys)
        elif alias in self.aliases:
            other = self.aliases[alias]
            of = "this model" if other == model_id else f"the model {self._id(other)}"
            self._reporter.error(
                f"{shown} is an alias of {of} already; aliases are unique", *keys
            )
        elif alias != model_id:
            self._reporter.warn(
                f"{shown} is also a model's id, and means that model", *keys
            )

    def _parameters(self, model_id: str, name: str) -> None:
        if name == model_id or self.aliases.get(name) == model_id:
            return
        keys = ("models", model_id, "filters", "setParamsByID", name)
        if name in self.ids or name in self.aliases:
            other = name if name in self.ids else self.aliases[name]
            self._reporter.error(
                "its keys become aliases of this model, and this one is a name of "
                f"the model {self._id(other)} already",
                *keys,
            )
        elif not name.strip():
            self._reporter.error("a key must be a model's id or alias", *keys)
        else:
            self.aliases[name] = model_id

    def _id(self, model_id: str) -> str:
        return self._reporter.key("models", model_id)

    def resolve(self, name: str) -> str | None:
        """
        The id of the model of that name, or `None`.
        """
        return name if name in self.ids else self.aliases.get(name)

    def unknown(self, name: str, shown: str) -> str:
        """
        That a name is not known, in words.

        :param shown: the name for a message, from the reporter.
        """
        if shown.startswith("("):
            return f"there is no model of the name {shown}"
        return f"there is no model {shown}{self.hint(name)}"

    def hint(self, name: str) -> str:
        """
        The model that an unknown name may have meant, in words, or ``""``.
        """
        # Each look-up goes through all ids, and one slip may be in many places.
        self._hints -= 1
        near = (
            get_close_matches(name[:_COMPARED], sorted(self.ids), n=1)
            if self._hints >= 0
            else []
        )
        return f", did you mean {self._id(near[0])}?" if near else ""
