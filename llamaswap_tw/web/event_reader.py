"""
One client that follows the events, and may be slower than they are.
"""

from __future__ import annotations

from collections.abc import Callable

from .log_tail import Place
from .request import Request
from .streaming import StreamReader

#: Up to where our log and that of the models were told.
Places = tuple[Place, Place]


class EventReader(StreamReader):
    """
    One client that follows the events.

    :param request: the client's request.
    :param gone: called with this reader when it has ended.
    :param missed: given up to where the logs were told to it, makes what stands in
        place of all since, and tells its number.
    :cvar limit: how much waits for a client that is slower than what happens, in
        bytes, beside what its transport holds.
    """

    limit = 256 * 1024

    def __init__(
        self,
        request: Request,
        gone: Callable[[StreamReader], None],
        missed: Callable[[Places], tuple[bytes, int]],
    ) -> None:
        super().__init__(request, b"text/event-stream", gone)
        self._missed = missed
        self._waiting: list[bytes] = []
        self._size = 0
        #: Up to where the logs were told to it, while something waits or is missed.
        self._told: Places | None = None
        self._is_behind = False
        self._seen = 0

    def write(self, data: bytes, number: int, told: Places) -> None:
        """
        There is something new.

        :param number: of this, in the order of what is sent to all.
        :param told: up to where the logs were told before.
        """
        if number <= self._seen:
            # It caught up while others were sent this.
            return
        if not self.paused:
            self.send(data)
            return
        if self._told is None:
            self._told = told
        if not self._is_behind and self._size + len(data) <= self.limit:
            self._waiting.append(data)
            self._size += len(data)
        else:
            # Nothing of it is wanted: the logs hold the newest of theirs, and
            # where everything stands is to be seen.
            self._is_behind = True
            self._waiting.clear()
            self._size = 0

    def catch_up(self) -> None:
        """
        As `StreamReader.catch_up`: all, where that was little, or the newest of the
        logs and where everything stands now.
        """
        told, self._told = self._told, None
        waiting, self._waiting, self._size = b"".join(self._waiting), [], 0
        if self._is_behind:
            assert told is not None
            self._is_behind = False
            waiting, self._seen = self._missed(told)
        self.send(waiting)
