"""
A tunnel through a forward proxy.

Sources: RFC 9110, 9.3.6 for CONNECT; RFC 9112, 3.2.3 for its form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from .forward import ForwardProxy
from .origin import Origin

#: The largest head of an answer, in bytes.
_HEAD_LIMIT = 64 * 1024

#: More than this of a proxy's own words is not told.
_MOST_WORDS = 100


def connect_request(origin: Origin, via: ForwardProxy) -> bytes:
    """
    What asks a proxy for a tunnel.

    :param origin: where it is to lead.
    :param via: the proxy.
    """
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    where = f"{host}:{origin.port}".encode("ascii")
    lines = [b"CONNECT %b HTTP/1.1" % where, b"Host: " + where]
    if via.authorization is not None:
        lines.append(b"Proxy-Authorization: " + via.authorization)
    return b"\r\n".join([*lines, b"", b""])


class Tunnel(Protocol):
    """
    A connection to a proxy that becomes one to a server.

    :param request: asks for it.
    :param established: makes what speaks to the server.
    :param refused: told, as a predicate of the proxy, why there is no tunnel;
        the connection is closed then.
    """

    transport: Any

    def __init__(
        self,
        request: bytes,
        established: Callable[[], IProtocol],
        refused: Callable[[str], None],
    ) -> None:
        self._request = request
        self._established = established
        self._refused = refused
        self._inner: IProtocol | None = None
        self._buffer = b""
        self._over = False

    def connectionMade(self) -> None:
        """
        The proxy listens.
        """
        self.transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        """
        The proxy answers; once there is a tunnel, the server.
        """
        if self._inner is not None:
            self._inner.dataReceived(data)
        elif not self._over:
            self._buffer += data
            self._look()

    def _look(self) -> None:
        while True:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                if len(self._buffer) > _HEAD_LIMIT:
                    self._give_up("sent a head that does not end")
                return
            code, words = _status_of(head)
            if not 100 <= code < 200:
                break
            self._buffer = rest
        if not 200 <= code < 300:
            self._give_up(words)
            return
        self._buffer = b""
        self._inner = inner = self._established()
        inner.makeConnection(self.transport)
        if rest:
            inner.dataReceived(rest)

    def _give_up(self, words: str) -> None:
        self._over = True
        self._buffer = b""
        self.transport.abortConnection()
        self._refused(words)

    def abort(self) -> None:
        """
        Close the connection at once; nobody is told.
        """
        self._over = True
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is gone, whoever closed it.
        """
        if self._inner is not None:
            self._inner.connectionLost(reason)
        elif not self._over:
            self._over = True
            self._refused("closed the connection without an answer")


def _status_of(head: bytes) -> tuple[int, str]:
    """
    The status of a proxy's answer, and what is told of it; 0 where it is none.
    """
    line = head.partition(b"\r\n")[0]
    version, _, rest = line.partition(b" ")
    number, _, phrase = rest.partition(b" ")
    if not version.startswith(b"HTTP/1.") or len(number) != 3 or not number.isdigit():
        return 0, "sent what is not HTTP/1"
    text = phrase.decode("ascii", "replace")[:_MOST_WORDS]
    words = f"answered {number.decode()} {text if text.isprintable() else ''}".rstrip()
    if number == b"407":
        words += " (it wants another user and password in its URL)"
    return int(number), words
