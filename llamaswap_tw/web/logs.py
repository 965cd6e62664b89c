"""
The logs as streams.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from ..observe.ring import LogRing
from ..observe.stdout import dropped_marker
from .request import Request
from .streaming import StreamReader


class LogReader(StreamReader):
    """
    One client that follows a log.  It never slows the log: what it cannot take
    is dropped, and a line stands in its place.

    :param request: the client's request.
    :param ring: what it follows.
    :param gone: called with this reader when it has ended.
    """

    def __init__(
        self, request: Request, ring: LogRing, gone: Callable[[StreamReader], None]
    ) -> None:
        super().__init__(request, b"text/plain; charset=utf-8", gone)
        self._ring = ring
        self._mid_line = False

    def follow(self, history: bool) -> Deferred[None]:
        """
        Begin the response.

        :param history: whether it starts with what the log still holds.
        :returns: a `Deferred` that fires when the response has ended.
        """

        def first() -> bytes:
            self.unfollow = self._ring.follow(self.write)
            held = self._ring.history() if history else b""
            self.taken(held)
            return held

        return self.start(first)

    def taken(self, data: bytes) -> None:
        """
        The client gets this.
        """
        if data:
            self._mid_line = not data.endswith(b"\n")

    def in_place_of(self, dropped: int) -> bytes:
        """
        A line of its own.
        """
        before = b"\n" if self._mid_line else b""
        self._mid_line = False
        return before + dropped_marker(dropped)


class LogReaders:
    """
    All the clients that follow a log.
    """

    def __init__(self) -> None:
        self._readers: set[StreamReader] = set()

    def serve(self, request: Request, ring: LogRing, history: bool) -> Deferred[None]:
        """
        Let a client follow a log.

        :param request: the client's request.
        :param ring: what it follows.
        :param history: whether it starts with what the log still holds.
        :returns: a `Deferred` that fires when the response has ended.
        """
        reader = LogReader(request, ring, self._readers.discard)
        self._readers.add(reader)
        return reader.follow(history)

    def end_all(self) -> None:
        """
        End every one of these responses, whole.
        """
        for reader in tuple(self._readers):
            reader.end()
