"""
Clients that mean no good, and what others notice of them: nothing.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import tests

from .hostile_corpus import CORPUS, MAX_BODY, MAX_HEAD, Hostile
from .hostile_corpus import Answer as Expected
from .support import PATIENCE, LiveTestCase, chat_body, simulator

_FOLDER = Path(tests.__file__).parent.parent

CONFIG = f"""
maxRequestBody: {MAX_BODY}
server: {{maxHeaderBytes: {MAX_HEAD}}}
matrix:
  vars: {{a: m, b: odd}}
  sets: {{all: a & b}}
models:
  m:
    cmd: {simulator("--load-time 0")}
    concurrencyLimit: 20
  odd:
    cmd: {sys.executable} -m tests.live.odd ${{PORT}}
    env: ["PYTHONPATH={_FOLDER}"]
"""

#: A well-formed request, in between.
_GOOD = b"GET /wol-health HTTP/1.1\r\nHost: h\r\n\r\n"


class Client:
    """
    A client's bare connection.

    :param port: the daemon's.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._data = b""

    def send(self, data: bytes) -> None:
        """
        Send; a server that does not want all of it may close meanwhile.
        """
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def end(self) -> None:
        """
        Send no more; a server that has answered may have closed meanwhile.
        """
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def read(self, bodiless: bool = False) -> tuple[int, dict[str, str], bytes]:
        """
        Read a response.

        :param bodiless: whether it has no body, whatever its length says.
        :returns: its status, its headers by their names in lower case, its body.
        """
        head = self._until(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.partition(": ") for line in lines[:-2]]
        headers = {name.lower(): value for name, _, value in pairs}
        status = int(first.split()[1])
        body = b""
        if bodiless or status < 200:
            return status, headers, body
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self._until(b"\r\n"), 16):
                body += self._take(size)
                self._take(2)
            self._until(b"\r\n")
        else:
            body = self._take(int(headers.get("content-length", "0")))
        return status, headers, body

    def rest(self) -> bytes:
        """
        All that comes until the server ends the connection.
        """
        while self._more():
            pass
        return self._data

    def close(self) -> None:
        """
        Leave.
        """
        self.socket.close()

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self._data += data
        return bool(data)

    def _until(self, end: bytes) -> bytes:
        while end not in self._data:
            if not self._more():
                raise AssertionError(f"ended after {self._data!r}")
        size = self._data.index(end) + len(end)
        return self._take(size)

    def _take(self, size: int) -> bytes:
        while len(self._data) < size:
            if not self._more():
                raise AssertionError(f"ended after {self._data!r}")
        taken, self._data = self._data[:size], self._data[size:]
        return taken


class CorpusTests(LiveTestCase):
    """
    Each request of the corpus is answered as it should be, and nobody else notices.
    """

    def setUp(self) -> None:
        self.running = self.daemon(CONFIG)
        self.assertEqual(self.running.chat("m", max_tokens=1).status, 200)
        self.assertEqual(self.running.ask("GET", "/upstream/odd/").status, 200)
        self.neighbour = self.client()
        self.stream = self.client()
        body = json.dumps(
            chat_body(
                "m",
                stream=True,
                max_tokens=1_000_000,
                simulator={"tokens_per_second": 100},
            )
        ).encode()
        self.stream.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )

    def client(self) -> Client:
        """
        A new connection.
        """
        made = Client(self.running.port)
        self.addCleanup(made.close)
        return made

    def check(self, entry: Hostile) -> None:
        """
        Send what is hostile, and see what comes.
        """
        client = self.client()
        for piece in entry.sent:
            client.send(piece)
        if entry.ends:
            client.end()
        for expected in entry.answers:
            self.check_answer(client, expected)
        if entry.is_open:
            # Nothing is left of it that would be taken for a request.
            client.send(_GOOD)
            self.assertEqual(client.read()[::2], (200, b"OK"))
        else:
            self.assertEqual(client.rest(), b"")
        client.close()

    def check_answer(self, client: Client, expected: Expected) -> None:
        """
        Read a response, and compare.
        """
        status, headers, body = client.read(expected.bodiless)
        self.assertEqual(status, expected.status, body)
        for name, value in expected.headers.items():
            self.assertEqual((name, headers.get(name)), (name, value))
        if status >= 200:
            self.assertIn("date", headers)
        if expected.code is not None:
            answered = json.loads(body)
            self.assertEqual(answered["src"], "llama-swap")
            self.assertEqual(answered["error"]["code"], expected.code)
            self.assertLess(len(body), 2000)
        self.assertIn(expected.says, body)

    def check_others(self) -> None:
        """
        A connection that was open all the time is answered, and a stream flows on.
        """
        self.neighbour.send(_GOOD)
        self.assertEqual(self.neighbour.read()[::2], (200, b"OK"))
        self.stream.socket.setblocking(False)
        try:
            # What has come by now, and then more.
            while len(self.stream.socket.recv(1 << 20)) == 1 << 20:
                pass
        except BlockingIOError:
            pass
        finally:
            self.stream.socket.settimeout(PATIENCE)
        # It may be the head alone that comes next, or a piece of what comes.
        came = b""
        while b"data: " not in came:
            piece = self.stream.socket.recv(65536)
            self.assertTrue(piece, "the stream has ended")
            came += piece

    def play(self, group: str) -> None:
        """
        Go through a part of the corpus.
        """
        failures = []
        for entry in CORPUS[group]:
            try:
                self.check(entry)
            except (AssertionError, TimeoutError) as e:
                failures.append(f"{entry.name}: {e!r}")
            self.check_others()
        self.assertEqual("\n".join(failures), "")
        self.assertNotIn("Traceback", self.running.output + self.running.errors)

    def test_heads(self) -> None:
        """
        Heads that are too large or are none.
        """
        self.play("heads")

    def test_versions(self) -> None:
        """
        Versions and offers of other protocols.
        """
        self.play("versions")

    def test_methods(self) -> None:
        """
        Methods, and bodies where there should be none.
        """
        self.play("methods")

    def test_hosts(self) -> None:
        """
        ``Host``, and URLs in its place.
        """
        self.play("hosts")

    def test_targets(self) -> None:
        """
        Paths and queries.
        """
        self.play("targets")

    def test_lengths(self) -> None:
        """
        Where a body ends.
        """
        self.play("lengths")

    def test_chunks(self) -> None:
        """
        Bodies in chunks.
        """
        self.play("chunks")

    def test_expect(self) -> None:
        """
        What a client waits for before it sends its body.
        """
        self.play("expect")

    def test_pipelines(self) -> None:
        """
        Requests behind one another.
        """
        self.play("pipelines")

    def test_json(self) -> None:
        """
        Documents.
        """
        self.play("json")

    def test_forms(self) -> None:
        """
        Forms.
        """
        self.play("forms")

    def test_upstream(self) -> None:
        """
        What a model sends beside its answer.
        """
        self.play("upstream")
