"""
One request and its answer, on the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from twisted.python.failure import Failure
from twisted.web.http import NO_BODY_CODES, HTTPChannel, Request

if TYPE_CHECKING:
    from .server import Simulator

#: How often it is looked whether the last bytes before a cut are on their way.
_CUT_INTERVAL = 0.005

JSON = b"application/json; charset=utf-8"
EVENTS = b"text/event-stream"

_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}


class Outcome(Enum):
    """
    How far an exchange is.
    """

    OPEN = "open"
    WHOLE = "whole"
    #: The simulator broke it off.
    CUT = "cut"
    #: The client left before the end.
    CANCELLED = "cancelled"


class Exchange(Request):
    """
    A request of a client's.  Its answer is written past `Request.write`, whose
    header handling costs more than all that the simulator does itself.

    :ivar raw_headers: the request's headers as they came, in order.
    :ivar outcome: how far it is.
    :ivar counted: whether the statistics know of it.
    :ivar arrived: when it was whole, in seconds of the reactor's clock.
    :ivar asked: the body, where that is a JSON object; else empty.
    :ivar provoked: what the test asked for with ``simulator``.
    """

    simulator: Simulator
    content: Any

    def __init__(self, channel: HTTPChannel, queued: object = False) -> None:
        super().__init__(channel, queued=False, parsePOSTFormSubmission=False)
        self.raw_headers: list[tuple[bytes, bytes]] = []
        self.outcome = Outcome.OPEN
        self.counted = False
        self.arrived = 0.0
        self.asked: dict[str, Any] = {}
        self.provoked: dict[str, Any] = {}
        self.simulator = channel.factory
        self._wire: Any = channel.transport

    def process(self) -> None:
        """
        The request is whole.
        """
        self.simulator.serve(self)

    @property
    def gone(self) -> bool:
        """
        Whether nothing more can be sent.
        """
        return self.outcome is not Outcome.OPEN

    def body(self) -> bytes:
        """
        The request's whole body.
        """
        self.content.seek(0)
        data: bytes = self.content.read()
        return data

    def query(self, name: str, default: str = "") -> str:
        """
        A value from the request's query.
        """
        values = (self.args or {}).get(name.encode())
        return values[0].decode("utf-8", "replace") if values else default

    # The answer.

    def answer(
        self,
        body: bytes,
        content_type: bytes = JSON,
        status: int = 200,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """
        Send an answer that is whole at once.
        """
        if self.gone:
            return
        head = self._head(status, content_type, len(body), headers)
        if self.method == b"HEAD" or status in NO_BODY_CODES:
            body = b""
        self._wire.write(head + body)
        self.end()

    def answer_json(self, value: Any, status: int = 200) -> None:
        """
        Send a value as JSON.
        """
        self.answer(orjson.dumps(value), JSON, status)

    def refuse(self, status: int, kind: str, message: str) -> None:
        """
        Answer with an error, in llama-server's form.
        """
        self.answer_json(
            {"error": {"code": status, "message": message, "type": kind}}, status
        )

    def begin(self, content_type: bytes, length: int | None = None) -> None:
        """
        Send the head of an answer whose body follows with `send`.

        :param length: the body's, in bytes; `None` for one sent in chunks, or
            until the connection ends where the client knows no chunks.
        """
        self.chunked = int(length is None and self.clientproto == b"HTTP/1.1")
        head = self._head(200, content_type, length, ())
        self._wire.write(head)

    def send(self, data: bytes) -> None:
        """
        Send a piece of the body.
        """
        if data and self.method != b"HEAD":
            self._wire.write(self._framed(data))

    def send_now(self, data: bytes) -> None:
        """
        Send a piece of the body without waiting for the reactor's next turn:
        for small pieces at a time that matters.  Saves two calls of
        ``epoll_ctl`` as well.
        """
        transport = self._wire
        if self.method == b"HEAD":
            return
        data = self._framed(data)
        if hasattr(transport, "writeSomeData") and not _unsent(transport):
            sent = transport.writeSomeData(data)
            if sent == len(data):
                return
            # Else the socket is full, or broken: the usual way tells of that.
            if isinstance(sent, int):
                data = data[sent:]
        transport.write(data)

    def end(self) -> None:
        """
        The answer is whole.
        """
        self.outcome = Outcome.WHOLE
        self.simulator.ended(self)
        # What ends a chunked body is written there.
        self.chunked = int(self.chunked and self.method != b"HEAD")
        self.finish()

    def cut(self) -> None:
        """
        Reset the connection once what was sent is on its way.
        """
        if self.outcome is Outcome.OPEN:
            self.outcome = Outcome.CUT
            self.simulator.ended(self)
        if self.channel is None:
            return
        if _unsent(self._wire):
            self.simulator.clock.callLater(_CUT_INTERVAL, self.cut)
        else:
            self._wire.abortConnection()

    def connectionLost(self, reason: Failure) -> None:
        """
        The client is gone.
        """
        if self.outcome is Outcome.OPEN:
            self.outcome = Outcome.CANCELLED
            self.simulator.ended(self)
        super().connectionLost(reason)

    def _framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data

    def _head(
        self,
        status: int,
        content_type: bytes,
        length: int | None,
        headers: Sequence[tuple[bytes, bytes]],
    ) -> bytes:
        self.code = status
        self.startedWriting = 1
        lines = [
            b"HTTP/1.1 %d %b" % (status, _PHRASES.get(status, b"Unknown")),
            b"Server: llamaswap-simulator",
        ]
        if status not in NO_BODY_CODES:
            lines.append(b"Content-Type: " + content_type)
            if length is not None:
                lines.append(b"Content-Length: %d" % length)
            elif self.clientproto == b"HTTP/1.1":
                lines.append(b"Transfer-Encoding: chunked")
        if not self.channel.persistent:
            lines.append(b"Connection: close")
        lines += [b"%b: %b" % header for header in headers]
        return b"\r\n".join(lines) + b"\r\n\r\n"


def _unsent(transport: Any) -> bool:
    """
    Whether some of what was written has not gone to the kernel yet.
    """
    # Twisted's own buffers: nothing public tells, and to write past what still
    # waits in them would mix the order up.
    return bool(
        getattr(transport, "dataBuffer", b"")
        or getattr(transport, "_tempDataBuffer", ())
    )


class Channel(HTTPChannel):
    """
    HTTP/1 that remembers how headers were spelled, and takes long ones.
    """

    requestFactory = Exchange  # type: ignore[assignment]  # a subclass
    MAX_LENGTH = 1024 * 1024
    totalHeadersSize = 1024 * 1024

    def headerReceived(self, line: bytes) -> bool:
        """
        One header line came.

        :returns: whether it is valid.
        """
        name, _, value = line.partition(b":")
        self.requests[-1].raw_headers.append((name, value.strip(b" \t")))
        valid: bool = super().headerReceived(line)
        return valid
