"""
Members of a JSON document that is never held: it passes in pieces, cut anywhere, of
any size, and only the values that are wanted are kept.

It is scanned, not checked: in what is no JSON anything may be found, within the same
bounds.  Keys count as they are written, without escapes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

#: A value longer than this, in bytes, is none that is wanted.
MOST_HELD = 64 * 1024

#: No key that is wanted is this long.
_LONGEST_KEY = 32

#: Nested values are passed over in steps of these sizes, in bytes: each is at most
#: as long as all before it, so that what is looked at twice stays within bounds.
_FIRST_STEP = 256
_LONGEST_STEP = 64 * 1024

#: Pairs of brackets are taken out this often at most, from the innermost on.
_ROUNDS = 8

_QUOTE, _COMMA, _OPEN_OBJECT, _OPEN_ARRAY = b'",{['
_CLOSERS = b"}]"

#: What precedes a document: blanks, and the bytes of a byte order mark.
_PROLOGUE = re.compile(rb"[ \t\r\n\xef\xbb\xbf]*+")

#: What matters where keys are read.
_MARK = re.compile(rb'["{}\[\],]')

#: What matters in a value that is passed over: strings, and brackets.
_STEP = re.compile(rb'"[^"]*+"?+|[{}\[\]]')

_BRACKETS = bytes.maketrans(b"{[}]", b"(())")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"{[}]")


#: Members that hardly nest anything, up to the comma behind each, unless their keys
#: are of these.  Bounded, because `re` remembers each repetition of a group.
_PLAIN_MEMBERS = rb"""(?x:
    [ \t\r\n]*+ "(?!(?:%b)")[^"]*+" [ \t\r\n]*+ :
    (?:
        [^"{}\[\],]++
        | [ \t\r\n]*+ (?: "[^"]*+" | [{\[] [^"{}\[\]]*+ [}\]] ) [ \t\r\n]*+
    )
    ,
){0,255}"""


class Wanted:
    """
    What is wanted of an object.

    :param members: keys → `None`, or what is wanted of the object there.
    :ivar members: the same.
    :ivar plain: matches others that are passed over easily.
    """

    __slots__ = ("members", "plain")

    def __init__(self, members: Mapping[bytes, Wanted | None]) -> None:
        self.members = members
        self.plain = re.compile(_PLAIN_MEMBERS % b"|".join(members))


def loads(data: bytes) -> Any:
    """
    Read JSON, and what others write for it: NaN, lone surrogates.

    :returns: its value; `None` where it is no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None


class Scanner:
    """
    Finds members in documents that follow one another.

    :param wanted: the members: of the top level, and of objects right below it.
    :param take: called with each document as it ends: an object that has nothing but
        what was wanted and found.  Values that are strings, objects or arrays are;
        of equal keys the last one counts.
    :param array: whether a document may be an array, of which the last element
        counts.  Otherwise it is passed over.
    """

    __slots__ = (
        "_array",
        "_document",
        "_escaped",
        "_fresh",
        "_held",
        "_held_size",
        "_ignored",
        "_in_array",
        "_in_key",
        "_in_string",
        "_key",
        "_last",
        "_nesting",
        "_outer",
        "_take",
        "_wanted",
        "_wanted_here",
        "_wants_key",
    )

    def __init__(
        self, wanted: Wanted, take: Callable[[dict[str, Any]], None], array: bool
    ) -> None:
        self._wanted = wanted
        self._take = take
        self._array = array
        self._reset()

    def _reset(self) -> None:
        #: Nothing but blanks was seen.
        self._fresh = True
        #: This is no JSON.
        self._ignored = False
        #: A backslash was the last byte.
        self._escaped = False
        self._in_string = False
        #: In an array whose elements are documents, and the last one of them.
        self._in_array = False
        self._last: dict[str, Any] | None = None
        #: What has been found of the document, and what is wanted of the object
        #: whose keys are being read; `None` outside.
        self._document: dict[str, Any] | None = None
        self._wanted_here: Wanted | None = None
        #: The key of that object, where it is not the document itself.
        self._outer: bytes | None = None
        self._wants_key = False
        self._in_key = False
        self._key = b""
        #: How many brackets of a value are open.
        self._nesting = 0
        #: The pieces of a value that is wanted.
        self._held: list[bytes] | None = None
        self._held_size = 0

    def feed(self, data: bytes) -> None:
        """
        Take the next piece.
        """
        if self._ignored or not data:
            return
        if self._fresh:
            prologue = _PROLOGUE.match(data)
            assert prologue is not None
            begin = prologue.end()
            if begin == len(data):
                return
            self._fresh = False
            if data[begin] not in b"{[":
                self._ignored = True
                return
        clean = self._without_escapes(data)
        position = 0
        size = len(data)
        while position < size:
            start = position
            if self._in_string:
                position = self._pass_string(clean, position)
                ended = not self._in_string and not self._nesting
            elif self._nesting:
                position = self._pass_nested(clean, position)
                ended = not self._nesting
            else:
                if self._wants_key and self._wanted_here is not None:
                    plain = self._wanted_here.plain.match(clean, position)
                    assert plain is not None
                    position = plain.end()
                mark = _MARK.search(clean, position)
                if mark is None:
                    return
                start = mark.start()
                position = mark.end()
                self._at_mark(clean[start])
                ended = False
            if self._in_key:
                self._read_key(clean[start:position], ended)
            elif self._held is not None:
                self._hold(data[start:position])
                if ended:
                    self._value_ended()

    def end(self) -> None:
        """
        No more of the document comes.  What was found in one that was cut off counts.
        """
        found = self._document or self._last
        if found:
            self._take(found)
        self._reset()

    def _without_escapes(self, data: bytes) -> bytes:
        """
        The same with other bytes in place of escaped quotes and backslashes, so that
        each quote that is left begins or ends a string.
        """
        clean = data
        if self._escaped:
            clean = b"." + clean[1:]
            self._escaped = False
        if b"\\" in clean:
            clean = clean.replace(b"\\\\", b"..").replace(b'\\"', b"..")
            self._escaped = clean.endswith(b"\\")
        return clean

    def _at_mark(self, mark: int) -> None:
        """
        A mark where keys are read, or between documents.
        """
        if mark == _QUOTE:
            self._in_string = True
            if self._wants_key:
                self._in_key = True
                self._key = b""
            elif self._is_wanted():
                self._begin_holding()
        elif mark == _COMMA:
            self._wants_key = self._document is not None
            self._key = b""
            self._last = None
        elif mark in _CLOSERS:
            self._close()
        elif self._document is None and mark == _OPEN_OBJECT:
            self._document = {}
            self._enter(self._wanted)
        elif self._document is None and self._array and not self._in_array:
            self._in_array = True
            self._last = None
        elif (
            mark == _OPEN_OBJECT
            and self._wanted_here is not None
            and (inner := self._wanted_here.members.get(self._key)) is not None
        ):
            self._outer = self._key
            self._enter(inner)
        else:
            self._nesting = 1
            if self._is_wanted():
                self._begin_holding()

    def _is_wanted(self) -> bool:
        here = self._wanted_here
        return here is not None and here.members.get(self._key, here) is None

    def _enter(self, wanted: Wanted) -> None:
        self._wanted_here = wanted
        self._wants_key = True
        self._key = b""

    def _close(self) -> None:
        """
        The object whose keys were read is over, or the array of documents.
        """
        self._wants_key = False
        self._key = b""
        if self._outer is not None:
            self._outer = None
            self._wanted_here = self._wanted
            return
        found = self._document
        self._document = self._wanted_here = None
        if self._in_array:
            if found is not None:
                self._last = found
                return
            found = self._last
            self._in_array = False
            self._last = None
        if found:
            self._take(found)

    def _read_key(self, piece: bytes, ended: bool) -> None:
        """
        A quote that opens a key, or what follows on it.
        """
        if len(self._key) <= _LONGEST_KEY:
            self._key += piece[: _LONGEST_KEY + 2]
        if not ended:
            return
        self._in_key = False
        self._wants_key = False
        self._key = self._key[1:-1]
        here = self._wanted_here
        if here is not None and self._key in here.members:
            # It is there again: what it was before does not count.
            self._object().pop(self._key.decode(), None)

    def _object(self) -> dict[str, Any]:
        """
        Where what is found in the object whose keys are read goes.
        """
        document = self._document
        assert document is not None
        if self._outer is None:
            return document
        found: dict[str, Any] = document.setdefault(self._outer.decode(), {})
        return found

    def _begin_holding(self) -> None:
        self._held = []
        self._held_size = 0

    def _hold(self, piece: bytes) -> None:
        held = self._held
        assert held is not None
        self._held_size += len(piece)
        if self._held_size > MOST_HELD:
            self._held = None
        else:
            held.append(piece)

    def _value_ended(self) -> None:
        held = self._held
        assert held is not None
        self._held = None
        value = loads(b"".join(held))
        if value is not None:
            self._object()[self._key.decode()] = value

    def _pass_string(self, clean: bytes, position: int) -> int:
        end = clean.find(b'"', position)
        if end < 0:
            return len(clean)
        self._in_string = False
        return end + 1

    def _pass_nested(self, clean: bytes, position: int) -> int:
        """
        Pass over a value, with what C does to many bytes at once.

        :returns: where it ends, or the piece does.
        """
        size = len(clean)
        step = _FIRST_STEP
        nesting = self._nesting
        while position < size:
            end = position + step
            step = min(step * 2, _LONGEST_STEP)
            # Every other part is a string.
            parts = clean[position:end].split(b'"')
            if not len(parts) % 2:
                end = clean.find(b'"', end) + 1
                if not end:
                    self._in_string = True
                    end = size
            brackets = b"".join(parts[::2]).translate(_BRACKETS, _NO_BRACKETS)
            for _ in range(_ROUNDS):
                if b"()" not in brackets:
                    break
                brackets = brackets.replace(b"()", b"")
            closing = brackets.count(b")")
            if closing < nesting:
                nesting += len(brackets) - 2 * closing
                position = min(end, size)
                continue
            # It may end here.
            for found in _STEP.finditer(clean, position, end):
                first = clean[found.start()]
                if first in b"{[":
                    nesting += 1
                elif first in _CLOSERS:
                    nesting -= 1
                    if not nesting:
                        self._nesting = 0
                        self._in_string = False
                        return found.end()
            position = min(end, size)
        self._nesting = nesting
        return size
