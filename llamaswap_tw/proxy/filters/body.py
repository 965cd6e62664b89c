"""
Filters on a body of any kind, in memory or in a file.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from enum import Enum
from typing import IO

from .forms import rewrite_urlencoded
from .json_body import rewrite_json, rewrite_json_file
from .multipart import rewrite_multipart, rewrite_multipart_file
from .rules import Filters

#: Blanks and a byte order mark before a JSON body, in bytes, are read over.
_PROLOGUE = 1024


class BodyKind(Enum):
    """
    What a body is, and so where it names its model.
    """

    JSON = "json"
    MULTIPART = "multipart"
    URLENCODED = "urlencoded"
    OTHER = "other"


def kind_of(data: bytes, content_type: bytes) -> BodyKind:
    """
    What a body is.

    :param data: it, or its first kilobyte.
    :param content_type: the request's header; many clients get it wrong.
    """
    start = data[:_PROLOGUE].removeprefix(BOM_UTF8).lstrip()
    media = content_type.partition(b";")[0].strip().lower()
    if start[:1] == b"{" or media == b"application/json" or media.endswith(b"+json"):
        return BodyKind.JSON
    if media == b"multipart/form-data":
        return BodyKind.MULTIPART
    if media == b"application/x-www-form-urlencoded":
        return BodyKind.URLENCODED
    return BodyKind.OTHER


def rewrite_body(data: bytes, content_type: bytes, filters: Filters) -> bytes:
    """
    Put a body through filters.  In forms only the model's name is changed.

    :param data: all of it.
    :param content_type: the request's header.
    :returns: what goes up; the very same object where nothing changes.
    :raises BadRequest: if the filters cannot be applied.
    """
    if filters.is_empty or not data:
        return data
    kind = kind_of(data, content_type)
    if kind is BodyKind.JSON:
        return rewrite_json(data, filters)
    name = filters.model_name
    if name is None or kind is BodyKind.OTHER:
        return data
    if kind is BodyKind.URLENCODED:
        return rewrite_urlencoded(data, name)
    return rewrite_multipart(data, content_type, name)


def rewrite_file(
    source: IO[bytes], target: IO[bytes], content_type: bytes, filters: Filters
) -> bool:
    """
    As `rewrite_body`, from file to file; called in a thread.  Only an urlencoded
    form is held in memory.

    :param source: the body, at its beginning; a real file, and not empty.
    :param target: where the new one is written.
    :returns: whether anything changes; else nothing was written.
    :raises BadRequest: if the filters cannot be applied.
    """
    if filters.is_empty:
        return False
    kind = kind_of(source.read(_PROLOGUE), content_type)
    source.seek(0)
    if kind is BodyKind.MULTIPART:
        name = filters.model_name
        return name is not None and rewrite_multipart_file(
            source, target, content_type, name
        )
    if kind is BodyKind.JSON:
        return rewrite_json_file(source, target, filters)
    if kind is BodyKind.OTHER:
        return False
    data = source.read()
    rewritten = rewrite_body(data, content_type, filters)
    if rewritten is data:
        return False
    target.write(rewritten)
    return True
