"""
Tests for `llamaswap_tw.durations`.
"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.durations import spoken

_SIZES = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}


class SpokenTests(SynchronousTestCase):
    """
    Durations in words.
    """

    def test_examples(self) -> None:
        """
        Each is in the units that a person would take.
        """
        for seconds, words in (
            (0, "0 s"),
            (0.00001, "0 s"),
            (0.0005, "0.5 ms"),
            (0.09999990463256836, "100 ms"),
            (0.25, "250 ms"),
            (0.99999, "1 s"),
            (1.0000001, "1 s"),
            (2.5, "2.5 s"),
            (9.999, "10 s"),
            (59.99, "1 min"),
            (60, "1 min"),
            (90, "1 min 30 s"),
            (3599.6, "1 h"),
            (3600, "1 h"),
            (3629, "1 h"),
            (7500, "2 h 5 min"),
            (90000, "25 h"),
        ):
            self.assertEqual(spoken(seconds), words, seconds)

    @given(st.floats(0.0001, 1e7))
    def test_near(self, seconds: float) -> None:
        """
        What is written is what was meant, but for a hundredth, in at most two units.
        """
        words = spoken(seconds)
        parts = re.findall(r"([0-9.]+) ([a-z]+)", words)
        self.assertEqual(" ".join(map(" ".join, parts)), words)
        self.assertIn(len(parts), (1, 2))
        total = sum(float(number) * _SIZES[unit] for number, unit in parts)
        self.assertLess(abs(total - seconds), max(seconds / 100, 0.00006))
