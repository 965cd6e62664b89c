"""
Moments, as clients write them.
"""

from __future__ import annotations

import re
from datetime import datetime

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def parse_instant(text: str) -> float:
    """
    Read a moment in the form of RFC 3339.

    :param text: where it was in a query, the ``+`` before the zone may have become a
        blank, as it does unless it is escaped.
    :returns: seconds since the epoch.
    :raises ValueError: if that is none.
    """
    text = text.replace(" ", "+")
    if _RFC3339.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no time like 2026-01-31T12:00:00Z")
    return datetime.fromisoformat(text.upper()).timestamp()
