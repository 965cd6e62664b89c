"""
An hour of the machine's samples, held in few bytes.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator, Sequence
from math import isnan, nan
from typing import Any

from .gpus.reading import Gpu, GpuReading
from .moments import instant
from .system import SystemReading

#: How far back it goes, in seconds.
SPAN = 3600.0

#: No more samples than that, whatever the clock does.
_MOST = 720 + 1

_MB = 1024 * 1024

#: A sample: when, what its bytes mean, its bytes.  What they mean is the same
#: object for as long as it is the same.
Sample = tuple[float, Any, bytes]


class History:
    """
    The samples of the last hour.
    """

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=_MOST)

    def add(self, at: float, layout: Any, data: bytes) -> None:
        """
        :param at: seconds since the epoch.
        :param layout: what the bytes mean.
        :param data: the sample.
        """
        samples = self._samples
        if samples and samples[-1][1] == layout:
            layout = samples[-1][1]
        # As it is told: who asks for what came after it must not get it again.
        samples.append((round(at, 3), layout, data))
        while samples[0][0] < at - SPAN:
            samples.popleft()

    def since(self, after: float | None) -> list[Sample]:
        """
        :param after: seconds since the epoch, or `None` for all.
        :returns: those after that moment, the oldest first.
        """
        if after is None:
            return list(self._samples)
        return [sample for sample in self._samples if sample[0] > after]

    def clear(self) -> None:
        """
        Forget them all.
        """
        self._samples.clear()


# The system.


def pack_system(reading: SystemReading) -> tuple[Any, bytes]:
    """
    :returns: what the bytes mean, and the bytes.
    """
    names = tuple(name for name, _, _ in reading.network)
    layout = (len(reading.cpu), names)
    counters = [count for _, *counts in reading.network for count in counts]
    return layout, struct.pack(
        _system_form(layout),
        *(round(10 * percent) for percent in reading.cpu),
        *reading.load,
        reading.memory_total,
        reading.memory_used,
        reading.memory_free,
        reading.swap_total,
        reading.swap_used,
        *counters,
    )


def _system_form(layout: Any) -> str:
    processors, names = layout
    return f"<{processors}H3d{5 + 2 * len(names)}Q"


def system_stats(samples: Sequence[Sample]) -> Iterator[dict[str, Any]]:
    """
    Samples of the system as ``/api/performance`` shows them.
    """
    return (_system_stat(*sample) for sample in samples)


def _system_stat(at: float, layout: Any, data: bytes) -> dict[str, Any]:
    processors, names = layout
    values = struct.unpack(_system_form(layout), data)
    load = values[processors : processors + 3]
    total, used, free, swap_total, swap_used, *counters = values[processors + 3 :]
    return {
        "timestamp": instant(at),
        "cpu_util_per_core": [tenths / 10 for tenths in values[:processors]],
        "mem_total_mb": total // _MB,
        "mem_used_mb": used // _MB,
        "mem_free_mb": free // _MB,
        "swap_total_mb": swap_total // _MB,
        "swap_used_mb": swap_used // _MB,
        "load_avg_1": round(load[0], 2),
        "load_avg_5": round(load[1], 2),
        "load_avg_15": round(load[2], 2),
        "net_io": [
            {"name": name, "bytes_recv": received, "bytes_sent": sent}
            for name, received, sent in zip(
                names, counters[::2], counters[1::2], strict=True
            )
        ],
    }


# The GPUs.

_GPU_FIELDS = (
    ("temp_c", True, 1),
    ("vram_temp_c", True, 1),
    ("gpu_util_pct", False, 1),
    ("mem_util_pct", False, 1),
    ("mem_used_mb", True, _MB),
    ("mem_total_mb", True, _MB),
    ("fan_speed_pct", True, 1),
    ("power_draw_w", False, 1),
)


def pack_gpus(readings: Sequence[GpuReading]) -> tuple[Any, bytes]:
    """
    :returns: what the bytes mean, and the bytes.
    """
    layout = tuple(reading.gpu for reading in readings)
    values = [
        nan if value is None else value / unit
        for reading in readings
        for value, (_, _, unit) in zip(reading.values(), _GPU_FIELDS, strict=True)
    ]
    return layout, struct.pack(f"<{len(values)}f", *values)


def gpu_stats(samples: Sequence[Sample]) -> Iterator[dict[str, Any]]:
    """
    Samples of GPUs as ``/api/performance`` shows them, `None` for what is unknown.
    """
    for at, layout, data in samples:
        values = struct.unpack(f"<{len(layout) * len(_GPU_FIELDS)}f", data)
        for index, gpu in enumerate(layout):
            first = index * len(_GPU_FIELDS)
            yield _gpu_stat(at, gpu, values[first : first + len(_GPU_FIELDS)])


def _gpu_stat(at: float, gpu: Gpu, values: Sequence[float]) -> dict[str, Any]:
    stat: dict[str, Any] = {
        "timestamp": instant(at),
        "id": gpu.id,
        "name": gpu.name,
        "uuid": gpu.uuid,
    }
    for value, (name, whole, _) in zip(values, _GPU_FIELDS, strict=True):
        if isnan(value):
            stat[name] = None
        else:
            stat[name] = round(value) if whole else round(value, 1)
    return stat
