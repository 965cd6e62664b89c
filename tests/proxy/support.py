"""
A model's server in memory: it reads what is sent up and answers by hand.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorPluggableNameResolver
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from zope.interface import implementer

from llamaswap_tw.proxy.agent import Agent
from llamaswap_tw.proxy.headers import RawHeaders
from llamaswap_tw.proxy.opening import default_tls
from llamaswap_tw.proxy.timeouts import Timeouts

#: Where a request goes unless a test says otherwise.
URL = b"http://127.0.0.1:5800/v1/x"


class Transport(StringTransport):
    """
    A TCP connection that remembers what was set.
    """

    no_delay = False
    keep_alive = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.keep_alive = enabled

    @property
    def closed(self) -> bool:
        """
        Whether our side has closed it, gently or not.
        """
        return bool(self.disconnecting or self.disconnected)


class ServerSide:
    """
    The server's end of one connection.

    :param protocol: our end.
    """

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.transport = Transport()
        self._lost = False
        protocol.makeConnection(self.transport)

    def received(self) -> bytes:
        """
        What was sent up since this was last asked.
        """
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def send(self, *pieces: bytes) -> None:
        """
        Answer, each piece a read of its own.  Nothing arrives on a connection
        that was closed.
        """
        for piece in pieces:
            if not self.transport.closed:
                self.protocol.dataReceived(piece)

    def close(self) -> None:
        """
        The connection is closed: by the server, or, where ours has closed it
        already, that has been carried out.
        """
        self._lose(ConnectionDone())

    def reset(self) -> None:
        """
        The connection is reset.
        """
        self._lose(ConnectionLost())

    def _lose(self, error: Exception) -> None:
        if not self._lost:
            self._lost = True
            producer = self.transport.producer
            if producer is not None:
                producer.stopProducing()
            self.transport.disconnecting = True
            self.protocol.connectionLost(Failure(error))


class Resolver:
    """
    Knows the names that a test tells it.
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def resolveHostName(
        self, receiver: Any, name: str, portNumber: int = 0, **more: Any
    ) -> Any:
        receiver.resolutionBegan(self)
        if name in self.names:
            receiver.addressResolved(IPv4Address("TCP", self.names[name], portNumber))
        receiver.resolutionComplete()
        return receiver


@implementer(IReactorPluggableNameResolver)
class Reactor(MemoryReactorClock):
    """
    Connects and looks up in memory.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nameResolver: Any = Resolver()

    def installNameResolver(self, resolver: Any) -> Any:
        raise NotImplementedError


class Upstream:
    """
    A reactor whose connections lead to a server that is driven by hand.
    """

    def __init__(self) -> None:
        self.reactor: Any = Reactor()
        self.accepted: list[ServerSide] = []

    @property
    def dialled(self) -> list[tuple[str, int]]:
        """
        Host and port of each connection that was tried.
        """
        return [client[:2] for client in self.reactor.tcpClients]

    def accept(self) -> ServerSide:
        """
        Let the latest try to connect succeed.
        """
        side = ServerSide(self.reactor.tcpClients[-1][2].buildProtocol(None))
        self.accepted.append(side)
        return side

    def fail(self, error: Exception) -> None:
        """
        Let the latest try to connect fail.
        """
        factory = self.reactor.tcpClients[-1][2]
        factory.clientConnectionFailed(self.reactor.connectors[-1], Failure(error))


class Reader:
    """
    Takes the body of a response.

    :ivar pieces: what came.
    :ivar packets: how often it was told that a read was delivered.
    :ivar reason: of the end, once it was told.
    """

    transport: Any

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.packets = 0
        self.reason: Failure | None = None

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        assert self.reason is None
        self.pieces.append(data)

    def data_delivered(self) -> None:
        self.packets += 1

    def connectionLost(self, reason: Failure) -> None:
        assert self.reason is None
        self.reason = reason

    @property
    def body(self) -> bytes:
        """
        All that came.
        """
        return b"".join(self.pieces)

    @property
    def end(self) -> str:
        """
        How it ended, in a word.
        """
        if self.reason is None:
            return "open"
        if self.reason.check(ResponseDone):
            return "whole"
        return "closed" if self.reason.check(PotentialDataLoss) else "cut"


class Interim:
    """
    Remembers interim responses.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[int, bytes, RawHeaders]] = []

    def __call__(self, code: int, phrase: bytes, headers: RawHeaders) -> None:
        self.seen.append((code, phrase, list(headers)))


class Asking:
    """
    Sends requests to a server in memory.

    :param timeouts: those of the agent.
    :param tls_options: as for `Agent`.
    """

    def __init__(
        self, timeouts: Timeouts | None = None, tls_options: Any = default_tls
    ) -> None:
        self.upstream = Upstream()
        self.agent = Agent(self.upstream.reactor, timeouts or Timeouts(), tls_options)
        self.interim = Interim()

    def ask(
        self,
        method: bytes = b"GET",
        body: Any = b"",
        url: bytes = URL,
        headers: RawHeaders | None = None,
    ) -> Deferred[Any]:
        """
        Send a request up.
        """
        return self.agent.request(method, url, headers or [], body, self.interim)
