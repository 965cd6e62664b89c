"""
Between a row and the columns of the table ``activity``: how it gets in, and what is
shown of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from typing import Any

import orjson

from .row import Row

#: The columns but the id, in the order of `values_of`.
COLUMNS = (
    *("ts_created", "model_id", "req_path", "resp_content_type", "resp_status_code"),
    *("cache_tokens", "draft_tokens", "draft_acc_tokens"),
    *("input_tokens", "output_tokens", "prompt_per_second", "tokens_per_second"),
    *("duration_ms", "error_msg", "metadata_json"),
)

#: What every reader of JSON still counts exactly.
_MOST = 2**53 - 1

#: What Go shows where there is no time.
_NO_TIME = "0001-01-01T00:00:00Z"


def insertion(count: int) -> str:
    """
    :returns: the SQL that adds so many rows at once.
    """
    one = f"({', '.join('?' * len(COLUMNS))})"
    return (
        f"INSERT INTO activity ({', '.join(COLUMNS)}) VALUES {', '.join([one] * count)}"
    )


def values_of(row: Row) -> tuple[object, ...]:
    """
    What goes into the table, whatever a model's server may have said: one row must
    not spoil those that are written with it.

    :returns: the values of `COLUMNS`.
    """
    tokens = row.tokens
    return (
        int(row.timestamp),
        _text(row.model),
        _text(row.req_path),
        _text(row.resp_content_type),
        row.resp_status_code,
        _count(tokens.cache_tokens),
        _count(tokens.draft_tokens),
        _count(tokens.draft_acc_tokens),
        _count(tokens.input_tokens),
        _count(tokens.output_tokens),
        _speed(tokens.prompt_per_second),
        _speed(tokens.tokens_per_second),
        _count(row.duration_ms),
        _text(row.error_msg),
        _metadata(row),
    )


def _text(text: str) -> str:
    # SQLite takes no lone surrogates.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _count(number: int) -> int:
    return -1 if number < 0 else min(number, _MOST)


def _speed(number: float) -> float:
    return number if number >= 0 and isfinite(number) else -1.0


def _metadata(row: Row) -> str:
    metadata = dict(row.metadata)
    try:
        return orjson.dumps(metadata).decode()
    except TypeError:
        clean = {_text(name): _text(value) for name, value in metadata.items()}
        return orjson.dumps(clean).decode()


def entry_of(values: Sequence[Any]) -> dict[str, Any]:
    """
    A row as the API shows it, but for ``has_capture``, which nothing here knows.

    :param values: the id, then those of `COLUMNS`; speeds may be written as text.
    """
    row_id, when, model, path, content_type, status, *rest = values
    cached, drafted, accepted, given, made, prompt_speed, speed, *rest = rest
    duration, error, metadata = rest
    return {
        "id": row_id,
        "timestamp": local_time(when),
        "model": model,
        "req_path": path,
        "resp_content_type": content_type,
        "resp_status_code": status,
        "tokens": {
            "cache_tokens": cached,
            "draft_tokens": drafted,
            "draft_acc_tokens": accepted,
            "input_tokens": given,
            "output_tokens": made,
            "prompt_per_second": float(prompt_speed),
            "tokens_per_second": float(speed),
        },
        "duration_ms": duration,
        "has_capture": False,
        "error_msg": error,
        "metadata": _shown_metadata(metadata),
    }


def local_time(when: int) -> str:
    """
    A time as Go writes one: RFC 3339, with the offset of the local zone.

    :param when: seconds since the epoch.
    """
    try:
        text = datetime.fromtimestamp(when).astimezone().isoformat()
    except (ValueError, OverflowError, OSError):
        return _NO_TIME
    # Some zones of the nineteenth century are off by seconds, which Go leaves out.
    return text[:25].replace("+00:00", "Z")


def _shown_metadata(text: str) -> dict[str, str]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in found.items()
    }
