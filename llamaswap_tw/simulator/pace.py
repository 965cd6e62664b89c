"""
One timer for many token streams.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Called when it is due, with the time; returns when it is due again, or `None`.
Due = Callable[[float], "float | None"]


class Pacer:
    """
    Calls things when they are due.  A thousand streams of tokens would else
    each make and drop a delayed call for every token.

    :param clock: tells the time; only one delayed call of it is in use.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Due]] = []
        self._order = count()
        self._wake: IDelayedCall | None = None
        self._running = False

    def at(self, when: float, due: Due) -> None:
        """
        Call ``due`` at that time, and again at each time that it returns.  To
        take it back, let it return `None`.
        """
        heappush(self._heap, (when, next(self._order), due))
        if not self._running and self._heap[0][2] is due:
            self._set()

    def _set(self) -> None:
        if self._wake is not None and self._wake.active():
            self._wake.cancel()
        self._wake = None
        if self._heap:
            wait = max(0.0, self._heap[0][0] - self._clock.seconds())
            self._wake = self._clock.callLater(wait, self._run)

    def _run(self) -> None:
        heap = self._heap
        now = self._clock.seconds()
        self._running = True
        try:
            while heap and heap[0][0] <= now:
                due = heappop(heap)[2]
                again = due(now)
                if again is not None:
                    heappush(heap, (again, next(self._order), due))
        finally:
            self._running = False
            self._set()
