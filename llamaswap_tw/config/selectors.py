"""
Virtual models, which choose among their targets.
"""

from __future__ import annotations

from .file_schema import File, SelectorSection
from .planner import Planning
from .reporter import Reporter
from .schema import Selector
from .targets import Target, Targets


def make_selectors(
    file: File, targets: Targets, planning: Planning, reporter: Reporter
) -> dict[str, Selector]:
    """
    Make the selectors.

    :param targets: what they may choose among.
    :param planning: which models may run together.
    :param reporter: takes what is wrong.
    :returns: them by id, in the order of the ids.
    """
    maker = _Maker(targets, planning, reporter)
    return {
        selector_id: maker.make(selector_id, section)
        for selector_id, section in sorted(file.selectors.items())
    }


class _Maker:
    def __init__(
        self, targets: Targets, planning: Planning, reporter: Reporter
    ) -> None:
        self._targets = targets
        self._planning = planning
        self._reporter = reporter

    def make(self, selector_id: str, section: SelectorSection) -> Selector:
        """
        Make one.
        """
        reporter, at = self._reporter, ("selectors", selector_id)
        if not selector_id.strip():
            reporter.error("a selector's id cannot be blank", *at)
        clash = self._targets.clash(selector_id)
        if clash:
            reporter.error(f"its id is {clash} already; rename one of them", *at)
        if section.strategy is None and not reporter.given(*at, "strategy"):
            reporter.error(
                "is missing; it must be one of pin, warm, spillover", *at, "strategy"
            )
        if not section.targets and not (
            reporter.length(*at, "targets") or reporter.is_lost(*at, "targets")
        ):
            reporter.error(
                "there must be at least one target: an id, an alias or a peer's model",
                *(*at, "targets"),
            )
        found = self._find(at, section)
        if section.strategy == "spillover" and len(found) == len(section.targets):
            self._check_spillover(at, found)
        return Selector(
            id=selector_id,
            strategy=section.strategy or "pin",
            targets=section.targets,
            spillover=section.settings.spillover,
            name=section.name,
            description=section.description,
            unlisted=section.unlisted,
            metadata=section.metadata,
        )

    def _find(self, at: tuple[str, str], section: SelectorSection) -> list[Target]:
        """
        What the targets are, without those that are no good.
        """
        reporter = self._reporter
        found: list[Target] = []
        for number, name in enumerate(section.targets):
            place = (*at, "targets", number)
            target = self._targets.find(name)
            if not name.strip():
                reporter.error("cannot be blank", *place)
            elif target is None:
                shown = reporter.text(*place)
                hint = "" if shown.startswith("(") else self._targets.names.hint(name)
                reporter.error(
                    f"there is no model, alias or peer's model {shown}{hint}",
                    *place,
                    doubtful=True,
                )
            elif target.is_selector:
                reporter.error(
                    "is a selector; targets are ids, aliases or peers' models", *place
                )
            elif section.strategy == "warm" and target.peer is not None:
                reporter.error(
                    "is a peer's model; the strategy warm only takes models of ours",
                    *place,
                )
            else:
                found.append(target)
        return found

    def _check_spillover(self, at: tuple[str, str], found: list[Target]) -> None:
        reporter = self._reporter
        seen: dict[Target, int] = {}
        for number, target in enumerate(found):
            first = seen.setdefault(target, number)
            if first != number:
                reporter.error(
                    f"is the same model as targets[{first}]; each can be there once",
                    *(*at, "targets", number),
                )
        local = {target.model for target in found if target.model}
        if len(local) > 1 and self._planning.sound and not self._together(local):
            where = (
                "in one set"
                if self._planning.name == "matrix"
                else "members of one group with swap: false"
            )
            reporter.error(
                "the targets of a spillover must be able to run together; make them "
                f"{where}",
                *(*at, "targets"),
            )

    def _together(self, models: set[str]) -> bool:
        planning = self._planning
        if planning.matrix is not None:
            from ..routing.matrix.together import may_run_together

            return may_run_together(planning.matrix.sets, models)
        if planning.name != "group":
            # Another planner knows, and we do not.
            return True
        return any(
            not group.swap and models.issubset(group.members)
            for group in planning.groups.values()
        )
