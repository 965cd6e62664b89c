"""
A planner that keeps the models that were loaded last::

    routing:
      router:
        use: recent
        settings:
          recent: {keep: 3}
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from llamaswap_tw.interfaces import ISwapPlanner, ISwapPlannerFactory


@implementer(ISwapPlanner)
class RecentPlanner:
    """
    Stops those whose load is longest ago, as many as it takes.

    :param keep: how many models may run at once.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        #: The models that were loaded, the last one last.
        self._loaded: list[str] = []

    def evictions_for(self, target: str, running: Collection[str]) -> Sequence[str]:
        """
        What must stop before ``target`` may run.  Asked often, and also about
        swaps that never come: it only looks.
        """
        others = sorted(set(running) - {target}, key=self._age)
        excess = len(others) + 1 - self._keep
        return sorted(others[: max(0, excess)])

    def swap_started(self, target: str, running: Collection[str]) -> None:
        """
        A swap begins: the place to remember, and to log.
        """
        if target in self._loaded:
            self._loaded.remove(target)
        self._loaded.append(target)

    def _age(self, model: str) -> tuple[int, str]:
        loaded = self._loaded.index(model) if model in self._loaded else -1
        return (loaded, model)


@implementer(IPlugin, ISwapPlannerFactory)
class RecentPlannerFactory:
    """
    Makes it out of its settings.
    """

    name = "recent"

    def fromConfig(self, settings: Any, models: Sequence[str]) -> ISwapPlanner:
        """
        Make it.  What is raised here is told to whoever wrote the configuration.
        """
        keep = settings.get("keep") if isinstance(settings, dict) else None
        if not isinstance(keep, int) or keep < 1:
            raise ValueError("keep must be a whole number from 1 on")
        planner: ISwapPlanner = RecentPlanner(keep)
        return planner
