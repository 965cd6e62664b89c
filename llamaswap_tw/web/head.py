"""
The heads of ordinary requests, parsed in one go.

Twisted's channel takes a head line by line, which costs a request some 20 µs.
Nearly all heads arrive whole and have nothing unusual in them: those are parsed
here, and whatever is at all unusual is left to Twisted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from twisted.web.http_headers import InvalidHeaderName, _nameEncoder

if TYPE_CHECKING:
    from .request import Request

_REQUEST_LINE = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) (HTTP/1\.[01])"
)

#: The longest name of a header that is taken, in bytes: Twisted remembers the first ten
#: thousand for ever, as long as they may be.
LONGEST_NAME = 256

#: The lines behind it, each with a name, of which it is seen to later what it has.
_FIELDS = re.compile(rb"\r\n([^:\r\n]{1,%d}):[ \t]*([^\r\n]*)" % LONGEST_NAME)

_RAW = re.compile(rb"[\x80-\xff]")

#: How the target of a request begins that is a URL; its host and port.
ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)

#: What is one slash in a clean path.
SLASHES = re.compile(rb"/{2,}")

#: A longer number of bytes is nobody's body.
LONGEST_LENGTH = 18

#: What these mean for the body, or for its sender, Twisted's channel knows.
_UNUSUAL = frozenset([b"Transfer-Encoding", b"Expect"])


#: The names that clients use, as `Headers` has them: a dictionary is quicker to ask
#: than what keeps them there.  No more than these, for clients may make names up.
_names: dict[bytes, bytes] = {}
_MOST_NAMES = 200


class Head(NamedTuple):
    """
    A request's head.

    :ivar headers: as `twisted.web.http_headers.Headers` keeps them.
    :ivar length: of the body, in bytes.
    :ivar end: where in the data the body begins.
    """

    method: bytes
    target: bytes
    version: bytes
    headers: dict[bytes, list[bytes]]
    length: int
    end: int


def ordinary_head(data: bytes, max_size: int, max_headers: int) -> Head | None:
    """
    Parse a head.

    :param data: what came on a connection that was between requests.
    :param max_size: the largest head, in bytes.
    :param max_headers: the most headers.
    :returns: the head, or `None` where it is not whole, not valid, or in any
        way unusual, and where more than its request has come.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0 or end > max_size:
        return None
    text = data[:end]
    start = text.find(b"\r\n")
    if start < 0:
        start = end
    fields = _FIELDS.findall(text, start)
    count = len(fields)
    if (
        count > max_headers
        or text.count(b"\n") != count
        or text.count(b"\r") != count
        or b"\0" in text
    ):
        return None
    match = _REQUEST_LINE.fullmatch(text, 0, start)
    if match is None:
        return None
    headers: dict[bytes, list[bytes]] = {}
    length = 0
    names = _names
    try:
        for given, value in fields:
            name = names.get(given) or _name(given)
            if name in _UNUSUAL:
                return None
            value = value.rstrip(b" \t")
            if name in headers:
                headers[name].append(value)
                if name == b"Content-Length":
                    return None
                continue
            headers[name] = [value]
            if name == b"Content-Length":
                if not value.isdigit() or len(value) > LONGEST_LENGTH:
                    return None
                length = int(value)
    except InvalidHeaderName:
        return None
    end += 4
    if len(data) - end > length:
        return None
    method, target, version = match.groups()
    return Head(method, target, version, headers, length, end)


def _name(given: bytes) -> bytes:
    """
    :raises InvalidHeaderName: if it is none.
    """
    name: bytes = _nameEncoder.encode(given)
    if len(_names) < _MOST_NAMES:
        _names[given] = name
    return name


def encode_raw(line: bytes) -> bytes:
    """
    A request line whose bytes from 0x80 on are percent-encoded: clients send
    them, and Twisted refuses most.
    """
    return _RAW.sub(lambda match: b"%%%02X" % match[0][0], line)


def tokens(values: Sequence[bytes] | None) -> set[bytes]:
    """
    The tokens of a header, in lower case.

    :param values: the header's values, or `None`.
    """
    return {
        token.strip().lower() for value in values or () for token in value.split(b",")
    }


def asks_for_websocket(request: Request) -> bool:
    """
    Whether a request is to become a WebSocket (RFC 6455, 4.1).
    """
    headers = request.requestHeaders
    upgrade = headers.getRawHeaders(b"Upgrade")
    return (
        upgrade is not None
        and request.method == b"GET"
        and request.clientproto == b"HTTP/1.1"
        and b"websocket" in tokens(upgrade)
        and b"upgrade" in tokens(headers.getRawHeaders(b"Connection"))
    )
