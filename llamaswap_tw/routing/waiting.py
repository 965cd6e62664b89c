"""
Tickets that wait: in what order, and until when.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from heapq import heappop, heappush
from math import inf

from ..interfaces import Ticket


class Place(Enum):
    """
    Where a ticket waits.
    """

    QUEUED = "in the queue"
    JOINED = "for a swap that is under way"
    ENDED = "nowhere: it is served, refused or cancelled"


@dataclass(eq=False, slots=True)
class Waiter:
    """
    A ticket that waits.

    :ivar ticket: the ticket.
    :ivar order: counts up with each arrival.
    :ivar priority: higher goes first.
    :ivar overdue_at: when it has waited too long to give way to anybody.
    :ivar refused_at: when it has waited as long as it may.
    :ivar overdue: whether the first of these times has come.
    :ivar place: where it waits.
    :ivar position: the position that was told last.
    """

    ticket: Ticket
    order: int
    priority: int = 0
    overdue_at: float = inf
    refused_at: float = inf
    overdue: bool = False
    place: Place = Place.QUEUED
    position: int | None = None

    def rank(self) -> tuple[int, int, int]:
        """
        What waiters are sorted by: whoever is overdue, by arrival; then by
        priority, then by arrival.
        """
        if self.overdue:
            return (0, 0, self.order)
        return (1, -self.priority, self.order)


class Queue:
    """
    The waiters that are in no swap, by rank.
    """

    def __init__(self) -> None:
        self._waiters: list[Waiter] = []
        #: How many of them there are for each model.
        self._models: Counter[str] = Counter()
        #: How many of them want to know their positions.
        self._curious = 0

    def __len__(self) -> int:
        return len(self._waiters)

    def __iter__(self) -> Iterator[Waiter]:
        return iter(self._waiters)

    def wants(self, model: str) -> bool:
        """
        Whether somebody queues for ``model``.
        """
        return self._models[model] > 0

    def add(self, waiter: Waiter) -> None:
        """
        Put a waiter in its place.
        """
        waiter.place = Place.QUEUED
        insort(self._waiters, waiter, key=Waiter.rank)
        self._models[waiter.ticket.model] += 1
        self._curious += waiter.ticket.wants_position

    def sort(self) -> None:
        """
        Ranks have changed.
        """
        self._waiters.sort(key=Waiter.rank)

    def settle(self) -> None:
        """
        Let go of those whose place is no longer here.
        """
        still: list[Waiter] = []
        for waiter in self._waiters:
            if waiter.place is Place.QUEUED:
                still.append(waiter)
            else:
                self._models[waiter.ticket.model] -= 1
                self._curious -= waiter.ticket.wants_position
        self._waiters = still

    def positions(self) -> Iterable[tuple[int, Waiter]]:
        """
        Who stands where, from 1 on, as long as anybody wants to know.
        """
        return enumerate(self._waiters, 1) if self._curious else ()


class Deadlines:
    """
    When the patience of each waiter runs out.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Waiter]] = []

    def add(self, waiter: Waiter) -> None:
        """
        Mind a waiter's times.
        """
        # A set: two entries that were alike would be compared by the waiter.
        for time in {waiter.overdue_at, waiter.refused_at} - {inf}:
            heappush(self._heap, (time, waiter.order, waiter))

    def next(self) -> float | None:
        """
        The earliest time of anybody who still waits.
        """
        heap = self._heap
        while heap and heap[0][2].place is Place.ENDED:
            heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now: float) -> list[Waiter]:
        """
        Take out whose time has come.

        :returns: those who still wait, each once.
        """
        waiters: dict[Waiter, None] = {}
        while self._heap and self._heap[0][0] <= now:
            waiter = heappop(self._heap)[2]
            if waiter.place is not Place.ENDED:
                waiters[waiter] = None
        return list(waiters)
