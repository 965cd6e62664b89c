"""
NVIDIA's GPUs, by NVML, through NVIDIA's own binding of it.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from zope.interface import implementer

from .reading import Accelerator, Gpu, GpuReading, IGpuReader

#: After none of the GPUs answered, so many seconds pass before NVML is opened
#: anew, as it must be after a change of the driver: that takes a while.
_REOPEN_AFTER = 60.0

_ARCHITECTURES = {
    "KEPLER": "Kepler",
    "MAXWELL": "Maxwell",
    "PASCAL": "Pascal",
    "VOLTA": "Volta",
    "TURING": "Turing",
    "AMPERE": "Ampere",
    "ADA": "Ada Lovelace",
    "HOPPER": "Hopper",
    "BLACKWELL": "Blackwell",
    "RUBIN": "Rubin",
}


def load_binding() -> Any:
    """
    The binding.  Its import takes 2 MB, and is spared where there is no NVML.

    :raises OSError: if the machine has no NVML.
    :raises ImportError: if the binding is not installed.
    """
    ctypes.CDLL("libnvidia-ml.so.1")
    import pynvml  # type: ignore[import-untyped]  # it has no types

    return pynvml


def open_nvml(load: Callable[[], Any] = load_binding) -> Nvml | None:
    """
    :param load: gives the binding.
    :returns: `None` where there is no GPU of NVIDIA's.
    """
    try:
        reader = Nvml(load())
    except (OSError, ImportError):
        return None
    try:
        reader.open()
    except reader.error:
        return None
    if reader.has_gpus():
        return reader
    reader.close()
    return None


@implementer(IGpuReader)
class Nvml:
    """
    Reads through NVML.

    :param binding: the module ``pynvml`` of ``nvidia-ml-py``.
    :param clock: seconds that never go back.
    :ivar error: what the binding raises.
    """

    source = "NVML"

    def __init__(
        self, binding: Any, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._nvml = binding
        self._clock = clock
        self._gpus: list[tuple[Gpu, Any]] = []
        self._is_open = False
        self._reopen_at: float | None = None
        self.error: type[Exception] = binding.NVMLError

    def open(self) -> None:
        """
        Find the GPUs.
        """
        nvml = self._nvml
        nvml.nvmlInit()
        self._is_open = True
        self._gpus = []
        for index in range(nvml.nvmlDeviceGetCount()):
            # One that has no handle, for it fell off the bus, hides no other.
            with suppress(self.error):
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                name = _text(self._ask("nvmlDeviceGetName", handle)) or "NVIDIA GPU"
                uuid = _text(self._ask("nvmlDeviceGetUUID", handle)) or ""
                self._gpus.append((Gpu(index, name, uuid), handle))

    def has_gpus(self) -> bool:
        """
        Whether there are any.
        """
        return bool(self._gpus)

    def close(self) -> None:
        """
        No more is asked.
        """
        if self._is_open:
            self._is_open = False
            with suppress(self.error):
                self._nvml.nvmlShutdown()

    def sample(self) -> list[GpuReading]:
        """
        How they are.
        """
        if self._reopen_at is not None and self._clock() >= self._reopen_at:
            self._reopen_at = self._clock() + _REOPEN_AFTER
            self.close()
            self.open()
        readings = [self._read(gpu, handle) for gpu, handle in self._gpus]
        found = [reading for reading in readings if not reading.is_empty()]
        if found:
            self._reopen_at = None
        elif self._reopen_at is None:
            self._reopen_at = self._clock() + _REOPEN_AFTER
        return found

    def describe(self) -> list[Accelerator]:
        """
        What GPUs there are.
        """
        version = _text(self._ask("nvmlSystemGetDriverVersion"))
        return [self._describe(gpu, handle, version) for gpu, handle in self._gpus]

    def _describe(self, gpu: Gpu, handle: Any, version: str | None) -> Accelerator:
        _, total = self._memory(handle)
        limit = self._ask("nvmlDeviceGetEnforcedPowerLimit", handle)
        if limit is None:
            limit = self._ask("nvmlDeviceGetPowerManagementLimit", handle)
        return Accelerator(
            index=gpu.id,
            vendor="NVIDIA",
            model=gpu.name,
            architecture=self._architecture(handle),
            # What shares the machine's memory says that it has none to tell of.
            memory_kind="unified" if total is None else "dedicated",
            capacity=None if total is None else int(total),
            driver="nvidia",
            driver_version=version,
            power_limit=_scaled(limit, 1000),
        )

    def _architecture(self, handle: Any) -> str | None:
        number = self._ask("nvmlDeviceGetArchitecture", handle)
        if number is not None:
            for constant, name in _ARCHITECTURES.items():
                known = getattr(self._nvml, f"NVML_DEVICE_ARCH_{constant}", None)
                if known == number:
                    return name
        return None

    def _read(self, gpu: Gpu, handle: Any) -> GpuReading:
        nvml = self._nvml
        used, total = self._memory(handle)
        rates = self._ask("nvmlDeviceGetUtilizationRates", handle)
        power = self._ask("nvmlDeviceGetPowerUsage", handle)
        return GpuReading(
            gpu,
            temperature=self._ask(
                "nvmlDeviceGetTemperature", handle, nvml.NVML_TEMPERATURE_GPU
            ),
            memory_temperature=self._memory_temperature(handle),
            busy=None if rates is None else rates.gpu,
            memory_busy=None if rates is None else rates.memory,
            memory_used=used,
            memory_total=total,
            fan=self._ask("nvmlDeviceGetFanSpeed", handle),
            power=_scaled(power, 1000),
        )

    def _memory(self, handle: Any) -> tuple[float | None, float | None]:
        # The first form of it counts what the driver keeps for itself as used.
        form = getattr(self._nvml, "nvmlMemory_v2", None)
        memory = None
        if form is not None:
            memory = self._ask("nvmlDeviceGetMemoryInfo", handle, form)
        if memory is None:
            memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
        return (None, None) if memory is None else (memory.used, memory.total)

    def _memory_temperature(self, handle: Any) -> float | None:
        nvml = self._nvml
        field = getattr(nvml, "NVML_FI_DEV_MEMORY_TEMP", None)
        if field is None:
            return None
        values = self._ask("nvmlDeviceGetFieldValues", handle, [field])
        if not values or values[0].nvmlReturn != nvml.NVML_SUCCESS:
            return None
        degrees = float(values[0].value.uiVal)
        # Where there is no such sensor, some drivers succeed with nothing.
        return degrees or None

    def _ask(self, function: str, *args: Any) -> Any:
        """
        What NVML answers, or `None` where it cannot say.
        """
        try:
            return getattr(self._nvml, function)(*args)
        except (self.error, AttributeError):
            # An older binding has not all of these functions.
            return None


def _text(value: Any) -> str | None:
    # It was bytes in the binding's older versions.
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _scaled(value: float | None, by: float) -> float | None:
    return None if value is None else value / by
