"""
Sending a request's body up, no faster than the model's server takes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

#: How much of a body in memory is copied at a time.
_SLICE = 256 * 1024


class WrongLength(Exception):
    """
    A producer sent more or less than the length that it told: a mistake of ours.
    """


@implementer(IBodyProducer)
class BytesProducer:
    """
    Sends a large body that is in memory without copying all of it at once.

    :param data: the body.
    """

    __slots__ = ("_consumer", "_done", "_offset", "_paused", "_view", "length")

    def __init__(self, data: bytes) -> None:
        self.length = len(data)
        self._view = memoryview(data)
        self._offset = 0
        self._paused = False
        self._done: Deferred[None] = Deferred()

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        As `IBodyProducer.startProducing`.
        """
        self._consumer = consumer
        self.resumeProducing()
        return self._done

    def pauseProducing(self) -> None:
        """
        The transport has enough for now.
        """
        self._paused = True

    def resumeProducing(self) -> None:
        """
        Go on.
        """
        self._paused = False
        while not self._paused and self._offset < self.length:
            piece = self._view[self._offset : self._offset + _SLICE]
            self._offset += len(piece)
            self._consumer.write(bytes(piece))
        if self._offset >= self.length and not self._paused and not self._done.called:
            self._done.callback(None)

    def stopProducing(self) -> None:
        """
        Nobody wants the rest.
        """
        self._paused = True
        self._offset = self.length


@implementer(IConsumer)
class Upload:
    """
    One body on its way up.

    :param transport: of the connection.
    :param producer: of the body.
    :param done: called once, unless stopped before: with `None` when all is
        written, else with what went wrong.
    """

    __slots__ = ("_done", "_left", "_producer", "_transport")

    def __init__(
        self,
        transport: Any,
        producer: IBodyProducer,
        done: Callable[[Failure | None], None],
    ) -> None:
        self._transport = transport
        self._producer: IBodyProducer | None = producer
        self._done = done
        length = producer.length
        self._left: int | None = None if length == UNKNOWN_LENGTH else cast(int, length)

    def start(self) -> None:
        """
        Begin; the head is written.
        """
        producer = self._producer
        assert producer is not None
        self._transport.registerProducer(producer, True)
        try:
            produced = producer.startProducing(self)
        except Exception:
            produced = succeed(Failure())
        produced.addBoth(self._produced)

    def write(self, data: bytes) -> None:
        """
        A piece of the body.
        """
        if self._producer is None or not data:
            return
        left = self._left
        if left is None:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
            return
        if len(data) > left:
            self._finish(Failure(WrongLength("the body is longer than its length")))
            return
        self._left = left - len(data)
        self._transport.write(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        The producer is registered from the start.
        """

    def unregisterProducer(self) -> None:
        """
        As `registerProducer`.
        """

    def stop(self) -> None:
        """
        Send no more.
        """
        producer, self._producer = self._producer, None
        if producer is not None:
            self._transport.unregisterProducer()
            producer.stopProducing()

    def _produced(self, result: Failure | None) -> None:
        if self._producer is None:
            return
        if isinstance(result, Failure):
            self._finish(result)
        elif self._left:
            self._finish(Failure(WrongLength("the body is shorter than its length")))
        else:
            if self._left is None:
                self._transport.write(b"0\r\n\r\n")
            self._producer = None
            self._transport.unregisterProducer()
            self._done(None)

    def _finish(self, reason: Failure) -> None:
        self.stop()
        self._done(reason)
