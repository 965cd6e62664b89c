"""
The time formats of the log, as Go's ``time`` package names and lays them out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def _offset(t: datetime) -> str:
    return t.strftime("%z")


def _offset_rfc3339(t: datetime) -> str:
    offset = _offset(t)
    return "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"


def _fraction(t: datetime) -> str:
    """
    Go's nanosecond layout drops trailing zeros; the clock here has microseconds.
    """
    digits = f"{t.microsecond:06d}".rstrip("0")
    return f".{digits}" if digits else ""


def _clock(t: datetime) -> str:
    return t.strftime("%H:%M:%S")


def _day(t: datetime) -> str:
    return _DAYS[t.weekday()]


def _month(t: datetime) -> str:
    return _MONTHS[t.month - 1]


def _stamp(t: datetime) -> str:
    return f"{_month(t)} {t.day:2d} {_clock(t)}"


#: name → how a time with a zone is written.  Names of days and months are
#: English whatever the locale, as Go's are.
_FORMATS: dict[str, Callable[[datetime], str]] = {
    "ansic": lambda t: f"{_day(t)} {_stamp(t)} {t.year}",
    "unixdate": lambda t: f"{_day(t)} {_stamp(t)} {t.tzname()} {t.year}",
    "rubydate": lambda t: (
        f"{_day(t)} {_month(t)} {t.day:02d} {_clock(t)} {_offset(t)} {t.year}"
    ),
    "rfc822": lambda t: (
        f"{t.day:02d} {_month(t)} {t.year % 100:02d} {t:%H:%M} {t.tzname()}"
    ),
    "rfc822z": lambda t: (
        f"{t.day:02d} {_month(t)} {t.year % 100:02d} {t:%H:%M} {_offset(t)}"
    ),
    "rfc850": lambda t: (
        f"{_LONG_DAYS[t.weekday()]}, {t.day:02d}-{_month(t)}-{t.year % 100:02d} "
        f"{_clock(t)} {t.tzname()}"
    ),
    "rfc1123": lambda t: (
        f"{_day(t)}, {t.day:02d} {_month(t)} {t.year} {_clock(t)} {t.tzname()}"
    ),
    "rfc1123z": lambda t: (
        f"{_day(t)}, {t.day:02d} {_month(t)} {t.year} {_clock(t)} {_offset(t)}"
    ),
    "rfc3339": lambda t: f"{t:%Y-%m-%dT%H:%M:%S}{_offset_rfc3339(t)}",
    "rfc3339nano": lambda t: f"{t:%Y-%m-%dT%H:%M:%S}{_fraction(t)}{_offset_rfc3339(t)}",
    "kitchen": lambda t: (
        f"{(t.hour + 11) % 12 + 1}:{t:%M}{'AM' if t.hour < 12 else 'PM'}"
    ),
    "stamp": _stamp,
    "stampmilli": lambda t: f"{_stamp(t)}.{t.microsecond // 1000:03d}",
    "stampmicro": lambda t: f"{_stamp(t)}.{t.microsecond:06d}",
    "stampnano": lambda t: f"{_stamp(t)}.{t.microsecond:06d}000",
}

#: The names that ``logTimeFormat`` takes, besides ``""``.
NAMES = frozenset(_FORMATS)


def timestamp(name: str, when: float) -> str:
    """
    Write a time of the log.

    :param name: one of `NAMES`, in any case, or ``""``.
    :param when: seconds since the epoch.
    :returns: the local time and a blank after it; ``""`` for ``""``.
    """
    if not name:
        return ""
    return _FORMATS[name.lower()](datetime.fromtimestamp(when).astimezone()) + " "
