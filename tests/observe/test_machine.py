"""
Tests for `llamaswap_tw.observe.machine`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.gpus.sampler import GpuSampler
from llamaswap_tw.observe.machine import Machine

from .gpus.fakes import FakeReader, FakeWorker, reading
from .test_history import READING


class MachineTestCase(SynchronousTestCase):
    """
    A machine whose threads work when a test says so.
    """

    every: float | None = 5.0

    def setUp(self) -> None:
        self.clock = Clock()
        self.reader = FakeReader(reading(0))
        self.workers: list[FakeWorker] = []
        #: What the reactor's threads have to do, where they do not at once.
        self.held: list[Deferred[Any]] | None = None
        self.reads = 0
        self.error: Exception | None = None
        self.machine = Machine(
            self.clock,
            self.in_thread,
            self.every,
            wall=lambda: 1000 + self.clock.seconds(),
            read_system=self.read_system,
            read_hardware=lambda at: {"captured_at": at},
            make_sampler=self.make_sampler,
        )

    def in_thread(self, function: Any, *args: Any) -> Deferred[Any]:
        if self.held is not None:
            waiting: Deferred[Any] = Deferred()
            waiting.addCallback(lambda _: function(*args))
            self.held.append(waiting)
            return waiting
        try:
            return succeed(function(*args))
        except Exception as e:
            return fail(e)

    def read_system(self) -> Any:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return READING

    def make_sampler(self) -> GpuSampler:
        self.workers.append(FakeWorker())
        return GpuSampler(self.clock, self.workers[-1], lambda: self.reader)

    def work(self) -> None:
        """
        Let the thread for GPUs work.
        """
        for worker in self.workers:
            worker.work()

    def run_for(self, seconds: int) -> None:
        """
        Let time pass, with nothing that hangs.
        """
        for _ in range(seconds):
            self.clock.advance(1)
            self.work()

    def times(self, kind: str = "sys_stats") -> list[str]:
        """
        When samples were taken.
        """
        stats = json.loads(self.machine.since(None).as_json())[kind]
        return [stat["timestamp"][14:19] for stat in stats]


class SamplingTests(MachineTestCase):
    """
    Samples come at regular times.
    """

    def test_samples(self) -> None:
        """
        The first after a second, the others as often as was said, GPUs too.
        """
        self.machine.start()
        self.work()
        self.assertEqual(self.times(), [])
        self.run_for(12)
        self.assertEqual(self.times(), ["16:41", "16:46", "16:51"])
        self.assertEqual(self.times("gpu_stats"), ["16:41", "16:46", "16:51"])
        self.assertTrue(self.machine.enabled)

    def test_now(self) -> None:
        """
        The last sample is how the machine is.
        """
        self.machine.start()
        self.work()
        now = self.machine.now()
        assert now is not None
        self.assertEqual((now.system, now.gpus), (None, ()))
        self.run_for(1)
        now = self.machine.now()
        assert now is not None
        self.assertEqual((now.system, now.gpus), (READING, [reading(0)]))

    def test_since(self) -> None:
        """
        One may ask for what came after a moment.
        """
        self.machine.start()
        self.run_for(12)
        stats = json.loads(self.machine.since(1006).as_json())
        self.assertEqual(len(stats["sys_stats"]), 1)
        self.assertEqual(len(stats["gpu_stats"]), 1)

    def test_gpus_hang(self) -> None:
        """
        A driver that hangs stops no sample of the system.
        """
        self.machine.start()
        self.work()
        for _ in range(22):
            self.clock.advance(1)
        self.assertEqual(len(self.times()), 5)
        self.assertEqual(self.times("gpu_stats"), [])
        self.assertEqual(len(self.workers[0].waiting), 1)

    def test_system_hangs(self) -> None:
        """
        A reading that takes long is not asked for again meanwhile.
        """
        self.machine.start()
        self.held = []
        for _ in range(20):
            self.clock.advance(1)
        self.assertEqual(len(self.held), 1)
        (waiting,), self.held = self.held, None
        waiting.callback(None)
        self.clock.advance(5)
        self.assertEqual(len(self.times()), 2)

    def test_system_fails(self) -> None:
        """
        A reading that fails is logged once, and tried again.
        """
        self.error = OSError("no /proc")
        self.machine.start()
        self.run_for(20)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.error = None
        self.run_for(5)
        self.assertEqual(len(self.times()), 1)
        self.error = OSError("no /proc again")
        self.run_for(10)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_stop(self) -> None:
        """
        Once stopped, no timer is left and the thread for GPUs ends.
        """
        self.machine.start()
        self.run_for(3)
        self.machine.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIsNotNone(self.workers[0].last)


class ReconfigureTests(MachineTestCase):
    """
    A reload may change how often samples are taken.
    """

    def test_same(self) -> None:
        """
        The same changes nothing.
        """
        self.machine.start()
        self.run_for(3)
        self.machine.reconfigure(5.0)
        self.run_for(3)
        self.assertEqual(self.times(), ["16:41", "16:46"])

    def test_slower(self) -> None:
        """
        Other times hold at once; what was sampled is kept, and so is the thread.
        """
        self.machine.start()
        self.run_for(3)
        self.machine.reconfigure(60.0)
        self.run_for(70)
        self.assertEqual(self.times(), ["16:41", "16:44", "17:44"])
        self.assertEqual(len(self.workers), 1)

    def test_off_and_on(self) -> None:
        """
        No samples are taken, and none are kept; later they are again.
        """
        self.machine.start()
        self.run_for(3)
        self.machine.reconfigure(None)
        self.assertFalse(self.machine.enabled)
        self.assertIsNone(self.machine.now())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIsNotNone(self.workers[0].last)
        self.assertEqual(self.times(), [])
        before = self.reads
        self.run_for(20)
        self.assertEqual(self.reads, before)
        self.machine.reconfigure(5.0)
        self.work()
        self.run_for(6)
        self.assertEqual(len(self.times()), 2)
        self.assertEqual(len(self.times("gpu_stats")), 2)

    def test_off_while_reading(self) -> None:
        """
        A reading that was under way is not kept.
        """
        self.machine.start()
        self.held = []
        self.clock.advance(1)
        self.machine.reconfigure(None)
        for waiting in self.held:
            waiting.callback(None)
        self.assertEqual(self.times(), [])


class HardwareTests(MachineTestCase):
    """
    What machine this is.
    """

    def test_known(self) -> None:
        """
        Once all is known, whoever asks is told.
        """
        self.machine.start()
        early = self.machine.hardware()
        self.assertNoResult(early)
        self.work()
        document = self.successResultOf(early)
        self.assertEqual(document["captured_at"], 1000)
        (accelerator,) = document["accelerators"]
        self.assertEqual(accelerator["model"], "GPU 0")
        self.assertEqual(self.successResultOf(self.machine.hardware()), document)

    def test_gpus_hang(self) -> None:
        """
        Where a driver does not answer, the accelerators are unknown, until it does.
        """
        self.machine.start()
        asked = self.machine.hardware()
        self.clock.advance(9)
        self.assertNoResult(asked)
        self.clock.advance(1)
        self.assertIsNone(self.successResultOf(asked)["accelerators"])
        self.work()
        later = self.successResultOf(self.machine.hardware())
        self.assertEqual(len(later["accelerators"]), 1)

    def test_client_leaves(self) -> None:
        """
        Whoever has gone is not told.
        """
        self.machine.start()
        gone, stays = self.machine.hardware(), self.machine.hardware()
        gone.cancel()
        self.work()
        self.failureResultOf(gone)
        self.successResultOf(stays)

    def test_stopped(self) -> None:
        """
        At the end nobody is left waiting.
        """
        self.machine.start()
        asked = self.machine.hardware()
        self.machine.stop()
        self.assertIsNone(self.successResultOf(asked)["accelerators"])


class DisabledTests(MachineTestCase):
    """
    No samples are taken from the start.
    """

    every = None

    def test_hardware(self) -> None:
        """
        The GPUs are looked at once, and let go of.
        """
        self.machine.start()
        asked = self.machine.hardware()
        self.work()
        self.assertEqual(len(self.successResultOf(asked)["accelerators"]), 1)
        self.assertIsNotNone(self.workers[0].last)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.reads, 0)
