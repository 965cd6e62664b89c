"""
JSON in event streams: the data of each event, in pieces cut anywhere.

Source: the event stream format of the HTML standard (9.2.5 and 9.2.6).
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable
from enum import Enum
from typing import Any

import orjson

from .scan import MOST_HELD, Scanner

_FIELD = b"data:"

_CR, _LF = b"\r\n"


class _Line(Enum):
    """
    What a line is.
    """

    UNKNOWN = "too little of it has come"
    DATA = "data; what has come of it was scanned"
    OTHER = "another field, or a comment"


class EventReader:
    """
    Reads an event stream.

    :param tells: given bytes, returns `None` where nothing is to be found in them;
        it need not be called for a part of an event.  `None` where all is looked into.
    :param scanner: where events go that are long or come in parts.
    :param take: called with the JSON of others.
    :ivar idle: whether all events that began are over.
    """

    __slots__ = (
        "_after_cr",
        "_first",
        "_line",
        "_name",
        "_scanner",
        "_take",
        "_tells",
        "idle",
    )

    def __init__(
        self,
        tells: Callable[[bytes], object] | None,
        scanner: Scanner,
        take: Callable[[Any], None],
    ) -> None:
        self._tells = tells
        self._scanner = scanner
        self._take = take
        self._line = _Line.UNKNOWN
        self._name = b""
        self._after_cr = False
        self._first = True
        # A byte order mark may come.
        self.idle = False

    def feed(self, data: bytes) -> None:
        """
        Take the next piece.
        """
        if not self.idle:
            begin = _past_first_event(data)
            if not begin:
                self._read(data)
                return
            self._read(data[:begin])
            data = data[begin:]
        if data[-2:] == b"\n\n":
            self._read_events(data)
        elif data:
            end = _past_last_event(data)
            if end:
                self._read_events(data[:end])
            if end < len(data):
                self._read(data[end:])

    def end(self) -> None:
        """
        No more comes.  An event that was cut off counts as far as it came.
        """
        self._scanner.end()

    def _read_events(self, data: bytes) -> None:
        """
        Events that are whole.
        """
        tells = self._tells
        if tells is not None and tells(data) is None:
            return
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
            if b"\r" in data:
                self._read(data)
                return
        events = data.split(b"\n\n")
        if len(events) == 2 and not events[1]:
            self._read_event(events[0])
            return
        for event in events:
            if event and (tells is None or tells(event) is not None):
                self._read_event(event)

    def _read_event(self, event: bytes) -> None:
        if len(event) <= MOST_HELD:
            if b"\n" in event:
                lines = [line for line in event.split(b"\n") if line[:4] == b"data"]
            else:
                lines = [event]
            if len(lines) == 1 and lines[0].startswith(_FIELD):
                try:
                    document = orjson.loads(lines[0][5:])
                except orjson.JSONDecodeError:
                    # Others write what it does not read.
                    pass
                else:
                    self._take(document)
                    return
        self._read(event + b"\n\n")

    # In parts.

    def _read(self, data: bytes) -> None:
        if not data:
            return
        position = int(self._after_cr and data[0] == _LF)
        self._after_cr = False
        size = len(data)
        any_cr = b"\r" in data
        while position < size:
            end = data.find(b"\n", position)
            if any_cr:
                cr = data.find(b"\r", position, size if end < 0 else end)
                end = end if cr < 0 else cr
            if end < 0:
                self._read_part(data[position:])
                break
            if end > position:
                self._read_part(data[position:end])
            self._line_ended()
            position = end + 1
            if data[end] == _CR:
                self._after_cr = position == size
                if position < size and data[position] == _LF:
                    position += 1
        if self._name or self._line is not _Line.UNKNOWN or self._after_cr:
            self.idle = False

    def _read_part(self, part: bytes) -> None:
        """
        More of a line.
        """
        if self._line is _Line.UNKNOWN:
            part = self._name + part
            if self._first:
                if len(part) < len(BOM_UTF8) and BOM_UTF8.startswith(part):
                    self._name = part
                    return
                self._first = False
                part = part.removeprefix(BOM_UTF8)
            if len(part) < len(_FIELD) and _FIELD.startswith(part):
                self._name = part
                return
            self._name = b""
            if not part.startswith(_FIELD):
                self._line = _Line.OTHER
                return
            self._line = _Line.DATA
            part = part[len(_FIELD) :]
        if self._line is _Line.DATA:
            self._scanner.feed(part)

    def _line_ended(self) -> None:
        self._first = False
        if self._line is _Line.DATA:
            # It stands between the lines of one event.
            self._scanner.feed(b"\n")
        if self._line is _Line.UNKNOWN and not self._name:
            self._scanner.end()
            self.idle = True
        else:
            self.idle = False
        self._line = _Line.UNKNOWN
        self._name = b""


def _past_first_event(data: bytes) -> int:
    """
    :returns: where the first blank line that follows on another line ends, or 0.
    """
    lf = data.find(b"\n\n") + 2
    crlf = data.find(b"\n\r\n", 0, lf if lf > 1 else len(data)) + 3
    if crlf > 2:
        return crlf
    return lf if lf > 1 else 0


def _past_last_event(data: bytes) -> int:
    """
    :returns: where the last such line ends, or 0.
    """
    lf = data.rfind(b"\n\n") + 2
    crlf = data.rfind(b"\n\r\n") + 3
    return max(lf if lf > 1 else 0, crlf if crlf > 2 else 0)
