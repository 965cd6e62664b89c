"""
The server's side of a connection: HTTP/1 as Twisted parses it, with what the
daemon decides when a head is in rather than when the body is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    ITCPTransport,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, _IdentityTransferDecoder
from zope.interface import implementer

from ..errors import RequestError, ShuttingDown
from ..proxy.prompt import prompt_writer
from ..proxy.succession import Predecessor
from .envelope import phrase, render_error
from .head import (
    LONGEST_LENGTH,
    LONGEST_NAME,
    Head,
    asks_for_websocket,
    ordinary_head,
    tokens,
)
from .http1 import Http1Request
from .patience import Awaited, BodySource, Patience
from .refusals import (
    ExpectationFailed,
    HeaderNameTooLong,
    HeadTooLarge,
    MalformedRequest,
    RequestTimeout,
    TargetTooLong,
    TooManyHeaders,
)
from .strict import coding_refusal, request_line
from .transport import LAST_READ, LINGER, beneath, peer_of

if TYPE_CHECKING:
    from .site import Site


_BARE_LF = "a line must end with CR and LF"

#: What most clients say of their connection, where they say anything.
_KEEP_ALIVE = [b"keep-alive"]

#: What a client's first message begins with in TLS.
_TLS_HANDSHAKE = b"\x16"


@implementer(IHandshakeListener)
class Channel(Predecessor, HTTPChannel):
    """
    One connection of a client over HTTP/1, and over TLS any before its client has
    said what it speaks.

    :ivar send_now: writes to the transport in this turn of the reactor.
    :ivar peer: the client's address, or ``b""`` where it has none.
    :ivar secure: whether the client came over TLS.
    :ivar body_source: paused while the disk is slower than a client's body.
    """

    requests: list[Http1Request]
    site: Site
    send_now: Callable[[bytes], None]

    #: The same transport that Twisted declares as a bare `ITransport`.
    transport: Any
    _discarding = False
    _lingering: IDelayedCall | None = None
    _close_successor: Callable[[], None] | None = None

    persistent: bool = True

    # Twisted's own time-out costs each request two timers.
    timeOut: int | None = None

    #: As much is read ahead of requests that wait behind another, in bytes.
    _optimisticEagerReadSize = 256 * 1024

    def connectionMade(self) -> None:
        """
        A client has connected.
        """
        super().connectionMade()
        self.totalHeadersSize = self.MAX_LENGTH = self.site.max_head
        self.send_now = prompt_writer(self.transport)
        self._patience = Patience(
            self.site.clock, self.site.limits, self._out_of_patience
        )
        self._patience.wait_for(Awaited.REQUEST)
        self.body_source = BodySource(
            self._networkProducer, self._patience, self._await_rest
        )
        self.secure: bool = self.isSecure()
        self.peer = peer_of(self.transport)
        self.site.channels.add(self)

    def handshakeCompleted(self) -> None:
        """
        A client over TLS has said what it speaks.
        """
        if self.transport.negotiatedProtocol == b"h2":
            self._patience.stop()
            self.transport.unregisterProducer()
            self.site.continue_in_http2(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Something came.
        """
        if not (
            self.requests
            or self._buffer
            or self._receivedHeaderSize
            or self._discarding
            or self._busyReceiving
        ):
            head = ordinary_head(data, self.totalHeadersSize, self.maxHeaders)
            if head is not None and self.persistent:
                self._take(head, data)
                return
            if data[:1] == _TLS_HANDSHAKE:
                self._refuse_head(
                    MalformedRequest("this port speaks HTTP; https:// is another one")
                )
                return
        super().dataReceived(data)
        self._await_rest()

    def _take(self, head: Head, data: bytes) -> None:
        """
        What `HTTPChannel.lineReceived` does, line by line, for a head.
        """
        self._command, self._path, self._version, headers, length, end = head
        request = Http1Request(self)
        # Each was checked as `Headers` would.
        request.requestHeaders._rawHeaders = headers
        self.requests.append(request)
        self.length = length
        self.allHeadersReceived()
        if self._discarding:
            self.setRawMode()
        elif len(data) - end == length:
            if length:
                request.handleContentChunk(data[end:])
            self.allContentReceived()
        else:
            self._transferDecoder = _IdentityTransferDecoder(
                length, request.handleContentChunk, self._finishRequestBody
            )
            self.setRawMode()
            if len(data) > end:
                self.rawDataReceived(data[end:])
            self._await_rest()

    def _await_rest(self) -> None:
        if self._handlingRequest or self._discarding or self._busyReceiving:
            return
        patience = self._patience
        if not self.line_mode:
            if not self.body_source.paused:
                patience.wait_for(Awaited.BODY)
        elif b"\n" in self._buffer:
            # All whole lines are taken: this one would be waited for.
            self._refuse_head(MalformedRequest(_BARE_LF))
        elif (
            self._buffer or self._receivedHeaderSize
        ) and patience.awaited is not Awaited.HEAD:
            patience.wait_for(Awaited.HEAD)

    def _out_of_patience(self, awaited: Awaited) -> None:
        if awaited is Awaited.HEAD:
            limit = self.site.limits[awaited]
            self._refuse_head(RequestTimeout("head", "server.headTimeout", limit))
        elif awaited is Awaited.BODY:
            limit = self.site.limits[awaited]
            error = RequestTimeout("body", "server.bodyTimeout", limit)
            self.refuse_rest(self.requests[-1], error)
        elif self._waitingForTransport:
            # It still reads its last answer, slowly.
            self._patience.wait_for(Awaited.REQUEST)
        else:
            self._abortingCall = self.callLater(
                self.abortTimeout, self.forceAbortClient
            )
            self.loseConnection()

    def allContentReceived(self) -> None:
        """
        A request is whole.
        """
        if self._discarding:
            # It was refused while its end was already here.
            return
        self._patience.awaited = Awaited.NOTHING
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        """
        A request is answered.
        """
        self._patience.wait_for(Awaited.REQUEST)
        super().requestDone(request)

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        """
        Whether the connection may take another request after this one.
        """
        values = request.requestHeaders._rawHeaders.get(b"Connection")
        if version == b"HTTP/1.1":
            return (
                values is None
                or values == _KEEP_ALIVE
                or b"close" not in tokens(values)
            )
        return b"keep-alive" in tokens(values)

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:
        if header == b"Content-Length" and len(data) > LONGEST_LENGTH:
            if data.isdigit():
                # Python refuses to read a number of thousands of digits; this one is
                # refused too.
                data = b"9" * LONGEST_LENGTH
        elif header == b"Transfer-Encoding":
            refusal = coding_refusal(data, self._version)
            if refusal is not None:
                self._refuse_head(refusal)
                self.length = None
                return False
        chosen: bool = super()._maybeChooseTransferDecoder(header, data)
        return chosen

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
            expected = tokens(request.requestHeaders.getRawHeaders(b"Expect"))
            if expected - {b"100-continue"}:
                self.refuse_rest(request, ExpectationFailed())
            elif expected and self.length != 0:
                self._send100Continue()

    def refuse_rest(self, request: Http1Request, error: RequestError) -> None:
        """
        Answer before the body is in, and take no more of it.
        """
        self.persistent = False
        self._discarding = True
        request.refuse(error)

    def rawDataReceived(self, data: bytes) -> None:
        """
        A piece of a body came, or of the next request.
        """
        if self._successor is not None:
            self._successor.dataReceived(data)
        elif self._discarding:
            return
        elif self._handlingRequest and self._is_too_much_ahead(data):
            # To read no more would hide that this client leaves: the end of what it
            # sends comes last.  It can send again what is not answered.
            self.persistent = False
            self._discarding = True
            self._dataBuffer.clear()
        else:
            super().rawDataReceived(data)

    def _is_too_much_ahead(self, data: bytes) -> bool:
        ahead = sum(map(len, self._dataBuffer)) + len(data)
        # What comes behind the request for a tunnel is no request, and will be taken.
        return ahead > self._optimisticEagerReadSize and not asks_for_websocket(
            self.requests[0]
        )

    def lineReceived(self, line: bytes) -> None:
        """
        A line of a head came.
        """
        if self._discarding:
            return
        if b"\n" in line:
            self._refuse_head(MalformedRequest(_BARE_LF))
            return
        if self._receivedHeaderSize:
            if line[:1] in (b" ", b"\t"):
                # RFC 9112, 5.2.
                self._refuse_head(
                    MalformedRequest("a header must not go on in another line")
                )
                return
            if len(line) > LONGEST_NAME and b":" not in line[: LONGEST_NAME + 1]:
                self._refuse_head(HeaderNameTooLong(LONGEST_NAME))
                return
        elif line:
            try:
                line = request_line(line)
            except RequestError as e:
                self._refuse_head(e)
                return
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """
        A line that is longer than a whole head may be.
        """
        limit = self.totalHeadersSize
        first = not self._receivedHeaderSize
        self._refuse_head(TargetTooLong(limit) if first else HeadTooLarge(limit))

    def _respondToBadRequestAndDisconnect(self) -> None:
        if self._receivedHeaderSize > self.totalHeadersSize:
            self._refuse_head(HeadTooLarge(self.totalHeadersSize))
        elif self._receivedHeaderCount > self.maxHeaders:
            self._refuse_head(TooManyHeaders(self.maxHeaders))
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
        self._patience.awaited = Awaited.NOTHING
        headers, body = render_error(error, None)
        lines = [b"HTTP/1.1 %d %b" % (error.status, phrase(error.status))]
        lines += [b"%b: %b" % pair for pair in headers]
        lines.append(b"Date: " + self.site.date.value())
        lines += [b"Content-Length: %d" % len(body), b"Connection: close", b"", body]
        self.transport.write(b"\r\n".join(lines))
        # As long as its end is not here the channel knows what the head began with.
        command = getattr(self, "_command", None)
        if command is not None:
            self.requests[-1].refused_unread(
                command, self._path, self._version, error.status, len(body)
            )
        self.loseConnection()

    def loseConnection(self) -> None:
        """
        Close the connection once all is sent.  A client that still sends is
        read for a moment: to close on it at once would reset the connection,
        and could take back the answer that tells it why.
        """
        if self._lingering is not None:
            return
        close = super().loseConnection
        if self.secure and beneath(self.transport) is not self.transport:
            # TLS says that nothing follows.
            close()
            close = beneath(self.transport).loseConnection
        elif self._discarding and ITCPTransport.providedBy(self.transport):
            self.transport.loseWriteConnection()
        else:
            close()
            return
        if self._discarding:
            self._lingering = self.callLater(LINGER, close)
        else:
            close()

    def switch(self, successor: object, close: Callable[[], None] | None) -> bytes:
        """
        Give the connection away: the request that is handled was answered with 101.

        :param successor: an `IHalfCloseableProtocol`.
        :param close: called where the daemon is about to exit, or `None`.
        :returns: what the client has sent behind its request.
        """
        self._close_successor = close
        self.transport.unregisterProducer()
        early, self._dataBuffer = self._dataBuffer, []
        self._hand_over(successor)
        # It may have been sending more than is read ahead.
        self._networkProducer.resumeProducing()
        return b"".join(early)

    def close_when_answered(self) -> None:
        """
        Take no further request; answer the one that is being handled.  One whose
        body is still coming is refused: no model would take it any more.
        """
        if self._close_successor is not None:
            self._close_successor()
        elif not self.requests:
            self.loseConnection()
        elif self._handlingRequest or self._discarding:
            self.persistent = False
        else:
            self.refuse_rest(self.requests[-1], ShuttingDown())

    def abort_later(self) -> None:
        """
        Reset the connection in a moment, unless it is gone by then: what its
        client has not read may never be read.
        """
        if self._abortingCall is None:
            self._abortingCall = self.callLater(LAST_READ, self.forceAbortClient)

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
        self._patience.stop()
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        if self._successor is not None:
            self._successor.connectionLost(reason)
        super().connectionLost(reason)
