"""
The parts of a multipart form, as python-multipart meets them.
"""

from __future__ import annotations

import logging
from typing import Any

# It logs each broken form, and without a handler that goes to standard error.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


class FormParts:
    """
    Reads the heads of parts; what is made of the parts is up to whoever derives
    from it.
    """

    def __init__(self) -> None:
        self._header = b""
        self._value = b""
        self._disposition = b""

    def callbacks(self) -> Any:
        """
        What a ``MultipartParser`` is made with.
        """
        return {
            "on_part_begin": self._part_begin,
            "on_part_data": self.part_data,
            "on_part_end": self.part_end,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
        }

    def part_began(self, field: bytes | None) -> None:
        """
        A part begins, or its head is in.

        :param field: its name, or `None` where it is a file, or not known yet.
        """
        raise NotImplementedError

    def part_data(self, data: bytes, start: int, end: int) -> None:
        """
        A piece of its content.

        :param data: what holds it, from ``start`` to ``end``.
        """
        raise NotImplementedError

    def part_end(self) -> None:
        """
        The part is whole.
        """
        raise NotImplementedError

    def _part_begin(self) -> None:
        self._disposition = b""
        # Until its head is in, it is nobody's.
        self.part_began(None)

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._disposition)
        is_file = b"filename" in options
        self.part_began(None if is_file else options.get(b"name", b""))
