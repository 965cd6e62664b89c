"""
Tokens and errors, read out of a response while it passes.  Nothing of it is held but
what is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson
from twisted.logger import Logger

from .complaint import Complaint, status_text
from .decode import Decoder
from .events import EventReader
from .row import Tokens
from .scan import Scanner, Wanted
from .tally import Tally

_log = Logger()

_INNER = Wanted({b"usage": None})

_USAGE = Wanted(
    {
        **dict.fromkeys((b"usage", b"timings", b"metrics")),
        **dict.fromkeys((b"response", b"message"), _INNER),
    }
)

_ERROR = Wanted(dict.fromkeys((b"error", b"message", b"detail")))

#: Whether something has a number that `Tally` looks for: their names all end so.  It
#: is quicker than to look for ``usage``, which many have with nothing in it.
_tells = re.compile(rb'_(?:tokens|n|ms|second)"').search

#: Types that hold no JSON.
_OPAQUE = (b"audio/", b"image/", b"video/", b"font/", b"application/octet-stream")

#: A document of so many bytes, or fewer, is parsed whole where it comes so.
_SMALL = 16 * 1024

#: Content codings that are undone.
_READABLE = ([b"gzip"], [b"x-gzip"], [b"deflate"])


class Usage(NamedTuple):
    """
    What a response told.

    :ivar tokens: its tokens.
    :ivar duration_ms: how long the request took.
    :ivar error: what went wrong; nothing where the status was 200.
    """

    tokens: Tokens
    duration_ms: int
    error: str


def _ignore(what: Any) -> None:
    """
    Nothing is looked for in it.
    """


def _take_last(take: Callable[[Any], None], document: Any) -> None:
    """
    Take a document, and of an array its last element.
    """
    if isinstance(document, list) and document:
        document = document[-1]
    take(document)


#: Never idle, and never fed: where a response is no event stream, or not to be read
#: as one.
_NO_EVENTS = EventReader(None, Scanner(_ERROR, _ignore, False), _ignore)


class UsageReader:
    """
    Reads one response.

    :param path: the path sent up: an answer to ``/infill`` may be an array.
    :ivar content_type: the response's, as it came; empty where it has none.
    """

    __slots__ = (
        "_code",
        "_complaint",
        "_events",
        "_is_array",
        "_scanner",
        "_source",
        "_tally",
        "content_type",
    )

    def __init__(self, path: bytes) -> None:
        self.content_type = b""
        self._code = 200
        self._tally = Tally()
        self._complaint = Complaint()
        self._events = _NO_EVENTS
        self._scanner: Scanner | None = None
        self._is_array = path.endswith(b"/infill")
        self._source: Callable[[bytes], None] = _ignore

    def begin(self, code: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """
        The head has come.

        :param code: its status.
        :param headers: its headers, names in any case.
        """
        self._code = code
        codings: list[bytes] = []
        for name, value in headers:
            low = name.lower()
            if low == b"content-type":
                self.content_type = value
            elif low == b"content-encoding":
                codings += [coding.strip() for coding in value.lower().split(b",")]
        media = self.content_type.partition(b";")[0].strip().lower()
        if codings:
            codings = [coding for coding in codings if coding not in (b"", b"identity")]
        if media.startswith(_OPAQUE) or (codings and codings not in _READABLE):
            return
        if media == b"text/event-stream":
            take = self._take
            events = EventReader(
                _tells if code == 200 else None,
                self._scan(),
                partial(_take_last, take) if self._is_array else take,
            )
            self._source = events.feed
            if not codings and code == 200:
                self._events = events
        elif codings or self._is_array:
            self._source = self._scan().feed
        else:
            self._source = self._take_small
        if codings:
            self._source = Decoder(codings != [b"deflate"], self._source).feed

    @property
    def _take(self) -> Callable[[Any], None]:
        return self._tally.take if self._code == 200 else self._complaint.take

    def _scan(self) -> Scanner:
        wanted = _USAGE if self._code == 200 else _ERROR
        self._scanner = scanner = Scanner(wanted, self._take, self._is_array)
        return scanner

    def feed(self, data: bytes) -> None:
        """
        Take the next piece of the body, as it was sent.
        """
        # Most pieces are an event that tells nothing: found out here, in a fraction
        # of a microsecond.
        if (
            self._events.idle
            and (data[-2:] == b"\n\n" or data[-4:] == b"\r\n\r\n")
            and _tells(data) is None
        ):
            return
        try:
            self._source(data)
        except Exception:
            # Whatever it is, the response matters more.
            _log.failure("reading the usage in a response")
            self._stop()

    def _take_small(self, data: bytes) -> None:
        """
        Take the beginning of a document.  Where that is all of it, and not much, to
        parse it costs a tenth of looking through it piece by piece.
        """
        if len(data) <= _SMALL:
            try:
                document = orjson.loads(data)
            except orjson.JSONDecodeError:
                pass
            else:
                # What follows on it is scanned, should anything.
                self._source = self._take_more
                self._take(document)
                return
        self._take_more(data)

    def _take_more(self, data: bytes) -> None:
        self._source = feed = self._scan().feed
        feed(data)

    def finish(self, duration_ms: int) -> Usage:
        """
        The response is over, or was cut off.

        :param duration_ms: how long the request took, in milliseconds.
        :returns: what was told; the duration is not less than what the model says.
        """
        scanner = self._scanner
        self._stop()
        if scanner is not None:
            scanner.end()
        if self._code != 200:
            error = self._complaint.text or status_text(self._code)
            return Usage(Tokens(), duration_ms, error)
        tally = self._tally
        return Usage(tally.tokens(), max(duration_ms, tally.least_ms()), "")

    def _stop(self) -> None:
        self._events = _NO_EVENTS
        self._scanner = None
        self._source = _ignore
