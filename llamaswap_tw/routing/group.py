"""
Which models stop for which: by groups.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from zope.interface import implementer

from ..interfaces import ISwapPlanner


@dataclass(frozen=True)
class Group:
    """
    Models that share a rule.

    :ivar swap: whether one of them stops the others.
    :ivar exclusive: whether one of them stops the models of other groups.
    :ivar persistent: whether they stay when a model of another group wants
        them stopped.
    :ivar members: the models' ids.
    """

    swap: bool = True
    exclusive: bool = True
    persistent: bool = False
    members: tuple[str, ...] = ()


@implementer(ISwapPlanner)
class GroupPlanner:
    """
    Plans by groups.

    :param groups: id → group.
    :param models: the ids of all models; those in no group form one that swaps
        and is exclusive.
    :raises ValueError: if a model is a member twice.
    """

    def __init__(self, groups: Mapping[str, Group], models: Iterable[str]) -> None:
        self._group_of: dict[str, Group] = {}
        for name, group in groups.items():
            for member in group.members:
                if member in self._group_of:
                    raise ValueError(
                        f"group {name!r}: model {member!r} is already a member of a "
                        "group; a model can be in one group, once"
                    )
                self._group_of[member] = group
        rest = Group(members=tuple(m for m in models if m not in self._group_of))
        for member in rest.members:
            self._group_of[member] = rest

    def evictions_for(self, target: str, running: Collection[str]) -> Sequence[str]:
        """
        What must stop before ``target`` may run.
        """
        if len(running) <= 1 and target in running:
            return ()
        own = self._group_of[target]
        stopped = []
        for model in running:
            if model == target:
                continue
            other = self._group_of.get(model)
            if other is own:
                stops = own.swap
            else:
                # A model that the configuration no longer has makes way for any
                # other, but need not for one that runs beside it already.
                stops = (
                    target not in running
                    if other is None
                    else (own.exclusive and not other.persistent)
                )
            if stops:
                stopped.append(model)
        stopped.sort()
        return stopped

    def swap_started(self, target: str, running: Collection[str]) -> None:
        """
        Groups explain themselves: there is nothing to log.
        """
