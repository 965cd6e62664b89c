"""
Moments, written and read as RFC 3339 has them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

#: A blank stands for a plus: that is what one becomes in a query, unless it is escaped.
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:)(\d\d)(\.\d+)?"
    r"(?:[Zz]|([+ -])(\d\d):(\d\d))",
    re.ASCII,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(at: float) -> str:
    """
    Write a moment.

    :param at: seconds since the epoch.
    """
    written = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z")


def parse_moment(text: str) -> Decimal:
    """
    Read a moment with its zone.

    :param text: as RFC 3339 has it.
    :returns: seconds since the epoch, with as many digits as it has.
    :raises ValueError: if it is none.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError("not as RFC 3339 writes a time, like 2026-01-31T12:00:00Z")
    day, minute, seconds, fraction, sign, hours, minutes = match.groups()
    # A leap second has no number of its own, and `datetime` knows none.
    leap = seconds == "60"
    local = datetime.fromisoformat(f"{day}T{minute}{'59' if leap else seconds}")
    if int(hours or 0) > 23 or int(minutes or 0) > 59:
        raise ValueError("no such zone")
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    since = local.replace(tzinfo=UTC) - _EPOCH
    since += offset if sign == "-" else -offset
    return since // timedelta(seconds=1) + leap + Decimal(fraction or 0)
