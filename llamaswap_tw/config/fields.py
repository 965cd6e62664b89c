"""
The types of the configuration's keys: nodes in, values out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from .nodes import ListNode, MapNode, Node, ScalarNode, is_null, kind_of, plain
from .quantities import parse_duration, parse_size
from .scalars import whole_number

#: The types of pydantic's errors that we raise.
OURS = "ours"
BROKEN = "broken"

#: Where a boolean is wanted, yaml.v3 takes YAML 1.1's words too.
_BOOLEANS = {
    **dict.fromkeys(("y", "yes", "on"), True),
    **dict.fromkeys(("n", "no", "off"), False),
}


def wrong(message: str) -> PydanticCustomError:
    """
    A complaint about a value, for a validator to raise.
    """
    # Templates have braces for what pydantic fills in.
    return PydanticCustomError(OURS, "{said}", {"said": message})


def _scalar(node: object, wanted: str) -> ScalarNode:
    if not isinstance(node, ScalarNode):
        raise wrong(f"must be {wanted}, not {kind_of(node)}")
    if node.broken:
        raise PydanticCustomError(BROKEN, "broken")
    return node


def _reader(wanted: str, read: Callable[[ScalarNode], object]) -> BeforeValidator:
    """
    :param wanted: in words, what is allowed.
    :param read: gives a scalar's value, or `None` if it is none of that kind.
    """

    def validate(node: object) -> object:
        scalar = _scalar(node, wanted)
        value = read(scalar)
        if value is None:
            raise wrong(f"must be {wanted}, not {kind_of(scalar)}")
        return value

    return BeforeValidator(validate)


def _text(node: ScalarNode) -> object:
    return "" if node.value is None else node.text


def _boolean(node: ScalarNode) -> object:
    if isinstance(node.value, str):
        return _BOOLEANS.get(node.value.lower())
    return node.value if isinstance(node.value, bool) else None


def _number(node: ScalarNode) -> object:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


#: For a literal: takes a scalar's text.
AS_TEXT = _reader("text", _text)

Text = Annotated[str, AS_TEXT]
Boolean = Annotated[bool, _reader("true or false", _boolean)]
Integer = Annotated[int, _reader("a whole number", lambda n: whole_number(n.value))]
Number = Annotated[float, _reader("a number", _number)]

_DURATION = "a duration with a unit, like 500ms, 30s or 1h30m"


def _duration(node: object) -> float:
    scalar = _scalar(node, _DURATION)
    seconds = parse_duration(scalar.value) if isinstance(scalar.value, str) else None
    if seconds is None:
        kind = kind_of(scalar)
        if kind == "text":
            raise wrong(f"must be {_DURATION}")
        raise wrong(f"must be {_DURATION}, not {kind} without one")
    if seconds < 0:
        raise wrong(f"must be {_DURATION}, and not negative")
    return seconds


def _duration_or_zero(node: object) -> float:
    if isinstance(node, ScalarNode) and whole_number(node.value) == 0:
        return 0.0
    return _duration(node)


_SIZE = "a size like 64KiB, 10MB or 1GiB, or a number of bytes"


def _size(node: object) -> int:
    size = parse_size(_scalar(node, _SIZE).text)
    if size is None:
        raise wrong(f"must be {_SIZE}")
    if size < 1:
        raise wrong("must be at least one byte")
    return size


#: How they are written, for the JSON Schema.
_DURATION_TEXT = Annotated[
    str,
    Field(
        pattern=r"^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$",
        examples=["500ms", "30s", "1h30m"],
    ),
]
_SIZE_TEXT = Annotated[
    str,
    Field(
        pattern=r"^[0-9]+(\.[0-9]+)?\s*([kKmMgGtT][iI]?)?[bB]?$",
        examples=["64KiB", "10MB", "1GiB"],
    ),
]
_POSITIVE = Annotated[int, Field(ge=1)]

#: In seconds; written with a unit.
Duration = Annotated[
    float, BeforeValidator(_duration, json_schema_input_type=_DURATION_TEXT)
]

#: The same, but that ``0`` needs no unit.
DurationOrZero = Annotated[
    float,
    BeforeValidator(
        _duration_or_zero, json_schema_input_type=_DURATION_TEXT | Literal[0]
    ),
]

#: In bytes.
Size = Annotated[
    int, BeforeValidator(_size, json_schema_input_type=_SIZE_TEXT | _POSITIVE)
]

#: Any YAML, as it is.
Anything = Annotated[Any, BeforeValidator(plain)]


def _items(node: object) -> object:
    if isinstance(node, ListNode):
        return node.items
    if isinstance(node, ScalarNode) and node.broken:
        raise PydanticCustomError(BROKEN, "broken")
    raise wrong(f"must be a list, not {kind_of(node)}")


def _entries(node: object) -> object:
    if isinstance(node, MapNode):
        return {key: entry.value for key, entry in node.entries.items()}
    if isinstance(node, ScalarNode) and node.broken:
        raise PydanticCustomError(BROKEN, "broken")
    if is_null(node):
        return {}
    raise wrong(f"must be a mapping, not {kind_of(node)}")


_T = TypeVar("_T")

Items = Annotated[tuple[_T, ...], BeforeValidator(_items)]
Entries = Annotated[dict[str, _T], BeforeValidator(_entries)]


class Section(BaseModel):
    """
    A mapping with keys that are known.  A key whose value is null counts as
    absent, as it does for yaml.v3.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, frozen=True, extra="ignore", defer_build=True
    )

    @model_validator(mode="before")
    @classmethod
    def _from_node(cls, node: object) -> dict[str, Node]:
        found = _entries(node)
        assert isinstance(found, dict)
        return {key: value for key, value in found.items() if not is_null(value)}
