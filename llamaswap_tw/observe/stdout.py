"""
Standard output, written by a thread of its own: a terminal that is held, or a
pipe that nobody reads, must not hold the daemon.
"""

from __future__ import annotations

import os
from collections import deque
from threading import Condition, Event, Thread

#: How much may wait to be written, in bytes.
_LIMIT = 1024 * 1024

#: How long lines gather once some were written, in seconds.  Were each one the
#: thread's to write at once, thousands in a second would cost two changes of threads
#: each, ten times what it takes to make one.  The first is written at once.
_GATHER = 0.1

#: So much is not left to gather, in bytes.
_MUCH = _LIMIT // 8


class PatientWriter:
    """
    Writes to a file descriptor in a thread.  What comes faster than it can be
    written is dropped, and a line tells how much.

    :param descriptor: where to.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._condition = Condition()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._closing = False
        #: Set where there is no more time to gather.
        self._hurry = Event()
        self._thread = Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """
        Take more.  Never blocks.
        """
        with self._condition:
            if self._size + len(data) > _LIMIT:
                self._dropped += len(data)
                return
            if self._dropped:
                data = dropped_marker(self._dropped) + data
                self._dropped = 0
            if not self._waiting:
                self._condition.notify()
            self._waiting.append(data)
            self._size += len(data)
            if self._size > _MUCH:
                self._hurry.set()

    def close(self, timeout: float) -> None:
        """
        Write what waits, then end.

        :param timeout: give up after so many seconds.
        """
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._hurry.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._waiting and not self._closing:
                    self._condition.wait()
                if not self._waiting:
                    return
                data = b"".join(self._waiting)
                self._waiting.clear()
                self._size = 0
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:
                # Nobody reads it any more: what goes there is lost, the rings
                # still have it.
                pass
            self._hurry.wait(_GATHER)
            if not self._closing:
                self._hurry.clear()


def dropped_marker(size: int) -> bytes:
    """
    What stands in a log where a reader was too slow for it.

    :param size: how many bytes were dropped.
    """
    return f"— {size} bytes dropped —\n".encode()
