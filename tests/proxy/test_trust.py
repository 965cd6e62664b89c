"""
Tests for `llamaswap_tw.proxy.trust`.
"""

from __future__ import annotations

import os
from typing import Any
from unittest.mock import patch

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import PrivateCertificate, platformTrust
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.proxy.failures import ConnectFailed
from llamaswap_tw.proxy.trust import ServerIdentity, context_of

from .support import Asking
from .tls import certificate, converse, trusting


class ServerIdentityTests(SynchronousTestCase):
    """
    A server is who it should be, or what is wrong with its certificate is told.
    """

    def ask(self, url: bytes, tls_options: Any, shown: PrivateCertificate) -> str:
        """
        Ask a server.

        :param url: where.
        :param tls_options: whom to trust.
        :param shown: the certificate that it shows.
        :returns: what failed, or ``""``.
        """
        asking = Asking(None, tls_options)
        names = asking.upstream.reactor.nameResolver.names
        names["gpu.example"] = names["a.gpu.example"] = "10.0.0.2"
        asked = asking.ask(url=url)
        side = asking.upstream.accept()
        if b"gpu" in url:
            self.assertIn(b"gpu.example", side.transport.value())
        seen = converse(asking.upstream.reactor, side, shown)
        side.close()
        if seen:
            self.successResultOf(asked)
            return ""
        return str(self.failureResultOf(asked, ConnectFailed).value)

    def test_trusted(self) -> None:
        """
        A name, which is also sent, or an address is proven by a certificate for it
        that a trusted authority has signed.
        """
        authority = certificate("authority")
        for host, url in (
            ("gpu.example", b"https://gpu.example/"),
            ("gpu.example", b"https://gpu.example:8443/"),
            ("*.gpu.example", b"https://a.gpu.example/"),
            ("10.0.0.2", b"https://10.0.0.2/"),
        ):
            shown = certificate(host, issuer=authority)
            self.assertEqual(self.ask(url, trusting(authority), shown), "")

    def test_complaints(self) -> None:
        """
        Each fault of a certificate is told in words.
        """
        authority, stranger = certificate("authority"), certificate("stranger")
        for shown, words in (
            (certificate("gpu.example"), "is self-signed; SSL_CERT_FILE"),
            (
                certificate("gpu.example", issuer=stranger),
                "is signed by an authority that is not known",
            ),
            (
                certificate("gpu.example", -2, -1, authority),
                "has expired",
            ),
            (
                certificate("gpu.example", 1, 2, authority),
                "is not valid yet",
            ),
            (
                certificate("other.example", issuer=authority),
                "is not one for gpu.example",
            ),
            (
                certificate("10.0.0.2", issuer=authority),
                "is not one for gpu.example",
            ),
            (
                certificate("*.example", issuer=authority),
                "makes no sense: ",
            ),
        ):
            said = self.ask(b"https://gpu.example/", trusting(authority), shown)
            self.assertIn(f"is not to be trusted: its certificate {words}", said)

    def test_certificate_file(self) -> None:
        """
        ``SSL_CERT_FILE`` names whom to trust.
        """
        shown = certificate("gpu.example")
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(shown.dumpPEM())
        self.enterContext(patch.dict(os.environ, SSL_CERT_FILE=path))
        context = context_of(platformTrust())
        said = self.ask(
            b"https://gpu.example/",
            lambda host: ServerIdentity(host, context),
            shown,
        )
        self.assertEqual(said, "")

    def test_not_a_name(self) -> None:
        """
        What no certificate can be for is refused.
        """
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        for host in ("a b", "a%20", ""):
            self.assertRaises(ValueError, ServerIdentity, host, context)

    def test_interface(self) -> None:
        """
        It is what Twisted's TLS takes.
        """
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        verifyObject(IOpenSSLClientConnectionCreator, ServerIdentity("h", context))
