"""
The model's name in multipart forms.
"""

from __future__ import annotations

from io import BytesIO
from typing import IO, NamedTuple

from ...errors import BadRequest
from ..form_parts import FormParts

#: How much is read and copied at a time, in bytes.
_READ_SIZE = 256 * 1024


class Span(NamedTuple):
    """
    Where something stands in a file.
    """

    start: int
    end: int


def rewrite_multipart(data: bytes, content_type: bytes, name: str) -> bytes:
    """
    As `rewrite_multipart_file`, in memory.

    :returns: what goes up; the very same object where nothing changes.
    """
    target = BytesIO()
    if rewrite_multipart_file(BytesIO(data), target, content_type, name):
        return target.getvalue()
    return data


def rewrite_multipart_file(
    source: IO[bytes],
    target: IO[bytes],
    content_type: bytes,
    name: str,
    read_size: int = _READ_SIZE,
) -> bool:
    """
    Replace the model's name in a ``multipart/form-data`` body; all else is
    copied byte for byte.

    :param source: the body, at its beginning; it can seek.
    :param target: where the new one is written.
    :param content_type: the request's header, for the boundary.
    :param name: in place of the content of each part ``model`` that is no file.
    :param read_size: how much is held at a time, in bytes.
    :returns: whether there was such a part; else nothing was written.
    :raises BadRequest: if it is no such form.
    """
    spans = _find_model(source, content_type, read_size)
    if not spans:
        return False
    value = name.encode("utf-8", "surrogatepass")
    source.seek(0)
    for span in spans:
        _copy(source, target, span.start - source.tell(), read_size)
        target.write(value)
        source.seek(span.end)
    _copy(source, target, None, read_size)
    return True


def _copy(
    source: IO[bytes], target: IO[bytes], length: int | None, read_size: int
) -> None:
    while length is None or length > 0:
        data = source.read(read_size if length is None else min(length, read_size))
        if not data:
            return
        target.write(data)
        if length is not None:
            length -= len(data)


def _find_model(source: IO[bytes], content_type: bytes, read_size: int) -> list[Span]:
    # Imported on first use: few requests have a form.
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise BadRequest("the multipart form's Content-Type has no boundary")
    finder = _ModelFinder()
    try:
        parser = MultipartParser(boundary, finder.callbacks())
        while data := source.read(read_size):
            finder.read(data)
            parser.write(data)
        parser.finalize()
    except FormParserError as e:
        raise BadRequest(f"the multipart form is broken: {e}")
    return finder.spans


class _ModelFinder(FormParts):
    """
    Remembers where the contents of the parts ``model`` stand, by the same
    parser that found the name: what it does not take for such a part is none.

    :ivar spans: where, in order; those without content are left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Span] = []
        self._data = b""
        self._offset = 0
        self._is_model = False
        self._span: Span | None = None

    def read(self, data: bytes) -> None:
        """
        This is what the parser is given next.
        """
        self._offset += len(self._data)
        self._data = data

    def part_began(self, field: bytes | None) -> None:
        self._is_model = field == b"model"
        self._span = None

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_model:
            return
        if data is self._data:
            here = Span(self._offset + start, self._offset + end)
        else:
            # What looked like a boundary at the end of the last read, and was
            # none, comes from the parser's own copy of the boundary.
            here = Span(self._offset - (end - start), self._offset)
        first = here.start if self._span is None else self._span.start
        self._span = Span(first, here.end)

    def part_end(self) -> None:
        if self._span is not None:
            self.spans.append(self._span)
