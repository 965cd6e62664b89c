"""
One stream of an HTTP/2 connection: the way to the client of one request, both
ways at the pace of whoever is slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IConsumer, IDelayedCall, IPushProducer
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from zope.interface import implementer

from ..errors import RequestError
from .head import tokens
from .http2 import Fields, Http2Request, response_head, take_head
from .http2_machine import STREAM_WINDOW
from .outflow import Outflow
from .patience import Awaited, Patience
from .refusals import ExpectationFailed, RequestTimeout
from .transport import LAST_READ, LINGER

if TYPE_CHECKING:
    from .http2_channel import Http2Channel

#: It is told that it may send more once this much was taken: not for every frame.
_CREDIT = STREAM_WINDOW // 4

#: How long a client has to read what comes before a reset, in seconds, an error event
#: perhaps: many drop what they have not passed on by then.
_LAST_WORDS = 0.1


@implementer(IConsumer, IPushProducer)
class Stream:
    """
    One stream.  To its request it is what a channel is over HTTP/1.

    As an `IPushProducer` it produces the request's body; as an `IConsumer` it takes
    the response's.

    :param channel: the connection.
    :param stream_id: its number.
    :ivar received: whether all of the request has come.
    :ivar out: the response.
    """

    #: Twisted wants to see one.
    transport = None

    # No other request follows on a stream's one.
    persistent = False

    def __init__(self, channel: Http2Channel, stream_id: int) -> None:
        self.site = channel.site
        self.peer = channel.peer
        self.secure = channel.secure
        self.id = stream_id
        self.received = False
        self._channel = channel
        self._h2 = channel.h2
        self._request = Http2Request(self)
        self.out = Outflow(
            channel, stream_id, self._all_sent, self._all_sent_of_a_cut, self._reset
        )
        self._discarding = False
        self._paused = False
        self._uncredited = 0
        self._patience: Patience | None = None
        self._timer: IDelayedCall | None = None

    # What comes.

    @property
    def body_source(self) -> Stream:
        """
        As `Link.body_source`.
        """
        return self

    def head_received(self, fields: Fields, whole: bool) -> None:
        """
        The head is in.

        :param whole: whether there is no body.
        """
        self.received = whole
        request = self._request
        refusal: RequestError | None
        try:
            length = take_head(request, fields, self.site.max_head)
            refusal = request.head_received(0 if whole else length)
            expected = tokens(request.requestHeaders.getRawHeaders(b"Expect"))
            if expected - {b"100-continue"}:
                refusal = ExpectationFailed()
        except RequestError as e:
            refusal = e
        if refusal is not None:
            self.refuse_rest(request, refusal)
        elif not whole:
            if expected:
                self.out.inform(response_head(100, ()))
            self._patience = Patience(
                self.site.clock, self.site.limits, self._out_of_patience
            )
            self._patience.wait_for(Awaited.BODY)

    def data_received(self, data: bytes, size: int) -> None:
        """
        A piece of the body came.

        :param size: what it takes of the window, in bytes: padding counts.
        """
        if not self._discarding:
            if self._patience is not None and not self._paused:
                self._patience.wait_for(Awaited.BODY)
            self._request.handleContentChunk(data)
        self._uncredited += size
        self._credit()

    def body_received(self) -> None:
        """
        The request is whole.
        """
        self.received = True
        if self._patience is not None:
            self._patience.stop()
        if not self._discarding:
            self._request.requestReceived(b"", b"", b"")
        elif self.out.is_over:
            self._over()

    def _credit(self) -> None:
        if self._paused or self.received or self._uncredited < _CREDIT:
            return
        self._channel.open_window(self._uncredited, self.id)
        self._uncredited = 0

    def _out_of_patience(self, awaited: Awaited) -> None:
        limit = self.site.limits[awaited]
        error = RequestTimeout("body", "server.bodyTimeout", limit)
        self.refuse_rest(self._request, error)

    def refuse_rest(self, request: Http2Request, error: RequestError) -> None:
        """
        Answer before the body is in, and take no more of it: as over HTTP/1 its
        client may go on for a moment, so that it gets to the answer.
        """
        if self._discarding:
            return
        self._discarding = True
        # What waited for the disk waits for nobody now.
        self._paused = False
        if self._patience is not None:
            self._patience.stop()
        if not self.received:
            self._reset_after(LINGER)
        request.refuse(error)
        self._credit()

    def refuse_unless_received(self, error: RequestError) -> None:
        """
        Answer so if the body is still coming.
        """
        if not self.received:
            self.refuse_rest(self._request, error)

    def pauseProducing(self) -> None:
        """
        The body comes too quickly: its client gets no more room.
        """
        self._paused = True
        if self._patience is not None:
            self._patience.awaited = Awaited.NOTHING

    def resumeProducing(self) -> None:
        """
        It may come.
        """
        self._paused = False
        if self._patience is not None and not (self.received or self._discarding):
            self._patience.wait_for(Awaited.BODY)
        self._credit()

    def stopProducing(self) -> None:
        """
        Nobody wants it.
        """
        self._reset(ErrorCodes.CANCEL)

    # Its end.

    def _all_sent(self) -> None:
        if self.received:
            self._over()

    def _all_sent_of_a_cut(self) -> None:
        self._reset_after(_LAST_WORDS)

    def lost(self, reason: Failure) -> None:
        """
        The client is gone, or has reset the stream.
        """
        was_open = self.out.is_open
        self.out.close()
        self._over()
        if was_open:
            self._request.connectionLost(reason)

    def reset_later(self) -> None:
        """
        Reset the stream in a moment, unless it is over by then.
        """
        if not self.out.is_over:
            self._reset_after(LAST_READ)

    def _reset(self, code: ErrorCodes, reason: Failure | None = None) -> None:
        try:
            self._h2.reset_stream(self.id, code)
        except ProtocolError:
            # It is over for h2 already.
            pass
        self.lost(reason or Failure(ConnectionLost("the stream was reset")))
        self._channel.write_out()

    def _reset_after(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self.site.clock.callLater(seconds, self._late)

    def _late(self) -> None:
        # RFC 9113, 8.1: behind a whole response this adds that no more is wanted.
        over = self.out.is_over
        self._reset(ErrorCodes.NO_ERROR if over else ErrorCodes.INTERNAL_ERROR)

    def _over(self) -> None:
        self.received = True
        if self._patience is not None:
            self._patience.stop()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self.out.stop()
        self._channel.forget(self)

    # What Twisted's request calls.

    def writeHeaders(
        self, version: bytes, code: bytes, reason: bytes, headers: Headers
    ) -> None:
        """
        Send the head of a resource's response.
        """
        self.out.begin(
            response_head(
                int(code),
                (
                    (name, value)
                    for name, values in headers.getAllRawHeaders()
                    for value in values
                ),
            )
        )
        self.out.push()

    def write(self, data: bytes) -> None:
        """
        Send a piece of a resource's response.
        """
        self.out.write(data)
        self.out.push()

    def writeSequence(self, pieces: list[bytes]) -> None:
        """
        Send pieces of it.
        """
        self.write(b"".join(pieces))

    def requestDone(self, request: object) -> None:
        """
        The response is whole.
        """
        self.out.finish([])

    def loseConnection(self) -> None:
        """
        The response is not to be taken for a whole one.
        """
        self.out.cut()

    def abortConnection(self) -> None:
        """
        Reset the stream at once.
        """
        self._reset(ErrorCodes.INTERNAL_ERROR)

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """
        As `IConsumer.registerProducer`.
        """
        self.out.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        As `IConsumer.unregisterProducer`.
        """
        self.out.unregisterProducer()

    def getPeer(self) -> Any:
        """
        The client's address.
        """
        return self._channel.transport.getPeer()

    def getHost(self) -> Any:
        """
        Ours.
        """
        return self._channel.transport.getHost()

    def isSecure(self) -> bool:
        """
        Whether the client came over TLS.
        """
        return self.secure
