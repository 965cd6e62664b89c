"""
How an error looks to a client: the one place that renders them.
"""

from __future__ import annotations

from http import HTTPStatus

import orjson

from ..errors import MethodNotAllowed, RequestError

_JSON = b"application/json"


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


def _prefers_text(accept: bytes | None) -> bool:
    """
    Whether text comes before JSON, by order and q.  ``*/*`` counts as JSON.
    """
    if not accept or b"text/" not in accept.lower():
        return False
    ranked: list[tuple[float, int, bool]] = []
    for position, part in enumerate(accept.lower().split(b",")):
        media, *parameters = (piece.strip() for piece in part.split(b";"))
        if media in (b"text/plain", b"text/html", b"text/*"):
            is_text = True
        elif media in (_JSON, b"application/*", b"*/*"):
            is_text = False
        else:
            continue
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith(b"q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        if quality > 0:
            ranked.append((-quality, position, is_text))
    return bool(ranked) and min(ranked)[2]
