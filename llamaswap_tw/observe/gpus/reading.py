"""
What is known of a GPU, and what tells it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zope.interface import Attribute, Interface


@dataclass(frozen=True, slots=True)
class Gpu:
    """
    Which GPU.

    :ivar id: its number, from 0 on.
    :ivar name: as its maker calls it.
    :ivar uuid: the same after a restart; ``""`` where there is none.
    """

    id: int
    name: str
    uuid: str


@dataclass(frozen=True, slots=True)
class GpuReading:
    """
    How a GPU is at this moment; `None` for what it does not tell.

    :ivar temperature: in °C.
    :ivar memory_temperature: in °C.
    :ivar busy: percent of the time in which it computed.
    :ivar memory_busy: percent of the time in which its memory was read or written.
    :ivar memory_used: in bytes.
    :ivar memory_total: in bytes.
    :ivar fan: percent of its full speed.
    :ivar power: in watts.
    """

    gpu: Gpu
    temperature: float | None = None
    memory_temperature: float | None = None
    busy: float | None = None
    memory_busy: float | None = None
    memory_used: float | None = None
    memory_total: float | None = None
    fan: float | None = None
    power: float | None = None

    def values(self) -> tuple[float | None, ...]:
        """
        All of them, in the order of the attributes.
        """
        return (
            self.temperature,
            self.memory_temperature,
            self.busy,
            self.memory_busy,
            self.memory_used,
            self.memory_total,
            self.fan,
            self.power,
        )

    def is_empty(self) -> bool:
        """
        Whether it tells nothing that changes.
        """
        *before, _, fan, power = self.values()
        return all(value is None for value in (*before, fan, power))


@dataclass(frozen=True, slots=True)
class Accelerator:
    """
    What a GPU is; `None` for what it does not tell.

    :ivar memory_kind: ``"dedicated"``, or ``"unified"`` where it is the machine's.
    :ivar capacity: of its memory, in bytes.
    :ivar power_limit: in watts.
    """

    index: int
    vendor: str
    model: str | None = None
    architecture: str | None = None
    memory_kind: str | None = None
    capacity: int | None = None
    driver: str | None = None
    driver_version: str | None = None
    power_limit: float | None = None

    def as_json(self) -> dict[str, Any]:
        """
        As ``/api/hardware`` shows it.
        """
        return {
            "index": self.index,
            "kind": "gpu",
            "vendor": self.vendor,
            "model": self.model,
            "architecture": self.architecture,
            "memory": {"kind": self.memory_kind, "capacity_bytes": self.capacity},
            "driver": {"name": self.driver, "version": self.driver_version},
            "power_limit_watts": self.power_limit,
        }


class IGpuReader(Interface):
    """
    Tells of this machine's GPUs.  All its methods may take long, or hang: they are
    called in a thread, one at a time.
    """

    source: str = Attribute("What it has its knowledge from, for the log.")

    def describe() -> list[Accelerator]:
        """
        What GPUs there are.
        """

    def sample() -> list[GpuReading]:
        """
        How they are.  One that no longer answers is left out.

        :raises Exception: if none can be read; it may be asked again.
        """

    def close() -> None:
        """
        No more is asked.
        """
