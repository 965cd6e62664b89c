"""
Tests for `llamaswap_tw.proxy.agent` and what it is made of.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer
from zope.interface.verify import verifyObject

from llamaswap_tw.errors import BadRequest
from llamaswap_tw.proxy.agent import Agent
from llamaswap_tw.proxy.connection import HEAD_LIMIT
from llamaswap_tw.proxy.failures import (
    BrokenOff,
    ConnectFailed,
    HeadTimeout,
    Malformed,
)
from llamaswap_tw.proxy.forward import ForwardProxies
from llamaswap_tw.proxy.headers import RawHeaders
from llamaswap_tw.proxy.response import UpstreamResponse
from llamaswap_tw.proxy.timeouts import Timeouts
from llamaswap_tw.proxy.upload import WrongLength

from .support import URL, Asking, Reader, ServerSide

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@dataclass
class Case:
    """
    What a server sends, and what is made of it.

    :ivar wire: all that it sends.
    :ivar closes: whether it then closes the connection.
    :ivar code: the status, or 0 where there is no response.
    :ivar end: as `Reader.end`, or the name of the failure.
    :ivar kept: whether the connection serves the next request.
    """

    wire: bytes
    body: bytes = b""
    code: int = 200
    end: str = "whole"
    length: int | None = None
    kept: bool = True
    closes: bool = False
    method: bytes = b"GET"
    phrase: bytes = b"OK"
    headers: RawHeaders = field(default_factory=list)
    trailers: RawHeaders = field(default_factory=list)
    interim: list[tuple[int, bytes, RawHeaders]] = field(default_factory=list)


_CHUNKED = (b"Transfer-Encoding", b"chunked")


def _head(code: str, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {code}", *lines, "", ""]).encode("latin-1")


CASES = {
    "length": Case(
        _head("200 OK", "x-A:  b c \t", "Content-Length: 5") + b"hello",
        b"hello",
        length=5,
        headers=[(b"x-A", b"b c"), (b"Content-Length", b"5")],
    ),
    "no body": Case(
        _head("200 OK", "Content-Length: 0"),
        length=0,
        headers=[(b"Content-Length", b"0")],
    ),
    "raw bytes": Case(
        _head("200 \xe9", "A: \xff", "Content-Length: 0"),
        length=0,
        phrase=b"\xe9",
        headers=[(b"A", b"\xff"), (b"Content-Length", b"0")],
    ),
    "no phrase": Case(
        _head("200", "Content-Length: 0"),
        length=0,
        phrase=b"",
        headers=[(b"Content-Length", b"0")],
    ),
    "chunked": Case(
        _head("200 OK", "Transfer-Encoding: chunked")
        + b"3\r\nabc\r\n4;x=y\r\nd\r\ne\r\n0\r\n\r\n",
        b"abcd\r\ne",
        headers=[_CHUNKED],
    ),
    "padded chunk size, bare LF": Case(
        b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3  \r\nabc\r\n0\r\n\r\n",
        b"abc",
        headers=[_CHUNKED],
    ),
    "trailers": Case(
        _head("200 OK", "Transfer-Encoding: chunked")
        + b"1\r\na\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n",
        b"a",
        headers=[_CHUNKED],
        trailers=[(b"X-T", b"1"), (b"X-U", b"2")],
    ),
    "no length": Case(
        _head("200 OK", "A: b") + b"until the end",
        b"until the end",
        end="closed",
        kept=False,
        closes=True,
        headers=[(b"A", b"b")],
    ),
    "HTTP/1.0": Case(
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
        b"a",
        length=1,
        kept=False,
        headers=[(b"Content-Length", b"1")],
    ),
    "HTTP/1.0 kept": Case(
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
        b"a",
        length=1,
        headers=[(b"Connection", b"keep-alive"), (b"Content-Length", b"1")],
    ),
    "close": Case(
        _head("200 OK", "Connection: close", "Content-Length: 1") + b"a",
        b"a",
        length=1,
        kept=False,
        headers=[(b"Connection", b"close"), (b"Content-Length", b"1")],
    ),
    "HEAD with a length": Case(
        _head("200 OK", "Content-Length: 500"),
        method=b"HEAD",
        length=500,
        kept=False,
        headers=[(b"Content-Length", b"500")],
    ),
    "HEAD chunked": Case(
        _head("200 OK", "Transfer-Encoding: chunked"),
        method=b"HEAD",
        kept=False,
        headers=[_CHUNKED],
    ),
    "HEAD with a body that may not be": Case(
        _head("200 OK", "Content-Length: 3") + b"abc",
        method=b"HEAD",
        length=3,
        kept=False,
        headers=[(b"Content-Length", b"3")],
    ),
    "204": Case(_head("204 No Content"), code=204, phrase=b"No Content"),
    "204 with a length": Case(
        _head("204 No Content", "Content-Length: 7"),
        code=204,
        phrase=b"No Content",
        headers=[(b"Content-Length", b"7")],
    ),
    "304": Case(
        _head("304 Not Modified", "Content-Length: 7"),
        code=304,
        phrase=b"Not Modified",
        length=7,
        headers=[(b"Content-Length", b"7")],
    ),
    "304 without a length": Case(
        _head("304 Not Modified"), code=304, phrase=b"Not Modified"
    ),
    "interim": Case(
        _head("100 Continue") + _head("103 Early Hints", "Link: </a>") + OK,
        b"hi",
        length=2,
        headers=[(b"Content-Length", b"2")],
        interim=[(100, b"Continue", []), (103, b"Early Hints", [(b"Link", b"</a>")])],
    ),
    "trailing garbage": Case(
        OK + b"garbage",
        b"hi",
        length=2,
        kept=False,
        headers=[(b"Content-Length", b"2")],
    ),
    "a response too many": Case(
        OK + OK, b"hi", length=2, kept=False, headers=[(b"Content-Length", b"2")]
    ),
    "length cut short": Case(
        _head("200 OK", "Content-Length: 5") + b"hel",
        b"hel",
        length=5,
        end="cut",
        kept=False,
        closes=True,
        headers=[(b"Content-Length", b"5")],
    ),
    "chunks cut short": Case(
        _head("200 OK", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n",
        b"abc",
        end="cut",
        kept=False,
        closes=True,
        headers=[_CHUNKED],
    ),
    "broken chunks": Case(
        _head("200 OK", "Transfer-Encoding: chunked") + b"3\r\nabc\r\nzz\r\n",
        b"abc",
        end="cut",
        kept=False,
        headers=[_CHUNKED],
    ),
    "head cut short": Case(
        b"HTTP/1.1 200 OK\r\nCont", code=0, end="BrokenOff", kept=False, closes=True
    ),
    "no answer": Case(b"", code=0, end="BrokenOff", kept=False, closes=True),
    "both lengths": Case(
        _head("200 OK", "Content-Length: 3", "Transfer-Encoding: chunked")
        + b"0\r\n\r\n",
        code=0,
        end="Malformed",
        kept=False,
    ),
    "two lengths": Case(
        _head("200 OK", "Content-Length: 3", "Content-Length: 4") + b"abcd",
        code=0,
        end="Malformed",
        kept=False,
    ),
    "unknown coding": Case(
        _head("200 OK", "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
        code=0,
        end="Malformed",
        kept=False,
    ),
    "lone CR": Case(
        b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", code=0, end="Malformed", kept=False
    ),
    "folded header": Case(
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", code=0, end="Malformed", kept=False
    ),
    "upgrade": Case(
        _head("101 Switching Protocols", "Upgrade: x", "Connection: upgrade") + b"raw",
        code=0,
        end="Malformed",
        kept=False,
    ),
    "another protocol": Case(
        b"SSH-2.0-OpenSSH_9\r\n", code=0, end="Malformed", kept=False
    ),
}


@implementer(IBodyProducer)
class Producer:
    """
    A request's body that is sent by hand.
    """

    def __init__(self, length: Any = 6) -> None:
        self.length = length
        self.state = "producing"
        self.done: Deferred[None] = Deferred()

    def startProducing(self, consumer: Any) -> Deferred[None]:
        self.consumer = consumer
        return self.done

    def pauseProducing(self) -> None:
        self.state = "paused"

    def resumeProducing(self) -> None:
        self.state = "producing"

    def stopProducing(self) -> None:
        self.state = "stopped"


def _outcome(case: Case, pieces: list[bytes]) -> Case:
    """
    What is made of a response that comes in these pieces.
    """
    asking = Asking()
    results: list[Any] = []
    asked = asking.ask(case.method)
    reader = Reader()

    def answered(response: UpstreamResponse) -> None:
        results.append(response)
        response.deliverBody(reader)

    asked.addCallbacks(answered, results.append)
    side = asking.upstream.accept()
    side.send(*pieces)
    if case.closes:
        side.close()
    closed = side.transport.closed
    asking.ask().addErrback(lambda _: None)
    kept = len(asking.upstream.dialled) == 1
    assert kept != closed
    result = results[0]
    common: dict[str, Any] = {
        "wire": case.wire,
        "closes": case.closes,
        "method": case.method,
        "interim": asking.interim.seen,
        "kept": kept,
    }
    if not isinstance(result, UpstreamResponse):
        return Case(code=0, end=type(result.value).__name__, **common)
    return Case(
        body=reader.body,
        code=result.code,
        end=reader.end,
        length=result.length,
        phrase=result.phrase,
        headers=result.raw_headers,
        trailers=result.trailers,
        **common,
    )


class ResponseTests(SynchronousTestCase):
    """
    What a server sends is understood, however it comes.
    """

    def test_in_one_read(self) -> None:
        """
        A response that comes all at once is handed on as it is.
        """
        for name, case in CASES.items():
            with self.subTest(name):
                self.assertEqual(_outcome(case, [case.wire]), case)

    def test_byte_by_byte(self) -> None:
        """
        It is the same response if each byte comes for itself.
        """
        for name, case in CASES.items():
            with self.subTest(name):
                pieces = [case.wire[i : i + 1] for i in range(len(case.wire))]
                self.assertEqual(_outcome(case, pieces), case)

    def test_any_split(self) -> None:
        """
        It is the same response however the network cuts it up.
        """

        @settings(max_examples=150, deadline=None)
        @given(st.sampled_from(sorted(CASES)), st.data())
        def check(name: str, data: st.DataObject) -> None:
            case = CASES[name]
            place = st.integers(0, len(case.wire))
            cuts = sorted(data.draw(st.sets(place, max_size=8)))
            edges = [0, *cuts, len(case.wire)]
            pieces = [case.wire[a:b] for a, b in pairwise(edges) if a < b]
            self.assertEqual(_outcome(case, pieces), case)

        check()

    def test_sequences(self) -> None:
        """
        One connection serves request after request, and nothing of one response
        shows in the next.
        """
        kept = sorted(name for name, case in CASES.items() if case.kept)

        @settings(max_examples=60, deadline=None)
        @given(
            st.lists(st.sampled_from(kept), min_size=2, max_size=6), st.integers(1, 40)
        )
        def check(names: list[str], size: int) -> None:
            asking = Asking()
            side: ServerSide | None = None
            for name in names:
                case = CASES[name]
                asking.interim.seen.clear()
                asked = asking.ask(case.method)
                side = side or asking.upstream.accept()
                wire = case.wire
                reader = Reader()
                asked.addCallback(self.read, reader)
                side.send(*(wire[i : i + size] for i in range(0, len(wire), size)))
                response = self.successResultOf(asked)
                self.assertEqual(response.raw_headers, case.headers)
                self.assertEqual(reader.body, case.body)
                self.assertEqual(reader.end, "whole")
                self.assertEqual(response.trailers, case.trailers)
                self.assertEqual(asking.interim.seen, case.interim)
            self.assertEqual(len(asking.upstream.dialled), 1)

        check()

    def read(self, response: UpstreamResponse, reader: Reader) -> UpstreamResponse:
        response.deliverBody(reader)
        return response

    def test_endless_head(self) -> None:
        """
        A head that never ends is given up on before it fills the memory.
        """
        asking = Asking()
        asked = asking.ask()
        side = asking.upstream.accept()
        side.send(b"HTTP/1.1 200 OK\r\n")
        sent = 0
        while not side.transport.closed:
            side.send(b"A: " + b"b" * 1000 + b"\r\n")
            sent += 1005
        self.failureResultOf(asked, Malformed)
        self.assertLess(sent, HEAD_LIMIT + 2000)

    def test_producer(self) -> None:
        """
        A response is a producer that its reader's transport can pause.
        """
        asking = Asking()
        asked = asking.ask()
        asking.upstream.accept().send(_head("200 OK", "A: b"))
        verifyObject(IPushProducer, self.successResultOf(asked))

    def test_one_packet(self) -> None:
        """
        All that came in one read is delivered before the reader is told so, and
        an end that came along speaks for itself.
        """
        asking = Asking()
        asked = asking.ask()
        reader = Reader()
        asked.addCallback(lambda r: r.deliverBody(reader))
        side = asking.upstream.accept()
        side.send(
            _head("200 OK", *["Transfer-Encoding: chunked"]) + b"1\r\na\r\n1\r\nb\r\n"
        )
        self.assertEqual((reader.pieces, reader.packets), ([b"ab"], 1))
        side.send(b"1\r\nc\r\n0\r\n\r\n")
        self.assertEqual((reader.pieces, reader.packets), ([b"ab", b"c"], 1))
        self.assertEqual(reader.end, "whole")


class PaceTests(SynchronousTestCase):
    """
    A slow reader slows the server down.
    """

    def setUp(self) -> None:
        self.asking = Asking()
        self.asked = self.asking.ask()
        self.side = self.asking.upstream.accept()
        self.reader = Reader()

    def begin(self, wire: bytes) -> UpstreamResponse:
        self.side.send(wire)
        response: UpstreamResponse = self.successResultOf(self.asked)
        return response

    def test_paused(self) -> None:
        """
        While paused nothing is delivered and nothing is read; then all of it.
        """
        response = self.begin(_head("200 OK", "Content-Length: 6") + b"a")
        response.deliverBody(self.reader)
        self.reader.transport.pauseProducing()
        self.assertEqual(self.side.transport.producerState, "paused")
        self.side.send(b"bc", b"d")
        self.assertEqual(self.reader.body, b"a")
        self.reader.transport.resumeProducing()
        self.assertEqual(self.side.transport.producerState, "producing")
        self.side.send(b"ef")
        self.assertEqual((self.reader.body, self.reader.end), (b"abcdef", "whole"))

    def test_ended_while_paused(self) -> None:
        """
        What had been read when the response ended is kept for a slow reader,
        and the connection serves others meanwhile, reading.
        """
        response = self.begin(_head("200 OK", "Content-Length: 3"))
        response.deliverBody(self.reader)
        self.reader.transport.pauseProducing()
        self.side.send(b"abc")
        self.assertEqual(self.side.transport.producerState, "producing")
        self.asking.ask()
        self.assertEqual(len(self.asking.upstream.dialled), 1)
        self.reader.transport.pauseProducing()
        self.assertEqual(self.side.transport.producerState, "producing")
        self.assertEqual((self.reader.body, self.reader.end), (b"", "open"))
        self.reader.transport.resumeProducing()
        self.assertEqual((self.reader.body, self.reader.end), (b"abc", "whole"))

    def test_pauses_on_catching_up(self) -> None:
        """
        A reader that pauses again while it catches up is told of the end only
        when it goes on.
        """
        response = self.begin(_head("200 OK", "Content-Length: 3"))
        reader = self.reader

        def pause(data: bytes) -> None:
            reader.pieces.append(data)
            reader.transport.pauseProducing()

        reader.dataReceived = pause  # type: ignore[method-assign] # acts on its own
        response.deliverBody(reader)
        reader.transport.pauseProducing()
        self.side.send(b"abc")
        reader.transport.resumeProducing()
        self.assertEqual((reader.body, reader.end), (b"abc", "open"))
        reader.transport.resumeProducing()
        self.assertEqual(reader.end, "whole")

    def test_not_taken(self) -> None:
        """
        A body that nobody takes yet is not read beyond what came with the head.
        """
        response = self.begin(_head("200 OK", "Content-Length: 3") + b"a")
        self.assertEqual(self.side.transport.producerState, "paused")
        response.deliverBody(self.reader)
        self.assertEqual(self.side.transport.producerState, "producing")
        self.side.send(b"bc")
        self.assertEqual((self.reader.body, self.reader.end), (b"abc", "whole"))

    def test_not_taken_until_whole(self) -> None:
        """
        A body that is whole before anybody takes it is delivered with its end.
        """
        response = self.begin(OK)
        self.assertTrue(response.complete)
        response.deliverBody(self.reader)
        self.assertEqual((self.reader.body, self.reader.end), (b"hi", "whole"))

    def test_aborted(self) -> None:
        """
        An abort closes the connection at once, and the reader hears no more.
        """
        for method in ("abort", "stopProducing", "loseConnection", "abortConnection"):
            self.setUp()
            response = self.begin(_head("200 OK", "Content-Length: 6") + b"a")
            response.deliverBody(self.reader)
            getattr(response, method)()
            self.assertTrue(self.side.transport.disconnected)
            self.side.close()
            self.assertEqual((self.reader.body, self.reader.end), (b"a", "open"))


class SendingTests(SynchronousTestCase):
    """
    A request goes up as it is given.
    """

    def setUp(self) -> None:
        self.asking = Asking(Timeouts(response_header=5))
        self.clock = self.asking.upstream.reactor

    def sent(self, *args: Any, **keywords: Any) -> tuple[Deferred[Any], ServerSide]:
        asked = self.asking.ask(*args, **keywords)
        return asked, self.asking.upstream.accept()

    def test_head(self) -> None:
        """
        Headers keep their order and case, and only what is missing is added.
        """
        pairs = [(b"x-B", b"1"), (b"HOST", b"h"), (b"X-a", b"\xff"), (b"x-B", b"2")]
        _, side = self.sent(b"POST", b"{}", headers=pairs)
        self.assertEqual(
            side.received(),
            b"POST /v1/x HTTP/1.1\r\nx-B: 1\r\nHOST: h\r\nX-a: \xff\r\nx-B: 2\r\n"
            b"Content-Length: 2\r\n\r\n{}",
        )
        self.assertTrue(side.transport.no_delay)
        self.assertTrue(side.transport.keep_alive)

    def test_added(self) -> None:
        """
        A missing ``Host`` is the server's, and a POST without a body says so.
        """
        table = {
            (b"GET", b"http://u:p@1.2.3.4"): b"GET / HTTP/1.1\r\nHost: 1.2.3.4\r\n\r\n",
            (b"POST", b"http://[::1]:80/a%2Fb?c"): (
                b"POST /a%2Fb?c HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\n\r\n"
            ),
            (
                b"GET",
                b"http://1.2.3.4:8//",
            ): b"GET // HTTP/1.1\r\nHost: 1.2.3.4:8\r\n\r\n",
        }
        for (method, url), head in table.items():
            _, side = self.sent(method, url=url)
            self.assertEqual(side.received(), head)

    def test_line_breaks(self) -> None:
        """
        A line break cannot make one request into two.
        """
        for pairs, url in (
            ([(b"A", b"b\r\nC: d")], URL),
            ([(b"A", b"b\nC: d")], URL),
            ([(b"A", b"b\rC: d")], URL),
            ([], URL + b"\r\nA: b"),
        ):
            self.failureResultOf(self.asking.ask(headers=pairs, url=url), BadRequest)
        self.assertEqual(self.asking.upstream.dialled, [])

    def test_strange_url(self) -> None:
        """
        A URL that leads nowhere is an error that names it.
        """
        for url in (b"ftp://h/", b"http:///x", b"http://h:port/", b"http://\xff/"):
            error = self.failureResultOf(self.asking.ask(url=url), ConnectFailed)
            self.assertIn("cannot be asked at", str(error.value))

    def test_strange_url_with_password(self) -> None:
        """
        That error does not tell a password in it.
        """
        for url in (b"ftp://u:s3cr3t@h/", b"http://u:s3cr3t@h:port/"):
            error = self.failureResultOf(self.asking.ask(url=url), ConnectFailed)
            self.assertNotIn("s3cr3t", str(error.value))

    def test_large_body(self) -> None:
        """
        A large body in memory is sent as the server takes it.
        """
        body = bytes(range(256)) * 4000
        asked, side = self.sent(b"POST", body)
        producer = side.transport.producer
        head, _, sent = side.received().partition(b"\r\n\r\n")
        self.assertTrue(head.endswith(b"Content-Length: 1024000"))
        self.assertEqual(sent, body)
        self.assertIsNone(producer)
        side.send(OK)
        self.successResultOf(asked)

    def test_producer(self) -> None:
        """
        A body from a producer goes up under its length, paced by the server.
        """
        producer = Producer()
        asked, side = self.sent(b"POST", producer)
        self.assertIs(side.transport.producer, producer)
        producer.consumer.write(b"abc")
        producer.consumer.write(b"def")
        producer.done.callback(None)
        self.assertIsNone(side.transport.producer)
        self.assertTrue(side.received().endswith(b"Content-Length: 6\r\n\r\nabcdef"))
        side.send(OK)
        self.successResultOf(asked)

    def test_producer_without_length(self) -> None:
        """
        A body of unknown length goes up in chunks.
        """
        producer = Producer(UNKNOWN_LENGTH)
        _, side = self.sent(b"POST", producer)
        producer.consumer.write(b"abc")
        producer.done.callback(None)
        self.assertTrue(
            side.received().endswith(
                b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            )
        )

    def test_wrong_length(self) -> None:
        """
        A producer that does not keep to its length breaks the request off.
        """
        for data in (b"short", b"too long"):
            self.setUp()
            producer = Producer()
            asked, side = self.sent(b"POST", producer)
            producer.consumer.write(data)
            if not asked.called:
                producer.done.callback(None)
            self.failureResultOf(asked, WrongLength)
            self.assertTrue(side.transport.disconnected)
            self.assertNotIn(b"too long", side.received())

    def test_producer_fails(self) -> None:
        """
        A body that cannot be read breaks the request off with the reason.
        """
        producer = Producer()
        asked, side = self.sent(b"POST", producer)
        producer.done.errback(OSError("disk"))
        self.failureResultOf(asked, OSError)
        self.assertTrue(side.transport.disconnected)

    def test_early_refusal(self) -> None:
        """
        A server that refuses in the middle of an upload is heard, and sent no
        more.
        """
        producer = Producer()
        asked, side = self.sent(b"POST", producer)
        side.send(_head("413 Too Large", "Content-Length: 2"))
        response = self.successResultOf(asked)
        self.assertEqual(response.code, 413)
        self.assertEqual(producer.state, "stopped")
        reader = Reader()
        response.deliverBody(reader)
        side.send(b"no")
        self.assertEqual((reader.body, reader.end), (b"no", "whole"))
        self.assertTrue(side.transport.disconnected)

    def test_early_answer(self) -> None:
        """
        A server that answers while it still reads is sent the rest.
        """
        producer = Producer()
        asked, side = self.sent(b"POST", producer)
        side.send(_head("200 OK", "Content-Length: 2"))
        reader = Reader()
        self.successResultOf(asked).deliverBody(reader)
        producer.consumer.write(b"abcdef")
        producer.done.callback(None)
        side.send(b"ok")
        self.assertEqual((reader.body, reader.end), (b"ok", "whole"))
        self.assertFalse(side.transport.closed)
        self.assertEqual(self.clock.getDelayedCalls()[0].getTime(), 90)

    def test_head_timeout(self) -> None:
        """
        The time for the head runs from when all is sent up, and ends with it.
        """
        producer = Producer()
        asked, side = self.sent(b"POST", producer)
        self.clock.advance(100)
        self.assertNoResult(asked)
        producer.consumer.write(b"abcdef")
        producer.done.callback(None)
        self.clock.advance(4.9)
        self.assertNoResult(asked)
        self.clock.advance(0.2)
        error = self.failureResultOf(asked, HeadTimeout)
        self.assertIn("within 5 s", str(error.value))
        self.assertTrue(side.transport.disconnected)
        side.close()

    def test_head_in_time(self) -> None:
        """
        The body may take as long as it likes.
        """
        asked, side = self.sent()
        side.send(_head("200 OK", "Content-Length: 2"))
        reader = Reader()
        self.successResultOf(asked).deliverBody(reader)
        self.clock.advance(1000)
        side.send(b"ok")
        self.assertEqual(reader.end, "whole")


class ReuseTests(SynchronousTestCase):
    """
    Connections are used again, where that is safe.
    """

    def setUp(self) -> None:
        self.asking = Asking()
        self.upstream = self.asking.upstream
        self.clock = self.upstream.reactor

    def served(self, wire: bytes = OK) -> ServerSide:
        """
        A connection that has served one request.
        """
        asked = self.asking.ask()
        side = self.upstream.accept()
        side.send(wire)
        self.successResultOf(asked).deliverBody(Reader())
        side.received()
        return side

    def test_closed_on_request(self) -> None:
        """
        A request that may be repeated survives a server that closes a used
        connection on it, once.
        """
        for method in (b"GET", b"HEAD", b"PUT"):
            self.setUp()
            side = self.served()
            asked = self.asking.ask(method)
            self.assertIn(method, side.received())
            side.reset()
            again = self.upstream.accept()
            self.assertIn(method, again.received())
            again.close()
            self.failureResultOf(asked, BrokenOff)
            self.assertEqual(len(self.upstream.dialled), 2)

    def test_closed_on_post(self) -> None:
        """
        A request that may not be sent twice is not.
        """
        side = self.served()
        asked = self.asking.ask(b"POST", b"{}")
        side.close()
        self.failureResultOf(asked, BrokenOff)
        self.assertEqual(len(self.upstream.dialled), 1)

    def test_closed_on_producer(self) -> None:
        """
        Nor is one whose body has been asked for.
        """
        side = self.served()
        asked = self.asking.ask(b"PUT", Producer())
        side.close()
        self.failureResultOf(asked, BrokenOff)
        self.assertEqual(len(self.upstream.dialled), 1)

    def test_closed_after_first_byte(self) -> None:
        """
        A server that had begun to answer is not asked again.
        """
        side = self.served()
        asked = self.asking.ask()
        side.send(b"H")
        side.close()
        self.failureResultOf(asked, BrokenOff)
        self.assertEqual(len(self.upstream.dialled), 1)

    def test_closed_while_free(self) -> None:
        """
        A connection that the server closed is not used.
        """
        self.served().close()
        self.asking.ask(b"POST", b"{}")
        self.assertEqual(len(self.upstream.dialled), 2)

    def test_closed_unnoticed(self) -> None:
        """
        Nor is one that the kernel knows to be closed before the reactor does.
        """
        side = self.served()
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        side.protocol._socket = ours
        self.assertTrue(side.protocol.is_open())
        theirs.close()
        asked = self.asking.ask(b"POST", b"{}")
        self.assertEqual(side.received(), b"")
        self.assertTrue(side.transport.disconnected)
        self.upstream.accept().send(OK)
        self.successResultOf(asked)

    def test_speaks_unasked(self) -> None:
        """
        A server that sends what nobody asked for is not asked again.
        """
        side = self.served()
        side.send(OK)
        self.assertTrue(side.transport.closed)
        self.asking.ask()
        self.assertEqual(len(self.upstream.dialled), 2)

    def test_grows_old(self) -> None:
        """
        A connection that nobody uses is closed in time, and no timer stays.
        """
        old = self.served()
        self.clock.advance(50)
        taken = self.asking.ask()
        self.asking.ask()
        young = self.upstream.accept()
        young.send(OK)
        old.send(OK)
        self.successResultOf(taken).deliverBody(Reader())
        self.clock.advance(89)
        self.assertFalse(old.transport.closed or young.transport.closed)
        self.clock.advance(2)
        self.assertTrue(old.transport.closed and young.transport.closed)
        self.clock.advance(1000)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_server_keeps_less(self) -> None:
        """
        A connection is not used in the last second that the server grants it.
        """
        wire = _head("200 OK", "Keep-Alive: max=9, timeout=5", "Content-Length: 0")
        for age, dialled in ((3.9, 1), (4.1, 2)):
            self.setUp()
            self.served(wire)
            self.clock.advance(age)
            self.asking.ask()
            self.assertEqual(len(self.upstream.dialled), dialled)

    def test_each_to_its_server(self) -> None:
        """
        A connection leads to one server, and serves no other.
        """
        self.served()
        self.asking.ask(url=b"http://127.0.0.1:5801/v1/x")
        self.assertEqual(self.upstream.dialled[1], ("127.0.0.1", 5801))

    def test_closed(self) -> None:
        """
        Closing drops what is free and lets be what is in use.
        """
        free = self.served()
        self.asking.ask()
        self.asking.ask()
        busy = self.upstream.accept()
        free.send(OK)
        self.asking.agent.close()
        self.assertTrue(free.transport.closed)
        self.assertFalse(busy.transport.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ForwardProxyTests(SynchronousTestCase):
    """
    A server beyond loopback is asked through the proxy of the environment.
    """

    URL = b"http://u:p@gpu.example:8080/v1/x?y"

    def setUp(self) -> None:
        self.asking = Asking()
        self.upstream = self.asking.upstream
        environ = {"HTTP_PROXY": "http://user:s3cr3t@10.0.0.1:3128"}
        environ["NO_PROXY"] = "10.0.0.0/8"
        self.asking.agent = Agent(
            self.upstream.reactor, Timeouts(), proxies=ForwardProxies(environ)
        )

    def test_request(self) -> None:
        """
        The request names the server, and only the proxy's head has the proxy's
        credentials; the server's name is not looked up.
        """
        asked = self.asking.ask(b"POST", b"{}", self.URL, [(b"A", b"b")])
        self.assertEqual(self.upstream.dialled, [("10.0.0.1", 3128)])
        side = self.upstream.accept()
        self.assertEqual(
            side.received(),
            b"POST http://gpu.example:8080/v1/x?y HTTP/1.1\r\n"
            b"Host: gpu.example:8080\r\nA: b\r\n"
            b"Proxy-Authorization: Basic dXNlcjpzM2NyM3Q=\r\n"
            b"Content-Length: 2\r\n\r\n{}",
        )
        side.send(OK)
        self.assertEqual(self.successResultOf(asked).code, 200)

    def test_direct(self) -> None:
        """
        A server on loopback, or one that ``NO_PROXY`` names, is asked directly.
        """
        for url, address in (
            (URL, ("127.0.0.1", 5800)),
            (b"http://10.1.1.1/", ("10.1.1.1", 80)),
        ):
            self.asking.ask(url=url)
            self.assertEqual(self.upstream.dialled[-1], address)
            sent = self.upstream.accept().received()
            self.assertRegex(sent, b"^GET /[^\r]* HTTP/1.1\r\nHost: [0-9.:]+\r\n\r\n$")

    def test_connections_apart(self) -> None:
        """
        A connection through the proxy serves one server again, and no other.
        """
        asked = self.asking.ask(url=self.URL)
        self.upstream.accept().send(OK)
        self.successResultOf(asked).deliverBody(Reader())
        self.asking.ask(url=self.URL)
        self.assertEqual(len(self.upstream.dialled), 1)
        for url in (b"http://10.0.0.1:3128/", b"http://other.example/"):
            dialled = len(self.upstream.dialled)
            self.asking.ask(url=url)
            self.assertEqual(len(self.upstream.dialled), dialled + 1)

    def test_wants_credentials(self) -> None:
        """
        That the proxy wants credentials is not taken for the server's answer.
        """
        asked = self.asking.ask(url=self.URL)
        side = self.upstream.accept()
        side.send(_head("407 Proxy Authentication Required", "Content-Length: 9"))
        error = self.failureResultOf(asked, ConnectFailed)
        self.assertIn("through the proxy 10.0.0.1 port 3128: it", str(error.value))
        self.assertNotIn("s3cr3t", str(error.value))
        self.assertTrue(side.transport.disconnected)
        side.close()

    def test_no_proxy_we_know(self) -> None:
        """
        What is no proxy that can be used fails the request, not the daemon.
        """
        proxies = ForwardProxies({"http_proxy": "socks5://u:s3cr3t@h"})
        self.asking.agent = Agent(self.upstream.reactor, Timeouts(), proxies=proxies)
        error = self.failureResultOf(self.asking.ask(url=self.URL), ConnectFailed)
        self.assertIn("the proxy that http_proxy names", str(error.value))
