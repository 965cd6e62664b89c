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
    One client that follows something.  While it cannot take more it gets nothing, and
    nothing but a little is held for it; once it can it gets what it has missed, as far
    as that is to be had: what that is, is up to a subclass.

    :param request: the client's request.
    :param content_type: of the response.
    :param gone: called with this reader when it has ended.
    :ivar paused: whether the client is slower than what it follows.
    """

    def __init__(
        self,
        request: Request,
        content_type: bytes,
        gone: Callable[[StreamReader], None],
    ) -> None:
        self._request = request
        self._content_type = content_type
        self._gone = gone
        self.paused = False
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

    def send(self, data: bytes) -> None:
        """
        The client gets this, whether it is slow or not.
        """
        # Without a byte it would be a chunk that ends a chunked body.
        if data:
            self._request.send(data)
            self._request.flush()

    def catch_up(self) -> None:
        """
        Send what the client has missed.
        """
        raise NotImplementedError

    def end(self) -> None:
        """
        End the response: the daemon is about to exit, and a reader that has
        stopped to read, in a pager perhaps, must not hold it.
        """
        self.unfollow()
        self.catch_up()
        self._request.unregisterProducer()
        self._request.end_soon()
        self._finished()

    def pauseProducing(self) -> None:
        """
        The client is slower than what it follows.
        """
        self.paused = True

    def resumeProducing(self) -> None:
        """
        The client has caught up.
        """
        self.paused = False
        self.catch_up()

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
