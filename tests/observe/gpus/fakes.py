"""
GPUs that there are not.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from llamaswap_tw.observe.gpus.reading import (
    Accelerator,
    Gpu,
    GpuReading,
    IGpuReader,
)


class FakeNvml:
    """
    Stands in for the module ``pynvml``: as much of it as is used.

    :param gpus: what each GPU answers, by the function's name; one that is not there
        is not supported.
    :ivar opened: how often it was initialized.
    :ivar closed: how often it was shut down.
    """

    NVML_TEMPERATURE_GPU = 0
    NVML_FI_DEV_MEMORY_TEMP = 82
    NVML_SUCCESS = 0
    NVML_DEVICE_ARCH_ADA = 8
    nvmlMemory_v2 = 0x02000028

    class NVMLError(Exception):
        """What all the others are."""

    class NVMLError_NotSupported(NVMLError):
        """It has no such thing."""

    class NVMLError_GpuIsLost(NVMLError):
        """It fell off the bus."""

    class NVMLError_LibraryNotFound(NVMLError):
        """There is no driver."""

    def __init__(self, *gpus: dict[str, Any]) -> None:
        self.gpus = list(gpus)
        self.driver: str | bytes = "570.86"
        self.opened = 0
        self.closed = 0
        self.lost: set[int] = set()
        self.has_driver = True

    def nvmlInit(self) -> None:
        if not self.has_driver:
            raise self.NVMLError_LibraryNotFound
        self.opened += 1

    def nvmlShutdown(self) -> None:
        self.closed += 1

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if index in self.lost:
            raise self.NVMLError_GpuIsLost
        return index

    def nvmlSystemGetDriverVersion(self) -> str | bytes:
        return self.driver

    def nvmlDeviceGetFieldValues(self, handle: int, fields: list[int]) -> list[Any]:
        degrees = self._answer(handle, "MemoryTemperature")
        value = SimpleNamespace(uiVal=degrees)
        return [SimpleNamespace(nvmlReturn=0, value=value)]

    def nvmlDeviceGetMemoryInfo(self, handle: int, version: int | None = None) -> Any:
        key = "MemoryInfo" if version is None else "MemoryInfo_v2"
        return self._answer(handle, key)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not name.startswith("nvmlDeviceGet"):
            raise AttributeError(name)
        key = name.removeprefix("nvmlDeviceGet")
        return lambda handle, *_: self._answer(handle, key)

    def _answer(self, handle: int, key: str) -> Any:
        if handle in self.lost:
            raise self.NVMLError_GpuIsLost
        if key not in self.gpus[handle]:
            raise self.NVMLError_NotSupported
        return self.gpus[handle][key]


class FakeWorker:
    """
    A thread that does its work when a test says so.

    :ivar waiting: what it has to do.
    :ivar last: what it is to do at its end, once it was told to.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[Deferred[Any], Callable[[], Any]]] = []
        self.last: Callable[[], Any] | None = None

    def call(self, function: Callable[[], Any]) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.waiting.append((done, function))
        return done

    def close(self, last: Callable[[], Any]) -> None:
        self.last = last

    def work(self) -> None:
        """
        Do what there is to do.
        """
        while self.waiting:
            done, function = self.waiting.pop(0)
            try:
                result = function()
            except Exception:
                result = Failure()
            done.callback(result)


@implementer(IGpuReader)
class FakeReader:
    """
    Knows the GPUs that a test says.

    :ivar readings: what it tells, or what it raises.
    """

    source = "a fake"

    def __init__(self, *readings: GpuReading) -> None:
        self.readings: list[GpuReading] | Exception = list(readings)
        self.closed = 0

    def describe(self) -> list[Accelerator]:
        assert not isinstance(self.readings, Exception)
        return [
            Accelerator(reading.gpu.id, "A maker", reading.gpu.name)
            for reading in self.readings
        ]

    def sample(self) -> list[GpuReading]:
        if isinstance(self.readings, Exception):
            raise self.readings
        return self.readings

    def close(self) -> None:
        self.closed += 1


def reading(index: int, temperature: float = 50.0) -> GpuReading:
    """
    A reading of the GPU of that number, which tells all there is.
    """
    return GpuReading(
        Gpu(index, f"GPU {index}", f"uuid-{index}"),
        temperature=temperature,
        memory_temperature=60.0,
        busy=70.0,
        memory_busy=25.5,
        memory_used=6 * 1024**3,
        memory_total=24 * 1024**3,
        fan=30.0,
        power=123.45,
    )
