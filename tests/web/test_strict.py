"""
Tests for `llamaswap_tw.web.strict`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import RequestError
from llamaswap_tw.web.request import Request
from llamaswap_tw.web.strict import coding_refusal, request_line

from .support import Connection


class RequestLineTests(SynchronousTestCase):
    """
    First lines.
    """

    def test_good(self) -> None:
        """
        A good one is as it was, but for raw bytes and later minor versions.
        """
        for line, expected in (
            (b"GET /a?b HTTP/1.1", None),
            (b"a!#$%&'*+-.^_`|~1 * HTTP/1.0", None),
            ("GET /é HTTP/1.1".encode(), b"GET /%C3%A9 HTTP/1.1"),
            (b"GET /a HTTP/1.9", b"GET /a HTTP/1.1"),
        ):
            self.assertEqual(request_line(line), expected or line)

    def test_bad(self) -> None:
        """
        A bad one is refused, and one of another version told from it.
        """
        for line, status in (
            *((b"GET /a", 400), (b"GET  /a HTTP/1.1", 400), (b"G@T /a HTTP/1.1", 400)),
            *((b"GET /a b HTTP/1.1", 400), (b"GET /a HTTP/1.1 ", 400)),
            *((b"GET /a http/1.1", 400), (b"GET /a HTTP/1.10", 400)),
            *((b"GET /a\x7f HTTP/1.1", 400), (b"GET /a\0 HTTP/1.1", 400)),
            *((b"GET /a\rHTTP/1.1", 400), (b"PRI * HTTP/2.0", 505)),
            *((b"GET /a HTTP/3.0", 505), (b"GET /a HTTP/0.9", 505)),
        ):
            with self.assertRaises(RequestError) as caught:
                request_line(line)
            self.assertEqual((line, caught.exception.status), (line, status))


class CodingRefusalTests(SynchronousTestCase):
    """
    Transfer codings.
    """

    def test_codings(self) -> None:
        """
        Chunks are all that is taken; what leaves the end open is no proper request.
        """
        for value, status in (
            *((b"chunked", None), (b"Chunked", None), (b"gzip, chunked", 501)),
            *((b"", 400), (b"identity", 400), (b"chunked, identity", 400)),
            *((b"xchunked", 400), (b"chunked, chunked", 400), (b"chunked,", 400)),
            *((b"chunked\x0b", 400), (b"chunked;q=1", 400), (b'"chunked"', 400)),
        ):
            refusal = coding_refusal(value, b"HTTP/1.1")
            self.assertEqual((value, refusal and refusal.status), (value, status))
        refusal = coding_refusal(b"chunked", b"HTTP/1.0")
        self.assertEqual(refusal and refusal.status, 400)


class HeadRefusalTests(SynchronousTestCase):
    """
    Targets and hosts.
    """

    def setUp(self) -> None:
        self.requests: list[Request] = []

    def ask(self, line: bytes, *hosts: bytes) -> int:
        """
        The status of the answer to a head, 200 where it is fine; the connection of
        one that is not is closed.
        """

        def route(request: Request) -> None:
            self.requests.append(request)
            request.respond(200, [], b"")

        connection = Connection(route)
        connection.send(
            b"\r\n".join([line, *(b"Host: " + host for host in hosts), b"", b""])
        )
        status = connection.response().status
        self.assertEqual(connection.transport.disconnecting, status != 200)
        return status

    def test_hosts(self) -> None:
        """
        There is one, and it is a host; HTTP/1.0 may be without.
        """
        line = b"GET /x HTTP/1.1"
        for host in (
            *(b"h", b"h:80", b"h:", b"", b"127.0.0.1:8080", b"[::1]:80", b"a_b.c-d~"),
            *(b"[fe80::1%25eth0]", b"%c3%a9.example"),
        ):
            self.assertEqual((host, self.ask(line, host)), (host, 200))
        for host in (
            *(b"a b", b"a/b", b"u@h", b"h:x", b"h:80:80", b"::1", b"[::1", b"h\xff"),
            *(b"h?", b"h#", b"h\\", b"http://h", b'"h"', b"h, h"),
        ):
            self.assertEqual((host, self.ask(line, host)), (host, 400))
        self.assertEqual(self.ask(line), 400)
        self.assertEqual(self.ask(line, b"h", b"h"), 400)
        requests = self.requests
        requests.clear()
        connection = Connection(requests.append)
        connection.send(b"GET /x HTTP/1.0\r\n\r\n")
        self.assertEqual(len(requests), 1)

    def test_absolute(self) -> None:
        """
        A URL is taken as the path in it, and its host as the one that is asked for.
        """
        for target, uri, host in (
            (b"http://other:1/a?b", b"/a?b", b"other:1"),
            (b"HTTPS://other", b"/", b"other"),
            (b"http://[::1]?b", b"/?b", b"[::1]"),
            (b"http://other//a", b"//a", b"other"),
        ):
            self.assertEqual(self.ask(b"GET %b HTTP/1.1" % target, b"h"), 200)
            request = self.requests[-1]
            self.assertEqual(request.uri, uri)
            self.assertEqual(request.requestHeaders.getRawHeaders(b"Host"), [host])
        for target in (b"http://", b"http:///a", b"http://u:p@h/", b"ftp://h/", b"h:1"):
            answered = self.ask(b"GET %b HTTP/1.1" % target, b"h")
            self.assertEqual((target, answered), (target, 400))

    def test_targets(self) -> None:
        """
        Of what is no path, an asterisk is fine, for OPTIONS alone.
        """
        self.assertEqual(self.ask(b"OPTIONS * HTTP/1.1", b"h"), 200)
        self.assertEqual(self.ask(b"GET * HTTP/1.1", b"h"), 400)
        self.assertEqual(self.ask(b"GET /a#b HTTP/1.1", b"h"), 400)
        self.assertEqual(self.ask(b"CONNECT h:1 HTTP/1.1", b"h"), 501)
