"""
Opening a connection to a model's server: by address or name, with or without
TLS, directly or through a forward proxy, within the time that it may take.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IDelayedCall,
    IProtocol,
)
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from .connect import Tunnel, connect_request
from .connection import Connection, TLSConnection
from .exchange import Idle
from .failures import ConnectFailed, Refused
from .forward import ForwardProxy
from .origin import Origin
from .timeouts import Timeouts

#: Where ``localhost`` is, without a look-up: that would take a thread.
_LOOPBACK = ("127.0.0.1", "::1")


def default_tls(host: str) -> Any:
    """
    What a server's certificate is checked against: its name, and the
    authorities that the system trusts.
    """
    # On first use: it takes memory, and most models have no TLS.
    from .trust import ServerIdentity, platform_context

    return ServerIdentity(host, platform_context())


class Opening(ClientFactory):
    """
    One try to open a connection.

    :param reactor: connects.
    :param origin: where to.
    :param timeouts: how long what may take.
    :param idle: where the connection goes between requests.
    :param tls_options: makes what TLS needs to know of a host; raises `ValueError`
        where that cannot be one with a certificate.
    :param via: the forward proxy that it leads through, or `None`.
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
        via: ForwardProxy | None = None,
    ) -> None:
        self.done: Deferred[Connection] = Deferred(self._cancelled)
        self._reactor = reactor
        self._origin = origin
        self._timeouts = timeouts
        self._idle = idle
        self._tls_options = tls_options
        self._via = via
        self._tls: Any = None
        self._tunnel: Tunnel | None = None
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
        if self._origin.secure:
            try:
                self._tls = self._over_tls()
            except ValueError:
                name = self._origin.host
                words = f"cannot be asked over TLS: {name!r} cannot have a certificate"
                self.done.errback(ConnectFailed(words))
                return
        first = self._via or self._origin
        host = first.host
        if host.lower() == "localhost":
            self._hosts += _LOOPBACK
        elif isIPAddress(host) or isIPv6Address(host):
            self._hosts.append(host)
        else:
            self._by_name(host, first.port)
            return
        self._try_next()

    def _try_next(self) -> None:
        self._connector = self._reactor.connectTCP(
            self._hosts.pop(0),
            (self._via or self._origin).port,
            self._factory(),
            self._timeouts.connect or None,
        )

    def _by_name(self, host: str, port: int) -> None:
        from twisted.internet.endpoints import HostnameEndpoint

        endpoint = HostnameEndpoint(
            self._reactor, host, port, self._timeouts.connect or 1e9
        )
        self._looked_up = endpoint.connect(self._factory())
        self._looked_up.addErrback(self._not_connected)

    def _factory(self) -> Any:
        if self._tls is None or self._via is not None:
            return self
        return self._tls

    def _over_tls(self) -> Any:
        from twisted.protocols.tls import TLSMemoryBIOFactory

        options = self._tls_options(self._origin.host)
        factory = TLSMemoryBIOFactory(options, True, self, self._reactor)
        factory.noisy = False
        return factory

    def buildProtocol(self, addr: IAddress | None) -> Connection | Tunnel:
        """
        TCP has connected.
        """
        if self._tls is None or self._via is None:
            return self._make_connection()
        self._start_timer(
            self._timeouts.connect,
            f"could not be connected to through {self._via} within "
            f"{self._timeouts.connect:g} s",
        )
        request = connect_request(self._origin, self._via)
        self._tunnel = Tunnel(request, self._tunnelled, self._no_tunnel)
        return self._tunnel

    def _make_connection(self) -> Connection:
        make = Connection if self._tls is None else TLSConnection
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
        self.done.errback(self._explain(reason))

    def _explain(self, reason: Failure) -> ConnectFailed:
        first = self._via or self._origin
        seconds = self._timeouts.connect
        if self._via is None:
            where = f"at {first.host} port {first.port}"
        else:
            where = f"through {self._via}"
        if self._refusal is not None:
            if self._via is None:
                words = f"refused the connection to {first.host} port {first.port}"
                return Refused(words)
            # That says nothing of the server.
            words = f"{where}: it refused the connection"
        elif reason.check(TimeoutError):
            words = f"{where} within {seconds:g} s"
        elif reason.check(DNSLookupError):
            words = f"{where}: the name {first.host!r} is not known"
        else:
            words = f"{where}: {reason.getErrorMessage()}"
        return ConnectFailed(f"could not be connected to {words}")

    # What the tunnel tells.

    def _tunnelled(self) -> IProtocol:
        """
        There is a tunnel: TLS begins within it.
        """
        from twisted.protocols.tls import TLSMemoryBIOProtocol

        self._stop_timer()
        self._tunnel = None
        return TLSMemoryBIOProtocol(self._tls, self._make_connection())

    def _no_tunnel(self, words: str) -> None:
        self._stop_timer()
        self._tunnel = None
        if not self.done.called:
            self.done.errback(
                ConnectFailed(
                    f"could not be connected to through {self._via}: it {words}"
                )
            )

    # What the connection tells.

    def handshaking(self, connection: Connection) -> None:
        """
        TCP has connected, TLS is about to.
        """
        seconds = self._timeouts.tls_handshake
        self._start_timer(
            seconds, f"did not end the TLS handshake within {seconds:g} s"
        )

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
            from .trust import explain

            self.done.errback(ConnectFailed(explain(reason)))

    def _start_timer(self, seconds: float, words: str) -> None:
        if seconds:
            self._timer = self._reactor.callLater(seconds, self._too_slow, words)

    def _too_slow(self, words: str) -> None:
        self._timer = None
        if not self.done.called:
            self.done.errback(ConnectFailed(words))
        self._abort()

    def _abort(self) -> None:
        if self._connection is not None:
            self._connection.abort()
        elif self._tunnel is not None:
            self._tunnel.abort()
        elif self._connector is not None:
            self._connector.stopConnecting()

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
        self._abort()
