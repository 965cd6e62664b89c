"""
How long a recorded request waited for its model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .inflight import Entry

if TYPE_CHECKING:
    from ..proxy.relay import Lease, Leases


class NotedLeases:
    """
    Where a recorded request's lease comes from; what waiting for it took is noted.

    :param leases: where it does.
    :param entry: the request among those in flight.
    :param seconds: tells the time of a clock, in seconds.
    :param granted: told of each wait that had an end: the model, and seconds.
    :ivar load_time: seconds that the loads took for which it waited.
    """

    __slots__ = (
        "_entry",
        "_granted",
        "_leases",
        "_queued_for",
        "_seconds",
        "_since",
        "load_time",
    )

    def __init__(
        self,
        leases: Leases,
        entry: Entry,
        seconds: Callable[[], float],
        granted: Callable[[str, float], None],
    ) -> None:
        self._leases = leases
        self._entry = entry
        self._seconds = seconds
        self._granted = granted
        self._queued_for: float | None = None
        self._since: float | None = None
        self.load_time = 0.0

    @property
    def queued_for(self) -> float | None:
        """
        Seconds that it has waited, in vain or not; `None` where it was refused at once.
        """
        if self._since is None:
            return self._queued_for
        return (self._queued_for or 0.0) + self._seconds() - self._since

    def acquire(
        self, model_id: str, on_position: Callable[[int], None] | None = None
    ) -> Deferred[Any]:
        """
        As `Leases.acquire`.
        """
        asked = self._leases.acquire(model_id, on_position)
        if asked.called:
            return asked.addCallback(self._got)
        self._entry.waits = asked
        self._since = self._seconds()
        return asked.addCallbacks(self._got, self._got_none)

    def _got(self, lease: Lease) -> Lease:
        self._entry.waits = self._since = None
        # Twice where its model died under it.
        self._queued_for = (self._queued_for or 0.0) + lease.queued_for
        self.load_time += lease.load_time
        self._granted(self._entry.model, lease.queued_for)
        return lease

    def _got_none(self, reason: Failure) -> Failure:
        self._queued_for = self.queued_for
        self._entry.waits = self._since = None
        return reason

    def when_not_ready(self, model_id: str) -> Deferred[None]:
        """
        As `Leases.when_not_ready`.
        """
        return self._leases.when_not_ready(model_id)
