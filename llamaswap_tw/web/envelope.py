"""
How an error looks to a client: the one place that renders them.
"""

from __future__ import annotations

from http import HTTPStatus
from operator import itemgetter

import orjson

from ..errors import MethodNotAllowed, RequestError, Unauthorized, UnknownCoding
from .weights import weighed

_JSON = b"application/json"

_KNOWN = frozenset(
    [b"text/plain", b"text/html", b"text/*", _JSON, b"application/*", b"*/*"]
)


def render_error(
    error: RequestError, accept: bytes | None
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """
    Render an error for a client.

    :param error: what is told.
    :param accept: the request's ``Accept`` header, or `None`.
    :returns: the headers, without ``Content-Length``, and the body.
    """
    if error.status == 429 or not _prefers_text(accept):
        content_type = _JSON
        body = envelope(error)
    else:
        content_type = b"text/plain; charset=utf-8"
        body = f"llama-swap: {error.message}\n".encode("utf-8", "replace")
    headers = [(b"Content-Type", content_type)]
    if error.retry_after is not None:
        headers.append((b"Retry-After", b"%d" % error.retry_after))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"Allow", ", ".join(error.allowed).encode()))
    if isinstance(error, UnknownCoding):
        # RFC 9110, 12.5.3: that is what the client can do about it.
        headers.append((b"Accept-Encoding", b"identity"))
    if isinstance(error, Unauthorized):
        headers.append((b"WWW-Authenticate", b'Basic realm="llama-swap"'))
    return headers, body


def phrase(status: int) -> bytes:
    """
    The reason phrase of a status.
    """
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Unknown"


def envelope(error: RequestError) -> bytes:
    """
    The error as JSON, as OpenAI's clients read it.
    """
    return orjson.dumps({"src": "llama-swap", "error": error.as_json()})


def prefers_html(accept: bytes | None) -> bool:
    """
    Whether a client, by its ``Accept`` header, is a browser that shows a page.
    """
    return _preferred(accept) == b"text/html"


def _prefers_text(accept: bytes | None) -> bool:
    """
    Whether text comes before JSON, by order and q.  ``*/*`` counts as JSON.
    """
    return _preferred(accept).startswith(b"text/")


def _preferred(accept: bytes | None) -> bytes:
    """
    The first by order and q of the types that we know, or ``b""``.
    """
    if not accept or b"text/" not in accept.lower():
        return b""
    known = [pair for pair in weighed(accept) if pair[0] in _KNOWN and pair[1] > 0]
    # The first of those that weigh the same.
    return max(known, key=itemgetter(1), default=(b"", 0.0))[0]
