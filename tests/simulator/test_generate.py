"""
Tests for `llamaswap_tw.simulator.generate` and its text.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface.verify import verifyClass

from llamaswap_tw.simulator.generate import Stream
from llamaswap_tw.simulator.text import (
    DEFAULT_TOKENS,
    Vocabulary,
    tokens_in,
    tokens_wanted,
)

from .support import Client, SimulatorTestCase, parse_answer


class TextTests(SimulatorTestCase):
    """
    Text and its tokens.
    """

    def test_tokens_wanted(self) -> None:
        """
        Each API's name for the limit counts; what is no limit is none.
        """
        names = ("max_tokens", "max_completion_tokens", "max_output_tokens")
        for name in (*names, "n_predict"):
            self.assertEqual(tokens_wanted({name: 5}), (5, True))
        for nothing in ({}, {"max_tokens": None}, {"n_predict": -1}):
            self.assertEqual(tokens_wanted(nothing), (DEFAULT_TOKENS, False))

    def test_tokens_in(self) -> None:
        """
        Words and token numbers are counted at any depth.
        """
        part = {"type": "text", "text": "three more words"}
        message = {"role": "user", "content": [part, "one"]}
        self.assertEqual(tokens_in([message, [1, 2], None, "end"]), 7)

    def test_vocabulary(self) -> None:
        """
        Text and JSON say the same, whatever the model's name.
        """
        vocabulary = Vocabulary('a "b" é')
        for index in range(40):
            quoted = b'"' + vocabulary.json(index) + b'"'
            self.assertEqual(json.loads(quoted), vocabulary.text(index))


class PaceTests(SimulatorTestCase):
    """
    Answers take their time.
    """

    def setUp(self) -> None:
        super().setUp()
        self.simulator = self.make(rate=10)
        self.simulator.load()

    def ask(self, **fields: Any) -> Client:
        client = self.client()
        body = json.dumps({"n_predict": 5, **fields}).encode()
        client.send("POST", "/completion", body)
        return client

    def tokens(self, client: Client) -> int:
        return client.received().count(b'"stop":false')

    def test_whole(self) -> None:
        """
        An answer that is not streamed comes when its last token would.
        """
        client = self.ask()
        self.clock.advance(0.499)
        self.assertEqual(client.received(), b"")
        self.clock.advance(0.002)
        timings = client.answer().json["timings"]
        self.assertEqual((timings["predicted_n"], timings["cache_n"]), (5, 0))
        self.assertAlmostEqual(timings["predicted_ms"], 501)
        self.assertAlmostEqual(timings["predicted_per_second"], 5 / 0.501)

    def test_stream(self) -> None:
        """
        A stream's head comes at once, then a token at each of its times.
        """
        client = self.ask(stream=True)
        head = client.received()
        self.assertTrue(head.endswith(b"chunked\r\n\r\n"), head)
        for _ in range(4):
            self.clock.advance(0.098)
            self.assertEqual(client.received(), b"")
            self.clock.advance(0.0021)
            self.assertEqual(self.tokens(client), 1)
        self.clock.advance(0.1)
        data = client.received()
        self.assertEqual(data.count(b'"stop":false'), 1)
        self.assertEqual(data.count(b'"stop":true'), 1)
        self.assertTrue(data.endswith(b"0\r\n\r\n"))

    def test_no_drift(self) -> None:
        """
        A reactor that is late with each token does not slow the stream down.
        """
        client = self.ask(stream=True, n_predict=1000)
        for _ in range(100):
            self.clock.advance(0.13)
        self.assertAlmostEqual(self.tokens(client), 130, delta=1)

    def test_slow_client(self) -> None:
        """
        A stream stops while its client does not read, and goes on without
        catching up.
        """
        verifyClass(IPushProducer, Stream)
        client = self.ask(stream=True, n_predict=100)
        self.clock.pump([0.1001] * 2)
        client.received()
        client.protocol.pauseProducing()
        self.clock.pump([0.1001] * 10)
        self.assertEqual(self.tokens(client), 0)
        client.protocol.resumeProducing()
        self.clock.pump([0.1001] * 3)
        self.assertEqual(self.tokens(client), 3)

    def test_brief_pause(self) -> None:
        """
        A pause too short for a token to fall due does not double the stream.
        """
        client = self.ask(stream=True, n_predict=100)
        client.received()
        client.protocol.pauseProducing()
        client.protocol.resumeProducing()
        self.clock.pump([0.1001] * 5)
        self.assertEqual(self.tokens(client), 5)

    def test_own_speed(self) -> None:
        """
        A request may ask for a speed of its own.
        """
        client = self.ask(stream=True, simulator={"tokens_per_second": 0})
        self.assertEqual(self.tokens(client), 5)

    def test_stamp(self) -> None:
        """
        A stream's tokens may be the times at which they are sent.
        """
        client = self.ask(stream=True, simulator={"stamp": True})
        self.clock.pump([0.1001] * 5)
        events = parse_answer(client.received()).events
        stamps = [int(value["content"]) for _, value in events[:-1]]
        self.assertEqual(len(stamps), 5)
        self.assertEqual(stamps, sorted(stamps))

    def test_nothing(self) -> None:
        """
        No token at all may be asked for.
        """
        self.assertEqual(self.ask(n_predict=0).answer().json["content"], "")
        self.assertEqual(len(self.ask(n_predict=0, stream=True).answer().events), 1)


class AtOnceTests(SimulatorTestCase):
    """
    Without a speed, tokens come as fast as they are read.
    """

    def test_slow_client(self) -> None:
        """
        Also then a client that does not read is not sent more.
        """
        client = self.client()
        client.pause_at(4)
        client.send("POST", "/completion", b'{"stream": true, "n_predict": 10}')
        data = client.transport.value()
        self.assertEqual(data.count(b'"stop":false'), 3)
        client.protocol.resumeProducing()
        self.assertEqual(len(client.answer().events), 11)
