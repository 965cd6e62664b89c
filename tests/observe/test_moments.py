"""
Tests for `llamaswap_tw.observe.moments`.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.moments import instant, parse_moment

#: 2026-01-01T12:00:00Z.
NOON = 1_767_268_800


class MomentTests(SynchronousTestCase):
    """
    What is a time, and which.
    """

    def test_zones(self) -> None:
        """
        Times of all zones are one time.
        """
        for text in (
            *("2026-01-01T12:00:00Z", "2026-01-01t12:00:00z"),
            *("2026-01-01T14:00:00+02:00", "2026-01-01T06:30:00-05:30"),
            *("2026-01-01T12:00:00-00:00", "2026-01-02T11:59:00+23:59"),
            # A plus that was not escaped in a query.
            "2026-01-01T14:00:00 02:00",
        ):
            self.assertEqual(parse_moment(text), NOON, text)

    def test_fraction(self) -> None:
        """
        A fraction of any length tells how much later it is.
        """
        for fraction, later in (
            *((".5", 0.5), (".000000000000000001", Decimal("1e-18"))),
            *((".0", 0), (".000000", 0), (".25" + "0" * 5000, 0.25)),
        ):
            text = f"2026-01-01T12:00:00{fraction}Z"
            self.assertEqual(parse_moment(text) - NOON, later, text)

    def test_before_epoch(self) -> None:
        """
        A time before 1970 is below zero, and its fraction goes towards it.
        """
        self.assertEqual(parse_moment("1969-12-31T23:59:59.25Z"), -0.75)

    def test_leap_second(self) -> None:
        """
        A leap second is the second after.
        """
        self.assertEqual(parse_moment("2026-01-01T11:59:60Z"), NOON)

    def test_none(self) -> None:
        """
        What RFC 3339 does not have is no time.
        """
        for text in (
            *("", "now", "1767268800", "2026-01-01", "2026-01-01T12:00:00"),
            *("2026-01-01 12:00:00Z", "2026-01-01T12:00Z", "2026-1-1T12:00:00Z"),
            *("2026-02-29T12:00:00Z", "2026-13-01T12:00:00Z", "2026-01-01T24:00:00Z"),
            *("2026-01-01T12:60:00Z", "2026-01-01T12:00:61Z", "0000-01-01T12:00:00Z"),
            *("2026-01-01T12:00:00+24:00", "2026-01-01T12:00:00+01:60"),
            *("2026-01-01T12:00:00+0100", "2026-01-01T12:00:00  01:00"),
            *("2026-01-01T12:00:00.Z", "2026-01-01T12:00:00,5Z"),
            *("\uff12026-01-01T12:00:00Z", " 2026-01-01T12:00:00Z"),
            *("2026-01-01T12:00:00Z\n", "2026-01-01T12:00:00ZZ"),
        ):
            with self.assertRaises(ValueError, msg=text):
                parse_moment(text)

    @given(
        st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)),
        st.integers(-23 * 60 - 59, 23 * 60 + 59),
    )
    def test_any(self, local: datetime, offset: int) -> None:
        """
        Any time is read as Python would have it.
        """
        moment = local.replace(tzinfo=timezone(timedelta(minutes=offset)))
        whole = int(moment.replace(microsecond=0).timestamp())
        self.assertEqual(
            parse_moment(moment.isoformat()),
            whole + Decimal(moment.microsecond) / 1_000_000,
        )

    def test_instant(self) -> None:
        """
        In UTC, by RFC 3339, to the millisecond.
        """
        self.assertEqual(instant(1_700_000_000), "2023-11-14T22:13:20.000Z")
        self.assertEqual(instant(0.9996), "1970-01-01T00:00:00.999Z")

    @given(st.integers(0, 4_000_000_000_000))
    def test_there_and_back(self, milliseconds: int) -> None:
        """
        What we write is read as the same moment.
        """
        at = round(milliseconds / 1000, 3)
        self.assertEqual(float(parse_moment(instant(at))), at)
