"""
Tests for `llamaswap_tw.web.channel`, `llamaswap_tw.web.http1` and
`llamaswap_tw.web.request`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides, implementer
from zope.interface.verify import verifyObject

from llamaswap_tw.errors import BadRequest
from llamaswap_tw.interfaces import ISwitchingDownstream
from llamaswap_tw.web.request import Request

from .support import DATE, Connection

POST = b"POST /x HTTP/1.1\r\nHost: h\r\n"


class ChannelTestCase(SynchronousTestCase):
    """
    A connection whose requests are kept for the test.
    """

    def setUp(self) -> None:
        self.requests: list[Request] = []
        self.connection = Connection(self.requests.append)

    def ask(self, head: bytes = b"GET /x HTTP/1.1\r\nHost: h\r\n") -> Request:
        self.connection.send(head + b"\r\n")
        return self.requests[-1]


class RequestTests(ChannelTestCase):
    """
    What came of a request before it is answered.
    """

    def test_interface(self) -> None:
        """
        It is what a relay answers to.
        """
        verifyObject(ISwitchingDownstream, self.ask())

    def test_head(self) -> None:
        """
        Path and query are taken apart, byte for byte.
        """
        request = self.ask(b"GET /a%2Fb?c=%20&d HTTP/1.1\r\nHost: h\r\n")
        self.assertEqual(request.path, b"/a%2Fb")
        self.assertEqual(request.query, b"c=%20&d")
        self.assertEqual(request.peer, b"192.168.1.1")
        self.assertFalse(request.secure)

    def test_body(self) -> None:
        """
        A body is there when the request is routed, by length or in chunks.
        """
        self.connection.send(POST + b"Content-Length: 6\r\n\r\nfoo")
        self.assertEqual(self.requests, [])
        self.connection.send(b"bar")
        body = self.requests[0].body
        assert body is not None
        self.assertEqual(body.in_memory, b"foobar")
        self.requests[0].respond(200, [], b"")
        self.connection.send(
            POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n2\r\nba\r\n0\r\n\r\n"
        )
        body = self.requests[1].body
        assert body is not None
        self.assertEqual(body.in_memory, b"fooba")

    def test_expect(self) -> None:
        """
        A client that waits for it is told to go on; one that sends too much is
        told that instead.
        """
        self.connection.send(
            POST + b"Content-Length: 6\r\nExpect: 100-continue\r\n\r\n"
        )
        self.assertEqual(self.connection.received(), b"HTTP/1.1 100 Continue\r\n\r\n")
        refused = Connection(self.requests.append)
        refused.send(POST + b"Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
        self.assertTrue(refused.received().startswith(b"HTTP/1.1 413 "))


class RefusalTests(ChannelTestCase):
    """
    What is no request, or too large a one, is answered and ends there.
    """

    def refusal(self, data: bytes) -> tuple[bytes, str]:
        self.connection.send(data)
        head, _, body = self.connection.received().partition(b"\r\n\r\n")
        self.assertIn(b"\r\nConnection: close", head)
        self.assertIn(b"\r\nContent-Length: %d" % len(body), head)
        self.assertEqual(self.requests, [])
        return head.split(b"\r\n")[0], json.loads(body)["error"]["message"]

    def test_length_too_large(self) -> None:
        """
        A length over the limit is refused before the body comes.
        """
        status, message = self.refusal(POST + b"Content-Length: 1001\r\n\r\n")
        self.assertTrue(status.startswith(b"HTTP/1.1 413 "))
        self.assertIn("maxRequestBody", message)

    def test_chunks_too_large(self) -> None:
        """
        A body without a length is refused once it exceeds the limit.
        """
        status, _ = self.refusal(
            POST + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001
        )
        self.assertTrue(status.startswith(b"HTTP/1.1 413 "))
        self.connection.send(b"\r\n0\r\n\r\n" + POST + b"\r\n")
        self.assertEqual(self.connection.received(), b"")
        self.assertEqual(self.requests, [])

    def test_whole_chunks_too_large(self) -> None:
        """
        The same where all of it comes at once, its end too.
        """
        status, _ = self.refusal(
            POST
            + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n"
            + b"x" * 1001
            + b"\r\n0\r\n\r\n"
        )
        self.assertTrue(status.startswith(b"HTTP/1.1 413 "))

    def test_head_too_large(self) -> None:
        """
        A head over the limit, in one line or in many, is 431.
        """
        many = b"".join(b"X-%d: 0123456789\r\n" % n for n in range(200))
        status, message = self.refusal(POST + many + b"\r\n")
        self.assertEqual(status, b"HTTP/1.1 431 Request Header Fields Too Large")
        self.assertIn("server.maxHeaderBytes", message)
        self.connection = Connection(self.requests.append)
        status, _ = self.refusal(POST + b"X: " + b"x" * 5000)
        self.assertEqual(status, b"HTTP/1.1 431 Request Header Fields Too Large")

    def test_malformed(self) -> None:
        """
        Bytes that are no request, and lengths that contradict each other, are
        400.
        """
        for data in (
            # A TLS client, which sends no more until it hears something.
            b"\x16\x03\x01\x02\x00\x01",
            b"GET /x\r\n\r\n",
            POST + b"no colon\r\n\r\n",
            POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            POST + b"Content-Length: -1\r\n\r\n",
            POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
            POST + b"Content-Length: 9" + b" " * 1500 + b"9\r\n\r\n",
            POST + b"X: a\nb\r\n\r\n",
            POST + b"X : a\r\n\r\n",
        ):
            self.connection = Connection(self.requests.append)
            status, _ = self.refusal(data)
            self.assertEqual((data, status), (data, b"HTTP/1.1 400 Bad Request"))

    def test_refused_by_rfc(self) -> None:
        """
        What RFC 9110 and 9112 want refused otherwise is.
        """
        get = b"GET /x HTTP/1.1\r\n"
        for data, expected in (
            (b"GET /x HTTP/2.0\r\n\r\n", 505),
            (b"GET /x\n", 400),
            (get + b"Host: h\n", 400),
            (get + b"Host: h\r\nX: a\r\n b\r\n\r\n", 400),
            (b"GET /" + b"x" * 5000, 414),
            (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
            (POST + b"".join(b"A:\r\n" for _ in range(501)) + b"\r\n", 431),
            (POST + b"Content-Length: " + b"9" * 1500 + b"\r\n\r\n", 413),
            (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
            (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n", 400),
            (POST + b"Expect: a miracle\r\n\r\n", 417),
        ):
            self.connection = Connection(self.requests.append)
            status, _ = self.refusal(data)
            self.assertEqual((data, int(status.split()[1])), (data, expected))

    def test_many_headers(self) -> None:
        """
        Too many headers are told from too large ones.
        """
        _, message = self.refusal(POST + b"A:\r\n" * 501 + b"\r\n")
        self.assertIn("500 headers", message)

    def test_lingers(self) -> None:
        """
        A client that still sends is read for a moment, so that it can read
        why; then the connection is closed.
        """
        directlyProvides(self.connection.transport, ITCPTransport)
        self.connection.send(POST + b"Content-Length: 1001\r\n\r\n")
        self.connection.send(b"x" * 500)
        transport = self.connection.transport
        self.assertTrue(transport.write_closed)
        self.assertFalse(transport.disconnecting)
        self.connection.clock.advance(2.0)
        self.assertTrue(transport.disconnecting)

    def test_refused_by_route(self) -> None:
        """
        What the routes raise is answered, and the connection lives on.
        """

        def refuse(request: Request) -> None:
            raise BadRequest("odd")

        connection = Connection(refuse)
        for _ in range(2):
            connection.send(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertTrue(connection.received().startswith(b"HTTP/1.1 400 "))

    def test_broken_route(self) -> None:
        """
        A mistake of ours is a 500 without a traceback.
        """

        def broken(request: Request) -> None:
            raise ZeroDivisionError("secret")

        connection = Connection(broken)
        connection.send(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
        received = connection.received()
        self.assertTrue(received.startswith(b"HTTP/1.1 500 "))
        self.assertNotIn(b"secret", received)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class LeniencyTests(ChannelTestCase):
    """
    What is unusual, and fine.
    """

    def test_minor_versions(self) -> None:
        """
        Later versions of HTTP/1 are taken for HTTP/1.1.
        """
        request = self.ask(b"GET /x HTTP/1.7\r\nHost: h\r\n")
        self.assertEqual(request.clientproto, b"HTTP/1.1")

    def test_nothing_to_continue(self) -> None:
        """
        Who has no body to send is not told to send it.
        """
        request = self.ask(POST + b"Content-Length: 0\r\nExpect: 100-continue\r\n")
        request.respond(200, [], b"")
        self.assertEqual(self.connection.response().status, 200)

    def test_old_client_expects(self) -> None:
        """
        What an HTTP/1.0 client expects is ignored.
        """
        self.ask(b"GET /x HTTP/1.0\r\nExpect: a miracle\r\n")
        self.assertEqual(self.connection.received(), b"")


class ResponseTests(ChannelTestCase):
    """
    How a relayed response is written.
    """

    def test_length(self) -> None:
        """
        With a length, the body goes as it is, in one packet with the head.
        """
        request = self.ask()
        request.begin(201, b"Made", [(b"x-y", b"1"), (b"x-y", b"2")], 3)
        request.send(b"foo")
        self.assertEqual(self.connection.received(), b"")
        request.end()
        self.assertEqual(
            self.connection.received(),
            b"HTTP/1.1 201 Made\r\nx-y: 1\r\nx-y: 2\r\nContent-Length: 3\r\n"
            + DATE
            + b"\r\nfoo",
        )

    def test_date(self) -> None:
        """
        A response that has a date keeps it, whatever its case.
        """
        self.ask().respond(200, [(b"DATE", b"yesterday")], b"")
        self.assertEqual(
            self.connection.received(),
            b"HTTP/1.1 200 OK\r\nDATE: yesterday\r\nContent-Length: 0\r\n\r\n",
        )

    def test_chunks_and_trailers(self) -> None:
        """
        Without a length, it goes in chunks, with trailers behind.
        """
        request = self.ask()
        request.begin(200, b"OK", [], None)
        request.send(b"foo")
        request.flush()
        self.assertEqual(
            self.connection.received(),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
            + DATE
            + b"\r\n3\r\nfoo\r\n",
        )
        request.end([(b"X-T", b"1")])
        self.assertEqual(self.connection.received(), b"0\r\nX-T: 1\r\n\r\n")

    def test_http_1_0(self) -> None:
        """
        HTTP/1.0 has neither chunks nor interim responses: the connection ends
        the body.
        """
        request = self.ask(b"GET /x HTTP/1.0\r\n")
        request.inform(103, b"Early Hints", [])
        request.begin(200, b"OK", [], None)
        request.send(b"foo")
        request.end([(b"X-T", b"1")])
        self.assertEqual(
            self.connection.received(),
            b"HTTP/1.0 200 OK\r\nConnection: close\r\n" + DATE + b"\r\nfoo",
        )
        self.assertTrue(self.connection.transport.disconnecting)

    def test_http_1_0_keep_alive(self) -> None:
        """
        An HTTP/1.0 client that asks to keep the connection keeps it, as long
        as responses have a length.
        """
        head = b"GET /x HTTP/1.0\r\nConnection: Keep-Alive\r\n"
        self.ask(head).respond(200, [], b"foo")
        self.assertEqual(
            self.connection.received(),
            b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n"
            b"Connection: keep-alive\r\n" + DATE + b"\r\nfoo",
        )
        self.assertFalse(self.connection.transport.disconnecting)
        request = self.ask(head)
        request.begin(200, b"OK", [], None)
        request.end()
        self.assertTrue(self.connection.transport.disconnecting)

    def test_no_body(self) -> None:
        """
        HEAD, 204 and 304 have no body, whatever was announced.
        """
        request = self.ask(b"HEAD /x HTTP/1.1\r\nHost: h\r\n")
        request.begin(200, b"OK", [], 300)
        request.end()
        self.assertEqual(
            self.connection.received(),
            b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n" + DATE + b"\r\n",
        )
        for code in (204, 304):
            request = self.ask()
            request.begin(code, b"None", [], None)
            request.end()
            self.assertEqual(
                self.connection.received(),
                b"HTTP/1.1 %d None\r\n%b\r\n" % (code, DATE),
            )

    def test_inform(self) -> None:
        """
        An interim response goes before the response.
        """
        request = self.ask()
        request.inform(103, b"Early Hints", [(b"Link", b"</x>")])
        self.assertEqual(
            self.connection.received(),
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
        )

    def test_close_asked(self) -> None:
        """
        A client that wants the connection closed gets that.
        """
        for value in (b"close", b"Close", b"TE, close", b"close,TE"):
            self.connection = Connection(self.requests.append)
            request = self.ask(
                b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: %b\r\n" % value
            )
            request.respond(200, [], b"")
            self.assertIn(b"\r\nConnection: close\r\n", self.connection.received())
            self.assertTrue(self.connection.transport.disconnecting)

    def test_pipelined(self) -> None:
        """
        A request that came early is routed when the one before is answered.
        """
        self.connection.send(
            b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
        )
        self.assertEqual([request.path for request in self.requests], [b"/1"])
        self.requests[0].respond(200, [], b"one")
        self.assertEqual([request.path for request in self.requests], [b"/1", b"/2"])

    def test_far_ahead(self) -> None:
        """
        A client that sends requests far ahead of the answers is read on, so that it is
        seen to leave; it is answered the first, and has to send the others again.
        """
        request = self.ask()
        for _ in range(10):
            self.connection.send(b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n" * 2000)
        self.assertEqual(self.connection.transport.producerState, "producing")
        request.respond(200, [], b"first")
        response = self.connection.response()
        self.assertEqual((response.status, response.body), (200, b"first"))
        self.assertEqual(response.headers["connection"], "close")
        self.assertTrue(self.connection.transport.disconnecting)
        self.assertEqual(self.requests, [request])

    def test_pipelined_many(self) -> None:
        """
        However many come at once, each is answered, in order.
        """

        def answer(request: Request) -> None:
            request.respond(200, [], request.path)

        connection = Connection(answer)
        connection.send(
            b"".join(
                b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number
                for number in range(2000)
            )
        )
        answers = connection.received().split(b"HTTP/1.1 200 OK\r\n")[1:]
        self.assertEqual(
            [answer.rpartition(b"/")[2] for answer in answers],
            [b"%d" % number for number in range(2000)],
        )

    def test_cut(self) -> None:
        """
        A response that is cut has no end: no last chunk, and on HTTP/1.0,
        which has no chunks, a reset.
        """
        request = self.ask()
        request.begin(200, b"OK", [], None)
        request.send(b"foo")
        request.cut()
        self.assertNotIn(b"0\r\n\r\n", self.connection.received())
        self.assertTrue(self.connection.transport.disconnecting)
        self.connection = Connection(self.requests.append)
        request = self.ask(b"GET /x HTTP/1.0\r\n")
        request.begin(200, b"OK", [], None)
        request.cut()
        self.assertTrue(self.connection.transport.disconnected)

    def test_client_gone(self) -> None:
        """
        A client that leaves is told of once, and what is sent after that goes
        nowhere.
        """
        request = self.ask()
        gone: list[bool] = []
        request.on_gone = lambda: gone.append(True)
        request.begin(200, b"OK", [], None)
        self.connection.leave()
        self.assertEqual(gone, [True])
        request.send(b"foo")
        request.flush()
        request.end()
        request.cut()
        self.assertEqual(gone, [True])

    def test_not_gone_when_answered(self) -> None:
        """
        A client that leaves after its answer is no news.
        """
        request = self.ask()
        gone: list[bool] = []
        request.on_gone = lambda: gone.append(True)
        request.respond(200, [], b"")
        self.connection.leave()
        self.assertEqual(gone, [])


class TimeoutTests(ChannelTestCase):
    """
    A client that stops in the middle of a request is not waited for; one that
    waits for its answer has all the time.
    """

    def status(self) -> bytes:
        return self.connection.received()[:13]

    def test_head(self) -> None:
        """
        A head that is not whole in time, however it trickles in, is 408.
        """
        for piece in (b"G", b"ET /x HTTP/1.1\r\n", b"Host: h\r\n"):
            self.connection.send(piece)
            self.connection.clock.advance(9)
        self.assertEqual(self.connection.received(), b"")
        self.connection.clock.advance(3)
        self.assertEqual(self.status(), b"HTTP/1.1 408 ")
        self.assertTrue(self.connection.transport.disconnecting)
        self.connection.leave()

    def test_head_after_idling(self) -> None:
        """
        The time of a head begins with it.
        """
        self.ask().respond(200, [], b"")
        self.connection.received()
        self.connection.clock.advance(100)
        self.connection.send(b"GET")
        self.connection.clock.advance(29.9)
        self.assertEqual(self.connection.received(), b"")
        self.connection.clock.advance(0.1)
        self.assertEqual(self.status(), b"HTTP/1.1 408 ")

    def test_body(self) -> None:
        """
        A body of which nothing comes for too long is 408; one that goes on is
        waited for.
        """
        self.connection.send(POST + b"Content-Length: 6\r\n\r\n")
        for _ in range(5):
            self.connection.clock.advance(59)
            self.connection.send(b"x")
        self.assertEqual(self.connection.received(), b"")
        self.connection.clock.advance(60)
        self.assertEqual(self.status(), b"HTTP/1.1 408 ")
        self.assertEqual(self.requests, [])
        self.assertTrue(self.connection.transport.disconnecting)

    def test_chunked_body(self) -> None:
        """
        So is one in chunks.
        """
        self.connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nfo")
        self.connection.clock.advance(60)
        self.assertEqual(self.status(), b"HTTP/1.1 408 ")

    def test_paused_body(self) -> None:
        """
        A client that is told to wait, for the disk, owes nothing meanwhile.
        """
        self.connection.send(POST + b"Content-Length: 6\r\n\r\nfoo")
        source = self.connection.channel.body_source
        source.pauseProducing()
        self.connection.clock.advance(600)
        self.assertEqual(self.connection.received(), b"")
        source.resumeProducing()
        self.connection.clock.advance(59)
        self.assertEqual(self.connection.received(), b"")
        self.connection.clock.advance(1)
        self.assertEqual(self.status(), b"HTTP/1.1 408 ")

    def test_resumed_when_whole(self) -> None:
        """
        A body that is whole is not waited for, though the disk still is.
        """
        request = self.ask(POST + b"Content-Length: 0\r\n")
        source = self.connection.channel.body_source
        source.pauseProducing()
        source.resumeProducing()
        self.connection.clock.advance(600)
        request.respond(200, [], b"")
        self.assertIn(b" 200 ", self.connection.received())

    def test_waiting_and_streaming(self) -> None:
        """
        A request that waits for its model, and a response that goes on, take
        any time, with a next request half sent behind it.
        """
        for head in (
            b"GET /x HTTP/1.1\r\nHost: h\r\n",
            POST + b"Content-Length: 0\r\n",
        ):
            request = self.ask(head)
            self.connection.send(b"GET /next")
            self.connection.clock.advance(3600)
            request.begin(200, b"OK", [], None)
            self.connection.clock.advance(3600)
            request.send(b"foo")
            request.end()
            self.assertTrue(self.connection.received().endswith(b"0\r\n\r\n"))
            self.assertFalse(self.connection.transport.disconnecting)
            self.connection.send(b" HTTP/1.1\r\nHost: h\r\n\r\n")
            self.requests[-1].respond(200, [], b"")
            self.connection.received()

    def test_half_sent_behind_an_answer(self) -> None:
        """
        The time of a head that came early begins with the answer before it.
        """
        request = self.ask()
        self.connection.send(b"GET /next")
        self.connection.clock.advance(100)
        request.respond(200, [], b"")
        self.connection.received()
        self.connection.clock.advance(29.9)
        self.assertEqual(self.connection.received(), b"")
        self.connection.clock.advance(0.1)
        self.assertEqual(self.status(), b"HTTP/1.1 408 ")

    def test_idle(self) -> None:
        """
        A connection without a request is closed in silence, new or not; and
        cut where that does not help.
        """
        for asked in (False, True):
            self.connection = Connection(self.requests.append)
            if asked:
                self.connection.clock.advance(100)
                self.ask().respond(200, [], b"")
                self.connection.received()
            self.connection.clock.advance(119.9)
            transport = self.connection.transport
            self.assertFalse(transport.disconnecting)
            self.connection.clock.advance(0.1)
            self.assertTrue(transport.disconnecting)
            self.assertEqual(self.connection.received(), b"")
            self.connection.clock.advance(15)
            self.assertTrue(transport.disconnected)

    def test_slow_reader_of_the_last_answer(self) -> None:
        """
        A client that still reads its last answer is not idle.
        """
        self.ask().respond(200, [], b"x" * 100)
        self.connection.channel.pauseProducing()
        self.connection.clock.advance(600)
        self.assertFalse(self.connection.transport.disconnecting)
        self.connection.channel.resumeProducing()
        self.connection.clock.advance(120)
        self.assertTrue(self.connection.transport.disconnecting)

    def test_gone(self) -> None:
        """
        A connection that is gone leaves no timer behind.
        """
        for data in (b"", b"GET", POST + b"Content-Length: 6\r\n\r\nf"):
            connection = Connection(self.requests.append)
            connection.send(data)
            connection.leave()
            self.assertEqual(connection.clock.getDelayedCalls(), [])


class DrainTests(ChannelTestCase):
    """
    Connections end when the daemon does, and not before they are answered.
    """

    def test_drain(self) -> None:
        """
        An idle connection is closed at once, a busy one when it is answered;
        then all is drained.
        """
        request = self.ask()
        drained = self.connection.site.drain()
        self.assertFalse(self.connection.transport.disconnecting)
        request.begin(200, b"OK", [], None)
        request.end()
        self.assertTrue(self.connection.transport.disconnecting)
        self.assertNoResult(drained)
        self.connection.leave()
        self.successResultOf(drained)

    def test_half_sent(self) -> None:
        """
        A request whose body is still coming is not waited for: it is refused.
        """
        self.connection.send(POST + b"Content-Length: 9\r\n\r\nhalf")
        self.connection.site.drain()
        response = self.connection.response()
        self.assertEqual(response.status, 503)
        self.assertEqual(response.headers["connection"], "close")
        self.connection.send(b" more")
        self.assertEqual(self.requests, [])

    def test_idle(self) -> None:
        """
        Without connections there is nothing to wait for.
        """
        drained = self.connection.site.drain()
        self.assertTrue(self.connection.transport.disconnecting)
        self.connection.leave()
        self.successResultOf(drained)
        self.successResultOf(self.connection.site.drain())


@implementer(IHalfCloseableProtocol)
class Successor:
    """
    Takes a connection over.
    """

    def __init__(self) -> None:
        self.log: list[Any] = []

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        self.log.append(data)

    def readConnectionLost(self) -> None:
        self.log.append("read lost")

    def writeConnectionLost(self) -> None:
        self.log.append("write lost")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.log.append("lost")


class SwitchTests(ChannelTestCase):
    """
    A connection that is given away with a 101.
    """

    def setUp(self) -> None:
        super().setUp()
        self.successor = Successor()

    def switch(self, close: Any = None) -> bytes:
        request: Any = self.requests[-1]
        early: bytes = request.switch(
            b"Switching Protocols", [(b"Upgrade", b"x")], self.successor, close
        )
        return early

    def test_head(self) -> None:
        """
        The head is as it is given, and nothing else is written.
        """
        self.ask()
        self.assertEqual(self.switch(), b"")
        self.assertEqual(
            self.connection.received(),
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        )
        self.assertIs(self.successor.transport, self.connection.transport)
        self.assertIsNone(self.connection.transport.producer)

    def test_what_comes(self) -> None:
        """
        What the client has sent before is handed over, and what it sends from then
        on passed on, though it looks like a request.
        """
        self.ask()
        self.connection.send(b"early ")
        self.connection.send(b"bird")
        self.assertEqual(self.switch(), b"early bird")
        self.connection.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertEqual(self.successor.log, [b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"])
        self.assertEqual(len(self.requests), 1)

    def test_read_ahead(self) -> None:
        """
        A client that has sent more than is read ahead is read again.
        """
        self.ask(
            b"GET /x HTTP/1.1\r\nHost: h\r\n"
            b"Connection: upgrade\r\nUpgrade: websocket\r\n"
        )
        self.connection.send(b"x" * 300_000)
        self.assertEqual(self.connection.transport.producerState, "paused")
        self.assertEqual(len(self.switch()), 300_000)
        self.assertEqual(self.connection.transport.producerState, "producing")

    def test_ends(self) -> None:
        """
        It learns of each half's end and of the connection's, and until then the
        connection counts.
        """
        channel = self.connection.channel
        self.ask()
        self.assertFalse(IHalfCloseableProtocol.providedBy(channel))
        self.switch()
        self.assertTrue(IHalfCloseableProtocol.providedBy(channel))
        channel.readConnectionLost()
        channel.writeConnectionLost()
        self.assertEqual(self.connection.site.channels, {channel})
        self.connection.leave()
        self.assertEqual(self.successor.log, ["read lost", "write lost", "lost"])
        self.assertEqual(self.connection.site.channels, set())

    def test_never_out_of_patience(self) -> None:
        """
        It may be silent for any time.
        """
        self.ask()
        self.switch()
        self.connection.clock.advance(1e6)
        self.assertFalse(self.connection.transport.disconnecting)

    def test_drain(self) -> None:
        """
        Where the daemon shuts down it is given time, unless it says that it wants
        none.
        """
        self.ask()
        self.switch()
        drained = self.connection.site.drain()
        self.assertFalse(self.connection.transport.disconnecting)
        self.connection.leave()
        self.successResultOf(drained)

        self.setUp()
        self.ask()
        closed: list[int] = []
        self.switch(lambda: closed.append(1))
        self.connection.site.drain()
        self.assertEqual(closed, [1])
