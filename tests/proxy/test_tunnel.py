"""
Tests for `llamaswap_tw.proxy.tunnel`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    IPushProducer,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from llamaswap_tw.errors import RequestCancelled, UpstreamUnreachable
from llamaswap_tw.proxy.agent import Agent
from llamaswap_tw.proxy.timeouts import Timeouts
from llamaswap_tw.proxy.tunnel import (
    HALF_LIMIT,
    Tunnel,
    TunnelEnd,
    TunnelRelay,
    asking_headers,
)

from .support import Transport, Upstream
from .test_relay import FakeDownstream, FakeLease, FakeLeases

SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Accept: abc\r\n\r\n"
)


@implementer(IHalfCloseableDescriptor)
class HalfTransport(Transport):
    """
    A connection that can be closed half.
    """

    finished = False
    aborted = False

    def loseWriteConnection(self) -> None:
        self.finished = True

    def abortConnection(self) -> None:
        self.aborted = True

    def readConnectionLost(self, reason: Failure) -> None:
        pass

    def writeConnectionLost(self, reason: Failure) -> None:
        pass


class TunnelTestCase(SynchronousTestCase):
    """
    A tunnel between two connections.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.over = 0
        self.tunnel = Tunnel(self.clock, self.count)
        self.client, self.model = HalfTransport(), HalfTransport()
        self.tunnel.client.makeConnection(self.client)
        self.tunnel.model.makeConnection(self.model)
        self.tunnel.join(b"", b"")

    def count(self) -> None:
        self.over += 1

    def lose(self, end: TunnelEnd, error: Exception) -> None:
        end.connectionLost(Failure(error))


class FlowTests(TunnelTestCase):
    """
    What goes through.
    """

    def test_interfaces(self) -> None:
        """
        An end is a protocol that knows half a close, and a producer.
        """
        verifyObject(IHalfCloseableProtocol, self.tunnel.client)
        verifyObject(IPushProducer, self.tunnel.client)

    def test_both_ways(self) -> None:
        """
        What comes at one end goes out at the other.
        """
        self.tunnel.client.dataReceived(b"up")
        self.tunnel.model.dataReceived(b"down")
        self.assertEqual(self.model.value(), b"up")
        self.assertEqual(self.client.value(), b"down")

    def test_early(self) -> None:
        """
        What was sent before there was a tunnel goes through first.
        """
        self.tunnel = Tunnel(self.clock, self.count)
        client, model = Transport(), Transport()
        self.tunnel.client.makeConnection(client)
        self.tunnel.model.makeConnection(model)
        self.tunnel.join(b"up", b"down")
        self.assertEqual(model.value(), b"up")
        self.assertEqual(client.value(), b"down")

    def test_pace(self) -> None:
        """
        Each end reads only as fast as the other takes it.
        """
        ends = ((self.client, self.model), (self.model, self.client))
        for slow, fast in ends:
            producer: Any = slow.producer
            producer.pauseProducing()
            self.assertEqual(fast.producerState, "paused")
            self.assertEqual(slow.producerState, "producing")
            producer.resumeProducing()
            self.assertEqual(fast.producerState, "producing")


class EndTests(TunnelTestCase):
    """
    How it ends.
    """

    def test_half(self) -> None:
        """
        The end of one direction is passed on, and leaves the other alone; once both
        have ended, both connections are closed.
        """
        self.tunnel.client.readConnectionLost()
        self.assertTrue(self.model.finished)
        self.tunnel.model.writeConnectionLost()
        self.tunnel.model.dataReceived(b"down")
        self.assertEqual(self.client.value(), b"down")
        self.assertFalse(self.model.disconnecting or self.client.disconnecting)
        self.tunnel.model.readConnectionLost()
        self.assertTrue(self.client.finished)
        self.assertTrue(self.model.disconnecting)
        self.assertFalse(self.client.disconnecting)
        self.tunnel.client.writeConnectionLost()
        self.assertTrue(self.client.disconnecting)

    def test_end_while_paused(self) -> None:
        """
        A direction that has ended is not read again when the other end has room.
        """
        producer: Any = self.model.producer
        producer.pauseProducing()
        self.tunnel.client.readConnectionLost()
        producer.resumeProducing()
        self.assertEqual(self.client.producerState, "paused")

    def test_without_halves(self) -> None:
        """
        A connection that cannot be closed half is closed whole, once all is sent.
        """
        whole = Transport()
        self.tunnel = Tunnel(self.clock, self.count)
        self.tunnel.client.makeConnection(self.client)
        self.tunnel.model.makeConnection(whole)
        self.tunnel.client.readConnectionLost()
        self.assertTrue(whole.disconnecting)

    def test_closed(self) -> None:
        """
        When one connection is closed the other is, once all is sent; it is over
        when the model's is.
        """
        self.lose(self.tunnel.client, ConnectionDone())
        self.assertTrue(self.model.disconnecting)
        self.assertFalse(self.model.aborted)
        self.assertEqual(self.over, 0)
        self.lose(self.tunnel.model, ConnectionDone())
        self.assertEqual(self.over, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_reset(self) -> None:
        """
        When one connection is reset so is the other.
        """
        self.lose(self.tunnel.model, ConnectionLost())
        self.assertTrue(self.client.aborted)
        self.assertEqual(self.over, 1)

    def test_forgotten(self) -> None:
        """
        Half a tunnel that is silent for long is given up, and one that is not is
        left alone.
        """
        self.tunnel.model.readConnectionLost()
        for _ in range(3):
            self.clock.advance(HALF_LIMIT - 1)
            self.tunnel.client.dataReceived(b"x")
        self.assertFalse(self.model.aborted)
        self.clock.advance(HALF_LIMIT)
        self.assertTrue(self.model.aborted and self.client.aborted)
        # What the network had read before.
        self.tunnel.client.dataReceived(b"x")

    def test_silent(self) -> None:
        """
        A whole tunnel may be silent for any time.
        """
        self.clock.advance(1e6)
        self.assertFalse(self.model.aborted or self.client.aborted)

    def test_close(self) -> None:
        """
        It can be ended from here.
        """
        self.tunnel.close()
        self.assertTrue(self.client.disconnecting and self.model.disconnecting)
        self.clock.advance(HALF_LIMIT)
        self.assertTrue(self.client.aborted and self.model.aborted)


class RelayTests(SynchronousTestCase):
    """
    A request to switch protocols.
    """

    def setUp(self) -> None:
        self.begin()

    def begin(self, lasting: bool = True, asking: bool = True) -> None:
        self.upstream = Upstream()
        self.client = Agent(self.upstream.reactor, Timeouts())
        self.leases = FakeLeases()
        self.downstream = FakeDownstream()
        self.downstream.early = b"early"
        self.lease = FakeLease(self.client)
        headers = [(b"Host", b"h")]
        self.relay = TunnelRelay(
            self.upstream.reactor,
            self.leases,
            self.downstream,
            "m",
            b"GET",
            b"/ws",
            None,
            asking_headers(headers) if asking else headers,
            b"",
            lasting=lasting,
        )
        self.relay.start()
        granted: Deferred[Any] = self.leases.asked[-1]
        granted.callback(self.lease)
        self.side = self.upstream.accept()

    def test_switches(self) -> None:
        """
        A 101 goes back with what it needs, and then all that either side has sent,
        though it came in the same packet; the lease is held to the end.
        """
        self.assertEqual(
            self.side.received(),
            b"GET /base/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\n\r\n",
        )
        self.side.send(SWITCHED + b"\x00down")
        self.assertEqual(
            self.downstream.log,
            [
                (
                    "switch",
                    b"Switching Protocols",
                    [
                        (b"Sec-WebSocket-Accept", b"abc"),
                        (b"Connection", b"Upgrade"),
                        (b"Upgrade", b"websocket"),
                    ],
                )
            ],
        )
        self.assertIsNone(self.downstream.close)
        self.assertEqual(self.side.received(), b"early")
        self.side.send(b" more", b" and more")
        self.assertEqual(self.downstream.transport.value(), b"\x00down more and more")
        self.downstream.successor.dataReceived(b"up")
        self.assertEqual(self.side.received(), b"up")
        self.assertEqual(self.lease.released, 0)
        self.downstream.successor.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(self.side.transport.closed)
        self.side.close()
        self.assertEqual(self.lease.released, 1)

    def test_in_pieces(self) -> None:
        """
        The head of a 101 may come in pieces, behind an interim response.
        """
        head = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + SWITCHED
        self.side.send(*(head[place : place + 1] for place in range(len(head))), b"x")
        self.assertEqual(
            [entry[0] for entry in self.downstream.log], ["inform", "switch"]
        )
        self.assertEqual(self.downstream.transport.value(), b"x")

    def test_half_close(self) -> None:
        """
        The model's connection tells of half a close only where it has switched.
        """
        protocol = self.side.protocol
        self.assertFalse(IHalfCloseableProtocol.providedBy(protocol))
        self.side.send(SWITCHED)
        self.assertTrue(IHalfCloseableProtocol.providedBy(protocol))
        protocol.readConnectionLost()
        self.assertTrue(self.downstream.transport.disconnecting)
        protocol.writeConnectionLost()
        self.assertTrue(self.side.transport.disconnecting)

    def test_not_counted(self) -> None:
        """
        One that nobody counts can be closed where the daemon shuts down.
        """
        self.begin(lasting=False)
        self.side.send(SWITCHED)
        assert self.downstream.close is not None
        self.downstream.close()
        self.assertTrue(self.downstream.transport.disconnecting)
        self.assertTrue(self.side.transport.disconnecting)

    def test_not_switched(self) -> None:
        """
        Any other response is relayed as it is.
        """
        self.side.send(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
        self.assertEqual(
            self.downstream.log, [("begin", 403, b"No", [], 2), ("end", [])]
        )
        self.assertEqual(self.downstream.body, b"no")
        self.assertEqual(self.lease.released, 1)

    def test_not_asked_for(self) -> None:
        """
        A model that switches though nobody asked, or does not say to what, is not
        understood.
        """
        for asking, answer in (
            (False, SWITCHED),
            (True, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        ):
            self.begin(asking=asking)
            self.side.send(answer)
            self.assertIsInstance(self.downstream.log[0], UpstreamUnreachable)
            self.assertEqual(self.lease.released, 1)

    def test_cancelled(self) -> None:
        """
        A tunnel that is cancelled is reset at both ends, and holds its model no more.
        """
        self.side.send(SWITCHED)
        self.relay.cancel(RequestCancelled())
        self.assertTrue(self.side.transport.disconnected)
        self.assertTrue(self.downstream.transport.disconnected)
        self.side.close()
        self.assertEqual(self.lease.released, 1)

    def test_cancelled_before(self) -> None:
        """
        One that is cancelled before there is an answer is as any other request.
        """
        error = RequestCancelled()
        self.relay.cancel(error)
        self.assertTrue(self.side.transport.closed)
        self.assertEqual(self.downstream.log, [error])
        self.assertEqual(self.lease.released, 1)

    def test_client_leaves_before(self) -> None:
        """
        A client that leaves before there is an answer is as any other.
        """
        self.downstream.leave()
        self.assertTrue(self.side.transport.closed)
        self.assertEqual(self.lease.released, 1)
