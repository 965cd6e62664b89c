"""
How much memory a process takes.
"""

from __future__ import annotations

import threading
from types import TracebackType

import psutil

_MB = 1_000_000


class Peak:
    """
    The most memory that a process holds during a ``with``, in MB.
    """

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.before = self.now()
        self.peak = self.before

    @property
    def growth(self) -> float:
        """
        MB between the beginning and the peak.
        """
        return self.peak - self.before

    def now(self) -> float:
        """
        MB at this moment.
        """
        return float(self._process.memory_info().rss) / _MB

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.01):
            self.peak = max(self.peak, self.now())
