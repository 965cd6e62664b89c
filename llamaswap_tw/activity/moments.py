"""
Times as RFC 3339 writes them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:)(\d\d)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_moment(text: str) -> tuple[int, bool]:
    """
    Read a time with its zone.

    :param text: as RFC 3339 has it.
    :returns: the whole seconds since the epoch at or before it, and whether it is
        later than those, by however little.
    :raises ValueError: if it is none.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError("not as RFC 3339 writes a time")
    day, minute, seconds, fraction, sign, hours, minutes = match.groups()
    # A leap second has no number of its own, and `datetime` knows none.
    leap = seconds == "60"
    local = datetime.fromisoformat(f"{day}T{minute}{'59' if leap else seconds}")
    if int(hours or 0) > 23 or int(minutes or 0) > 59:
        raise ValueError("no such zone")
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    since = local.replace(tzinfo=UTC) - _EPOCH
    since += offset if sign == "-" else -offset
    later = bool(fraction and fraction.strip("0"))
    return since // timedelta(seconds=1) + leap, later
