"""
A response as it comes from a model's server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from zope.interface import implementer

from .headers import RawHeaders

if TYPE_CHECKING:
    from .connection import Connection

#: Made once: a `Failure` costs more than the rest of a small response's end.
WHOLE = Failure(ResponseDone())
WHOLE_AS_FAR_AS_KNOWN = Failure(PotentialDataLoss())


@implementer(IPushProducer)
class UpstreamResponse:
    """
    One response.  It is the transport of the protocol that its body is
    delivered to: a producer that can be paused, and aborted.  After an abort
    the protocol hears nothing more, not even of its end.

    A protocol with a method ``data_delivered()`` is told when all that came in
    one piece from the network was delivered, a head alone too, unless the end
    follows at once.

    :param code: the HTTP status.
    :param phrase: the reason phrase as it came.
    :param raw_headers: in the order and case in which they came.
    :param length: what ``Content-Length`` says, or `None`.
    :ivar trailers: known once the body is whole.
    """

    __slots__ = (
        "_connection",
        "_delivered",
        "_end",
        "_held",
        "_paused",
        "_protocol",
        "code",
        "length",
        "phrase",
        "raw_headers",
        "trailers",
    )

    def __init__(
        self,
        connection: Connection,
        code: int,
        phrase: bytes,
        raw_headers: RawHeaders,
        length: int | None,
    ) -> None:
        self.code = code
        self.phrase = phrase
        self.raw_headers = raw_headers
        self.length = length
        self.trailers: RawHeaders = []
        self._connection: Connection | None = connection
        self._protocol: Any = None
        self._delivered: Any = None
        self._paused = False
        # What came while nobody took it: at most what the transport had read
        # when it was paused.
        self._held = b""
        self._end: Failure | None = None

    @property
    def complete(self) -> bool:
        """
        Whether no more will come, though what came may not have been delivered.
        """
        return self._end is not None

    # Towards the protocol.

    def deliverBody(self, protocol: Any) -> None:
        """
        Deliver the body to an `IProtocol`.  Its end is told with `ResponseDone`, with
        `PotentialDataLoss` where the end of the connection was the end of the
        body, or with an `UpstreamFailure` where the body is cut short.
        """
        self._protocol = protocol
        protocol.makeConnection(self)
        self._delivered = getattr(protocol, "data_delivered", None)
        if self._paused or self._protocol is None:
            return
        if self._connection is not None:
            self._connection.resume()
        self._catch_up()

    def begun(self) -> None:
        """
        The head came alone: a body may be long in coming, and whoever waits for
        the head has a timeout.
        """
        if self._delivered is not None and not self._paused:
            self._delivered()

    def received(self, data: bytes, last: bool) -> None:
        """
        A piece of the body came.

        :param last: whether the end of the body came with it.
        """
        protocol = self._protocol
        if protocol is None or self._paused or self._held:
            self._held += data
            if protocol is None and not last and self._connection is not None:
                self._connection.pause()
            return
        protocol.dataReceived(data)
        if not last:
            delivered = self._delivered
            if delivered is not None:
                delivered()

    def ended(self, reason: Failure, trailers: RawHeaders) -> None:
        """
        The body is whole, or will never be; the connection is no longer ours.
        """
        self._connection = None
        self._end = reason
        self.trailers = trailers
        protocol = self._protocol
        if protocol is not None and not self._held and not self._paused:
            self._let_go()
            protocol.connectionLost(reason)

    def _catch_up(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._protocol.dataReceived(held)
            if self._end is None and self._delivered is not None:
                self._delivered()
        protocol = self._protocol
        if self._end is not None and protocol is not None and not self._paused:
            self._let_go()
            protocol.connectionLost(self._end)

    def _let_go(self) -> None:
        # It may hold this as its transport.
        self._protocol = None
        self._delivered = None

    def hand_over(self, successor: Any) -> bytes:
        """
        The server has switched protocols (101): the connection is another's.

        :param successor: an `IHalfCloseableProtocol`.
        :returns: what the server has sent already in the new protocol.
        """
        connection, self._connection = self._connection, None
        assert connection is not None
        connection.hand_over(successor)
        held, self._held = self._held, b""
        return held

    # As a transport.

    def pauseProducing(self) -> None:
        """
        Deliver nothing for now, and read nothing from upstream.
        """
        self._paused = True
        if self._connection is not None:
            self._connection.pause()

    def resumeProducing(self) -> None:
        """
        Go on.
        """
        if not self._paused:
            return
        self._paused = False
        if self._protocol is None:
            return
        if self._connection is not None:
            self._connection.resume()
        self._catch_up()

    def abort(self) -> None:
        """
        Close the connection now: nobody wants the rest.
        """
        self._let_go()
        self._held = b""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()

    def stopProducing(self) -> None:
        """
        As `abort`.
        """
        self.abort()

    def loseConnection(self) -> None:
        """
        As `abort`.
        """
        self.abort()

    def abortConnection(self) -> None:
        """
        As `abort`.
        """
        self.abort()
