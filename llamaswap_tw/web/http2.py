"""
Requests over HTTP/2: how their heads are read, and how their responses are
written.

Sources: RFC 9113, 8.2 and 8.3 for what a head may hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from twisted.internet.error import ConnectionAborted
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import InvalidHeaderName
from zope.interface import implementer

from ..errors import RequestError
from ..interfaces import IDownstream
from .head import LONGEST_LENGTH, LONGEST_NAME, encode_raw
from .refusals import (
    HeaderNameTooLong,
    HeadTooLarge,
    MalformedRequest,
    TooManyHeaders,
)
from .request import Request

if TYPE_CHECKING:
    from .stream import Stream

Fields = list[tuple[bytes, bytes]]

_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb"/[\x21-\x7e]*|\*")

#: A response's field names, in lower case, and what no value may have in it.  To
#: send another is to lose the whole connection.
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_NOT_IN_VALUE = re.compile(rb"[\0\r\n]")

#: These tell of a connection, of which a stream has none.
_OF_CONNECTIONS = frozenset(
    [
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
    ]
)

#: What a field costs in HTTP/1 beside its name and value, in bytes.
_AROUND_FIELD = 4


@implementer(IDownstream)
class Http2Request(Request):
    """
    A request over HTTP/2.

    :param stream: the way to its client.
    """

    _link: Stream | None

    def inform(
        self, code: int, phrase: bytes, headers: Sequence[tuple[bytes, bytes]]
    ) -> None:
        """
        Pass on an interim response.
        """
        if self._link is not None:
            self._link.out.inform(response_head(code, headers))

    def _write_head(
        self,
        link: Stream,
        code: int,
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        length: int | None,
    ) -> None:
        head = response_head(code, headers)
        if length is not None:
            head.append((b"content-length", b"%d" % length))
        if not any(name == b"date" for name, _ in head):
            head.append((b"date", link.site.date.value()))
        link.out.begin(head)

    def send(self, data: bytes) -> None:
        """
        Buffer a piece of the body.
        """
        self.sentLength += len(data)
        if self._link is not None:
            self._link.out.write(data)

    def flush(self) -> None:
        """
        Send as much of what is buffered as the client takes.
        """
        if self._link is not None:
            self._link.out.push()

    def end(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """
        The response is whole.
        """
        link = self._link
        if link is None:
            return
        link.out.finish(_fields(trailers))
        self.finished = 1
        self._forget()
        self._cleanup()

    def end_soon(self) -> None:
        """
        The response is whole, and nobody waits for long until it is read.
        """
        link = self._link
        if link is not None:
            self.end()
            link.reset_later()

    def cut(self) -> None:
        """
        Reset the stream, once what was sent has gone.
        """
        link = self._link
        if link is not None:
            link.out.cut()
            self.connectionLost(Failure(ConnectionAborted()))


def take_head(
    request: Request, fields: Iterable[tuple[bytes, bytes]], max_size: int
) -> int | None:
    """
    Put a head into a request.

    :param fields: as h2 gives them, which has seen to it that the names with a
        colon make sense together.
    :param max_size: the largest head, in bytes, counted as HTTP/1 writes it.
    :returns: the body's length as the head gives it, or `None`.
    :raises RequestError: if it is too large, or not one for us.
    """
    request.clientproto = b"HTTP/2"
    headers = request.requestHeaders
    target: bytes | None = None
    size = count = 0
    error: RequestError | None = None
    for name, value in fields:
        size += len(name) + len(value) + _AROUND_FIELD
        count += 1
        try:
            if name == b":method":
                request.method = value
            elif name == b":path":
                target = encode_raw(value)
            elif name == b":authority":
                headers.setRawHeaders(b"Host", [value])
            elif name == b"host":
                if not headers.hasHeader(b"Host"):
                    headers.addRawHeader(name, value)
            elif len(name) > LONGEST_NAME:
                error = HeaderNameTooLong(LONGEST_NAME)
            elif not name.startswith(b":"):
                headers.addRawHeader(name, value)
        except InvalidHeaderName:
            error = _malformed()
    if target is not None:
        request.uri = target
    if size > max_size:
        raise HeadTooLarge(max_size)
    if count > HTTPChannel.maxHeaders:
        raise TooManyHeaders(HTTPChannel.maxHeaders)
    if (
        error is not None
        or target is None
        or not _TARGET.fullmatch(target)
        or not _METHOD.fullmatch(request.method)
    ):
        raise error or _malformed()
    lengths = headers.getRawHeaders(b"Content-Length")
    if lengths is None:
        return None
    if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > LONGEST_LENGTH:
        raise _malformed()
    return int(lengths[0])


def response_head(code: int, headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    """
    The head of a response.

    :param code: its status.
    :param headers: as HTTP/1 would have them.
    """
    return [(b":status", b"%d" % code), *_fields(headers)]


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    """
    Headers as fields of HTTP/2; without those that cannot be.
    """
    fields = []
    for name, value in headers:
        low = name.lower()
        if (
            low not in _OF_CONNECTIONS
            and _NAME.fullmatch(low)
            and not _NOT_IN_VALUE.search(value)
        ):
            fields.append((low, value.strip(b" \t")))
    return fields


def _malformed() -> MalformedRequest:
    return MalformedRequest("this is not a valid HTTP/2 request")
