"""
A site over a transport in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from llamaswap_tw.web.channel import Channel, Site
from llamaswap_tw.web.request import Request


class HalfCloseableTransport(StringTransport):
    """
    A transport that remembers how it was closed.
    """

    write_closed = False

    def loseWriteConnection(self) -> None:
        self.write_closed = True


def in_thread(function: Callable[..., Any], *args: Any) -> Deferred[Any]:
    """
    Stands in for a thread: the work is done at once.
    """
    return execute(function, *args)


class Connection:
    """
    One client's connection to a site.

    :param route: is given the requests.
    :param max_body: the largest body taken.
    :param max_head: the largest head taken.
    """

    def __init__(
        self,
        route: Callable[[Request], None],
        max_body: int = 1000,
        max_head: int = 2000,
    ) -> None:
        self.clock: Any = MemoryReactorClock()
        self.site = Site(self.clock, route, in_thread, max_body, max_head)
        self.channel: Channel = self.site.buildProtocol(None)
        self.transport = HalfCloseableTransport()
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """
        The client sends.
        """
        self.channel.dataReceived(data)

    def received(self) -> bytes:
        """
        What the client has received since this was last asked.
        """
        data = self.transport.value()
        self.transport.clear()
        return data

    def leave(self) -> None:
        """
        The client is gone.
        """
        self.channel.connectionLost(Failure(ConnectionError("gone")))
