"""
What flows through the daemon, between real sockets.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from .support import (
    PATIENCE,
    Daemon,
    LiveTestCase,
    chat_body,
    events,
    is_alive,
    simulator,
    simulator_says,
    undisturbed,
    wait_for,
)

MEGABYTE = 1024 * 1024

ONE_MODEL = f"""
maxRequestBody: 80MiB
models:
  m:
    cmd: {simulator("--load-time 0")}
    concurrencyLimit: 100
"""


def resident_megabytes(pid: int) -> float:
    """
    The memory that a process has, in MB.
    """
    with open(f"/proc/{pid}/statm", "rb") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


class StreamTestCase(LiveTestCase):
    """
    One model, asked through the daemon, and beside it for what it has seen.
    """

    def setUp(self) -> None:
        self.running = self.daemon(ONE_MODEL)
        self.assertEqual(self.running.chat("m", max_tokens=1).status, 200)

    def stats(self) -> Any:
        """
        What the model has counted.
        """
        return simulator_says(self.running.start_port, "/simulator/stats")

    @contextmanager
    def asked(self, body: Any) -> Iterator[socket.socket]:
        """
        A client that has sent a chat request, as a bare socket.
        """
        data = json.dumps(body).encode()
        with socket.create_connection(("127.0.0.1", self.running.port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                b"Content-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(data), data)
            )
            yield client


class PaceTests(StreamTestCase):
    """
    The client's pace is the model's pace.
    """

    def test_flows(self) -> None:
        """
        Each event of a stream comes when it is made, not when all are.
        """
        undisturbed(self.flows)

    def flows(self) -> None:
        body = chat_body(
            "m", stream=True, max_tokens=12, simulator={"tokens_per_second": 20}
        )
        times = []
        with self.running.asking("POST", "/v1/chat/completions", body) as response:
            self.assertEqual(response.headers["X-Accel-Buffering"], "no")
            for _ in events(response):
                times.append(time.monotonic())
        # Twelve tokens at 20 a second take half a second and more.
        self.assertGreater(times[-1] - times[0], 0.4)
        self.assertGreater(len(times), 12)

    def test_stalled_reader(self) -> None:
        """
        A client that does not read costs no memory; when it leaves, so does the
        request to the model.
        """
        before = resident_megabytes(self.running.pid)
        with self.asked(chat_body("m", simulator={"bytes": 400 * MEGABYTE})) as client:
            client.recv(1000)
            wait_for(lambda: self.stats()["in_flight"] == 1, "the response to begin")
            # It has stopped when nothing has moved for a while.
            for _ in range(20):
                time.sleep(0.05)
                grown = resident_megabytes(self.running.pid) - before
                self.assertLess(grown, 10)
            cancelled = self.stats()["cancelled"]
        wait_for(
            lambda: self.stats()["cancelled"] == cancelled + 1,
            "the model to notice",
        )

    def test_fast_reader(self) -> None:
        """
        A large response comes whole, and is never held.
        """
        before = resident_megabytes(self.running.pid)
        size = 300 * MEGABYTE
        body = chat_body("m", simulator={"bytes": size})
        read = 0
        most = 0.0
        with self.running.asking("POST", "/v1/chat/completions", body) as response:
            while data := response.read(MEGABYTE):
                read += len(data)
                most = max(most, resident_megabytes(self.running.pid) - before)
        self.assertEqual(read, size)
        self.assertLess(most, 10)

    def test_too_large_request(self) -> None:
        """
        A body over ``maxRequestBody`` is refused before it is sent.
        """
        with socket.create_connection(("127.0.0.1", self.running.port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                b"Content-Length: %d\r\n\r\n" % (81 * MEGABYTE)
            )
            self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 413 "))


class ClientGoneTests(LiveTestCase):
    """
    A client that leaves takes its request along.
    """

    #: The promise is 100 ms; a machine that is busy with other tests gets more.
    SOON = 2.0

    def ask_and_leave(self, daemon: Daemon, body: Any, until: Any) -> None:
        data = json.dumps(body).encode()
        with socket.create_connection(("127.0.0.1", daemon.port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(data), data)
            )
            until(client)

    def stats(self, daemon: Daemon) -> Any:
        return simulator_says(daemon.start_port, "/simulator/stats")

    def test_while_waiting(self) -> None:
        """
        Who leaves while the model loads is not sent up, and the load goes on.
        """
        # A test that stalls leaves too late.
        undisturbed(self.while_waiting)

    def while_waiting(self) -> None:
        daemon = self.daemon(f"models:\n  m:\n    cmd: {simulator('--load-time 1')}\n")
        self.ask_and_leave(
            daemon,
            chat_body("m"),
            lambda _: wait_for(lambda: daemon.running(), "the load"),
        )
        wait_for(lambda: daemon.running() == {"m": "ready"}, "the model")
        self.assertEqual(self.stats(daemon)["begun"], 0)

    def test_in_queue(self) -> None:
        """
        Who leaves while it waits for another model's turn never causes a load.
        """
        daemon = self.daemon(
            "models:\n"
            f"  a: {{cmd: '{simulator('--load-time 0')}'}}\n"
            f"  b: {{cmd: '{simulator('--load-time 0')}'}}\n"
        )

        def leave_the_queue(_: socket.socket) -> None:
            wait_for(lambda: daemon.running() == {"a": "ready"}, "a")
            wait_for(lambda: self.stats(daemon)["in_flight"] == 1, "a's request")
            self.ask_and_leave(daemon, chat_body("b"), lambda _: time.sleep(0.1))

        busy = chat_body("a", simulator={"delay_head": 60})
        self.ask_and_leave(daemon, busy, leave_the_queue)
        wait_for(lambda: self.stats(daemon)["in_flight"] == 0, "a to be idle")
        self.assertEqual(daemon.running(), {"a": "ready"})
        self.assertNotIn(b"model b: starting", daemon.ask("GET", "/logs").body)

    def leave(self, body: Any, until: Any) -> None:
        """
        Ask, leave when ``until`` says so, and see that the model notices.
        """
        undisturbed(partial(self.leave_once, body, until))

    def leave_once(self, body: Any, until: Any) -> None:
        daemon = self.daemon(ONE_MODEL)
        daemon.chat("m", max_tokens=1)
        self.ask_and_leave(daemon, body, lambda client: until(daemon, client))
        left = time.time()

        def cancelled() -> Any:
            stats = self.stats(daemon)
            return stats if stats["cancelled"] == 1 else None

        stats = wait_for(cancelled, "the cancel")
        self.assertLess(stats["last_cancelled"] - left, self.SOON)

    def test_before_the_head(self) -> None:
        """
        Who leaves before the head ends the model's work on it.
        """

        def begun(daemon: Daemon, client: socket.socket) -> None:
            wait_for(lambda: self.stats(daemon)["in_flight"] == 1, "the request")

        self.leave(chat_body("m", simulator={"delay_head": 30}), begun)

    def test_in_the_stream(self) -> None:
        """
        Who leaves in the middle of a stream ends the model's work on it.
        """
        self.leave(
            chat_body(
                "m", stream=True, max_tokens=9999, simulator={"tokens_per_second": 20}
            ),
            lambda daemon, client: client.recv(1000),
        )


class TruthTests(StreamTestCase):
    """
    What reaches the client is what the model has sent.
    """

    def test_cut(self) -> None:
        """
        A response that the model breaks off is seen to be broken off.
        """
        body = chat_body("m", simulator={"cut_after": 5})
        with self.running.asking("POST", "/v1/chat/completions", body) as response:
            self.assertRaises(http.client.IncompleteRead, response.read)

    def test_cut_events(self) -> None:
        """
        A stream that the model breaks off ends with an error event, unfinished.
        """
        body = chat_body("m", stream=True, max_tokens=50, simulator={"cut_after": 5})
        seen = []
        with self.running.asking("POST", "/v1/chat/completions", body) as response:
            data = b""
            with self.assertRaises(http.client.IncompleteRead) as caught:
                response.read()
            data = caught.exception.partial
        seen = list(events(iter(data.splitlines(keepends=True))))
        self.assertIn(b"event: error\n", data)
        self.assertIn("error", seen[-1])

    def test_status_and_path(self) -> None:
        """
        Statuses pass, and so do path, query and body, byte for byte.
        """
        answer = self.running.chat("m", simulator={"status": 418})
        self.assertEqual(answer.status, 418)
        body = b'{ "model" :"m",\n "simulator": {"echo": true}, "x": 1e400 }'
        answer = self.running.ask(
            "POST", "/v1/chat/completions?a=%2F&b=%zz", body, {"X-Mine": "1"}
        )
        seen = answer.json
        self.assertEqual(seen["path"], "/v1/chat/completions?a=%2F&b=%zz")
        self.assertEqual(seen["body"]["sha256"], hashlib.sha256(body).hexdigest())
        headers = {name.lower(): value for name, value in seen["headers"]}
        self.assertEqual(headers["x-mine"], "1")
        self.assertEqual(headers["x-forwarded-for"], "127.0.0.1")
        self.assertEqual(headers["host"], f"127.0.0.1:{self.running.port}")

    def test_many_at_once(self) -> None:
        """
        A hundred streams at once are all whole, and nothing is left of them.
        """
        whole = []

        def stream() -> None:
            body = chat_body(
                "m", stream=True, max_tokens=30, simulator={"tokens_per_second": 30}
            )
            with self.running.asking("POST", "/v1/chat/completions", body) as response:
                seen = list(events(response))
                whole.append(seen[-1])

        threads = [threading.Thread(target=stream) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(whole, ["[DONE]"] * 100)
        wait_for(lambda: self.stats()["in_flight"] == 0, "the model to be done")
        self.assertEqual(self.running.chat("m").status, 200)
        self.assertTrue(is_alive(self.running.pid))
