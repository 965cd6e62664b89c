"""
What a real daemon keeps of the requests that it was sent: rows, statistics, captures,
and what becomes of them when the daemon or the disk fails.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import statistics
import sys
import threading
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from .support import (
    PATIENCE,
    Answer,
    Daemon,
    LiveTestCase,
    Program,
    chat_body,
    free_ports,
    simulator,
    simulator_says,
    wait_for,
)
from .test_reload import ReloadTestCase

CHAT = "/v1/chat/completions"

KEY = {"Authorization": "Bearer s3cret"}

SLOW = {"tokens_per_second": 50}

#: All run beside each other.
CONFIG = f"""
apiKeys: [s3cret]
ui: {{activity: {{session_id: [X-Session-ID, X-Other]}}}}
captureBuffer: 1
models:
  org/m:
    cmd: {simulator("--model m --load-time 0.2")}
    aliases: [ally]
    concurrencyLimit: 100
  narrow:
    cmd: {simulator("--model narrow --load-time 0")}
    concurrencyLimit: 1
  broken:
    cmd: {simulator("--load-time 0 --fail-start 'out of memory'")}
selectors:
  auto: {{strategy: warm, targets: [org/m]}}
groups: {{g: {{swap: false, members: [org/m, narrow, broken]}}}}
routing: {{scheduler: {{settings: {{fifo: {{priority: {{org/m: 7}}}}}}}}}}
"""


def rows_of(daemon: Daemon, query: str = "", count: int = 0) -> list[dict[str, Any]]:
    """
    The rows of a daemon, the newest first.

    :param count: how many are waited for: one that a busy machine takes long to write
        is not waited for by the daemon.
    """
    path = f"/api/metrics/activity?limit=999{query}"
    found: list[dict[str, Any]] = []

    def are_there() -> bool:
        answer = daemon.ask("GET", path, headers=KEY)
        assert answer.status == 200, answer.body
        found[:] = answer.json["data"]
        return len(found) >= count

    wait_for(are_there, f"{count} rows")
    return found


class ActivityTestCase(LiveTestCase):
    """
    A daemon with some models.
    """

    def setUp(self) -> None:
        self.server = self.daemon(CONFIG)

    def ask(
        self,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Answer:
        """
        Ask with a key.
        """
        return self.server.ask(method, path, body, {**KEY, **(headers or {})})

    def chat(self, model: str, **more: Any) -> Answer:
        """
        Chat with a key.
        """
        return self.ask(CHAT, chat_body(model, **more))

    def one_row(self, query: str = "") -> dict[str, Any]:
        """
        The row of the only request so far.
        """
        row: dict[str, Any]
        (row,) = wait_for(lambda: rows_of(self.server, query), "a row")
        return row

    def sent(self, body: Any) -> socket.socket:
        """
        A client that has asked for a chat, and has read nothing yet.
        """
        data = json.dumps(body).encode()
        client = socket.create_connection(("127.0.0.1", self.server.port))
        self.addCleanup(client.close)
        client.settimeout(PATIENCE)
        client.sendall(
            f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        return client

    def streaming(self, model: str) -> socket.socket:
        """
        A client in the midst of a stream.
        """
        client = self.sent(
            chat_body(model, stream=True, max_tokens=100_000, simulator=SLOW)
        )
        self.assertTrue(client.recv(10_000).startswith(b"HTTP/1.1 200 "))
        return client


class DoneTests(ActivityTestCase):
    """
    Requests that were answered.
    """

    def test_dialects(self) -> None:
        """
        Whatever the endpoint, its row has the path as it went up, the model's id, and
        the tokens that its answer told.
        """
        prompt = {"model": "ally", "max_tokens": 5}
        chat = chat_body("ally", max_tokens=5)
        usage = {"stream_options": {"include_usage": True}}
        asked = (
            (CHAT, chat, CHAT, 5),
            (CHAT, {**chat, "stream": True}, CHAT, 5),
            (CHAT, {**chat, "stream": True, **usage}, CHAT, 5),
            ("/v1/completions", {**prompt, "prompt": "x"}, "/v1/completions", 5),
            ("/v1/messages", chat, "/v1/messages", 5),
            ("/v1/messages", {**chat, "stream": True}, "/v1/messages", 5),
            ("/v1/responses", {**prompt, "input": "x"}, "/v1/responses", None),
            (
                "/v1/responses",
                {**prompt, "input": "x", "stream": True},
                "/v1/responses",
                None,
            ),
            ("/v1/embeddings", {"model": "ally", "input": "x"}, "/v1/embeddings", 0),
            (
                "/infill",
                {"model": "ally", "input_prefix": "a b", "n_predict": 5},
                "/infill",
                5,
            ),
            (f"/upstream/ally{CHAT}", chat, CHAT, 5),
            (f"/upstream/org%2Fm{CHAT}?a=b", {**chat, "stream": True}, CHAT, 5),
        )
        for number, (path, body, up, output) in enumerate(asked, 1):
            with self.subTest(path=path, body=body):
                answer = self.ask(path, body)
                self.assertEqual(answer.status, 200, answer.body)
                row = rows_of(self.server, count=number)[0]
                self.assertEqual(row["model"], "org/m")
                self.assertEqual(row["req_path"], up)
                self.assertEqual(row["resp_status_code"], 200)
                self.assertEqual(row["error_msg"], "")
                media = row["resp_content_type"].partition(";")[0]
                streams = bool(body.get("stream"))
                self.assertEqual(
                    media, "text/event-stream" if streams else "application/json"
                )
                tokens = row["tokens"]
                self.assertGreater(tokens["input_tokens"], 0)
                if output is None:
                    self.assertGreater(tokens["output_tokens"], 0)
                else:
                    self.assertEqual(tokens["output_tokens"], output)
                self.assertIn("ttft_ms", row["metadata"])
        self.assertEqual(len(rows_of(self.server)), 12)

    def test_metadata(self) -> None:
        """
        A row tells how its model was chosen, how long it waited and loaded, and whose
        session it was; all of it in texts.
        """
        headers = {"X-Other": "second", "X-Session-ID": "first"}
        self.assertEqual(self.ask(CHAT, chat_body("auto"), headers).status, 200)
        row = self.one_row()
        metadata = row["metadata"]
        self.assertEqual(row["model"], "org/m")
        self.assertEqual(metadata["selector"], "auto")
        self.assertEqual(metadata["fifo_priority"], "7")
        self.assertEqual(metadata["session_id"], "first")
        self.assertGreaterEqual(int(metadata["load_ms"]), 200)
        self.assertGreaterEqual(int(metadata["queue_ms"]), 200)
        self.assertGreaterEqual(int(metadata["ttft_ms"]), int(metadata["load_ms"]))
        self.assertGreaterEqual(row["duration_ms"], int(metadata["ttft_ms"]))

    def test_statistics(self) -> None:
        """
        The statistics add up the rows, of all models or of one.
        """
        for model, count in (("ally", 3), ("narrow", 1), ("nobody", 1)):
            for _ in range(count):
                self.chat(model, max_tokens=4, simulator={"tokens_per_second": 1000})

        rows_of(self.server, count=5)

        def stats(query: str) -> Any:
            return self.ask(f"/api/metrics/stats{query}", method="GET").json

        everything = stats("")
        self.assertEqual(everything["total_requests"], 5)
        self.assertEqual(everything["total_output_tokens"], 16)
        mine = stats("?model=org/m")
        self.assertEqual((mine["total_requests"], mine["total_output_tokens"]), (3, 12))
        self.assertEqual(sum(mine["gen_histogram"]["bins"]), 3)
        self.assertEqual(stats("?model=org/m&model=narrow")["total_requests"], 4)
        self.assertIsNone(stats("?model=nobody")["gen_histogram"])

    def test_peer(self) -> None:
        """
        A request to a peer's model has the name that it was asked for by.
        """
        port = free_ports(1)
        far = Program(
            [sys.executable, "-m", "llamaswap_tw.simulator", "--port", str(port)],
            self.folder(),
        )
        self.addCleanup(far.end)
        wait_for(lambda: "model loaded" in far.output, "the peer")
        daemon = self.daemon(
            f"peers: {{far: {{proxy: 'http://127.0.0.1:{port}', models: [sim]}}}}\n"
            f"models: {{m: {{cmd: '{simulator()}'}}}}\n"
        )
        for number, name in enumerate(("sim", "far/sim"), 1):
            self.assertEqual(daemon.chat(name, max_tokens=3).status, 200)
            row = rows_of(daemon, count=number)[0]
            self.assertEqual((row["model"], row["req_path"]), (name, CHAT))
            self.assertEqual(row["tokens"]["output_tokens"], 3)


class EndingTests(ActivityTestCase):
    """
    Requests that ended in another way: each leaves one row.
    """

    def test_refused(self) -> None:
        """
        429 and unknown models leave rows, with what was told.
        """
        self.assertEqual(self.chat("nobody").status, 404)
        row = self.one_row()
        self.assertEqual((row["model"], row["resp_status_code"]), ("nobody", 404))
        self.assertIn("nobody", row["error_msg"])
        self.assertEqual(set(row["tokens"].values()), {0})
        self.assertEqual(row["resp_content_type"], "application/json")
        self.assertEqual(self.ask(f"/upstream/nobody{CHAT}", {}).status, 404)
        rows = rows_of(self.server, "&model=nobody", 2)
        self.assertEqual([row["req_path"] for row in rows], [CHAT, CHAT])
        first = self.streaming("narrow")
        self.assertEqual(self.chat("narrow").status, 429)
        row = self.one_row("&model=narrow")
        self.assertEqual(row["resp_status_code"], 429)
        self.assertIn("narrow", row["error_msg"])
        first.close()

    def test_no_row(self) -> None:
        """
        Without a key, without a model's name, and where it is not a POST, there is no
        row.
        """
        self.assertEqual(self.server.chat("org/m").status, 401)
        self.assertEqual(self.ask(CHAT, {"messages": []}).status, 404)
        self.assertEqual(self.ask(CHAT, b"{").status, 400)
        self.assertEqual(self.ask(f"/upstream/auto{CHAT}", {}).status, 404)
        self.assertEqual(
            self.ask("/upstream/org/m/v1/models", method="GET").status, 200
        )
        self.assertEqual(self.ask(CHAT, method="GET").status, 405)
        self.assertEqual(rows_of(self.server), [])

    def test_client_gone_before(self) -> None:
        """
        A client that leaves before there is an answer leaves a 499.
        """
        self.assertEqual(self.chat("org/m", max_tokens=1).status, 200)
        client = self.sent(chat_body("org/m", simulator={"hang": True}))
        # Ports go by the ids.
        port = self.server.start_port + 2
        wait_for(
            lambda: simulator_says(port, "/simulator/stats")["in_flight"] == 1,
            "the request to reach the model",
        )
        client.close()
        row = wait_for(lambda: rows_of(self.server)[:-1], "the row")[0]
        self.assertEqual(row["resp_status_code"], 499)
        self.assertIn("client left", row["error_msg"])

    def test_client_gone_amid(self) -> None:
        """
        One that leaves in the midst of a stream leaves what had come by then.
        """
        client = self.streaming("org/m")
        client.recv(1000)
        client.close()
        row = self.one_row()
        self.assertEqual(row["resp_status_code"], 200)
        self.assertIn("client left before its end", row["error_msg"])

    def test_model_killed(self) -> None:
        """
        A model that dies in the midst of its answer is to blame in the row.
        """
        client = self.streaming("org/m")
        (pid,) = self.server.model_pids()
        os.kill(pid, signal.SIGKILL)
        while client.recv(10_000):
            pass
        row = self.one_row()
        self.assertEqual(row["resp_status_code"], 200)
        self.assertIn("broke off", row["error_msg"])

    def test_load_failed(self) -> None:
        """
        A model that does not start leaves the reason.
        """
        self.assertEqual(self.chat("broken").status, 502)
        row = self.one_row()
        self.assertEqual((row["model"], row["resp_status_code"]), ("broken", 502))
        self.assertIn("out of memory", row["error_msg"])

    def test_cancelled(self) -> None:
        """
        One that an operator ends says so.
        """
        self.assertEqual(self.chat("org/m", max_tokens=1).status, 200)
        answers: list[Answer] = []
        body = {"delay_head": 60}
        thread = threading.Thread(
            target=lambda: answers.append(self.chat("org/m", simulator=body))
        )
        thread.start()
        # The second request of this daemon's life.
        cancel = "/api/inflight/2/cancel"
        wait_for(lambda: self.ask(cancel).status == 200, "the request to be there")
        thread.join(PATIENCE)
        self.assertEqual(answers[0].status, 499)
        row = rows_of(self.server, count=2)[0]
        self.assertEqual(row["resp_status_code"], 499)
        self.assertIn("cancelled", row["error_msg"])

    def test_model_refuses(self) -> None:
        """
        An error of the model's own leaves its status and its message.
        """
        self.assertEqual(self.chat("org/m", simulator={"status": 507}).status, 507)
        row = self.one_row()
        self.assertEqual(row["resp_status_code"], 507)
        self.assertEqual(row["error_msg"], "status 507 was asked for")

    def test_hostile_queries(self) -> None:
        """
        No parameter is a mistake of ours: each is answered with 200, 400 or 404.
        """
        self.chat("nobody")
        huge = "9" * 400
        values = ("", "0", "-1", huge, "1e3", "%00", "%ff", "'", "x" * 5000, "%D9%A1")
        for path, names in (
            (
                "/api/metrics/activity",
                "model start end min_id max_id limit page sort order",
            ),
            ("/api/metrics/stats", "model limit"),
            ("/api/performance", "after"),
            ("/api/timeline", "since"),
            ("/api/settings", "x"),
            ("/api/hardware", "x"),
            ("/metrics", "name[]"),
        ):
            for name in names.split():
                for value in values:
                    query = f"{path}?{name}={value}"
                    answer = self.ask(query, method="GET")
                    self.assertIn(answer.status, (200, 400), query)
        times = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "2026-13-01T00:00:00Z")
        for at in times:
            for query in (
                f"/api/metrics/activity?start={at}&end={at}",
                f"/api/performance?after={at}",
                f"/api/timeline?since={at}",
            ):
                answer = self.ask(query, method="GET")
                self.assertIn(answer.status, (200, 400), query)
        for name in ("", *values, "-9223372036854775809", "1/2", "%2e%2e%2fx"):
            for path in (f"/api/captures/{name}", f"/api/models/{name}"):
                answer = self.ask(path, method="GET")
                self.assertIn(answer.status, (400, 404), path)
        self.assertNotIn("Traceback", self.server.output)


class CaptureTests(ActivityTestCase):
    """
    Requests and responses as they were.
    """

    def capture(self, row_id: int) -> Any:
        answer = self.ask(f"/api/captures/{row_id}", method="GET")
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def test_kept(self) -> None:
        """
        What went up and came back is there, byte for byte, and no secret is.
        """
        sent = b'{"model": "ally",  "messages": [], "max_tokens": 3}'
        answer = self.ask(CHAT, sent, {"Cookie": "a=s3cret", "X-Api-Key": "s3cret"})
        row = self.one_row()
        self.assertTrue(row["has_capture"])
        shown = self.capture(row["id"])
        self.assertEqual(shown["req_path"], CHAT)
        self.assertEqual(base64.b64decode(shown["req_body"]), sent)
        self.assertEqual(base64.b64decode(shown["resp_body"]), answer.body)
        self.assertNotIn("s3cret", json.dumps(shown))
        self.assertFalse(shown["req_body_truncated"] or shown["resp_body_truncated"])

    def test_refused(self) -> None:
        """
        What was asked in vain is there too, with the headers of the refusal, whether
        the model failed or there is none.
        """
        for path, name, status in (
            (CHAT, "broken", 502),
            (CHAT, "nobody", 404),
            (f"/upstream/nobody2{CHAT}", "nobody2", 404),
        ):
            sent = chat_body(name)
            answer = self.ask(path, sent, {"Cookie": "a=s3cret"})
            self.assertEqual(answer.status, status)
            row = self.one_row(f"&model={name}")
            shown = self.capture(row["id"])
            self.assertEqual(shown["req_path"], CHAT)
            self.assertEqual(json.loads(base64.b64decode(shown["req_body"])), sent)
            self.assertEqual(shown["req_headers"]["Cookie"], "[REDACTED]")
            self.assertEqual(
                shown["resp_headers"], {"Content-Type": "application/json"}
            )
            self.assertIsNone(shown["resp_body"])
            self.assertEqual(shown["resp_body_size"], len(answer.body))

    def test_long(self) -> None:
        """
        A body over a tenth of the budget is cut and marked; the oldest captures make
        room for new ones.
        """
        size = 300_000
        answer = self.chat("org/m", simulator={"bytes": size})
        self.assertEqual(len(answer.body), size)
        row = self.one_row()
        shown = self.capture(row["id"])
        kept = base64.b64decode(shown["resp_body"])
        self.assertEqual(kept, answer.body[: len(kept)])
        self.assertTrue(90_000 < len(kept) <= 1024 * 1024 // 10)
        self.assertTrue(shown["resp_body_truncated"])
        self.assertEqual(shown["resp_body_size"], size)
        for number in range(30):
            noise = base64.b64encode(os.urandom(70_000)).decode()
            self.chat("org/m", max_tokens=1, noise=noise)
            # Until its row is written it counts as it is, and takes more room.
            rows_of(self.server, count=number + 2)
        rows = rows_of(self.server)
        kept_rows = [row["id"] for row in rows if row["has_capture"]]
        self.assertTrue(8 < len(kept_rows) < 20, kept_rows)
        # The latest are.
        self.assertEqual(kept_rows, [row["id"] for row in rows[: len(kept_rows)]])
        self.assertEqual(
            self.ask(f"/api/captures/{row['id']}", method="GET").status, 404
        )

    def test_sound(self) -> None:
        """
        The sound that a model speaks is not kept, and what it was to say is.
        """
        answer = self.ask("/v1/audio/speech", {"model": "ally", "input": "Hello"})
        self.assertEqual(answer.status, 200)
        shown = self.capture(self.one_row()["id"])
        self.assertIsNone(shown["resp_body"])
        self.assertEqual(shown["resp_body_size"], len(answer.body))
        self.assertIn(b"Hello", base64.b64decode(shown["req_body"]))


class StoreTests(LiveTestCase):
    """
    Rows in a file.
    """

    def setUp(self) -> None:
        self.path = self.folder() / "activity.db"
        self.text = (
            f"store: {{path: '{self.path}'}}\n"
            f"models: {{m: {{cmd: '{simulator('--load-time 0')}'}}}}\n"
        )

    def ask(self, daemon: Daemon, count: int = 1) -> None:
        for _ in range(count):
            self.assertEqual(daemon.chat("m", max_tokens=1).status, 200)

    def count(self) -> int:
        """
        The rows in the file, as another program sees them.
        """
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as connection:
            (count,) = connection.execute("SELECT count(*) FROM activity").fetchone()
        connection.close()
        return int(count)

    def test_restart(self) -> None:
        """
        Rows and their ids go on after a restart.
        """
        daemon = self.daemon(self.text)
        self.ask(daemon, 3)
        daemon.process.terminate()
        self.assertEqual(daemon.wait(), 0)
        self.assertFalse(Path(f"{self.path}-wal").exists())
        self.assertEqual(self.count(), 3)
        daemon = self.daemon(self.text)
        self.ask(daemon)
        rows = rows_of(daemon, count=4)
        self.assertEqual([row["id"] for row in rows], [4, 3, 2, 1])

    def test_killed(self) -> None:
        """
        A daemon that is killed while it serves loses no row that was there a second
        before, and its file is whole.
        """
        daemon = self.daemon(self.text)
        ended: list[float] = []

        def serve() -> None:
            try:
                while True:
                    daemon.chat("m", max_tokens=1)
                    ended.append(time.monotonic())
            except (OSError, http.client.HTTPException):
                # The daemon was killed.
                return

        threads = [threading.Thread(target=serve) for _ in range(4)]
        for thread in threads:
            thread.start()

        def at_work() -> float:
            """
            When it was seen to have served many, and neither to serve nor to write has
            stalled of late: a machine that stalls would take that second.
            """
            now = time.monotonic()
            settled = sum(1 for at in ended if at < now - 1.0)
            if settled <= 200:
                return 0.0
            late = sorted([*(at for at in ended if at > now - 1.5), now])
            if max(b - a for a, b in pairwise(late)) >= 0.3:
                return 0.0
            return now if self.count() >= settled else 0.0

        killed = wait_for(at_work, "two seconds of requests")
        daemon.process.kill()
        daemon.wait()
        for thread in threads:
            thread.join(PATIENCE)
        settled = sum(1 for at in ended if at < killed - 1.0)
        self.assertGreater(settled, 50)
        self.assertGreaterEqual(self.count(), settled)
        with sqlite3.connect(self.path) as connection:
            check = connection.execute("PRAGMA integrity_check").fetchall()
        connection.close()
        self.assertEqual(check, [("ok",)])
        again = self.daemon(self.text)
        self.ask(again)
        wait_for(
            lambda: rows_of(again)[0]["id"] == self.count() > settled, "the next id"
        )

    def test_full_disk(self) -> None:
        """
        A disk that is full costs rows and no request, says so once, and says too when
        rows are written again.
        """
        daemon = self.daemon(self.text)
        self.ask(daemon, 2)
        rows_of(daemon, count=2)
        size = Path(f"{self.path}-wal").stat().st_size
        no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        # Its file cannot grow; its log is smaller than that.
        self.assertLess(len(daemon.output) + 10_000, size)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (size, no_limit[1]))
        for _ in range(5):
            self.ask(daemon)
            time.sleep(0.1)
        self.assertEqual(len(rows_of(daemon)), 2)
        daemon.wait_for_output("cannot be written to")
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, no_limit)
        self.ask(daemon)
        lost = self.lost(daemon)
        # All five, but for those that a busy machine had not tried to write by then.
        self.assertTrue(1 <= lost <= 5, lost)
        self.assertEqual(len(rows_of(daemon, count=8 - lost)), 8 - lost)
        self.assertEqual(daemon.output.count("cannot be written to"), 1)
        self.assertNotIn("Traceback", daemon.output)

    def lost(self, daemon: Daemon) -> int:
        """
        Wait until rows are written again.

        :returns: how many were lost, as the log tells.
        """
        found = wait_for(
            lambda: re.search(r"written again; (\d+) rows were lost", daemon.output),
            "the end of that to be told",
        )
        return int(found[1])

    def test_locked(self) -> None:
        """
        A file that another program holds costs no request either.
        """
        daemon = self.daemon(self.text)
        self.ask(daemon)
        rows_of(daemon, count=1)
        connection = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(connection.close)
        connection.execute("BEGIN IMMEDIATE")
        times = []
        for _ in range(5):
            began = time.monotonic()
            self.ask(daemon)
            times.append(time.monotonic() - began)
        # A machine may stall once; who waited for the file would each time.
        self.assertLess(statistics.median(times), 0.6)
        # Reading goes on meanwhile.
        self.assertEqual(len(rows_of(daemon)), 1)
        wait_for(lambda: "cannot be written to" in daemon.output, "the complaint")
        connection.execute("ROLLBACK")
        self.ask(daemon)
        rows = 7 - self.lost(daemon)
        self.assertEqual(len(rows_of(daemon, count=rows)), rows)
        self.assertEqual(daemon.output.count("cannot be written to"), 1)

    def test_unusable(self) -> None:
        """
        A file that is no database is left as it is, and rows are kept in memory.
        """
        self.path.write_bytes(b"precious " * 1000)
        daemon = self.daemon(self.text)
        self.ask(daemon)
        self.assertEqual(len(rows_of(daemon, count=1)), 1)
        wait_for(lambda: "[ERROR]" in daemon.output, "it to be told")
        self.assertNotIn("Traceback", daemon.output)
        self.assertEqual(self.path.read_bytes(), b"precious " * 1000)


class ReloadTests(ReloadTestCase):
    """
    Another configuration.
    """

    def test_reload(self) -> None:
        """
        Captures, the file and the headers of sessions may change while it runs.
        """
        models = f"models: {{m: {{cmd: '{simulator('--load-time 0')}'}}}}\n"
        path = self.folder() / "activity.db"
        daemon = self.daemon(f"captureBuffer: 0\n{models}")
        headers = {"X-Talk": "one"}

        def ask() -> Any:
            body = chat_body("m", max_tokens=1)
            answer = daemon.ask("POST", CHAT, body, headers)
            self.assertEqual(answer.status, 200)
            return rows_of(daemon, count=1)[0]

        row = ask()
        self.assertFalse(row["has_capture"])
        self.assertNotIn("session_id", row["metadata"])
        self.reload(
            daemon,
            f"captureBuffer: 1\nstore: {{path: '{path}'}}\n"
            "ui: {activity: {session_id: [X-Talk]}}\n" + models,
        )
        row = ask()
        self.assertTrue(row["has_capture"])
        self.assertEqual(row["metadata"]["session_id"], "one")
        self.assertEqual(len(rows_of(daemon)), 1)
        self.assertTrue(path.exists())
        self.reload(daemon, f"captureBuffer: 0\n{models}")
        self.assertEqual(rows_of(daemon), [])
        answer = daemon.ask("GET", f"/api/captures/{row['id']}")
        self.assertEqual(answer.status, 404)
        self.assertFalse(ask()["has_capture"])
