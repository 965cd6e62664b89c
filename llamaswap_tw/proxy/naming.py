"""
Which model a request asks for: in its JSON body, a form field, or its query.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from typing import IO, Any, cast
from urllib.parse import parse_qs

import orjson

from ..errors import BadRequest
from .filters.document import open_object, pieces
from .form_parts import FormParts

#: More than this of a form field is not taken for a model's name.
_FIELD_LIMIT = 64 * 1024

_BLANKS = re.compile(rb"[ \t\r\n]*+")

#: A byte order mark and blanks before a document are read over.
_PROLOGUE = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*+")


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What a request says of itself.

    :ivar model: the name of the model asked for, or `None` where it has none.
    :ivar stream: whether the answer shall be streamed.
    """

    model: str | None = None
    stream: bool = False


def asked_in_json(data: bytes) -> Asked:
    """
    Look into a JSON body.

    :param data: all of it.
    :returns: what its keys ``model`` and ``stream`` say.
    :raises BadRequest: if it is no JSON, with the offset of the mistake.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        # It also refuses what others accept: NaN, a lone surrogate, 1e400.
        document = _lenient(data)
    return _asked_in_document(document)


def asked_in_json_file(file: IO[bytes]) -> Asked:
    """
    As `asked_in_json`, for a body on disk.  It is scanned rather than parsed:
    to parse takes three times its size of memory, and holds up every other
    request meanwhile.  What is wrong within its values is left for the model to
    find.

    :param file: the body; a real file, and not empty.
    :returns: what its keys ``model`` and ``stream`` say.
    :raises BadRequest: if it is no JSON, with the offset of the mistake.
    """
    with mmap(file.fileno(), 0, access=ACCESS_READ) as mapped:
        # It is read as bytes are: it has their methods, and slices of it are bytes.
        data = cast(bytes, mapped)
        prologue = _PROLOGUE.match(data)
        assert prologue is not None
        start = prologue.end()
        if data[start : start + 1] != b"{":
            return Asked()
        document, end = open_object(data, start)
        trailing = _BLANKS.match(data, end)
        assert trailing is not None
        if trailing.end() < len(data):
            raise BadRequest(
                "the request body is not valid JSON: there is more behind it at "
                f"offset {trailing.end()}"
            )
        found = {
            key: _lenient(b"".join(pieces(document.members[key][1])))
            for key in ("model", "stream")
            if key in document.members
        }
    return _asked_in_document(found)


def _lenient(data: bytes) -> Any:
    try:
        return json.loads(data)
    except json.JSONDecodeError as e:
        raise BadRequest(
            f"the request body is not valid JSON: {e.msg} at offset {e.pos} "
            f"(line {e.lineno}, column {e.colno})"
        )
    except UnicodeDecodeError as e:
        raise BadRequest(
            f"the request body is not valid JSON: no valid UTF-8 at offset {e.start}"
        )
    except (RecursionError, ValueError):
        raise BadRequest("the request body is JSON that is nested or long beyond use")


def _asked_in_document(document: Any) -> Asked:
    if not isinstance(document, dict):
        return Asked()
    model = document.get("model")
    return Asked(
        model if isinstance(model, str) and model else None,
        document.get("stream") is True,
    )


def asked_in_query(query: bytes) -> Asked:
    """
    Look into a query string, or a body of ``application/x-www-form-urlencoded``.

    :param query: without the question mark.
    """
    try:
        fields = parse_qs(query.decode("utf-8", "replace"), max_num_fields=1000)
    except ValueError:
        raise BadRequest("the query or form has more than 1000 fields")
    return _asked_in_fields({name: values[0] for name, values in fields.items()})


def asked_in_multipart(content_type: bytes, file: IO[bytes]) -> Asked:
    """
    Look into a body of ``multipart/form-data``, file after file, holding none.

    :param content_type: the header, for the boundary.
    :param file: the body, at its beginning.
    :raises BadRequest: if it is no such form.
    """
    # Imported on first use: few requests have a form.
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise BadRequest("the multipart form's Content-Type has no boundary")
    collector = _FieldCollector()
    try:
        parser = MultipartParser(boundary, collector.callbacks())
        while data := file.read(64 * 1024):
            parser.write(data)
        parser.finalize()
    except FormParserError as e:
        raise BadRequest(f"the multipart form is broken: {e}")
    if not (collector.is_whole or "model" in collector.fields):
        raise BadRequest("the multipart form is broken: it has no end")
    return _asked_in_fields(collector.fields)


def _asked_in_fields(fields: dict[str, str]) -> Asked:
    return Asked(fields.get("model") or None, fields.get("stream") == "true")


class _FieldCollector(FormParts):
    """
    Keeps the two fields that matter; files and all else pass by.

    :ivar fields: their values, by their names.
    :ivar is_whole: whether the end of the form was seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.is_whole = False
        self._name: str | None = None
        self._data: list[bytes] = []
        self._size = 0

    def callbacks(self) -> Any:
        return {**super().callbacks(), "on_end": self._form_ended}

    def _form_ended(self) -> None:
        self.is_whole = True

    def part_began(self, field: bytes | None) -> None:
        name = None if field is None else field.decode("utf-8", "replace")
        self._name = name if name in ("model", "stream") else None
        self._data = []
        self._size = 0

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name is not None:
            self._size += end - start
            if self._size > _FIELD_LIMIT:
                raise BadRequest(f"the form field {self._name!r} is too long")
            self._data.append(data[start:end])

    def part_end(self) -> None:
        if self._name is not None and self._name not in self.fields:
            value = b"".join(self._data).decode("utf-8", "replace")
            self.fields[self._name] = value
