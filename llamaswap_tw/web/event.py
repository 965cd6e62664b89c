"""
One server-sent event, as llama-swap's clients read it.
"""

from __future__ import annotations

import orjson

from .documents import dumped


def event(kind: str, data: object) -> bytes:
    """
    An event as it goes out.

    :param kind: its type.
    :param data: what it tells.
    """
    inner = dumped(data)
    outer = orjson.dumps({"type": kind, "data": inner.decode()})
    return b"event:message\ndata:%b\n\n" % outer
