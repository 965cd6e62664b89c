"""
Where the connections and their requests come together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.web.server import Site as TwistedSite

from ..errors import RequestError
from ..interfaces import InThread
from .channel import Channel
from .date import DateClock
from .http1 import Http1Request
from .patience import Awaited
from .request import Request

#: How long a connection may be without a request, in seconds: longer than the
#: clients and proxies that would rather close it themselves.
_IDLE_LIMIT = 120.0


class Connection(Protocol):
    """
    One connection of a client, whichever HTTP it speaks.
    """

    def close_when_answered(self) -> None:
        """
        Take no further request; answer those that are here.
        """

    def abort(self) -> None:
        """
        Reset the connection.
        """


class Site(TwistedSite):
    """
    Makes the channels.

    :param clock: for time-outs.
    :param route: is given each request once its body is in; raises a
        `RequestError` or sees to it that it is answered.
    :param in_thread: runs a function in a thread.
    :param max_body: the largest body taken, in bytes.
    :param max_head: the largest head taken, in bytes.
    :param head_timeout: seconds until a head is whole; 0 for any time.
    :param body_timeout: seconds without a byte of a body; 0 for any time.
    :param refusal: says when a head is in why its request is refused, or `None`.
    :ivar channels: the open connections.
    :ivar limits: how long a client is waited for.
    :ivar date: tells the time.
    """

    #: Else Twisted logs, in our name, that it starts and stops this.
    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        route: Callable[[Request], None],
        in_thread: InThread,
        max_body: int,
        max_head: int,
        head_timeout: float = 30.0,
        body_timeout: float = 60.0,
        refusal: Callable[[Request], RequestError | None] = lambda _: None,
    ) -> None:
        reactor: Any = clock
        super().__init__(None, reactor=reactor, parsePOSTFormSubmission=False)
        self.clock = clock
        self.date = DateClock(clock)
        self.route = route
        self.refusal = refusal
        self.in_thread = in_thread
        self.limits: dict[Awaited, float] = {}
        self.reconfigure(max_body, max_head, head_timeout, body_timeout)
        self.channels: set[Connection] = set()
        self._drained: Deferred[None] | None = None

    def reconfigure(
        self, max_body: int, max_head: int, head_timeout: float, body_timeout: float
    ) -> None:
        """
        Other limits hold from now on; as at first.
        """
        self.max_body = max_body
        self.max_head = max_head
        self.limits.update(
            {
                Awaited.REQUEST: _IDLE_LIMIT,
                Awaited.HEAD: head_timeout,
                Awaited.BODY: body_timeout,
            }
        )

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """
        A channel of our own, without the proxy that Twisted puts before it, for
        all of its life, to switch to HTTP/2.
        """
        channel: Any = Channel()
        channel.factory = self
        channel.site = self
        channel.requestFactory = Http1Request
        channel.callLater = self.clock.callLater
        return channel

    def continue_in_http2(self, channel: Channel) -> None:
        """
        Put another channel in the place of one whose client speaks HTTP/2.
        """
        # Imported on first use: most speak HTTP/1.
        from .http2_channel import Http2Channel

        successor = Http2Channel(self)
        self.channels.discard(channel)
        channel.transport.wrappedProtocol = successor
        successor.makeConnection(channel.transport)

    def drain(self) -> Deferred[None]:
        """
        Close idle connections now, and the others once they have been answered.

        :returns: a `Deferred` that fires when none is left.
        """
        self._drained = Deferred()
        for channel in tuple(self.channels):
            channel.close_when_answered()
        self._fire_if_drained()
        return self._drained

    def connection_lost(self, channel: Connection) -> None:
        """
        A connection is gone.
        """
        self.channels.discard(channel)
        self._fire_if_drained()

    def _fire_if_drained(self) -> None:
        drained = self._drained
        if drained is not None and not drained.called and not self.channels:
            drained.callback(None)

    def acceptableProtocols(self) -> list[bytes]:
        """
        What is offered in a TLS handshake, best first.
        """
        return [b"h2", b"http/1.1"]

    def log(self, request: Any) -> None:
        """
        Twisted would write its own access log here.
        """
