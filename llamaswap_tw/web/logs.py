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
    One client that follows a log.  It never slows the log.  Where it is too slow its
    place in it jumps ahead, to the oldest that the log still holds, and a line stands
    in place of what it did not get: of a model that has died the last words count.

    :param request: the client's request.
    :param ring: what it follows.
    :param gone: called with this reader when it has ended.
    """

    def __init__(
        self, request: Request, ring: LogRing, gone: Callable[[StreamReader], None]
    ) -> None:
        super().__init__(request, b"text/plain; charset=utf-8", gone)
        self._ring = ring
        #: How much of all that was written it got, or was told to have missed.
        self._place = 0
        self._mid_line = False

    def follow(self, history: bool) -> Deferred[None]:
        """
        Begin the response.

        :param history: whether it starts with what the log still holds.
        :returns: a `Deferred` that fires when the response has ended.
        """

        def first() -> bytes:
            self.unfollow = self._ring.follow(self.write)
            self._place = self._ring.written
            held = self._ring.history() if history else b""
            self._taken(held)
            return held

        return self.start(first)

    def write(self, data: bytes) -> None:
        """
        There is something new.
        """
        if self.paused:
            return
        if self._ring.written - self._place == len(data):
            # Before it is sent: that may pause, or have another one catch up.
            self._place = self._ring.written
            self._taken(data)
            self.send(data)
        else:
            # It was told amid another write, and caught up before.
            self.catch_up()

    def catch_up(self) -> None:
        """
        As `StreamReader.catch_up`: from where it stood, or a line that tells how much
        is missing, and the newest.
        """
        skipped, data = self._ring.since(self._place)
        self._place = self._ring.written
        if skipped:
            before = b"\n" if self._mid_line else b""
            data = before + dropped_marker(skipped) + data
        self._taken(data)
        self.send(data)

    def _taken(self, data: bytes) -> None:
        if data:
            self._mid_line = not data.endswith(b"\n")


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
