"""
Responses that have no end of their own, and must never slow what they tell of.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from .request import Request


@implementer(IPushProducer)
class StreamReader:
    """
    One client that follows something.  What it cannot take is dropped, and something
    else stands in its place; what a subclass makes of that is up to it.

    :param request: the client's request.
    :param content_type: of the response.
    :param gone: called with this reader when it has ended.
    :cvar limit: what waits for a reader that is slower than what it follows, in bytes,
        beside what its transport holds.
    """

    limit = 64 * 1024

    def __init__(
        self,
        request: Request,
        content_type: bytes,
        gone: Callable[[StreamReader], None],
    ) -> None:
        self._request = request
        self._content_type = content_type
        self._gone = gone
        self._paused = False
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._dropped = 0
        self._done: Deferred[None] = Deferred()
        #: Called when there is nobody any more to follow for.
        self.unfollow: Callable[[], None] = lambda: None

    def start(self, first: Callable[[], bytes]) -> Deferred[None]:
        """
        Begin the response.

        :param first: begins to follow, and returns what the client gets first.
        :returns: a `Deferred` that fires when the response has ended.
        """
        headers = [
            (b"Content-Type", self._content_type),
            (b"Cache-Control", b"no-cache"),
            (b"X-Accel-Buffering", b"no"),
        ]
        self._request.begin(200, b"OK", headers, None)
        if self._request.method == b"HEAD":
            self._request.end()
            self._finished()
            return self._done
        self._request.on_gone = self._client_gone
        self._request.registerProducer(self, True)
        held = first()
        if held:
            self._request.send(held)
        self._request.flush()
        return self._done

    def write(self, data: bytes) -> None:
        """
        There is something new.
        """
        if not data:
            # It would be a chunk without a byte, which ends a chunked body.
            return
        if not self._paused:
            self.taken(data)
            self._request.send(data)
            self._request.flush()
        elif self._dropped or self._waiting_size + len(data) > self.limit:
            self._dropped += len(data)
        else:
            self.taken(data)
            self._waiting.append(data)
            self._waiting_size += len(data)

    def taken(self, data: bytes) -> None:
        """
        The client gets this: for a subclass that needs to know what came last.
        """

    def in_place_of(self, dropped: int) -> bytes:
        """
        What the client gets in place of what was dropped.

        :param dropped: how many bytes those are.
        """
        raise NotImplementedError

    def end(self) -> None:
        """
        End the response: the daemon is about to exit, and a reader that has
        stopped to read, in a pager perhaps, must not hold it.
        """
        self.unfollow()
        self._flush_waiting()
        self._request.unregisterProducer()
        self._request.end_soon()
        self._finished()

    def _flush_waiting(self) -> None:
        if self._dropped:
            self._waiting.append(self.in_place_of(self._dropped))
            self._dropped = 0
        if self._waiting:
            self._request.send(b"".join(self._waiting))
            self._request.flush()
            self._waiting.clear()
            self._waiting_size = 0

    def pauseProducing(self) -> None:
        """
        The client is slower than what it follows.
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
        self.unfollow()

    def _client_gone(self) -> None:
        self.unfollow()
        self._finished()

    def _finished(self) -> None:
        self._gone(self)
        if not self._done.called:
            self._done.callback(None)
