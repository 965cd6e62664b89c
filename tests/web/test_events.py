"""
Tests for `llamaswap_tw.web.events`.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from zope.interface.verify import verifyObject

from llamaswap_tw.activity.inflight import Entry, InFlight
from llamaswap_tw.observe.logs import Logs
from llamaswap_tw.web.event_reader import EventReader
from llamaswap_tw.web.events import (
    BRIEF,
    GATHER,
    KEEP_ALIVE,
    PACE,
    Events,
)
from llamaswap_tw.web.request import Request

from .support import Connection
from .test_logs import unchunked

SNAPSHOT = ["modelStatus", "uiConfig", "profileChanged", "inflight", "queue"]


class Client:
    """
    A client that follows.
    """

    def __init__(self, events: Events) -> None:
        self.requests: list[Request] = []

        def route(request: Request) -> None:
            self.requests.append(request)
            events.serve(request)

        self.connection = Connection(route)
        self.connection.ask("GET", "/api/events")
        self.head, _, body = self.connection.received().partition(b"\r\n\r\n")
        self.first = self.parse(unchunked(body))

    def parse(self, data: bytes) -> list[tuple[str, Any]]:
        found = []
        for text in data.decode().split("\n\n")[:-1]:
            if text.startswith(":"):
                found.append(("comment", text))
                continue
            kind, _, line = text.partition("\n")
            assert kind == "event:message", kind
            assert line.startswith("data:"), line
            document = json.loads(line.removeprefix("data:"))
            assert list(document) == ["type", "data"]
            found.append((document["type"], json.loads(document["data"])))
        return found

    def got(self) -> list[tuple[str, Any]]:
        """
        The events since this was last asked.
        """
        return self.parse(unchunked(self.connection.received()))

    def pause(self) -> None:
        """
        The client reads no more.
        """
        producer = self.connection.transport.producer
        assert producer is not None
        producer.pauseProducing()

    def resume(self) -> None:
        """
        It reads on.
        """
        producer = self.connection.transport.producer
        assert producer is not None
        producer.resumeProducing()


class EventsTestCase(SynchronousTestCase):
    """
    A daemon whose events can be followed.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.logs = Logs(["m"], "none", lambda data: None)
        self.in_flight = InFlight(self.clock, lambda: 1_700_000_000.0)
        self.models: list[dict[str, Any]] = [{"id": "m", "state": "stopped"}]
        self.sessions = ["X-Session-ID"]
        self.profile: str | None = None
        self.queue: list[dict[str, Any]] = []
        self.queue_told = 0
        self.events = Events(
            self.clock,
            self.logs,
            self.in_flight,
            lambda: self.models,
            lambda: self.sessions,
            lambda: self.profile,
            self.tell_queue,
        )

    def tell_queue(self) -> dict[str, Any]:
        self.queue_told += 1
        return {"waiting": list(self.queue), "total": len(self.queue)}

    def follow(self) -> Client:
        return Client(self.events)

    def add(self) -> Entry:
        """
        A request to a model begins.
        """
        return self.in_flight.add(
            "m", "/v1/x", "POST", Headers(), "192.0.2.1", {}, lambda: None
        )


class EventsTests(EventsTestCase):
    """
    What happens, as it happens.
    """

    def test_connecting(self) -> None:
        """
        Whoever connects gets, in this order, both logs and where everything stands.
        """
        self.logs.proxy.write(b"[INFO] ours\n")
        self.logs.output_of("m").write("l\u00e4uft\n".encode())
        self.profile = "night"
        entry = self.add()
        client = self.follow()
        (first, second, *rest) = client.first
        self.assertEqual(
            first, ("logData", {"source": "proxy", "data": "[INFO] ours\n"})
        )
        self.assertEqual(
            second, ("logData", {"source": "upstream", "data": "l\u00e4uft\n"})
        )
        self.assertEqual([kind for kind, _ in rest], SNAPSHOT)
        told = dict(rest)
        self.assertEqual(told["modelStatus"], self.models)
        self.assertEqual(
            told["uiConfig"], {"activity": {"session_id": ["X-Session-ID"]}}
        )
        self.assertEqual(told["profileChanged"], {"active": "night"})
        self.assertEqual(told["inflight"]["operation"], "snapshot")
        self.assertEqual([r["id"] for r in told["inflight"]["requests"]], [entry.id])
        self.assertEqual(told["queue"], {"waiting": [], "total": 0})

    def test_head(self) -> None:
        """
        The response is an event stream that no proxy holds back or keeps.
        """
        head = self.follow().head
        self.assertIn(b"Content-Type: text/event-stream\r\n", head)
        self.assertIn(b"Cache-Control: no-cache\r\n", head)
        self.assertIn(b"X-Accel-Buffering: no\r\n", head)

    def test_logs(self) -> None:
        """
        What is written to a log is told, gathered for a moment, each log by its name.
        """
        client = self.follow()
        self.logs.proxy.write(b"a\n")
        self.logs.proxy.write(b"b\n")
        self.logs.output_of("m").write(b"c\n")
        self.assertEqual(client.connection.received(), b"")
        self.clock.advance(GATHER)
        self.assertEqual(
            client.got(),
            [
                ("logData", {"source": "proxy", "data": "a\nb\n"}),
                ("logData", {"source": "upstream", "data": "c\n"}),
            ],
        )

    def test_split_character(self) -> None:
        """
        A character that comes in two pieces is whole.
        """
        client = self.follow()
        for piece in (b"\xc3", b"\xa4\n"):
            self.logs.upstream.write(piece)
            self.clock.advance(GATHER)
        self.assertEqual(
            client.got(), [("logData", {"source": "upstream", "data": "\u00e4\n"})]
        )

    def test_lone_surrogate(self) -> None:
        """
        The name of a model that no UTF-8 can hold costs nobody an event.
        """
        client = self.follow()
        entry = self.in_flight.add(
            "\ud800x", "/v1/x", "POST", Headers(), "192.0.2.1", {}, lambda: None
        )
        self.events.row_added(7)
        self.clock.advance(GATHER)
        (_, told), (kind, _) = client.got()
        self.assertEqual(told["request"]["model"], "\ud800x")
        self.assertEqual(kind, "activity")
        self.assertEqual(len(self.follow().first), 7)
        entry.removed()

    def test_much_log(self) -> None:
        """
        Much of a log is told at once: it is not gathered without end.
        """
        client = self.follow()
        self.logs.upstream.write(b"x" * 100_000)
        ((kind, data),) = client.got()
        self.assertEqual((kind, len(data["data"])), ("logData", 100_000))

    def test_status(self) -> None:
        """
        A model's change is told, and several in one moment once.
        """
        client = self.follow()
        self.models = [{"id": "m", "state": "starting"}]
        self.events.models_changed()
        self.models = [{"id": "m", "state": "ready"}]
        self.events.models_changed()
        self.clock.advance(GATHER)
        self.assertEqual(client.got(), [("modelStatus", self.models)])
        self.events.models_changed()
        self.clock.advance(GATHER)
        self.assertEqual(client.got(), [("modelStatus", self.models)])

    def test_profile_and_settings(self) -> None:
        """
        Another profile is told, and another configuration with its models.
        """
        client = self.follow()
        self.profile = "day"
        self.events.profile_changed()
        self.sessions = []
        self.events.reconfigured()
        self.clock.advance(GATHER)
        self.assertEqual(
            client.got(),
            [
                ("profileChanged", {"active": "day"}),
                ("uiConfig", {"activity": {"session_id": []}}),
                ("modelStatus", self.models),
            ],
        )

    def test_row(self) -> None:
        """
        A new row of the activity is told by its id.
        """
        client = self.follow()
        self.events.row_added(41)
        self.events.row_added(42)
        self.clock.advance(GATHER)
        self.assertEqual(
            client.got(), [("activity", {"id": 41}), ("activity", {"id": 42})]
        )

    def test_queue(self) -> None:
        """
        Who waits is told when that changes, also to who counts those that wait.
        """
        changes: list[None] = []
        self.events.queue_changed = lambda: changes.append(None)
        client = self.follow()
        self.queue.append({"id": "1", "model": "m"})
        self.clock.advance(PACE)
        self.clock.advance(PACE)
        self.assertEqual(
            client.got(),
            [("queue", {"waiting": [{"id": "1", "model": "m"}], "total": 1})],
        )
        self.assertEqual(len(changes), 1)

    def test_queue_of_many_readers(self) -> None:
        """
        However many follow, the queue is looked at once in 250 ms, but for who comes,
        who gets it as it is.
        """
        clients = [self.follow() for _ in range(5)]
        self.queue.append({"id": "1", "model": "m"})
        clients.append(self.follow())
        self.assertEqual(dict(clients[-1].first)["queue"]["total"], 1)
        before = self.queue_told
        self.clock.advance(PACE)
        self.assertEqual(self.queue_told, before + 1)
        for client in clients:
            ((_, told),) = client.got()
            self.assertEqual(told["total"], 1)
        for client in clients:
            client.connection.leave()
        self.queue.clear()
        self.assertEqual(dict(self.follow().first)["queue"]["total"], 0)

    def test_queue_that_was_short(self) -> None:
        """
        Whoever comes while somebody waits for a moment is told the end of that too.
        """
        self.follow()
        self.queue.append({"id": "1", "model": "m"})
        late = self.follow()
        self.assertEqual(dict(late.first)["queue"]["total"], 1)
        self.queue.clear()
        self.clock.pump([PACE] * 2)
        *_, (kind, told) = late.got()
        self.assertEqual((kind, told["total"]), ("queue", 0))

    def test_keep_alive(self) -> None:
        """
        A connection on which nothing happens is kept alive, by what is no event.
        """
        client = self.follow()
        self.clock.pump([PACE] * int(KEEP_ALIVE / PACE))
        self.assertEqual([kind for kind, _ in client.got()], ["comment"])

    def test_several(self) -> None:
        """
        Everybody who follows gets the same, from when they came.
        """
        first = self.follow()
        self.events.row_added(1)
        second = self.follow()
        self.events.row_added(2)
        self.clock.advance(GATHER)
        self.assertEqual(
            first.got(), [("activity", {"id": 1}), ("activity", {"id": 2})]
        )
        self.assertEqual(second.got(), [("activity", {"id": 2})])

    def test_nobody(self) -> None:
        """
        While nobody follows nothing is made, nothing is kept, and no timer runs; and
        who comes then gets what is true then.
        """
        client = self.follow()
        client.connection.leave()
        self.assertIsNone(self.in_flight.watcher)
        self.clock.advance(GATHER)
        for _ in range(3):
            self.events.models_changed()
            self.events.row_added(1)
            self.logs.proxy.write(b"x\n")
            self.add()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(dict(self.follow().first)["inflight"]["requests"]), 3)

    def test_end(self) -> None:
        """
        At the end everybody gets what happened, and a whole response.
        """
        client = self.follow()
        self.events.row_added(7)
        self.events.end_all()
        body = unchunked(client.connection.received())
        self.assertTrue(body.endswith(b"EOF"))
        self.assertEqual(
            client.parse(body.removesuffix(b"EOF")), [("activity", {"id": 7})]
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_head_request(self) -> None:
        """
        HEAD gets the head alone, and nobody is followed for.
        """

        def route(request: Request) -> None:
            self.events.serve(request)

        connection = Connection(route)
        connection.ask("HEAD", "/api/events")
        received = connection.received()
        self.assertTrue(received.endswith(b"\r\n\r\n"))
        self.assertIn(b"200 OK", received)
        self.assertIsNone(self.in_flight.watcher)


class InFlightEventsTests(EventsTestCase):
    """
    Requests in flight, as they come, change and go.
    """

    def test_come_and_go(self) -> None:
        """
        A request that comes is told, and that it is over.
        """
        client = self.follow()
        entry = self.add()
        self.clock.advance(GATHER)
        ((kind, told),) = client.got()
        self.assertEqual((kind, told["operation"]), ("inflight", "upsert"))
        self.assertEqual(told["request"]["id"], entry.id)
        entry.removed()
        self.clock.advance(GATHER)
        self.assertEqual(
            client.got(), [("inflight", {"operation": "remove", "id": entry.id})]
        )

    def test_short(self) -> None:
        """
        One that comes and goes in a moment is told too, in that order.
        """
        client = self.follow()
        self.add().removed()
        self.clock.advance(GATHER)
        self.assertEqual(
            [told["operation"] for _, told in client.got()], ["upsert", "remove"]
        )
        self.clock.advance(PACE)
        self.assertEqual(client.got(), [])

    def test_flood(self) -> None:
        """
        Of a flood of such requests only the first are told of, and no removal without
        its request; one that stays is told of all the same.
        """
        client = self.follow()
        for _ in range(3 * BRIEF):
            self.add().removed()
        stays = self.add()
        self.clock.advance(GATHER)
        told = [told for _, told in client.got()]
        added = [each["request"]["id"] for each in told if "request" in each]
        removed = [each["id"] for each in told if each["operation"] == "remove"]
        self.assertEqual(added, [*removed, stays.id])
        self.assertEqual(len(removed), BRIEF)
        stays.removed()
        self.add().removed()
        self.clock.advance(GATHER)
        self.assertEqual(
            [told["operation"] for _, told in client.got()],
            ["remove", "upsert", "remove"],
        )

    def test_comes_at_a_look(self) -> None:
        """
        One that comes just before all are looked at is told once.
        """
        client = self.follow()
        self.clock.advance(PACE - GATHER / 2)
        entry = self.add()
        entry.resp_bytes = 5
        self.clock.advance(GATHER / 2)
        self.clock.advance(GATHER)
        ((_, told),) = client.got()
        self.assertEqual(told["request"]["resp_bytes"], 5)

    def test_pace(self) -> None:
        """
        While bytes flow a request is told of at most once in 250 ms, and at the end
        of a pause with the last number.
        """
        client = self.follow()
        entry = self.add()
        upserts: list[tuple[float, int]] = []
        for step in range(200):
            if step < 150:
                entry.resp_bytes += 10
            self.clock.advance(0.01)
            for _, told in client.got():
                self.assertEqual(told["operation"], "upsert")
                upserts.append((self.clock.seconds(), told["request"]["resp_bytes"]))
        times = [time for time, _ in upserts]
        for before, after in pairwise(times[1:]):
            self.assertGreater(after - before, PACE * 0.98)
        self.assertGreaterEqual(len(upserts), 6)
        self.assertEqual(upserts[-1][1], 1500)

    def test_answered(self) -> None:
        """
        The head of its response is a change.
        """
        client = self.follow()
        entry = self.add()
        self.clock.advance(2 * PACE)
        client.got()
        entry.answered([(b"X-A", b"b")])
        self.clock.advance(2 * PACE)
        ((_, told),) = client.got()
        self.assertEqual(told["request"]["resp_headers"], {"X-A": "b"})

    def test_silent(self) -> None:
        """
        Of one that does not change there is nothing to tell, though time goes on.
        """
        client = self.follow()
        self.add()
        self.clock.pump([PACE] * 8)
        self.assertEqual(len(client.got()), 1)


class SlowReaderTests(EventsTestCase):
    """
    A client that is slower than what happens.
    """

    def test_catches_up(self) -> None:
        """
        One that is a little slow misses nothing.
        """
        client = self.follow()
        client.pause()
        for number in range(100):
            self.events.row_added(number)
            self.clock.advance(GATHER)
        self.assertEqual(client.connection.received(), b"")
        client.resume()
        rows = [told["id"] for kind, told in client.got() if kind == "activity"]
        self.assertEqual(rows, list(range(100)))

    def test_bounded(self) -> None:
        """
        For one that does not read no more is held than its limit, however much there
        is; when it reads on it gets a mark where something is missing, the newest of
        the log to its last line, and where everything stands now.
        """
        client = self.follow()
        client.pause()
        for number in range(200):
            self.logs.upstream.write(b"%9999d\n" % number)
            self.clock.advance(GATHER)
        self.models = [{"id": "m", "state": "ready"}]
        self.events.models_changed()
        self.clock.advance(GATHER)
        self.logs.upstream.write(b"the end\n")
        self.clock.advance(GATHER)
        client.resume()
        data = client.connection.received()
        self.assertLess(len(data), EventReader.limit + 4096)
        (kind, log), *rest = client.parse(unchunked(data))
        self.assertEqual([kind for kind, _ in rest], SNAPSHOT)
        self.assertEqual(rest[0][1], self.models)
        self.assertEqual((kind, log["source"]), ("logData", "upstream"))
        newest = "".join(f"{number:>9999}\n" for number in range(190, 200))
        self.assertEqual(
            log["data"], "— 1900000 bytes dropped —\n" + newest + "the end\n"
        )
        self.events.row_added(1)
        self.clock.advance(GATHER)
        self.assertEqual(client.got(), [("activity", {"id": 1})])

    def test_flood(self) -> None:
        """
        The end of a request that stood in what it got in place of the rest is told it,
        in a flood of short ones too.
        """
        client = self.follow()
        client.pause()
        for number in range(50):
            self.logs.upstream.write(b"%9999d\n" % number)
            self.clock.advance(GATHER)
        for _ in range(BRIEF):
            self.add().removed()
        entry = self.add()
        client.resume()
        snapshot = dict(client.got())["inflight"]
        self.assertEqual([one["id"] for one in snapshot["requests"]], [entry.id])
        entry.removed()
        self.clock.advance(GATHER)
        gone = {"operation": "remove", "id": entry.id}
        self.assertIn(("inflight", gone), client.got())

    def test_gap(self) -> None:
        """
        What it got, what is told to be missing and what follows are the whole log,
        each byte once, wherever it paused and read on.
        """
        client = self.follow()
        self.logs.proxy.write(b"before\nhalf a l")
        self.clock.advance(GATHER)
        # It pauses while something is gathered, amid a line and a character.
        self.logs.proxy.write(b"in\xc3")
        client.pause()
        for _ in range(400):
            self.logs.proxy.write(b"\xa4" + b"x" * 997 + b"\n\xc3")
            self.clock.advance(GATHER)
        # And it reads on in such a moment.
        self.logs.proxy.write(b"\xa4 the")
        client.resume()
        self.logs.proxy.write(b" end\n")
        self.clock.advance(GATHER)
        logs = [told["data"] for kind, told in client.got() if kind == "logData"]
        first, missed, last = logs
        self.assertEqual(first, "before\nhalf a l")
        self.assertRegex(missed, "^\n— [0-9]+ bytes dropped —\n\u00e4xxx")
        size = int(missed.split()[1])
        rest = missed.partition("—\n")[2] + last
        self.assertTrue(rest.endswith("x\n\u00e4 the end\n"))
        written = self.logs.proxy.written
        self.assertEqual(len(b"before\nhalf a l") + size + len(rest.encode()), written)

    def test_other_events(self) -> None:
        """
        Where what was too much is not of the logs, nothing of them is missing.
        """
        client = self.follow()
        client.pause()
        self.logs.proxy.write(b"one\n")
        for number in range(10_000):
            self.events.row_added(number)
            self.clock.advance(GATHER)
        self.logs.proxy.write(b"two\n")
        self.clock.advance(GATHER)
        client.resume()
        log, *rest = client.got()
        self.assertEqual(log, ("logData", {"source": "proxy", "data": "one\ntwo\n"}))
        self.assertEqual([kind for kind, _ in rest], SNAPSHOT)

    def test_again_and_again(self) -> None:
        """
        One that pauses again and again gets each mark where its gap is.
        """
        client = self.follow()
        for _ in range(2):
            client.pause()
            for _ in range(50):
                self.logs.upstream.write(b"x" * 9_999 + b"\n")
                self.clock.advance(GATHER)
            client.resume()
            (_, log), *_ = client.got()
            self.assertRegex(log["data"], "^— 400000 bytes dropped —\nx")
            self.logs.upstream.write(b"on\n")
            self.clock.advance(GATHER)
            ((_, log),) = client.got()
            self.assertEqual(log["data"], "on\n")

    def test_catches_up_amid_a_telling(self) -> None:
        """
        One that reads on while the others are told something, as two streams of one
        connection may bring about, gets that once.
        """
        clients = [self.follow(), self.follow()]
        for client in clients:
            client.pause()
        for _ in range(50):
            self.logs.upstream.write(b"x" * 9_999 + b"\n")
            self.clock.advance(GATHER)
        for reader in self.events._readers:
            original = reader.write

            def write(*args: Any, original: Any = original) -> None:
                for client in clients:
                    client.resume()
                original(*args)

            self.patch(reader, "write", write)
        self.logs.upstream.write(b"the end\n")
        self.clock.advance(GATHER)
        for client in clients:
            log = "".join(
                told["data"] for kind, told in client.got() if kind == "logData"
            )
            self.assertEqual(log.count("the end\n"), 1)
            self.assertEqual(log.count("dropped"), 1)

    def test_end_while_behind(self) -> None:
        """
        At the end one that is behind gets the newest too.
        """
        client = self.follow()
        client.pause()
        for _ in range(50):
            self.logs.upstream.write(b"x" * 9_999 + b"\n")
            self.clock.advance(GATHER)
        self.logs.upstream.write(b"the end\n")
        self.events.end_all()
        body = unchunked(client.connection.received())
        self.assertTrue(body.endswith(b"EOF"))
        (_, log), *_ = client.parse(body.removesuffix(b"EOF"))
        self.assertTrue(log["data"].endswith("\nthe end\n"))

    def test_others(self) -> None:
        """
        It does not slow the others.
        """
        slow, quick = self.follow(), self.follow()
        slow.pause()
        for _ in range(40):
            self.logs.upstream.write(b"x" * 40_000)
        got = quick.got()
        self.assertEqual(
            sum(len(told["data"]) for _, told in got), 40 * 40_000, "of the log"
        )

    def test_producer(self) -> None:
        """
        A reader is what a transport takes for a producer.
        """
        client = self.follow()
        reader = client.connection.transport.producer
        self.assertTrue(verifyObject(IPushProducer, reader))
