"""
What a response tells, found by reading all of it with `json`.
"""

from __future__ import annotations

import json
import re
from math import ceil
from typing import Any

from llamaswap_tw.activity.row import Tokens


def documents_of_stream(stream: bytes) -> list[Any]:
    """
    The JSON of each event of an event stream.
    """
    documents = []
    data: list[str] = []
    text = stream.decode("utf-8").removeprefix("\ufeff")
    for line in [*re.split("\r\n|\r|\n", text), ""]:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line:
            try:
                documents.append(json.loads("\n".join(data)))
            except ValueError:
                pass
            data = []
    return documents


def expected(documents: list[Any], infill: bool = False) -> tuple[Tokens, int]:
    """
    The tokens of a response, and the least that it took in milliseconds.
    """
    found: dict[str, float] = {}
    for document in documents:
        if infill and isinstance(document, list) and document:
            document = document[-1]
        for name, value in _numbers(document):
            if value > 0 or name not in found:
                found[name] = value
    if not found:
        return Tokens(), 0
    cached = int(found.get("t.cache_n", found.get("cached", -1)))
    read = int(found.get("t.prompt_n", found.get("input", 0)))
    speeds = [
        found.get(f"t.{name}_per_second", -1.0) for name in ("prompt", "predicted")
    ]
    ttft, interval = found.get("ttft", 0), found.get("itl", 0)
    if speeds[0] < 0 and ttft > 0 and read > max(cached, 0):
        speeds[0] = (read - max(cached, 0)) * 1000 / ttft
    if speeds[1] < 0 and interval > 0:
        speeds[1] = 1000 / interval
    drafts = "t." if "t.draft" in found else "m."
    return Tokens(
        cache_tokens=cached,
        draft_tokens=int(found.get(f"{drafts}draft", -1)),
        draft_acc_tokens=int(found.get(f"{drafts}accepted", -1)),
        input_tokens=read,
        output_tokens=int(found.get("t.predicted_n", found.get("output", 0))),
        prompt_per_second=speeds[0],
        tokens_per_second=speeds[1],
    ), ceil(found.get("t.prompt_ms", 0) + found.get("t.predicted_ms", 0))


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 <= value < 10**15
    )


def _get(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _numbers(document: Any) -> list[tuple[str, float]]:
    """
    The numbers that a document has, in the order in which they count.
    """
    found: list[tuple[str, Any]] = []
    for usage in (
        _get(document, "message", "usage"),
        _get(document, "response", "usage"),
        _get(document, "usage"),
    ):
        for name, *paths in (
            ("input", ["prompt_tokens"], ["input_tokens"]),
            ("output", ["completion_tokens"], ["output_tokens"]),
            (
                "cached",
                ["cache_read_input_tokens"],
                ["input_tokens_details", "cached_tokens"],
                ["prompt_tokens_details", "cached_tokens"],
            ),
        ):
            numbers = [n for path in paths if _is_number(n := _get(usage, *path))]
            if numbers:
                found.append((name, next((n for n in numbers if n > 0), 0)))
    timings = _get(document, "timings")
    for name in (
        *("prompt_n", "predicted_n", "cache_n", "prompt_ms", "predicted_ms"),
        *("prompt_per_second", "predicted_per_second"),
    ):
        found.append((f"t.{name}", _get(timings, name)))
    metrics = _get(document, "metrics")
    found.append(("ttft", _get(metrics, "time_to_first_token_ms")))
    found.append(("itl", _get(metrics, "mean_itl_ms")))
    drafts = _get(metrics, "speculative_decoding")
    for prefix, holder, *names in (
        ("t.", timings, "draft_n", "draft_n_accepted"),
        ("m.", drafts, "num_draft_tokens", "num_accepted_draft_tokens"),
    ):
        pair = [_get(holder, name) for name in names]
        if all(map(_is_number, pair)):
            found += [(f"{prefix}draft", pair[0]), (f"{prefix}accepted", pair[1])]
    return [(name, value) for name, value in found if _is_number(value)]
