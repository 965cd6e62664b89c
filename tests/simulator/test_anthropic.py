"""
Tests for `llamaswap_tw.simulator.anthropic`.
"""

from __future__ import annotations

from .support import SimulatorTestCase

_MESSAGES = [{"role": "user", "content": [{"type": "text", "text": "one two"}]}]


class MessageTests(SimulatorTestCase):
    """
    ``/v1/messages``.
    """

    def test_whole(self) -> None:
        """
        The message has one block of text, the reason for its end and the usage.
        """
        value = self.post(
            "/v1/messages", messages=_MESSAGES, system="be nice", max_tokens=3
        ).json
        self.assertEqual((value["type"], value["role"]), ("message", "assistant"))
        block = {"type": "text", "text": "alice here: I"}
        self.assertEqual(value["content"], [block])
        self.assertEqual(value["stop_reason"], "max_tokens")
        usage = value["usage"]
        self.assertEqual((usage["input_tokens"], usage["output_tokens"]), (4, 3))

    def test_stream(self) -> None:
        """
        Message and block begin and end around the deltas, each event named by its
        type, and the usage comes before the end.
        """
        answer = self.post("/v1/messages", messages=_MESSAGES, stream=True)
        names = [name for name, _ in answer.events]
        values = [value for _, value in answer.events]
        self.assertEqual(
            names,
            [
                "message_start",
                "content_block_start",
                "ping",
                *["content_block_delta"] * 16,
                "content_block_stop",
                "message_delta",
                "message_stop",
            ],
        )
        self.assertEqual([value["type"] for value in values], names)
        self.assertEqual(values[0]["message"]["usage"]["input_tokens"], 2)
        self.assertEqual(values[3]["delta"], {"type": "text_delta", "text": "alice"})
        self.assertEqual(values[-2]["usage"], {"output_tokens": 16})
        self.assertEqual(values[-2]["delta"]["stop_reason"], "end_turn")

    def test_count_tokens(self) -> None:
        """
        Tokens are counted without generating any.
        """
        value = self.post("/v1/messages/count_tokens", messages=_MESSAGES).json
        self.assertEqual(value, {"input_tokens": 2})
