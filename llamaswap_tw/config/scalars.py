"""
What a scalar means, as Go's ``yaml.v3`` decides, and how Go writes it.
"""

from __future__ import annotations

import re
from decimal import Decimal

from .nodes import Value

_TAG = "tag:yaml.org,2002:"

_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF"), float("inf")),
    **dict.fromkeys(("+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}

_INTEGER = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))"
)
_BASES = (16, 2, 8, 10)

_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")

#: No integer of 64 bits is written longer than this, but for leading zeros.
_LONGEST = 100


def plain_value(text: str) -> Value:
    """
    What a scalar without quotes and without a tag means.

    :param text: as it was written.
    """
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first == ".":
        return _float(text, text)
    if first not in "+-0123456789":
        return text
    number = text.replace("_", "")
    integer = _integer(number)
    return _float(number, text) if integer is None else integer


def _integer(text: str) -> int | None:
    matched = _INTEGER.fullmatch(text) if len(text) <= _LONGEST else None
    if matched is None:
        return None
    sign, *digits = matched.groups()
    value = next(
        int(part, base)
        for part, base in zip(digits, _BASES, strict=True)
        if part is not None
    )
    if sign == "-":
        value = -value
    # Go has signed and unsigned integers of 64 bits, and no sign on the latter.
    highest = 2**63 if sign else 2**64
    return value if -(2**63) <= value < highest else None


def _float(text: str, written: str) -> Value:
    if not _FLOAT.fullmatch(text):
        return written
    value = float(text)
    return written if value in (float("inf"), float("-inf")) else value


def tagged_value(tag: str, text: str) -> Value:
    """
    What a scalar with a tag means.

    :param tag: the whole tag.
    :raises ValueError: if it is none of that type, or the type is not known
        here.
    """
    if not tag.startswith(_TAG):
        # "!" and tags of one's own: yaml.v3 takes the text.
        return text
    kind = tag[len(_TAG) :]
    if kind in ("str", "timestamp"):
        return text
    value = plain_value(text)
    fits = {
        "null": value is None,
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
    }
    if not fits.get(kind):
        raise ValueError(kind)
    if kind == "float":
        assert isinstance(value, int | float)
        return float(value)
    return value


def whole_number(value: Value) -> int | None:
    """
    The value where an integer is wanted: ``5.0`` is one.

    :returns: `None` if it is none.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None


def go_text(value: str | int | float | bool) -> str:
    """
    The value inside a longer text, as Go's ``%v`` writes it.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _go_float(value)
    return str(value)


def _go_float(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    # Both languages take the shortest digits that mean the same number; they
    # differ in when they write an exponent.
    exact = Decimal(repr(value)).normalize()
    exponent = exact.adjusted() if exact else 0
    if -4 <= exponent < 6:
        return f"{exact:f}"
    sign, digits, _ = exact.as_tuple()
    text = "".join(map(str, digits))
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e{exponent:+03d}"
