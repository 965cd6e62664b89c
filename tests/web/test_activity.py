"""
Tests for `llamaswap_tw.web.activity`.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.activity.captures import Captures
from llamaswap_tw.activity.store import Store
from llamaswap_tw.web.activity import Activity
from llamaswap_tw.web.request import Request
from tests.activity.support import NOON, Threads, row

from .support import Connection, Response, in_thread


class ActivityTestCase(SynchronousTestCase):
    """
    A client that asks for what was asked of the models.
    """

    def setUp(self) -> None:
        self.captures = Captures(Clock(), 1024 * 1024, in_thread)
        self.build(in_thread)
        self.successResultOf(self.store.open())
        self.addCleanup(self.store.close)

    def build(self, thread: Any) -> None:
        self.store = Store(Clock(), thread, None, 1000)
        self.activity = Activity(self.store, self.captures)

    def connect(self, path: str, method: str = "GET") -> Connection:
        """
        A client of its own that has asked.
        """

        def route(request: Request) -> None:
            request.enter_resource(self.activity.render)

        connection = Connection(route, max_head=100_000)
        connection.ask(method, path)
        return connection

    def answer(self, path: str, method: str = "GET") -> Response:
        """
        What it is answered at once.
        """
        return self.connect(path, method).response()

    def json(self, path: str) -> Any:
        response = self.answer(path)
        self.assertEqual(response.status, 200, response.body)
        self.assertEqual(response.headers["content-type"], "application/json")
        self.assertEqual(response.headers["cache-control"], "no-store")
        return json.loads(response.body)

    def refusal(self, path: str, status: int) -> str:
        response = self.answer(path)
        self.assertEqual(response.status, status)
        message: str = json.loads(response.body)["error"]["message"]
        return message


class RowsTests(ActivityTestCase):
    """
    ``GET /api/metrics/activity``.
    """

    def test_empty(self) -> None:
        """
        Without rows there is an empty page.
        """
        self.assertEqual(
            self.json("/api/metrics/activity"),
            {"data": [], "page": 1, "limit": 25, "total": 0, "total_pages": 0},
        )

    def test_rows(self) -> None:
        """
        A row that was added just now is there, with all its fields.
        """
        self.store.add(row("llama", input_tokens=3, metadata={"ttft_ms": "12"}))
        self.captures.start("/v1/x", [], b"{}").keep(1)
        (entry,) = self.json("/api/metrics/activity")["data"]
        entry.pop("timestamp")
        self.assertEqual(
            entry,
            {
                "id": 1,
                "model": "llama",
                "req_path": "/v1/chat/completions",
                "resp_content_type": "application/json",
                "resp_status_code": 200,
                "tokens": {
                    "cache_tokens": 0,
                    "draft_tokens": 0,
                    "draft_acc_tokens": 0,
                    "input_tokens": 3,
                    "output_tokens": 0,
                    "prompt_per_second": 0,
                    "tokens_per_second": 0,
                },
                "duration_ms": 100,
                "has_capture": True,
                "error_msg": "",
                "metadata": {"ttft_ms": "12"},
            },
        )

    def test_parameters(self) -> None:
        """
        The parameters of the URL are heeded.
        """
        for number in range(6):
            self.store.add(row("ab/é"[number % 3 :], NOON + number, duration_ms=number))
        model = quote("/é", safe="")
        for query, ids in (
            (f"model={model}&model=b/{quote('é')}", [6, 5, 3, 2]),
            ("start=2026-01-01T12:00:03Z", [6, 5, 4]),
            ("start=2026-01-01T14:00:03%2B02:00&end=2026-01-01T12:00:04.9Z", [5, 4]),
            ("min_id=2&max_id=3", [3, 2]),
            ("limit=2&page=2", [4, 3]),
            ("sort=duration&order=asc&limit=2", [1, 2]),
            ("sort=model&limit=2", [5, 2]),
        ):
            found = self.json(f"/api/metrics/activity?{query}")
            self.assertEqual([entry["id"] for entry in found["data"]], ids, query)

    def test_bad(self) -> None:
        """
        A bad value is refused, with its parameter's name and what it may be.
        """
        for query, told in (
            *(("limit=0", "1 to 999"), ("page=0", "from 1 on"), ("min_id=x", "whole")),
            *(("sort=x", "gen_speed"), ("order=x", "asc, desc")),
            *(("start=x", "RFC 3339"), ("end=2026-01-01", "RFC 3339")),
            ("min_id=2&max_id=1", "greater than max_id"),
        ):
            message = self.refusal(f"/api/metrics/activity?{query}", 400)
            self.assertIn(query.partition("=")[0], message)
            self.assertIn(told, message)

    def test_method(self) -> None:
        """
        Rows can be read, and nothing else.
        """
        self.assertEqual(self.answer("/api/metrics/activity", "POST").status, 405)
        self.assertEqual(self.answer("/api/metrics/x").status, 404)


class StatisticsTests(ActivityTestCase):
    """
    ``GET /api/metrics/stats``.
    """

    def test_stats(self) -> None:
        """
        It counts all rows, or those of the models that are named.
        """
        self.store.add(row("a", input_tokens=1, tokens_per_second=2.0))
        self.store.add(row("b", input_tokens=2))
        found = self.json("/api/metrics/stats")
        self.assertEqual(found["total_requests"], 2)
        self.assertEqual(found["total_input_tokens"], 3)
        self.assertEqual(found["gen_histogram"]["bins"], [1])
        found = self.json("/api/metrics/stats?model=b&model=c")
        self.assertEqual(found["total_input_tokens"], 2)
        self.assertIsNone(found["gen_histogram"])

    def test_too_many(self) -> None:
        """
        Models without end are refused.
        """
        query = "&".join(f"model={number}" for number in range(1001))
        self.assertIn("model", self.refusal(f"/api/metrics/stats?{query}", 400))


class CaptureTests(ActivityTestCase):
    """
    ``GET /api/captures/<id>``.
    """

    def test_capture(self) -> None:
        """
        A capture is shown as it is.
        """
        body = b"\xff" * 1000
        capture = self.captures.start("/v1/x", [(b"A", b"b")], body)
        capture.keep(3)
        shown = self.json("/api/captures/3")
        self.assertEqual(shown["id"], 3)
        self.assertEqual(shown["req_headers"], {"A": "b"})
        self.assertEqual(base64.b64decode(shown["req_body"]), body)

    def test_gone(self) -> None:
        """
        One that is not there, or cannot be, is not found.
        """
        for number in ("3", "0", "-1", "9" * 19, "9" * 5000):
            message = self.refusal(f"/api/captures/{number}", 404)
            self.assertIn(number[:100], message)

    def test_no_number(self) -> None:
        """
        What is no number is told so.
        """
        for text in ("x", "1.5", "0x1", "%20", "1_0", "%D9%A1", "--1"):
            path = f"/api/captures/{text}"
            self.assertIn("row's id", self.refusal(path, 400), text)


class TroubleTests(ActivityTestCase):
    """
    What costs a client its answer.
    """

    def setUp(self) -> None:
        self.captures = Captures(Clock(), 1024 * 1024, in_thread)
        self.threads = Threads()
        self.build(self.threads.call)
        self.store.open()
        self.threads.run_all()

    def test_shutdown(self) -> None:
        """
        When the daemon is about to exit that is told.
        """
        self.store.close()
        connection = self.connect("/api/metrics/activity")
        self.threads.run_all()
        response = connection.response()
        self.assertEqual(response.status, 503)
        self.assertIn(b"shutting down", response.body)

    def test_client_leaves(self) -> None:
        """
        For a client that is gone nothing is looked for, and nothing is logged.
        """
        first = self.connect("/api/metrics/stats")
        second = self.connect("/api/metrics/activity")
        second.leave()
        self.threads.run()
        self.assertEqual(first.response().status, 200)
        self.assertEqual(len(self.threads), 0)
        self.store.close()
        self.threads.run_all()
