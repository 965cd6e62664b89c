"""
Which planner is used, and its settings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from .file_schema import File, GroupSection
from .matrix import make_matrix
from .names import Names
from .nodes import MapNode, plain
from .reporter import Reporter
from .schema import GroupSettings, MatrixSettings

#: The planners that we bring along.
PLANNERS = ("group", "matrix")

_SETTINGS: tuple[str, ...] = ("routing", "router", "settings")


class Planning(NamedTuple):
    """
    What decides which models run beside each other.

    :ivar name: the planner's.
    :ivar groups: the settings of the group planner.
    :ivar matrix: the settings of the matrix planner, if it is in use and they are
        of use.
    :ivar settings: those of another planner, as they are.
    :ivar sound: whether nothing was wrong.
    """

    name: str
    groups: Mapping[str, GroupSettings]
    matrix: MatrixSettings | None
    settings: Any
    sound: bool


def make_planner(
    file: File, names: Names, reporter: Reporter, planners: Collection[str]
) -> Planning:
    """
    Find the planner and read its settings.

    :param reporter: takes what is wrong.
    :param planners: the names of those that can be used.
    """
    before = reporter.problems.count
    legacy = _legacy(reporter)
    router = file.routing.router
    name = "matrix" if legacy == "matrix" else router.use
    if name not in planners:
        use = ("matrix",) if legacy else ("routing", "router", "use")
        shown = "matrix" if legacy else reporter.text(*use)
        reporter.error(
            f"there is no planner {shown}; available: {', '.join(planners)}; others "
            "come with the packages that offer them",
            *use,
        )
    at = groups_at = ("groups",) if legacy == "groups" else (*_SETTINGS, "groups")
    sections = file.groups if legacy == "groups" else router.settings.groups
    groups = _groups(sections or {}, groups_at, names, reporter, in_use=name == "group")
    matrix = settings = None
    if name == "matrix":
        at = ("matrix",) if legacy else (*_SETTINGS, "matrix")
        section = file.matrix if legacy else router.settings.matrix
        matrix = make_matrix(section, at, names, reporter)
    elif name != "group":
        settings = plain(reporter.node(*_SETTINGS, name))
    sound = (
        reporter.problems.count == before
        and reporter.is_mapping(*at)
        and all(
            key in groups
            and reporter.length(*groups_at, key, "members")
            == len((sections or {})[key].members)
            for key in reporter.keys(*groups_at)
        )
    )
    return Planning(name, groups, matrix, settings, sound)


def _legacy(reporter: Reporter) -> str:
    """
    Which of the legacy keys is used, if any.
    """
    used = [key for key in ("groups", "matrix") if reporter.given(key)]
    if len(used) > 1:
        reporter.error("groups and matrix cannot both be used; take one", "matrix")
    router = reporter.node("routing", "router")
    if used and isinstance(router, MapNode) and router.entries:
        for key in used:
            reporter.error(
                f"cannot be used together with routing.router; move it to "
                f"routing.router.settings.{key}",
                key,
            )
    return used[0] if used else ""


def _groups(
    sections: Mapping[str, GroupSection],
    keys: tuple[str, ...],
    names: Names,
    reporter: Reporter,
    in_use: bool,
) -> dict[str, GroupSettings]:
    groups: dict[str, GroupSettings] = {}
    #: Each member's group.
    taken: dict[str, str] = {}
    for name, section in sections.items():
        members = []
        for number, member in enumerate(section.members):
            at: tuple[str | int, ...] = (*keys, name, "members", number)
            model_id = names.resolve(member)
            if not in_use:
                continue
            if model_id is None:
                unknown = names.unknown(member, reporter.text(*at))
                reporter.error(unknown, *at, doubtful=True)
            elif model_id != member:
                reporter.warn(
                    "is an alias, and without effect; members are ids of models", *at
                )
            elif member in taken:
                reporter.error(
                    f"the model {reporter.key('models', member)} is a member of "
                    f"the group {taken[member]} already; a model can be in one "
                    "group, once",
                    *at,
                )
            else:
                taken[member] = reporter.key(*keys, name)
                members.append(member)
        groups[name] = GroupSettings(
            section.swap, section.exclusive, section.persistent, tuple(members)
        )
    return groups
