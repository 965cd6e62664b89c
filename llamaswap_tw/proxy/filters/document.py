"""
A JSON document that is opened only as far as it is changed; what stays closed
keeps its bytes, and so its value: numbers of any size, floats as they were
written, lone surrogates.

It is scanned, not checked: whoever asked for the model has parsed it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import orjson

from ...errors import BadRequest

_QUOTE, _BACKSLASH, _COMMA, _COLON = b'"\\,:'
_CLOSE_OBJECT, _CLOSE_ARRAY = b"}]"

_BLANKS = re.compile(rb"[ \t\r\n]*+")

#: A key without escapes, its colon, and the blanks around both.
_KEY = re.compile(rb'[ \t\r\n]*+"([^"\\]{0,255}+)"[ \t\r\n]*+:[ \t\r\n]*+')

#: A short string without escapes; a number, true, false, null, and what Python
#: writes for infinities and NaN; and the blanks that follow.
_PLAIN = re.compile(rb'(?:"[^"\\]{0,255}+"|[-+.0-9A-Za-z]++)[ \t\r\n]*+')

#: As much as one call may take of what nests nothing: short strings and all
#: between them.  Bounded, because `re` holds the interpreter meanwhile, and
#: remembers each repetition of a group.
_SHALLOW = re.compile(
    rb'[^"\[\]{}]{0,255}+'
    rb'(?:"[^"\\]{0,255}+(?:\\.[^"\\]{0,255}+){0,63}"[^"\[\]{}]{0,255}+){0,31}',
    re.DOTALL,
)


class Raw(NamedTuple):
    """
    A value as it was written, with the blanks around it.
    """

    data: bytes
    start: int
    end: int


class ObjectNode:
    """
    An opened object.

    :ivar members: key → what is written from the last comma to the value, and
        the value.  Of equal keys the last one counts.
    """

    __slots__ = ("members",)

    def __init__(self, members: dict[str, tuple[bytes, Value]]) -> None:
        self.members = members


class ArrayNode:
    """
    An opened array.
    """

    __slots__ = ("items",)

    def __init__(self, items: list[Value]) -> None:
        self.items = items


Node: TypeAlias = ObjectNode | ArrayNode
Value: TypeAlias = Raw | ObjectNode | ArrayNode


def encode(value: object) -> Raw:
    """
    A value of ours as JSON; infinities and NaN, which it has not, as null.
    """
    try:
        data = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # It has no integers beyond 64 bits, and no lone surrogates.
        data = json.dumps(value).encode()
    return Raw(data, 0, len(data))


def encode_key(key: str) -> bytes:
    """
    What stands before the value of a new member.
    """
    return encode(key).data + b":"


def pieces(value: Value) -> Iterator[bytes | memoryview]:
    """
    A value written out again.
    """
    if isinstance(value, Raw):
        yield memoryview(value.data)[value.start : value.end]
    elif isinstance(value, ObjectNode):
        comma = b"{"
        for lead, member in value.members.values():
            yield comma
            yield lead
            yield from pieces(member)
            comma = b","
        yield b"}" if value.members else b"{}"
    else:
        comma = b"["
        for item in value.items:
            yield comma
            yield from pieces(item)
            comma = b","
        yield b"]" if value.items else b"[]"


def open_value(raw: Raw) -> Node | None:
    """
    Open a value.

    :returns: it, or `None` if it is neither object nor array.
    :raises BadRequest: if it is no JSON.
    """
    start = _skip_blanks(raw.data, raw.start)
    first = raw.data[start : start + 1]
    if first == b"{":
        return open_object(raw.data, start)[0]
    return _open_array(raw.data, start) if first == b"[" else None


def open_object(data: bytes, start: int) -> tuple[ObjectNode, int]:
    """
    Open an object.

    :param start: where its brace stands.
    :returns: it, and where it ends.
    :raises BadRequest: if it is no JSON.
    """
    members: dict[str, tuple[bytes, Value]] = {}
    first = _skip_blanks(data, start + 1)
    if data[first : first + 1] == b"}":
        return ObjectNode(members), first + 1

    def member(lead: int) -> int:
        key, value = _read_key(data, lead)
        end = _skip_value(data, value)
        members[key] = (data[lead:value], Raw(data, value, end))
        return end

    return ObjectNode(members), _walk(data, start + 1, _CLOSE_OBJECT, member)


def _open_array(data: bytes, start: int) -> ArrayNode:
    items: list[Value] = []
    first = _skip_blanks(data, start + 1)
    if data[first : first + 1] == b"]":
        return ArrayNode(items)

    def item(lead: int) -> int:
        end = _skip_value(data, _skip_blanks(data, lead))
        items.append(Raw(data, lead, end))
        return end

    _walk(data, start + 1, _CLOSE_ARRAY, item)
    return ArrayNode(items)


def _walk(data: bytes, start: int, close: int, take: Callable[[int], int]) -> int:
    """
    Take one thing after the other, up to the closing bracket.

    :param take: given where one begins, returns where it ends.
    :returns: where all of it ends.
    """
    while True:
        end = take(start)
        found = _at(data, end)
        if found == close:
            return end + 1
        if found != _COMMA:
            raise _broken(end)
        start = end + 1


def _read_key(data: bytes, start: int) -> tuple[str, int]:
    """
    :returns: a key, and where its value begins.
    """
    plain = _KEY.match(data, start)
    try:
        if plain is not None:
            return plain[1].decode("utf-8", "surrogatepass"), plain.end()
        quote = _skip_blanks(data, start)
        if _at(data, quote) != _QUOTE:
            raise _broken(quote)
        end = _skip_string(data, quote)
        key = json.loads(data[quote:end])
    except ValueError:
        raise _broken(start)
    colon = _skip_blanks(data, end)
    if _at(data, colon) != _COLON:
        raise _broken(colon)
    return key, _skip_blanks(data, colon + 1)


def _skip_value(data: bytes, start: int) -> int:
    """
    :returns: where a value, and the blanks after it, end.
    """
    plain = _PLAIN.match(data, start)
    if plain is not None:
        return plain.end()
    first = _at(data, start)
    if first == _QUOTE:
        return _skip_blanks(data, _skip_string(data, start))
    if first in b"{[":
        return _skip_blanks(data, _skip_nested(data, start))
    raise _broken(start)


def _skip_nested(data: bytes, start: int) -> int:
    depth = 0
    end = start
    try:
        while True:
            found = data[end]
            if found in b"{[":
                depth += 1
                end += 1
            elif found in b"}]":
                depth -= 1
                end += 1
                if depth == 0:
                    return end
            elif found == _QUOTE:
                end = _skip_string(data, end)
            shallow = _SHALLOW.match(data, end)
            assert shallow is not None
            end = shallow.end()
    except IndexError:
        raise _broken(end)


def _skip_string(data: bytes, start: int) -> int:
    end = start
    while True:
        end = data.find(b'"', end + 1)
        if end < 0:
            raise _broken(len(data))
        # An odd number of backslashes escapes the quote.
        before = end - 1
        while data[before] == _BACKSLASH:
            before -= 1
        if (end - before) % 2:
            return end + 1


def _skip_blanks(data: bytes, start: int) -> int:
    blanks = _BLANKS.match(data, start)
    assert blanks is not None
    return blanks.end()


def _at(data: bytes, position: int) -> int:
    if position >= len(data):
        raise _broken(position)
    return data[position]


def _broken(position: int) -> BadRequest:
    return BadRequest(f"the request body is not valid JSON at offset {position}")
