"""
Tests for `llamaswap_tw.observe.system`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest import mock

import psutil
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.system import SystemReader, busy


class Times(NamedTuple):
    """
    As Linux tells of them.
    """

    user: float = 0.0
    idle: float = 0.0
    iowait: float = 0.0
    guest: float = 0.0
    guest_nice: float = 0.0


class BusyTests(SynchronousTestCase):
    """
    How busy a processor was.
    """

    def test_share(self) -> None:
        """
        The share of the time in which it did not idle; waiting for a disk is
        idling.
        """
        before = Times(user=10, idle=100, iowait=5)
        now = Times(user=11, idle=102, iowait=6)
        self.assertEqual(busy(now, before), 25.0)

    def test_guests(self) -> None:
        """
        What a virtual machine uses is not counted twice.
        """
        now = Times(user=2, idle=2, guest=2)
        self.assertEqual(busy(now, Times()), 50.0)

    def test_odd(self) -> None:
        """
        Where no time has passed, or a counter has gone back, it is within bounds.
        """
        self.assertEqual(busy(Times(), Times()), 0.0)
        self.assertEqual(busy(Times(user=3), Times(idle=1)), 100.0)
        self.assertEqual(busy(Times(user=1, idle=5), Times(user=2)), 0.0)
        self.assertEqual(busy(Times(idle=1), Times(user=5, idle=5)), 0.0)


class SystemReaderTests(SynchronousTestCase):
    """
    What the operating system tells.
    """

    def test_real(self) -> None:
        """
        This machine's numbers make sense.
        """
        reader = SystemReader()
        first, second = reader.read(), reader.read()
        self.assertEqual(set(first.cpu), {0.0})
        self.assertEqual(len(second.cpu), psutil.cpu_count())
        self.assertTrue(all(0 <= percent <= 100 for percent in second.cpu))
        self.assertLess(0, second.memory_used)
        self.assertLess(second.memory_used, second.memory_total)
        self.assertLessEqual(second.memory_free, second.memory_total)
        self.assertEqual(len(second.load), 3)
        self.assertEqual(
            [name for name, _, _ in second.network],
            sorted(psutil.net_io_counters(pernic=True)),
        )

    def test_processors_change(self) -> None:
        """
        Where processors come or go, nothing is known of them once.
        """
        counts: list[list[Any]] = [[Times()], [Times(user=1), Times(user=1)]]
        reader = SystemReader()
        with mock.patch.object(psutil, "cpu_times", side_effect=counts):
            reader.read()
            self.assertEqual(reader.read().cpu, (0.0, 0.0))

    def test_memory(self) -> None:
        """
        Memory that caches hold does not count as used, nor as free.
        """
        memory = SimpleNamespace(total=100, available=70, free=10, used=60)
        with mock.patch.object(psutil, "virtual_memory", return_value=memory):
            reading = SystemReader().read()
        self.assertEqual((reading.memory_used, reading.memory_free), (30, 10))
