"""
Durations and sizes, as text.
"""

from __future__ import annotations

import re
from decimal import Decimal

_UNITS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),  # the micro sign
    "μs": Decimal("1e-6"),  # the Greek letter
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_PART = r"(?:([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))"
_DURATION = re.compile(rf"[-+]?(?:0|{_PART}+)")

#: Go's durations end here: 64 bits of nanoseconds.
_LONGEST = Decimal(2**63 - 1) / 10**9

_SIZE_UNITS = {
    "": 1,
    "b": 1,
    **{f"{unit}b": 1000**n for n, unit in enumerate("kmgt", 1)},
    **{f"{unit}ib": 1024**n for n, unit in enumerate("kmgt", 1)},
}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)")

#: Quantities written longer than this are nonsense.
_LONGEST_TEXT = 100


def parse_duration(text: str) -> float | None:
    """
    A duration as Go's ``time.ParseDuration`` takes it: ``1h30m``, ``500ms``.

    :returns: seconds, or `None` if it is none.
    """
    if len(text) > _LONGEST_TEXT or not _DURATION.fullmatch(text):
        return None
    seconds = sum(
        (Decimal(number) * _UNITS[unit] for number, unit in re.findall(_PART, text)),
        Decimal(0),
    )
    if seconds > _LONGEST:
        return None
    return float(-seconds if text[0] == "-" else seconds)


def parse_size(text: str) -> int | None:
    """
    A size: ``1GiB``, ``64 KiB``, ``10MB``, or a number of bytes.

    :returns: bytes, or `None` if it is none.
    """
    matched = _SIZE.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if matched is None or matched[2].lower() not in _SIZE_UNITS:
        return None
    return int(Decimal(matched[1]) * _SIZE_UNITS[matched[2].lower()])
