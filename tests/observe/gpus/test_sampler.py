"""
Tests for `llamaswap_tw.observe.gpus.sampler`.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.logger import formatEvent
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.gpus.reading import GpuReading, IGpuReader
from llamaswap_tw.observe.gpus.sampler import GpuSampler
from tests.process.support import events_of

from .fakes import FakeReader, FakeWorker, reading


class GpuSamplerTests(SynchronousTestCase):
    """
    Samples come from a thread that may hang.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.worker = FakeWorker()
        self.reader = FakeReader(reading(0), reading(1))
        self.sampler = GpuSampler(self.clock, self.worker, self.open)
        self.told: list[Sequence[GpuReading]] = []
        self.events = events_of(self)

    def open(self) -> IGpuReader | None:
        return self.reader

    def lines(self) -> list[str]:
        """
        What was logged since this was last asked.
        """
        lines = [formatEvent(event) for event in self.events]
        self.events.clear()
        return lines

    def start(self) -> None:
        self.sampler.start()
        self.worker.work()
        self.lines()

    def ask(self) -> None:
        self.sampler.ask(self.told.append)

    def test_start(self) -> None:
        """
        It says what GPUs there are, and who tells of them.
        """
        described = self.sampler.start()
        self.assertNoResult(described)
        self.worker.work()
        found = self.successResultOf(described)
        self.assertEqual([each.model for each in found], ["GPU 0", "GPU 1"])
        self.assertEqual(self.lines(), ["GPUs: GPU 0, GPU 1, by a fake"])

    def test_none(self) -> None:
        """
        Where there are none, that is said once, the thread ends, and nothing is
        asked.
        """
        sampler = GpuSampler(self.clock, self.worker, lambda: None)
        described = sampler.start()
        self.worker.work()
        self.assertEqual(self.successResultOf(described), [])
        self.assertEqual(self.lines(), ["GPUs: none are known of"])
        self.assertIsNotNone(self.worker.last)
        sampler.ask(self.told.append)
        self.assertEqual(self.worker.waiting, [])

    def test_cannot_look(self) -> None:
        """
        A mistake while looking for them is logged, and there are none.
        """
        sampler = GpuSampler(self.clock, self.worker, lambda: 1 // 0)  # type: ignore[arg-type, return-value]  # it raises
        described = sampler.start()
        self.worker.work()
        self.assertEqual(self.successResultOf(described), [])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_samples(self) -> None:
        """
        Whoever asks is told, and the last sample is kept.
        """
        self.start()
        self.ask()
        self.assertEqual(self.told, [])
        self.worker.work()
        self.assertEqual(self.told, [[reading(0), reading(1)]])
        self.assertEqual(self.sampler.readings, [reading(0), reading(1)])

    def test_asked_before_start(self) -> None:
        """
        Nothing is asked before the GPUs are known.
        """
        self.sampler.start()
        self.ask()
        self.assertEqual(len(self.worker.waiting), 1)

    def test_hangs(self) -> None:
        """
        While a driver hangs, nothing more is asked of it, what it said before no
        longer holds, and that is logged once; then all goes on.
        """
        self.start()
        self.ask()
        self.worker.work()
        for _ in range(10):
            self.ask()
            self.clock.advance(5)
        self.assertEqual(len(self.worker.waiting), 1)
        self.assertEqual(self.lines(), ["GPUs: a fake has not answered for 10 s"])
        self.assertEqual(self.sampler.readings, ())
        self.worker.work()
        self.assertEqual(self.lines(), ["GPUs: their driver answers again"])
        self.assertEqual(len(self.told), 2)
        self.ask()
        self.worker.work()
        self.assertEqual(len(self.told), 3)

    def test_fails(self) -> None:
        """
        A sample that fails leaves none, and is logged once until one succeeds.
        """
        self.start()
        self.reader.readings = ValueError("no sense")
        for _ in range(3):
            self.ask()
            self.worker.work()
        self.assertEqual(self.lines(), ["GPUs: they cannot be read: no sense"])
        self.assertEqual((self.told, self.sampler.readings), ([], ()))
        self.reader.readings = [reading(0)]
        self.ask()
        self.worker.work()
        self.assertEqual(self.lines(), ["GPUs: they can be read again"])
        self.assertEqual(self.told, [[reading(0)]])

    def test_one_is_lost(self) -> None:
        """
        A GPU that no longer answers, or does again, is named.
        """
        self.start()
        for readings in ([reading(0), reading(1)], [reading(1)], [reading(1)]):
            self.reader.readings = readings
            self.ask()
            self.worker.work()
        self.assertEqual(self.lines(), ["GPU 0 (GPU 0) does not answer any more"])
        self.reader.readings = [reading(0), reading(1)]
        self.ask()
        self.worker.work()
        self.assertEqual(self.lines(), ["GPU 0 (GPU 0) answers again"])

    def test_stop(self) -> None:
        """
        It is closed in its thread; a sample that comes later is not told of.
        """
        self.start()
        self.ask()
        self.sampler.stop()
        self.worker.work()
        self.assertEqual((self.told, self.sampler.readings), ([], ()))
        assert self.worker.last is not None
        self.worker.last()
        self.assertEqual(self.reader.closed, 1)

    def test_stopped_while_opening(self) -> None:
        """
        What was opened meanwhile is closed.
        """
        self.sampler.start()
        self.sampler.stop()
        self.worker.work()
        assert self.worker.last is not None
        self.worker.last()
        self.assertEqual(self.reader.closed, 1)
        self.ask()
        self.assertEqual(self.worker.waiting, [])
