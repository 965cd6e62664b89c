"""
The daemon behind nginx, with the file that the documentation shows.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from websockets.sync.client import connect
from websockets.typing import Origin

from .nginx import NGINX, ExampleNginx
from .support import (
    PATIENCE,
    LiveTestCase,
    chat_body,
    events,
    listens,
    simulator,
    simulator_says,
    undisturbed,
    wait_for,
)
from .test_streams import MEGABYTE
from .test_upstream import sockets

CONFIG = f"""
maxRequestBody: 60MiB
models:
  m: {{cmd: "{simulator("--load-time 0", "--tokens-per-second 20")}"}}
  ws: {sockets()}
"""

_CURL = shutil.which("curl")

#: The client's address, which is not nginx's own.
CLIENT = "127.0.0.2"


def _knows_http2() -> bool:
    if _CURL is None:
        return False
    told = subprocess.run([_CURL, "-V"], capture_output=True, text=True)
    return "HTTP2" in told.stdout


class ExampleTestCase(LiveTestCase):
    """
    A client beyond nginx.
    """

    if NGINX is None:
        skip = "nginx is not installed"

    def setUp(self) -> None:
        self.socket = str(self.folder() / "socket")
        self.behind = self.daemon(CONFIG, ["--listen", f"unix:{self.socket}"])
        self.begin(self.behind.port)

    def begin(self, upstream: int | str) -> None:
        self.nginx = ExampleNginx(self.folder(), upstream)
        self.addCleanup(self.nginx.end)
        self.nginx.wait_until_listening()
        self.context = ssl.create_default_context(cafile=str(self.nginx.files.root))

    @property
    def host(self) -> str:
        """
        How the client calls it.
        """
        return f"localhost:{self.nginx.port}"

    def connect(self) -> http.client.HTTPSConnection:
        """
        A client that knows the authority alone.
        """
        connection = http.client.HTTPSConnection(
            "localhost",
            self.nginx.port,
            timeout=PATIENCE,
            context=self.context,
            source_address=(CLIENT, 0),
        )
        self.addCleanup(connection.close)
        return connection

    def asked(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.client = connection = self.connect()
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        self.addCleanup(response.close)
        return response

    def chat(self, **more: Any) -> http.client.HTTPResponse:
        return self.asked("POST", "/v1/chat/completions", chat_body("m", **more))

    def seen(self, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """
        The headers that reach the model, by their names in lower case.
        """
        response = self.asked(
            "POST",
            "/v1/chat/completions",
            chat_body("m", simulator={"echo": True}),
            headers,
        )
        self.assertEqual(response.status, 200)
        pairs = json.load(response)["headers"]
        seen = {name.lower(): value for name, value in pairs}
        self.assertEqual(len(seen), len(pairs), pairs)
        return seen


class StreamTests(ExampleTestCase):
    """
    What comes as it is made, and ends as it ends.
    """

    def test_flows(self) -> None:
        """
        Events come one by one, as they are made.
        """
        undisturbed(self.flows)

    def flows(self) -> None:
        times = []
        for _ in events(self.chat(stream=True, max_tokens=12)):
            times.append(time.monotonic())
        self.assertGreater(len(times), 12)
        self.assertGreater(times[-1] - times[0], 0.4)
        self.assertLess(max(b - a for a, b in pairwise(times)), 0.4)

    def test_other_answers_flow(self) -> None:
        """
        What is no event stream is not held back either.
        """
        response = self.chat(
            simulator={"bytes": 40 * MEGABYTE, "chunk": 65536, "chunked": True}
        )
        first = response.read(1000)
        self.assertEqual(len(first), 1000)
        # Nobody reads: in this time nginx would have taken all of it, were it to.
        time.sleep(0.5)
        self.assertEqual(simulator_says(self.port, "/simulator/stats")["in_flight"], 1)
        self.assertEqual(len(response.read()), 40 * MEGABYTE - 1000)

    @property
    def port(self) -> int:
        """
        The model's own.
        """
        return self.behind.start_port

    def test_client_leaves(self) -> None:
        """
        A client that leaves ends the model's work.
        """
        response = self.chat(stream=True, max_tokens=2000)
        response.readline()
        self.assertEqual(simulator_says(self.port, "/simulator/stats")["in_flight"], 1)
        self.client.close()
        response.close()
        wait_for(
            lambda: simulator_says(self.port, "/simulator/stats")["cancelled"] == 1,
            "the cancel",
        )

    def test_cut(self) -> None:
        """
        A stream whose model is killed does not look whole, and says why.
        """
        response = self.chat(stream=True, max_tokens=2000)
        while b"content" not in (line := response.readline()):
            self.assertTrue(line)
        (pid,) = self.behind.model_pids()
        os.kill(pid, signal.SIGKILL)
        got = b""
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            while True:
                piece = response.read1(65536)
                if not piece:
                    # `read1` does not tell an end from a cut.
                    response.read()
                    break
                got += piece
        self.assertIn(b'"error"', got)
        self.assertNotIn(b"[DONE]", got)


class RequestTests(ExampleTestCase):
    """
    What the daemon and the model see.
    """

    def test_names(self) -> None:
        """
        The model sees the name and port that the client asked for, over HTTPS.
        """
        seen = self.seen()
        self.assertEqual(seen["host"], self.host)
        self.assertEqual(seen["x-forwarded-host"], self.host)
        self.assertEqual(seen["x-forwarded-proto"], "https")

    def test_client_address(self) -> None:
        """
        The model sees the client's address, and not what the client says it is.
        """
        seen = self.seen({"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6"})
        self.assertEqual(seen["x-forwarded-for"], f"{CLIENT}, 127.0.0.1")
        self.assertEqual(seen["x-real-ip"], CLIENT)

    def test_same_origin(self) -> None:
        """
        Our own page may do what it may, as browsers put it over HTTPS and before.
        """
        for headers in (
            {"Origin": f"https://{self.host}"},
            {"Origin": f"https://{self.host}", "Sec-Fetch-Site": "same-origin"},
        ):
            response = self.asked("POST", "/api/models/unload", b"", headers)
            self.assertEqual((headers, response.status), (headers, 200))

    def test_cross_site(self) -> None:
        """
        Pages of other origins may not, those of another port too.
        """
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "https://localhost"},
            {"Origin": f"https://{self.host}", "Sec-Fetch-Site": "cross-site"},
        ):
            response = self.asked("POST", "/api/models/unload", b"", headers)
            self.assertEqual((headers, response.status), (headers, 403))

    def test_upload(self) -> None:
        """
        40 MB reach the model byte for byte.
        """
        body = chat_body("m", simulator={"echo": True}, text="x" * (40 * MEGABYTE))
        data = json.dumps(body).encode()
        response = self.asked("POST", "/v1/chat/completions", data)
        self.assertEqual(response.status, 200)
        self.assertEqual(
            json.load(response)["body"],
            {"sha256": hashlib.sha256(data).hexdigest(), "length": len(data)},
        )

    def test_upload_too_large(self) -> None:
        """
        What is too large is refused by the daemon, in its own words, before it is
        sent whole.
        """
        connection = self.connect()
        connection.putrequest("POST", "/v1/chat/completions")
        connection.putheader("Content-Length", str(100 * MEGABYTE))
        connection.endheaders(b"{")
        response = connection.getresponse()
        self.assertEqual(response.status, 413)
        self.assertIn("maxRequestBody", json.load(response)["error"]["message"])

    def test_websocket(self) -> None:
        """
        A WebSocket goes both ways, and its model sees whom the client asked.
        """
        with connect(
            f"wss://{self.host}/upstream/ws/echo",
            ssl=self.context,
            origin=Origin(f"https://{self.host}"),
            proxy=None,
            open_timeout=PATIENCE,
            max_size=None,
        ) as made:
            made.send(b"x" * MEGABYTE)
            self.assertEqual(made.recv(), b"x" * MEGABYTE)
            made.send("hello")
            self.assertEqual(made.recv(), "hello")
        seen = self.behind.ask("GET", "/upstream/ws/seen").json["headers"]
        self.assertEqual(seen["host"], self.host)
        self.assertEqual(seen["x-forwarded-proto"], "https")


class Http2Tests(ExampleTestCase):
    """
    HTTP/2 to browsers, HTTP/1.1 to the daemon.
    """

    if not _knows_http2():
        skip = "curl is not installed, or knows no HTTP/2"

    def curl(self, body: Any, *more: str) -> list[str]:
        assert _CURL is not None
        return [
            *(_CURL, "--silent", "--no-buffer", "--http2", "--noproxy", "*"),
            *("--cacert", str(self.nginx.files.root)),
            *("--max-time", str(PATIENCE), "--data", json.dumps(body), *more),
            f"https://{self.host}/v1/chat/completions",
        ]

    def test_stream(self) -> None:
        """
        Events come as they are made, and the model sees the name with its port.
        """
        undisturbed(self.flows)
        command = self.curl(chat_body("m", simulator={"echo": True}))
        seen = dict(json.loads(subprocess.check_output(command))["headers"])
        self.assertEqual(seen["Host"], self.host)

    def flows(self) -> None:
        command = self.curl(
            chat_body("m", stream=True, max_tokens=12), "-w", "HTTP/%{http_version}"
        )
        times, last = [], b""
        with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
            assert client.stdout is not None
            for last in client.stdout:
                if last.startswith(b"data:"):
                    times.append(time.monotonic())
        self.assertEqual((client.returncode, last), (0, b"HTTP/2"))
        self.assertGreater(len(times), 12)
        self.assertGreater(times[-1] - times[0], 0.4)

    def test_cut(self) -> None:
        """
        A stream whose model is killed does not look whole.
        """
        command = self.curl(chat_body("m", stream=True, max_tokens=2000))
        with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
            assert client.stdout is not None
            while b"content" not in (line := client.stdout.readline()):
                self.assertTrue(line)
            (pid,) = self.behind.model_pids()
            os.kill(pid, signal.SIGKILL)
            client.stdout.read()
        self.assertNotEqual(client.returncode, 0)


class UnixSocketTests(ExampleTestCase):
    """
    With the daemon on a UNIX socket.
    """

    def begin(self, upstream: int | str) -> None:
        # The daemon begins to listen on one after the other.
        wait_for(lambda: listens(socket.AF_UNIX, self.socket), "it to listen there")
        super().begin(self.socket)

    def test_stream(self) -> None:
        """
        Events come as they are made.
        """
        undisturbed(self.flows)

    def flows(self) -> None:
        times = []
        for _ in events(self.chat(stream=True, max_tokens=12)):
            times.append(time.monotonic())
        self.assertGreater(times[-1] - times[0], 0.4)

    def test_client_address(self) -> None:
        """
        The model sees the client's address alone: nginx has none.
        """
        self.assertEqual(self.seen()["x-forwarded-for"], CLIENT)

    def test_cut(self) -> None:
        """
        A stream whose model is killed does not look whole.
        """
        response = self.chat(stream=True, max_tokens=2000)
        response.readline()
        (pid,) = self.behind.model_pids()
        os.kill(pid, signal.SIGKILL)
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            response.read()
