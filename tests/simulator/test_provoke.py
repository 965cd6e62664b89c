"""
Tests for `llamaswap_tw.simulator.provoke`.
"""

from __future__ import annotations

import hashlib
import json

from twisted.internet.interfaces import IPushProducer
from zope.interface.verify import verifyClass

from llamaswap_tw.simulator.provoke import Bytes

from .support import SimulatorTestCase, parse_answer

_CHAT = "/v1/chat/completions"


class PathTests(SimulatorTestCase):
    """
    The endpoints under ``/simulator``.
    """

    def test_bytes(self) -> None:
        """
        As many bytes as asked for come, with their length.
        """
        answer = self.get("/simulator/bytes?size=1000&chunk=300")
        self.assertEqual(answer.headers["Content-Length"], "1000")
        self.assertEqual(len(answer.body), 1000)

    def test_bytes_chunked(self) -> None:
        """
        They can come in chunks of a given size.
        """
        client = self.client()
        client.send("POST", "/simulator/bytes?size=1000&chunk=300&chunked=1")
        data = client.received()
        self.assertEqual(data.count(b"\r\n12c\r\n"), 3)
        answer = parse_answer(data)
        self.assertEqual((len(answer.body), answer.whole), (1000, True))

    def test_bytes_paced(self) -> None:
        """
        No more is written than the client takes.
        """
        verifyClass(IPushProducer, Bytes)
        client = self.client()
        client.pause_at(3)
        client.send("GET", "/simulator/bytes?size=1000&chunk=300")
        answer = parse_answer(client.transport.value())
        self.assertEqual((len(answer.body), answer.whole), (600, False))
        client.protocol.resumeProducing()
        self.assertTrue(client.answer().whole)

    def test_cut(self) -> None:
        """
        After that many bytes the connection is reset.
        """
        client = self.client()
        client.send("GET", "/simulator/cut?after=100")
        answer = client.answer()
        self.assertEqual((len(answer.body), answer.whole), (100, False))
        self.assertTrue(client.transport.disconnected)

    def test_status(self) -> None:
        """
        Any status can be had, also one without a name or a body.
        """
        for code in (404, 429, 500, 599):
            self.assertEqual(self.get(f"/simulator/status?code={code}").status, code)
        self.assertEqual(self.get("/simulator/status?code=204").body, b"")

    def test_no_number(self) -> None:
        """
        What is no number is a 400.
        """
        self.assertEqual(self.get("/simulator/bytes?size=many").status, 400)

    def test_echo(self) -> None:
        """
        The request is shown as it came: path, headers and body.
        """
        client = self.client()
        body = bytes(range(256)) * 1000
        headers = (("x-ODD", "a  b"), ("X-Odd", "\xe9"))
        client.send("PUT", "/simulator/echo?a=%41+%2F", body, headers)
        value = client.answer().json
        self.assertEqual(value["method"], "PUT")
        self.assertEqual(value["path"], "/simulator/echo?a=%41+%2F")
        self.assertEqual(
            value["headers"],
            [
                ["Host", "model"],
                ["x-ODD", "a  b"],
                ["X-Odd", "\xe9"],
                ["Content-Length", "256000"],
            ],
        )
        digest = hashlib.sha256(body).hexdigest()
        self.assertEqual(value["body"], {"sha256": digest, "length": 256000})

    def test_pids(self) -> None:
        """
        The process's own pid and its children's are shown, also while loading.
        """
        self.simulator = self.make()
        self.simulator.pid = 10
        self.simulator.children.append(11)
        value = self.get("/simulator/pids").json
        self.assertEqual(value, {"pid": 10, "children": [11]})


class BodyTests(SimulatorTestCase):
    """
    What a request asks for with ``simulator``.
    """

    def test_bytes(self) -> None:
        """
        Bytes can be had at any endpoint.
        """
        asked = {"bytes": 500, "chunk": 100, "chunked": True}
        answer = self.post("/v1/embeddings", simulator=asked)
        self.assertEqual((len(answer.body), answer.whole), (500, True))

    def test_status(self) -> None:
        """
        So can a status.
        """
        self.assertEqual(self.post(_CHAT, simulator={"status": 418}).status, 418)

    def test_echo(self) -> None:
        """
        So can an echo.
        """
        value = self.post(_CHAT, simulator={"echo": True}).json
        self.assertEqual(value["path"], _CHAT)

    def test_header(self) -> None:
        """
        A header asks for the same, for bodies that are no JSON; a broken one asks
        for nothing.
        """
        header = ("X-Simulator", json.dumps({"echo": True}))
        value = self.get("/props?x", header).json
        self.assertEqual(value["path"], "/props?x")
        self.assertEqual(self.get("/props", ("X-Simulator", "{")).status, 200)

    def test_hang(self) -> None:
        """
        It can be made to answer never.
        """
        client = self.client()
        client.send("POST", _CHAT, b'{"simulator": {"hang": true}}')
        self.clock.advance(1000)
        self.assertEqual(client.received(), b"")

    def test_delay(self) -> None:
        """
        The head can be held back.
        """
        client = self.client()
        body = b'{"simulator": {"delay_head": 2}, "stream": true}'
        client.send("POST", _CHAT, body)
        self.clock.advance(1.9)
        self.assertEqual(client.received(), b"")
        self.clock.advance(0.2)
        self.assertTrue(client.answer().whole)

    def test_delay_left(self) -> None:
        """
        A client that leaves meanwhile is not answered.
        """
        client = self.client()
        client.send("POST", _CHAT, b'{"simulator": {"delay_head": 2}}')
        client.leave()
        self.clock.advance(3)
        self.assertEqual(client.received(), b"")

    def test_cut_stream(self) -> None:
        """
        A stream can be cut after some tokens, asked for either way.
        """
        for asked in ({"cut_after": 2}, {"simulator": {"cut_after": 2}}):
            client = self.client()
            body = json.dumps({"stream": True, **asked}).encode()
            client.send("POST", _CHAT, body)
            answer = client.answer()
            self.assertFalse(answer.whole)
            self.assertEqual(len(answer.events), 3)
            self.assertTrue(client.transport.disconnected)

    def test_cut_whole(self) -> None:
        """
        Another answer can be cut after some bytes of those it promised.
        """
        client = self.client()
        client.send("POST", _CHAT, b'{"cut_after": 20}')
        answer = client.answer()
        self.assertEqual((len(answer.body), answer.whole), (20, False))
        self.assertTrue(client.transport.disconnected)
