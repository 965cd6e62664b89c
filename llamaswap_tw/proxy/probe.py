"""
Asking a server once, for the status of its answer alone.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol

from .agent import Agent
from .forward import ForwardProxies
from .headers import RawHeaders
from .response import UpstreamResponse
from .timeouts import Timeouts

#: Each asks over a connection of its own: what is kept open to a server that is
#: about to be stopped, or replaced, is of no use.
_HEADERS: RawHeaders = [
    (b"User-Agent", b"llamaswap-tw"),
    (b"Accept", b"*/*"),
    (b"Connection", b"close"),
]

#: What is read of an answer, in bytes; a longer one is cut off.
_MOST = 64 * 1024


class StatusClient:
    """
    Asks servers how they are.

    :param reactor: connects, and is the clock.
    :param proxies: the forward proxies that the daemon's environment names.
    """

    def __init__(self, reactor: Any, proxies: ForwardProxies) -> None:
        self._client = Agent(
            reactor, Timeouts(connect=5.0, tls_handshake=5.0), proxies=proxies
        )

    def ask(self, url: bytes) -> Deferred[int]:
        """
        Ask.

        :param url: where.
        :returns: a `Deferred` that fires with the status when the answer's head is
            in, and fails as `Agent.request` does.
        """
        asked = self._client.request(b"GET", url, _HEADERS, b"")
        return asked.addCallback(_status)


def _status(response: UpstreamResponse) -> int:
    response.deliverBody(_Discard(response))
    return response.code


class _Discard(Protocol):
    """
    Reads the rest, within reason: to break off would be an error in the log of
    many servers.
    """

    def __init__(self, response: UpstreamResponse) -> None:
        self._response = response
        self._left = _MOST

    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._response.abort()

    def data_delivered(self) -> None:
        pass
