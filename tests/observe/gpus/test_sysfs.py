"""
Tests for `llamaswap_tw.observe.gpus.sysfs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.observe.gpus.reading import Gpu, GpuReading, IGpuReader
from llamaswap_tw.observe.gpus.sysfs import Card, Sysfs, open_sysfs

AMDGPU = {
    "device/mem_info_vram_total": "17163091968",
    "device/mem_info_vram_used": "4000000000",
    "device/gpu_busy_percent": "88",
    "device/mem_busy_percent": "12",
    "device/unique_id": "c0ffee",
    "device/vendor": "0x1002",
    "device/device": "0x744c",
    "device/hwmon/hwmon3/temp1_input": "45000",
    "device/hwmon/hwmon3/temp1_label": "edge",
    "device/hwmon/hwmon3/temp2_input": "55000",
    "device/hwmon/hwmon3/temp2_label": "junction",
    "device/hwmon/hwmon3/temp3_input": "62000",
    "device/hwmon/hwmon3/temp3_label": "mem",
    "device/hwmon/hwmon3/fan1_input": "900",
    "device/hwmon/hwmon3/fan1_max": "3600",
    "device/hwmon/hwmon3/power1_average": "97000000",
    "device/hwmon/hwmon3/power1_cap": "327000000",
}

XE = {
    "device/vendor": "0x8086",
    "device/device": "0xe20b",
    "device/tile0/physical_vram_size_bytes": "12884901888",
    "device/tile0/gt0/gtidle/idle_residency_ms": "1000",
    "device/tile0/gt1/gtidle/idle_residency_ms": "1000",
    "device/hwmon/hwmon1/temp2_input": "51000",
    "device/hwmon/hwmon1/temp2_label": "pkg",
    "device/hwmon/hwmon1/temp3_input": "58000",
    "device/hwmon/hwmon1/temp3_label": "vram",
    "device/hwmon/hwmon1/energy1_input": "1000000",
}

I915 = {
    "gt/gt0/rc6_residency_ms": "5000",
    "device/vendor": "0x8086",
    "device/device": "0x46a6",
}

PCI_IDS = """\
# A list
1002  Advanced Micro Devices, Inc.
\t744c  Navi 31 [Radeon RX 7900 XTX]
\t\t1002 0e3b  A board
8086  Intel Corporation
\t46a6  Alder Lake-P GT2 [Iris Xe Graphics]
"""


class SysfsTestCase(SynchronousTestCase):
    """
    A tree like that in ``/sys``.
    """

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        (self.root / "sys/class/drm").mkdir(parents=True)

    def add(self, name: str, driver: str, files: Mapping[str, str]) -> Path:
        """
        A card's folder.
        """
        card = self.root / "sys/class/drm" / name
        for place, text in files.items():
            path = card / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        (card / "device").mkdir(exist_ok=True, parents=True)
        target = self.root.absolute() / "sys/bus/pci/drivers" / driver
        target.mkdir(parents=True, exist_ok=True)
        (card / "device/driver").symlink_to(target)
        return card

    def open(self) -> Sysfs:
        reader = open_sysfs(self.root)
        assert reader is not None
        return reader


class AmdgpuTests(SysfsTestCase):
    """
    AMD's GPUs.
    """

    def test_all(self) -> None:
        """
        All that amdgpu tells.
        """
        self.add("card0", "amdgpu", AMDGPU)
        ids = self.root / "usr/share/misc/pci.ids"
        ids.parent.mkdir(parents=True)
        ids.write_text(PCI_IDS)
        reader = self.open()
        verifyObject(IGpuReader, reader)
        (reading,) = reader.sample()
        self.assertEqual(
            reading,
            GpuReading(
                Gpu(0, "AMD Navi 31 [Radeon RX 7900 XTX]", "c0ffee"),
                temperature=55,
                memory_temperature=62,
                busy=88,
                memory_busy=12,
                memory_used=4_000_000_000,
                memory_total=17_163_091_968,
                fan=25,
                power=97,
            ),
        )
        (accelerator,) = reader.describe()
        self.assertEqual(accelerator.vendor, "AMD")
        self.assertEqual(accelerator.driver, "amdgpu")
        self.assertEqual(accelerator.memory_kind, "dedicated")
        self.assertEqual(accelerator.power_limit, 327)

    def test_names(self) -> None:
        """
        It is called what it calls itself, or else by its number.
        """
        self.add("card0", "amdgpu", {**AMDGPU, "device/product_name": "MI50"})
        self.add("card1", "amdgpu", AMDGPU)
        self.add("card2", "amdgpu", {"device/gpu_busy_percent": "1"})
        names = [reading.gpu.name for reading in self.open().sample()]
        self.assertEqual(names, ["MI50", "AMD GPU 744c", "AMD GPU"])

    def test_gone(self) -> None:
        """
        A GPU that falls off the bus is left out, and the other is told of.
        """
        gone = self.add("card0", "amdgpu", AMDGPU)
        self.add("card10", "amdgpu", AMDGPU)
        reader = self.open()
        self.assertEqual([found.gpu.id for found in reader.sample()], [0, 1])
        gone.rename(self.root / "gone")
        self.assertEqual([found.gpu.id for found in reader.sample()], [1])

    def test_nonsense(self) -> None:
        """
        What is no number is unknown.
        """
        self.add("card0", "amdgpu", {**AMDGPU, "device/gpu_busy_percent": "busy"})
        (reading,) = self.open().sample()
        self.assertIsNone(reading.busy)
        self.assertEqual(reading.power, 97)


class IntelTests(SysfsTestCase):
    """
    Intel's GPUs, which tell of energy and idling.
    """

    def card(self, driver: str, files: Mapping[str, str]) -> Path:
        path = self.add("card0", driver, files)
        self.clock = Clock()
        self.made = Card(0, path, driver, self.root, self.clock.seconds)
        return path

    def test_xe(self) -> None:
        """
        The power is the energy over the time, and the GPU is as busy as the busier
        part of it.
        """
        path = self.card("xe", XE)
        first = self.made.read()
        self.assertEqual((first.power, first.busy), (None, None))
        self.assertEqual((first.temperature, first.memory_temperature), (51, 58))
        self.assertEqual(first.memory_total, 12_884_901_888)
        self.clock.advance(5)
        (path / "device/hwmon/hwmon1/energy1_input").write_text("401000000")
        (path / "device/tile0/gt0/gtidle/idle_residency_ms").write_text("2000")
        (path / "device/tile0/gt1/gtidle/idle_residency_ms").write_text("6000")
        second = self.made.read()
        self.assertEqual((second.power, second.busy), (80, 80))

    def test_counters_fall(self) -> None:
        """
        Counters that start anew tell nothing once.
        """
        path = self.card("xe", XE)
        self.made.read()
        self.clock.advance(5)
        (path / "device/hwmon/hwmon1/energy1_input").write_text("0")
        (path / "device/tile0/gt0/gtidle/idle_residency_ms").write_text("0")
        (path / "device/tile0/gt1/gtidle/idle_residency_ms").write_text("0")
        reading = self.made.read()
        self.assertEqual((reading.power, reading.busy), (None, None))

    def test_i915(self) -> None:
        """
        An integrated one, whose memory is the machine's.
        """
        path = self.card("i915", I915)
        self.assertTrue(self.made.read().is_empty())
        self.clock.advance(10)
        (path / "gt/gt0/rc6_residency_ms").write_text("12500")
        self.assertEqual(self.made.read().busy, 25)
        self.assertEqual(self.made.describe().memory_kind, "unified")


class OpenTests(SysfsTestCase):
    """
    Whether there is any GPU.
    """

    def test_others(self) -> None:
        """
        Plugs, and GPUs of drivers that tell nothing, do not count.
        """
        self.add("card0", "virtio-pci", AMDGPU)
        self.add("card1-DP-1", "amdgpu", AMDGPU)
        self.add("renderD128", "amdgpu", AMDGPU)
        self.assertIsNone(open_sysfs(self.root))

    def test_nothing(self) -> None:
        """
        Nor does a machine without such a folder have any.
        """
        self.assertIsNone(open_sysfs(self.root / "elsewhere"))
