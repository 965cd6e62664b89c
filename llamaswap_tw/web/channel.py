"""
The server's side of a connection: HTTP/1 as Twisted parses it, with what the
daemon decides when a head is in rather than when the body is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IPushProducer,
    ITCPTransport,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.server import Site as TwistedSite

from ..errors import RequestError
from ..proxy.prompt import prompt_writer
from .envelope import phrase, render_error
from .request import Request

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: How long a client may go on sending what nobody reads any more, in seconds,
#: so that it gets to the answer that says so.
_LINGER = 2.0


class HeadTooLarge(RequestError):
    """
    The request line and headers exceed ``server.maxHeaderBytes``.
    """

    status = 431

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the request's head is larger than the {limit} bytes that "
            "server.maxHeaderBytes allows"
        )


class MalformedRequest(RequestError):
    """
    The bytes are not a request of HTTP/1.
    """

    status = 400


class Channel(HTTPChannel):
    """
    One connection of a client.

    :ivar send_now: writes to the transport in this turn of the reactor.
    :ivar peer: the client's address, or ``b""`` where it has none.
    :ivar secure: whether the client came over TLS.
    :ivar body_source: paused while the disk is slower than a client's body.
    """

    requests: list[Request]
    site: Site
    send_now: Callable[[bytes], None]

    #: The same transport that Twisted declares as a bare `ITransport`.
    transport: Any
    _discarding = False
    _lingering: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """
        A client has connected.
        """
        super().connectionMade()
        self.totalHeadersSize = self.MAX_LENGTH = self.site.max_head
        self.send_now = prompt_writer(self.transport)
        self.body_source: IPushProducer = self._networkProducer
        self.secure = self.isSecure()
        # A socket that takes both families shows IPv4 clients as IPv6 ones.
        host: str = getattr(self.transport.getPeer(), "host", "")
        self.peer = host.removeprefix("::ffff:").encode("ascii", "replace")
        self.site.channels.add(self)

    def allHeadersReceived(self) -> None:
        """
        The head is in; the body, where there is one, is not.
        """
        request = self.requests[-1]
        request.method = self._command
        request.uri = self._path
        request.clientproto = self._version
        self.persistent = self.checkPersistence(request, self._version)
        refusal = request.head_received(self.length)
        if refusal is not None:
            self.refuse_rest(request, refusal)
            return
        if self._version == b"HTTP/1.1":
            expected = request.requestHeaders.getRawHeaders(b"Expect")
            if expected and expected[0].lower() == b"100-continue":
                self._send100Continue()

    def refuse_rest(self, request: Request, error: RequestError) -> None:
        """
        Answer before the body is in, and take no more of it.
        """
        self.persistent = False
        self._discarding = True
        self.setTimeout(None)
        request.refuse(error)

    def rawDataReceived(self, data: bytes) -> None:
        """
        A piece of a body came, or of the next request.
        """
        if not self._discarding:
            super().rawDataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """
        A line of a head came.
        """
        if not self._discarding:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """
        A line that is longer than a whole head may be.
        """
        self._refuse_head(HeadTooLarge(self.site.max_head))

    def _respondToBadRequestAndDisconnect(self) -> None:
        if self._receivedHeaderSize > self.totalHeadersSize:
            self._refuse_head(HeadTooLarge(self.totalHeadersSize))
        elif self._receivedHeaderCount > self.maxHeaders:
            self._refuse_head(HeadTooLarge(self.maxHeaders))
        else:
            self._refuse_head(MalformedRequest("this is not a valid HTTP/1 request"))

    def _refuse_head(self, error: RequestError) -> None:
        """
        Answer though there is no whole request to answer to.
        """
        if self._discarding:
            return
        self._discarding = True
        self.persistent = False
        self.setTimeout(None)
        headers, body = render_error(error, None)
        lines = [b"HTTP/1.1 %d %b" % (error.status, phrase(error.status))]
        lines += [b"%b: %b" % pair for pair in headers]
        lines += [b"Content-Length: %d" % len(body), b"Connection: close", b"", body]
        self.transport.write(b"\r\n".join(lines))
        self.loseConnection()

    def loseConnection(self) -> None:
        """
        Close the connection once all is sent.  A client that still sends is
        read for a moment: to close on it at once would reset the connection,
        and could take back the answer that tells it why.
        """
        if not self._discarding or not ITCPTransport.providedBy(self.transport):
            super().loseConnection()
        elif self._lingering is None:
            self.transport.loseWriteConnection()
            self._lingering = self.callLater(_LINGER, super().loseConnection)

    def close_when_answered(self) -> None:
        """
        Take no further request; answer the one that is being handled.
        """
        if self.requests:
            self.persistent = False
        else:
            self.loseConnection()

    def abort(self) -> None:
        """
        Reset the connection.
        """
        self.transport.unregisterProducer()
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is gone, whoever closed it.
        """
        self.site.connection_lost(self)
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        super().connectionLost(reason)


class Site(TwistedSite):
    """
    Makes the channels.

    :param reactor: for time-outs.
    :param route: is given each request once its body is in; raises a
        `RequestError` or sees to it that it is answered.
    :param in_thread: runs a function in a thread.
    :param max_body: the largest body taken, in bytes.
    :param max_head: the largest head taken, in bytes.
    :ivar channels: the open connections.
    """

    def __init__(
        self,
        reactor: ReactorBase,
        route: Callable[[Request], None],
        in_thread: Callable[..., Deferred[Any]],
        max_body: int,
        max_head: int,
    ) -> None:
        super().__init__(None, reactor=reactor, parsePOSTFormSubmission=False)
        self.route = route
        self.in_thread = in_thread
        self.max_body = max_body
        self.max_head = max_head
        self.channels: set[Channel] = set()
        self._drained: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """
        A channel of our own, without the proxy that Twisted puts before it to
        switch to HTTP/2.
        """
        channel: Any = Channel()
        channel.factory = self
        channel.site = self
        channel.requestFactory = Request
        channel.callLater = self.reactor.callLater
        channel.timeOut = self.timeOut
        return channel

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

    def connection_lost(self, channel: Channel) -> None:
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
        What is offered in a TLS handshake.
        """
        return [b"http/1.1"]

    def log(self, request: Any) -> None:
        """
        Twisted would write its own access log here.
        """
