"""
Requests for models that there are not: they leave as much as those that a model
refused.
"""

from __future__ import annotations

from ..activity.recorder import Recorder
from ..proxy.headers import request_headers
from .request import Request


def record_unknown(
    recorder: Recorder, request: Request, name: str, path: bytes
) -> None:
    """
    Record a request that goes to no model.

    :param recorder: who keeps what becomes of it.
    :param request: the client's; it is refused next.
    :param name: what it asked for.
    :param path: the path that would go up.
    """
    recording = recorder.begin(request, name, path, {})
    headers = request_headers(
        request.requestHeaders.getAllRawHeaders(), request.peer, request.secure
    )
    body = request.body
    data, size = (b"", 0) if body is None else (body.in_memory, body.size)
    recorder.sent_up(recording, headers, data, size)
