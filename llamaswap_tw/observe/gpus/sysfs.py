"""
GPUs, by what the kernel's drivers amdgpu, xe and i915 tell in ``/sys``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from zope.interface import implementer

from .reading import Accelerator, Gpu, GpuReading, IGpuReader

_CARD = re.compile(r"card(\d+)")

_VENDORS = {"amdgpu": "AMD", "xe": "Intel", "i915": "Intel"}

#: Who knows the names of PCI devices.
_PCI_IDS = ("usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids")


def open_sysfs(root: Path = Path("/")) -> Sysfs | None:
    """
    :param root: what has ``sys`` in it.
    :returns: `None` where there is no GPU that tells of itself.
    """
    cards = [*_find(root)]
    return Sysfs(cards) if cards else None


def _find(root: Path) -> Iterator[Card]:
    try:
        entries = [*(root / "sys/class/drm").iterdir()]
    except OSError:
        return
    # Not ``card0-DP-1``: that is a plug.
    found = [(int(match[1]), entry) for entry in entries if (match := _named(entry))]
    index = 0
    for _, entry in sorted(found):
        driver = (entry / "device/driver").resolve().name
        if driver in _VENDORS:
            yield Card(index, entry, driver, root)
            index += 1


def _named(entry: Path) -> re.Match[str] | None:
    return _CARD.fullmatch(entry.name)


@implementer(IGpuReader)
class Sysfs:
    """
    Reads ``/sys``.

    :param cards: the GPUs.
    """

    source = "sysfs"

    def __init__(self, cards: list[Card]) -> None:
        self._cards = cards

    def close(self) -> None:
        """
        Nothing is open.
        """

    def describe(self) -> list[Accelerator]:
        """
        What GPUs there are.
        """
        return [card.describe() for card in self._cards]

    def sample(self) -> list[GpuReading]:
        """
        How they are.  What tells nothing that changes, as an integrated GPU may,
        is left out.
        """
        readings = [card.read() for card in self._cards]
        return [reading for reading in readings if not reading.is_empty()]


class Card:
    """
    One GPU.

    :param index: its number, from 0 on.
    :param path: its folder in ``/sys/class/drm``.
    :param driver: the kernel's.
    :param root: what has ``sys`` and ``usr`` in it.
    :param clock: seconds that never go back.
    """

    def __init__(
        self,
        index: int,
        path: Path,
        driver: str,
        root: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._device = path / "device"
        self._driver = driver
        self._clock = clock
        self._sensors = _hwmon(self._device)
        self._labels = _labels(self._sensors)
        self._last_energy: tuple[float, float] | None = None
        # Intel's drivers tell how long each part of it has idled.
        self._idle_counters = [
            *self._device.glob("tile*/gt*/gtidle/idle_residency_ms"),
            *path.glob("gt/gt*/rc6_residency_ms"),
        ]
        self._last_idle: dict[Path, tuple[float, float]] = {}
        self._kernel = _text(root / "proc/sys/kernel/osrelease")
        address = self._device.resolve().name
        self.gpu = Gpu(
            index, self._name(root), _text(self._device / "unique_id") or address
        )

    def _name(self, root: Path) -> str:
        vendor = _VENDORS[self._driver]
        product = _text(self._device / "product_name")
        if product:
            return product
        ids = _text(self._device / "vendor"), _text(self._device / "device")
        if None in ids:
            return f"{vendor} GPU"
        vendor_id, device_id = (str(number).removeprefix("0x") for number in ids)
        name = _pci_name(root, vendor_id, device_id)
        return f"{vendor} {name or f'GPU {device_id}'}"

    def describe(self) -> Accelerator:
        """
        What it is.
        """
        total = self._memory_total()
        cap = self._sensor("power1_cap", "power1_max")
        return Accelerator(
            index=self.gpu.id,
            vendor=_VENDORS[self._driver],
            model=self.gpu.name,
            architecture=None,
            memory_kind="unified" if total is None else "dedicated",
            capacity=None if total is None else int(total),
            driver=self._driver,
            # It is the kernel's own.
            driver_version=self._kernel,
            power_limit=None if cap is None else cap / 1e6,
        )

    def read(self) -> GpuReading:
        """
        How it is.
        """
        total = self._memory_total()
        return GpuReading(
            self.gpu,
            temperature=self._temperature("junction", "edge", "pkg", ""),
            memory_temperature=self._temperature("mem", "vram"),
            busy=self._busy(),
            memory_busy=_number(self._device / "mem_busy_percent"),
            memory_used=self._memory_used(total),
            memory_total=total,
            fan=self._fan(),
            power=self._power(),
        )

    def _memory_total(self) -> float | None:
        found = _number(self._device / "mem_info_vram_total")
        if found is None:
            found = _number(self._path / "lmem_total_bytes")
        if found is None:
            tiles = self._device.glob("tile*/physical_vram_size_bytes")
            sizes = [size for tile in tiles if (size := _number(tile)) is not None]
            found = sum(sizes) if sizes else None
        return found

    def _memory_used(self, total: float | None) -> float | None:
        used = _number(self._device / "mem_info_vram_used")
        if used is None and total is not None:
            available = _number(self._path / "lmem_avail_bytes")
            used = None if available is None else total - available
        return used

    def _temperature(self, *labels: str) -> float | None:
        for label in labels:
            sensor = self._labels.get(label)
            if sensor is not None:
                millidegrees = _number(sensor)
                if millidegrees is not None:
                    return millidegrees / 1000
        return None

    def _fan(self) -> float | None:
        speed, fastest = self._sensor("fan1_input"), self._sensor("fan1_max")
        if speed is None or not fastest:
            speed, fastest = self._sensor("pwm1"), self._sensor("pwm1_max") or 255.0
        return None if speed is None else min(100.0, 100 * speed / fastest)

    def _power(self) -> float | None:
        microwatts = self._sensor("power1_average", "power1_input")
        if microwatts is not None:
            return microwatts / 1e6
        energy = self._sensor("energy1_input")
        if energy is None:
            return None
        now, before = self._clock(), self._last_energy
        self._last_energy = (now, energy)
        if before is None or energy < before[1] or now <= before[0]:
            return None
        return (energy - before[1]) / 1e6 / (now - before[0])

    def _busy(self) -> float | None:
        busy = _number(self._device / "gpu_busy_percent")
        if busy is not None:
            return busy
        parts = [self._busy_by(counter) for counter in self._idle_counters]
        return max((part for part in parts if part is not None), default=None)

    def _busy_by(self, counter: Path) -> float | None:
        idle = _number(counter)
        if idle is None:
            return None
        now, before = self._clock(), self._last_idle.get(counter)
        self._last_idle[counter] = (now, idle)
        # It starts anew when the driver does.
        if before is None or idle < before[1] or now <= before[0]:
            return None
        share = (idle - before[1]) / 1000 / (now - before[0])
        return round(100 * (1 - min(1.0, share)), 1)

    def _sensor(self, *names: str) -> float | None:
        if self._sensors is not None:
            for name in names:
                value = _number(self._sensors / name)
                if value is not None:
                    return value
        return None


def _hwmon(device: Path) -> Path | None:
    return next(iter(sorted(device.glob("hwmon/hwmon*"))), None)


def _labels(sensors: Path | None) -> dict[str, Path]:
    """
    The thermometers by what they are called; ``""`` for one that is not.
    """
    found: dict[str, Path] = {}
    if sensors is not None:
        for sensor in sorted(sensors.glob("temp*_input")):
            label = _text(sensors / sensor.name.replace("_input", "_label"))
            found.setdefault(label or "", sensor)
    return found


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip() or None
    except OSError:
        # Not there, or its GPU sleeps or is gone.
        return None


def _number(path: Path) -> float | None:
    try:
        return float(_text(path) or "")
    except ValueError:
        return None


def _pci_name(root: Path, vendor: str, device: str) -> str | None:
    """
    What a PCI device is called, where there is a list of them.
    """
    for place in _PCI_IDS:
        try:
            with (root / place).open(encoding="utf-8", errors="replace") as lines:
                ours = False
                for line in lines:
                    if not line.startswith(("\t", "#", "\n")):
                        ours = line.startswith(vendor)
                    elif ours and line.startswith(f"\t{device}"):
                        return line[5:].strip() or None
        except OSError:
            continue
    return None
