"""
Free connections to one server, kept for the next request.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from .connection import Connection

#: More free connections than this to one server are closed at once.
_MOST = 256

#: A connection that the server closes within this many seconds is not used: it
#: could close it on the request.
_MARGIN = 1.0


class Pool:
    """
    The connection that was used last is used first, so that the others can
    grow old.

    :param reactor: the clock.
    :param idle_conn: for how many seconds a connection is kept; 0 is for ever.
    """

    def __init__(self, reactor: IReactorTime, idle_conn: float) -> None:
        self._reactor = reactor
        self._idle_conn = idle_conn or float("inf")
        # With the times at which they are too old.
        self._free: dict[Connection, float] = {}
        self._sweep: IDelayedCall | None = None

    def take(self) -> Connection | None:
        """
        A connection that is open as far as one can know, no longer of the pool;
        or `None`.
        """
        free = self._free
        now = self._reactor.seconds()
        while free:
            connection, expires = free.popitem()
            if now < expires and connection.is_open():
                return connection
            connection.abort()
        return None

    def put(self, connection: Connection, limit: float | None) -> None:
        """
        Keep a free connection.

        :param limit: for how many seconds the server says it keeps it.
        """
        keep = self._idle_conn
        if limit is not None:
            keep = min(keep, limit - _MARGIN)
        if keep <= 0 or len(self._free) >= _MOST:
            connection.abort()
            return
        self._free[connection] = self._reactor.seconds() + keep
        if self._sweep is None and keep != float("inf"):
            # One timer for all: to set one for each request costs.
            self._sweep = self._reactor.callLater(keep, self._drop_old)

    def gone(self, connection: Connection) -> None:
        """
        A free connection was lost.
        """
        self._free.pop(connection, None)

    def close(self) -> None:
        """
        Close all that are free.
        """
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        free, self._free = self._free, {}
        for connection in free:
            connection.abort()

    def _drop_old(self) -> None:
        self._sweep = None
        now = self._reactor.seconds()
        for connection, expires in list(self._free.items()):
            if expires <= now:
                del self._free[connection]
                connection.abort()
        first = min(self._free.values(), default=float("inf"))
        if first != float("inf"):
            self._sweep = self._reactor.callLater(first - now, self._drop_old)
