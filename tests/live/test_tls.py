"""
A real daemon over HTTPS.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
from collections.abc import Sequence

from tests.certificates import Chain

from .support import (
    PATIENCE,
    Daemon,
    LiveTestCase,
    Program,
    chat_body,
    events,
    simulator,
    twistd,
    undisturbed,
)

CONFIG = f"""
maxRequestBody: 1MiB
models:
  m: {{cmd: '{simulator("--load-time 0", "--tokens-per-second 200")}'}}
  fast: {{cmd: '{simulator("--load-time 0", "--tokens-per-second 1000000")}'}}
"""


class TlsTestCase(LiveTestCase):
    """
    A certificate.
    """

    def setUp(self) -> None:
        self.files = Chain(self.folder())

    def options(self) -> Sequence[str]:
        """
        With which it is served.
        """
        files = self.files
        return (f"--tls-cert-file={files.chain}", "-tls-key-file", str(files.key))


class HttpsTests(TlsTestCase):
    """
    What works over HTTP works over HTTPS.
    """

    def setUp(self) -> None:
        super().setUp()
        self.served = self.daemon(CONFIG, self.options())

    def connect(self, daemon: Daemon) -> ssl.SSLSocket:
        """
        A connection of a client that knows the authority alone.
        """
        context = ssl.create_default_context(cafile=str(self.files.root))
        plain = socket.create_connection(("127.0.0.1", daemon.port), PATIENCE)
        self.addCleanup(plain.close)
        # An end that TLS does not know of is none.
        secure = context.wrap_socket(
            plain, server_hostname="localhost", suppress_ragged_eofs=False
        )
        self.addCleanup(secure.close)
        return secure

    def post(self, body: bytes, length: int | None = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection("localhost", timeout=PATIENCE)
        connection.sock = self.connect(self.served)
        connection.putrequest("POST", "/v1/chat/completions")
        connection.putheader("Content-Length", str(length or len(body)))
        connection.endheaders(body)
        return connection.getresponse()

    def chat(self, tokens: int) -> http.client.HTTPResponse:
        body = chat_body("m", stream=True, max_tokens=tokens)
        return self.post(json.dumps(body).encode())

    def test_stream(self) -> None:
        """
        A client that knows the authority gets the one between from the chain, and
        a stream as it comes.
        """
        with self.chat(50) as response:
            seen = list(events(response))
        self.assertEqual(seen[-1], "[DONE]")
        self.assertGreater(len(seen), 50)

    def test_large_answer(self) -> None:
        """
        An answer that fills every buffer on its way comes whole.
        """
        body = chat_body("fast", max_tokens=300_000)
        with self.post(json.dumps(body).encode()) as response:
            data = response.read()
        self.assertEqual(response.status, 200)
        self.assertGreater(len(data), 1_000_000)
        json.loads(data)

    def test_refused_early(self) -> None:
        """
        A body that is too large is refused while it comes, and the client gets to
        the answer.
        """
        undisturbed(self.refused_early)

    def refused_early(self) -> None:
        try:
            self.assert_refused()
        except (OSError, http.client.HTTPException) as e:
            # Who stalls for longer than is lingered for is cut off, be it amid the
            # answer.
            raise AssertionError(f"no answer: {e!r}") from e

    def assert_refused(self) -> None:
        with self.post(b" " * 300_000, 30_000_000) as response:
            self.assertEqual(response.status, 413)
            self.assertIn("maxRequestBody", json.load(response)["error"]["message"])

    def test_cut(self) -> None:
        """
        A stream that breaks off is no whole one.
        """
        with self.chat(2000) as response:
            while b"content" not in (line := response.readline()):
                self.assertTrue(line)
            (pid,) = self.served.model_pids()
            os.kill(pid, signal.SIGKILL)
            with self.assertRaises(http.client.IncompleteRead):
                response.read()

    def test_cut_without_chunks(self) -> None:
        """
        Nor is it for a client of HTTP/1.0, which takes a clean end for a whole.
        """
        client = self.connect(self.served)
        body = json.dumps(chat_body("m", stream=True, max_tokens=2000)).encode()
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        while b"content" not in (piece := client.recv(10_000)):
            self.assertTrue(piece)
        (pid,) = self.served.model_pids()
        os.kill(pid, signal.SIGKILL)
        with self.assertRaises(OSError):
            while client.recv(10_000):
                pass

    def test_shutdown(self) -> None:
        """
        A stream ends whole when the daemon is asked to end.
        """
        with self.chat(200) as response:
            response.readline()
            self.served.process.terminate()
            seen = list(events(response))
        self.assertEqual(seen[-1], "[DONE]")
        self.assertEqual(self.served.wait(), 0, self.served.output)

    def test_no_tls(self) -> None:
        """
        A client that speaks plain HTTP disturbs nobody, and logs no traceback.
        """
        with socket.create_connection(("127.0.0.1", self.served.port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                while client.recv(1000):
                    pass
            except ConnectionError:
                pass
        self.test_stream()
        self.assertNotIn("Traceback", self.served.output + self.served.errors)


class MistakeTests(TlsTestCase):
    """
    What is wrong with a certificate is one line, and status 1.
    """

    def refused(self, *options: str) -> str:
        folder = self.folder()
        (folder / "config.yaml").write_text("models: {}\n")
        program = Program(
            [*twistd(), "--config", f"{folder}/config.yaml", *options], folder
        )
        self.addCleanup(program.end)
        self.assertEqual(program.wait(), 1)
        self.assertEqual(program.errors.count("\n"), 1, program.errors)
        return program.errors

    def test_refused(self) -> None:
        """
        One without the other, one that cannot be read, or does not fit.
        """
        files = self.files
        cert, key = f"--tls-cert-file={files.chain}", f"--tls-key-file={files.key}"
        for options, told in (
            ((cert,), "give both"),
            ((key,), "give both"),
            ((cert, "--tls-key-file=/nonexistent"), "/nonexistent: No such file"),
            ((cert, f"--tls-key-file={files.other_key}"), "is not the key of"),
        ):
            self.assertIn(told, self.refused("--listen", "127.0.0.1:0", *options))
