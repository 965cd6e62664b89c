"""
Tests for `llamaswap_tw.web.logs`.
"""

from __future__ import annotations

from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.observe.ring import LogRing
from llamaswap_tw.web.http1 import Http1Request
from llamaswap_tw.web.logs import LogReader, LogReaders
from llamaswap_tw.web.request import Request

from .support import Connection


def unchunked(data: bytes) -> bytes:
    """
    The bytes in some chunks, and an ``EOF`` where they end.
    """
    found = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return found + b"EOF"
        found += data[:length]
        data = data[length + 2 :]
    return found


class LogReaderTests(SynchronousTestCase):
    """
    A client that follows a log.
    """

    def setUp(self) -> None:
        self.ring = LogRing()
        self.readers = LogReaders()
        self.connection = Connection(self.follow)
        self.history = True

    def follow(self, request: Request) -> None:
        self.done = self.readers.serve(request, self.ring, self.history)

    def start(self, method: str = "GET") -> None:
        self.connection.ask(method, "/logs/stream")

    def read(self) -> bytes:
        return unchunked(self.connection.received())

    def test_interface(self) -> None:
        """
        It is a producer that the transport can pause.
        """
        request = Http1Request(self.connection.channel)
        verifyObject(IPushProducer, LogReader(request, self.ring, lambda _: None))

    def test_head(self) -> None:
        """
        The head says that nobody shall cache or buffer the stream.
        """
        self.start()
        headers = self.connection.response().headers
        self.assertEqual(
            headers,
            {
                "content-type": "text/plain; charset=utf-8",
                "cache-control": "no-cache",
                "x-accel-buffering": "no",
                "transfer-encoding": "chunked",
                "date": "Thu, 01 Jan 1970 00:00:00 GMT",
            },
        )

    def test_history_then_live(self) -> None:
        """
        What was written before comes first, then what is written, at once.
        """
        self.ring.write(b"before\n")
        self.start()
        self.assertEqual(unchunked(self.connection.response().body), b"before\n")
        self.ring.write(b"after\n")
        self.assertEqual(self.read(), b"after\n")

    def test_no_history(self) -> None:
        """
        Without the history, only what is written from then on.
        """
        self.history = False
        self.ring.write(b"before\n")
        self.start()
        self.assertEqual(self.connection.response().body, b"")
        self.ring.write(b"after\n")
        self.assertEqual(self.read(), b"after\n")

    def test_nothing_written(self) -> None:
        """
        Nothing is no chunk: that would be the last one.
        """
        self.start()
        self.connection.received()
        self.ring.write(b"")
        self.assertEqual(self.connection.received(), b"")

    def test_head_request(self) -> None:
        """
        HEAD has an end, and follows nothing.
        """
        self.start("HEAD")
        self.successResultOf(self.done)
        self.assertEqual(self.connection.response().status, 200)
        self.ring.write(b"more\n")
        self.readers.end_all()
        self.assertEqual(self.connection.received(), b"")

    def test_slow(self) -> None:
        """
        What a slow reader does not take waits, in order.
        """
        self.start()
        self.connection.received()
        self.connection.channel.pauseProducing()
        self.ring.write(b"one\n")
        self.ring.write(b"two\n")
        self.assertEqual(self.connection.received(), b"")
        self.connection.channel.resumeProducing()
        self.assertEqual(self.read(), b"one\ntwo\n")
        self.ring.write(b"three\n")
        self.assertEqual(self.read(), b"three\n")

    def test_too_slow(self) -> None:
        """
        A reader that is too slow loses what is too much, and a line tells how
        much and where.
        """
        self.start()
        self.connection.received()
        line = b"x" * 999 + b"\n"
        for _ in range(2):
            self.connection.channel.pauseProducing()
            for _ in range(100):
                self.ring.write(line)
            self.connection.channel.resumeProducing()
            kept = line * 65
            self.assertEqual(self.read(), kept + "— 35000 bytes dropped —\n".encode())
        self.ring.write(b"on\n")
        self.assertEqual(self.read(), b"on\n")

    def test_marker_begins_a_line(self) -> None:
        """
        The line that tells of it is a line of its own.
        """
        self.start()
        self.connection.received()
        self.ring.write(b"half a li")
        self.connection.channel.pauseProducing()
        self.ring.write(b"n" * 70_000)
        self.connection.channel.resumeProducing()
        self.assertEqual(self.read(), "half a li\n— 70000 bytes dropped —\n".encode())

    def test_end(self) -> None:
        """
        When the daemon ends it the stream is whole, with all that waits, and
        nothing follows.
        """
        self.start()
        self.connection.received()
        self.connection.channel.pauseProducing()
        self.ring.write(b"last\n")
        self.readers.end_all()
        self.assertEqual(self.read(), b"last\nEOF")
        self.successResultOf(self.done)
        self.ring.write(b"more\n")
        self.connection.channel.resumeProducing()
        self.readers.end_all()
        self.assertEqual(self.connection.received(), b"")

    def test_end_of_a_stalled_one(self) -> None:
        """
        A reader that does not read is cut off soon after the end, one that has
        left by then is not.
        """
        for stays in (True, False):
            self.connection = Connection(self.follow)
            self.start()
            self.readers.end_all()
            if not stays:
                self.connection.leave()
            self.assertFalse(self.connection.transport.disconnected)
            self.connection.clock.advance(2.0)
            self.assertEqual(self.connection.transport.disconnected, stays)

    def test_client_gone(self) -> None:
        """
        A client that leaves is forgotten, paused or not, whatever the
        transport tells first.
        """
        for paused in (False, True):
            for told in (False, True):
                self.connection = Connection(self.follow)
                self.start()
                self.connection.received()
                if paused:
                    self.connection.channel.pauseProducing()
                    self.ring.write(b"waits\n")
                if told:
                    self.connection.channel.stopProducing()
                self.connection.leave()
                self.successResultOf(self.done)
                self.ring.write(b"more\n")
                self.readers.end_all()
                self.assertEqual(self.connection.received(), b"")

    def test_waiter_cancelled(self) -> None:
        """
        Whoever waits for the end may stop to.
        """
        self.start()
        self.done.cancel()
        self.failureResultOf(self.done)
        self.connection.leave()

    def test_many(self) -> None:
        """
        A slow reader holds up nobody else.
        """
        self.start()
        other = Connection(self.follow)
        other.ask("GET", "/logs/stream")
        other.received()
        self.connection.channel.pauseProducing()
        self.ring.write(b"line\n")
        self.assertEqual(unchunked(other.received()), b"line\n")
