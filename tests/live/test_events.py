"""
What a real daemon tells of itself as it happens, and requests that are ended by hand.
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import psutil
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from llamaswap_tw.web.events import BRIEF

from .following import FIRST, Follower, Stalled
from .support import (
    PATIENCE,
    Answer,
    Daemon,
    LiveTestCase,
    chat_body,
    simulator,
    simulator_says,
    undisturbed,
    wait_for,
)
from .test_http2 import Http2TestCase
from .test_reload import ReloadTestCase
from .test_streams import resident_megabytes
from .test_upstream import sockets

CHAT = "/v1/chat/completions"

#: Of three models, one at a time runs.
CONFIG = f"""
ui: {{activity: {{session_id: [X-Session-ID]}}}}
models:
  a:
    cmd: {simulator("--model a --load-time 0.3 --stop-time 0.3")}
    concurrencyLimit: 100
  b:
    cmd: {simulator("--model b --load-time 0.3")}
  slow:
    cmd: {simulator("--load-time 600")}
  ws: {sockets()}
profiles:
  night: {{pins: {{best: b}}}}
"""

#: A stream that lasts until it is ended.
ENDLESS = {"stream": True, "max_tokens": 100_000}

#: The speed of one.
SLOW = {"tokens_per_second": 50}


class EventsTestCase(LiveTestCase):
    """
    A daemon that somebody follows.
    """

    def setUp(self) -> None:
        self.server = self.daemon(CONFIG)
        self.follower = self.follow()

    def follow(self, daemon: Daemon | None = None) -> Follower:
        """
        Another one follows, who has got all that comes first.
        """
        follower = Follower(daemon or self.server)
        self.addCleanup(follower.end)
        follower.settled()
        return follower

    @contextmanager
    def asked(self, model: str, **more: Any) -> Iterator[http.client.HTTPResponse]:
        """
        The response to a chat.
        """
        body = chat_body(model, simulator=SLOW, **more)
        with self.server.asking("POST", CHAT, body) as response:
            yield response

    def in_flight(self, model: str) -> str:
        """
        Wait until a request for a model is told to be on its way.

        :returns: its id.
        """

        def told() -> str:
            entries: dict[str, str] = {}
            for data in self.follower.of("inflight"):
                if data["operation"] == "upsert":
                    entries[data["request"]["id"]] = data["request"]["model"]
                elif data["operation"] == "remove":
                    entries.pop(data["id"], None)
            return next((id for id, of in entries.items() if of == model), "")

        found: str = wait_for(told, f"a request for {model}")
        return found

    def cancel(self, entry_id: str) -> int:
        """
        :returns: the status of the answer.
        """
        return self.server.ask("POST", f"/api/inflight/{entry_id}/cancel").status

    def newest(self) -> Any:
        """
        The row that was added last.
        """
        (row,) = self.rows("limit=1")
        return row

    def rows(self, query: str) -> Any:
        """
        Some rows, once there are any.
        """
        path = f"/api/metrics/activity?{query}"
        return wait_for(lambda: self.server.ask("GET", path).json["data"], "a row")


class ToldTests(EventsTestCase):
    """
    What is told.
    """

    def test_connecting(self) -> None:
        """
        Whoever connects is told at once where everything stands, a stream that is on
        its way among that.
        """
        headers = {"Authorization": "Bearer s3cret", "X-Session-ID": "mine"}
        body = chat_body("a", simulator=SLOW, **ENDLESS)
        with self.server.asking("POST", CHAT, body, headers) as response:
            response.readline()
            entry_id = self.in_flight("a")
            late = self.follow()
            kinds = [kind for kind, _ in late.events[: len(FIRST)]]
            self.assertEqual(kinds, list(FIRST))
            told = dict(late.events[2 : len(FIRST)])
        sources = [data["source"] for _, data in late.events[:2]]
        self.assertEqual(sources, ["proxy", "upstream"])
        self.assertIn("[INFO] model a: ready", late.events[0][1]["data"])
        self.assertIn("server is listening", late.events[1][1]["data"])
        states = {one["id"]: one["state"] for one in told["modelStatus"]}
        others = dict.fromkeys(("b", "slow", "ws"), "stopped")
        self.assertEqual(states, {"a": "ready", **others})
        self.assertEqual(
            told["uiConfig"], {"activity": {"session_id": ["X-Session-ID"]}}
        )
        self.assertEqual(told["profileChanged"], {"active": None})
        self.assertEqual(told["queue"], {"waiting": [], "total": 0})
        (entry,) = told["inflight"]["requests"]
        self.assertEqual(entry["id"], entry_id)
        self.assertEqual(entry["req_path"], CHAT)
        self.assertEqual(entry["remote_ip"], "127.0.0.1")
        self.assertEqual(entry["metadata"]["session_id"], "mine")
        self.assertNotIn("s3cret", json.dumps(late.events))

    def test_swap(self) -> None:
        """
        A swap is seen: who goes, who comes, and the lines of both logs.
        """
        # What has passed before a stalled machine looks is not told.
        undisturbed(self.swap, self.setUp)

    def swap(self) -> None:
        for model in ("a", "b"):
            self.assertEqual(self.server.chat(model).status, 200)
            self.wait_for_ready(model)
        self.assertEqual(
            self.follower.states("a"),
            ["stopped", "starting", "ready", "stopping", "stopped"],
        )
        self.assertEqual(self.follower.states("b"), ["stopped", "starting", "ready"])
        wait_for(
            lambda: self.follower.log("proxy").count(f'"POST {CHAT} ') == 2,
            "both lines of the access log",
        )
        self.assertIn("[INFO] swap to b", self.follower.log("proxy"))
        wait_for(
            lambda: self.follower.log("upstream").count("model loaded in") == 2,
            "both lines of the models",
        )

    def wait_for_ready(self, model: str) -> None:
        """
        Wait until a model is told to be ready: what lasts for a moment only is not.
        """
        wait_for(
            lambda: self.follower.states(model)[-1] == "ready", f"{model} to be ready"
        )

    def test_stream(self) -> None:
        """
        A stream on its way is told of when it comes, at most every 250 ms while it
        goes on, and when it is over; then its row has an id.
        """
        self.assertEqual(self.server.chat("a").status, 200)
        wait_for(lambda: self.follower.of("activity"), "the row of the load")
        undisturbed(self.stream)

    def stream(self) -> None:
        before = len(self.follower.events)
        with self.asked("a", stream=True, max_tokens=100) as response:
            size = len(response.read())
        row_id = self.follower.wait("activity", bool, "the row", before)["id"]
        self.assertEqual(self.newest()["id"], row_id)
        told = self.follower.of("inflight", before)
        upserts, last = told[:-1], told[-1]
        entries = [data["request"] for data in upserts]
        self.assertEqual(len({entry["id"] for entry in entries}), 1)
        self.assertEqual(last, {"operation": "remove", "id": entries[0]["id"]})
        # Two seconds of stream.
        self.assertGreater(len(entries), 4)
        elapsed = [entry["elapsed_ms"] for entry in entries]
        for one, next_one in pairwise(elapsed):
            self.assertGreaterEqual(next_one - one, 240)
        sizes = [entry["resp_bytes"] for entry in entries]
        self.assertEqual(sizes, sorted(sizes))
        self.assertTrue(0 < sizes[-1] <= size)
        self.assertIn("text/event-stream", json.dumps(entries[-1]["resp_headers"]))

    def test_profile(self) -> None:
        """
        Another profile is told of, also that there is none any more.
        """
        for profile in ("night", None):
            body = {"name": profile}
            before = len(self.follower.events)
            answer = self.server.ask("PUT", "/api/profiles/active", body)
            self.assertEqual(answer.status, 200)
            told = {"active": profile}
            self.follower.wait(
                "profileChanged",
                told.__eq__,
                f"{profile} to be told",
                before,
            )

    def test_head(self) -> None:
        """
        HEAD is answered with the head alone, and its connection goes on.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        self.addCleanup(connection.close)
        for _ in range(2):
            connection.request("HEAD", "/api/events")
            response = connection.getresponse()
            self.assertEqual(response.status, 200)
            self.assertEqual(response.headers["Content-Type"], "text/event-stream")
            self.assertEqual(response.headers["Cache-Control"], "no-cache")
            self.assertEqual(response.headers["X-Accel-Buffering"], "no")
            self.assertEqual(response.read(), b"")

    def test_strange_name(self) -> None:
        """
        A model's name that no UTF-8 can hold is told of as any other.
        """
        body = b'{"model": "\\ud800", "messages": []}'
        self.assertEqual(self.server.ask("POST", CHAT, body).status, 404)
        self.assertEqual(self.server.chat("nobody").status, 404)
        self.in_flight_once("\ud800")
        self.in_flight_once("nobody")
        self.assertNotIn("Traceback", self.server.output)

    def in_flight_once(self, model: str) -> None:
        self.follower.wait(
            "inflight",
            lambda data: data.get("request", {}).get("model") == model,
            f"{model!r} to be told",
        )

    def test_shutdown(self) -> None:
        """
        When the daemon ends, every follower's stream ends whole, and the one who does
        not read holds it up for no time.
        """
        stalled = Stalled(self.server, "/api/events")
        self.addCleanup(stalled.end)
        other = self.follow()
        began = time.monotonic()
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(), 0)
        # Half a minute is what others who do not end are given.
        self.assertLess(time.monotonic() - began, 20)
        for follower in (self.follower, other):
            follower.join()
            self.assertTrue(follower.is_whole)


class ReaderTests(EventsTestCase):
    """
    Whoever follows costs little.
    """

    def test_stalled(self) -> None:
        """
        Who reads nothing for a while gets what was on the way, the newest of the logs
        and where everything stands; who reads misses nothing.
        """
        stalled = Stalled(self.server, "/api/events")
        self.addCleanup(stalled.end)
        before = resident_megabytes(self.server.pid)
        padding = {"X-Padding": "x" * 60_000}
        body = chat_body("nobody")
        rows = 300
        # Each is told of with its headers, where they are no flood: more than what the
        # sockets between the two hold.
        for so_far in range(BRIEF, rows + 1, BRIEF):
            for _ in range(BRIEF):
                answer = self.server.ask("POST", CHAT, body, padding)
                self.assertEqual(answer.status, 404)
            self.follower_has(so_far)
        wait_for(
            lambda: self.follower.log("proxy").count("] Request ") == rows, "all lines"
        )
        self.assertLess(resident_megabytes(self.server.pid) - before, 30)

        def settled(data: bytearray) -> bool:
            return data.count(b'"queue"') == 2 and data.endswith(b"\n\n\r\n")

        stalled.read_until(settled, "the snapshot")
        text = unchunked(bytes(stalled.data)).decode()
        told = [
            json.loads(line[5:])
            for line in text.split("\n")
            if line.startswith("data:")
        ]
        kinds = [event["type"] for event in told]
        self.assertEqual(kinds[1 - len(FIRST) :], ["logData", *FIRST[2:]])
        self.assertLess(kinds.count("activity"), rows)
        # The log, which is small enough to be held, has no gap and no mark.
        logs = [json.loads(each["data"]) for each in told if each["type"] == "logData"]
        log = "".join(each["data"] for each in logs if each["source"] == "proxy")
        self.assertEqual(log.count("] Request "), rows)
        self.assertNotIn("dropped", log)

    def follower_has(self, rows: int) -> None:
        """
        Wait until who reads was told of so many rows.
        """
        wait_for(lambda: len(self.follower.of("activity")) == rows, "all rows")

    def test_coming_and_going(self) -> None:
        """
        Two hundred that come and go, politely or not, leave nothing behind.
        """

        def come_and_go(count: int) -> None:
            for number in range(count):
                with socket.create_connection(("127.0.0.1", self.server.port)) as one:
                    one.settimeout(PATIENCE)
                    one.sendall(b"GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n")
                    if number % 2:
                        one.recv(100)
                    if number % 3:
                        # A reset, where there is something left to be read.
                        one.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
                        )

        process = psutil.Process(self.server.pid)
        self.follower.end()
        come_and_go(50)
        descriptors = wait_for_rest(process)
        memory = resident_megabytes(self.server.pid)
        come_and_go(200)
        wait_for(lambda: process.num_fds() <= descriptors, "their sockets to be closed")
        self.assertLess(resident_megabytes(self.server.pid) - memory, 5)
        # Nobody follows: nothing is looked at from time to time.
        follower = self.follow()
        self.assertEqual(self.server.chat("nobody").status, 404)
        follower.wait("activity", bool, "the row")
        self.assertNotIn("Traceback", self.server.output)

    def test_many_short_requests(self) -> None:
        """
        Under as many short requests as it can take, followers cost little memory
        and go on.
        """
        others = [self.follow() for _ in range(2)]
        before = resident_megabytes(self.server.pid)
        body = json.dumps(chat_body("nobody")).encode()
        request = (
            f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        count = 2000
        with socket.create_connection(("127.0.0.1", self.server.port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(request * count)
            received = bytearray()
            while received.count(b"HTTP/1.1 404 ") < count:
                piece = client.recv(1024 * 1024)
                self.assertTrue(piece)
                received += piece

        def told() -> bool:
            # Who was too slow for some of it reads on.
            self.server.chat("nobody")
            return all(
                any(row["id"] > count for row in follower.of("activity")[-1:])
                for follower in (self.follower, *others)
            )

        wait_for(told, "a row after them")
        self.assertLess(resident_megabytes(self.server.pid) - before, 40)


class CancelTests(EventsTestCase):
    """
    A request that somebody ends.
    """

    def test_waiting(self) -> None:
        """
        One that waits for its model is answered 499, and its model is not loaded.
        """
        with self.asked("a", **ENDLESS) as response:
            response.readline()
            answers: list[Answer] = []
            thread = threading.Thread(
                target=lambda: answers.append(self.server.chat("b"))
            )
            thread.start()
            entry_id = self.in_flight("b")
            self.wait_for_waiting(1)
            self.assertEqual(self.cancel(entry_id), 200)
            thread.join(PATIENCE)
            self.wait_for_waiting(0)
        (answer,) = answers
        self.assertEqual(answer.status, 499)
        self.assertEqual(answer.json["error"]["code"], "request_cancelled")
        wait_for(lambda: self.newest()["model"] == "a", "the other one's end")
        (row,) = self.rows("model=b")
        self.assertEqual(row["resp_status_code"], 499)
        self.assertIn("cancelled", row["error_msg"])
        self.assertGreater(int(row["metadata"]["queue_ms"]), 0)
        self.assertNotIn("model b: starting", self.server.output)

    def wait_for_waiting(self, count: int) -> None:
        """
        Wait until it is told that so many wait for a model.
        """
        wait_for(
            lambda: self.follower.of("modelStatus")[-1][1]["waiting"] == count,
            f"{count} to be told to wait",
        )

    def test_loading(self) -> None:
        """
        One for whom a model is being loaded is answered at once.
        """
        answers: list[Answer] = []
        thread = threading.Thread(
            target=lambda: answers.append(self.server.chat("slow"))
        )
        thread.start()
        self.assertEqual(self.cancel(self.in_flight("slow")), 200)
        thread.join(PATIENCE)
        self.assertEqual(answers[0].status, 499)

    def test_stream(self) -> None:
        """
        In mid-stream the client gets an error as its last event and no clean end, and
        the model stops within 100 ms.
        """
        undisturbed(self.cancelled_stream)

    def cancelled_stream(self) -> None:
        port = self.server.start_port
        earlier = 0
        if self.server.running():
            earlier = simulator_says(port, "/simulator/stats")["cancelled"]
        with self.asked("a", **ENDLESS) as response:
            response.readline()
            entry_id = self.in_flight("a")
            at = time.time()
            self.assertEqual(self.cancel(entry_id), 200)
            with self.assertRaises(http.client.IncompleteRead) as caught:
                response.read()
        last = caught.exception.partial.strip().rpartition(b"\n\n")[2]
        kind, _, data = last.partition(b"\n")
        self.assertEqual(kind, b"event: error")
        error = json.loads(data.removeprefix(b"data: "))["error"]
        self.assertEqual(error["code"], "request_cancelled")
        wait_for(
            lambda: simulator_says(port, "/simulator/stats")["cancelled"] > earlier,
            "the model to notice",
        )
        cancelled = simulator_says(port, "/simulator/stats")["last_cancelled"]
        self.assertLess(cancelled - at, 0.1)
        self.assertEqual(self.cancel(entry_id), 404)
        row = self.newest()
        self.assertEqual(row["resp_status_code"], 200)
        self.assertIn("cancelled", row["error_msg"])

    def test_tunnel(self) -> None:
        """
        A WebSocket is cut at both ends.
        """
        url = f"ws://127.0.0.1:{self.server.port}/upstream/ws/echo"
        with connect(url, proxy=None, open_timeout=PATIENCE) as made:
            made.send("hello")
            self.assertEqual(made.recv(), "hello")
            self.assertEqual(self.cancel(self.in_flight("ws")), 200)
            with self.assertRaises(ConnectionClosed):
                made.recv(timeout=PATIENCE)
        wait_for(
            lambda: self.server.ask("GET", "/upstream/ws/seen").json["open"] == 0,
            "the model to notice",
        )

    def test_none(self) -> None:
        """
        What is not in flight cannot be cancelled, whatever it is called.
        """
        for name in ("0", "9" * 20, "-1", "%00", "%C3%A9", "a%2Fb", "x" * 999):
            self.assertEqual((name, self.cancel(name)), (name, 404))
        self.assertEqual(self.cancel("%ff"), 400)
        self.assertEqual(self.server.ask("GET", "/api/inflight/1/cancel").status, 405)
        self.assertNotIn("Traceback", self.server.output)


class ReloadTests(ReloadTestCase):
    """
    Another configuration.
    """

    def test_reload(self) -> None:
        """
        Followers are told of the models and settings that hold after a reload, and go
        on.
        """
        one = f"models:\n  a: {{cmd: '{simulator()}'}}\n"
        daemon = self.daemon(one)
        followers = [Follower(daemon) for _ in range(3)]
        for follower in followers:
            self.addCleanup(follower.end)
            follower.settled()
        self.reload(
            daemon,
            one
            + f"  b: {{cmd: '{simulator()}'}}\n"
            + "ui: {activity: {session_id: [X-New]}}\n",
        )
        for follower in followers:
            follower.wait(
                "modelStatus",
                lambda data: [record["id"] for record in data] == ["a", "b"],
                "the new model",
            )
            follower.wait(
                "uiConfig",
                lambda data: data["activity"]["session_id"] == ["X-New"],
                "the new headers",
            )


class Http2Tests(Http2TestCase):
    """
    Events over HTTP/2.
    """

    def test_events(self) -> None:
        """
        They flow beside other streams of the same connection, which do not disturb
        them.
        """
        with self.client.stream("GET", "/api/events") as response:
            self.assertEqual(response.http_version, "HTTP/2")
            found: list[str] = []
            for line in response.iter_lines():
                if line.startswith("data:"):
                    found.append(json.loads(line[5:])["type"])
                if len(found) == len(FIRST):
                    self.assertEqual(found, list(FIRST))
                    self.assertEqual(self.chat(max_tokens=1).status_code, 200)
                if "activity" in found:
                    break
        self.assert_clean()


def unchunked(data: bytes) -> bytes:
    """
    :param data: a response in chunks, perhaps not all of it.
    :returns: its body.
    """
    rest = data.partition(b"\r\n\r\n")[2]
    pieces = []
    while b"\r\n" in rest:
        size, _, rest = rest.partition(b"\r\n")
        pieces.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return b"".join(pieces)


def wait_for_rest(process: psutil.Process) -> int:
    """
    Wait until a process's descriptors are no more and no fewer for a while.
    """
    counts: list[int] = []

    def rests() -> bool:
        counts.append(process.num_fds())
        return len(counts) > 20 and len(set(counts[-20:])) == 1

    wait_for(rests, "its descriptors to rest")
    return counts[-1]
