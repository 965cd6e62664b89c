"""
What llama-server has of its own: completion, infill, and its listings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .exchange import Exchange
from .generate import data, generate
from .text import Generation

if TYPE_CHECKING:
    from .server import Simulator

_CONTEXT = 4096


class NativeShape:
    """
    ``/completion`` and ``/infill``.
    """

    def __init__(self, simulator: Simulator, prompt: Any) -> None:
        self._model = simulator.name
        self._prompt = prompt

    def _summary(self, generation: Generation, content: str) -> dict[str, Any]:
        return {
            "index": 0,
            "content": content,
            "tokens": [],
            "id_slot": 0,
            "stop": True,
            "model": self._model,
            "tokens_predicted": generation.tokens,
            "tokens_evaluated": generation.prompt_tokens,
            "generation_settings": {"n_predict": generation.tokens},
            "prompt": self._prompt,
            "has_new_line": False,
            "truncated": False,
            "stop_type": "limit" if generation.limited else "eos",
            "stopping_word": "",
            "tokens_cached": 0,
            "timings": generation.timings(),
        }

    def whole(self, generation: Generation) -> dict[str, Any]:
        """
        The answer with all its text.
        """
        return self._summary(generation, generation.text())

    def opening(self, generation: Generation) -> bytes:
        """
        Nothing.
        """
        return b""

    def token(self, generation: Generation, index: int) -> bytes:
        """
        A piece of the text.
        """
        return (
            b'data: {"index":0,"content":"%b","tokens":[],"stop":false,"id_slot":0,'
            b'"tokens_predicted":%d,"tokens_evaluated":%d}\n\n'
        ) % (generation.json(index), index + 1, generation.prompt_tokens)

    def closing(self, generation: Generation) -> bytes:
        """
        All but the text.
        """
        return data(self._summary(generation, ""))


def completion(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/completion``.
    """
    prompt = exchange.asked.get("prompt")
    generate(simulator, exchange, prompt, NativeShape(simulator, prompt))


def infill(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/infill``.
    """
    parts = [exchange.asked.get(name) for name in ("input_prefix", "input_suffix")]
    generate(simulator, exchange, parts, NativeShape(simulator, parts))


def models(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/models``.
    """
    exchange.answer_json(
        {
            "object": "list",
            "data": [
                {
                    "id": simulator.name,
                    "object": "model",
                    "created": simulator.wall_time(),
                    "owned_by": "simulator",
                    "meta": {"n_ctx_train": _CONTEXT},
                }
            ],
        }
    )


def props(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/props``.
    """
    exchange.answer_json(
        {
            "default_generation_settings": {"id": 0, "n_ctx": _CONTEXT},
            "total_slots": 1,
            "model_alias": simulator.name,
            "model_path": f"/simulated/{simulator.name}.gguf",
            "modalities": {"vision": False, "audio": True},
            "chat_template": "",
            "build_info": "simulator",
        }
    )


def slots(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/slots``.
    """
    busy = simulator.stats.in_flight > 0
    exchange.answer_json([{"id": 0, "n_ctx": _CONTEXT, "is_processing": busy}])
