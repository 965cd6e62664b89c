"""
Tests for `llamaswap_tw.activity.columns`.
"""

from __future__ import annotations

import os
import time
from math import inf, isclose
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.activity.columns import COLUMNS, entry_of, local_time, values_of
from llamaswap_tw.activity.database import Memory
from llamaswap_tw.activity.query import Query, select
from llamaswap_tw.activity.row import Row

from .support import NOON, row


def shown(kept: Row) -> dict[str, Any]:
    """
    What is shown of a row.
    """
    return entry_of([7, *values_of(kept)])


class InTimeZone(SynchronousTestCase):
    """
    Knows what the local time is.
    """

    def be_in(self, zone: str) -> None:
        before = os.environ.get("TZ")

        def leave() -> None:
            os.environ.pop("TZ", None)
            if before is not None:
                os.environ["TZ"] = before
            time.tzset()

        self.addCleanup(leave)
        os.environ["TZ"] = zone
        time.tzset()


class EntryTests(InTimeZone):
    """
    What is shown of a row.
    """

    def test_all(self) -> None:
        """
        A row is shown with all that is known of it, in the order of the API.
        """
        self.be_in("UTC")
        kept = row(
            model="llama",
            timestamp=NOON + 0.75,
            req_path="/v1/messages",
            resp_content_type="text/event-stream",
            resp_status_code=502,
            cache_tokens=1,
            draft_tokens=2,
            draft_acc_tokens=3,
            input_tokens=4,
            output_tokens=5,
            prompt_per_second=6.5,
            tokens_per_second=7.5,
            duration_ms=8,
            error_msg="oops",
            metadata={"selector": "auto"},
        )
        self.assertEqual(
            orjson.dumps(shown(kept)).decode(),
            '{"id":7,"timestamp":"2026-01-01T12:00:00Z","model":"llama",'
            '"req_path":"/v1/messages","resp_content_type":"text/event-stream",'
            '"resp_status_code":502,"tokens":{"cache_tokens":1,"draft_tokens":2,'
            '"draft_acc_tokens":3,"input_tokens":4,"output_tokens":5,'
            '"prompt_per_second":6.5,"tokens_per_second":7.5},"duration_ms":8,'
            '"has_capture":false,"error_msg":"oops","metadata":{"selector":"auto"}}',
        )

    def test_zone(self) -> None:
        """
        A time is the local one, with its offset.
        """
        for zone, text in (
            ("UTC", "2026-01-01T12:00:00Z"),
            ("CET-1", "2026-01-01T13:00:00+01:00"),
            ("NST3:30", "2026-01-01T08:30:00-03:30"),
        ):
            self.be_in(zone)
            self.assertEqual(local_time(NOON), text)

    def test_no_time(self) -> None:
        """
        What cannot be a time is shown as Go shows none.
        """
        for when in (10**18, -(10**18)):
            self.assertEqual(local_time(when), "0001-01-01T00:00:00Z")

    def test_foreign_metadata(self) -> None:
        """
        Metadata is an object with strings, whatever another program has written.
        """
        values = [7, *values_of(row())]
        for text, metadata in (
            *(("", {}), ("null", {}), ("[1]", {}), ("{", {}), ("{}", {})),
            ('{"a":"b","n":1,"o":{"x":null}}', {"a": "b", "n": "1", "o": '{"x":null}'}),
        ):
            values[-1] = text
            self.assertEqual(entry_of(values)["metadata"], metadata, text)


class ValuesTests(SynchronousTestCase):
    """
    What is written of a row.
    """

    def test_hostile(self) -> None:
        """
        What a database or a reader of JSON could not take is made something near.
        """
        most = 2**53 - 1
        kept = row(
            model="a\ud800b",
            error_msg="\udfff",
            input_tokens=2**70,
            output_tokens=-5,
            duration_ms=most + 1,
            prompt_per_second=float("inf"),
            tokens_per_second=float("nan"),
            metadata={"\ud800": "é\ud800"},
        )
        values = dict(zip(COLUMNS, values_of(kept), strict=True))
        self.assertEqual(values["model_id"], "a?b")
        self.assertEqual(values["error_msg"], "?")
        self.assertEqual(values["input_tokens"], most)
        self.assertEqual(values["output_tokens"], -1)
        self.assertEqual(values["duration_ms"], most)
        self.assertEqual(values["prompt_per_second"], -1)
        self.assertEqual(values["tokens_per_second"], -1)
        self.assertEqual(values["metadata_json"], '{"?":"é?"}')

    @given(
        st.builds(
            row,
            model=st.text(),
            timestamp=st.floats(0, 2**33),
            req_path=st.text(),
            error_msg=st.text(),
            input_tokens=st.integers(),
            tokens_per_second=st.floats(),
            metadata=st.dictionaries(st.text(), st.text(), max_size=3),
        )
    )
    def test_any(self, kept: Row) -> None:
        """
        Any row can be written, and is shown as it was, texts and all.
        """
        database = Memory(10)
        database.open()
        self.addCleanup(database.close)
        database.write([kept])
        page = database.read(
            lambda connection: select(connection, Query()), lambda: False
        )
        (entry,) = orjson.loads(page.as_json(lambda row_id: True))["data"]
        self.assertEqual(entry["model"], kept.model)
        self.assertEqual(entry["error_msg"], kept.error_msg)
        self.assertEqual(entry["metadata"], kept.metadata)
        self.assertTrue(entry["has_capture"])
        speed = kept.tokens.tokens_per_second
        if not 0 <= speed < inf:
            speed = -1.0
        # It comes as a text of seventeen digits.
        shown_speed = entry["tokens"]["tokens_per_second"]
        self.assertTrue(isclose(shown_speed, speed, rel_tol=1e-15, abs_tol=1e-320))
