"""
Listening addresses: from what stands on the command line to open ports.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorTCP,
    IStreamServerEndpoint,
)
from twisted.internet.tcp import Port
from zope.interface import implementer

if TYPE_CHECKING:
    from .passed import PassedEndpoint

#: What ``--listen`` calls the sockets that whoever started us has opened.
PASSED = "systemd"

#: Where it listens on loopback unless told otherwise, and where it has a
#: certificate.
DEFAULT_PORT = 8080
DEFAULT_TLS_PORT = 8443

_HOST_PORT = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.%a-z]+\]|[^:/\[\]]*):(?P<port>[0-9]{1,5})"
)

#: A queue shorter than a burst of clients makes the kernel drop some of them.
_BACKLOG = 1024


class BadAddress(ValueError):
    """
    An address that nobody can listen on; the message says why.
    """


class PromptPort(Port):
    """
    A TCP port that accepts one connection a turn of the reactor.

    Twisted accepts up to a hundred in a row; when many clients connect at
    once, the streams of those that are already there wait for all of them.
    """

    def doRead(self) -> None:
        """
        A client wants to connect.
        """
        # It doubles as a count that Twisted adapts after each call.
        self.numberAccepts = 1
        super().doRead()


@implementer(IStreamServerEndpoint)
@dataclass(frozen=True)
class PromptEndpoint:
    """
    Listens on a TCP port.

    :ivar reactor: watches it.
    :ivar host: an IP address, or ``""`` for all of IPv4.
    :ivar port: its number.
    """

    reactor: IReactorTCP
    host: str
    port: int

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen.

        :returns: a `Deferred` that fires with the open port and fails with
            `twisted.internet.error.CannotListenError`.
        """

        def begin() -> IListeningPort:
            port: Any = PromptPort(
                self.port, protocolFactory, _BACKLOG, self.host, self.reactor
            )
            port.startListening()
            opened: IListeningPort = port
            return opened

        return execute(begin)


@implementer(IStreamServerEndpoint)
@dataclass(frozen=True)
class SecureEndpoint:
    """
    Listens, and speaks TLS there.

    :ivar beneath: listens.
    :ivar contexts: makes what a connection is encrypted with.
    """

    beneath: PromptEndpoint | PassedEndpoint
    contexts: Any

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen; as for what is beneath.
        """
        # Imported on first use: most serve HTTP.
        from twisted.protocols.tls import TLSMemoryBIOFactory

        clock: Any = self.beneath.reactor
        secure = TLSMemoryBIOFactory(self.contexts, False, protocolFactory, clock)
        secure.noisy = False
        return self.beneath.listen(secure)


@dataclass(frozen=True)
class Certificate:
    """
    What HTTPS is served with.

    :ivar cert_file: the path of a PEM file with the certificate, and those that
        vouch for it.
    :ivar key_file: the path of a PEM file with its private key.
    """

    cert_file: str
    key_file: str

    def contexts(self) -> Any:
        """
        What makes a connection's encryption of it.

        :raises BadAddress: if a file cannot be read, is of another kind, or does
            not fit the other.
        """
        # Imported on first use: most serve HTTP.
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificates
        from OpenSSL.crypto import X509, PKey
        from OpenSSL.SSL import Error
        from twisted.internet.ssl import CertificateOptions

        certificates, key_data = _read(self.cert_file), _read(self.key_file)
        try:
            first, *others = load_pem_x509_certificates(certificates)
        except ValueError:
            raise BadAddress(
                f"cannot serve HTTPS: {self.cert_file} is no certificate in PEM"
            )
        try:
            key: Any = load_pem_private_key(key_data, None)
            private_key = PKey.from_cryptography_key(key)
        except (ValueError, TypeError, UnsupportedAlgorithm) as e:
            # A TypeError, where it is encrypted or of an uncommon kind.
            raise BadAddress(
                f"cannot serve HTTPS: {self.key_file} is no private key in PEM, "
                f"without a passphrase ({_first_line(e)})"
            )
        contexts = CertificateOptions(
            private_key,
            X509.from_cryptography(first),
            extraCertChain=[X509.from_cryptography(other) for other in others],
        )
        try:
            contexts.getContext()
        except Error:
            raise BadAddress(
                f"cannot serve HTTPS: {self.key_file} is not the key of the first "
                f"certificate in {self.cert_file}"
            )
        return contexts


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as e:
        raise BadAddress(f"cannot serve HTTPS: cannot read {path}: {e.strerror}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@dataclass(frozen=True)
class Address:
    """
    One ``--listen``.

    :ivar text: as it was written.
    :ivar reach: ``"loopback"``, ``"network"``, or ``"other"`` where whoever opens
        the socket, or the endpoint string, decides.
    """

    text: str
    reach: str
    hosts: tuple[str, ...] = ()
    port: int = 0

    def endpoints(
        self, reactor: Any, certificate: Certificate | None = None
    ) -> list[IStreamServerEndpoint]:
        """
        What to listen on.

        :param certificate: what HTTPS is served with, or `None` for HTTP; an
            endpoint string says itself what it is.
        :raises BadAddress: if it is no address and no endpoint string.
        """
        plain: list[PromptEndpoint | PassedEndpoint] = [
            PromptEndpoint(reactor, host, self.port) for host in self.hosts
        ]
        if self.text == PASSED:
            # Imported on first use: few are passed any.
            from .passed import passed_endpoints

            plain += passed_endpoints(reactor)
        if plain:
            if certificate is None:
                return [*plain]
            contexts = certificate.contexts()
            return [SecureEndpoint(endpoint, contexts) for endpoint in plain]
        try:
            return [serverFromString(reactor, self.text)]
        except Exception as e:
            # Each parser of endpoint strings raises what it likes.
            raise BadAddress(
                f"cannot listen on {self.text!r}: {e or type(e).__name__}; write "
                "HOST:PORT, :PORT, PORT or a Twisted endpoint string"
            )


def parse_address(text: str) -> Address:
    """
    Read one ``--listen``.

    :param text: ``127.0.0.1:8080``, ``:9000`` (all interfaces),
        ``localhost:9000``, ``[::1]:9000``, ``9000`` (loopback), ``systemd`` for
        the sockets that were passed, or any Twisted endpoint string.
    :raises BadAddress: if the port is out of range or the host is no address.
    """
    if text.isascii() and text.isdigit():
        text = f"127.0.0.1:{text}"
    if text == PASSED:
        return Address(text, "other")
    match = _HOST_PORT.fullmatch(text)
    if match is None:
        if ":" not in text:
            raise BadAddress(
                f"cannot listen on {text!r}: write HOST:PORT, :PORT, PORT, systemd "
                "or a Twisted endpoint string"
            )
        return Address(text, _reach_of_endpoint(text))
    port = int(match["port"])
    if port > 65535:
        raise BadAddress(f"cannot listen on {text!r}: ports end at 65535")
    host = match["host"].strip("[]")
    if host == "localhost":
        return Address(text, "loopback", ("127.0.0.1",), port)
    if host == "":
        return Address(text, "network", (_all_interfaces(),), port)
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        if host in ("tcp", "tcp6"):
            return Address(text, "network", port=port)
        raise BadAddress(
            f"cannot listen on {text!r}: {host!r} is no IP address of this machine; "
            "write its number, or leave it out for all interfaces"
        )
    return Address(text, "loopback" if ip.is_loopback else "network", (host,), port)


def _reach_of_endpoint(text: str) -> str:
    """
    Who reaches a Twisted endpoint, as far as its string tells.
    """
    if re.match(r"(haproxy:)?(tcp6?|ssl|tls):", text) is None:
        return "other"
    interface = re.search(r":interface=(?P<host>(?:\\:|[^:])+)", text)
    if interface is None:
        return "network"
    try:
        ip = ipaddress.ip_address(interface["host"].replace("\\:", ":"))
    except ValueError:
        return "other"
    return "loopback" if ip.is_loopback else "network"


def _all_interfaces() -> str:
    """
    The address that takes IPv4 and IPv6, where the machine has both.
    """
    return "::" if socket.has_dualstack_ipv6() else ""


def explain_cannot_listen(address: Address, error: BaseException) -> str:
    """
    One line that says why an address cannot be listened on.
    """
    reason = error.socketError if isinstance(error, CannotListenError) else error
    strerror = getattr(reason, "strerror", None) or str(reason)
    return f"cannot listen on {address.text}: {strerror}"
