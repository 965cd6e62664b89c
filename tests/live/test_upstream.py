"""
What goes straight to a model through the daemon: paths and WebSockets, with a real
client, between real sockets.
"""

from __future__ import annotations

import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import tests
from tests.certificates import Chain

from .support import PATIENCE, LiveTestCase, simulator, simulator_says, wait_for
from .test_streams import MEGABYTE, resident_megabytes

_FOLDER = Path(tests.__file__).parent.parent


def sockets(*flags: str, more: str = "") -> str:
    """
    A model that is a server of WebSockets, as the configuration has it.

    :param flags: of its command line.
    :param more: keys, each with a comma before it.
    """
    command = " ".join([sys.executable, "-m tests.live.sockets ${PORT}", *flags])
    return f'{{cmd: "{command}", env: ["PYTHONPATH={_FOLDER}"]{more}}}\n'


MODELS = f"""
models:
  org/ws: {sockets()}
  brief: {sockets(more=", ttl: 1")}
  comfyui_auto: {sockets()}
  half: {sockets("half")}
  m: {{cmd: "{simulator("--load-time 0")}"}}
"""


class UpstreamTestCase(LiveTestCase):
    """
    A daemon with models that speak WebSocket.
    """

    def setUp(self) -> None:
        self.running = self.daemon(MODELS)

    def connect(self, path: str, port: int = 0, **more: Any) -> ClientConnection:
        """
        A WebSocket.

        :param port: where to, if not to the daemon itself.
        """
        made = connect(
            f"ws://127.0.0.1:{port or self.running.port}{path}",
            proxy=None,
            open_timeout=PATIENCE,
            max_size=None,
            **more,
        )
        self.addCleanup(made.close)
        return cast(ClientConnection, made)

    def refused(self, path: str) -> tuple[int, str]:
        """
        Status and body of the answer to a WebSocket's request.
        """
        with self.assertRaises(InvalidStatus) as caught:
            self.connect(path)
        response = caught.exception.response
        return response.status_code, (response.body or b"").decode()

    def seen(self, model: str = "org/ws") -> Any:
        """
        What a server of WebSockets has seen.
        """
        return self.running.ask("GET", f"/upstream/{model}/seen").json


class PathTests(UpstreamTestCase):
    """
    Requests as they come.
    """

    def test_any_method(self) -> None:
        """
        Method, path, query and body reach the model byte for byte, which is loaded
        for that.
        """
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with self.subTest(method=method):
                answer = self.running.ask(
                    method,
                    "/upstream/m/v1/a%2Fb%20c/%c3%a9?x=%2F&y",
                    b'{"model": "whatever",  "n": 1e2}',
                    {"X-Simulator": '{"echo": true}'},
                )
                self.assertEqual(answer.status, 200, answer.body)
                self.assertEqual(answer.json["method"], method)
                self.assertEqual(answer.json["path"], "/v1/a%2Fb%20c/%c3%a9?x=%2F&y")
                self.assertEqual(answer.json["body"]["length"], 32)

    def test_slash_in_id(self) -> None:
        """
        An id with a slash is found as it is and percent-encoded.
        """
        for name in ("org/ws", "org%2Fws", "org%2fws"):
            answer = self.running.ask("GET", f"/upstream/{name}/tea%2Fpot")
            self.assertEqual(answer.status, 418)
            self.assertEqual(answer.body, b"/tea%2Fpot\n")

    def test_load_button(self) -> None:
        """
        A redirect to the slash loads nothing; what it leads to does, and a file of
        its page alone does not.
        """
        answer = self.running.ask("GET", "/upstream/m?a=b")
        self.assertEqual(answer.status, 301)
        self.assertEqual(answer.headers["Location"], "/upstream/m/?a=b")
        answer = self.running.ask("GET", "/upstream/m/favicon.ico")
        self.assertEqual(answer.status, 409)
        self.assertEqual(self.running.running(), {})
        self.running.ask("GET", "/upstream/m/")
        self.assertEqual(self.running.running(), {"m": "ready"})
        self.assertNotEqual(
            self.running.ask("GET", "/upstream/m/favicon.ico").status, 409
        )

    def test_comfyui(self) -> None:
        """
        Only the root of ComfyUI loads it, and no WebSocket does.
        """
        self.assertEqual(self.running.ask("GET", "/comfyui/queue").status, 409)
        self.assertEqual(self.refused("/comfyui/echo")[0], 409)
        self.assertEqual(self.running.running(), {})
        self.assertEqual(self.running.ask("GET", "/comfyui/").status, 418)
        self.assertEqual(self.running.ask("GET", "/comfyui/queue").body, b"/queue\n")
        with self.connect("/comfyui/echo") as made:
            made.send("hello")
            self.assertEqual(made.recv(), "hello")


class WebSocketTests(UpstreamTestCase):
    """
    The tunnel.
    """

    def test_both_ways(self) -> None:
        """
        A WebSocket loads its model, and messages of any size go both ways.
        """
        with self.connect("/upstream/org/ws/echo?a=%2F") as made:
            for message in ("hello", b"\0\xff" * MEGABYTE, "é"):
                made.send(message)
                self.assertEqual(made.recv(), message)
            seen = self.seen()
        self.assertEqual(seen["paths"], ["/echo?a=%2F"])
        self.assertEqual(seen["headers"]["upgrade"], "websocket")
        self.assertEqual(seen["headers"]["host"], f"127.0.0.1:{self.running.port}")
        self.assertEqual(made.close_code, 1000)
        wait_for(lambda: self.seen()["open"] == 0, "the model to see its end")

    def test_not_switched(self) -> None:
        """
        The answer of a model that does not switch is relayed as any other.
        """
        self.assertEqual(self.refused("/upstream/org/ws/teapot"), (418, "/teapot\n"))

    def test_stalled_reader(self) -> None:
        """
        A client that does not read costs no memory; when it leaves, the model is
        told.
        """
        made = self.connect("/upstream/org/ws/flood", max_queue=1)
        made.recv()
        before = resident_megabytes(self.running.pid)
        flooded: list[int] = []

        def rests() -> bool:
            time.sleep(0.05)
            self.assertLess(resident_megabytes(self.running.pid) - before, 5)
            flooded.append(self.seen()["flooded"])
            return len(flooded) > 20 and len(set(flooded[-20:])) == 1

        # All that it could send fits into buffers.
        wait_for(rests, "the model to be at rest")
        made.socket.close()
        wait_for(lambda: self.seen()["open"] == 0, "the model to notice")

    def test_half_close(self) -> None:
        """
        The end of what the client sends is passed on alone: the answer to it still
        comes.
        """
        with socket.create_connection(("127.0.0.1", self.running.port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(
                b"GET /upstream/half/x HTTP/1.1\r\nHost: h\r\n"
                b"Connection: keep-alive, UPGRADE\r\nUpgrade: WebSocket\r\n\r\n"
                # Before the answer: it waits for the model.
                b"early"
            )
            received = b""
            while b"\r\n\r\n" not in received:
                piece = client.recv(1000)
                self.assertTrue(piece, received)
                received += piece
            self.assertTrue(received.startswith(b"HTTP/1.1 101 "), received)
            client.sendall(b"x" * MEGABYTE)
            client.shutdown(socket.SHUT_WR)
            answer = received.partition(b"\r\n\r\n")[2]
            while piece := client.recv(1000):
                answer += piece
        self.assertEqual(answer, b"%d bytes came" % (MEGABYTE + 5))

    def test_stalled_model(self) -> None:
        """
        A model that does not read costs no memory either, and the client has to wait
        for it.
        """
        before = resident_megabytes(self.running.pid)
        with socket.create_connection(("127.0.0.1", self.running.port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(
                b"GET /upstream/half/slow HTTP/1.1\r\nHost: h\r\n"
                b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
            )
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = client.recv(1)
                self.assertTrue(piece, head)
                head += piece
            client.settimeout(0.5)
            sent = 0
            with self.assertRaises(TimeoutError):
                while sent < 100 * MEGABYTE:
                    sent += client.send(b"x" * 65536)
            self.assertLess(resident_megabytes(self.running.pid) - before, 5)
            self.let_go()
            client.settimeout(PATIENCE)
            client.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(partial(client.recv, 1000), b""))
        self.assertEqual(answer, b"%d bytes came" % sent)

    def let_go(self) -> None:
        """
        Have the server that rests go on; its id is the third of five.
        """
        port = self.running.start_port + 2
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /go HTTP/1.1\r\n\r\n")
            client.settimeout(PATIENCE)
            self.assertEqual(client.recv(1000), b"")

    def test_dead_model(self) -> None:
        """
        When the model's process dies, so does the WebSocket.
        """
        with self.connect("/upstream/org/ws/echo") as made:
            self.running.ask("POST", "/api/models/unload/org/ws")
            with self.assertRaises(ConnectionClosed):
                made.recv(timeout=PATIENCE)

    def test_counted(self) -> None:
        """
        As long as one is open its model is not stopped: neither by its TTL nor for
        another model, which waits.
        """
        with self.connect("/upstream/brief/echo") as made:
            time.sleep(1.5)
            self.assertEqual(self.running.running(), {"brief": "ready"})
            with self.waiting_for_another():
                made.send("still there?")
                self.assertEqual(made.recv(), "still there?")
                made.close()
        wait_for(lambda: self.running.running() == {"m": "ready"}, "the other model")
        with self.connect("/upstream/brief/echo"):
            pass
        wait_for(lambda: self.running.running() == {}, "the TTL")

    def test_ignored(self) -> None:
        """
        With ``ignoreWebsockets`` it does not keep its model from being stopped.
        """
        self.running.ask("GET", "/comfyui/")
        with self.connect("/comfyui/echo") as made:
            with self.waiting_for_another():
                pass
            self.assertEqual(self.running.running(), {"m": "ready"})
            with self.assertRaises(ConnectionClosed):
                made.recv(timeout=PATIENCE)

    def test_shutdown(self) -> None:
        """
        One that nobody counts does not hold up a shutdown.
        """
        self.running.ask("GET", "/comfyui/")
        with self.connect("/comfyui/echo") as made:
            began = time.monotonic()
            self.running.process.terminate()
            self.assertEqual(self.running.wait(), 0)
            self.assertLess(time.monotonic() - began, 15)
            with self.assertRaises(ConnectionClosed):
                made.recv(timeout=PATIENCE)

    @contextmanager
    def waiting_for_another(self) -> Iterator[None]:
        """
        Another model is asked for; at the end of the block, it answers.
        """
        with socket.create_connection(("127.0.0.1", self.running.port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(b"GET /upstream/m/v1/models HTTP/1.1\r\nHost: h\r\n\r\n")
            time.sleep(0.3)
            yield
            self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 200 "))


class HttpsTests(UpstreamTestCase):
    """
    Over TLS.
    """

    def setUp(self) -> None:
        self.files = Chain(self.folder())
        options = (
            f"--tls-cert-file={self.files.chain}",
            f"--tls-key-file={self.files.key}",
        )
        self.running = self.daemon(MODELS, options)

    def test_websocket(self) -> None:
        """
        A WebSocket goes through TLS, and its end too.
        """
        context = ssl.create_default_context(cafile=str(self.files.root))
        plain = socket.create_connection(("127.0.0.1", self.running.port), 60)
        self.addCleanup(plain.close)
        url = "wss://localhost/upstream/org/ws/echo"
        with connect(url, sock=plain, ssl=context, max_size=None, proxy=None) as made:
            made.send(b"x" * MEGABYTE)
            self.assertEqual(made.recv(), b"x" * MEGABYTE)
        self.assertEqual(self.asked_itself()["headers"]["x-forwarded-proto"], "https")
        wait_for(lambda: self.asked_itself()["open"] == 0, "the model to see its end")

    def asked_itself(self) -> Any:
        """
        What the server of WebSockets has seen; its id is the last of five.
        """
        return simulator_says(self.running.start_port + 4, "/seen")
