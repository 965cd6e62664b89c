"""
Embeddings and reranking: the same input has the same answer, always.
"""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from typing import TYPE_CHECKING, Any

import orjson

from .exchange import Exchange
from .text import tokens_in

if TYPE_CHECKING:
    from .server import Simulator

_DIMENSIONS = 64
_MOST_DIMENSIONS = 8192


def embedding(value: Any, dimensions: int = _DIMENSIONS) -> list[float]:
    """
    A vector of length 1 that depends on nothing but what is embedded.

    :param value: text or token numbers.
    """
    seed = orjson.dumps(value)
    digest = hashlib.shake_256(seed).digest(4 * dimensions)
    raw = [n / 2**31 - 1 for n in struct.unpack(f"<{dimensions}I", digest)]
    norm = math.sqrt(sum(x * x for x in raw))
    return [x / norm for x in raw]


def embeddings(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/embeddings``.
    """
    asked = exchange.asked
    given = asked.get("input", asked.get("content", ""))
    many = isinstance(given, list) and not (given and isinstance(given[0], int))
    inputs = given if many else [given]
    dimensions = asked.get("dimensions", _DIMENSIONS)
    if not (isinstance(dimensions, int) and 0 < dimensions <= _MOST_DIMENSIONS):
        exchange.refuse(
            400,
            "invalid_request_error",
            f"dimensions must be from 1 to {_MOST_DIMENSIONS}",
        )
        return
    encoded = asked.get("encoding_format") == "base64"

    def shown(vector: list[float]) -> Any:
        if not encoded:
            return vector
        packed = struct.pack(f"<{dimensions}f", *vector)
        return base64.b64encode(packed).decode()

    count = sum(map(tokens_in, inputs))
    exchange.answer_json(
        {
            "object": "list",
            "model": simulator.name,
            "usage": {"prompt_tokens": count, "total_tokens": count},
            "data": [
                {
                    "object": "embedding",
                    "index": index,
                    "embedding": shown(embedding(value, dimensions)),
                }
                for index, value in enumerate(inputs)
            ],
        }
    )


def relevance(query: str, document: str) -> float:
    """
    The part of a query's words that are in a document, from 0 to 1.
    """
    words = set(query.lower().split())
    return len(words & set(document.lower().split())) / len(words) if words else 0.0


def rerank(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/rerank``, the best document first.
    """
    asked = exchange.asked
    query, documents = asked.get("query"), asked.get("documents")
    if not isinstance(query, str) or not isinstance(documents, list):
        exchange.refuse(
            400, "invalid_request_error", '"query" and "documents" must be provided'
        )
        return
    texts = [d.get("text", "") if isinstance(d, dict) else str(d) for d in documents]
    results = [
        {"index": index, "relevance_score": relevance(query, text)}
        for index, text in enumerate(texts)
    ]
    results.sort(key=lambda result: -result["relevance_score"])
    top = asked.get("top_n")
    wanted = top if isinstance(top, int) and top >= 0 else len(results)
    count = tokens_in([query, texts])
    exchange.answer_json(
        {
            "model": simulator.name,
            "object": "list",
            "usage": {"prompt_tokens": count, "total_tokens": count},
            "results": results[:wanted],
        }
    )
