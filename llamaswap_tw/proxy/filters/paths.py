"""
Paths into a JSON document, and what can be done at their end.

``a.b`` is ``b`` in ``a``; ``\\.`` is a dot and ``\\\\`` a backslash in a key.  In an
array a segment is an index, in an object a key, whatever it looks like.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from ...errors import BadRequest
from .document import ArrayNode, Node, ObjectNode, Raw, Value, encode_key, open_value

#: One key or index after the other.
Path: TypeAlias = tuple[str, ...]

#: In an array the end: where to append, or the last.
_LAST = "-1"

#: No array is filled up with more than this many nulls, to reach an index.
_LONGEST_GAP = 1000

_INDEX = re.compile(r"-1|0|[1-9][0-9]{0,8}")

_SEGMENT_PART = re.compile(r"\\[.\\]|[^.]|\.", re.DOTALL)

_NULL = Raw(b"null", 0, 4)


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """
    Take a path apart.

    :returns: its segments, one at least.
    """
    segments = [""]
    for part in _SEGMENT_PART.findall(text):
        if part == ".":
            segments.append("")
        else:
            segments[-1] += part[1:] if len(part) > 1 else part
    return tuple(segments)


def strip_at(node: Node, path: Path) -> bool:
    """
    Take out what stands at a path.

    :returns: whether anything stood there.
    """
    if len(path) == 1:
        return _remove(node, path[0])
    child = _open_child(node, path[0])
    return child is not None and strip_at(child, path[1:])


def set_at(node: Node, path: Path, value: Raw) -> bool:
    """
    Set what stands at a path.  Where the way there is missing, or is neither
    object nor array, it is made: an array where an index follows, else an
    object.  An array that is too short is filled up with nulls.

    :returns: whether that changed anything.
    :raises BadRequest: if an array stands where the path has a key.
    """
    if len(path) == 1:
        return _put(node, path[0], value)
    appends = isinstance(node, ArrayNode) and path[0] == _LAST
    child = None if appends else _open_child(node, path[0])
    if child is not None:
        return set_at(child, path[1:], value)
    child = ArrayNode([]) if _INDEX.fullmatch(path[1]) else ObjectNode({})
    set_at(child, path[1:], value)
    return _put(node, path[0], child)


def _open_child(node: Node, segment: str) -> Node | None:
    """
    What stands in a node, opened; `None` where that is neither object nor
    array.
    """
    if isinstance(node, ObjectNode):
        if segment not in node.members:
            return None
        lead, value = node.members[segment]
        opened = open_value(value) if isinstance(value, Raw) else value
        if opened is not None:
            node.members[segment] = (lead, opened)
        return opened
    index = _existing(node, segment)
    if index is None:
        return None
    value = node.items[index]
    opened = open_value(value) if isinstance(value, Raw) else value
    if opened is not None:
        node.items[index] = opened
    return opened


def _remove(node: Node, segment: str) -> bool:
    if isinstance(node, ObjectNode):
        return node.members.pop(segment, None) is not None
    index = _existing(node, segment)
    if index is None:
        return False
    del node.items[index]
    return True


def _put(node: Node, segment: str, value: Value) -> bool:
    if isinstance(node, ObjectNode):
        lead, old = node.members.get(segment, (None, None))
        if _same(old, value):
            return False
        node.members[segment] = (encode_key(segment) if lead is None else lead, value)
        return True
    index = _existing(node, segment)
    if index is not None and segment != _LAST:
        if _same(node.items[index], value):
            return False
        node.items[index] = value
        return True
    if not _INDEX.fullmatch(segment):
        raise BadRequest(
            f"the request body has an array where the configuration of the model "
            f"sets its key {segment!r}"
        )
    gap = 0 if segment == _LAST else int(segment) - len(node.items)
    if gap > _LONGEST_GAP:
        raise BadRequest(
            f"the request body has an array of {len(node.items)} where the "
            f"configuration of the model sets number {segment}"
        )
    node.items.extend([_NULL] * gap)
    node.items.append(value)
    return True


def _existing(node: ArrayNode, segment: str) -> int | None:
    """
    The index of an item that there is.
    """
    if not _INDEX.fullmatch(segment):
        return None
    index = len(node.items) - 1 if segment == _LAST else int(segment)
    return index if 0 <= index < len(node.items) else None


def _same(old: Value | None, new: Value) -> bool:
    """
    Whether both are written alike.
    """
    if not isinstance(old, Raw) or not isinstance(new, Raw):
        return False
    # Blanks may stand around the old one; a long one is not copied to see.
    if not 0 <= old.end - old.start - (new.end - new.start) <= 16:
        return False
    written = old.data[old.start : old.end].strip(b" \t\r\n")
    return written == new.data[new.start : new.end]
