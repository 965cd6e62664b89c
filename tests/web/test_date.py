"""
Tests for `llamaswap_tw.web.date`.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.web.date import DateClock


class DateClockTests(SynchronousTestCase):
    """
    The time, as responses tell it.
    """

    def test_now(self) -> None:
        """
        It is that of the clock, to the second, also after the clock was set back.
        """
        clock = Clock()
        clock.rightNow = 784111777.0  # the example of RFC 9110, 5.6.7
        date = DateClock(clock)
        for step, second in ((0, 37), (0.9, 37), (0.1, 38), (3.5, 41), (-3.0, 38)):
            clock.rightNow += step
            self.assertEqual(date.value(), b"Sun, 06 Nov 1994 08:49:%d GMT" % second)
            self.assertEqual(date.line(), b"Date: %b\r\n" % date.value())
