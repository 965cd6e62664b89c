"""
Opening a connection to a model's server: by address or name, with or without
TLS, within the time that it may take.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.interfaces import IAddress, IConnector, IDelayedCall
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from .connection import Connection, TLSConnection
from .exchange import Idle
from .failures import ConnectFailed, Refused
from .timeouts import Timeouts

#: Where ``localhost`` is, without a look-up: that would take a thread.
_LOOPBACK = ("127.0.0.1", "::1")

#: No part of a host.
_FORBIDDEN = frozenset("/?#")


@dataclass(frozen=True, slots=True)
class Origin:
    """
    Where a server listens.

    :ivar secure: whether over TLS.
    :ivar host: its name or address, without brackets.
    :ivar port: its port.
    :ivar header: what ``Host`` says to one that is asked there.
    """

    secure: bool
    host: str
    port: int
    header: bytes

    @classmethod
    def from_url(cls, url: bytes) -> Origin:
        """
        :param url: scheme and authority.
        :raises ConnectFailed: if they make no sense.
        """
        scheme, _, authority = url.partition(b"://")
        authority = authority.rpartition(b"@")[2]
        scheme = scheme.lower()
        if scheme not in (b"http", b"https"):
            raise ConnectFailed(
                f"cannot be asked at {url.decode('ascii', 'replace')}: only http:// "
                "and https:// are known"
            )
        host, colon, port = authority.rpartition(b":")
        if not colon or authority.endswith(b"]"):
            host, port = authority, b""
        try:
            name = host.decode("ascii").removeprefix("[").removesuffix("]")
            number = int(port) if port else (443 if scheme == b"https" else 80)
        except ValueError:
            name = ""
        if not name or not _FORBIDDEN.isdisjoint(name):
            raise ConnectFailed(
                f"cannot be asked at {url.decode('ascii', 'replace')}: that is no "
                "host and port"
            )
        return cls(scheme == b"https", name, number, authority)


def default_tls(host: str) -> Any:
    """
    What a server's certificate is checked against: its name, and the
    authorities that the system trusts.
    """
    # On first use: it takes memory, and most models have no TLS.
    from twisted.internet.ssl import optionsForClientTLS

    return optionsForClientTLS(host)


class Opening(ClientFactory):
    """
    One try to open a connection.

    :param reactor: connects.
    :param origin: where to.
    :param timeouts: how long what may take.
    :param idle: where the connection goes between requests.
    :param tls_options: makes what TLS needs to know of a host.
    :ivar done: fires with the `Connection` and fails with `ConnectFailed`;
        cancelling it closes what there is.
    """

    noisy = False

    def __init__(
        self,
        reactor: Any,
        origin: Origin,
        timeouts: Timeouts,
        idle: Idle,
        tls_options: Callable[[str], Any] = default_tls,
    ) -> None:
        self.done: Deferred[Connection] = Deferred(self._cancelled)
        self._reactor = reactor
        self._origin = origin
        self._timeouts = timeouts
        self._idle = idle
        self._tls_options = tls_options
        self._hosts: list[str] = []
        self._connector: IConnector | None = None
        self._looked_up: Deferred[Any] | None = None
        self._connection: Connection | None = None
        self._timer: IDelayedCall | None = None
        self._refusal: Failure | None = None

    def start(self) -> None:
        """
        Begin.
        """
        host = self._origin.host
        if host.lower() == "localhost":
            self._hosts += _LOOPBACK
        elif isIPAddress(host) or isIPv6Address(host):
            self._hosts.append(host)
        else:
            self._by_name(host)
            return
        self._try_next()

    def _try_next(self) -> None:
        self._connector = self._reactor.connectTCP(
            self._hosts.pop(0),
            self._origin.port,
            self._factory(),
            self._timeouts.connect or None,
        )

    def _by_name(self, host: str) -> None:
        from twisted.internet.endpoints import HostnameEndpoint

        endpoint = HostnameEndpoint(
            self._reactor, host, self._origin.port, self._timeouts.connect or 1e9
        )
        self._looked_up = endpoint.connect(self._factory())
        self._looked_up.addErrback(self._not_connected)

    def _factory(self) -> Any:
        if not self._origin.secure:
            return self
        from twisted.protocols.tls import TLSMemoryBIOFactory

        options = self._tls_options(self._origin.host)
        factory = TLSMemoryBIOFactory(options, True, self, self._reactor)
        factory.noisy = False
        return factory

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        """
        TCP has connected.
        """
        make = TLSConnection if self._origin.secure else Connection
        self._connection = make(self._reactor, self._timeouts, self, self._idle)
        return self._connection

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """
        TCP has not connected.
        """
        self._not_connected(reason)

    def _not_connected(self, reason: Failure) -> None:
        if self.done.called:
            return
        if reason.check(ConnectionRefusedError):
            self._refusal = reason
        if self._hosts and not reason.check(TimeoutError):
            self._try_next()
            return
        origin = self._origin
        where = f"{origin.host} port {origin.port}"
        error: ConnectFailed
        if self._refusal is not None:
            error = Refused(f"refused the connection to {where}")
        elif reason.check(TimeoutError):
            seconds = self._timeouts.connect
            error = ConnectFailed(
                f"could not be connected to at {where} within {seconds:g} s"
            )
        elif reason.check(DNSLookupError):
            error = ConnectFailed(
                f"could not be connected to: the name {origin.host!r} is not known"
            )
        else:
            error = ConnectFailed(
                f"could not be connected to at {where}: {reason.getErrorMessage()}"
            )
        self.done.errback(error)

    # What the connection tells.

    def handshaking(self, connection: Connection) -> None:
        """
        TCP has connected, TLS is about to.
        """
        seconds = self._timeouts.tls_handshake
        if seconds:
            self._timer = self._reactor.callLater(seconds, self._too_slow)

    def opened(self, connection: Connection) -> None:
        """
        The connection is ready.
        """
        self._stop_timer()
        if self.done.called:
            connection.abort()
        else:
            self.done.callback(connection)

    def not_opened(self, reason: Failure) -> None:
        """
        The TLS handshake failed.
        """
        self._stop_timer()
        if not self.done.called:
            words = reason.getErrorMessage()
            self.done.errback(ConnectFailed(f"failed the TLS handshake: {words}"))

    def _too_slow(self) -> None:
        self._timer = None
        seconds = self._timeouts.tls_handshake
        error = ConnectFailed(f"did not end the TLS handshake within {seconds:g} s")
        if not self.done.called:
            self.done.errback(error)
        if self._connection is not None:
            self._connection.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cancelled(self, done: Deferred[Connection]) -> None:
        # First, so that what follows from closing finds it fired.
        done.errback(CancelledError())
        self._stop_timer()
        if self._looked_up is not None:
            self._looked_up.cancel()
        if self._connection is not None:
            self._connection.abort()
        elif self._connector is not None:
            self._connector.stopConnecting()
