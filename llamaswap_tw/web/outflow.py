"""
What goes out on one stream of HTTP/2: a response, as fast as its client takes it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from twisted.internet._producer_helpers import _PullToPush
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from zope.interface import implementer

from .http2 import Fields

if TYPE_CHECKING:
    from .http2_channel import Http2Channel

#: More than this much of a response that waits for its client, in bytes, pauses
#: where it comes from; no more than the other lets it go on.
_MUCH = 64 * 1024
_LITTLE = 16 * 1024

#: The largest frame sent, in bytes, so that streams take short turns.
_LARGEST_FRAME = 16 * 1024


class _Ending(Enum):
    """
    What comes after all that waits to be sent.
    """

    OPEN = "more"
    WHOLE = "the end of the response"
    CUT = "a reset: the response will never be whole"


@implementer(IConsumer)
class Outflow:
    """
    The response of one stream.  What is put here waits for `push`.

    :param channel: the connection.
    :param stream_id: the stream's number.
    :param sent: called once the whole response was sent.
    :param cut: called once all was sent of one that will never be whole.
    :param reset: called to reset the stream, with a code and a reason.
    """

    __slots__ = (
        "_channel",
        "_cut",
        "_ending",
        "_h2",
        "_head",
        "_over",
        "_paused",
        "_producer",
        "_reset",
        "_sent",
        "_trailers",
        "_waiting",
        "id",
    )

    def __init__(
        self,
        channel: Http2Channel,
        stream_id: int,
        sent: Callable[[], None],
        cut: Callable[[], None],
        reset: Callable[[ErrorCodes, Failure | None], None],
    ) -> None:
        self.id = stream_id
        self._channel = channel
        self._h2 = channel.h2
        self._sent = sent
        self._cut = cut
        self._reset = reset
        self._head: Fields | None = None
        self._waiting = bytearray()
        self._ending = _Ending.OPEN
        self._trailers: Fields = []
        self._over = False
        self._producer: Any = None
        self._paused = False

    @property
    def is_open(self) -> bool:
        """
        Whether the response has not ended, nor been cut, as far as its request
        goes.
        """
        return self._ending is _Ending.OPEN

    @property
    def is_over(self) -> bool:
        """
        Whether nothing will be sent any more.
        """
        return self._over

    def inform(self, head: Fields) -> None:
        """
        Send an interim response; one need not arrive where others wait already.
        """
        if self._over or self._head is not None or self._channel.paused:
            return
        try:
            self._h2.send_headers(self.id, head)
        except ProtocolError:
            # The client has reset it: that event is still to come.
            return
        self._channel.write_out()

    def begin(self, head: Fields) -> None:
        """
        Put the head.
        """
        self._head = head

    def write(self, data: bytes) -> None:
        """
        Put a piece of the body.
        """
        self._waiting += data

    def push(self) -> None:
        """
        Send as much as the client takes, and pause the producer for too much else.
        """
        if self._over:
            # Its request is about to be told.
            self._waiting.clear()
            return
        self._channel.push(self)
        if (
            len(self._waiting) > _MUCH
            and self._producer is not None
            and not self._paused
        ):
            self._paused = True
            self._producer.pauseProducing()

    @property
    def waits(self) -> bool:
        """
        Whether something was put that is not sent.
        """
        return bool(self._waiting)

    def finish(self, trailers: Fields) -> None:
        """
        Nothing follows on what was put.
        """
        if self._ending is _Ending.OPEN:
            self._ending = _Ending.WHOLE
            self._trailers = trailers
            self.push()

    def cut(self) -> None:
        """
        Reset the stream, behind what was put.
        """
        if self._ending is _Ending.OPEN:
            self._ending = _Ending.CUT
            self.push()

    def send_turn(self) -> bool:
        """
        Send a frame of the body, with what is before and behind it.

        :returns: whether there is more that can be sent now.
        """
        try:
            return self._send_turn()
        except ProtocolError as e:
            # The client has reset the stream, or has left: h2 has read that, and
            # the event is still to come.
            self._reset(ErrorCodes.INTERNAL_ERROR, Failure(e))
            return False

    def _send_turn(self) -> bool:
        waiting = self._waiting
        is_last = self._ending is _Ending.WHOLE and not self._trailers
        if self._head is not None:
            head, self._head = self._head, None
            alone = is_last and not waiting
            self._h2.send_headers(self.id, head, end_stream=alone)
            if alone:
                self._all_sent()
                return False
        if waiting:
            size = min(
                self._h2.local_flow_control_window(self.id),
                self._h2.max_outbound_frame_size,
                _LARGEST_FRAME,
                len(waiting),
            )
            if size <= 0:
                # Its turn comes again when windows open.
                return False
            last = is_last and size == len(waiting)
            data = bytes(waiting[:size])
            del waiting[:size]
            self._h2.send_data(self.id, data, end_stream=last)
            if last:
                self._all_sent()
                return False
            if self._paused and len(waiting) <= _LITTLE:
                self._paused = False
                self._producer.resumeProducing()
            if waiting:
                return True
        if self._ending is _Ending.CUT:
            self._cut()
        elif self._ending is _Ending.WHOLE and not self._over:
            if self._trailers:
                self._h2.send_headers(self.id, self._trailers, end_stream=True)
            else:
                self._h2.end_stream(self.id)
            self._all_sent()
        return False

    def _all_sent(self) -> None:
        self._over = True
        self._sent()

    def stop(self) -> None:
        """
        Nothing can be sent any more.
        """
        self._over = True
        self._head = None
        self._waiting.clear()
        producer, self._producer = self._producer, None
        self._paused = False
        if producer is not None:
            producer.stopProducing()

    def close(self) -> None:
        """
        The response has ended, if not by itself.
        """
        if self._ending is _Ending.OPEN:
            self._ending = _Ending.CUT

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        As `IConsumer.registerProducer`.
        """
        if not streaming:
            producer = _PullToPush(producer, self)
            producer.startStreaming()
        self._producer = producer
        self._paused = len(self._waiting) > _MUCH
        if self._paused:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """
        As `IConsumer.unregisterProducer`.
        """
        producer, self._producer = self._producer, None
        self._paused = False
        if isinstance(producer, _PullToPush):
            producer.stopStreaming()
