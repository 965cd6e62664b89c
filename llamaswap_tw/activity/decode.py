"""
Content codings undone, in pieces, within bounds.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

#: How much is undone at a time, in bytes.
_PIECE = 64 * 1024

#: What one piece of a response may become, in bytes: what compresses better is made
#: to, and would hold up all else.
_MOST_OUTPUT = 2 * 1024 * 1024

#: So many gzip members may begin in one piece; each takes some microseconds.
_MOST_MEMBERS = 32

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


class Decoder:
    """
    Undoes gzip or deflate, the latter with and without the head of zlib.  What is
    broken, or becomes too much, ends it quietly.

    :param gzip: whether it is gzip, of any number of members.
    :param take: called with what comes out.
    """

    __slots__ = ("_data", "_gzip", "_inflater", "_over", "_take")

    def __init__(self, gzip: bool, take: Callable[[bytes], None]) -> None:
        self._gzip = gzip
        self._take = take
        #: What came of a head that tells whether zlib wrote it.
        self._data = b""
        self._inflater: Any = zlib.decompressobj(_GZIP) if gzip else None
        self._over = False

    def feed(self, data: bytes) -> None:
        """
        Take the next piece.
        """
        if self._over:
            return
        if self._inflater is None:
            data = self._data + data
            if len(data) < 2:
                self._data = data
                return
            self._data = b""
            self._inflater = zlib.decompressobj(_ZLIB if _is_zlib(data) else _RAW)
        try:
            self._over = not self._inflate(data)
        except zlib.error:
            self._over = True

    def _inflate(self, data: bytes) -> bool:
        """
        :returns: whether more may come.
        :raises zlib.error: if it is broken.
        """
        members = 0
        left = _MOST_OUTPUT
        while True:
            inflater = self._inflater
            piece = inflater.decompress(data, _PIECE)
            if piece:
                self._take(piece)
            left -= len(piece)
            if left < 0:
                return False
            data = inflater.unconsumed_tail
            if inflater.eof:
                # Zeros may fill up what is behind a member.
                data = inflater.unused_data.lstrip(b"\0")
                members += 1
                if not self._gzip or members > _MOST_MEMBERS:
                    return False
                self._inflater = zlib.decompressobj(_GZIP)
                if not data:
                    return True
            elif not data and len(piece) < _PIECE:
                return True


def _is_zlib(head: bytes) -> bool:
    """
    Whether it is the head that RFC 1950 describes, which browsers and servers leave
    out or not.
    """
    return head[0] & 0x0F == 8 and (head[0] << 8 | head[1]) % 31 == 0
