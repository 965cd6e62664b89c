"""
The logs, as a text and as a stream.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from ..observe.ring import LogRing
from ..observe.stdout import dropped_marker
from .request import Request

#: What waits for a reader that is slower than the log, in bytes, beside what
#: its transport holds.
_READER_LIMIT = 64 * 1024


@implementer(IPushProducer)
class LogReader:
    """
    One client that follows a log.  It never slows the log: what it cannot take
    is dropped, and a line stands in its place.

    :param request: the client's request.
    :param ring: what it follows.
    :param gone: called with this reader when it has ended.
    """

    def __init__(
        self, request: Request, ring: LogRing, gone: Callable[[LogReader], None]
    ) -> None:
        self._request = request
        self._ring = ring
        self._gone = gone
        self._paused = False
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._dropped = 0
        self._mid_line = False
        self._unfollow: Callable[[], None] = lambda: None
        self._done: Deferred[None] = Deferred()

    def start(self, history: bool) -> Deferred[None]:
        """
        Begin the response.

        :param history: whether it starts with what the log still holds.
        :returns: a `Deferred` that fires when the response has ended.
        """
        headers = [
            (b"Content-Type", b"text/plain; charset=utf-8"),
            (b"Cache-Control", b"no-cache"),
            (b"X-Accel-Buffering", b"no"),
        ]
        self._request.begin(200, b"OK", headers, None)
        if self._request.method == b"HEAD":
            self._request.end()
            self._gone(self)
            self._done.callback(None)
            return self._done
        self._request.on_gone = self._client_gone
        self._request.registerProducer(self, True)
        self._unfollow = self._ring.follow(self._more)
        held = self._ring.history() if history else b""
        if held:
            self._take(held)
            self._request.send(held)
        self._request.flush()
        return self._done

    def end(self) -> None:
        """
        End the response: the daemon is about to exit, and a reader that has
        stopped to read, in a pager perhaps, must not hold it.
        """
        self._unfollow()
        self._flush_waiting()
        self._request.unregisterProducer()
        self._request.end_soon()
        self._finished()

    def _more(self, data: bytes) -> None:
        if not data:
            # It would be a chunk without a byte, which ends a chunked body.
            return
        if not self._paused:
            self._take(data)
            self._request.send(data)
            self._request.flush()
        elif self._dropped or self._waiting_size + len(data) > _READER_LIMIT:
            self._dropped += len(data)
        else:
            self._take(data)
            self._waiting.append(data)
            self._waiting_size += len(data)

    def _take(self, data: bytes) -> None:
        self._mid_line = not data.endswith(b"\n")

    def _flush_waiting(self) -> None:
        if self._dropped:
            if self._mid_line:
                self._waiting.append(b"\n")
            self._waiting.append(dropped_marker(self._dropped))
            self._mid_line = False
            self._dropped = 0
        if self._waiting:
            self._request.send(b"".join(self._waiting))
            self._request.flush()
            self._waiting.clear()
            self._waiting_size = 0

    def pauseProducing(self) -> None:
        """
        The client is slower than the log.
        """
        self._paused = True

    def resumeProducing(self) -> None:
        """
        The client has caught up.
        """
        self._paused = False
        self._flush_waiting()

    def stopProducing(self) -> None:
        """
        The transport is gone; ``on_gone`` follows.
        """
        self._unfollow()

    def _client_gone(self) -> None:
        self._unfollow()
        self._finished()

    def _finished(self) -> None:
        self._gone(self)
        if not self._done.called:
            self._done.callback(None)


class LogReaders:
    """
    All the clients that follow a log.
    """

    def __init__(self) -> None:
        self._readers: set[LogReader] = set()

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
        return reader.start(history)

    def end_all(self) -> None:
        """
        End every one of these responses, whole.
        """
        for reader in tuple(self._readers):
            reader.end()
