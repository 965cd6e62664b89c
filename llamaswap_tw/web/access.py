"""
The access log: one line a request.
"""

from __future__ import annotations

from typing import Protocol

from twisted.logger import Logger
from twisted.web.http_headers import Headers

from ..errors import CLIENT_GONE
from ..observe.observer import WHOLE_LINE

_log = Logger()

#: What is asked for all the time, by machines.
_UNLOGGED = frozenset([b"/wol-health", b"/api/performance", b"/metrics"])


class Answered(Protocol):
    """
    As much of a request as its line tells.

    :ivar method: the HTTP method.
    :ivar uri: what it asked for.
    :ivar clientproto: the client's protocol.
    :ivar code: the status that it was answered with.
    :ivar startedWriting: whether it was.
    :ivar sentLength: how much of a body was sent.
    """

    method: bytes
    uri: bytes
    clientproto: bytes
    code: int
    startedWriting: int
    sentLength: int
    requestHeaders: Headers

    @property
    def remote_ip(self) -> str:
        """
        Who asked.
        """


def log_access(request: Answered, seconds: float) -> None:
    """
    Write a request's line.

    :param seconds: how long it took, from its head to the end of its response.
    """
    # Without the query, that may hold a secret.
    path = request.uri.partition(b"?")[0]
    if path in _UNLOGGED:
        return
    code = request.code if request.startedWriting else CLIENT_GONE
    agent = request.requestHeaders.getRawHeaders(b"user-agent", [b""])[0]
    _log.info(
        WHOLE_LINE,
        line=f"Request {_word(request.remote_ip)} "
        f'"{_quoted(request.method)} {_quoted(path)} '
        f'{_quoted(request.clientproto)}" {code} {request.sentLength} '
        f'"{_quoted(agent)}" {_duration(seconds)}',
    )


def _quoted(data: bytes) -> str:
    """
    What a client sent, so that it cannot end the quotes around it.  Controls are
    escaped where the line is written, but for the tab, which others use.
    """
    text = data.decode("utf-8", "backslashreplace")
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return text.replace("\t", "\\x09")


def _word(text: str) -> str:
    """
    What stands for one word.
    """
    return "".join(text.split()).replace('"', '\\"') or "-"


def _duration(seconds: float) -> str:
    return f"{seconds:.3f}s" if seconds >= 1 else f"{seconds * 1000:.3f}ms"
