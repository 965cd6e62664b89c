"""
Tests for `llamaswap_tw.web.http2` and for what comes of `llamaswap_tw.web.stream`.
"""

from __future__ import annotations

import json
from typing import Any

from h2.errors import ErrorCodes
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface.verify import verifyObject

from llamaswap_tw.errors import BadRequest, RequestError
from llamaswap_tw.interfaces import IDownstream
from llamaswap_tw.proxy.body import MEMORY_LIMIT
from llamaswap_tw.web.request import Request

from .http2 import Connection2, Http2TestCase


class HeadTests(Http2TestCase):
    """
    What a request is, once its head is in.
    """

    def test_request(self) -> None:
        """
        It has what one over HTTP/1 has: method, path, query, Host, headers.
        """
        self.connection.ask("GET", "/a%2Fb?c=%zz", {"x-mine": "1"})
        (request,) = self.requests
        self.assertEqual(request.method, b"GET")
        self.assertEqual(request.path, b"/a%2Fb")
        self.assertEqual(request.query, b"c=%zz")
        self.assertEqual(request.clientproto, b"HTTP/2")
        raw = dict(request.requestHeaders.getAllRawHeaders())
        self.assertEqual(raw, {b"Host": [b"h"], b"X-Mine": [b"1"]})
        self.assertEqual(request.peer, b"192.168.1.1")
        verifyObject(IDownstream, request)
        verifyObject(IConsumer, request.channel)
        verifyObject(IPushProducer, request.channel)

    def test_cookies(self) -> None:
        """
        Cookies that come apart are one header, as HTTP/1 wants them.
        """
        client = self.connection.h2
        stream_id = client.get_next_available_stream_id()
        fields = [(":method", "GET"), (":scheme", "https"), (":authority", "h")]
        fields += [(":path", "/"), ("cookie", "a=1"), ("cookie", "b=2")]
        client.send_headers(stream_id, fields, end_stream=True)
        self.connection.exchange()
        cookies = self.requests[0].requestHeaders.getRawHeaders(b"Cookie")
        self.assertEqual(cookies, [b"a=1; b=2"])

    def test_refused_by_head(self) -> None:
        """
        What the head decides is decided before the body is in; the rest of the
        connection goes on.
        """
        odd = BadRequest("odd")
        self.connect(refusal=lambda request: odd if request.uri == b"/odd" else None)
        stream_id = self.connection.begin("POST", "/odd", ended=False)
        seen = self.connection.seen[stream_id]
        self.assertEqual(seen.status, 400)
        self.assertEqual(json.loads(seen.body)["error"]["message"], "odd")
        self.assertEqual(self.requests, [])
        self.connection.ask()
        self.assertEqual(len(self.requests), 1)

    def test_malformed(self) -> None:
        """
        What would be another request to a model's server is refused.
        """
        pairs = [
            *(("GET", path, {}) for path in ("x", "/a b", "/a\tb", "http://other/x")),
            *(("GET", path, {}) for path in ("*", "/a#b")),
            *((method, "/x", {}) for method in ("GE T", "GET\t", "CONNECT")),
            *(
                ("POST", "/x", {"content-length": length})
                for length in ("+1", "1_0", "9" * 30)
            ),
            ("GET", "/x", {"a(b": "1"}),
            ("GET", "/x", {"connection": "close"}),
            ("GET", "/x", {"host": "other"}),
        ]
        for method, path, headers in pairs:
            self.connect()
            seen = self.connection.ask(method, path, headers)
            # Some of it h2 takes for the end of all understanding.
            refused = seen.headers.get(":status") == "400"
            self.assertTrue(
                refused or self.connection.goodbye == ErrorCodes.PROTOCOL_ERROR,
                (method, path, headers, seen.headers),
            )
        self.assertEqual(self.requests, [])

    def test_raw_bytes(self) -> None:
        """
        Bytes from 0x80 on in a path are percent-encoded, as over HTTP/1.
        """
        self.connection.ask(path="/é")
        self.assertEqual(self.requests[0].uri, b"/%C3%A9")

    def test_too_large(self) -> None:
        """
        A head over ``server.maxHeaderBytes`` is answered with 431, and so is one of
        more headers than anybody needs, or longer names; others go on.
        """
        seen = self.connection.ask(headers={"x": "y" * 2000})
        self.assertEqual(seen.status, 431)
        self.assertIn(b"2000 bytes", seen.body)
        self.connect(max_head=100_000)
        seen = self.connection.ask(headers={f"x{n}": "y" for n in range(501)})
        self.assertEqual(seen.status, 431)
        self.assertIn(b"500 headers", seen.body)
        seen = self.connection.ask(headers={"x" * 257: "y"})
        self.assertEqual(seen.status, 431)
        self.assertIn(b"256 bytes", seen.body)
        self.connection.ask()
        self.assertEqual(len(self.requests), 1)

    def test_expectation(self) -> None:
        """
        Who waits to be told that a body is wanted is told, or told that it is not.
        """
        expects = {"expect": "100-continue"}
        stream_id = self.connection.begin("POST", "/x", expects, False)
        seen = self.connection.seen[stream_id]
        self.assertEqual([each[":status"] for each in seen.informed], ["100"])
        stream_id = self.connection.begin("POST", "/x", {"expect": "more"}, False)
        self.assertEqual(self.connection.seen[stream_id].status, 417)


class BodyTests(Http2TestCase):
    """
    Bodies on their way in.
    """

    def test_body(self) -> None:
        """
        A body is whole when its request is routed.
        """
        stream_id = self.connection.begin("POST", "/x", ended=False)
        self.connection.send(stream_id, b"one ")
        self.assertEqual(self.requests, [])
        self.connection.send(stream_id, b"two", True)
        (request,) = self.requests
        assert request.body is not None
        self.assertEqual(request.body.in_memory, b"one two")

    def test_trailers(self) -> None:
        """
        What follows on a body ends it.
        """
        stream_id = self.connection.begin("POST", "/x", ended=False)
        self.connection.send(stream_id, b"one")
        self.connection.h2.send_headers(stream_id, [("x-sum", "1")], end_stream=True)
        self.connection.exchange()
        self.assertEqual(len(self.requests), 1)

    def test_announced_too_large(self) -> None:
        """
        A body that says to be too large is refused before it comes.
        """
        stream_id = self.connection.begin(
            "POST", "/x", {"content-length": "1001"}, False
        )
        self.assertEqual(self.connection.seen[stream_id].status, 413)
        self.assertTrue(self.connection.seen[stream_id].ended)

    def test_too_large(self) -> None:
        """
        One that becomes too large is refused then.  What its client still sends is
        taken for a moment, then it is told to stop: the answer is whole.
        """
        stream_id = self.connection.begin("POST", "/x", ended=False)
        seen = self.connection.seen[stream_id]
        for _ in range(60):
            # A window would have been too small for all of this.
            self.connection.send(stream_id, b"x" * 16_000)
        self.assertEqual((seen.status, seen.ended, seen.reset), (413, True, None))
        self.connection.clock.advance(1.9)
        self.connection.exchange()
        self.assertIsNone(seen.reset)
        self.connection.clock.advance(0.2)
        self.connection.exchange()
        self.assertEqual(seen.reset, ErrorCodes.NO_ERROR)
        self.assertEqual(self.connection.channel.streams, {})

    def test_refused_and_sent(self) -> None:
        """
        A client that sends the rest of a refused body is not reset.
        """
        stream_id = self.connection.begin("POST", "/x", ended=False)
        self.connection.send(stream_id, b"x" * 2000)
        self.connection.send(stream_id, b"x" * 2000, True)
        self.assertEqual(self.connection.channel.streams, {})
        self.connection.clock.advance(3)
        self.connection.exchange()
        self.assertIsNone(self.connection.seen[stream_id].reset)
        self.assertEqual(self.requests, [])

    def test_slow_disk(self) -> None:
        """
        A client whose body goes to a slow disk gets no more room on its stream; the
        other streams have theirs.
        """
        stores: list[Deferred[Any]] = []

        def thread(function: Any, *args: Any) -> Deferred[Any]:
            done: Deferred[Any] = Deferred()
            done.addCallback(lambda _: function(*args))
            stores.append(done)
            return done

        self.connect(max_body=2 * MEMORY_LIMIT, thread=thread)
        client = self.connection.h2
        stream_id = self.connection.begin("POST", "/x", ended=False)
        sent = 0
        while (room := client.local_flow_control_window(stream_id)) > 0:
            size = min(room, 16_000)
            sent += size
            self.connection.send(stream_id, b"x" * size)
            self.assertLess(sent, MEMORY_LIMIT + 4_000_000)
        self.assertGreater(sent, MEMORY_LIMIT)
        self.connection.clock.advance(1000)
        other = self.connection.begin("POST", "/x", ended=False)
        self.assertGreater(client.local_flow_control_window(other), 400_000)
        while client.local_flow_control_window(stream_id) <= 0:
            # The disk writes on.
            stores.pop(0).callback(None)
            self.connection.exchange()
        self.connection.send(stream_id, b"y", True)
        while stores:
            stores.pop(0).callback(None)
        request = self.requests[-1]
        assert request.body is not None
        self.assertEqual(request.body.size, sent + 1)
        request.end()

    def test_timeout(self) -> None:
        """
        A body that stops coming is refused with 408, and its connection goes on.
        """
        stream_id = self.connection.begin("POST", "/x", ended=False)
        self.connection.clock.advance(59)
        self.connection.send(stream_id, b"x")
        self.connection.clock.advance(59)
        self.connection.exchange()
        seen = self.connection.seen[stream_id]
        self.assertEqual(seen.headers, {})
        self.connection.clock.advance(1)
        self.connection.exchange()
        self.assertEqual(seen.status, 408)
        self.connection.ask()
        self.assertEqual(len(self.requests), 1)

    def test_gone(self) -> None:
        """
        A client that resets a request before its body is in leaves nothing behind.
        """
        stream_id = self.connection.begin("POST", "/x", ended=False)
        self.connection.send(stream_id, b"x")
        self.connection.h2.reset_stream(stream_id)
        self.connection.exchange()
        self.assertEqual(self.connection.channel.streams, {})
        self.connection.clock.advance(100)
        self.connection.exchange()
        self.assertEqual(self.requests, [])


class RefusalTests(Http2TestCase):
    """
    Errors, as any client gets them.
    """

    def test_route_refuses(self) -> None:
        """
        What a route raises is the answer.
        """

        def route(request: Request) -> None:
            raise RequestError("odd")

        self.connection = Connection2(route)
        seen = self.connection.ask(headers={"accept": "text/plain"})
        self.assertEqual((seen.status, seen.body), (500, b"llama-swap: odd\n"))
