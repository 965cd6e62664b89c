"""
Tests for `llamaswap_tw.proxy.opening`.
"""

from __future__ import annotations

import datetime
import ipaddress
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.defer import CancelledError
from twisted.internet.error import (
    ConnectionDone,
    ConnectionRefusedError,
    NoRouteError,
    TimeoutError,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.proxy.failures import ConnectFailed, Refused, UpstreamFailure
from llamaswap_tw.proxy.opening import default_tls
from llamaswap_tw.proxy.timeouts import Timeouts

from .support import Asking, Reader, ServerSide, Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def certificate(address: str) -> PrivateCertificate:
    """
    A certificate for an address, signed by itself.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.IPAddress(ipaddress.ip_address(address))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    loaded: PrivateCertificate = PrivateCertificate.loadPEM(
        made.public_bytes(pem) + private
    )
    return loaded


class Answering(Protocol):
    """
    A server that answers whatever it is sent, at once.
    """

    factory: Any
    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.factory.seen.append(data)
        self.transport.write(OK)


class ConnectingTests(SynchronousTestCase):
    """
    A connection is opened, or the reason is told.
    """

    def setUp(self) -> None:
        self.asking = Asking(Timeouts(connect=3))
        self.upstream = self.asking.upstream

    def test_localhost(self) -> None:
        """
        ``localhost`` is IPv4's, then IPv6's, without a look-up.
        """
        asked = self.asking.ask(url=b"http://localhost:1/")
        self.assertEqual(self.upstream.dialled, [("127.0.0.1", 1)])
        self.upstream.fail(ConnectionRefusedError())
        self.assertEqual(self.upstream.dialled[1:], [("::1", 1)])
        self.upstream.accept().send(OK)
        self.successResultOf(asked)

    def test_name(self) -> None:
        """
        Other names are looked up.
        """
        self.upstream.reactor.nameResolver.names["gpu"] = "10.1.2.3"
        asked = self.asking.ask(url=b"http://gpu:1/")
        self.assertEqual(self.upstream.dialled, [("10.1.2.3", 1)])
        self.upstream.accept().send(OK)
        self.successResultOf(asked)

    def test_unknown_name(self) -> None:
        """
        A name that nobody knows is told.
        """
        asked = self.asking.ask(url=b"http://gpu:1/")
        error = self.failureResultOf(asked, ConnectFailed)
        self.assertIn("the name 'gpu' is not known", str(error.value))

    def test_localhost_refused(self) -> None:
        """
        What IPv4 refuses is refused, though there be no IPv6.
        """
        asked = self.asking.ask(url=b"http://localhost:1/")
        self.upstream.fail(ConnectionRefusedError())
        self.upstream.fail(NoRouteError())
        self.failureResultOf(asked, Refused)

    def test_failures(self) -> None:
        """
        Each way not to be connected is told for what it is.
        """
        for error, kind, words in (
            (ConnectionRefusedError(), Refused, "refused the connection"),
            (TimeoutError(), ConnectFailed, "within 3 s"),
            (NoRouteError(), ConnectFailed, "No route"),
        ):
            asked = self.asking.ask()
            self.assertEqual(self.upstream.reactor.tcpClients[-1][3], 3)
            self.upstream.fail(error)
            reason = self.failureResultOf(asked, UpstreamFailure)
            self.assertIs(type(reason.value), kind)
            self.assertIn(words, str(reason.value))

    def test_cancelled_while_connecting(self) -> None:
        """
        A request that is cancelled stops connecting.
        """
        asked = self.asking.ask()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertTrue(self.upstream.reactor.connectors[0].stoppedConnecting)
        self.upstream.fail(NoRouteError())

    def test_cancelled_while_waiting(self) -> None:
        """
        A request that is cancelled before the head closes its connection.
        """
        asked = self.asking.ask()
        side = self.upstream.accept()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertTrue(side.transport.disconnected)
        side.close()


class TLSTests(SynchronousTestCase):
    """
    A connection over TLS is one to whom it should be, in time.
    """

    URL = b"https://127.0.0.1:8443/v1/x"

    def setUp(self) -> None:
        self.certificate = certificate("127.0.0.1")
        trusted = Certificate.loadPEM(self.certificate.dumpPEM())
        self.asking = Asking(
            Timeouts(tls_handshake=4), lambda host: optionsForClientTLS(host, trusted)
        )

    def dial(self) -> tuple[Any, ServerSide]:
        """
        A request whose connection is there but for TLS.
        """
        asked = self.asking.ask(b"POST", b"{}", url=self.URL)
        return asked, self.asking.upstream.accept()

    def serve(self, side: ServerSide) -> list[bytes]:
        """
        Let a TLS server talk until there is nothing left to say.

        :returns: what it was sent.
        """
        factory: Any = Factory.forProtocol(Answering)
        factory.seen = []
        options = self.certificate.options()
        late = Clock()
        wrapped = TLSMemoryBIOFactory(options, False, factory, late)
        server: Any = wrapped.buildProtocol(None)
        transport = Transport()
        server.makeConnection(transport)
        clock = self.asking.upstream.reactor
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

    def test_request(self) -> None:
        """
        A request goes up and its response comes back, and the connection serves
        another.
        """
        asked, side = self.dial()
        seen = self.serve(side)
        response = self.successResultOf(asked)
        self.assertTrue(b"".join(seen).startswith(b"POST /v1/x HTTP/1.1\r\n"))
        reader = Reader()
        response.deliverBody(reader)
        self.assertEqual((reader.body, reader.end), (b"hi", "whole"))
        self.asking.ask(url=self.URL)
        self.assertEqual(len(self.asking.upstream.dialled), 1)

    def test_stranger(self) -> None:
        """
        A server that is not trusted is sent nothing.
        """
        self.asking = Asking(Timeouts(), default_tls)
        asked, side = self.dial()
        seen = self.serve(side)
        side.close()
        error = self.failureResultOf(asked, ConnectFailed)
        self.assertIn("TLS handshake", str(error.value))
        self.assertEqual(seen, [])
        self.assertEqual(self.asking.upstream.reactor.getDelayedCalls(), [])

    def test_silent(self) -> None:
        """
        A server that does not take part in the handshake is given up on.
        """
        asked, side = self.dial()
        self.asking.upstream.reactor.advance(4.1)
        error = self.failureResultOf(asked, ConnectFailed)
        self.assertIn("within 4 s", str(error.value))
        self.assertTrue(side.transport.disconnected)
        side.close()

    def test_closed(self) -> None:
        """
        A server that closes in the handshake is told of.
        """
        asked, side = self.dial()
        side.protocol.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(asked, ConnectFailed)

    def test_cancelled(self) -> None:
        """
        A request that is cancelled in the handshake closes its connection.
        """
        asked, side = self.dial()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertTrue(side.transport.disconnected)
        side.close()
        self.assertEqual(self.asking.upstream.reactor.getDelayedCalls(), [])
