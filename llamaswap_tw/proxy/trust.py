"""
Whom a server over TLS has to prove to be.

Twisted's own check tells no more of a certificate than that it was refused;
here the reason is told.

Sources: RFC 9110, 4.3.4 for what is verified; RFC 6066, 3 for the server's name.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from weakref import ref

from OpenSSL import SSL
from OpenSSL.crypto import X509
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import (
    DNS_ID,
    IPAddress_ID,
    ServiceID,
    verify_service_identity,
)
from service_identity.pyopenssl import extract_patterns
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions, platformTrust
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

_log = Logger()

_CODES = SSL.X509VerificationCodes

_TRUST_IT = "SSL_CERT_FILE can name a file with the authorities to trust"

#: What OpenSSL finds wrong with a certificate, as far as it is common.
_WORDS = {
    _CODES.ERR_CERT_HAS_EXPIRED: "has expired",
    _CODES.ERR_CERT_NOT_YET_VALID: "is not valid yet",
    _CODES.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: f"is self-signed; {_TRUST_IT}",
    _CODES.ERR_SELF_SIGNED_CERT_IN_CHAIN: (
        f"is signed by an authority that is not trusted here; {_TRUST_IT}"
    ),
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: (
        "is signed by an authority that is not known here, or the server does not "
        f"send the certificates in between; {_TRUST_IT}"
    ),
    _CODES.ERR_CERT_REVOKED: "was revoked",
    _CODES.ERR_INVALID_PURPOSE: "is not one for a server",
}


class Distrusted(Exception):
    """
    A server's certificate does not prove that it is who it should be.  The
    message is a predicate: what follows on the certificate.
    """


@implementer(IOpenSSLClientConnectionCreator)
class ServerIdentity:
    """
    Makes TLS connections to one host, who has to prove that it is that host.

    :param host: its name or address.
    :param context: knows whom to trust.
    :raises ValueError: if it is a name that no certificate can have.
    """

    def __init__(self, host: str, context: SSL.Context) -> None:
        self._host = host
        self._context = context
        self._server_name: bytes | None = None
        self._identity: ServiceID
        if isIPAddress(host) or isIPv6Address(host):
            self._identity = IPAddress_ID(host)
        else:
            name = host.removesuffix(".")
            self._identity = DNS_ID(name)
            self._server_name = name.encode("ascii")

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """
        A connection whose handshake succeeds with that host alone.

        :param tlsProtocol: told, where it fails, of a `Distrusted`.
        """
        connection = SSL.Connection(self._context, None)
        if self._server_name is not None:
            connection.set_tlsext_host_name(self._server_name)
        # Weak, or the connection would be a cycle for the collector.
        protocol = ref(tlsProtocol)

        def verify(
            _: SSL.Connection, certificate: X509, error: int, depth: int, ok: int
        ) -> bool:
            try:
                words = self._complaint(certificate, error, depth, bool(ok))
            except Exception:
                # OpenSSL's callbacks may not raise.
                _log.failure("checking the certificate of {host}", host=self._host)
                words = "could not be understood"
            if not words:
                return True
            told = protocol()
            if told is not None:
                told.failVerification(Failure(Distrusted(words)))
            return False

        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        return connection

    def _complaint(self, certificate: X509, error: int, depth: int, ok: bool) -> str:
        """
        :param depth: 0 for the server's own, more for those that vouch for it.
        :param ok: whether OpenSSL has found nothing wrong.
        :returns: what is wrong with it, or ``""``.
        """
        if not ok:
            return _WORDS.get(error, f"is not valid (OpenSSL's error {error})")
        if depth == 0:
            try:
                verify_service_identity(
                    extract_patterns(certificate), [self._identity], []
                )
            except VerificationError:
                return f"is not one for {self._host}"
            except CertificateError as e:
                return f"makes no sense: {e}"
        return ""


def context_of(root: Any) -> SSL.Context:
    """
    :param root: whom to trust, as `CertificateOptions` takes it.
    :returns: what connections are made from.
    """
    return CertificateOptions(trustRoot=root).getContext()


@cache
def platform_context() -> SSL.Context:
    """
    Trusts whom the system trusts, or the file that ``SSL_CERT_FILE`` and the
    directory that ``SSL_CERT_DIR`` name.  One for all: to load the system's
    authorities takes milliseconds and megabytes.
    """
    return context_of(platformTrust())


def explain(reason: Failure) -> str:
    """
    :param reason: why a TLS handshake failed.
    :returns: that, as a predicate of the server.
    """
    if reason.check(Distrusted):
        return f"is not to be trusted: its certificate {reason.value}"
    words = reason.getErrorMessage()
    if isinstance(reason.value, SSL.Error) and reason.value.args:
        # Some are lists of (library, function, reason), of which the last says most.
        errors = reason.value.args[0]
        if isinstance(errors, list) and errors:
            words = errors[-1][-1]
    return f"failed the TLS handshake: {words}"
