"""
Tests for `llamaswap_tw.proxy.opening` and `llamaswap_tw.proxy.connect`.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.error import (
    ConnectionDone,
    ConnectionRefusedError,
    NoRouteError,
    TimeoutError,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.proxy.agent import Agent
from llamaswap_tw.proxy.failures import ConnectFailed, Refused, UpstreamFailure
from llamaswap_tw.proxy.forward import ForwardProxies
from llamaswap_tw.proxy.opening import default_tls
from llamaswap_tw.proxy.timeouts import Timeouts

from .support import Asking, Reader, ServerSide
from .tls import certificate, converse, trusting

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


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
        self.asking = Asking(Timeouts(tls_handshake=4), trusting(self.certificate))

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
        return converse(self.asking.upstream.reactor, side, self.certificate)

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
        self.assertIn("its certificate is self-signed", str(error.value))
        self.assertEqual(seen, [])
        self.assertEqual(self.asking.upstream.reactor.getDelayedCalls(), [])

    def test_closed_unnoticed(self) -> None:
        """
        A connection that the kernel knows to be closed before the reactor does is
        not used again.
        """
        self.asking = Asking(Timeouts(keepalive=0), trusting(self.certificate))
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        asked, side = self.dial()
        transport: Any = side.transport
        transport.socket = ours
        self.serve(side)
        self.successResultOf(asked).deliverBody(Reader())
        theirs.close()
        self.asking.ask(url=self.URL)
        self.assertEqual(len(self.asking.upstream.dialled), 2)

    def test_no_tls(self) -> None:
        """
        A server that does not speak TLS is told of in words.
        """
        asked, side = self.dial()
        side.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.asking.upstream.reactor.advance(0)
        side.close()
        error = self.failureResultOf(asked, ConnectFailed)
        self.assertRegex(str(error.value), "^failed the TLS handshake: [a-z ]+$")

    def test_no_name(self) -> None:
        """
        A host that cannot have a certificate is not connected to.
        """
        asked = self.asking.ask(url=b"https://gpu%20/")
        error = self.failureResultOf(asked, ConnectFailed)
        self.assertIn("'gpu%20' cannot have a certificate", str(error.value))
        self.assertEqual(self.asking.upstream.dialled, [])

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


class TunnelTests(SynchronousTestCase):
    """
    Through a forward proxy, a connection over TLS is one to the server itself.
    """

    URL = b"https://gpu.example/v1/x"

    def setUp(self) -> None:
        self.certificate = certificate("gpu.example")
        self.asking = Asking()
        self.upstream = self.asking.upstream
        self.use("http://user:s3cr3t%20word@10.0.0.1:3128")

    def use(self, proxy: str) -> None:
        """
        Ask through this proxy.
        """
        self.asking.agent = Agent(
            self.upstream.reactor,
            Timeouts(connect=3, tls_handshake=4),
            trusting(self.certificate),
            ForwardProxies({"HTTPS_PROXY": proxy}),
        )

    def dial(self) -> tuple[Any, ServerSide]:
        """
        A request whose proxy was asked for a tunnel.
        """
        asked = self.asking.ask(b"POST", b"{}", url=self.URL)
        side = self.upstream.accept()
        self.assertEqual(
            side.received(),
            b"CONNECT gpu.example:443 HTTP/1.1\r\nHost: gpu.example:443\r\n"
            b"Proxy-Authorization: Basic dXNlcjpzM2NyM3Qgd29yZA==\r\n\r\n",
        )
        return asked, side

    def failed(self, asked: Any) -> str:
        """
        What is told of a request that failed, which is nothing of the proxy's
        password; and no timer stays.
        """
        words = str(self.failureResultOf(asked, ConnectFailed).value)
        self.assertIn("the proxy 10.0.0.1 port 3128", words)
        self.assertNotIn("s3cr3t", words)
        self.assertEqual(self.upstream.reactor.getDelayedCalls(), [])
        return words

    def test_request(self) -> None:
        """
        The request goes up within TLS, without what the proxy alone reads, and
        the connection serves another.
        """
        asked, side = self.dial()
        self.assertEqual(self.upstream.dialled, [("10.0.0.1", 3128)])
        side.send(b"HTTP/1.1 200 Connection ", b"established\r\nA: b\r\n\r\n")
        self.assertIn(b"gpu.example", side.transport.value())
        seen = b"".join(converse(self.upstream.reactor, side, self.certificate))
        self.assertEqual(
            seen,
            b"POST /v1/x HTTP/1.1\r\nHost: gpu.example\r\nContent-Length: 2\r\n\r\n{}",
        )
        reader = Reader()
        self.successResultOf(asked).deliverBody(reader)
        self.assertEqual((reader.body, reader.end), (b"hi", "whole"))
        self.asking.ask(url=self.URL)
        self.assertEqual(len(self.upstream.dialled), 1)

    def test_refused_tunnel(self) -> None:
        """
        What a proxy answers in place of a tunnel is told, and TLS not begun.
        """
        for answer, words in (
            (b"HTTP/1.1 407 Proxy Authentication Required", "it answered 407 Proxy"),
            (b"HTTP/1.0 503 \xff", "it answered 503"),
            (b"HTTP/1.1 403", "it answered 403"),
            (b"SSH-2.0", "it sent what is not HTTP/1"),
        ):
            asked, side = self.dial()
            side.send(answer + b"\r\n\r\nbody")
            self.assertIn(words, self.failed(asked))
            self.assertEqual(side.received(), b"")
            self.assertTrue(side.transport.disconnected)
            side.close()

    def test_interim(self) -> None:
        """
        An interim answer is none.
        """
        asked, side = self.dial()
        side.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502 Bad\r\n\r\n")
        self.assertIn("it answered 502 Bad", self.failed(asked))

    def test_endless(self) -> None:
        """
        A proxy's answer is not collected for ever.
        """
        asked, side = self.dial()
        side.send(b"HTTP/1.1 200 OK\r\n", b"A: " + b"a" * 70_000)
        self.assertIn("a head that does not end", self.failed(asked))

    def test_closed(self) -> None:
        """
        A proxy that closes without an answer is told of.
        """
        asked, side = self.dial()
        side.close()
        self.assertIn("closed the connection without an answer", self.failed(asked))

    def test_slow(self) -> None:
        """
        A proxy has as long for a tunnel as a connection may take.
        """
        asked, side = self.dial()
        self.upstream.reactor.advance(3.1)
        self.assertIn("within 3 s", self.failed(asked))
        self.assertTrue(side.transport.disconnected)
        side.close()

    def test_not_connected(self) -> None:
        """
        That the proxy is not there is not taken for the server's refusal.
        """
        asked = self.asking.ask(url=self.URL)
        self.upstream.fail(ConnectionRefusedError())
        error = self.failureResultOf(asked, ConnectFailed)
        self.assertNotIsInstance(error.value, Refused)
        self.assertEqual(
            str(error.value),
            "could not be connected to through the proxy 10.0.0.1 port 3128: it "
            "refused the connection",
        )

    def test_unknown_name(self) -> None:
        """
        A proxy whose name nobody knows is told by its name; the server's is not
        looked up.
        """
        self.use("squid:3128")
        asked = self.asking.ask(url=self.URL)
        error = self.failureResultOf(asked, ConnectFailed)
        self.assertIn("the name 'squid' is not known", str(error.value))

    def test_cancelled(self) -> None:
        """
        A request that is cancelled closes its connection, before the tunnel is
        there and after.
        """
        for answer in (b"", b"HTTP/1.1 200 OK\r\n\r\n"):
            asked, side = self.dial()
            side.send(answer)
            asked.cancel()
            self.failureResultOf(asked, CancelledError)
            self.assertTrue(side.transport.disconnected)
            side.close()
            self.assertEqual(self.upstream.reactor.getDelayedCalls(), [])

    def test_stranger(self) -> None:
        """
        A proxy that answers in the server's place is not believed.
        """
        asked, side = self.dial()
        side.send(b"HTTP/1.1 200 OK\r\n\r\n")
        other = certificate("gpu.example")
        self.assertEqual(converse(self.upstream.reactor, side, other), [])
        side.close()
        error = self.failureResultOf(asked, ConnectFailed)
        self.assertIn("is not to be trusted", str(error.value))
