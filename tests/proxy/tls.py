"""
Certificates, and a TLS server in memory.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.abstract import isIPAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, PrivateCertificate
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory

from llamaswap_tw.proxy.trust import ServerIdentity, context_of

from .support import ServerSide, Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

_PEM = serialization.Encoding.PEM


def certificate(
    host: str,
    since: float = -1,
    until: float = 1,
    issuer: PrivateCertificate | None = None,
) -> PrivateCertificate:
    """
    A certificate.

    :param host: an address or a name.
    :param since: the day from which on it is valid; 0 is now.
    :param until: the day until which it is.
    :param issuer: signs it; without one, it signs itself.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    signed_by, signing = name, key
    if issuer is not None:
        signed_by = issuer.original.to_cryptography().subject
        signing = issuer.privateKey.original.to_cryptography_key()
    now = datetime.datetime.now(datetime.UTC)
    alternative: x509.GeneralName = x509.DNSName(host)
    if isIPAddress(host):
        alternative = x509.IPAddress(ipaddress.ip_address(host))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signed_by)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + datetime.timedelta(days=since))
        .not_valid_after(now + datetime.timedelta(days=until))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(signing, hashes.SHA256())
    )
    private = key.private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    loaded: PrivateCertificate = PrivateCertificate.loadPEM(
        made.public_bytes(_PEM) + private
    )
    return loaded


def trusting(trusted: PrivateCertificate) -> Callable[[str], Any]:
    """
    What trusts that one alone, as an `Agent` takes it.
    """
    context = context_of(Certificate.loadPEM(trusted.dumpPEM()))
    return lambda host: ServerIdentity(host, context)


class _Answering(Protocol):
    """
    A server that answers whatever it is sent, at once.
    """

    factory: Any
    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.factory.seen.append(data)
        self.transport.write(OK)


def converse(
    clock: Any, side: ServerSide, certificate: PrivateCertificate
) -> list[bytes]:
    """
    Let a TLS server talk until there is nothing left to say.

    :param clock: the client's.
    :param side: the connection that it sits at.
    :param certificate: what it shows.
    :returns: what it was sent.
    """
    factory: Any = Factory.forProtocol(_Answering)
    factory.seen = []
    late = Clock()
    wrapped = TLSMemoryBIOFactory(certificate.options(), False, factory, late)
    server: Any = wrapped.buildProtocol(None)
    transport = Transport()
    server.makeConnection(transport)
    while True:
        clock.advance(0)
        up = side.received()
        if up:
            server.dataReceived(up)
        late.advance(0)
        down = transport.value()
        transport.clear()
        if down:
            side.send(down)
        if not up and not down:
            seen: list[bytes] = factory.seen
            return seen
