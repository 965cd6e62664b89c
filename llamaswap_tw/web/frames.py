"""
Where the frames of HTTP/2 begin and end, without a look at what is in them: that
is h2's business, which tells nothing of one that is not whole yet, nor of those
that cost it work and mean nothing.

Source: RFC 9113, 3.4, 4.1 and 6.
"""

from __future__ import annotations

#: What a client sends first, in bytes.
_PREFACE = 24

#: What a frame begins with, in bytes, and the most that may follow, unless we say
#: otherwise.
_FRAME_HEAD = 9
_LONGEST = 2**14

_DATA, _HEADERS, _CONTINUATION = 0, 1, 9
_END_STREAM = 0x1
_END_HEADERS = 0x4

#: Those with requests and bodies, and what lets a response flow: as many as there
#: are of these are paid for by something that is limited in itself.
_ORDINARY = frozenset([_DATA, _HEADERS, 8, _CONTINUATION])


class FrameWatch:
    """
    Follows a client's bytes.

    :ivar unfinished: whether a frame, or a head of several, has begun and not
        ended.
    :ivar too_long: whether one is longer than it may be: h2 would wait for all of it
        before it says so.
    """

    __slots__ = ("_head", "_in_head", "_rest", "too_long", "unfinished")

    def __init__(self) -> None:
        self._rest = _PREFACE
        self._head = b""
        self._in_head = False
        self.unfinished = True
        self.too_long = False

    def feed(self, data: bytes) -> int:
        """
        More came.

        :returns: how many frames began with it that ask for work and carry neither
            a request nor a body: resets, pings, settings, priorities, empty
            pieces.
        """
        idle = 0
        position, end = 0, len(data)
        while position < end:
            if self._rest:
                step = min(self._rest, end - position)
                self._rest -= step
                position += step
                continue
            head = data[position : position + _FRAME_HEAD - len(self._head)]
            position += len(head)
            self._head += head
            if len(self._head) == _FRAME_HEAD:
                idle += self._begin(self._head)
                self._head = b""
        self.unfinished = bool(self._rest or self._head or self._in_head)
        return idle

    def _begin(self, head: bytes) -> bool:
        self._rest = length = int.from_bytes(head[:3])
        kind, flags = head[3], head[4]
        if length > _LONGEST:
            self.too_long = True
        if kind in (_HEADERS, _CONTINUATION):
            self._in_head = not flags & _END_HEADERS
        elif kind == _DATA:
            return not (length or flags & _END_STREAM)
        return kind not in _ORDINARY


class Allowance:
    """
    How much of something a client may do: much at once, less for long.

    :param burst: how often at once.
    :param rate: how often a second in the long run.
    """

    __slots__ = ("_burst", "_left", "_rate", "_since")

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = self._left = burst
        self._rate = rate
        self._since = 0.0

    def spend(self, count: int, now: float) -> bool:
        """
        It does so.

        :param count: how often.
        :param now: the time, in seconds.
        :returns: whether that is still within what it may.
        """
        # A clock may be set back.
        earned = max(0.0, now - self._since) * self._rate
        self._since = now
        self._left = min(self._burst, self._left + earned) - count
        return self._left >= 0
