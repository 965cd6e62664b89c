"""
WebSockets, and whatever else a client and a model switch to: once the model has
answered 101, bytes go both ways and nobody looks into them.

Sources: RFC 9110, 7.8 for the switch; RFC 6455, 4.1 for what asks for a WebSocket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import RequestError
from ..interfaces import ISwitchingDownstream
from .headers import RawHeaders, response_headers
from .keepalive import keep_alive
from .prompt import prompt_writer
from .relay import Leases, Relay
from .response import UpstreamResponse

#: How long a tunnel of which one direction has ended may be silent in the other,
#: in seconds: whoever holds that one may have forgotten it.
HALF_LIMIT = 60.0

#: Seconds between the kernel's signs of life on a client's silent connection: a
#: laptop that was shut would hold its model for ever.
_KEEP_ALIVE = 60


@implementer(IHalfCloseableProtocol, IPushProducer)
class TunnelEnd:
    """
    One of a tunnel's two ends: the protocol of its connection, and the producer of
    what the other end sends.

    :param tunnel: told of what happens.
    :ivar reading: whether more may come.
    :ivar writing: whether more may be sent.
    :ivar lost: whether the connection is gone.
    """

    transport: Any
    other: TunnelEnd

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel
        self.reading = True
        self.writing = True
        self.lost = False
        self._fed = False

    def makeConnection(self, transport: Any) -> None:
        """
        The connection is this end's now.
        """
        self.transport = transport
        self._write = prompt_writer(transport)
        # TLS has no half a close, though its transport says it does.
        self._halves = IHalfCloseableDescriptor.providedBy(
            transport
        ) and not isinstance(transport, ProtocolWrapper)

    # What comes.

    def dataReceived(self, data: bytes) -> None:
        """
        A piece came: it goes out at the other end.
        """
        self.other.send(data)
        self._tunnel.moved()

    def readConnectionLost(self) -> None:
        """
        No more will come.
        """
        self.reading = False
        self.other.finish()
        if not self.writing:
            self.transport.loseConnection()
        self._tunnel.half_closed()

    def writeConnectionLost(self) -> None:
        """
        All was sent, and its end.
        """
        self.writing = False
        if not self.reading:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is gone, whoever closed it.
        """
        self.lost = True
        self._tunnel.end_lost(self, reason)

    # What goes out.

    def feed(self) -> None:
        """
        From now on what comes at the other end goes out here.
        """
        self._fed = True
        self.transport.registerProducer(self.other, True)

    def _unfeed(self) -> None:
        if self._fed:
            self._fed = False
            self.transport.unregisterProducer()

    def send(self, data: bytes) -> None:
        """
        Send a piece; what is not taken at once is buffered, and past the
        transport's limit the other end is paused.
        """
        self._write(data)

    def finish(self) -> None:
        """
        No more will be sent.
        """
        if self.lost:
            return
        if self._halves:
            self._unfeed()
            self.transport.loseWriteConnection()
        else:
            self.close()

    def close(self) -> None:
        """
        Close the connection once all is sent.
        """
        if not self.lost:
            # A transport whose producer is paused waits for more of it.
            self._unfeed()
            self.transport.loseConnection()

    def abort(self) -> None:
        """
        Reset the connection.
        """
        if not self.lost:
            self._unfeed()
            self.transport.abortConnection()

    # As the producer of what the other end sends.

    def pauseProducing(self) -> None:
        """
        Read no more for now.
        """
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Read on.
        """
        # One that has ended would be told of its end again.
        if self.reading and not self.lost:
            self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """
        The other end is gone, which it tells by itself.
        """


class Tunnel:
    """
    Two connections that are one.

    :param clock: for what is silent too long.
    :param over: called once when the model's connection is closed.
    :ivar client: the client's end.
    :ivar model: the model's end.
    """

    def __init__(self, clock: IReactorTime, over: Callable[[], None]) -> None:
        self._clock = clock
        self._over = over
        self._timer: IDelayedCall | None = None
        self.client = TunnelEnd(self)
        self.model = TunnelEnd(self)
        self.client.other, self.model.other = self.model, self.client

    def join(self, from_client: bytes, from_model: bytes) -> None:
        """
        Both ends have their connections: let it flow.

        :param from_client: what the client has sent before.
        :param from_model: what the model has sent before.
        """
        if ITCPTransport.providedBy(self.client.transport):
            keep_alive(self.client.transport, _KEEP_ALIVE)
        for end in (self.client, self.model):
            end.feed()
        if from_client:
            self.model.send(from_client)
        if from_model:
            self.client.send(from_model)

    def close(self) -> None:
        """
        End it now, but send what has come.
        """
        self.client.close()
        self.model.close()
        self.half_closed()

    # What the ends tell.

    def moved(self) -> None:
        """
        Something went through.
        """
        if self._timer is not None and self._timer.active():
            self._timer.reset(HALF_LIMIT)

    def half_closed(self) -> None:
        """
        One direction has ended: the other may be silent for so long.
        """
        if self._timer is None:
            self._timer = self._clock.callLater(HALF_LIMIT, self.abort)

    def end_lost(self, end: TunnelEnd, reason: Failure) -> None:
        """
        One of the connections is gone.
        """
        other = end.other
        if not other.lost:
            if reason.check(ConnectionDone):
                other.close()
                self.half_closed()
            else:
                other.abort()
        elif self._timer is not None and self._timer.active():
            self._timer.cancel()
        if end is self.model:
            self._over()

    def abort(self) -> None:
        """
        Reset both connections.
        """
        self.client.abort()
        self.model.abort()


class TunnelRelay(Relay):
    """
    Carries up a request to switch protocols.  Where the model does not, its
    response is as any other.

    :param downstream: the client's side.
    :param lasting: whether a shutdown of the daemon gives it time.  The other
        parameters are those of `Relay`.
    """

    __slots__ = ("_client", "_lasting", "_tunnel")

    def __init__(
        self,
        clock: IReactorTime,
        leases: Leases,
        downstream: ISwitchingDownstream,
        *args: Any,
        lasting: bool,
    ) -> None:
        super().__init__(clock, leases, downstream, *args)
        self._client = downstream
        self._lasting = lasting
        self._tunnel: Tunnel | None = None

    def _answered(self, response: UpstreamResponse) -> None:
        if response.code != 101:
            super()._answered(response)
            return
        self._pending = None
        client = self._client
        # From here on the tunnel knows when the client is gone.
        client.on_gone = None
        self._tunnel = tunnel = Tunnel(self._clock, self._release)
        from_model = response.hand_over(tunnel.model)
        from_client = client.switch(
            response.phrase,
            _switched(response.raw_headers),
            tunnel.client,
            None if self._lasting else tunnel.close,
        )
        tunnel.join(from_client, from_model)

    def cancel(self, error: RequestError) -> None:
        """
        End it before its time, at both sides.  A tunnel has no place for a reason.
        """
        if self._tunnel is not None:
            self._tunnel.abort()
        else:
            super().cancel(error)


def asking_headers(headers: RawHeaders) -> RawHeaders:
    """
    The headers with which a request asks for a WebSocket.

    :param headers: its end-to-end headers.
    """
    return [*headers, (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]


def _switched(headers: RawHeaders) -> RawHeaders:
    """
    The headers of a 101 as they go back.
    """
    protocols = [pair for pair in headers if pair[0].lower() == b"upgrade"]
    return [*response_headers(headers)[0], (b"Connection", b"Upgrade"), *protocols]
