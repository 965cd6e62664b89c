"""
Tests for `llamaswap_tw.web.http2_channel` and `llamaswap_tw.web.http2_machine`.
"""

from __future__ import annotations

from functools import partial

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from hyperframe.frame import DataFrame, HeadersFrame, RstStreamFrame
from twisted.internet.interfaces import IPushProducer
from zope.interface.verify import verifyObject

from llamaswap_tw.web.channel import Channel
from llamaswap_tw.web.http2_channel import Http2Channel

from .http2 import Http2TestCase
from .support import Connection, HalfCloseableTransport


class PatienceTests(Http2TestCase):
    """
    How long a client is waited for.
    """

    def passes(self, seconds: float) -> None:
        self.connection.clock.advance(seconds)
        self.connection.exchange()

    def test_idle(self) -> None:
        """
        A connection without a request is closed after two minutes, and says so;
        pings do not make it longer.
        """
        verifyObject(IPushProducer, self.connection.channel)
        self.passes(60)
        self.connection.h2.ping(b"12345678")
        self.connection.exchange()
        self.passes(59)
        self.assertIsNone(self.connection.goodbye)
        self.passes(1)
        self.assertEqual(self.connection.goodbye, ErrorCodes.NO_ERROR)
        self.assertTrue(self.connection.transport.disconnecting)

    def test_after_a_request(self) -> None:
        """
        While a request is answered it is not idle, however long that takes; what its
        client sends late for it is none.
        """
        request, stream_id = self.begin()
        self.passes(1000)
        self.assertIsNone(self.connection.goodbye)
        request.respond(200, [], b"x")
        self.connection.exchange()
        self.passes(60)
        self.connection.channel.dataReceived(
            RstStreamFrame(stream_id, ErrorCodes.CANCEL).serialize()
        )
        self.passes(59)
        self.assertIsNone(self.connection.goodbye)
        self.passes(1)
        self.assertEqual(self.connection.goodbye, ErrorCodes.NO_ERROR)

    def test_head(self) -> None:
        """
        A head that has begun must be whole in time.
        """
        frame = HeadersFrame(1, b"\x82").serialize()
        self.connection.channel.dataReceived(frame[:5])
        self.passes(29)
        self.connection.channel.dataReceived(frame[5:])
        self.passes(0.9)
        self.assertIsNone(self.connection.goodbye)
        self.passes(0.1)
        self.assertIsNotNone(self.connection.goodbye)

    def test_nothing(self) -> None:
        """
        So must the first that a client sends.
        """
        channel = Http2Channel(self.connection.site)
        transport = HalfCloseableTransport()
        channel.makeConnection(transport)
        channel.dataReceived(b"PRI * HTTP/2.0\r\n")
        self.connection.clock.advance(30)
        self.assertTrue(transport.disconnecting)


class AbuseTests(Http2TestCase):
    """
    What a client may not do.
    """

    def flood(self, data: bytes, times: int) -> None:
        for _ in range(times):
            self.connection.channel.dataReceived(data)
        self.connection.exchange()

    def ping(self) -> bytes:
        client = self.connection.h2
        client.ping(b"12345678")
        return client.data_to_send()

    def test_pings(self) -> None:
        """
        A flood of pings ends the connection; the requests on it are told.
        """
        gone: list[int] = []
        request, _ = self.begin()
        request.on_gone = lambda: gone.append(1)
        self.flood(self.ping(), 900)
        self.assertIsNone(self.connection.goodbye)
        self.flood(self.ping(), 200)
        self.assertEqual(self.connection.goodbye, ErrorCodes.ENHANCE_YOUR_CALM)
        self.assertEqual(gone, [1])
        self.assertTrue(self.connection.transport.disconnecting)

    def test_rapid_resets(self) -> None:
        """
        So does a flood of requests that are reset at once.
        """
        for _ in range(1100):
            stream_id = self.connection.begin()
            self.connection.h2.reset_stream(stream_id)
            self.connection.exchange()
            if self.connection.goodbye is not None:
                break
        self.assertEqual(self.connection.goodbye, ErrorCodes.ENHANCE_YOUR_CALM)
        self.assertGreater(len(self.requests), 900)
        self.assertEqual(self.connection.channel.streams, {})

    def test_empty_pieces(self) -> None:
        """
        So does a flood of empty pieces of a body.
        """
        stream_id = self.connection.begin("POST", ended=False)
        self.flood(DataFrame(stream_id).serialize(), 1100)
        self.assertEqual(self.connection.goodbye, ErrorCodes.ENHANCE_YOUR_CALM)

    def test_now_and_then(self) -> None:
        """
        Pings that come now and then are borne for ever.
        """
        self.begin()
        for _ in range(2000):
            self.connection.channel.dataReceived(self.ping())
            self.connection.clock.advance(0.1)
        self.connection.exchange()
        self.assertIsNone(self.connection.goodbye)

    def test_answers_unread(self) -> None:
        """
        A client that reads nothing cannot have answers heaped up.
        """
        self.connection.channel.pauseProducing()
        stream_id = self.connection.begin("POST", ended=False)
        client = self.connection.h2
        client.reset_stream(stream_id)
        self.connection.channel.dataReceived(client.data_to_send())
        # Each is answered with a reset, and none has any other cost.
        piece = DataFrame(stream_id, b"x").serialize()
        for _ in range(10_000):
            self.connection.channel.dataReceived(piece)
            if self.connection.transport.disconnecting:
                break
        self.assertTrue(self.connection.transport.disconnecting)
        self.assertLess(len(self.connection.transport.value()), 100_000)

    def test_many_streams(self) -> None:
        """
        Of the streams that it is told it may have, a client has all at once.
        """
        most = self.connection.h2.remote_settings.max_concurrent_streams
        assert most is not None
        self.assertEqual(most, 128)
        for _ in range(most):
            self.connection.begin()
        self.assertEqual(len(self.requests), most)
        for request in self.requests:
            request.respond(200, [], b"x")
        self.connection.exchange()
        ended = [seen for seen in self.connection.seen.values() if seen.ended]
        self.assertEqual(len(ended), most)

    def test_huge_head(self) -> None:
        """
        A head that nobody would send by mistake ends the connection.
        """
        fields = {f"x{n}": "y" * 100 for n in range(4000)}
        self.connection.ask(headers=fields)
        self.assertEqual(self.connection.goodbye, ErrorCodes.ENHANCE_YOUR_CALM)
        self.assertEqual(self.requests, [])

    def test_nonsense(self) -> None:
        """
        What is no HTTP/2 ends the connection, and its requests are told.
        """
        for nonsense, code in (
            # As a frame it would be one of 4 MB.
            (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", ErrorCodes.FRAME_SIZE_ERROR),
            (DataFrame(99, b"x").serialize(), ErrorCodes.PROTOCOL_ERROR),
        ):
            self.connect()
            gone: list[int] = []
            request, _ = self.begin()
            request.on_gone = partial(gone.append, 1)
            self.connection.channel.dataReceived(nonsense)
            self.connection.exchange()
            self.assertEqual(self.connection.goodbye, code)
            self.assertEqual(gone, [1])
            self.assertTrue(self.connection.transport.disconnecting)

    def test_large_window(self) -> None:
        """
        A client gets to know how much it may send ahead.
        """
        client = self.connection.h2
        stream_id = self.connection.begin("POST", ended=False)
        self.assertEqual(client.local_flow_control_window(stream_id), 512 * 1024)
        self.assertEqual(client.outbound_flow_control_window, 1024 * 1024)


class DrainTests(Http2TestCase):
    """
    The end of the daemon.
    """

    def drain(self) -> list[None]:
        done: list[None] = []
        self.connection.site.drain().addCallback(done.append)
        self.connection.exchange()
        return done

    def test_idle(self) -> None:
        """
        An idle connection is closed at once, with a word.
        """
        done = self.drain()
        self.assertEqual(self.connection.goodbye, ErrorCodes.NO_ERROR)
        self.assertTrue(self.connection.transport.disconnecting)
        self.assertEqual(done, [])
        self.connection.leave()
        self.assertEqual(done, [None])

    def test_running(self) -> None:
        """
        Responses end whole, and only then the connection, with a word: to clients
        made of h2 that ends all streams at once.
        """
        request, stream_id = self.begin()
        other, other_id = self.begin()
        request.begin(200, b"OK", [], None)
        request.send(b"one")
        request.flush()
        self.drain()
        request.send(b"two")
        request.end()
        self.connection.exchange()
        seen = self.connection.seen[stream_id]
        self.assertEqual((seen.body, seen.ended), (b"onetwo", True))
        self.assertIsNone(self.connection.goodbye)
        self.assertFalse(self.connection.transport.disconnecting)
        other.respond(200, [], b"x")
        self.connection.exchange()
        self.assertTrue(self.connection.seen[other_id].ended)
        self.assertEqual(self.connection.goodbye, ErrorCodes.NO_ERROR)
        self.assertTrue(self.connection.transport.disconnecting)

    def test_lingers(self) -> None:
        """
        A client that still reads the end of an answer has the time for that, and one
        that does not read holds us no longer than it may.
        """
        request, _ = self.begin()
        self.drain()
        request.respond(200, [], b"x")
        clock, channel = self.connection.clock, self.connection.channel
        for _ in range(5):
            clock.advance(1.9)
            channel.dataReceived(b"more")
        # The transport is told once when all is said, and once more when all was read.
        closed: list[int] = []
        self.patch(
            self.connection.transport, "loseConnection", lambda: closed.append(1)
        )
        clock.advance(2)
        self.assertEqual(closed, [1])
        for _ in range(14):
            clock.advance(1)
            channel.dataReceived(b"more")
        self.assertEqual(closed, [1])
        clock.advance(1)
        self.assertEqual(closed, [1, 1])

    def test_new_request(self) -> None:
        """
        A request that comes meanwhile is refused such that it can be sent again.
        """
        request, _ = self.begin()
        self.drain()
        seen = self.connection.ask()
        self.assertEqual(seen.reset, ErrorCodes.REFUSED_STREAM)
        self.assertEqual(len(self.requests), 1)
        request.end()

    def test_body_still_coming(self) -> None:
        """
        A request whose body is still coming is refused.
        """
        stream_id = self.connection.begin("POST", ended=False)
        self.drain()
        self.assertEqual(self.connection.seen[stream_id].status, 503)
        self.assertFalse(self.connection.transport.disconnecting)
        self.connection.clock.advance(3)
        self.assertTrue(self.connection.transport.disconnecting)

    def test_abort(self) -> None:
        """
        A connection can be ended at once.
        """
        gone: list[int] = []
        request, _ = self.begin()
        request.on_gone = lambda: gone.append(1)
        (channel,) = self.connection.site.channels
        channel.abort()
        self.assertTrue(self.connection.transport.disconnecting)
        self.connection.leave()
        self.assertEqual(gone, [1])
        self.assertEqual(self.connection.site.channels, set())


class SecureTransport(HalfCloseableTransport):
    """
    As TLS makes it: the protocol that it carries can be another later.
    """

    negotiatedProtocol: bytes | None = None
    wrappedProtocol: object = None

    def unregisterProducer(self) -> None:
        self.producer = None


class NegotiationTests(Http2TestCase):
    """
    Which HTTP a client speaks is known after its TLS handshake.
    """

    def shake(self, chosen: bytes | None) -> SecureTransport:
        """
        A connection whose client has chosen.
        """
        connection = Connection(self.requests.append)
        channel: Channel = connection.site.buildProtocol(None)
        transport = SecureTransport()
        transport.negotiatedProtocol = chosen
        transport.wrappedProtocol = channel
        channel.makeConnection(transport)
        channel.handshakeCompleted()
        self.site = connection.site
        self.clock = connection.clock
        return transport

    def test_offered(self) -> None:
        """
        HTTP/2 is offered, and HTTP/1.1 for those that do not know it.
        """
        offered = self.connection.site.acceptableProtocols()
        self.assertEqual(offered, [b"h2", b"http/1.1"])

    def test_chosen(self) -> None:
        """
        Who chooses HTTP/2 gets a channel for it, and no other is left.
        """
        transport = self.shake(b"h2")
        channel = transport.wrappedProtocol
        assert isinstance(channel, Http2Channel)
        self.assertIn(channel, self.site.channels)
        self.assertIs(transport.producer, channel)
        client = H2Connection(H2Configuration())
        client.initiate_connection()
        fields = [(":method", "GET"), (":scheme", "https"), (":authority", "h")]
        client.send_headers(1, [*fields, (":path", "/")], end_stream=True)
        channel.dataReceived(client.data_to_send())
        self.assertEqual(len(self.requests), 1)
        # The other one's patience ended with it.
        self.clock.advance(1000)
        self.assertFalse(transport.disconnecting)

    def test_not_chosen(self) -> None:
        """
        Who does not is taken for a client of HTTP/1.
        """
        for chosen in (None, b"http/1.1"):
            transport = self.shake(chosen)
            self.assertIsInstance(transport.wrappedProtocol, Channel)
