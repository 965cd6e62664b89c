"""
A request's body, on its way in: in memory while it is small, else in a file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from os import SEEK_END
from threading import Lock
from typing import IO, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from ..errors import BodyNotStored, BodyTooLarge, RequestError
from ..interfaces import InThread

#: Bodies up to this many bytes stay in memory.
MEMORY_LIMIT = 32 * 1024 * 1024

#: This much may wait to be written to disk before the client is paused.
_WAITING_LIMIT = 1024 * 1024

#: How much is read from disk at a time.
_READ_SIZE = 256 * 1024

#: Given a body's file at its beginning and an empty one, writes there what shall
#: be sent in its place; `False` where that is the body as it is.
Rewriter = Callable[[IO[bytes], IO[bytes]], bool]


class Paced(Protocol):
    """
    Whoever sends the body can be told to wait.
    """

    def pauseProducing(self) -> None:
        """
        Send no more for now.
        """

    def resumeProducing(self) -> None:
        """
        Go on.
        """


def _not_stored(error: object) -> BodyNotStored:
    return BodyNotStored(
        f"the request body could not be kept in {tempfile.gettempdir()}: {error}; "
        "free some space there, or set TMPDIR to another folder"
    )


class _TemporaryFile:
    """
    A nameless file on disk.  Its methods block and are called in threads; the
    lock keeps one that still reads from a file that another closes.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._file: IO[bytes] | None = None
        self._closed = False

    def append(self, data: Sequence[bytes]) -> None:
        with self._lock:
            if self._closed:
                return
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="llamaswap-")
            self._file.writelines(data)
            self._file.flush()

    def read(self, offset: int) -> bytes:
        with self._lock:
            if self._file is None:
                return b""
            self._file.seek(offset)
            return self._file.read(_READ_SIZE)

    def inspect(self, look: Callable[[IO[bytes]], Any]) -> Any:
        with self._lock:
            if self._file is None:
                raise ValueError("the spooled body is closed")
            self._file.seek(0)
            return look(self._file)

    def rewrite(self, write: Rewriter) -> int | None:
        with self._lock:
            if self._file is None:
                raise ValueError("the spooled body is closed")
            self._file.seek(0)
            target: IO[bytes] | None = None
            try:
                target = tempfile.TemporaryFile(prefix="llamaswap-")
                if not write(self._file, target):
                    return None
                target.flush()
                # The new one stays open, and the old one is closed.
                self._file, target = target, self._file
                return self._file.seek(0, SEEK_END)
            except OSError as e:
                raise _not_stored(e)
            finally:
                if target is not None:
                    _close(target)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._file is not None:
                _close(self._file)
                self._file = None


def _close(file: IO[bytes]) -> None:
    """
    Let go of a file that nobody wants any more.
    """
    # It is closed all the same where the disk has no room for what it still holds.
    with suppress(OSError):
        file.close()


class _Spool:
    """
    Writes to a temporary file, a piece at a time, in a thread.
    """

    _log = Logger()

    def __init__(self, in_thread: InThread, source: Paced) -> None:
        self.file = _TemporaryFile()
        self._in_thread = in_thread
        self._source = source
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._paused = False
        self._busy = False
        self._finished: Deferred[None] | None = None
        self._error: RequestError | None = None

    def write(self, data: bytes) -> None:
        if self._error is not None:
            return
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size > _WAITING_LIMIT and not self._paused:
            self._paused = True
            self._source.pauseProducing()
        self._pump()

    def finish(self) -> Deferred[None]:
        self._finished = Deferred()
        self._pump()
        return self._finished

    def close(self) -> None:
        self._waiting.clear()
        # To free a deleted file's blocks can take a while.
        self._in_thread(self.file.close).addErrback(
            lambda f: self._log.failure("closing a spooled body", f)
        )

    def _pump(self) -> None:
        if self._busy:
            return
        if self._waiting:
            data, self._waiting = self._waiting, []
            self._waiting_size = 0
            self._busy = True
            stored = self._in_thread(self.file.append, data)
            stored.addErrback(self._failed).addCallback(self._stored)
        elif self._finished is not None and not self._finished.called:
            if self._error is not None:
                self._finished.errback(self._error)
            else:
                self._finished.callback(None)

    def _failed(self, reason: Failure) -> None:
        self._error = _not_stored(reason.value)
        self._log.error("{error}", error=self._error)
        self._waiting.clear()

    def _stored(self, _: None) -> None:
        self._busy = False
        if self._paused and not self._waiting:
            self._paused = False
            self._source.resumeProducing()
        self._pump()


class RequestBody:
    """
    Collects the body of one request.

    :param limit: the largest body taken, in bytes.
    :param in_thread: runs a function in a thread.
    :param source: paused while the disk is slower than the client.
    :param memory_limit: from how many bytes on it goes to disk.
    :param announced: its length, in bytes, where that is known.
    :ivar size: bytes so far.
    """

    __slots__ = (
        "_chunks",
        "_in_thread",
        "_limit",
        "_memory_limit",
        "_source",
        "_spool",
        "size",
    )

    def __init__(
        self,
        limit: int,
        in_thread: InThread,
        source: Paced,
        memory_limit: int = MEMORY_LIMIT,
        announced: int | None = None,
    ) -> None:
        self.size = 0
        self._chunks: list[bytes] = []
        self._limit = limit
        self._in_thread = in_thread
        self._source = source
        self._memory_limit = memory_limit
        self._spool: _Spool | None = None
        if announced is not None and announced > memory_limit:
            self._spool = _Spool(in_thread, source)

    def write(self, data: bytes) -> None:
        """
        Take the next piece.

        :raises BodyTooLarge: if it exceeds the limit.
        """
        self.size += len(data)
        if self.size > self._limit:
            self.close()
            raise BodyTooLarge(self._limit)
        if self._spool is not None:
            self._spool.write(data)
            return
        self._chunks.append(data)
        if self.size > self._memory_limit:
            self._spool = _Spool(self._in_thread, self._source)
            for chunk in self._chunks:
                self._spool.write(chunk)
            self._chunks.clear()

    def finish(self) -> Deferred[None] | None:
        """
        No more will come.

        :returns: `None` where the body is in memory, else a `Deferred` that
            fires when it is on disk and fails with `BodyNotStored`.
        """
        return None if self._spool is None else self._spool.finish()

    @property
    def in_memory(self) -> bytes | None:
        """
        The whole body, or `None` where it is on disk.
        """
        if self._spool is not None:
            return None
        if len(self._chunks) > 1:
            self._chunks[:] = [b"".join(self._chunks)]
        return self._chunks[0] if self._chunks else b""

    def inspect(self, look: Callable[[IO[bytes]], Any]) -> Deferred[Any]:
        """
        Look into a body that is on disk.

        :param look: called in a thread with the file, at its beginning.
        :returns: a `Deferred` that fires with what ``look`` returns.
        """
        assert self._spool is not None
        return self._in_thread(self._spool.file.inspect, look)

    def rewrite(self, write: Rewriter) -> Deferred[None]:
        """
        Put another content in place of a body that is on disk.

        :param write: called in a thread.
        :returns: a `Deferred` that fires when the new body can be sent, and fails
            with `BodyNotStored`, or with what ``write`` raises; then the body is
            as it was.
        """
        assert self._spool is not None

        def took(size: int | None) -> None:
            if size is not None:
                self.size = size

        return self._in_thread(self._spool.file.rewrite, write).addCallback(took)

    def producer(self) -> IBodyProducer:
        """
        A new producer that sends a body which is on disk, from its beginning.
        """
        assert self._spool is not None
        return _FileProducer(self._spool.file, self.size, self._in_thread)

    def close(self) -> None:
        """
        Forget the body, in memory and on disk.
        """
        self._chunks.clear()
        if self._spool is not None:
            self._spool.close()


@implementer(IBodyProducer)
class _FileProducer:
    """
    Reads a file in a thread, as fast as the consumer takes it.
    """

    def __init__(self, file: _TemporaryFile, length: int, in_thread: InThread) -> None:
        self.length = length
        self._file = file
        self._in_thread = in_thread
        self._offset = 0
        self._paused = False
        self._stopped = False
        self._reading = False
        self._done: Deferred[None] = Deferred()

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        self._consumer = consumer
        self._read_on()
        return self._done

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        self._read_on()

    def stopProducing(self) -> None:
        self._stopped = True

    def _read_on(self) -> None:
        if self._paused or self._stopped or self._reading:
            return
        if self._offset == self.length:
            if not self._done.called:
                self._done.callback(None)
            return
        self._reading = True
        self._in_thread(self._file.read, self._offset).addCallbacks(
            self._was_read, self._failed
        )

    def _was_read(self, data: bytes) -> None:
        self._reading = False
        if self._stopped:
            return
        if not data:
            self._done.errback(BodyNotStored("the spooled request body is cut short"))
            return
        self._offset += len(data)
        self._consumer.write(data)
        self._read_on()

    def _failed(self, reason: Failure) -> None:
        if not self._stopped:
            self._stopped = True
            self._done.errback(reason)
