"""
The settings of the matrix planner.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .file_schema import MatrixSection
from .names import Names
from .nodes import MapNode
from .reporter import Reporter
from .schema import MatrixSettings

if TYPE_CHECKING:
    from ..routing.matrix.link import BadSet, LinkedSet

_VAR = re.compile(r"[a-zA-Z0-9.-]{1,32}")


class _Maker:
    def __init__(
        self,
        section: MatrixSection,
        at: tuple[str, ...],
        names: Names,
        reporter: Reporter,
    ) -> None:
        self._section = section
        self._at = at
        self._names = names
        self._reporter = reporter
        self._secret_keys = self._has_secret_keys()

    def vars(self) -> dict[str, str]:
        """
        Short names → ids, also those that are no good: their uses are fine.
        """
        reporter = self._reporter
        found: dict[str, str] = {}
        for name, model_id in self._section.vars.items():
            at = (*self._at, "vars", name)
            found[name] = model_id
            if not _VAR.fullmatch(name):
                reporter.error(
                    "a short name has letters, digits, . and - only, and at most 32 "
                    "of them",
                    *at,
                )
            if model_id not in self._names.ids:
                reporter.error(self._unknown(model_id, *at), *at, doubtful=True)
        return found

    def _unknown(self, name: str, *at: str) -> str:
        shown = self._reporter.text(*at)
        if name in self._names.aliases and not self._reporter.is_secret(*at):
            return (
                f"{shown} is an alias; only the ids of models and the short names "
                "under vars are known here"
            )
        return self._names.unknown(name, shown)

    def costs(self, variables: Mapping[str, str]) -> dict[str, int]:
        """
        By model, what it costs to stop it.
        """
        reporter = self._reporter
        found: dict[str, int] = {}
        for name, cost in self._section.evict_costs.items():
            at = (*self._at, "evict_costs", name)
            model_id = variables.get(name, name)
            if model_id not in self._names.ids and name not in variables:
                shown = reporter.quoted_key(*at)
                reporter.error(
                    f"there is no var or model {shown}{self._hint(name, shown)}",
                    *at,
                    doubtful=True,
                )
            elif found.setdefault(model_id, cost) != cost:
                reporter.error(
                    "this model has another cost already, under another name", *at
                )
        return found

    def _hint(self, name: str, shown: str) -> str:
        return "" if shown.startswith("(") else self._names.hint(name)

    def sets(self, variables: Mapping[str, str]) -> tuple[LinkedSet, ...] | None:
        """
        The linked sets, or `None` where something is wrong with them.
        """
        # Few files have any: the others need not import it.
        from ..routing.matrix.link import BadSets, link

        at = (*self._at, "sets")
        if not self._reporter.keys(*at):
            if self._reporter.is_mapping(*self._at) and self._reporter.is_mapping(*at):
                self._reporter.error(
                    "there must be at least one set, like chat: a & b", *at
                )
            return None
        # What is not text was complained about; others may refer to it.
        sets = self._section.sets
        lost = {key for key in self._reporter.keys(*at) if key not in sets}
        try:
            return link(sets, variables, self._names.ids)
        except BadSets as e:
            for error in e.errors:
                self._complain(error, lost)
        return None

    def _complain(self, error: BadSet, lost: set[str]) -> None:
        from ..routing.matrix.link import Mistake

        if error.mistake is Mistake.UNDEFINED and error.name in lost:
            return
        reporter, at = self._reporter, (*self._at, "sets", error.set)
        doubtful = error.mistake in (Mistake.UNKNOWN, Mistake.UNDEFINED)
        if reporter.is_secret(*at) or self._secret_keys:
            reporter.error(
                "the expression is not valid; it comes from the environment",
                *at,
                doubtful=doubtful,
            )
            return
        reason = error.reason
        if error.mistake is Mistake.UNKNOWN:
            if error.name in self._names.aliases:
                reason = (
                    f"{error.name!r} is an alias; only the ids of models and the short "
                    "names under vars are known here"
                )
            else:
                reason += self._names.hint(error.name)
        where = error.pointed() if error.text.strip() else ()
        reporter.error(
            "\n".join([f"column {error.at + 1}: {reason}", *where]),
            *at,
            doubtful=doubtful,
        )

    def _has_secret_keys(self) -> bool:
        """
        Whether the names of sets, which messages tell, are for nobody to see.
        """
        node = self._reporter.node(*self._at, "sets")
        return isinstance(node, MapNode) and any(
            entry.key.secret for entry in node.entries.values()
        )


def make_matrix(
    section: MatrixSection | None,
    at: tuple[str, ...],
    names: Names,
    reporter: Reporter,
) -> MatrixSettings | None:
    """
    Make the settings of the matrix planner, which is in use.

    :param at: where they are.
    :param reporter: takes what is wrong.
    :returns: `None` where something is wrong with the sets.
    """
    maker = _Maker(section or MatrixSection.model_construct(), at, names, reporter)
    variables = maker.vars()
    costs = maker.costs(variables)
    sets = maker.sets(variables)
    return None if sets is None else MatrixSettings(sets, costs, variables)
