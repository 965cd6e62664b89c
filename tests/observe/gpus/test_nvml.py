"""
Tests for `llamaswap_tw.observe.gpus.nvml`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.observe.gpus.nvml import Nvml, load_binding, open_nvml
from llamaswap_tw.observe.gpus.reading import Gpu, GpuReading, IGpuReader

from .fakes import FakeNvml

GIB = 1024**3


def full() -> dict[str, Any]:
    """
    A GPU that tells all.
    """
    return {
        "Name": "NVIDIA GeForce RTX 4090",
        "UUID": "GPU-1",
        "Temperature": 61,
        "MemoryTemperature": 70,
        "UtilizationRates": SimpleNamespace(gpu=93, memory=41),
        "MemoryInfo": SimpleNamespace(used=21 * GIB, total=24 * GIB),
        "MemoryInfo_v2": SimpleNamespace(used=20 * GIB, total=24 * GIB),
        "FanSpeed": 35,
        "PowerUsage": 312_500,
        "Architecture": 8,
        "EnforcedPowerLimit": 450_000,
    }


class NvmlTests(SynchronousTestCase):
    """
    What NVML tells.
    """

    def open(self, *gpus: dict[str, Any]) -> Nvml:
        self.nvml = FakeNvml(*gpus)
        self.clock = Clock()
        reader = Nvml(self.nvml, self.clock.seconds)
        reader.open()
        return reader

    def test_interface(self) -> None:
        """
        It is a reader of GPUs.
        """
        verifyObject(IGpuReader, self.open())

    def test_all(self) -> None:
        """
        A GPU that tells all is told of whole; memory that the driver keeps for
        itself does not count as used.
        """
        (reading,) = self.open(full()).sample()
        self.assertEqual(
            reading,
            GpuReading(
                Gpu(0, "NVIDIA GeForce RTX 4090", "GPU-1"),
                temperature=61,
                memory_temperature=70,
                busy=93,
                memory_busy=41,
                memory_used=20 * GIB,
                memory_total=24 * GIB,
                fan=35,
                power=312.5,
            ),
        )

    def test_describe(self) -> None:
        """
        What it is, with its driver and the power that it may draw.
        """
        (accelerator,) = self.open(full()).describe()
        self.assertEqual(
            accelerator.as_json(),
            {
                "index": 0,
                "kind": "gpu",
                "vendor": "NVIDIA",
                "model": "NVIDIA GeForce RTX 4090",
                "architecture": "Ada Lovelace",
                "memory": {"kind": "dedicated", "capacity_bytes": 24 * GIB},
                "driver": {"name": "nvidia", "version": "570.86"},
                "power_limit_watts": 450.0,
            },
        )

    def test_not_supported(self) -> None:
        """
        What a GPU does not support is unknown, and hides nothing else.
        """
        for missing in full().keys() - {"Temperature", "Name", "UUID"}:
            gpu = full()
            del gpu[missing]
            (reading,) = self.open(gpu).sample()
            self.assertEqual(reading.temperature, 61, missing)
        bare = {"Name": b"GB10", "Temperature": 40}
        reader = self.open(bare)
        (reading,) = reader.sample()
        self.assertEqual(reading, GpuReading(Gpu(0, "GB10", ""), temperature=40))
        (accelerator,) = reader.describe()
        self.assertEqual(accelerator.memory_kind, "unified")
        self.assertIsNone(accelerator.capacity)
        self.assertIsNone(accelerator.power_limit)

    def test_older_driver(self) -> None:
        """
        Where only the older form of the memory is known, that is told.
        """
        gpu = full()
        del gpu["MemoryInfo_v2"]
        (reading,) = self.open(gpu).sample()
        self.assertEqual(reading.memory_used, 21 * GIB)

    def test_lost(self) -> None:
        """
        A GPU that falls off the bus is left out, and the other is told of as before.
        """
        reader = self.open(full(), {**full(), "UUID": "GPU-2"})
        self.assertEqual([found.gpu.id for found in reader.sample()], [0, 1])
        self.nvml.lost.add(0)
        self.assertEqual([found.gpu.id for found in reader.sample()], [1])
        self.clock.advance(1000)
        reader.sample()
        self.assertEqual(self.nvml.opened, 1)

    def test_lost_at_first(self) -> None:
        """
        A GPU without a handle does not hide those that have one.
        """
        nvml = FakeNvml(full(), {**full(), "UUID": "GPU-2"})
        nvml.lost.add(0)
        reader = open_nvml(lambda: nvml)
        assert reader is not None
        self.assertEqual([found.gpu.uuid for found in reader.sample()], ["GPU-2"])

    def test_reopened(self) -> None:
        """
        Where none answers, NVML is opened anew after a while, and not at each
        sample: a driver may have been replaced.
        """
        reader = self.open(full())
        self.nvml.lost.add(0)
        for _ in range(12):
            self.assertEqual(reader.sample(), [])
            self.clock.advance(5)
        self.assertEqual(self.nvml.opened, 1)
        self.nvml.lost.clear()
        self.assertEqual(len(reader.sample()), 1)
        self.assertEqual((self.nvml.opened, self.nvml.closed), (2, 1))

    def test_not_reopened(self) -> None:
        """
        Where it cannot be opened anew, that is told, and tried again later.
        """
        reader = self.open(full())
        self.nvml.lost.add(0)
        self.nvml.has_driver = False
        reader.sample()
        self.clock.advance(60)
        self.assertRaises(FakeNvml.NVMLError, reader.sample)
        self.assertEqual(reader.sample(), [])
        self.nvml.has_driver = True
        self.nvml.lost.clear()
        self.clock.advance(60)
        self.assertEqual(len(reader.sample()), 1)

    def test_close(self) -> None:
        """
        It is shut down once.
        """
        reader = self.open(full())
        reader.close()
        reader.close()
        self.assertEqual(self.nvml.closed, 1)


class OpenTests(SynchronousTestCase):
    """
    Whether there is any GPU of NVIDIA's.
    """

    def test_found(self) -> None:
        """
        There is.
        """
        nvml = FakeNvml(full())
        self.assertIsNotNone(open_nvml(lambda: nvml))

    def test_no_driver(self) -> None:
        """
        There is the library and no driver.
        """
        nvml = FakeNvml(full())
        nvml.has_driver = False
        self.assertIsNone(open_nvml(lambda: nvml))

    def test_no_gpu(self) -> None:
        """
        There is a driver and no GPU: it is let go of.
        """
        nvml = FakeNvml()
        self.assertIsNone(open_nvml(lambda: nvml))
        self.assertEqual(nvml.closed, 1)

    def test_real_binding(self) -> None:
        """
        NVIDIA's own binding, on a machine without NVML, says that there is none.
        """
        import pynvml  # type: ignore[import-untyped]  # it has no types

        try:
            load_binding()
        except OSError:
            self.assertIsNone(open_nvml(lambda: pynvml))
            self.assertIsNone(open_nvml())
        else:
            raise SkipTest("this machine has NVML")
