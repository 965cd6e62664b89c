"""
Tests for `llamaswap_tw.activity.query`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.activity.database import Memory
from llamaswap_tw.activity.query import (
    SORT_KEYS,
    Page,
    Query,
    parse_models,
    parse_query,
    select,
)
from llamaswap_tw.activity.row import Row
from llamaswap_tw.errors import BadRequest
from tests.support import EXAMPLES

from .support import NOON, row

#: By each key for sorting, what of a shown row is sorted by.
SHOWN = {
    "id": lambda entry: entry["id"],
    "time": lambda entry: entry["timestamp"],
    "model": lambda entry: entry["model"].encode(),
    "req_path": lambda entry: entry["req_path"].encode(),
    "resp_status_code": lambda entry: entry["resp_status_code"],
    "resp_content_type": lambda entry: entry["resp_content_type"].encode(),
    "cached": lambda entry: entry["tokens"]["cache_tokens"],
    "prompt": lambda entry: entry["tokens"]["input_tokens"],
    "generated": lambda entry: entry["tokens"]["output_tokens"],
    "drafted": lambda entry: entry["tokens"]["draft_tokens"],
    "prompt_speed": lambda entry: entry["tokens"]["prompt_per_second"],
    "gen_speed": lambda entry: entry["tokens"]["tokens_per_second"],
    "duration": lambda entry: entry["duration_ms"],
}


def asked(**parameters: object) -> Query:
    """
    What a URL with these parameters asks for.
    """
    return parse_query(
        {
            name.encode(): [
                str(value).encode()
                for value in (given if isinstance(given, list) else [given])
            ]
            for name, given in parameters.items()
        }
    )


class ParseTests(SynchronousTestCase):
    """
    What the parameters of a URL ask for.
    """

    def assert_bad(self, *told: str, **parameters: object) -> None:
        error = self.assertRaises(BadRequest, asked, **parameters)
        for text in (*parameters, *told):
            self.assertIn(text, error.message)

    def test_nothing(self) -> None:
        """
        Without parameters the newest 25 rows are meant; an empty one is none, and
        one that is not known does nothing.
        """
        self.assertEqual(asked(), Query())
        self.assertEqual(
            Query(), Query((), None, None, None, None, 25, 1, "id", descending=True)
        )
        names = ("start", "end", "min_id", "max_id", "limit", "page", "sort", "order")
        empty: dict[str, object] = dict.fromkeys((*names, "model"), "")
        self.assertEqual(asked(**empty, offset="x"), Query())

    def test_all(self) -> None:
        """
        All of them are heeded, together.
        """
        query = asked(
            model=["a", "b/c", "a", "é"],
            start="2026-01-01T12:00:00Z",
            end="2026-01-01T14:00:01+01:00",
            min_id=-3,
            max_id=2**63 - 1,
            limit=999,
            page=2,
            sort="gen_speed",
            order="asc",
        )
        self.assertEqual(
            query,
            Query(
                *(("a", "b/c", "é"), NOON, NOON + 3601, -3, 2**63 - 1),
                *(999, 2, "gen_speed", False),
            ),
        )

    def test_parts_of_a_second(self) -> None:
        """
        A row is of a whole second: it is before a start later in that, and not after
        an end later in that.
        """
        query = asked(start="2026-01-01T12:00:00.5Z", end="2026-01-01T12:00:00.5Z")
        self.assertEqual((query.start, query.end), (NOON + 1, NOON))

    def test_first_counts(self) -> None:
        """
        Of a parameter that is there twice the first counts.
        """
        self.assertEqual(asked(limit=[3, "x"]).limit, 3)

    def test_bad_numbers(self) -> None:
        """
        A number is one, and within its bounds, which are told.
        """
        for limit in (
            "0",
            "1000",
            "-1",
            "x",
            "1.0",
            "1e2",
            "0x5",
            "\u0661",
            " 5",
            "+5",
        ):
            self.assert_bad("from 1 to 999", repr(limit), limit=limit)
        for page in ("0", "-1", "x", "9223372036854775808", "1_0"):
            self.assert_bad("from 1 on", page=page)
        for wrong in ("x", "1.5", "9223372036854775808", "1" * 5000):
            self.assert_bad("64 bits", min_id=wrong)
            self.assert_bad("64 bits", max_id=wrong)

    def test_bad_choices(self) -> None:
        """
        A choice is one of those that there are, which are told.
        """
        for sort in ("ID", "tokens", "timestamp", "id,model"):
            self.assert_bad(", ".join(SORT_KEYS), sort=sort)
        for order in ("up", "ASC", "descending"):
            self.assert_bad("asc, desc", order=order)

    def test_bad_times(self) -> None:
        """
        A time is one of RFC 3339, of which examples are told.
        """
        for wrong in ("yesterday", "1767268800", "2026-01-01T12:00:00  01:00"):
            self.assert_bad("RFC 3339", "+02:00", start=wrong)
            self.assert_bad("RFC 3339", "+02:00", end=wrong)

    def test_bad_range(self) -> None:
        """
        No id is at least one number and at most a smaller one; of times that is just
        no row's.
        """
        self.assert_bad(min_id=3, max_id=2)
        self.assertEqual(asked(min_id=3, max_id=3).min_id, 3)
        asked(start="2026-01-02T00:00:00Z", end="2026-01-01T00:00:00Z")

    def test_bytes(self) -> None:
        """
        What is no UTF-8 is no reason to break.
        """
        self.assertEqual(parse_models({b"model": [b"\xff"]}), ("\ufffd",))
        self.assertRaises(BadRequest, parse_query, {b"sort": [b"\xff"]})

    def test_models(self) -> None:
        """
        Of models there may be a thousand.
        """
        names = [b"m%d" % number for number in range(1001)]
        self.assertEqual(len(parse_models({b"model": [*names[:1000], b"m1"]})), 1000)
        error = self.assertRaises(BadRequest, parse_models, {b"model": names})
        self.assertIn("1000", error.message)


class SelectTestCase(SynchronousTestCase):
    """
    Rows in a database.
    """

    def fill(self, rows: Sequence[Row]) -> Memory:
        database = Memory(10_000)
        database.open()
        if rows:
            database.write(rows)
        return database

    def ask(self, database: Memory, query: Query) -> Page:
        return database.read(lambda connection: select(connection, query), bool)


class PageTests(SelectTestCase):
    """
    How a page of rows is shown.
    """

    def page(self, count: int, **parameters: object) -> Any:
        database = self.fill([row(f"m{number}") for number in range(count)])
        self.addCleanup(database.close)
        page = self.ask(database, asked(**parameters))
        return orjson.loads(page.as_json(lambda row_id: row_id % 2 == 0))

    def test_empty(self) -> None:
        """
        Where there is no row there is no page.
        """
        self.assertEqual(
            self.page(0),
            {"data": [], "page": 1, "limit": 25, "total": 0, "total_pages": 0},
        )

    def test_pages(self) -> None:
        """
        A page tells which it is of how many; the last may have fewer rows, and one
        behind it has none.
        """
        for page, ids in ((1, [7, 6, 5]), (2, [4, 3, 2]), (3, [1]), (4, [])):
            found = self.page(7, limit=3, page=page)
            self.assertEqual([entry["id"] for entry in found.pop("data")], ids)
            self.assertEqual(
                found, {"page": page, "limit": 3, "total": 7, "total_pages": 3}
            )
        self.assertEqual(self.page(7, limit=999, page=2**63 - 1)["data"], [])
        self.assertEqual(self.page(6, limit=3)["total_pages"], 2)

    def test_captures(self) -> None:
        """
        A row tells whether there is a capture of it.
        """
        found = {entry["id"]: entry["has_capture"] for entry in self.page(3)["data"]}
        self.assertEqual(found, {1: False, 2: True, 3: False})


_FEW = st.integers(-1, 3)
_SPEEDS = st.sampled_from([-1.0, 0.0, 0.5, 1e300])
_ROWS = st.lists(
    st.builds(
        row,
        model=st.sampled_from(["a", "B", "b", "ä"]),
        timestamp=st.integers(NOON, NOON + 5),
        req_path=st.sampled_from(["/v1/a", "/v1/b"]),
        resp_content_type=st.sampled_from(["", "text/plain", "application/json"]),
        resp_status_code=st.sampled_from([200, 429, 502]),
        cache_tokens=_FEW,
        draft_tokens=_FEW,
        input_tokens=_FEW,
        output_tokens=_FEW,
        prompt_per_second=_SPEEDS,
        tokens_per_second=_SPEEDS,
        duration_ms=st.integers(0, 3),
    ),
    max_size=12,
)
_IDS = st.none() | st.integers(0, 13)
_TIMES = st.none() | st.integers(NOON - 1, NOON + 6)
_QUERIES = st.builds(
    Query,
    models=st.lists(st.sampled_from(["a", "b", "ä", "x"]), max_size=2).map(tuple),
    start=_TIMES,
    end=_TIMES,
    min_id=_IDS,
    max_id=_IDS,
    limit=st.integers(1, 5),
    page=st.integers(1, 4),
    sort=st.sampled_from(sorted(SORT_KEYS)),
    descending=st.booleans(),
)


class ModelTests(SelectTestCase):
    """
    The rows that are found are those that a few lines of Python find.
    """

    def test_keys(self) -> None:
        """
        Every key for sorting has one here.
        """
        self.assertEqual(set(SHOWN), set(SORT_KEYS))

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(_ROWS, _QUERIES)
    def test_any(self, rows: list[Row], query: Query) -> None:
        """
        Any query of any rows.
        """
        database = self.fill(rows)
        try:
            found = self.ask(database, query)
            every = self.ask(database, Query(limit=999)).entries
        finally:
            database.close()
        wanted = [
            entry
            for entry in every
            if (not query.models or entry["model"] in query.models)
            and (query.start is None or rows[entry["id"] - 1].timestamp >= query.start)
            and (query.end is None or rows[entry["id"] - 1].timestamp <= query.end)
            and (query.min_id is None or entry["id"] >= query.min_id)
            and (query.max_id is None or entry["id"] <= query.max_id)
        ]
        wanted.sort(
            key=lambda entry: (SHOWN[query.sort](entry), entry["id"]),
            reverse=query.descending,
        )
        begin = (query.page - 1) * query.limit
        self.assertEqual(found.total, len(wanted))
        self.assertEqual(found.entries, wanted[begin : begin + query.limit])
