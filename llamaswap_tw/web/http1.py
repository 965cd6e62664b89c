"""
Requests over HTTP/1, and how their responses are written: heads as they came,
chunks sent in the turn in which they arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from twisted.web.http import NO_BODY_CODES
from zope.interface import implementer

from ..interfaces import ISwitchingDownstream
from .request import Request

if TYPE_CHECKING:
    from .channel import Channel

_LAST_CHUNK = b"0\r\n"


@implementer(ISwitchingDownstream)
class Http1Request(Request):
    """
    A request over HTTP/1.

    :param channel: its client's connection.
    """

    _link: Channel | None

    def __init__(self, channel: Channel, queued: bool = False) -> None:
        super().__init__(channel)
        self._out: list[bytes] = []

    def _prepare_for_resource(self) -> None:
        if self.clientproto == b"HTTP/1.0":
            # A resource's response need not have a length.
            self.channel.persistent = False
        if not self.channel.persistent:
            self.setHeader(b"Connection", b"close")

    def inform(
        self, code: int, phrase: bytes, headers: Sequence[tuple[bytes, bytes]]
    ) -> None:
        """
        Pass on an interim response.  HTTP/1.0 has none.
        """
        if self.clientproto != b"HTTP/1.1":
            return
        self._out.append(
            b"HTTP/1.1 %d %b\r\n%b\r\n" % (code, phrase, _header_lines(headers))
        )
        self.flush()

    def _write_head(
        self,
        channel: Channel,
        code: int,
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        length: int | None,
    ) -> None:
        lines = [b"%b %d %b\r\n" % (self.clientproto, code, phrase)]
        dated = False
        for name, value in headers:
            lines.append(b"%b: %b\r\n" % (name, value))
            if len(name) == 4 and name.lower() == b"date":
                dated = True
        if length is not None:
            lines.append(b"Content-Length: %d\r\n" % length)
        elif code not in NO_BODY_CODES and self.method != b"HEAD":
            if self.clientproto == b"HTTP/1.1":
                lines.append(b"Transfer-Encoding: chunked\r\n")
                self.chunked = 1
            else:
                channel.persistent = False
        if not channel.persistent:
            lines.append(b"Connection: close\r\n")
        elif self.clientproto == b"HTTP/1.0":
            lines.append(b"Connection: keep-alive\r\n")
        if not dated:
            # RFC 9110, 6.6.1: in what we make, and in what we pass on.
            lines.append(channel.site.date.line())
        lines.append(b"\r\n")
        self._out.append(b"".join(lines))

    def send(self, data: bytes) -> None:
        """
        Buffer a piece of the body.
        """
        self.sentLength += len(data)
        if self.chunked:
            self._out.append(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._out.append(data)

    def flush(self) -> None:
        """
        Hand what is buffered to the transport.
        """
        out = self._out
        if out:
            channel = self._link
            if channel is not None:
                channel.send_now(out[0] if len(out) == 1 else b"".join(out))
            out.clear()

    def switch(
        self,
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        successor: object,
        close: Callable[[], None] | None,
    ) -> bytes:
        """
        Answer 101 and give the connection away.
        """
        channel = self._link
        assert channel is not None
        self.startedWriting = 1
        self.code = 101
        channel.send_now(
            b"HTTP/1.1 101 %b\r\n%b\r\n" % (phrase, _header_lines(headers))
        )
        return channel.switch(successor, close)

    def end(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """
        The response is whole.
        """
        if self._link is None:
            return
        if self.chunked:
            self._out.append(_LAST_CHUNK + _header_lines(trailers) + b"\r\n")
        self.flush()
        self.finished = 1
        self._forget()
        self._cleanup()

    def end_soon(self) -> None:
        """
        The response is whole, and nobody waits for long until it is read.
        """
        channel = self._link
        if channel is not None:
            channel.abort_later()
        self.end()

    def cut(self) -> None:
        """
        End the connection in a way that is no clean end of the response.
        """
        channel = self._link
        if channel is None:
            return
        self.flush()
        if self.clientproto == b"HTTP/1.1":
            channel.loseConnection()
        else:
            # Without a length the end of the connection is the end of the
            # body: only a reset tells the two apart.
            channel.abort()


def _header_lines(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % pair for pair in headers)
