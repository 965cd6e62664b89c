"""
Tests for `llamaswap_tw.web.logs`.
"""

from __future__ import annotations

import tracemalloc

from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.observe.ring import RING_SIZE, LogRing
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
        A reader that is too slow loses the oldest of what it has not got, a line tells
        how much and where, and then it gets the newest, to the very last.
        """
        self.start()
        self.connection.received()
        for _ in range(2):
            self.connection.channel.pauseProducing()
            for number in range(5000):
                self.ring.write(b"%999d\n" % number)
            self.ring.write(b"the end\n")
            self.connection.channel.resumeProducing()
            kept = b"".join(b"%999d\n" % number for number in range(4898, 5000))
            self.assertEqual(
                self.read(),
                "— 4898000 bytes dropped —\n".encode() + kept + b"the end\n",
            )
        self.ring.write(b"on\n")
        self.assertEqual(self.read(), b"on\n")

    def test_nothing_is_held(self) -> None:
        """
        However many readers stall, and however much there is, nothing is held for them
        but what the log holds.
        """
        line = b"x" * 99 + b"\n"
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for _ in range(2000):
            self.ring.write(line)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(5):
            self.connection = Connection(self.follow)
            self.start()
            self.connection.received()
            self.connection.channel.pauseProducing()
        started, _ = tracemalloc.get_traced_memory()
        for _ in range(5000):
            self.ring.write(line)
        after, _ = tracemalloc.get_traced_memory()
        self.assertLess(after - started, 10_000)
        self.assertGreater(started, before)

    def test_marker_begins_a_line(self) -> None:
        """
        The line that tells of it is a line of its own.
        """
        self.start()
        self.connection.received()
        self.ring.write(b"half a li")
        self.connection.channel.pauseProducing()
        self.ring.write(b"ne" * 100_000 + b"\nnext\n")
        self.connection.channel.resumeProducing()
        self.assertEqual(
            self.read(), "half a li\n— 200001 bytes dropped —\nnext\n".encode()
        )

    def test_one_endless_line(self) -> None:
        """
        Of a line that is longer than the log its end is given.
        """
        self.start()
        self.connection.received()
        self.connection.channel.pauseProducing()
        self.ring.write(b"x" * RING_SIZE + b"y" * RING_SIZE)
        self.connection.channel.resumeProducing()
        marker = f"— {RING_SIZE} bytes dropped —\n".encode()
        self.assertEqual(self.read(), marker + b"y" * RING_SIZE)

    def test_catches_up_amid_a_write(self) -> None:
        """
        One that reads on while the log is told of something new, as two streams of one
        connection may bring about, gets that once.
        """
        self.start()
        self.connection.received()
        self.connection.channel.pauseProducing()
        self.ring.write(b"one\n")
        # It hears of it before the reader does.
        followers = self.ring._followers
        followers.insert(0, lambda _: self.connection.channel.resumeProducing())
        self.ring.write(b"two\n")
        del followers[0]
        self.ring.write(b"three\n")
        self.assertEqual(self.read(), b"one\ntwo\nthree\n")

    def test_written_amid_a_write(self) -> None:
        """
        What is written to the log while it is told of something comes after that.
        """
        self.start()
        self.connection.received()

        def answer(data: bytes) -> None:
            if data == b"question\n":
                self.ring.write(b"answer\n")

        self.ring._followers.insert(0, answer)
        self.ring.write(b"question\n")
        self.assertEqual(self.read(), b"question\nanswer\n")

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
