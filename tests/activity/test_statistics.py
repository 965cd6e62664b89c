"""
Tests for `llamaswap_tw.activity.statistics`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from math import ceil, isclose, log2
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.activity.database import Memory
from llamaswap_tw.activity.row import Row
from llamaswap_tw.activity.statistics import bin_count, statistics
from tests.support import EXAMPLES

from .support import row


def counted(rows: Sequence[Row], models: Sequence[str] = ()) -> dict[str, Any]:
    """
    The statistics of rows.
    """
    database = Memory(10_000)
    database.open()
    try:
        if rows:
            database.write(rows)
        return database.read(lambda connection: statistics(connection, models), bool)
    finally:
        database.close()


def speeds(*values: float) -> Any:
    """
    The histogram of the speeds of as many rows.
    """
    return counted([row(tokens_per_second=value) for value in values])["gen_histogram"]


class StatisticsTests(SynchronousTestCase):
    """
    What rows come to.
    """

    def test_nothing(self) -> None:
        """
        Without rows all is zero, and there are no histograms.
        """
        self.assertEqual(
            counted([]),
            {
                "total_requests": 0,
                "total_input_tokens": 0,
                "total_output_tokens": 0,
                "total_cache_tokens": 0,
                "prompt_histogram": None,
                "gen_histogram": None,
            },
        )

    def test_totals(self) -> None:
        """
        What is not known is not added up, but the request counts.
        """
        found = counted(
            [
                row(input_tokens=10, output_tokens=20, cache_tokens=5),
                row(input_tokens=-1, output_tokens=-1, cache_tokens=-1),
                row(input_tokens=1, output_tokens=2, cache_tokens=0),
                row(),
            ]
        )
        self.assertEqual(found["total_requests"], 4)
        self.assertEqual(found["total_input_tokens"], 11)
        self.assertEqual(found["total_output_tokens"], 22)
        self.assertEqual(found["total_cache_tokens"], 5)

    def test_huge(self) -> None:
        """
        Counts that some server made up do not break the rest.
        """
        found = counted([row(input_tokens=2**63)] * 2000)
        self.assertTrue(isclose(found["total_input_tokens"], 2000 * 2**53))

    def test_models(self) -> None:
        """
        Only the models that are asked for count.
        """
        rows = [
            row(name, input_tokens=tokens, prompt_per_second=float(tokens))
            for name, tokens in (("a", 1), ("b", 2), ("c", 4))
        ]
        for models, count, total, most in (
            *(((), 3, 7, 4), (("a",), 1, 1, 1), (("a", "b"), 2, 3, 2)),
            *((("a", "x"), 1, 1, 1),),
        ):
            found = counted(rows, models)
            self.assertEqual(found["total_requests"], count)
            self.assertEqual(found["total_input_tokens"], total)
            self.assertEqual(found["prompt_histogram"]["max"], most)
        self.assertIsNone(counted(rows, ["x"])["prompt_histogram"])

    def test_own_histograms(self) -> None:
        """
        Each speed has its own histogram, without the unknown.
        """
        found = counted(
            [
                row(prompt_per_second=1.5, tokens_per_second=-1.0),
                row(prompt_per_second=0.0, tokens_per_second=2.5),
            ]
        )
        self.assertEqual(found["prompt_histogram"]["max"], 1.5)
        self.assertEqual(found["gen_histogram"]["min"], 2.5)

    def test_equal(self) -> None:
        """
        Where all are equal there is one bin of no width.
        """
        for count in (1, 3):
            found = speeds(*[2.5] * count, 0.0, -1.0)
            self.assertEqual((found.pop("bins"), found.pop("binSize")), ([count], 0))
            self.assertEqual(
                found, dict.fromkeys(("min", "max", "p50", "p95", "p99"), 2.5)
            )

    def test_known(self) -> None:
        """
        One to ten, by hand.
        """
        found = speeds(*map(float, range(1, 11)))
        self.assertEqual(found["bins"], [2, 2, 2, 2, 2])
        self.assertEqual((found["min"], found["max"]), (1, 10))
        self.assertAlmostEqual(found["binSize"], 1.8)
        self.assertAlmostEqual(found["p50"], 5.5)
        self.assertAlmostEqual(found["p95"], 9.55)
        self.assertAlmostEqual(found["p99"], 9.91)

    def test_foreign_infinity(self) -> None:
        """
        A speed that another program has written and that is none is left out.
        """
        database = Memory(10)
        database.open()
        self.addCleanup(database.close)
        database.write([row(tokens_per_second=1.0), row(tokens_per_second=3.0)])

        def look(connection: sqlite3.Connection) -> dict[str, Any]:
            connection.execute("UPDATE activity SET tokens_per_second=9e999 WHERE id=1")
            return statistics(connection, [])

        found = database.read(look, bool)["gen_histogram"]
        self.assertEqual((found["bins"], found["max"]), ([1], 3.0))

    def test_sturges(self) -> None:
        """
        There are as many bins as Sturges' rule says, but 5 to 20.
        """
        for count in (*range(1, 3000), 2**17, 2**18, 2**18 + 1, 2**19, 2**25):
            wanted = min(max(ceil(log2(count)) + 1, 5), 20)
            self.assertEqual(bin_count(count), wanted, count)

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(
        st.lists(
            st.floats(-1, 1e9)
            | st.floats(0, 1.7e308)
            | st.sampled_from([1.0, 2.0, 5e-324, 1e-323]),
            max_size=60,
        )
    )
    def test_any(self, values: list[float]) -> None:
        """
        Bins and percentiles are those that Python counts.
        """
        found = speeds(*values)
        known = sorted(value for value in values if value > 0)
        if not known:
            self.assertIsNone(found)
            return
        least, most = known[0], known[-1]
        size = (most - least) / bin_count(len(known))
        bins = [0] * (bin_count(len(known)) if size else 1)
        for value in known:
            index = int((value - least) / size) if size else 0
            bins[min(index, len(bins) - 1)] += 1
        self.assertEqual(found["bins"], bins)
        self.assertEqual((found["min"], found["max"]), (least, most))
        self.assertEqual(found["binSize"], size)
        for part in (50, 95, 99):
            place = part / 100 * (len(known) - 1)
            below = int(place)
            above = min(below + 1, len(known) - 1)
            wanted = known[below] * (1 - place + below) + known[above] * (place - below)
            got = found[f"p{part}"]
            self.assertTrue(
                isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-320), (part, got, wanted)
            )
