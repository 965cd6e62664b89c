"""
Tests for `llamaswap_tw.simulator.pace`.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.simulator.pace import Due, Pacer


class PacerTests(SynchronousTestCase):
    """
    Things are called when they are due.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.pacer = Pacer(self.clock)
        self.calls: list[tuple[str, float]] = []

    def every(self, name: str, interval: float, times: int) -> Due:
        left = times

        def due(now: float) -> float | None:
            nonlocal left
            self.calls.append((name, now))
            left -= 1
            return now + interval if left else None

        return due

    def test_order(self) -> None:
        """
        What is due first is called first, whenever it was asked for.
        """
        self.pacer.at(3.0, self.every("late", 1, 1))
        self.pacer.at(1.0, self.every("early", 1, 1))
        self.pacer.at(2.0, self.every("between", 1, 1))
        self.clock.pump([1.0] * 3)
        self.assertEqual(self.calls, [("early", 1.0), ("between", 2.0), ("late", 3.0)])

    def test_again(self) -> None:
        """
        It is called again at each time that it returns, and no more after `None`.
        """
        self.pacer.at(1.0, self.every("a", 1.0, 3))
        self.clock.pump([1.0] * 10)
        self.assertEqual(self.calls, [("a", 1.0), ("a", 2.0), ("a", 3.0)])

    def test_one_delayed_call(self) -> None:
        """
        However many there are, one delayed call waits, and none when all is done.
        """
        for number in range(100):
            self.pacer.at(1.0 + number / 100, self.every(str(number), 1.0, 2))
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([0.01] * 301)
        self.assertEqual(len(self.calls), 200)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_asked_within(self) -> None:
        """
        What is called may ask for more, also for the same moment.
        """

        def due(now: float) -> None:
            self.pacer.at(now, self.every("inner", 1.0, 1))

        self.pacer.at(1.0, due)
        self.clock.advance(1.0)
        self.assertEqual(self.calls, [("inner", 1.0)])

    def test_past(self) -> None:
        """
        What should have been called already is called in the next turn.
        """
        self.clock.advance(5.0)
        self.pacer.at(1.0, self.every("a", 1.0, 1))
        self.clock.advance(0)
        self.assertEqual(self.calls, [("a", 5.0)])
