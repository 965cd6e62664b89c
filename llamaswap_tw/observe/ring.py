"""
A log's last bytes, and whoever follows it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

#: How much of each log is kept, in bytes.
RING_SIZE = 100 * 1024

#: A log that comes byte by byte is joined before its pieces outweigh it.
_MOST_PIECES = 512


class LogRing:
    """
    Keeps the last bytes written to a log and tells its followers of new ones.

    :param size: how many bytes are kept.
    :ivar written: how many were ever written.
    """

    def __init__(self, size: int = RING_SIZE) -> None:
        self._size = size
        self._pieces: deque[bytes] = deque()
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
        self._pieces.append(data)
        self._held += len(data)
        while self._held > self._size:
            excess = self._held - self._size
            oldest = self._pieces[0]
            if len(oldest) <= excess:
                self._pieces.popleft()
                self._held -= len(oldest)
            else:
                self._pieces[0] = oldest[excess:]
                self._held -= excess
        if len(self._pieces) > _MOST_PIECES:
            self.history()
        for follower in tuple(self._followers):
            follower(data)

    def history(self) -> bytes:
        """
        What is kept.
        """
        if len(self._pieces) > 1:
            self._pieces = deque([b"".join(self._pieces)])
        return self._pieces[0] if self._pieces else b""

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
