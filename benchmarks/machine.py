"""
What the figures are from.
"""

from __future__ import annotations

import os
import platform
import resource
import time
from pathlib import Path

import psutil

import twisted


def describe() -> dict[str, str]:
    """
    The machine and its software, in words; ``load`` tells how busy it was before.
    """
    return {
        "processor": f"{os.cpu_count()} of {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 1024**3:.0f} GiB",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "Twisted": twisted.__version__,
        "load": f"{os.getloadavg()[0]:.2f}",
    }


class Bystanders:
    """
    What others use of the machine from now on: figures from a busy one are worth
    less.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._others_then = self._others()

    def cores(self) -> float:
        """
        How many cores' worth they used in the mean, a hypervisor's theft included.
        Right once all that was started here has ended.
        """
        used = self._others() - self._others_then
        return max(0.0, used / (time.monotonic() - self._began))

    @staticmethod
    def _others() -> float:
        all_used = psutil.cpu_times()
        busy = sum(all_used) - all_used.idle - getattr(all_used, "iowait", 0.0)
        for name in ("guest", "guest_nice"):
            # Part of the user time already.
            busy -= getattr(all_used, name, 0.0)
        for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            ours = resource.getrusage(whose)
            busy -= ours.ru_utime + ours.ru_stime
        return float(busy)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
