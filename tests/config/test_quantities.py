"""
Tests for `llamaswap_tw.config.quantities`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.quantities import parse_duration, parse_size


class QuantityTests(SynchronousTestCase):
    """
    Durations are Go's; sizes have decimal and binary units.
    """

    def test_durations(self) -> None:
        """
        Go's durations are taken, everything else is not.
        """
        for text, seconds in [
            ("1h30m", 5400.0),
            ("90m", 5400.0),
            ("2h10s", 7210.0),
            ("500ms", 0.5),
            ("1.5s", 1.5),
            (".5s", 0.5),
            ("100us", 0.0001),
            ("100\u00b5s", 0.0001),
            ("100\u03bcs", 0.0001),
            ("0", 0.0),
            ("0s", 0.0),
            ("-5s", -5.0),
            ("5", None),
            ("", None),
            ("s", None),
            ("5 s", None),
            ("5d", None),
            ("5S", None),
            ("1e3s", None),
            ("9" * 90 + "h", None),
            ("\u0665s", None),
        ]:
            self.assertEqual(parse_duration(text), seconds, text)

    def test_sizes(self) -> None:
        """
        Sizes are taken with their unit, in any case, or as bytes.
        """
        for text, size in [
            ("1GiB", 1024**3),
            ("64KiB", 65536),
            ("64 kib", 65536),
            ("10MB", 10_000_000),
            ("1.5kB", 1500),
            ("123", 123),
            ("5B", 5),
            ("5X", None),
            ("-5", None),
            ("", None),
            ("GiB", None),
            ("9" * 200, None),
        ]:
            self.assertEqual(parse_size(text), size, text)
