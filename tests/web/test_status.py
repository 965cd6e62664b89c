"""
Tests for `llamaswap_tw.web.status`.
"""

from __future__ import annotations

from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from llamaswap_tw.activity.inflight import Entry, InFlight
from llamaswap_tw.errors import StartFailed
from llamaswap_tw.interfaces import IEffects, IScheduler, ProcessState
from llamaswap_tw.observe.past import Pasts
from llamaswap_tw.routing.fifo import FifoScheduler
from llamaswap_tw.routing.group import GroupPlanner
from llamaswap_tw.routing.limits import Limits
from llamaswap_tw.routing.router import Queued, Router
from llamaswap_tw.web.event import event
from llamaswap_tw.web.status import (
    MOST_WAITING,
    further_status,
    model_status,
    queue_status,
)
from tests.routing.processes import FakeProcess

from .support import configured

CONFIG = """
models:
  a:
    cmd: serve --port ${PORT}
    aliases: [alias]
    description: The first
    ttl: 60
    capabilities: {in: [text, image], out: [text], context: 4096}
  b: {cmd: "serve --port ${PORT}", unlisted: true}
peers:
  far: {proxy: "https://far", models: [big]}
"""

NOON = 1_700_000_000.0


class StatusTests(SynchronousTestCase):
    """
    Where every model stands, and who waits.
    """

    def setUp(self) -> None:
        self.config = configured(CONFIG)
        self.clock = Clock()
        self.pasts = Pasts(self.wall, lambda model, limit: "last words")
        self.in_flight = InFlight(self.clock, self.wall)
        self.memory: dict[str, int] = {}
        self.router = Router(self.clock, 10.0, self.make_scheduler)
        self.processes: dict[str, FakeProcess] = {}
        for model in self.config.models:
            self.processes[model] = FakeProcess(model, self.state_changed)
            self.router.add(self.processes[model], mock.Mock())
        self.a, self.b = self.processes.values()

    def wall(self) -> float:
        return NOON + self.clock.seconds()

    def state_changed(self, model: str, state: ProcessState, error: Any) -> None:
        self.pasts.state_changed(model, state, error)
        self.router.state_changed(model, state, error)

    def make_scheduler(self, effects: IEffects) -> IScheduler:
        models = self.config.models
        scheduler: IScheduler = FifoScheduler(
            effects,
            GroupPlanner({}, models),
            dict.fromkeys(models, Limits(5)),
            {},
            None,
        )
        return scheduler

    def status(self) -> dict[str, dict[str, Any]]:
        further = further_status(self.router, self.pasts, self.memory.get, NOON)
        found = model_status(self.config, self.router.states(), further)
        return {record["id"]: record for record in found}

    def queue(self) -> list[dict[str, Any]]:
        told = queue_status(self.router.queue(), self.in_flight, NOON)
        self.assertEqual(told["total"], len(told["waiting"]))
        waiting: list[dict[str, Any]] = told["waiting"]
        return waiting

    def request(self, model: str) -> tuple[Entry, Deferred[Any]]:
        """
        A request that is on its way to a model.
        """
        entry = self.in_flight.add(
            model, "/v1/x", "POST", Headers(), "::1", {}, lambda: None
        )
        asked = self.router.acquire(model)
        entry.waits = None if asked.called else asked
        return entry, asked

    def test_down(self) -> None:
        """
        A model that nobody asked for has every field.
        """
        self.clock.advance(5)
        self.assertEqual(
            self.status()["a"],
            {
                "id": "a",
                "name": "",
                "description": "The first",
                "state": "stopped",
                "unlisted": False,
                "peerID": "",
                "aliases": ["alias"],
                "capabilities": {"vision": True},
                "context_length": 4096,
                "state_since": "2023-11-14T22:13:20.000Z",
                "load_seconds": [],
                "failure": None,
                "in_flight": 0,
                "waiting": 0,
                "ttl": 60,
                "unload_at": None,
                "memory_bytes": None,
            },
        )

    def test_peer(self) -> None:
        """
        A peer's model is told once, with the same fields.
        """
        status = self.status()
        self.assertEqual(list(status), ["a", "b", "far/big"])
        self.assertEqual(status["far/big"].keys(), status["a"].keys())
        self.assertEqual(status["far/big"]["peerID"], "far")
        # As its requests are told of where they asked for it by that.
        self.assertEqual(status["far/big"]["aliases"], ["big"])

    def test_busy(self) -> None:
        """
        A model that serves says since when it is ready, how long its load took, how
        many it serves, and what memory that takes.
        """
        self.request("a")
        self.request("a")
        self.clock.advance(2.5)
        status = self.status()["a"]
        self.assertEqual(
            (status["state"], status["waiting"], status["in_flight"]),
            ("starting", 2, 0),
        )
        self.a.become_ready()
        self.memory["a"] = 1234
        status = self.status()["a"]
        for name, value in (
            *(("state", "ready"), ("waiting", 0), ("in_flight", 2)),
            *(("load_seconds", [2.5]), ("memory_bytes", 1234)),
            ("state_since", "2023-11-14T22:13:22.500Z"),
        ):
            self.assertEqual((name, status[name]), (name, value))

    def test_unload_at(self) -> None:
        """
        The end of its TTL is told as a time of day.
        """
        self.a.unload_at = 90.5
        self.assertEqual(self.status()["a"]["unload_at"], "2023-11-14T22:14:50.500Z")

    def test_failure(self) -> None:
        """
        A model that failed says when and why, and when it may be tried again.
        """
        self.clock.advance(1)
        error = StartFailed("a", "it exited with status 1", "no such file")
        self.pasts.state_changed("a", ProcessState.STOPPED, error)
        failure = {
            "message": "it did not start: it exited with status 1",
            "code": "bad_gateway",
            "at": "2023-11-14T22:13:21.000Z",
            "retry_at": None,
            "log": "no such file",
        }
        self.assertEqual(self.status()["a"]["failure"], failure)
        self.a.retry_at = 3.0
        failure["retry_at"] = "2023-11-14T22:13:23.000Z"
        self.assertEqual(self.status()["a"]["failure"], failure)

    def test_queue(self) -> None:
        """
        Who waits is told by the id of its entry among those in flight, in the same
        words for as long as nothing changes.
        """
        self.assertEqual(self.queue(), [])
        self.request("a")
        self.a.become_ready()
        self.clock.advance(1.0005)
        entry, _ = self.request("b")
        told = self.queue()
        self.assertEqual(
            told,
            [
                {
                    "id": entry.id,
                    "model": "b",
                    "since": "2023-11-14T22:13:21.000Z",
                    "position": 1,
                    "behind": ["a"],
                }
            ],
        )
        self.clock.advance(0.3333)
        self.assertEqual(self.queue(), told)

    def test_long_queue(self) -> None:
        """
        Of very many the first are told, by their places, and how many there are.
        """
        queue = [
            Queued(Deferred(), "a", float(place), place, ("b",))
            for place in range(1, 2001)
        ]
        told = queue_status(queue, (), NOON)
        self.assertEqual(told["total"], 2000)
        self.assertEqual(
            [one["position"] for one in told["waiting"]],
            list(range(1, MOST_WAITING + 1)),
        )
        self.assertLess(len(event("queue", told)), 32 * 1024)

    def test_queue_of_loads(self) -> None:
        """
        A load that is nobody's request has no id.
        """
        self.router.acquire("a")
        self.assertEqual([one["id"] for one in self.queue()], [""])
