"""
How much memory the models' processes take.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import InThread
from .kin import Kin
from .table import read_table

_log = Logger()

#: Seconds from one look to the next.
INTERVAL = 5.0

#: A change is one from this part of what it was on, and this many bytes.
_PART = 0.01
_BYTES = 1024 * 1024


def resident(kin: Mapping[str, Kin]) -> dict[str, int]:
    """
    The resident memory of some models' processes, in bytes; what several of one model
    share counts for each.  Takes some milliseconds: call it in a thread.

    :param kin: by model, what finds them.
    :returns: by model, for those that have any.
    """
    table = read_table()
    found: dict[str, int] = {}
    for model, its in kin.items():
        # Not by their cookies: to read every process's environment is what takes time.
        sizes = [_resident(entry.pid) for entry in its.find(table, _none, _none)]
        if sizes:
            found[model] = sum(sizes)
    return found


def _none(pid: int) -> None:
    return None


def _resident(pid: int) -> int:
    if sys.platform == "linux":
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return 0
    # Imported where it is needed: Linux does without.
    import psutil

    try:
        size: int = psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0
    return size


class Memory:
    """
    Looks at the memory of the models' processes now and then, while somebody wants to
    know.

    :param clock: spaces the looks.
    :param in_thread: runs a function in a thread.
    :param kin: by model, what finds its processes, for those that have any.
    :param changed: called when a model takes another amount than before.
    """

    def __init__(
        self,
        clock: IReactorTime,
        in_thread: InThread,
        kin: Callable[[], Mapping[str, Kin]],
        changed: Callable[[], object],
    ) -> None:
        self._clock = clock
        self._in_thread = in_thread
        self._kin = kin
        self._changed = changed
        self._sizes: Mapping[str, int] = {}
        self._wanted = False
        #: A look is under way; else the next one is awaited, where any is wanted.
        self._looking = False
        self._next: IDelayedCall | None = None

    def of(self, model: str) -> int | None:
        """
        How much a model took at the last look, in bytes; `None` where nobody has
        looked since it runs.
        """
        return self._sizes.get(model)

    def start(self) -> None:
        """
        Somebody wants to know.
        """
        if not self._wanted:
            self._wanted = True
            # One that is still under way will do.
            if not self._looking:
                self._look()

    def stop(self) -> None:
        """
        Nobody does any more.
        """
        self._wanted = False
        self._sizes = {}
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        self._next = None
        self._looking = True
        kin = self._kin()
        looked: Deferred[Any] = self._in_thread(resident, kin) if kin else succeed({})
        looked.addCallbacks(self._looked, self._failed).addBoth(self._go_on)

    def _looked(self, sizes: Mapping[str, int]) -> None:
        if not self._wanted:
            return
        before = self._sizes
        # What creeps is noticed once it has come far enough.
        if before.keys() != sizes.keys() or any(
            abs(size - before[model]) >= max(_BYTES, _PART * before[model])
            for model, size in sizes.items()
        ):
            self._sizes = sizes
            self._changed()

    def _failed(self, reason: Failure) -> None:
        _log.failure("looking at the memory of models", reason)

    def _go_on(self, result: Any) -> None:
        self._looking = False
        if isinstance(result, Failure):
            _log.failure("telling of the memory of models", result)
        if self._wanted:
            self._next = self._clock.callLater(INTERVAL, self._look)
