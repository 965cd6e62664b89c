"""
OpenAI's responses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .exchange import Exchange
from .generate import event, generate
from .text import Generation

if TYPE_CHECKING:
    from .server import Simulator


class ResponseShape:
    """
    ``/v1/responses``: an answer with one message of one part.
    """

    def __init__(self, simulator: Simulator, exchange: Exchange) -> None:
        asked = exchange.asked
        self._item_id = simulator.new_id("msg_")
        self._response = {
            "id": simulator.new_id("resp_"),
            "object": "response",
            "created_at": simulator.wall_time(),
            "model": simulator.name,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.get("instructions"),
            "max_output_tokens": asked.get("max_output_tokens"),
            "metadata": asked.get("metadata") or {},
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "temperature": asked.get("temperature", 1.0),
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": asked.get("top_p", 1.0),
            "truncation": "disabled",
        }
        self._number = 0
        self._after = (
            f'","item_id":"{self._item_id}","output_index":0,"content_index":0,'
            '"logprobs":[],"type":"response.output_text.delta"}\n\n'
        ).encode()

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _item(self, status: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._item_id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": parts,
        }

    def _event(self, kind: str, **fields: Any) -> bytes:
        number = self._number
        self._number += 1
        return event({"type": kind, "sequence_number": number, **fields})

    def whole(self, generation: Generation) -> dict[str, Any]:
        """
        A ``response``.
        """
        status = "incomplete" if generation.limited else "completed"
        details = {"reason": "max_output_tokens"} if generation.limited else None
        return {
            **self._response,
            "status": status,
            "incomplete_details": details,
            "output": [self._item(status, [self._part(generation.text())])],
            "usage": {
                "input_tokens": generation.prompt_tokens,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": generation.tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": generation.prompt_tokens + generation.tokens,
            },
            "timings": generation.timings(),
        }

    def opening(self, generation: Generation) -> bytes:
        """
        The response, its message and that one's part begin.
        """
        response = {
            **self._response,
            "status": "in_progress",
            "output": [],
            "usage": None,
        }
        return b"".join(
            (
                self._event("response.created", response=response),
                self._event("response.in_progress", response=response),
                self._event(
                    "response.output_item.added",
                    output_index=0,
                    item=self._item("in_progress", []),
                ),
                self._event(
                    "response.content_part.added",
                    item_id=self._item_id,
                    output_index=0,
                    content_index=0,
                    part=self._part(""),
                ),
            )
        )

    def token(self, generation: Generation, index: int) -> bytes:
        """
        A delta.
        """
        number = self._number
        self._number += 1
        return b'%b%d,"delta":"%b%b' % (
            b'event: response.output_text.delta\ndata: {"sequence_number":',
            number,
            generation.json(index),
            self._after,
        )

    def closing(self, generation: Generation) -> bytes:
        """
        Part, message and response end.
        """
        whole = self.whole(generation)
        text = generation.text()
        place = {"item_id": self._item_id, "output_index": 0, "content_index": 0}
        status = whole["status"]
        return b"".join(
            (
                self._event(
                    "response.output_text.done", text=text, logprobs=[], **place
                ),
                self._event(
                    "response.content_part.done", part=self._part(text), **place
                ),
                self._event(
                    "response.output_item.done", output_index=0, item=whole["output"][0]
                ),
                self._event(f"response.{status}", response=whole),
            )
        )


def responses(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/responses``.
    """
    prompt = exchange.asked.get("input")
    generate(simulator, exchange, prompt, ResponseShape(simulator, exchange))
