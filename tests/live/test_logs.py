"""
The logs of a real daemon: what is in them, where they go, and that nobody who reads
them, or writes much, harms others.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from h2.events import DataReceived, Event
from websockets.sync.client import connect

import tests

from .following import Follower, Stalled
from .support import (
    PATIENCE,
    LiveTestCase,
    Server,
    chat_body,
    free_ports,
    simulator,
    simulator_says,
    twistd,
    wait_for,
)
from .test_http2 import Http2TestCase, RawClient
from .test_streams import resident_megabytes
from .test_tls import TlsTestCase
from .test_upstream import sockets

CHAT = "/v1/chat/completions"

_FOLDER = Path(tests.__file__).parent.parent

#: What the talkative model writes, in bytes a second.
RATE = 2_000_000

#: Both run beside each other.
CONFIG = f"""
apiKeys: [s3cret]
models:
  m:
    cmd: {simulator("--load-time 0 --quiet")}
    concurrencyLimit: 100
  talker:
    cmd: {sys.executable} -m tests.live.talkative ${{PORT}} {RATE}
    env: ["PYTHONPATH={_FOLDER}"]
  ws: {sockets()}
groups: {{g: {{swap: false, members: [m, talker, ws]}}}}
"""

#: A model that writes where it is asked to.
QUIET = f"""
models:
  talker:
    cmd: {sys.executable} -m tests.live.talkative ${{PORT}} 0
    env: ["PYTHONPATH={_FOLDER}"]
"""

KEY = {"Authorization": "Bearer s3cret"}


def contains(mark: bytes, data: bytes) -> bool:
    """
    Whether something has come.
    """
    return mark in data


def access_lines(output: str) -> list[str]:
    """
    The lines of the access log.
    """
    return [line for line in output.splitlines() if "] Request " in line]


class AccessTests(LiveTestCase):
    """
    Every request leaves one line when it is over.
    """

    def setUp(self) -> None:
        self.server = self.daemon(CONFIG)
        self.asked = 0

    def lines(self, word: str) -> list[str]:
        """
        The lines that have a word, once there are any.
        """

        def found() -> list[str]:
            lines = access_lines(self.server.output)
            return [line for line in lines if word in line]

        wait_for(found, f"a line with {word}")
        # A second one would be there before that of the next request.
        self.asked += 1
        path = f"/next/{self.asked}"
        self.server.ask("GET", path)
        wait_for(lambda: f'"GET {path} ' in self.server.output, "the next line")
        return found()

    def test_lines(self) -> None:
        """
        An ordinary request, and those that are refused: one line each, without the
        query.
        """
        body = chat_body("m", max_tokens=1)
        for agent, path, headers, status in (
            ("fine", CHAT + "?key=s3cret", KEY, 200),
            ("keyless", CHAT, {}, 401),
            ("strange", "/nowhere", KEY, 404),
        ):
            answer = self.server.ask(
                "POST", path, body, {**headers, "User-Agent": agent}
            )
            self.assertEqual(answer.status, status)
            (line,) = self.lines(agent)
            place = re.escape(path.partition("?")[0])
            self.assertRegex(
                line,
                rf'^\[INFO\] Request 127\.0\.0\.1 "POST {place} HTTP/1\.1" {status} '
                rf'{len(answer.body)} "{agent}" [0-9.]+(ms|s)$',
            )
        self.assertNotIn("s3cret", self.server.output)

    def test_unlogged(self) -> None:
        """
        What machines ask all the time leaves no line.
        """
        for path in ("/wol-health", "/api/performance", "/metrics"):
            self.assertEqual(self.server.ask("GET", path, headers=KEY).status, 200)
        self.server.ask("GET", "/running", headers={**KEY, "User-Agent": "last"})
        self.lines("last")
        self.assertNotRegex(self.server.output, "wol-health|performance|metrics")

    def test_client_left(self) -> None:
        """
        A client that leaves before the answer has a line with 499; one that leaves
        amid a stream one with the stream's status; neither has two.
        """
        for agent, more, status in (
            ("early", {"simulator": {"hang": True}}, 499),
            (
                "late",
                {
                    "stream": True,
                    "max_tokens": 100_000,
                    "simulator": {"tokens_per_second": 50},
                },
                200,
            ),
        ):
            data = json.dumps(chat_body("m", **more)).encode()
            with socket.create_connection(("127.0.0.1", self.server.port)) as client:
                client.settimeout(PATIENCE)
                client.sendall(
                    f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\n"
                    f"Authorization: Bearer s3cret\r\nContent-Length: {len(data)}"
                    "\r\n\r\n".encode()
                    + data
                )
                if status == 200:
                    client.recv(1000)
                else:
                    wait_for(self.in_flight, "the request to reach the model")
            (line,) = self.lines(f'"{agent}"')
            self.assertIn(f' HTTP/1.1" {status} ', line)

    def in_flight(self) -> bool:
        """
        Whether the model has a request.
        """
        try:
            stats = simulator_says(self.server.start_port, "/simulator/stats")
        except OSError:
            return False
        return bool(stats["in_flight"])

    def test_tunnel(self) -> None:
        """
        A WebSocket has one line, when it has ended.
        """
        url = f"ws://127.0.0.1:{self.server.port}/upstream/ws/echo"
        with connect(
            url,
            proxy=None,
            open_timeout=PATIENCE,
            additional_headers=KEY,
            user_agent_header="sockets",
        ) as made:
            made.send("hello")
            self.assertEqual(made.recv(), "hello")
            self.assertNotIn("sockets", "".join(access_lines(self.server.output)))
        (line,) = self.lines('"sockets"')
        self.assertIn('"GET /upstream/ws/echo HTTP/1.1" 101 ', line)

    def test_hostile(self) -> None:
        """
        A client's program or path cannot forge a line, end its quotes, or move a
        terminal's cursor.
        """
        agent = b'x" 200 0 "\x1b[2J\x9b\x7f\xe2\x80\xae\xe2\x80\xa8\xff\\'
        with socket.create_connection(("127.0.0.1", self.server.port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(
                b"GET /%0d%0a[INFO]%1b HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: "
                b'9.9.9.9" \x1b[1m\tz, 1.1.1.1\r\nAuthorization: Bearer s3cret\r\n'
                b"Connection: close\r\nUser-Agent: " + agent + b"\r\n\r\n"
            )
            while client.recv(1000):
                pass
        wait_for(lambda: access_lines(self.server.output), "the line")
        for text in (
            self.server.output,
            self.server.ask("GET", "/logs", headers=KEY).body.decode(),
        ):
            self.assertNotRegex(text, "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e]")
            (line,) = access_lines(text)[:1]
            self.assertIn(r'"x\" 200 0 \"\x1b[2J', line)
            self.assertRegex(line, r'^\[INFO\] Request 9\.9\.9\.9\S+ "GET /%0d%0a')


class Http2Tests(Http2TestCase):
    """
    The same over HTTP/2.
    """

    def test_lines(self) -> None:
        """
        A stream of a connection has a line of its own.
        """
        headers = {"User-Agent": "second"}
        body = chat_body("m", max_tokens=1)
        response = self.client.post(CHAT, json=body, headers=headers)
        self.assertEqual(response.status_code, 200)
        found = wait_for(
            lambda: [
                line for line in access_lines(self.served.output) if "second" in line
            ],
            "the line",
        )
        (line,) = found
        self.assertRegex(line, rf'"POST {CHAT} HTTP/2(\.0)?" 200 ')


class Http2StalledTests(Http2TestCase):
    """
    Readers that do not read, beside other streams of their connection.
    """

    def setUp(self) -> None:
        TlsTestCase.setUp(self)
        self.served = self.daemon(QUIET, self.options())

    def test_last_words(self) -> None:
        """
        Some that stall while a model writes five megabytes hold up no other stream;
        once they read on, each gets one mark and the last words, once.
        """
        client = RawClient(self)
        texts: dict[int, bytes] = {}

        def read_on(event: Event) -> None:
            if isinstance(event, DataReceived):
                texts[event.stream_id] = texts.get(event.stream_id, b"") + event.data

        def ask(path: str) -> None:
            stream_id = client.ask("GET", path, None)

            def is_over(event: Event) -> bool:
                read_on(event)
                return stream_id in client.ended

            client.read_until(is_over)
            self.assertEqual(texts[stream_id], b"OK")

        ask("/upstream/talker/")
        paths = ("/logs/stream/talker", "/logs/stream/upstream", "/api/events")
        stalled = {client.ask("GET", path, None): path for path in paths}
        client.stalled.update(stalled)
        ask("/upstream/talker/last")
        ask("/upstream/talker/")
        for stream_id in stalled:
            client.stalled.remove(stream_id)
            client.h2.acknowledge_received_data(client.read[stream_id], stream_id)
            client.flush()

            def is_told(event: Event, stream_id: int = stream_id) -> bool:
                read_on(event)
                # Something of another stream may come first.
                return b"the end" in texts.get(stream_id, b"")

            client.read_until(is_told)
        marker = " bytes dropped —".encode()
        for stream_id, path in stalled.items():
            before, *after = texts[stream_id].split(marker)
            self.assertEqual((path, len(after)), (path, 1))
            size = int(before.rpartition("— ".encode())[2])
            self.assertGreater(size, 4_000_000)
            self.assertEqual(after[0].count(b"the end"), 1)
        self.assert_clean()


class _Twistd(Server):
    """
    A daemon with options of twistd's own.
    """

    def __init__(
        self,
        folder: Path,
        options: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_ports(1)
        config = folder / "config.yaml"
        config.write_text("models: {}\n")
        *command, plugin = twistd()
        super().__init__(
            [
                *command,
                *options,
                plugin,
                f"--config={config}",
                f"--listen=127.0.0.1:{self.port}",
            ],
            folder,
            environment,
        )


class PlaceTests(LiveTestCase):
    """
    Where the daemon's own lines go.
    """

    def served(
        self, options: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> _Twistd:
        """
        A daemon that has answered one request, and ended.
        """
        daemon = _Twistd(self.place, options, environment)
        self.addCleanup(daemon.end)
        daemon.wait_until_listening()
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port)
        connection.request("GET", "/health", headers={"User-Agent": "somebody"})
        self.assertEqual(connection.getresponse().read(), b"OK")
        connection.close()
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait()
        return daemon

    def setUp(self) -> None:
        self.place = self.folder()

    def test_standard_output(self) -> None:
        """
        By default they are on standard output, each once, and nothing is on standard
        error.
        """
        daemon = self.served([])
        self.assertEqual(daemon.output.count('"somebody"'), 1)
        self.assertEqual(daemon.output.count("listening on 127"), 1)
        self.assertEqual(daemon.errors, "")

    def test_log_file(self) -> None:
        """
        With ``--logfile`` they are in the file, each once, and nowhere else.
        """
        path = self.place / "some.log"
        daemon = self.served([f"--logfile={path}"])
        self.assertEqual(daemon.output + daemon.errors, "")
        text = path.read_text()
        self.assertEqual(text.count('"somebody"'), 1)
        self.assertEqual(text.count("listening on 127"), 1)

    def test_logger(self) -> None:
        """
        With ``--logger`` they go to the observer that it names, each once.
        """
        (self.place / "ours.py").write_text(
            "import os\n"
            "from twisted.logger import textFileLogObserver\n"
            "def observer():\n"
            "    return textFileLogObserver(open(os.environ['OURS'], 'w'))\n"
        )
        path = self.place / "observed"
        known = os.environ.get("PYTHONPATH", "")
        daemon = self.served(
            ["--logger=ours.observer"],
            {"PYTHONPATH": f"{self.place}:{known}", "OURS": str(path)},
        )
        self.assertEqual(daemon.output + daemon.errors, "")
        text = path.read_text()
        self.assertEqual(text.count('"somebody"'), 1)
        self.assertEqual(text.count("listening on 127"), 1)


class TalkativeTests(LiveTestCase):
    """
    A model that writes two megabytes a second, and readers that do not read.
    """

    def test_stalled_readers(self) -> None:
        """
        With five stalled readers of the log and five of the events, memory stays
        flat, other requests are as quick as before, and one who reads events is told
        of them; who reads on finds a mark where there is a gap.
        """
        server = self.daemon(CONFIG.replace("apiKeys: [s3cret]\n", ""))
        self.assertEqual(server.chat("m", max_tokens=1).status, 200)
        self.assertEqual(server.ask("GET", "/upstream/talker/").status, 200)
        logs = [Stalled(server, "/logs/stream/talker") for _ in range(5)]
        followers = [Stalled(server, "/api/events") for _ in range(5)]
        for one in (*logs, *followers):
            self.addCleanup(one.end)
        reader = Follower(server)
        self.addCleanup(reader.end)
        # What fills at once has filled.
        began = time.monotonic()
        wait_for(lambda: time.monotonic() > began + 3, "buffers to fill")
        before = resident_megabytes(server.pid)
        took: list[float] = []
        while time.monotonic() < began + 10 or len(took) <= 100:
            at = time.monotonic()
            self.assertEqual(server.chat("m", max_tokens=1).status, 200)
            took.append(time.monotonic() - at)
            self.assertLess(resident_megabytes(server.pid) - before, 15)
        asked = len(took)
        # All but two, in which a machine may have stalled.
        self.assertLess(sorted(took)[-3], 1.0)
        wait_for(lambda: len(reader.of("activity")) > asked // 2, "the rows")
        marks = {"log": b" bytes dropped \xe2\x80\x94\n", "event": b" bytes dropped "}
        for one, mark in ((logs[0], marks["log"]), (followers[0], marks["event"])):
            one.read_until(partial(contains, mark), "a mark")
        # What is lost is counted, and what is there is whole lines.
        text = bytes(logs[0].data)
        (size,) = re.findall(rb"(\d+) bytes dropped", text)[:1]
        self.assertGreater(int(size), RATE)
        self.assertNotIn("Traceback", server.output)

    def test_last_words(self) -> None:
        """
        Readers that stall while a model writes five megabytes get its last words, and
        a mark before them, once they read on.
        """
        server = self.daemon(QUIET)
        self.assertEqual(server.ask("GET", "/upstream/talker/").status, 200)
        reader = Follower(server)
        self.addCleanup(reader.end)
        reader.settled()
        paths = ("/logs/stream/talker", "/logs/stream/upstream", "/api/events")
        stalled = [Stalled(server, path) for path in paths]
        for one in stalled:
            self.addCleanup(one.end)
        # Each is there before the model begins.
        for one in stalled:
            one.read_until(partial(contains, b"200 OK"), "the head")
        self.assertEqual(server.ask("GET", "/upstream/talker/last").status, 200)
        wait_for(lambda: "the end\n" in reader.log("upstream"), "the last words")
        for one in stalled:
            one.read_until(partial(contains, b"the end"), "the last words")
            before, mark, after = bytes(one.data).partition(" bytes dropped —".encode())
            self.assertTrue(mark)
            size = int(before.rpartition("— ".encode())[2])
            self.assertGreater(size, 500_000)
            self.assertLess(len(after), 150_000)
            # The marker is where the gap is: it is followed by the newest.
            self.assertIn(b"the end", after)
            self.assertNotIn(b"dropped", after)
