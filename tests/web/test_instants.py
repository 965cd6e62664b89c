"""
Tests for `llamaswap_tw.web.instants`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.history import instant
from llamaswap_tw.web.instants import parse_instant


class InstantTests(SynchronousTestCase):
    """
    A moment in the form of RFC 3339.
    """

    def test_forms(self) -> None:
        """
        With any zone, with or without a fraction of any length.
        """
        for text in (
            "2023-11-14T22:13:20Z",
            "2023-11-14t22:13:20z",
            "2023-11-14T23:13:20+01:00",
            "2023-11-14T23:13:20 01:00",
            "2023-11-14T17:43:20.000000000-04:30",
        ):
            self.assertEqual(parse_instant(text), 1_700_000_000.0, text)
        self.assertEqual(parse_instant("1970-01-01T00:00:00.123456789Z"), 0.123456)

    def test_others(self) -> None:
        """
        All else is no moment.
        """
        for text in (
            *("", "now", "1700000000", "2023-11-14", "2023-11-14T22:13:20"),
            *("2023-13-14T22:13:20Z", "2023-11-14T25:13:20Z", "2023-11-14 22:13:20Z"),
            *("2023-11-14T22:13Z", "20231114T221320Z", "2023-11-14T22:13:20Zulu"),
            *("2023-11-14T22:13:20+25:00", "\u0662023-11-14T22:13:20Z"),
        ):
            self.assertRaises(ValueError, parse_instant, text)

    @given(st.integers(0, 4_000_000_000_000))
    def test_there_and_back(self, milliseconds: int) -> None:
        """
        What we write is read as the same moment.
        """
        at = round(milliseconds / 1000, 3)
        self.assertEqual(parse_instant(instant(at)), at)
