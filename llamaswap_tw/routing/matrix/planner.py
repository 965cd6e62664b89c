"""
Which models stop for which: by sets of models that may run together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from zope.interface import implementer

from ...interfaces import ISwapPlanner
from .link import LinkedSet
from .solver import Choice, Solver


@implementer(ISwapPlanner)
class MatrixPlanner:
    """
    Plans by sets: a set allows its models, and any of them without the others, to
    run together.

    :param sets: in the order that decides ties; each after those that it refers to.
    :param costs: by model, what it costs to stop it, from 1 on; 1 where there is
        none.
    :param log: takes a line for people.
    :raises ValueError: where a set is nested too deep.
    """

    def __init__(
        self,
        sets: Sequence[LinkedSet],
        costs: Mapping[str, int],
        log: Callable[[str], None],
    ) -> None:
        self._solver = Solver(sets, costs)
        self._log = log

    def evictions_for(self, target: str, running: Collection[str]) -> Sequence[str]:
        """
        What must stop before ``target`` may run.
        """
        # What runs may run beside all else that does.
        if not running or target in running:
            return ()
        return self._solver.choose(target, running).stopped

    def swap_started(self, target: str, running: Collection[str]) -> None:
        """
        Say which set was chosen, and what that costs.
        """
        if target in running:
            # It is about to stop, and comes up again where it was.
            choice = Choice(None, (), 0)
            reason = "it has not stopped yet"
        else:
            choice = self._solver.choose(target, running)
            chosen = choice.chosen
            reason = (
                "in no set, runs alone"
                if chosen is None
                else f"set {chosen.name!r} ({chosen.text})"
            )
        stops = ", ".join(choice.stopped) or "nothing"
        self._log(f"swap to {target}: {reason}; stops {stops}; cost {choice.cost}")
