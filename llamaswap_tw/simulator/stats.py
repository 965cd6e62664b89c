"""
What the simulator counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .exchange import Outcome


@dataclass(slots=True)
class Stats:
    """
    Counts of requests; those for health, listings and these counts are left out.

    :param now: tells the time, in seconds since 1970.
    :ivar begun: requests that came.
    :ivar in_flight: those of them that have not ended.
    :ivar ended: how many ended in which way.
    :ivar last_cancelled: when a client last left before the end.
    """

    now: Callable[[], float]
    begun: int = 0
    in_flight: int = 0
    ended: dict[Outcome, int] = field(default_factory=dict)
    last_cancelled: float | None = None

    def began(self) -> None:
        """
        A request came.
        """
        self.begun += 1
        self.in_flight += 1

    def finished(self, outcome: Outcome) -> None:
        """
        That request ended.
        """
        self.in_flight -= 1
        self.ended[outcome] = self.ended.get(outcome, 0) + 1
        if outcome is Outcome.CANCELLED:
            self.last_cancelled = self.now()

    def as_json(self) -> dict[str, Any]:
        """
        All of it, for ``/simulator/stats``.
        """
        return {
            "begun": self.begun,
            "whole": self.ended.get(Outcome.WHOLE, 0),
            "cut": self.ended.get(Outcome.CUT, 0),
            "cancelled": self.ended.get(Outcome.CANCELLED, 0),
            "last_cancelled": self.last_cancelled,
            "in_flight": self.in_flight,
        }
