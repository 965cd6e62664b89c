"""
A real daemon over HTTP/2, asked by clients that many programs use.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import SkipTest

import httpx
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, StreamEnded

from .support import (
    PATIENCE,
    chat_body,
    events,
    is_alive,
    simulator,
    simulator_says,
    undisturbed,
    wait_for,
)
from .test_streams import MEGABYTE, resident_megabytes
from .test_tls import TlsTestCase

KEY = "sk-one"

CONFIG = f"""
maxRequestBody: 45MiB
apiKeys: [{KEY}]
models:
  m:
    cmd: {simulator("--load-time 0", "--tokens-per-second 200")}
    concurrencyLimit: 100
"""

CHAT = "/v1/chat/completions"


class Http2TestCase(TlsTestCase):
    """
    A daemon with one model, and a client with one connection to it.
    """

    def setUp(self) -> None:
        super().setUp()
        self.served = self.daemon(CONFIG, self.options())
        self.client = self.connect()
        self.assertEqual(self.chat(max_tokens=1).status_code, 200)

    def connect(self) -> httpx.Client:
        """
        A client that speaks HTTP/2 alone, over one connection.
        """
        client = httpx.Client(**self.as_client)
        self.addCleanup(client.close)
        return client

    @property
    def as_client(self) -> dict[str, Any]:
        """
        What such a client is made with.
        """
        return {
            "http1": False,
            "http2": True,
            "verify": ssl.create_default_context(cafile=str(self.files.root)),
            "base_url": f"https://localhost:{self.served.port}",
            "headers": {"Authorization": f"Bearer {KEY}"},
            "limits": httpx.Limits(max_connections=1),
            "timeout": PATIENCE,
            "trust_env": False,
        }

    def chat(self, **more: Any) -> httpx.Response:
        """
        Ask the model, and read the whole answer.
        """
        return self.client.post(CHAT, json=chat_body("m", **more))

    @contextmanager
    def streaming(self, **more: Any) -> Iterator[httpx.Response]:
        """
        Ask the model for what is read bit by bit.
        """
        with self.client.stream("POST", CHAT, json=chat_body("m", **more)) as response:
            self.assertEqual(response.http_version, "HTTP/2")
            self.assertEqual(response.status_code, 200)
            yield response

    def stats(self) -> Any:
        """
        What the model has counted.
        """
        return simulator_says(self.served.start_port, "/simulator/stats")

    def assert_clean(self) -> None:
        """
        The daemon has logged no mistake of its own.
        """
        self.assertNotIn("Traceback", self.served.output + self.served.errors)


def lines(response: httpx.Response) -> Iterator[bytes]:
    """
    The lines of a response as they come.
    """
    for line in response.iter_lines():
        yield line.encode()


class RawClient:
    """
    A client of one connection that does what the others do not.

    :param test: with the daemon that it asks.
    :ivar h2: its side.
    :ivar stalled: the streams that are given no more room.
    :ivar read: how much came, by stream, in bytes.
    :ivar ended: the streams that are whole.
    """

    def __init__(self, test: Http2TestCase) -> None:
        context = ssl.create_default_context(cafile=str(test.files.root))
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", test.served.port), PATIENCE)
        self._socket = context.wrap_socket(plain, server_hostname="localhost")
        test.addCleanup(self._socket.close)
        self.h2 = H2Connection()
        self.stalled: set[int] = set()
        self.read: dict[int, int] = {}
        self.ended: set[int] = set()
        self.h2.initiate_connection()
        # Only the streams' own windows are in the way.
        self.h2.increment_flow_control_window(MEGABYTE)

    def flush(self) -> None:
        """
        Send what there is to be sent.
        """
        self._socket.sendall(self.h2.data_to_send())

    def ask(self, method: str, path: str, body: Any) -> int:
        """
        Send a request.

        :returns: its stream's number.
        """
        stream_id = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":path", path), (":scheme", "https")]
        fields += [(":authority", "localhost"), ("authorization", f"Bearer {KEY}")]
        self.h2.send_headers(stream_id, fields)
        self.h2.send_data(stream_id, json.dumps(body).encode(), end_stream=True)
        self.flush()
        self.read[stream_id] = 0
        return stream_id

    def read_until(self, condition: Callable[[Event], bool]) -> None:
        """
        Read until something has happened.
        """
        found = False
        while not found:
            data = self._socket.recv(100_000)
            if not data:
                raise AssertionError("the connection was closed")
            for event in self.h2.receive_data(data):
                self._take(event)
                found = found or condition(event)
            self.flush()

    def _take(self, event: Event) -> None:
        if isinstance(event, StreamEnded):
            self.ended.add(event.stream_id)
        elif isinstance(event, DataReceived):
            size = event.flow_controlled_length or 0
            self.read[event.stream_id] += len(event.data or b"")
            if event.stream_id not in self.stalled:
                self.h2.acknowledge_received_data(size, event.stream_id)


class StreamTests(Http2TestCase):
    """
    Streams flow.
    """

    def test_flows(self) -> None:
        """
        Each event comes when it is made.
        """
        undisturbed(self.flows)

    def flows(self) -> None:
        times = []
        slow = {"tokens_per_second": 20}
        with self.streaming(stream=True, max_tokens=12, simulator=slow) as response:
            self.assertEqual(response.headers["X-Accel-Buffering"], "no")
            for _ in events(lines(response)):
                times.append(time.monotonic())
        self.assertGreater(times[-1] - times[0], 0.4)
        self.assertGreater(len(times), 12)

    def test_at_once(self) -> None:
        """
        Twenty streams of one connection are whole, however they interlace.
        """
        asyncio.run(self.read_at_once())
        self.assert_clean()

    async def read_at_once(self) -> None:
        # Threads can share none of these clients' connections over HTTP/2.
        body = chat_body("m", stream=True, max_tokens=50)
        async with httpx.AsyncClient(**self.as_client) as client:

            async def read() -> str:
                async with client.stream("POST", CHAT, json=body) as response:
                    seen = [line async for line in response.aiter_lines() if line]
                    return seen[-1]

            ends = await asyncio.gather(*(read() for _ in range(20)))
            self.assertEqual(ends, ["data: [DONE]"] * 20)

    def test_beside_a_stalled_one(self) -> None:
        """
        They are whole too while another one of their connection is not read, and that
        costs no memory; then it is whole as well.
        """
        before = resident_megabytes(self.served.pid)
        size = 30 * MEGABYTE
        client = RawClient(self)
        stalled = client.ask("POST", CHAT, chat_body("m", simulator={"bytes": size}))
        client.stalled.add(stalled)
        others = {
            client.ask("POST", CHAT, chat_body("m", stream=True, max_tokens=50))
            for _ in range(20)
        }
        client.read_until(lambda _: others <= client.ended)
        wait_for(lambda: self.stats()["in_flight"] == 1, "the others to be over")
        self.assertLess(resident_megabytes(self.served.pid) - before, 10)
        client.stalled.clear()
        client.h2.acknowledge_received_data(client.read[stalled], stalled)
        client.flush()
        client.read_until(lambda _: stalled in client.ended)
        self.assertEqual(client.read[stalled], size)
        self.assert_clean()

    def test_large_answer(self) -> None:
        """
        A large answer comes whole, and is never held.
        """
        before = resident_megabytes(self.served.pid)
        size, read, most = 60 * MEGABYTE, 0, 0.0
        with self.streaming(simulator={"bytes": size}) as response:
            for chunk in response.iter_raw(MEGABYTE):
                read += len(chunk)
                most = max(most, resident_megabytes(self.served.pid) - before)
        self.assertEqual(read, size)
        self.assertLess(most, 10)

    def test_cut(self) -> None:
        """
        A stream whose model dies is seen to be none that is whole, and the
        connection goes on.
        """
        (pid,) = self.served.model_pids()
        with self.streaming(stream=True, max_tokens=5000) as response:
            seen = lines(response)
            while b"content" not in next(seen):
                pass
            os.kill(pid, signal.SIGKILL)
            with self.assertRaises(httpx.RemoteProtocolError):
                list(seen)
        wait_for(lambda: not is_alive(pid), "its end")
        self.assertEqual(self.chat(max_tokens=1).status_code, 200)
        self.assert_clean()

    def test_client_leaves(self) -> None:
        """
        A client that leaves ends the model's work.
        """
        undisturbed(self.client_leaves)

    def client_leaves(self) -> None:
        self.client = self.connect()
        earlier = self.stats()["cancelled"]
        slow = {"tokens_per_second": 20}
        with self.streaming(stream=True, max_tokens=9999, simulator=slow) as seen:
            next(seen.iter_lines())
            self.client.close()
            left = time.time()
        self.assert_cancelled(left, earlier)

    def test_client_cancels(self) -> None:
        """
        So does one that resets its stream, and the connection goes on.
        """
        undisturbed(self.client_cancels)

    def client_cancels(self) -> None:
        earlier = self.stats()["cancelled"]
        client = RawClient(self)
        slow = {"tokens_per_second": 20}
        body = chat_body("m", stream=True, max_tokens=9999, simulator=slow)
        stream_id = client.ask("POST", CHAT, body)
        client.read_until(
            lambda event: (
                isinstance(event, DataReceived) and b"content" in (event.data or b"")
            )
        )
        client.h2.reset_stream(stream_id, ErrorCodes.CANCEL)
        client.flush()
        self.assert_cancelled(time.time(), earlier)
        stream_id = client.ask("POST", CHAT, chat_body("m", max_tokens=1))
        client.read_until(lambda _: stream_id in client.ended)

    def assert_cancelled(self, left: float, earlier: int) -> None:
        """
        The model has noticed, soon after ``left``; it had counted others before.
        """
        wait_for(
            lambda: self.stats()["cancelled"] == earlier + 1, "the model to notice"
        )
        # The promise is 100 ms; a machine that is busy gets more.
        self.assertLess(self.stats()["last_cancelled"] - left, 2.0)
        self.assert_clean()

    def test_shutdown(self) -> None:
        """
        A stream ends whole when the daemon is asked to end, and then the connection.
        """
        with self.streaming(stream=True, max_tokens=200) as response:
            seen = lines(response)
            next(seen)
            self.served.process.terminate()
            self.assertEqual(list(events(seen))[-1], "[DONE]")
        self.assertEqual(self.served.wait(), 0, self.served.output)
        self.assert_clean()


class RequestTests(Http2TestCase):
    """
    Requests are what they are over HTTP/1.
    """

    def test_large_request(self) -> None:
        """
        A body that is too large for memory reaches the model byte for byte, and one
        whose length is announced is never there.
        """
        before = resident_megabytes(self.served.pid)
        text = "x" * (40 * MEGABYTE)
        asked = {"model": "m", "simulator": {"echo": True}, "text": text}
        body = json.dumps(asked).encode()
        # This client takes the whole rest with it from frame to frame.
        pieces = (body[at : at + MEGABYTE] for at in range(0, len(body), MEGABYTE))
        length = {"Content-Length": str(len(body))}
        answer = self.client.post(CHAT, content=pieces, headers=length)
        self.assertEqual(answer.status_code, 200, answer.text[:500])
        self.assertEqual(
            answer.json()["body"],
            {"sha256": hashlib.sha256(body).hexdigest(), "length": len(body)},
        )
        self.assertLess(resident_megabytes(self.served.pid) - before, 20)

    def test_headers(self) -> None:
        """
        The model sees the name that was asked for, and who asked.
        """
        answer = self.chat(simulator={"echo": True})
        headers = {name.lower(): value for name, value in answer.json()["headers"]}
        authority = f"localhost:{self.served.port}"
        self.assertEqual(headers["host"], authority)
        self.assertEqual(headers["x-forwarded-host"], authority)
        self.assertEqual(headers["x-forwarded-proto"], "https")
        self.assertEqual(headers["x-forwarded-for"], "127.0.0.1")

    def test_refused(self) -> None:
        """
        Without a key, for a model that is not there, with too large a body, by a
        method that is none of a path's: each is told so on the same connection.
        """
        bad = {"Authorization": "Bearer no"}
        for status, answer in (
            (401, self.client.post(CHAT, json=chat_body("m"), headers=bad)),
            (404, self.client.post(CHAT, json=chat_body("nobody"))),
            (404, self.client.get("/nowhere")),
            (405, self.client.get(CHAT)),
            (405, self.client.post("/running")),
        ):
            self.assertEqual(answer.status_code, status)
            self.assertIn("message", answer.json()["error"])
            self.assertEqual(answer.http_version, "HTTP/2")
        self.assertEqual(self.chat(max_tokens=1).status_code, 200)
        self.assert_clean()

    def test_too_large(self) -> None:
        """
        A body that becomes larger than ``maxRequestBody`` is refused.
        """

        def pieces(count: int) -> Iterator[bytes]:
            for _ in range(count):
                yield b" " * MEGABYTE

        answer = self.client.post(CHAT, content=pieces(46))
        self.assertEqual(answer.status_code, 413)
        self.assertIn("maxRequestBody", answer.json()["error"]["message"])

    def test_operations(self) -> None:
        """
        What reaches no model works as well: listings, pages, preflights, logs.
        """
        listed = self.client.get("/v1/models").json()
        self.assertEqual([model["id"] for model in listed["data"]], ["m"])
        answer = self.client.head("/v1/models")
        self.assertEqual((answer.status_code, answer.content), (200, b""))
        answer = self.client.options(CHAT, headers={"Origin": "https://x"})
        self.assertEqual(answer.status_code, 204)
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
        answer = self.client.get(
            "/running", headers={"Origin": f"https://localhost:{self.served.port}"}
        )
        self.assertEqual(answer.json()["running"][0]["model"], "m")
        with self.client.stream("GET", "/logs/stream") as logs:
            for line in logs.iter_lines():
                if "model m: ready" in line:
                    break
        self.assert_clean()


class CurlTests(Http2TestCase):
    """
    curl, as people use it.
    """

    def setUp(self) -> None:
        curl = shutil.which("curl")
        if curl is None:
            raise SkipTest("there is no curl")
        features = subprocess.run([curl, "--version"], capture_output=True, text=True)
        if "HTTP2" not in features.stdout:
            raise SkipTest("this curl has no HTTP/2")
        super().setUp()
        self.curl = curl

    def run_curl(self, path: str, *options: str) -> subprocess.CompletedProcess[str]:
        """
        Ask for a path; what is written last is the version that was spoken.
        """
        return subprocess.run(
            [
                self.curl,
                "--silent",
                "--show-error",
                "--cacert",
                str(self.files.root),
                "--noproxy",
                "*",
                "--max-time",
                str(PATIENCE),
                "--header",
                f"Authorization: Bearer {KEY}",
                "--write-out",
                "\n%{http_version} %{http_code}",
                *options,
                f"https://localhost:{self.served.port}{path}",
            ],
            capture_output=True,
            text=True,
        )

    def test_stream(self) -> None:
        """
        A stream is whole.
        """
        body = json.dumps(chat_body("m", stream=True, max_tokens=20))
        done = self.run_curl(CHAT, "--http2", "--data", body)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.endswith("data: [DONE]\n\n\n2 200"), done.stdout)

    def test_cut(self) -> None:
        """
        One that breaks off is an error.
        """
        body = json.dumps(chat_body("m", stream=True, simulator={"cut_after": 3}))
        done = self.run_curl(CHAT, "--http2", "--data", body)
        self.assertIn("INTERNAL_ERROR", done.stderr)
        self.assertIn("event: error", done.stdout)

    def test_too_large(self) -> None:
        """
        A body that says to be too large is refused before it comes.
        """
        large = self.folder() / "large"
        with large.open("wb") as file:
            file.truncate(200 * MEGABYTE)
        done = self.run_curl(CHAT, "--http2", "--data-binary", f"@{large}")
        self.assertTrue(done.stdout.endswith("\n2 413"), done.stdout + done.stderr)
        self.assertIn("maxRequestBody", done.stdout)

    def test_older(self) -> None:
        """
        A client that wants HTTP/1.1 gets it.
        """
        done = self.run_curl("/health", "--http1.1")
        self.assertEqual(done.stdout, "OK\n1.1 200")
