"""
Tests for `llamaswap_tw.proxy.body`.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from typing import IO, Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IBodyProducer
from zope.interface.verify import verifyObject

from llamaswap_tw.errors import BadRequest, BodyNotStored, BodyTooLarge
from llamaswap_tw.proxy import body as body_module
from llamaswap_tw.proxy.body import RequestBody


class FullDisk(io.RawIOBase):
    """
    A file on a disk without any room.
    """

    def writable(self) -> bool:
        """
        It was opened to be written.
        """
        return True

    def write(self, data: object) -> int:
        """
        There is no room.
        """
        raise OSError(28, "No space left on device")


class Threads:
    """
    Threads whose work is done when a test says so.
    """

    def __init__(self) -> None:
        self.jobs: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def run(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        fired: Deferred[Any] = Deferred()
        self.jobs.append((fired, lambda: function(*args)))
        return fired

    def work(self) -> None:
        """
        Do all that is to be done, and what comes of it.
        """
        while self.jobs:
            fired, job = self.jobs.pop(0)
            try:
                result = job()
            except Exception:
                fired.errback(Failure())
            else:
                fired.callback(result)


class BodyTests(SynchronousTestCase):
    """
    A body is kept, in memory or on disk.
    """

    def setUp(self) -> None:
        self.threads = Threads()
        self.source = StringTransport()

    def body(self, limit: int = 10_000_000, memory: int = 100) -> RequestBody:
        return RequestBody(limit, self.threads.run, self.source, memory)

    def test_in_memory(self) -> None:
        """
        A small body is there at once, in one piece.
        """
        body = self.body()
        body.write(b"one")
        body.write(b"two")
        self.assertIsNone(body.finish())
        self.assertEqual(body.in_memory, b"onetwo")
        self.assertEqual(self.threads.jobs, [])

    def test_empty(self) -> None:
        """
        A body may be empty.
        """
        self.assertEqual(self.body().in_memory, b"")

    def test_too_large(self) -> None:
        """
        What exceeds the limit is refused as soon as it does.
        """
        body = self.body(limit=5)
        body.write(b"12345")
        self.assertRaises(BodyTooLarge, body.write, b"6")

    def spooled(self, pieces: list[bytes]) -> RequestBody:
        body = self.body()
        for piece in pieces:
            body.write(piece)
        stored = body.finish()
        assert stored is not None
        self.threads.work()
        self.successResultOf(stored)
        return body

    def test_on_disk(self) -> None:
        """
        A large body is whole on disk, and can be looked into and sent, twice.
        """
        pieces = [bytes([number]) * 70_000 for number in range(20)]
        whole = b"".join(pieces)
        body = self.spooled(pieces)
        self.assertIsNone(body.in_memory)

        def look(file: IO[bytes]) -> bytes:
            return file.read(3)

        looked = body.inspect(look)
        self.threads.work()
        self.assertEqual(self.successResultOf(looked), whole[:3])
        for _ in range(2):
            producer = body.producer()
            verifyObject(IBodyProducer, producer)
            self.assertEqual(producer.length, len(whole))
            consumer = StringTransport()
            sent = producer.startProducing(consumer)
            self.threads.work()
            self.successResultOf(sent)
            self.assertEqual(consumer.value(), whole)
        body.close()
        self.threads.work()

    def test_announced(self) -> None:
        """
        A body that is known to be large is never in memory; a small one is.
        """
        body = RequestBody(1000, self.threads.run, self.source, 100, announced=101)
        body.write(b"x" * 50)
        body.write(b"y" * 51)
        self.assertIsNone(body.in_memory)
        stored = body.finish()
        assert stored is not None
        self.threads.work()
        self.successResultOf(stored)
        read = body.inspect(lambda file: file.read())
        self.threads.work()
        self.assertEqual(self.successResultOf(read), b"x" * 50 + b"y" * 51)
        body.close()
        self.threads.work()
        body = RequestBody(1000, self.threads.run, self.source, 100, announced=100)
        body.write(b"x" * 100)
        self.assertEqual(body.in_memory, b"x" * 100)

    def test_paused_by_consumer(self) -> None:
        """
        A model that reads slowly is not sent more than it asks for.
        """
        body = self.spooled([b"x" * 1_000_000])
        producer = body.producer()
        consumer = StringTransport()
        sent = producer.startProducing(consumer)
        producer.pauseProducing()
        self.threads.work()
        self.assertEqual(len(consumer.value()), body_module._READ_SIZE)
        producer.resumeProducing()
        self.threads.work()
        self.successResultOf(sent)
        self.assertEqual(len(consumer.value()), 1_000_000)

    def test_stopped(self) -> None:
        """
        A producer that is stopped reads no further and fires no more.
        """
        body = self.spooled([b"x" * 1_000_000])
        producer = body.producer()
        consumer = StringTransport()
        sent = producer.startProducing(consumer)
        producer.stopProducing()
        self.threads.work()
        self.assertEqual(consumer.value(), b"")
        self.assertNoResult(sent)

    def test_slow_disk(self) -> None:
        """
        A disk slower than the client pauses the client, then lets it go on.
        """
        body = self.body()
        body.write(b"x" * 1000)
        self.assertEqual(self.source.producerState, "producing")
        body.write(b"x" * (body_module._WAITING_LIMIT + 1))
        self.assertEqual(self.source.producerState, "paused")
        self.threads.work()
        self.assertEqual(self.source.producerState, "producing")

    def test_full_disk(self) -> None:
        """
        Where nothing can be written, the error says where and what to do, and
        the client is not left paused.
        """

        def full(*args: Any, **keywords: Any) -> IO[bytes]:
            raise OSError(28, "No space left on device")

        self.patch(tempfile, "TemporaryFile", full)
        body = self.body()
        body.write(b"x" * (body_module._WAITING_LIMIT + 1))
        stored = body.finish()
        assert stored is not None
        self.threads.work()
        error = self.failureResultOf(stored, BodyNotStored).value
        self.assertIn("No space left on device", error.message)
        self.assertIn("TMPDIR", error.message)
        self.assertEqual(self.source.producerState, "producing")
        self.flushLoggedErrors()

    def test_full_disk_and_closed(self) -> None:
        """
        What could not be written is not written again as the file is closed: of the
        full disk is told once.
        """
        self.patch(tempfile, "TemporaryFile", lambda **_: io.BufferedWriter(FullDisk()))
        body = self.body()
        body.write(b"x" * 1000)
        stored = body.finish()
        assert stored is not None
        self.threads.work()
        self.failureResultOf(stored, BodyNotStored)
        body.close()
        self.threads.work()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_closed_while_writing(self) -> None:
        """
        A client that leaves in the middle leaves no file behind.
        """
        opened: list[IO[bytes]] = []
        make = tempfile.TemporaryFile

        def remember(*args: Any, **keywords: Any) -> IO[bytes]:
            opened.append(make(*args, **keywords))
            return opened[-1]

        self.patch(tempfile, "TemporaryFile", remember)
        body = self.body()
        body.write(b"x" * 1000)
        body.write(b"y" * 1000)
        body.close()
        self.threads.work()
        self.assertTrue(all(file.closed for file in opened))

    def sent(self, body: RequestBody) -> bytes:
        consumer = StringTransport()
        sent = body.producer().startProducing(consumer)
        self.threads.work()
        self.successResultOf(sent)
        value: bytes = consumer.value()
        return value

    def test_rewritten(self) -> None:
        """
        A body on disk can be replaced by what is made of it, longer or shorter,
        and again.
        """
        body = self.spooled([b"one " * 100])

        def write(source: IO[bytes], target: IO[bytes]) -> bool:
            target.write(source.read().replace(b"one ", by))
            return True

        for by in (b"three ", b""):
            rewritten = body.rewrite(write)
            self.threads.work()
            self.successResultOf(rewritten)
            self.assertEqual(body.size, len(by) * 100)
            self.assertEqual(body.producer().length, body.size)
            self.assertEqual(self.sent(body), by * 100)
            body = self.spooled([b"one " * 100])

    def test_not_rewritten(self) -> None:
        """
        Where nothing is to be changed, or that fails, the body is as it was.
        """
        body = self.spooled([b"one " * 100])

        def leave(source: IO[bytes], target: IO[bytes]) -> bool:
            target.write(source.read(3))
            return False

        def fail(source: IO[bytes], target: IO[bytes]) -> bool:
            target.write(source.read(3))
            raise BadRequest("no")

        left = body.rewrite(leave)
        failed = body.rewrite(fail)
        self.threads.work()
        self.successResultOf(left)
        self.failureResultOf(failed, BadRequest)
        self.assertEqual(body.size, 400)
        self.assertEqual(self.sent(body), b"one " * 100)

    def test_no_space_to_rewrite(self) -> None:
        """
        Where the new one cannot be written, the error says where.
        """
        body = self.spooled([b"one " * 100])

        def write(source: IO[bytes], target: IO[bytes]) -> bool:
            raise OSError(28, "No space left on device")

        failed = body.rewrite(write)
        self.threads.work()
        error = self.failureResultOf(failed, BodyNotStored).value
        self.assertIn("No space left on device", error.message)
        self.assertIn("TMPDIR", error.message)

    def test_rewritten_and_closed(self) -> None:
        """
        No file is left, neither the old one nor the new one.
        """
        opened: list[IO[bytes]] = []
        make = tempfile.TemporaryFile

        def remember(*args: Any, **keywords: Any) -> IO[bytes]:
            opened.append(make(*args, **keywords))
            return opened[-1]

        self.patch(tempfile, "TemporaryFile", remember)
        body = self.spooled([b"one " * 100])
        answers = iter([True, False])
        for _ in range(2):
            body.rewrite(lambda source, target: next(answers))
        self.threads.work()
        body.close()
        late = body.rewrite(lambda source, target: True)
        self.threads.work()
        self.failureResultOf(late, ValueError)
        self.assertEqual([file.closed for file in opened], [True] * 3)
