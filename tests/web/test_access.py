"""
Tests for `llamaswap_tw.web.access`.
"""

from __future__ import annotations

from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from llamaswap_tw.observe.observer import LineObserver
from llamaswap_tw.web.access import _known_around
from llamaswap_tw.web.request import Request

from .support import Connection


class AccessLogTests(SynchronousTestCase):
    """
    One line a request.
    """

    def setUp(self) -> None:
        self.lines: list[str] = []
        observer = LineObserver(
            lambda data: self.lines.append(data.decode()), "info", ""
        )

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            if event.get("log_namespace") == "llamaswap_tw.web.access":
                self.assertIs(event["log_level"], LogLevel.info)
                observer(event)

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.connection = Connection(self.route)
        self.connection.channel.peer = b"192.0.2.9"
        self.waiting: list[Request] = []

    def route(self, request: Request) -> None:
        if request.path == b"/wait":
            self.waiting.append(request)
        else:
            request.respond(200, [], b"four")

    def test_line(self) -> None:
        """
        The line has who, what, how it ended, how much was sent, with what client, and
        how long it took; no query, which may hold a secret.
        """
        self.connection.ask("GET", "/wait?key=s3cret", {"User-Agent": "curl/8"})
        self.connection.clock.advance(0.25)
        self.waiting[0].respond(404, [], b"nothing")
        self.assertEqual(
            self.lines,
            [
                '[INFO] Request 192.0.2.9 "GET /wait HTTP/1.1" 404 7 "curl/8" '
                "250.000ms\n"
            ],
        )

    def test_long(self) -> None:
        """
        A duration of seconds is in seconds.
        """
        self.connection.ask("GET", "/wait")
        self.connection.clock.advance(12.5)
        self.waiting[0].respond(200, [], b"")
        self.assertIn(' 200 0 "" 12.500s\n', self.lines[0])

    def test_behind_proxy(self) -> None:
        """
        A proxy tells who asks: the first of ``X-Forwarded-For``, else ``X-Real-IP``.
        """
        real = {"X-Real-IP": "198.51.100.7"}
        for headers, shown in (
            ({"X-Forwarded-For": "203.0.113.5, 10.0.0.1", **real}, "203.0.113.5"),
            (real, "198.51.100.7"),
            ({"X-Forwarded-For": " , 10.0.0.1", **real}, "198.51.100.7"),
        ):
            self.lines.clear()
            self.connection.ask("GET", "/x", headers)
            self.assertTrue(self.lines[0].startswith(f"[INFO] Request {shown} "))

    def test_unlogged(self) -> None:
        """
        What machines ask all the time is not told, with a query neither.
        """
        for path in ("/wol-health", "/api/performance?after=x", "/metrics"):
            self.connection.ask("GET", path)
        self.assertEqual(self.lines, [])
        self.connection.ask("GET", "/metricsx")
        self.assertEqual(len(self.lines), 1)

    def test_forged(self) -> None:
        """
        A client can neither end the quotes nor move the cursor of who reads the log.
        """
        self.connection.ask(
            "GET",
            '/a"b\\c',
            {
                "User-Agent": 'x" 200 "\t\x1b[2J\x9b\u2028\u202e',
                "X-Real-IP": '1.2 "3\t4',
            },
        )
        (line,) = self.lines
        self.assertIn(' "GET /a\\"b\\\\c HTTP/1.1" 200 4 ', line)
        self.assertIn(' "x\\" 200 \\"\\x09\\x1b[2J\\x9b\\u2028\\u202e" ', line)
        self.assertIn('Request 1.2\\"34 "', line)

    def test_left(self) -> None:
        """
        A client that leaves before there is an answer has a line too.
        """
        self.connection.ask("GET", "/wait")
        self.connection.leave()
        self.assertIn('"GET /wait HTTP/1.1" 499 0 ', self.lines[0])

    def test_left_amid(self) -> None:
        """
        One that leaves amid an answer has one line, with what was sent.
        """
        self.connection.ask("GET", "/wait")
        request = self.waiting[0]
        request.begin(200, b"OK", [], 10)
        request.send(b"abc")
        request.flush()
        self.connection.leave()
        self.assertEqual(len(self.lines), 1)
        self.assertIn('"GET /wait HTTP/1.1" 200 3 ', self.lines[0])

    def test_refused(self) -> None:
        """
        A request whose body is not wanted has its line.
        """
        self.connection.send(
            b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n"
        )
        self.assertEqual(len(self.lines), 1)
        self.assertIn('"POST /x HTTP/1.1" 413 ', self.lines[0])

    def test_unreadable(self) -> None:
        """
        A request that cannot be read to its end has one line, with what it was answered
        and how it began.
        """
        begin = b"POST /x?key=s3cret HTTP/1.1\r\nUser-Agent: curl/8\r\nHost: h\r\n"
        for rest, status in (
            (b"X: " + b"x" * 70_000 + b"\r\n\r\n", 431),
            (b"no colon\r\n\r\n", 400),
            (b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        ):
            self.lines.clear()
            self.connection = Connection(self.route)
            self.connection.channel.peer = b"192.0.2.9"
            self.connection.send(begin + rest)
            sent = len(self.connection.response().body)
            self.connection.leave()
            self.assertEqual(
                self.lines,
                [
                    f'[INFO] Request 192.0.2.9 "POST /x HTTP/1.1" {status} {sent} '
                    '"curl/8" 0.000ms\n'
                ],
            )

    def test_no_request(self) -> None:
        """
        What is no request has no line, after one that was answered neither.
        """
        for data in (
            b"GET /x\r\n\r\n",
            b"\x16\x03\x01\x02",
            b"\r\n\r\n",
            b"GET /x HTTP/1.1\r\nHost: h\r\n",
        ):
            connection = Connection(self.route)
            connection.ask("GET", "/x")
            self.assertEqual(len(self.lines), 1)
            self.lines.clear()
            connection.send(data)
            connection.leave()
            self.assertEqual(self.lines, [])

    def test_pipelined(self) -> None:
        """
        Requests that come together have a line each, in the order of the answers.
        """
        one = b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n"
        self.connection.send(b"".join(one % number for number in range(3)))
        self.assertEqual([line.split()[4] for line in self.lines], ["/0", "/1", "/2"])

    def test_level(self) -> None:
        """
        At a higher level of the log there is no line.
        """
        quiet: list[bytes] = []
        observer = LineObserver(quiet.append, "warn", "")
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.connection.ask("GET", "/x")
        self.assertEqual((len(self.lines), quiet), (1, []))

    def test_long_path(self) -> None:
        """
        A long path is written whole, as short ones are, and not remembered.
        """
        before = _known_around.cache_info().currsize
        path = "/" + "x" * 1000
        self.connection.ask("GET", path, {"User-Agent": 'a "b"'})
        self.assertIn(f'"GET {path} HTTP/1.1" 200 4 "a \\"b\\"" ', self.lines[0])
        self.assertEqual(_known_around.cache_info().currsize, before)
