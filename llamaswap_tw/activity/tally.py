"""
What a response told of its tokens, put together.
"""

from __future__ import annotations

import math
from typing import Any

from .row import Tokens

#: No count and no time is this large; the sum of many still fits into 64 bits.
_TOO_LARGE = 10**15

_TIMINGS = (
    *("prompt_n", "predicted_n", "cache_n", "prompt_per_second"),
    *("predicted_per_second", "prompt_ms", "predicted_ms"),
)

_METRICS = ("time_to_first_token_ms", "mean_itl_ms")


class Tally:
    """
    Takes what documents of one response tell.  Of each number the last positive one
    counts; what is no number, or negative, is not there.
    """

    __slots__ = ("_metrics", "_timings", "_usage")

    def __init__(self) -> None:
        self._usage: dict[str, float] = {}
        self._timings: dict[str, float] = {}
        self._metrics: dict[str, float] = {}

    def take(self, document: Any) -> None:
        """
        Take what a document tells at its top level.

        :param document: its JSON; an object, or nothing is told.
        """
        if not isinstance(document, dict):
            return
        for key in ("message", "response"):
            inner = document.get(key)
            if isinstance(inner, dict):
                self._take_usage(inner.get("usage"))
        self._take_usage(document.get("usage"))
        timings = document.get("timings")
        if isinstance(timings, dict):
            _note_all(self._timings, timings, _TIMINGS)
            if "draft_n" in timings:
                _note_pair(
                    self._timings, timings["draft_n"], timings.get("draft_n_accepted")
                )
        metrics = document.get("metrics")
        if isinstance(metrics, dict):
            _note_all(self._metrics, metrics, _METRICS)
            drafts = _object(metrics, "speculative_decoding")
            _note_pair(
                self._metrics,
                drafts.get("num_draft_tokens"),
                drafts.get("num_accepted_draft_tokens"),
            )

    def _take_usage(self, usage: Any) -> None:
        if not isinstance(usage, dict):
            return
        known = self._usage
        _note(known, "input", usage.get("prompt_tokens"), usage.get("input_tokens"))
        _note(
            known,
            "output",
            usage.get("completion_tokens"),
            usage.get("output_tokens"),
        )
        _note(
            known,
            "cache",
            usage.get("cache_read_input_tokens"),
            _object(usage, "input_tokens_details").get("cached_tokens"),
            _object(usage, "prompt_tokens_details").get("cached_tokens"),
        )

    def least_ms(self) -> int:
        """
        What the model itself took, in milliseconds.
        """
        timings = self._timings
        return math.ceil(timings.get("prompt_ms", 0) + timings.get("predicted_ms", 0))

    def tokens(self) -> Tokens:
        """
        All that was told.
        """
        timings, usage, metrics = self._timings, self._usage, self._metrics
        if not (timings or usage or metrics):
            return Tokens()
        cached = int(timings.get("cache_n", usage.get("cache", -1)))
        read = int(timings.get("prompt_n", usage.get("input", 0)))
        prompt_speed = timings.get("prompt_per_second", -1.0)
        if prompt_speed < 0:
            ttft = metrics.get("time_to_first_token_ms", 0)
            uncached = read - max(cached, 0)
            if ttft > 0 and uncached > 0:
                prompt_speed = _speed(uncached * 1000, ttft)
        speed = timings.get("predicted_per_second", -1.0)
        if speed < 0 and (interval := metrics.get("mean_itl_ms", 0)) > 0:
            speed = _speed(1000, interval)
        drafts = timings if "draft" in timings else metrics
        return Tokens(
            cache_tokens=cached,
            draft_tokens=int(drafts.get("draft", -1)),
            draft_acc_tokens=int(drafts.get("accepted", -1)),
            input_tokens=read,
            output_tokens=int(timings.get("predicted_n", usage.get("output", 0))),
            prompt_per_second=float(prompt_speed),
            tokens_per_second=float(speed),
        )


def _speed(count: float, time: float) -> float:
    """
    How many there are in a unit of time; -1 where that is no number.
    """
    speed = count / time
    return speed if speed < _TOO_LARGE else -1.0


def _object(holder: dict[str, Any], key: str) -> dict[str, Any]:
    found = holder.get(key)
    return found if isinstance(found, dict) else {}


def _number(value: object) -> float | None:
    # `bool` is another type, and NaN is not less than anything.
    if (type(value) is int or type(value) is float) and 0 <= value < _TOO_LARGE:
        return value
    return None


def _note_all(
    known: dict[str, float], holder: dict[str, Any], names: tuple[str, ...]
) -> None:
    """
    Keep numbers, as `_note` does, by their own names.
    """
    # Where llama.cpp is asked for timings with each token, this is most of the cost.
    for name in names:
        value = holder.get(name)
        if (
            (type(value) is float or type(value) is int)
            and 0 <= value < _TOO_LARGE
            and (value or name not in known)
        ):
            known[name] = value


def _note(known: dict[str, float], name: str, *candidates: object) -> None:
    """
    Keep the first of some numbers that is positive; 0 only where nothing is known.
    """
    for candidate in candidates:
        value = _number(candidate)
        if value:
            known[name] = value
            return
        if value is not None:
            known.setdefault(name, 0)


def _note_pair(known: dict[str, float], draft: object, accepted: object) -> None:
    """
    Keep both or neither.
    """
    if _number(draft) is not None and _number(accepted) is not None:
        _note(known, "draft", draft)
        _note(known, "accepted", accepted)
