"""
Certificates for tests: an authority, one that it vouches for, and a server's.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


class Chain:
    """
    The files of a server's certificate, in a folder.

    :ivar root: the authority, which clients know.
    :ivar chain: the server's certificate and, after it, the one between.
    :ivar key: the server's private key.
    :ivar locked_key: the same, with a passphrase.
    :ivar other_key: another one.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root.pem"
        self.chain = folder / "chain.pem"
        self.key = folder / "key.pem"
        self.locked_key = folder / "locked.pem"
        self.other_key = folder / "other.pem"
        root_key, between_key, key = (
            ec.generate_private_key(ec.SECP256R1()) for _ in range(3)
        )
        root = _certificate("root", root_key, "root", root_key, True)
        between = _certificate("between", between_key, "root", root_key, True)
        server = _certificate("localhost", key, "between", between_key, False)
        self.root.write_bytes(root)
        self.chain.write_bytes(server + between)
        self.key.write_bytes(_key(key))
        self.locked_key.write_bytes(_key(key, b"secret"))
        self.other_key.write_bytes(_key(between_key))


def _key(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> bytes:
    locked = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    is_authority: bool,
) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .sign(issuer_key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)
