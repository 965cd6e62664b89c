"""
A log as events tell it: what it holds, then what it gets.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable
from dataclasses import dataclass

from ..observe.ring import LogRing
from ..observe.stdout import dropped_marker
from .event import event

#: How much of a log is gathered, in bytes, before it is told at once.
_MOST_GATHERED = 32 * 1024


@dataclass(frozen=True)
class Place:
    """
    Up to where a log was told.

    :ivar at: what its ring's `written` was there.
    :ivar mid_line: whether that is amid a line.
    """

    at: int
    mid_line: bool


class LogTail:
    """
    What a log has got since it was last told.

    :param source: the log's name in events.
    :param ring: the log.
    :param more: called when there is something, with whether there is much.
    """

    def __init__(
        self, source: str, ring: LogRing, more: Callable[[bool], None]
    ) -> None:
        self._source = source
        self._ring = ring
        self._more = more
        self._pieces: list[bytes] = []
        self._size = 0
        self._unfollow: Callable[[], None] | None = None
        self._mid_line = False
        # A piece may end within a character.
        self._decoder = getincrementaldecoder("utf-8")("replace")

    def follow(self) -> None:
        """
        Gather from now on.
        """
        if self._unfollow is None:
            self._unfollow = self._ring.follow(self._write)

    def unfollow(self) -> None:
        """
        Gather no more.
        """
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None
            self._pieces.clear()
            self._size = 0
            self._decoder.reset()
            self._mid_line = False

    def _write(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        self._more(self._size >= _MOST_GATHERED)

    def history(self) -> bytes:
        """
        The event with all that the log holds.
        """
        return self._event(self._ring.history().decode("utf-8", "replace"))

    def take(self) -> bytes:
        """
        The event with what was gathered; empty where that is nothing.
        """
        text = self._decoder.decode(b"".join(self._pieces))
        self._pieces.clear()
        self._size = 0
        if not text:
            return b""
        self._mid_line = not text.endswith("\n")
        return self._event(text)

    def place(self) -> Place:
        """
        Up to where the log was told.
        """
        began, _ = self._decoder.getstate()
        return Place(self._ring.written - self._size - len(began), self._mid_line)

    def since(self, place: Place) -> bytes:
        """
        The event with what was told since then, as far as the log still holds it, and
        a line in place of the rest; empty where that is nothing.

        :param place: what `place` was then.
        """
        skipped, data = self._ring.since(place.at, self.place().at)
        text = data.decode("utf-8", "replace")
        if skipped:
            marker = dropped_marker(skipped).decode()
            text = ("\n" if place.mid_line else "") + marker + text
        return self._event(text) if text else b""

    def _event(self, text: str) -> bytes:
        return event("logData", {"source": self._source, "data": text})
