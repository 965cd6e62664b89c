"""
Tests for `llamaswap_tw.web.head`.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.web.head import Head, encode_raw, ordinary_head, tokens
from llamaswap_tw.web.request import Request

from .support import Connection

ORDINARY = b"POST /x?y HTTP/1.1\r\nHost: h\r\ncontent-length:  3 \r\n\r\nfoo"

_names = st.sampled_from(
    [
        *(b"Host", b"X-A", b"x-a", b"Content-Length", b"content-length", b"Expect"),
        *(b"Transfer-Encoding", b"Connection", b"X A", b" X", b"", b"\xe9", b"X\0"),
    ]
)
_values = st.sampled_from(
    [
        *(b"", b"a", b" a\t", b"0", b"3", b"4", b"-3", b"+3", b"3, 3", b"03"),
        *(b"chunked", b"close", b"100-continue", b"a\0b", b"a\nb", b"a\rb", b"\xe9"),
    ]
)
_lines = st.tuples(_names, st.sampled_from([b":", b": ", b""]), _values)
_firsts = st.sampled_from(
    [
        *(b"GET /x HTTP/1.1", b"POST /x?y=%20 HTTP/1.0", b"GET /\xc3\xa9 HTTP/1.1"),
        *(b"GET  /x HTTP/1.1", b"GET /x", b"G@T /x HTTP/1.1", b"GET /x HTTP/1.2"),
        *(b"", b"GET /x\x7f HTTP/1.1", b"GET /x y HTTP/1.1"),
    ]
)
_rests = st.sampled_from(
    [b"", b"foo", b"3\r\nfoo\r\n0\r\n\r\n", b"fooGET /2 HTTP/1.1\r\n\r\n"]
)


def outcome(pieces: list[bytes]) -> tuple[Any, bytes]:
    """
    What becomes of some data: the requests, and what is answered to it.
    """
    requests: list[Any] = []

    def route(request: Request) -> None:
        body = None if request.body is None else request.body.in_memory
        headers = dict(request.requestHeaders.getAllRawHeaders())
        requests.append(
            (request.method, request.uri, request.clientproto, headers, body or b"")
        )
        request.respond(200, [], b"")

    connection = Connection(route)
    for piece in pieces:
        connection.send(piece)
    return requests, connection.received()


class OrdinaryHeadTests(SynchronousTestCase):
    """
    Heads parsed in one go.
    """

    def parse(self, data: bytes) -> Head | None:
        return ordinary_head(data, 1000, 10)

    def test_ordinary(self) -> None:
        """
        An ordinary head is taken apart.
        """
        self.assertEqual(
            self.parse(ORDINARY),
            Head(
                b"POST",
                b"/x?y",
                b"HTTP/1.1",
                {b"Host": [b"h"], b"Content-Length": [b"3"]},
                3,
                len(ORDINARY) - 3,
            ),
        )

    def test_body_to_come(self) -> None:
        """
        Its body may still come, but nothing may follow that.
        """
        self.assertIsNotNone(self.parse(ORDINARY[:-1]))
        self.assertIsNone(self.parse(ORDINARY + b"G"))

    def test_repeated(self) -> None:
        """
        A header that is repeated keeps all its values, in order.
        """
        head = self.parse(b"GET / HTTP/1.1\r\nX-a: 1\r\nx-A: 2\r\n\r\n")
        assert head is not None
        self.assertEqual(head.headers, {b"X-A": [b"1", b"2"]})

    def test_limits(self) -> None:
        """
        One that is too large, or has too many headers, is not taken.
        """
        start = b"GET / HTTP/1.1\r\n"
        self.assertIsNotNone(self.parse(start + b"X: 1\r\n" * 10 + b"\r\n"))
        self.assertIsNone(self.parse(start + b"X: 1\r\n" * 11 + b"\r\n"))
        self.assertIsNone(self.parse(start + b"X: %b\r\n\r\n" % (b"x" * 1000)))
        for name, taken in ((b"x" * 256, True), (b"x" * 257, False)):
            head = self.parse(start + name + b": 1\r\n\r\n")
            self.assertIs(head is not None, taken)
            # The same line by line.
            _, answer = outcome([start + b"Host: h\r\n" + name, b": 1\r\n\r\n"])
            self.assertIs(b" 431 " not in answer, taken)

    @settings(max_examples=500, deadline=None)
    @given(first=_firsts, lines=st.lists(_lines, max_size=4), rest=_rests)
    def test_same_as_line_by_line(
        self, first: bytes, lines: list[tuple[bytes, bytes, bytes]], rest: bytes
    ) -> None:
        """
        Whatever comes, in one piece, it makes the same requests and the same
        answers as byte by byte.
        """
        head = b"\r\n".join([first, *(b"".join(line) for line in lines), b"", b""])
        data = head + rest
        whole = outcome([data])
        pieces = [data[at : at + 1] for at in range(len(data))]
        self.assertEqual(whole, outcome(pieces))


class EncodeRawTests(SynchronousTestCase):
    """
    Request lines with bytes beyond ASCII.
    """

    def test_encoded(self) -> None:
        """
        They are percent-encoded, all else stays.
        """
        self.assertEqual(
            encode_raw("GET /é%20 HTTP/1.1".encode()), b"GET /%C3%A9%20 HTTP/1.1"
        )


class TokensTests(SynchronousTestCase):
    """
    Headers that hold tokens.
    """

    def test_tokens(self) -> None:
        """
        They may be in one line or in many, in any case.
        """
        self.assertEqual(
            tokens([b"Keep-Alive,  TE", b"close"]), {b"keep-alive", b"te", b"close"}
        )
        self.assertEqual(tokens(None), set())
