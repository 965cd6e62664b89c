"""
Tests for `llamaswap_tw.simulator.openai`.
"""

from __future__ import annotations

from .support import WALL_TIME, SimulatorTestCase

_TEXT = "alice here: I only pretend to be a model, but this stream is real."
_MESSAGES = [{"role": "user", "content": "one two"}]
_USAGE = {
    "prompt_tokens": 2,
    "completion_tokens": 3,
    "total_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 0},
}
_CHAT = "/v1/chat/completions"
_COMPLETIONS = "/v1/completions"


class ChatTests(SimulatorTestCase):
    """
    ``/v1/chat/completions``.
    """

    def test_whole(self) -> None:
        """
        The answer names the model, says it all and gives usage and timings.
        """
        answer = self.post(_CHAT, messages=_MESSAGES)
        self.assertEqual(answer.headers["Content-Type"][:16], "application/json")
        self.assertTrue(answer.whole)
        value = answer.json
        self.assertEqual(value["object"], "chat.completion")
        self.assertEqual((value["model"], value["created"]), ("alice", int(WALL_TIME)))
        (choice,) = value["choices"]
        self.assertEqual(choice["message"], {"role": "assistant", "content": _TEXT})
        self.assertEqual(choice["finish_reason"], "stop")
        self.assertEqual(value["usage"]["completion_tokens"], 16)
        self.assertEqual(value["timings"]["predicted_n"], 16)

    def test_limit(self) -> None:
        """
        The request's limit is honoured, and named as the reason for the end.
        """
        value = self.post(_CHAT, messages=_MESSAGES, max_completion_tokens=3).json
        (choice,) = value["choices"]
        self.assertEqual(choice["message"]["content"], "alice here: I")
        self.assertEqual(choice["finish_reason"], "length")
        self.assertEqual(value["usage"], _USAGE)

    def test_stream(self) -> None:
        """
        The role comes first, then deltas, then the reason with the timings.
        """
        answer = self.post(_CHAT, messages=_MESSAGES, stream=True, max_tokens=3)
        self.assertEqual(answer.headers["Content-Type"], "text/event-stream")
        self.assertTrue(answer.whole)
        *events, (_, done) = answer.events
        self.assertEqual(done, "[DONE]")
        chunks = [value for _, value in events]
        self.assertEqual({chunk["object"] for chunk in chunks}, {_CHUNK})
        self.assertEqual(len({chunk["id"] for chunk in chunks}), 1)
        self.assertEqual(
            [chunk["choices"][0]["delta"] for chunk in chunks],
            [
                {"role": "assistant", "content": None},
                {"content": "alice"},
                {"content": " here:"},
                {"content": " I"},
                {},
            ],
        )
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "length")
        self.assertEqual(chunks[-1]["timings"]["predicted_n"], 3)
        self.assertNotIn("usage", chunks[-1])

    def test_stream_usage(self) -> None:
        """
        Where asked for, the usage is in a last chunk without choices.
        """
        options = {"include_usage": True}
        answer = self.post(
            _CHAT,
            messages=_MESSAGES,
            stream=True,
            max_tokens=3,
            stream_options=options,
        )
        last = answer.events[-2][1]
        self.assertEqual((last["choices"], last["usage"]), ([], _USAGE))
        self.assertEqual(last["timings"]["prompt_n"], 2)

    def test_ids(self) -> None:
        """
        No two answers have the same id.
        """
        ids = {self.post(_CHAT, messages=_MESSAGES).json["id"] for _ in range(3)}
        self.assertEqual(len(ids), 3)


_CHUNK = "chat.completion.chunk"


class CompletionTests(SimulatorTestCase):
    """
    ``/v1/completions``.
    """

    def test_whole(self) -> None:
        """
        The answer is text, with usage and timings.
        """
        value = self.post(_COMPLETIONS, prompt="one two", max_tokens=3).json
        self.assertEqual(value["object"], "text_completion")
        self.assertEqual(value["choices"][0]["text"], "alice here: I")
        self.assertEqual(value["usage"], _USAGE)
        self.assertEqual(value["timings"]["predicted_n"], 3)

    def test_stream(self) -> None:
        """
        The pieces make up the same text, and the usage comes where asked for.
        """
        answer = self.post(
            _COMPLETIONS,
            prompt="one two",
            stream=True,
            max_tokens=3,
            stream_options={"include_usage": True},
        )
        *chunks, last, done = [value for _, value in answer.events]
        self.assertEqual(done, "[DONE]")
        texts = [chunk["choices"][0]["text"] for chunk in chunks]
        self.assertEqual(texts, ["alice", " here:", " I", ""])
        self.assertEqual(last["usage"], _USAGE)
