"""
Tests for `llamaswap_tw.web.listen`: what HTTPS is served with.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.web.listen import (
    BadAddress,
    Certificate,
    SecureEndpoint,
    parse_address,
)
from tests.certificates import Chain


class CertificateTests(SynchronousTestCase):
    """
    A certificate and its key.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.files = Chain(self.folder)

    def refused(self, cert: Path, key: Path) -> str:
        """
        The one line that says what is wrong with these.
        """
        certificate = Certificate(str(cert), str(key))
        error = self.assertRaises(
            BadAddress,
            parse_address("1").endpoints,
            MemoryReactorClock(),
            certificate,
        )
        self.assertNotIn("\n", str(error))
        return str(error)

    def test_good(self) -> None:
        """
        With these, each address speaks TLS, but for endpoint strings.
        """
        certificate = Certificate(str(self.files.chain), str(self.files.key))
        reactor = MemoryReactorClock()
        (endpoint,) = parse_address("9000").endpoints(reactor, certificate)
        self.assertIsInstance(endpoint, SecureEndpoint)
        verifyObject(IStreamServerEndpoint, endpoint)
        (endpoint,) = parse_address("unix:/x").endpoints(reactor, certificate)
        self.assertNotIsInstance(endpoint, SecureEndpoint)

    def test_unreadable(self) -> None:
        """
        A file that is not there, or a directory, is named, with the reason.
        """
        files = self.files
        missing = self.folder / "missing"
        for cert, key in ((missing, files.key), (files.chain, missing)):
            line = self.refused(cert, key)
            self.assertIn(f"{missing}: No such file", line)
        self.assertIn("Is a directory", self.refused(self.folder, files.key))

    def test_other_kinds(self) -> None:
        """
        A file of another kind is named.
        """
        files = self.files
        junk = self.folder / "junk"
        for content in (
            b"",
            b"\xff\0",
            b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
        ):
            junk.write_bytes(content)
            self.assertIn(f"{junk} is no certificate", self.refused(junk, files.key))
            self.assertIn(f"{junk} is no private key", self.refused(files.chain, junk))
        self.assertIn("is no certificate", self.refused(files.key, files.key))

    def test_passphrase(self) -> None:
        """
        A key with a passphrase is refused, and nobody is asked for it.
        """
        line = self.refused(self.files.chain, self.files.locked_key)
        self.assertIn("without a passphrase", line)

    def test_mismatch(self) -> None:
        """
        Another certificate's key is told to be that.
        """
        line = self.refused(self.files.chain, self.files.other_key)
        self.assertIn("is not the key of the first certificate", line)
