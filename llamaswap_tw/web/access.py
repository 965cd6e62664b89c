"""
The access log: one line a request.
"""

from __future__ import annotations

from functools import lru_cache
from time import time
from typing import Protocol

from twisted.logger import Logger, LogLevel
from twisted.web.http_headers import Headers

from ..errors import CLIENT_GONE
from ..observe.observer import WHOLE_LINE

_log = Logger()

#: What is asked for all the time, by machines.
_UNLOGGED = frozenset([b"/wol-health", b"/api/performance", b"/metrics"])

#: What a client sent, up to this length, is remembered as it is written.
_SHORT = 300

_NOBODY = (b"",)


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
    agent = request.requestHeaders.getRawHeaders(b"user-agent", _NOBODY)[0]
    ip = request.remote_ip
    is_short = len(path) + len(agent) + len(ip) + len(request.method) <= _SHORT
    around = _known_around if is_short else _around
    before, behind = around(ip, request.method, path, request.clientproto, agent)
    # What `Logger.info` would make, without looking whether there is such a level,
    # which takes as long as all the rest.
    _log.observer(
        {
            "log_logger": _log,
            "log_level": LogLevel.info,
            "log_namespace": _log.namespace,
            "log_source": None,
            "log_format": WHOLE_LINE,
            "log_time": time(),
            "line": f"{before}{code} {request.sentLength}{behind}{_duration(seconds)}",
        }
    )


def _around(
    ip: str, method: bytes, path: bytes, protocol: bytes, agent: bytes
) -> tuple[str, str]:
    """
    :returns: what a line has before the status, and what behind the bytes.
    """
    asked = f"{_quoted(method)} {_quoted(path)} {_quoted(protocol)}"
    return f'Request {_word(ip)} "{asked}" ', f' "{_quoted(agent)}" '


#: A client mostly asks for the same again.
_known_around = lru_cache(256)(_around)


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
