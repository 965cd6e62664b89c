"""
What a head must be beyond what Twisted's parser sees to: RFC 9112, and RFC 9110 for
what its parts mean.

Whoever reads a head otherwise than the server before or behind him can be made to
see other requests than that one does.  So what is doubtful is refused, and the
connection is closed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import RequestError
from .head import ABSOLUTE_FORM, encode_raw
from .refusals import MalformedRequest, NotImplementedHere, UnsupportedVersion

if TYPE_CHECKING:
    from .request import Request

_REQUEST_LINE = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ )HTTP/([0-9])\.([0-9])"
)

#: A name, an IPv4 address or, in brackets, another one; and a port (RFC 3986, 3.2.2).
_HOST = re.compile(
    rb"(?:[0-9A-Za-z\-._~%!$&'()*+,;=]*|\[[0-9A-Za-z:.\-_~%]+\])(?::[0-9]*)?"
)


def request_line(line: bytes) -> bytes:
    """
    Check a request line.

    :param line: as it came.
    :returns: it, as one of HTTP/1.0 or 1.1: later minor versions are taken for the
        latter (RFC 9110, 2.5).  Bytes from 0x80 on are percent-encoded.
    :raises RequestError: if it is none.
    """
    line = line if line.isascii() else encode_raw(line)
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise MalformedRequest(
            "this does not begin as a request does: GET /path HTTP/1.1"
        )
    start, major, minor = match.groups()
    if major != b"1":
        raise UnsupportedVersion(f"{major.decode()}.{minor.decode()}")
    return line if minor in b"01" else start + b"HTTP/1.1"


def coding_refusal(value: bytes, version: bytes) -> RequestError | None:
    """
    Why a body in a transfer coding is not taken, or `None` (RFC 9112, 6.1 and 6.3).

    :param value: of ``Transfer-Encoding``.
    :param version: the request's.
    """
    if version == b"HTTP/1.0":
        return MalformedRequest("HTTP/1.0 has no Transfer-Encoding")
    codings = [coding.strip(b" \t").lower() for coding in value.split(b",")]
    if codings[-1] != b"chunked" or b"chunked" in codings[:-1]:
        return MalformedRequest(
            "where the body ends cannot be told: its Transfer-Encoding is not chunked"
        )
    if len(codings) > 1:
        return NotImplementedHere("no Transfer-Encoding but chunked is known here")
    return None


@lru_cache(64)
def _is_host(value: bytes) -> bool:
    # Nearly all clients call us by a few names.
    return _HOST.fullmatch(value) is not None


def head_refusal(request: Request) -> RequestError | None:
    """
    Why a head is no proper one, or `None`; then the request's target is a path, or
    ``*``, and its ``Host`` is the one that is asked for.

    :param request: of which the head is in.
    """
    raw = request.requestHeaders._rawHeaders
    hosts = raw.get(b"Host")
    if hosts is None:
        if request.clientproto == b"HTTP/1.1":
            return MalformedRequest("the request has no Host")
    elif len(hosts) > 1 or not _is_host(hosts[0]):
        return MalformedRequest("the request's Host is no name of one host")
    if request.method == b"CONNECT":
        return NotImplementedHere("this is no proxy that connects to other hosts")
    target = request.uri
    if b"#" in target:
        return MalformedRequest("a fragment (#) is no part of a request's target")
    if target[:1] == b"/" or (target == b"*" and request.method == b"OPTIONS"):
        return None
    absolute = ABSOLUTE_FORM.match(target)
    if absolute is None:
        return MalformedRequest("the request's target is neither a path nor a URL")
    host = absolute[1]
    if not host or not _is_host(host):
        # One with a user or a password too (RFC 9110, 4.2.4).
        return MalformedRequest("the URL of the request names no host")
    # RFC 9112, 3.2.2: it is taken as if it were the path, and its host counts.
    raw[b"Host"] = [host]
    path = target[absolute.end() :]
    request.uri = path if path[:1] == b"/" else b"/" + path
    return None
