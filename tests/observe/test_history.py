"""
Tests for `llamaswap_tw.observe.history`.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.gpus.reading import GpuReading
from llamaswap_tw.observe.history import (
    History,
    gpu_stats,
    pack_gpus,
    pack_system,
    system_stats,
)
from llamaswap_tw.observe.system import SystemReading

from .gpus.fakes import reading as gpu_reading

MIB = 1024**2

READING = SystemReading(
    cpu=(0.0, 12.34, 100.0),
    memory_total=64 * 1024 * MIB,
    memory_used=20 * MIB + 1,
    memory_free=30 * MIB,
    swap_total=8 * MIB,
    swap_used=7 * MIB,
    load=(0.5, 1.25, 2.0),
    network=(("eth0", 2**40, 3), ("lo", 5, 5)),
)

_COUNTS = st.integers(0, 2**63)
_NETWORK = st.lists(st.tuples(st.text(max_size=15), _COUNTS, _COUNTS), max_size=5)


class HistoryTests(SynchronousTestCase):
    """
    The last hour, and no more.
    """

    def setUp(self) -> None:
        self.history = History()

    def times(self, after: float | None = None) -> list[float]:
        return [at for at, _, _ in self.history.since(after)]

    def test_an_hour(self) -> None:
        """
        What is older than an hour is forgotten.
        """
        for turn in range(2000):
            self.history.add(1000.0 + 5 * turn, None, b"")
        times = self.times()
        self.assertEqual(times[-1], 1000.0 + 5 * 1999)
        self.assertEqual(len(times), 721)
        self.assertEqual(times[0], times[-1] - 3600)

    def test_rare(self) -> None:
        """
        So it is where samples are far apart, and the newest is always there.
        """
        for at in (0.0, 3000.0, 3600.0, 20_000.0):
            self.history.add(at, None, b"")
        self.assertEqual(self.times(), [20_000.0])

    def test_bounded(self) -> None:
        """
        A clock that stands still makes it no longer.
        """
        for _ in range(5000):
            self.history.add(1000.0, None, b"")
        self.assertLess(len(self.times()), 1000)

    def test_after(self) -> None:
        """
        Whoever has seen a sample, and asks for what came after the time that it
        bears, does not get it again.
        """
        for at in (10.12345, 15.98765, 20.5):
            self.history.add(at, None, b"")
        self.assertEqual(self.times(10.123), [15.988, 20.5])
        self.assertEqual(self.times(15.988), [20.5])
        self.assertEqual(self.times(20.5), [])

    def test_layout_is_shared(self) -> None:
        """
        The names of interfaces are held once, not once a sample.
        """
        for at in range(3):
            names = tuple(name for name in ("eth0", "lo"))
            self.history.add(float(at), (2, names), b"")
        layouts = {id(layout) for _, layout, _ in self.history.since(None)}
        self.assertEqual(len(layouts), 1)

    def test_clear(self) -> None:
        """
        It can be forgotten.
        """
        self.history.add(1.0, None, b"")
        self.history.clear()
        self.assertEqual(self.times(), [])


class SystemTests(SynchronousTestCase):
    """
    A sample of the system, packed and as it is shown.
    """

    def stat(self, reading: SystemReading) -> dict[str, object]:
        (stat,) = system_stats([(0.25, *pack_system(reading))])
        return stat

    def test_shown(self) -> None:
        """
        It has every field, sizes in whole MB.
        """
        self.assertEqual(
            self.stat(READING),
            {
                "timestamp": "1970-01-01T00:00:00.250Z",
                "cpu_util_per_core": [0.0, 12.3, 100.0],
                "mem_total_mb": 64 * 1024,
                "mem_used_mb": 20,
                "mem_free_mb": 30,
                "swap_total_mb": 8,
                "swap_used_mb": 7,
                "load_avg_1": 0.5,
                "load_avg_5": 1.25,
                "load_avg_15": 2.0,
                "net_io": [
                    {"name": "eth0", "bytes_recv": 2**40, "bytes_sent": 3},
                    {"name": "lo", "bytes_recv": 5, "bytes_sent": 5},
                ],
            },
        )

    @given(st.lists(st.floats(0, 100), max_size=300), _NETWORK)
    def test_any(self, cpu: list[float], network: list[tuple[str, int, int]]) -> None:
        """
        However many processors and interfaces, nothing is lost but hundredths of a
        percent.
        """
        stat = self.stat(replace(READING, cpu=tuple(cpu), network=tuple(network)))
        self.assertEqual(
            stat["cpu_util_per_core"], [round(10 * percent) / 10 for percent in cpu]
        )
        self.assertEqual(
            stat["net_io"],
            [
                {"name": name, "bytes_recv": received, "bytes_sent": sent}
                for name, received, sent in network
            ],
        )

    def test_small(self) -> None:
        """
        An hour of a machine with 128 processors and 50 interfaces takes about a
        megabyte.
        """
        network = tuple((f"veth{number}", 2**40, 2**40) for number in range(50))
        _, data = pack_system(replace(READING, cpu=(50.0,) * 128, network=network))
        self.assertLess(720 * len(data), 1_000_000)


class GpuTests(SynchronousTestCase):
    """
    A sample of the GPUs, packed and as it is shown.
    """

    def test_shown(self) -> None:
        """
        Each has every field.
        """
        first, second = gpu_stats([(0.0, *pack_gpus([gpu_reading(0), gpu_reading(1)]))])
        self.assertEqual(
            first,
            {
                "timestamp": "1970-01-01T00:00:00.000Z",
                "id": 0,
                "name": "GPU 0",
                "uuid": "uuid-0",
                "temp_c": 50,
                "vram_temp_c": 60,
                "gpu_util_pct": 70.0,
                "mem_util_pct": 25.5,
                "mem_used_mb": 6144,
                "mem_total_mb": 24576,
                "fan_speed_pct": 30,
                "power_draw_w": 123.4,
            },
        )
        self.assertEqual(second["id"], 1)

    def test_unknown(self) -> None:
        """
        What a GPU does not tell is null.
        """
        bare = GpuReading(gpu_reading(0).gpu, temperature=0.0)
        (stat,) = gpu_stats([(0.0, *pack_gpus([bare]))])
        known = {name for name, value in stat.items() if value is not None}
        self.assertEqual(known, {"timestamp", "id", "name", "uuid", "temp_c"})
        self.assertEqual(stat["temp_c"], 0)
