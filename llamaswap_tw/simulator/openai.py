"""
OpenAI's chat and completions, as llama-server answers them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from .exchange import Exchange
from .generate import data, generate
from .text import Generation
from .tools import Call, call_of, script_for

if TYPE_CHECKING:
    from .server import Simulator

_DONE = b"data: [DONE]\n\n"


def _usage(generation: Generation) -> dict[str, Any]:
    return {
        "prompt_tokens": generation.prompt_tokens,
        "completion_tokens": generation.tokens,
        "total_tokens": generation.prompt_tokens + generation.tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def _finish_reason(generation: Generation) -> str:
    return "length" if generation.limited else "stop"


class _Shape:
    """
    What the two have in common.

    :param prefix: of the ids of its answers.
    """

    def __init__(self, simulator: Simulator, exchange: Exchange, prefix: str) -> None:
        options = exchange.asked.get("stream_options")
        self._include_usage = (
            isinstance(options, dict) and options.get("include_usage") is True
        )
        self._common = {
            "id": simulator.new_id(prefix),
            "created": simulator.wall_time(),
            "model": simulator.name,
            "system_fingerprint": "simulated",
        }

    def _last_chunks(
        self, generation: Generation, chunk: dict[str, Any], choice: dict[str, Any]
    ) -> bytes:
        last = {**chunk, "choices": [choice]}
        timings = generation.timings()
        if not self._include_usage:
            return data({**last, "timings": timings}) + _DONE
        usage = {"choices": [], "usage": _usage(generation), "timings": timings}
        return data(last) + data({**chunk, **usage}) + _DONE


class ChatShape(_Shape):
    """
    ``/v1/chat/completions``.
    """

    def __init__(self, simulator: Simulator, exchange: Exchange) -> None:
        super().__init__(simulator, exchange, "chatcmpl-")
        self._chunk = {**self._common, "object": "chat.completion.chunk"}
        self._before = (
            b'data: {"choices":[{"index":0,"finish_reason":null,"delta":{"content":"'
        )
        self._after = b'"}}],' + orjson.dumps(self._chunk)[1:] + b"\n\n"

    def whole(self, generation: Generation) -> dict[str, Any]:
        """
        A ``chat.completion``.
        """
        message = {"role": "assistant", "content": generation.text()}
        return {
            **self._common,
            "object": "chat.completion",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": _finish_reason(generation),
                    "message": message,
                }
            ],
            "usage": _usage(generation),
            "timings": generation.timings(),
        }

    def opening(self, generation: Generation) -> bytes:
        """
        The role.
        """
        delta = {"role": "assistant", "content": None}
        choice = {"index": 0, "finish_reason": None, "delta": delta}
        return data({"choices": [choice], **self._chunk})

    def token(self, generation: Generation, index: int) -> bytes:
        """
        A delta.
        """
        return self._before + generation.json(index) + self._after

    def closing(self, generation: Generation) -> bytes:
        """
        The reason for the end, the usage where asked for, and the end.
        """
        choice = {
            "index": 0,
            "finish_reason": _finish_reason(generation),
            "delta": {},
        }
        return self._last_chunks(generation, self._chunk, choice)


class CallShape(ChatShape):
    """
    ``/v1/chat/completions``, where the answer is a call of a tool.

    :param call: the call; its arguments are what is generated.
    """

    def __init__(self, simulator: Simulator, exchange: Exchange, call: Call) -> None:
        super().__init__(simulator, exchange)
        self._call = {
            "id": simulator.new_id("call_"),
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }
        self._name = call.name
        self._before = (
            b'data: {"choices":[{"index":0,"finish_reason":null,"delta":{"tool_calls":'
            b'[{"index":0,"function":{"arguments":"'
        )
        self._after = b'"}}]}}],' + orjson.dumps(self._chunk)[1:] + b"\n\n"

    def whole(self, generation: Generation) -> dict[str, Any]:
        """
        A ``chat.completion`` with a call in place of text.
        """
        value = super().whole(generation)
        function = {"name": self._name, "arguments": generation.text()}
        value["choices"][0] |= {
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [{**self._call, "function": function}],
            },
        }
        return value

    def opening(self, generation: Generation) -> bytes:
        """
        The role, and which tool is called.
        """
        delta = {"tool_calls": [{"index": 0, **self._call}]}
        choice = {"index": 0, "finish_reason": None, "delta": delta}
        called = data({"choices": [choice], **self._chunk})
        return super().opening(generation) + called

    def closing(self, generation: Generation) -> bytes:
        """
        As for text, with another reason.
        """
        choice = {"index": 0, "finish_reason": "tool_calls", "delta": {}}
        return self._last_chunks(generation, self._chunk, choice)


class CompletionShape(_Shape):
    """
    ``/v1/completions``.
    """

    def __init__(self, simulator: Simulator, exchange: Exchange) -> None:
        super().__init__(simulator, exchange, "cmpl-")
        self._chunk = {**self._common, "object": "text_completion"}
        self._before = (
            b'data: {"choices":[{"index":0,"logprobs":null,'
            b'"finish_reason":null,"text":"'
        )
        self._after = b'"}],' + orjson.dumps(self._chunk)[1:] + b"\n\n"

    def _choice(self, generation: Generation, text: str) -> dict[str, Any]:
        return {
            "index": 0,
            "logprobs": None,
            "finish_reason": _finish_reason(generation),
            "text": text,
        }

    def whole(self, generation: Generation) -> dict[str, Any]:
        """
        A ``text_completion``.
        """
        return {
            **self._chunk,
            "choices": [self._choice(generation, generation.text())],
            "usage": _usage(generation),
            "timings": generation.timings(),
        }

    def opening(self, generation: Generation) -> bytes:
        """
        Nothing.
        """
        return b""

    def token(self, generation: Generation, index: int) -> bytes:
        """
        A piece of the text.
        """
        return self._before + generation.json(index) + self._after

    def closing(self, generation: Generation) -> bytes:
        """
        The reason for the end, the usage where asked for, and the end.
        """
        return self._last_chunks(generation, self._chunk, self._choice(generation, ""))


def chat(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/chat/completions``.
    """
    asked = exchange.asked
    prompt, call = asked.get("messages"), call_of(asked)
    if call is not None:
        shape = CallShape(simulator, exchange, call)
        generate(simulator, exchange, prompt, shape, call.script)
    else:
        script = script_for(simulator.name, asked)
        generate(simulator, exchange, prompt, ChatShape(simulator, exchange), script)


def completions(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/completions``.
    """
    prompt = exchange.asked.get("prompt")
    generate(simulator, exchange, prompt, CompletionShape(simulator, exchange))
