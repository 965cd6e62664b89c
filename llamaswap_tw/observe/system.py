"""
How the machine is at this moment: processors, memory, network.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SystemReading:
    """
    The machine at one moment.

    :ivar cpu: percent that each logical processor was busy since the reading before.
    :ivar memory_total: in bytes, as the other sizes.
    :ivar memory_used: all but what could be had without swapping.
    :ivar memory_free: what nothing is in, caches neither.
    :ivar load: the load averages of 1, 5 and 15 minutes.
    :ivar network: by interface: its name, and the bytes received and sent since it
        exists.
    """

    cpu: tuple[float, ...]
    memory_total: int
    memory_used: int
    memory_free: int
    swap_total: int
    swap_used: int
    load: tuple[float, float, float]
    network: tuple[tuple[str, int, int], ...]


class SystemReader:
    """
    Reads it, in some tenths of a millisecond.  The first reading knows of no
    reading before: its processors are idle.
    """

    def __init__(self) -> None:
        self._before: Sequence[Any] = ()

    def read(self) -> SystemReading:
        """
        :raises Exception: if the operating system does not tell.
        """
        # Not before: it takes a megabyte.
        import psutil

        # Not its ``cpu_percent``: that remembers the reading before by the thread.
        times = psutil.cpu_times(percpu=True)
        before, self._before = self._before, times
        if len(before) != len(times):
            before = times
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        interfaces = psutil.net_io_counters(pernic=True)
        return SystemReading(
            cpu=tuple(busy(now, then) for now, then in zip(times, before, strict=True)),
            memory_total=memory.total,
            memory_used=memory.total - memory.available,
            memory_free=memory.free,
            swap_total=swap.total,
            swap_used=swap.used,
            load=os.getloadavg(),
            network=tuple(
                (name, counters.bytes_recv, counters.bytes_sent)
                for name, counters in sorted(interfaces.items())
            ),
        )


def busy(now: Any, before: Any) -> float:
    """
    The percentage of the time between two readings that a processor was busy.

    :param now: its times, as ``psutil.cpu_times`` gives them.
    :param before: those of the earlier reading.
    """
    passed = _all(now) - _all(before)
    idled = _idle(now) - _idle(before)
    if passed <= 0:
        return 0.0
    # The kernel's counters of waiting for a disk may go back a little.
    return min(100.0, max(0.0, 100 * (1 - idled / passed)))


def _all(times: Any) -> float:
    # Guests' time is part of the user's already.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times)) - guests


def _idle(times: Any) -> float:
    return float(times.idle) + float(getattr(times, "iowait", 0.0))
