"""
What tests provoke: strange answers, at ``/simulator/…`` or at any other endpoint.

Through a proxy that lets only some paths pass, an object under ``simulator`` in a
request's JSON does the same, and so does that object in a header ``X-Simulator``,
for bodies that are not JSON:

``{"delay_head": S}``
    nothing is sent for that many seconds
``{"hang": true}``
    nothing is ever sent
``{"status": N}``
    an error with that status
``{"echo": true}``
    the request, as JSON
``{"bytes": N, "chunk": M, "chunked": true}``
    N bytes, M at a time, with a Content-Length or in chunks
``{"cut_after": N}``
    the connection is reset after that many tokens of a stream, or bytes of
    another answer
``{"tokens_per_second": N}``
    the speed of this answer
``{"stamp": true}``
    a stream's tokens are the times at which they are sent, in nanoseconds of the
    monotonic clock
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from .exchange import Exchange

if TYPE_CHECKING:
    from .server import Simulator

_OCTETS = b"application/octet-stream"
_CHUNK = 64 * 1024

#: How much of a body is read at a time.
_READ_SIZE = 1024 * 1024


def provocation(exchange: Exchange) -> dict[str, Any]:
    """
    What a request asks for with ``simulator``; empty where it does not.
    """
    header = exchange.getHeader(b"X-Simulator")
    if header is not None:
        try:
            value = orjson.loads(header)
        except orjson.JSONDecodeError:
            value = None
    else:
        value = exchange.asked.get("simulator")
    provoked = dict(value) if isinstance(value, dict) else {}
    if "cut_after" in exchange.asked:
        provoked["cut_after"] = exchange.asked["cut_after"]
    return provoked


def provoke(simulator: Simulator, exchange: Exchange) -> bool:
    """
    Do what a request asked for.

    :returns: whether that was an answer, or takes the place of one.
    """
    provoked = exchange.provoked
    if provoked.get("hang"):
        return True
    if "status" in provoked:
        _refuse(exchange, provoked["status"])
    elif provoked.get("echo"):
        echo(simulator, exchange)
    elif "bytes" in provoked:
        Bytes(
            exchange,
            provoked["bytes"],
            provoked.get("chunk", _CHUNK),
            chunked=bool(provoked.get("chunked")),
            cut=False,
        ).start()
    else:
        return False
    return True


def _refuse(exchange: Exchange, status: int) -> None:
    exchange.refuse(status, "simulated_error", f"status {status} was asked for")


@implementer(IPushProducer)
class Bytes:
    """
    Sends bytes as fast as they are read.

    :param size: how many.
    :param chunk: how many at a time.
    :param chunked: whether in chunks, or with a Content-Length.
    :param cut: whether the connection is reset in place of an end.
    """

    def __init__(
        self, exchange: Exchange, size: int, chunk: int, *, chunked: bool, cut: bool
    ) -> None:
        self._exchange = exchange
        self._left = size
        self._piece = bytes(range(256)) * (max(chunk, 1) // 256 + 1)
        self._piece = self._piece[: max(chunk, 1)]
        self._length = None if chunked else size
        self._cut = cut
        self._paused = False

    def start(self) -> None:
        """
        Send the head, and what is taken at once.
        """
        self._exchange.begin(_OCTETS, self._length)
        self._exchange.registerProducer(self, True)
        self._send()

    def pauseProducing(self) -> None:
        """
        The client is slow.
        """
        self._paused = True

    def resumeProducing(self) -> None:
        """
        The client has read what there was.
        """
        if self._paused:
            self._paused = False
            self._send()

    def stopProducing(self) -> None:
        """
        The client is gone.
        """
        self._paused = True

    def _send(self) -> None:
        exchange = self._exchange
        while self._left and not self._paused:
            piece = self._piece[: self._left]
            self._left -= len(piece)
            exchange.send(piece)
        if self._left or self._paused:
            return
        exchange.unregisterProducer()
        if self._cut:
            exchange.cut()
        else:
            exchange.end()


def _number(exchange: Exchange, name: str, default: int) -> int:
    """
    :raises ValueError: if the query gives something else than a number from 0 on.
    """
    text = exchange.query(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name} must be a whole number")
    return int(text)


def send_bytes(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/simulator/bytes?size=N&chunk=M&chunked=1``.
    """
    size, chunk = _number(exchange, "size", 0), _number(exchange, "chunk", _CHUNK)
    chunked = exchange.query("chunked") == "1"
    Bytes(exchange, size, chunk, chunked=chunked, cut=False).start()


def send_and_cut(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/simulator/cut?after=N``: N bytes in chunks, then a reset.
    """
    size = _number(exchange, "after", 0)
    Bytes(exchange, size, _CHUNK, chunked=True, cut=True).start()


def send_status(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/simulator/status?code=N``.
    """
    _refuse(exchange, _number(exchange, "code", 500))


def echo(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/simulator/echo``: what came, byte for byte; bytes that are no ASCII
    are shown as Latin-1.
    """
    digest, length = hashlib.sha256(), 0
    exchange.content.seek(0)
    while data := exchange.content.read(_READ_SIZE):
        digest.update(data)
        length += len(data)
    exchange.answer_json(
        {
            "method": exchange.method.decode("latin-1"),
            "path": exchange.uri.decode("latin-1"),
            "headers": [
                [name.decode("latin-1"), value.decode("latin-1")]
                for name, value in exchange.raw_headers
            ],
            "body": {"sha256": digest.hexdigest(), "length": length},
        }
    )


def show_stats(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/simulator/stats``.
    """
    exchange.answer_json(simulator.stats.as_json())


def show_pids(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/simulator/pids``.
    """
    exchange.answer_json({"pid": simulator.pid, "children": simulator.children})
