"""
A site over a transport in memory, and what stands behind it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import directlyProvides

from llamaswap_tw.config.load import load_file
from llamaswap_tw.config.schema import Config
from llamaswap_tw.web.channel import Channel
from llamaswap_tw.web.request import Request
from llamaswap_tw.web.site import Site


class HalfCloseableTransport(StringTransport):
    """
    A transport that remembers how it was closed.
    """

    write_closed = False

    def loseWriteConnection(self) -> None:
        self.write_closed = True

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def be_tcp(self) -> None:
        """
        From now on it can be closed half.
        """
        directlyProvides(self, ITCPTransport)


#: What the clock of these tests shows until it is advanced.
DATE = b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"


def in_thread(function: Callable[..., Any], *args: Any) -> Deferred[Any]:
    """
    Stands in for a thread: the work is done at once.
    """
    return execute(function, *args)


class Response:
    """
    A response as a client got it.

    :ivar status: its number.
    :ivar headers: by their names in lower case.
    :ivar body: what came after the head.
    """

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        pairs = [line.partition(": ") for line in lines]
        self.headers = {name.lower(): value for name, _, value in pairs}


class Connection:
    """
    One client's connection to a site.

    :param route: is given the requests.
    :param max_body: the largest body taken.
    :param max_head: the largest head taken.
    :param thread: stands in for threads.
    """

    def __init__(
        self,
        route: Callable[[Request], None],
        max_body: int = 1000,
        max_head: int = 2000,
        thread: Callable[..., Deferred[Any]] = in_thread,
    ) -> None:
        self.clock = MemoryReactorClock()
        self.site = Site(self.clock, route, thread, max_body, max_head, 30.0, 60.0)
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
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        """
        The client sends a request.
        """
        lines = [f"{method} {path} HTTP/1.1", "Host: h"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def response(self) -> Response:
        """
        The response that the client has received since this was last asked.
        """
        return Response(self.received())

    def leave(self) -> None:
        """
        The client is gone.
        """
        self.channel.connectionLost(Failure(ConnectionError("gone")))


MODELS = """
models:
  llama:
    cmd: serve --port ${PORT}
    aliases: [llama-alias, org/alias]
    name: A llama
    description: Big & woolly
    metadata: {family: camels, legs: 4}
    ttl: 60
  org/model:
    cmd: serve --port ${PORT}
  zébra:
    cmd: serve --port ${PORT}
  hidden:
    cmd: serve --port ${PORT}
    unlisted: true
"""


def configured(text: str = MODELS) -> Config:
    """
    The configuration that a file of this text makes.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        return load_file(file.name, os.environ)
