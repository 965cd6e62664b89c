"""
Tests for `llamaswap_tw.web.patience`.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.web.patience import Awaited, Patience

LIMITS = {Awaited.REQUEST: 100.0, Awaited.HEAD: 30.0, Awaited.BODY: 0.0}


class PatienceTests(SynchronousTestCase):
    """
    What is awaited in vain is told, at its time.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.expired: list[Awaited] = []
        self.patience = Patience(self.clock, LIMITS, self.expired.append)

    def test_expires(self) -> None:
        """
        It is told once, when the time is over.
        """
        self.patience.wait_for(Awaited.HEAD)
        self.clock.advance(29.9)
        self.assertEqual(self.expired, [])
        self.clock.advance(0.1)
        self.clock.advance(1000)
        self.assertEqual(self.expired, [Awaited.HEAD])

    def test_anew(self) -> None:
        """
        To wait again begins anew, with one timer.
        """
        for _ in range(5):
            self.patience.wait_for(Awaited.HEAD)
            self.clock.advance(29)
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.assertEqual(self.expired, [])
        self.clock.advance(1)
        self.assertEqual(self.expired, [Awaited.HEAD])

    def test_shorter(self) -> None:
        """
        A shorter wait after the beginning of a longer one ends at its time.
        """
        self.patience.wait_for(Awaited.REQUEST)
        self.clock.advance(10)
        self.patience.wait_for(Awaited.HEAD)
        self.clock.advance(30)
        self.assertEqual(self.expired, [Awaited.HEAD])

    def test_longer(self) -> None:
        """
        A longer wait after a shorter one has its own time.
        """
        self.patience.wait_for(Awaited.HEAD)
        self.clock.advance(20)
        self.patience.wait_for(Awaited.REQUEST)
        self.clock.advance(99)
        self.assertEqual(self.expired, [])
        self.clock.advance(1)
        self.assertEqual(self.expired, [Awaited.REQUEST])

    def test_nothing(self) -> None:
        """
        Where nothing is awaited, or without a limit, any time may pass.
        """
        for awaited in (Awaited.NOTHING, Awaited.BODY):
            self.patience.wait_for(Awaited.HEAD)
            self.patience.wait_for(awaited)
            self.clock.advance(1000)
            self.assertEqual(self.expired, [])
        self.patience.wait_for(Awaited.HEAD)
        self.clock.advance(30)
        self.assertEqual(self.expired, [Awaited.HEAD])

    def test_stop(self) -> None:
        """
        After a stop nothing is left, whenever it comes.
        """
        self.patience.stop()
        self.patience.wait_for(Awaited.HEAD)
        self.patience.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.patience.stop()
