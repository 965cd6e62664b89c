"""
Tests for `llamaswap_tw.simulator.exchange`, where sockets are full or broken.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport

from llamaswap_tw.simulator.server import Simulator

from .support import Client, SimulatorTestCase


class SocketTransport(StringTransport):
    """
    A transport whose socket takes some bytes at once, and the rest later.

    :ivar room: how many bytes the socket takes, or what it fails with.
    :ivar dataBuffer: what waits, as in Twisted's transports.
    :ivar direct: the bytes that went past `write`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.room: int | Exception = 0
        self.dataBuffer = b""
        self.direct = b""

    def writeSomeData(self, data: bytes) -> int | Exception:
        if isinstance(self.room, Exception):
            return self.room
        taken = data[: self.room]
        self.direct += taken
        self.io.write(taken)
        return len(taken)


class SocketClient(Client):
    """
    A client behind such a transport.
    """

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(simulator)
        self.socket = SocketTransport()
        self.transport = self.socket
        self.protocol = simulator.buildProtocol(None)
        self.protocol.makeConnection(self.socket)


class SendNowTests(SimulatorTestCase):
    """
    Tokens go to the socket at once where that is possible.
    """

    def stream(self) -> SocketClient:
        self.simulator = self.make(rate=10)
        self.simulator.load()
        client = SocketClient(self.simulator)
        body = b'{"stream": true, "n_predict": 100}'
        client.send("POST", "/completion", body)
        client.received()
        return client

    def assert_sent(self, client: SocketClient, direct: int) -> None:
        """
        Fail unless the next token is sent whole, that much of it at once.
        """
        before = len(client.socket.direct)
        self.clock.advance(0.1001)
        data = client.received()
        size, _, rest = data.partition(b"\r\n")
        self.assertEqual(int(size, 16), len(rest) - 2)
        self.assertEqual(len(client.socket.direct) - before, min(direct, len(data)))

    def test_room(self) -> None:
        """
        A token that the socket takes needs no further turn of the reactor.
        """
        client = self.stream()
        client.socket.room = 10_000
        self.assert_sent(client, 10_000)

    def test_partly(self) -> None:
        """
        What the socket does not take is left to the transport.
        """
        client = self.stream()
        client.socket.room = 10
        self.assert_sent(client, 10)

    def test_waiting(self) -> None:
        """
        Nothing overtakes what waits to be sent.
        """
        client = self.stream()
        client.socket.room = 10_000
        client.socket.dataBuffer = b"waits"
        self.assert_sent(client, 0)

    def test_broken(self) -> None:
        """
        A broken socket is left to the transport, which will tell of it.
        """
        client = self.stream()
        client.socket.room = ConnectionLost()
        self.assert_sent(client, 0)


class CutTests(SimulatorTestCase):
    """
    A connection is reset.
    """

    def test_waits(self) -> None:
        """
        It is reset only once what was sent before is on its way.
        """
        client = SocketClient(self.simulator)
        client.socket.dataBuffer = b"waits"
        client.send("GET", "/simulator/cut?after=10")
        self.clock.advance(1)
        self.assertFalse(client.socket.disconnected)
        client.socket.dataBuffer = b""
        self.clock.advance(1)
        self.assertTrue(client.socket.disconnected)

    def test_left(self) -> None:
        """
        A client that leaves before that is no error, and counts as cut.
        """
        client = SocketClient(self.simulator)
        client.socket.dataBuffer = b"waits"
        client.send("GET", "/simulator/cut?after=10")
        client.leave()
        self.clock.advance(1)
        stats = self.get("/simulator/stats").json
        self.assertEqual((stats["cut"], stats["cancelled"]), (1, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])
