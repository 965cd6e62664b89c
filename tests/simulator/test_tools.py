"""
Tests for `llamaswap_tw.simulator.tools`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.simulator.tools import Call, call_of, script_for

from .support import SimulatorTestCase

_SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer"},
    },
}
_QUESTION = {"role": "user", "content": 'What about "Paris"?'}
_ARGUMENTS = {"city": "Paris", "unit": "celsius", "days": 1}


def openai_tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": _SCHEMA}}


def anthropic_tool(name: str) -> dict[str, Any]:
    return {"name": name, "input_schema": _SCHEMA}


class CallTests(SynchronousTestCase):
    """
    When a tool is called, and how.
    """

    def test_first(self) -> None:
        """
        The first tool is called, its arguments made of the schema and the question.
        """
        for tool in (openai_tool, anthropic_tool):
            asked = {"messages": [_QUESTION], "tools": [tool("first"), tool("second")]}
            self.assertEqual(call_of(asked), Call("first", _ARGUMENTS))

    def test_choice(self) -> None:
        """
        The request may name the one, leave it open, or want none.
        """
        tools = [openai_tool("first"), openai_tool("second")]
        for choice, name in (
            ("auto", "first"),
            ("required", "first"),
            ({"type": "any"}, "first"),
            ({"type": "auto"}, "first"),
            ({"type": "function", "function": {"name": "second"}}, "second"),
            ({"type": "tool", "name": "second"}, "second"),
            ({"type": "tool", "name": "third"}, None),
            ("none", None),
            ({"type": "none"}, None),
        ):
            asked = {"messages": [_QUESTION], "tools": tools, "tool_choice": choice}
            call = call_of(asked)
            self.assertEqual((choice, call and call.name), (choice, name))

    def test_result(self) -> None:
        """
        A result is repeated, and leads to no further call.
        """
        content = [{"type": "text", "text": "17 degrees"}]
        block = {"type": "tool_result", "tool_use_id": "x", "content": content}
        last: dict[str, Any]
        for tool, last in (
            (openai_tool, {"role": "tool", "content": "17 degrees"}),
            (openai_tool, {"role": "tool", "content": content}),
            (anthropic_tool, {"role": "user", "content": [block]}),
        ):
            asked = {"messages": [_QUESTION, last], "tools": [tool("first")]}
            self.assertIsNone(call_of(asked))
            script = script_for("alice", asked)
            assert script is not None
            said = "".join(map(script.text, range(len(script))))
            self.assertEqual(said, "alice here: 17 degrees")

    def test_odd(self) -> None:
        """
        What is no tool is none.
        """
        asked: dict[str, Any]
        for asked in (
            {},
            {"tools": 5, "messages": 6},
            {"tools": [7, {}, {"function": {}}], "messages": [8]},
        ):
            self.assertIsNone(call_of(asked))
            self.assertIsNone(script_for("alice", asked))
        tool = {"name": "bare"}
        self.assertEqual(call_of({"tools": [tool]}), Call("bare", {}))


class AnswerTests(SimulatorTestCase):
    """
    A call in each API's form.
    """

    def test_openai(self) -> None:
        """
        The call is in the message, whatever the limit, and the reason for the end.
        """
        value = self.post(
            "/v1/chat/completions",
            messages=[_QUESTION],
            tools=[openai_tool("weather")],
            max_tokens=1,
        ).json
        (choice,) = value["choices"]
        self.assertEqual(choice["finish_reason"], "tool_calls")
        self.assertIsNone(choice["message"]["content"])
        (call,) = choice["message"]["tool_calls"]
        self.assertEqual(call["function"]["name"], "weather")
        self.assertEqual(json.loads(call["function"]["arguments"]), _ARGUMENTS)

    def test_openai_stream(self) -> None:
        """
        Name and id come first, then the arguments piece by piece.
        """
        answer = self.post(
            "/v1/chat/completions",
            messages=[_QUESTION],
            tools=[openai_tool("weather")],
            stream=True,
        )
        *events, (_, done) = answer.events
        self.assertEqual(done, "[DONE]")
        choices = [value["choices"][0] for _, value in events]
        deltas = [c["delta"]["tool_calls"][0] for c in choices[1:-1]]
        self.assertEqual(deltas[0]["function"], {"name": "weather", "arguments": ""})
        self.assertTrue(deltas[0]["id"].startswith("call_"))
        pieces = [delta["function"]["arguments"] for delta in deltas[1:]]
        self.assertGreater(len(pieces), 3)
        self.assertEqual(json.loads("".join(pieces)), _ARGUMENTS)
        self.assertEqual(choices[-1]["finish_reason"], "tool_calls")

    def test_anthropic(self) -> None:
        """
        The call is the message's block, whole and streamed.
        """
        asked = {"messages": [_QUESTION], "tools": [anthropic_tool("weather")]}
        value = self.post("/v1/messages", **asked).json
        (block,) = value["content"]
        self.assertEqual((block["type"], block["name"]), ("tool_use", "weather"))
        self.assertEqual(block["input"], _ARGUMENTS)
        self.assertEqual(value["stop_reason"], "tool_use")
        answer = self.post("/v1/messages", stream=True, **asked)
        values = [value for _, value in answer.events]
        self.assertEqual(values[1]["content_block"]["input"], {})
        pieces = [
            value["delta"]["partial_json"]
            for value in values
            if value["type"] == "content_block_delta"
        ]
        self.assertEqual(json.loads("".join(pieces)), _ARGUMENTS)
        self.assertEqual(values[-2]["delta"]["stop_reason"], "tool_use")

    def test_results(self) -> None:
        """
        A tool's result is in the answer of both.
        """
        result: list[dict[str, Any]]
        result = [_QUESTION, {"role": "tool", "tool_call_id": "x", "content": "17 °C"}]
        value = self.post("/v1/chat/completions", messages=result).json
        message = value["choices"][0]["message"]
        self.assertEqual(message["content"], "alice here: 17 °C")
        block = {"type": "tool_result", "tool_use_id": "x", "content": "17 °C"}
        result = [_QUESTION, {"role": "user", "content": [block]}]
        value = self.post("/v1/messages", messages=result).json
        self.assertEqual(value["content"][0]["text"], "alice here: 17 °C")
