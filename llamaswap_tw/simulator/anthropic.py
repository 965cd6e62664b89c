"""
Anthropic's messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .exchange import Exchange
from .generate import event, generate
from .text import Generation, tokens_in
from .tools import Call, call_of, script_for

if TYPE_CHECKING:
    from .server import Simulator


class MessageShape:
    """
    ``/v1/messages``: a message with one block, of text.
    """

    _BEFORE = (
        b"event: content_block_delta\ndata: "
        b'{"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"'
    )

    def __init__(self, simulator: Simulator) -> None:
        self._message: dict[str, Any] = {
            "id": simulator.new_id("msg_"),
            "type": "message",
            "role": "assistant",
            "model": simulator.name,
        }

    def _stop_reason(self, generation: Generation) -> str:
        return "max_tokens" if generation.limited else "end_turn"

    def _block(self, text: str) -> dict[str, Any]:
        return {"type": "text", "text": text}

    def _usage(self, generation: Generation, sent: int) -> dict[str, int]:
        return {
            "cache_read_input_tokens": 0,
            "input_tokens": generation.prompt_tokens,
            "output_tokens": sent,
        }

    def whole(self, generation: Generation) -> dict[str, Any]:
        """
        A ``message``.
        """
        return {
            **self._message,
            "content": [self._block(generation.text())],
            "stop_reason": self._stop_reason(generation),
            "stop_sequence": None,
            "usage": self._usage(generation, generation.tokens),
        }

    def opening(self, generation: Generation) -> bytes:
        """
        The message and its block begin.
        """
        message = {
            **self._message,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": self._usage(generation, 0),
        }
        start = {"index": 0, "content_block": self._block("")}
        return (
            event({"type": "message_start", "message": message})
            + event({"type": "content_block_start", **start})
            + event({"type": "ping"})
        )

    def token(self, generation: Generation, index: int) -> bytes:
        """
        A delta.
        """
        return self._BEFORE + generation.json(index) + b'"}}\n\n'

    def closing(self, generation: Generation) -> bytes:
        """
        Block and message end, with the usage between.
        """
        delta = {"stop_reason": self._stop_reason(generation), "stop_sequence": None}
        usage = {"output_tokens": generation.tokens}
        return (
            event({"type": "content_block_stop", "index": 0})
            + event({"type": "message_delta", "delta": delta, "usage": usage})
            + event({"type": "message_stop"})
        )


class CallShape(MessageShape):
    """
    ``/v1/messages``: a message with one call of a tool.

    :param call: the call; its arguments are what is generated.
    """

    _BEFORE = (
        b"event: content_block_delta\ndata: "
        b'{"type":"content_block_delta","index":0,'
        b'"delta":{"type":"input_json_delta","partial_json":"'
    )

    def __init__(self, simulator: Simulator, call: Call) -> None:
        super().__init__(simulator)
        self._id = simulator.new_id("toolu_")
        self._call = call

    def _stop_reason(self, generation: Generation) -> str:
        return "tool_use"

    def _block(self, text: str) -> dict[str, Any]:
        # A stream begins with none of the arguments.
        given = self._call.arguments if text else {}
        return {
            "type": "tool_use",
            "id": self._id,
            "name": self._call.name,
            "input": given,
        }


def _prompt(exchange: Exchange) -> list[Any]:
    return [exchange.asked.get("system"), exchange.asked.get("messages")]


def messages(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/messages``.
    """
    prompt, call = _prompt(exchange), call_of(exchange.asked)
    if call is not None:
        generate(simulator, exchange, prompt, CallShape(simulator, call), call.script)
    else:
        script = script_for(simulator.name, exchange.asked)
        generate(simulator, exchange, prompt, MessageShape(simulator), script)


def count_tokens(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/messages/count_tokens``.
    """
    exchange.answer_json({"input_tokens": max(1, tokens_in(_prompt(exchange)))})
