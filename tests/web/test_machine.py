"""
Tests for `llamaswap_tw.web.machine`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred

from llamaswap_tw.observe.machine import Machine
from llamaswap_tw.web.front import Front
from llamaswap_tw.web.machine import PATHS, MachineRoutes
from tests.observe.metrics_support import full_metrics, gauges
from tests.observe.test_machine import MachineTestCase

from .support import Connection, Response, in_thread


class RoutesTestCase(MachineTestCase):
    """
    A client of a daemon with a machine.
    """

    def setUp(self) -> None:
        super().setUp()
        self.machine.start()
        self.serve(self.machine)

    def serve(self, machine: Machine, thread: Any = in_thread) -> None:
        room = MachineRoutes(machine, full_metrics(), gauges(), thread)
        self.route = Front(
            None,  # type: ignore[arg-type]  # nothing of it is asked for
            {},
            lambda request: self.fail("another room was asked"),
            {},
            dict.fromkeys(PATHS, room.render),
        ).route

    def connect(self, *args: Any) -> Connection:
        connection = Connection(self.route)
        connection.ask(*args)
        return connection

    def get(self, path: str, **headers: str) -> Response:
        """
        What a client is answered at once.
        """
        return self.connect("GET", path, headers).response()

    def json(self, path: str) -> Any:
        """
        A document that it is answered.
        """
        response = self.get(path)
        self.assertEqual(response.headers["content-type"], "application/json")
        return json.loads(response.body)


class PerformanceTests(RoutesTestCase):
    """
    ``/api/performance``.
    """

    def test_samples(self) -> None:
        """
        All there are, of the system and of GPUs.
        """
        self.work()
        self.run_for(12)
        found = self.json("/api/performance")
        self.assertIs(found["enabled"], True)
        self.assertEqual(len(found["sys_stats"]), 3)
        self.assertEqual(len(found["gpu_stats"]), 3)
        self.assertEqual(found["gpu_stats"][0]["name"], "GPU 0")

    def test_after(self) -> None:
        """
        Only those after a time; the time of the last one is answered with none.
        """
        self.work()
        self.run_for(12)
        found = self.json("/api/performance?after=1970-01-01T00:16:46Z")
        self.assertEqual(len(found["sys_stats"]), 1)
        last = found["sys_stats"][0]["timestamp"]
        found = self.json(f"/api/performance?after={last}")
        self.assertEqual((found["sys_stats"], found["gpu_stats"]), ([], []))
        self.assertEqual(len(self.json("/api/performance?after=")["sys_stats"]), 3)

    def test_bad_time(self) -> None:
        """
        What is no time is the client's mistake.
        """
        for text in ("yesterday", "12", "%FF"):
            response = self.get(f"/api/performance?after={text}")
            self.assertEqual(response.status, 400)
            self.assertIn(b"is no moment", response.body)

    def test_disabled(self) -> None:
        """
        Where no samples are taken, it says so.
        """
        self.machine.reconfigure(None)
        response = self.get("/api/performance?after=x")
        self.assertEqual(response.status, 503)
        self.assertEqual(response.body, b'{"enabled":false}')


class HardwareTests(RoutesTestCase):
    """
    ``/api/hardware``.
    """

    def test_known(self) -> None:
        """
        The machine's description.
        """
        self.work()
        found = self.json("/api/hardware")
        self.assertEqual(found["captured_at"], 1000)
        self.assertEqual(len(found["accelerators"]), 1)

    def test_not_yet(self) -> None:
        """
        Whoever comes too early waits.
        """
        connection = self.connect("GET", "/api/hardware")
        self.assertEqual(connection.received(), b"")
        self.work()
        self.assertEqual(connection.response().status, 200)

    def test_client_leaves(self) -> None:
        """
        One that leaves meanwhile is forgotten, without a word in the log.
        """
        connection = self.connect("GET", "/api/hardware")
        connection.leave()
        self.assertEqual(self.machine._curious, [])
        self.work()


class MetricsTests(RoutesTestCase):
    """
    ``/metrics``.
    """

    def test_text(self) -> None:
        """
        All there is, in Prometheus' form, of a length that is told.
        """
        response = self.get("/metrics")
        self.assertEqual(response.status, 200)
        self.assertTrue(response.headers["content-type"].startswith("text/plain"))
        self.assertEqual(int(response.headers["content-length"]), len(response.body))
        self.assertIn(b"\nllamaswap_forced_swaps_total 1.0\n", response.body)

    def test_openmetrics(self) -> None:
        """
        Or in the other form, for who takes it.
        """
        accept = "application/openmetrics-text;version=1.0.0;q=0.5"
        response = self.get("/metrics", Accept=accept)
        kind = response.headers["content-type"]
        self.assertTrue(kind.startswith("application/openmetrics-text"), kind)
        self.assertTrue(response.body.endswith(b"# EOF\n"))

    def test_in_a_thread(self) -> None:
        """
        It is written in a thread, from what was counted when it was asked for.
        """
        asked: list[tuple[Any, ...]] = []

        def thread(*work: Any) -> Deferred[Any]:
            asked.append(work)
            return Deferred()

        self.serve(self.machine, thread)
        connection = self.connect("GET", "/metrics")
        self.assertEqual(connection.received(), b"")
        ((write, snapshot, accept),) = asked
        self.assertIn(b"llamaswap_tokens_total", write(snapshot, accept)[1])

    def test_methods(self) -> None:
        """
        They are read, and nothing else.
        """
        for path in PATHS:
            response = self.connect("POST", path.decode()).response()
            self.assertEqual(response.status, 405)
