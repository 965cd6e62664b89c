"""
A log's last bytes, and whoever follows it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

#: How much of each log is kept, in bytes.
RING_SIZE = 100 * 1024

#: What comes in less than this, in bytes, is put together with what comes next: a log
#: is mostly lines, and pieces of their size would outweigh it.
_PIECE = 4096


class LogRing:
    """
    Keeps the last bytes written to a log and tells its followers of new ones.

    :param size: how many bytes are kept.
    :ivar written: how many were ever written.
    """

    def __init__(self, size: int = RING_SIZE) -> None:
        self._size = size
        #: Of the first, the beginning may be older than what is kept: to cut it off
        #: would copy the rest, with every line that comes.
        self._pieces: deque[bytearray] = deque()
        self._held = 0
        self.written = 0
        self._followers: list[Callable[[bytes], None]] = []

    def write(self, data: bytes) -> None:
        """
        Take more.

        :param data: as it came, in whole lines or not.
        """
        self.written += len(data)
        if len(data) > self._size:
            data = data[-self._size :]
        pieces = self._pieces
        if pieces and len(pieces[-1]) < _PIECE:
            pieces[-1] += data
        else:
            pieces.append(bytearray(data))
        self._held += len(data)
        while self._held - len(pieces[0]) >= self._size:
            self._held -= len(pieces.popleft())
        for follower in tuple(self._followers):
            follower(data)

    def history(self) -> bytes:
        """
        What is kept.
        """
        return b"".join(self._pieces)[-self._size :]

    def since(self, place: int, until: int | None = None) -> tuple[int, bytes]:
        """
        What was written from a place on, as far as it is kept.

        :param place: what `written` was there.
        :param until: what it was where that ends; `None` for now.
        :returns: how many bytes of it are kept no longer, and the others.  Where some
            are not, the others begin with a whole line, if there is one.
        """
        until = self.written if until is None else until
        held = self.history()
        # The place of its first byte.
        first = self.written - len(held)
        if place >= first:
            return 0, held[place - first : max(until - first, 0)]
        held = held[: max(until - first, 0)]
        _, _, whole = held.partition(b"\n")
        held = whole or held
        return until - place - len(held), held

    def follow(self, follower: Callable[[bytes], None]) -> Callable[[], None]:
        """
        Hear of everything written from now on.

        :param follower: called with each piece; must not block.
        :returns: a function that ends it.
        """
        self._followers.append(follower)

        def unfollow() -> None:
            if follower in self._followers:
                self._followers.remove(follower)

        return unfollow


def last_lines(text: bytes, limit: int) -> str:
    """
    The end of a log.

    :param text: the log.
    :param limit: the most bytes wanted.
    :returns: its last whole lines, within the limit; a single line that is
        longer is cut at its beginning.
    """
    text = text.rstrip()
    kept = text[-limit:]
    if len(kept) < len(text) and not text[: -len(kept)].endswith(b"\n"):
        _, newline, whole = kept.partition(b"\n")
        kept = whole if newline else kept
    return kept.decode("utf-8", "replace")
