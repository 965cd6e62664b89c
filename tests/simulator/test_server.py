"""
Tests for `llamaswap_tw.simulator.server` and its exchange.
"""

from __future__ import annotations

import ast
from pathlib import Path

from llamaswap_tw import simulator as package

from .support import WALL_TIME, SimulatorTestCase, parse_answer

_LOADING = {
    "error": {
        "code": 503,
        "message": "Loading model",
        "type": "unavailable_error",
    }
}


class IndependenceTests(SimulatorTestCase):
    """
    The simulator stands for itself.
    """

    def test_imports(self) -> None:
        """
        It imports nothing of this project but its own package.
        """
        for path in Path(package.__path__[0]).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    self.assertLessEqual(node.level, 1, path)
                    module = node.module or ""
                    self.assertFalse(module.startswith("llamaswap_tw"), path)
                elif isinstance(node, ast.Import):
                    for alias in node.names:
                        self.assertFalse(alias.name.startswith("llamaswap_tw"), path)


class HealthTests(SimulatorTestCase):
    """
    It is not ready, then it is.
    """

    def test_loading(self) -> None:
        """
        While it loads, its health and its endpoints say so with a 503.
        """
        self.simulator = self.make()
        answers = (self.get("/health"), self.post("/v1/completions"))
        for answer in answers:
            self.assertEqual((answer.status, answer.json), (503, _LOADING))

    def test_ready(self) -> None:
        """
        Once it has loaded, its health is ok, also for HEAD.
        """
        answer = self.get("/health")
        self.assertEqual((answer.status, answer.json), (200, {"status": "ok"}))
        client = self.client()
        client.send("HEAD", "/health")
        self.assertEqual(client.answer().body, b"")

    def test_hang(self) -> None:
        """
        A probe can be left waiting until it has loaded.
        """
        self.simulator = self.make(hang_health=True)
        staying, leaving = self.client(), self.client()
        staying.send("GET", "/health")
        leaving.send("GET", "/health")
        self.assertEqual(staying.received(), b"")
        leaving.leave()
        self.simulator.load()
        self.assertEqual(staying.answer().json, {"status": "ok"})
        self.assertEqual(leaving.received(), b"")


class ServerTests(SimulatorTestCase):
    """
    Requests find their endpoint.
    """

    def test_unknown(self) -> None:
        """
        Another path, or a path with another method, is a 404 as llama-server's.
        """
        for answer in (self.get("/nowhere"), self.get("/v1/completions")):
            self.assertEqual(answer.status, 404)
            self.assertEqual(answer.json["error"]["type"], "not_found_error")

    def test_without_version(self) -> None:
        """
        Paths that clients of a proxy use without a version are there too.
        """
        names = ("chat/completions", "completions", "responses", "messages")
        for name in names:
            self.assertEqual(self.post(f"/{name}").status, 200, name)

    def test_malformed(self) -> None:
        """
        A body that begins like JSON and is none is a 400.
        """
        client = self.client()
        client.send("POST", "/v1/chat/completions", b'{"model": ')
        answer = client.answer()
        self.assertEqual(answer.status, 400)
        self.assertIn("malformed JSON", answer.json["error"]["message"])

    def test_odd_json(self) -> None:
        """
        JSON that only a lenient parser reads is taken all the same.
        """
        client = self.client()
        body = b'{"prompt": "\\ud800", "seed": 1e400, "n_predict": 1}'
        client.send("POST", "/v1/completions", body)
        self.assertEqual(client.answer().json["choices"][0]["text"], "alice")

    def test_keep_alive(self) -> None:
        """
        A connection serves many requests, also where they come all at once.
        """
        client = self.client()
        request = b"GET /health HTTP/1.1\r\nHost: model\r\n\r\n"
        client.protocol.dataReceived(request * 3)
        self.assertEqual(client.received().count(b'{"status":"ok"}'), 3)
        self.assertFalse(client.transport.disconnecting)

    def test_close(self) -> None:
        """
        A client that wants the connection closed has it closed, and told so.
        """
        client = self.client()
        client.send("GET", "/health", headers=(("Connection", "close"),))
        self.assertEqual(client.answer().headers["Connection"], "close")
        self.assertTrue(client.transport.disconnecting)

    def test_old_client(self) -> None:
        """
        A client of HTTP/1.0 gets a stream without chunks, which the connection ends.
        """
        client = self.client()
        body = b'{"stream": true, "n_predict": 2}'
        client.send("POST", "/completion", body, version="HTTP/1.0")
        answer = client.answer()
        self.assertNotIn("Transfer-Encoding", answer.headers)
        self.assertEqual(len(answer.events), 3)
        self.assertTrue(client.transport.disconnecting)

    def test_log(self) -> None:
        """
        Each answered request is a line of the log.
        """
        self.get("/health?x=1")
        self.post("/nowhere")
        self.assertEqual(
            self.log,
            [
                "request: GET /health?x=1 192.168.1.1 200",
                "request: POST /nowhere 192.168.1.1 404",
            ],
        )


class StatsTests(SimulatorTestCase):
    """
    Requests are counted by how they ended.
    """

    def test_counts(self) -> None:
        """
        Whole, cut, cancelled and running requests are told apart.
        """
        self.post("/v1/completions")
        self.post("/v1/completions", stream=True, cut_after=1)
        leaving, staying = self.client(), self.client()
        for client in (leaving, staying):
            client.send("POST", "/v1/completions", b'{"simulator": {"hang": true}}')
        leaving.leave()
        self.assertEqual(
            self.get("/simulator/stats").json,
            {
                "begun": 4,
                "whole": 1,
                "cut": 1,
                "cancelled": 1,
                "last_cancelled": WALL_TIME,
                "in_flight": 1,
            },
        )

    def test_left_out(self) -> None:
        """
        Probes, and questions about these counts, are not counted.
        """
        self.get("/health")
        self.get("/simulator/pids")
        stats = self.get("/simulator/stats").json
        self.assertEqual((stats["begun"], stats["last_cancelled"]), (0, None))

    def test_left_in_mid_stream(self) -> None:
        """
        A client that leaves between two tokens is counted, and gets no more.
        """
        self.simulator = self.make(rate=10)
        self.simulator.load()
        client = self.client()
        client.send("POST", "/v1/completions", b'{"stream": true}')
        self.clock.pump([0.1] * 3)
        self.assertEqual(len(parse_answer(client.received()).events), 3)
        client.leave()
        self.clock.pump([0.1] * 30)
        self.assertEqual(client.received(), b"")
        stats = self.get("/simulator/stats").json
        self.assertEqual((stats["cancelled"], stats["in_flight"]), (1, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])
