"""
A recorder that writes to no disk.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from llamaswap_tw.activity.captures import Captures
from llamaswap_tw.activity.inflight import InFlight
from llamaswap_tw.activity.recorder import Recorder
from llamaswap_tw.activity.row import Row
from llamaswap_tw.observe.metrics import Metrics
from tests.web.support import in_thread


class FakeStore:
    """
    Remembers the rows.

    :ivar is_full: whether the disk is.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.is_full = False

    def add(self, row: Row) -> Deferred[int | None]:
        self.rows.append(row)
        return succeed(None if self.is_full else len(self.rows))


class Records:
    """
    A recorder and all that it writes to.

    :param clock: measures.
    :param budget: for captures, in bytes.
    :ivar told: the ids of the rows that were told of.
    """

    def __init__(self, clock: IReactorTime, budget: int = 0) -> None:
        self.store = FakeStore()
        self.in_flight = InFlight(clock, lambda: 1_700_000_000.0)
        self.captures = Captures(clock, budget, in_thread)
        self.metrics = Metrics(["m", "llama"], ["/v1/chat/completions"])
        self.told: list[int] = []
        store: Any = self.store
        self.recorder = Recorder(
            clock,
            lambda: 1_700_000_000.0,
            self.in_flight,
            store,
            self.captures,
            self.metrics,
            ["X-Session-ID"],
            self.told.append,
        )

    @property
    def rows(self) -> list[Row]:
        """
        The rows that were kept.
        """
        return self.store.rows
