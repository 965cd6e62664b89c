"""
Tests for `llamaswap_tw.activity.inflight`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from llamaswap_tw.activity.inflight import Entry, InFlight

#: 2023-11-14T22:13:20Z.
NOW = 1_700_000_000.0


class Watcher:
    """
    Remembers what it heard.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[str, Entry]] = []

    def entry_added(self, entry: Entry) -> None:
        self.heard.append(("added", entry))

    def entry_removed(self, entry: Entry) -> None:
        self.heard.append(("removed", entry))


class InFlightTests(SynchronousTestCase):
    """
    The requests that are on their way.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.now = NOW
        self.in_flight = InFlight(self.clock, lambda: self.now)
        self.cancelled: list[str] = []

    def add(self, model: str = "m", **headers: str) -> Entry:
        """
        A request begins.
        """
        raw = Headers()
        for name, value in headers.items():
            raw.addRawHeader(name, value)
        return self.in_flight.add(
            model,
            "/v1/chat/completions",
            "POST",
            raw,
            "192.0.2.1",
            {"selector": "s"},
            lambda: self.cancelled.append(model),
        )

    def test_entry(self) -> None:
        """
        An entry tells all that is known of a request, from its beginning on, which
        stays the same when the time of day is set.
        """
        entry = self.add(accept="a/b")
        self.clock.advance(1.5)
        self.now -= 3600
        entry.answered([(b"Content-Type", b"text/event-stream")])
        entry.resp_bytes += 70
        self.assertEqual(
            self.in_flight.snapshot(),
            [
                {
                    "id": entry.id,
                    "timestamp": "2023-11-14T22:13:20.000Z",
                    "model": "m",
                    "req_path": "/v1/chat/completions",
                    "method": "POST",
                    "req_headers": {"Accept": "a/b"},
                    "remote_ip": "192.0.2.1",
                    "resp_headers": {"Content-Type": "text/event-stream"},
                    "resp_bytes": 70,
                    "elapsed_ms": 1500,
                    "metadata": {"selector": "s"},
                }
            ],
        )

    def test_order(self) -> None:
        """
        The snapshot goes from the oldest to the youngest, each with an id of its own,
        and has none that is over.
        """
        first, second, third = self.add("a"), self.add("b"), self.add("c")
        second.removed()
        self.assertTrue(second.is_over)
        snapshot: list[Any] = self.in_flight.snapshot()
        self.assertEqual([e["id"] for e in snapshot], [first.id, third.id])
        self.assertEqual(list(self.in_flight), [first, third])
        self.assertNotEqual(first.id, third.id)

    def test_cancel(self) -> None:
        """
        A request is ended by its id, as long as it is on its way.
        """
        self.add("a")
        entry = self.add("b")
        self.assertTrue(self.in_flight.cancel(entry.id))
        self.assertEqual(self.cancelled, ["b"])
        entry.removed()
        self.assertFalse(self.in_flight.cancel(entry.id))
        self.assertFalse(self.in_flight.cancel("nobody"))
        self.assertEqual(self.cancelled, ["b"])

    def test_watcher(self) -> None:
        """
        Whoever watches hears of requests that come and go, and nobody else need be
        there.
        """
        first = self.add()
        watcher = self.in_flight.watcher = Watcher()
        second = self.add()
        first.removed()
        self.in_flight.watcher = None
        second.removed()
        self.assertEqual(watcher.heard, [("added", second), ("removed", first)])

    def test_revision(self) -> None:
        """
        What is other than before can be told without comparing it all.
        """
        entry = self.add()
        before = entry.revision
        entry.answered([])
        self.assertNotEqual(entry.revision, before)
