"""
Tests for `llamaswap_tw.proxy.peers`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.schema import Peer
from llamaswap_tw.config.schema import Timeouts as Configured
from llamaswap_tw.errors import UpstreamTimeout, UpstreamUnreachable
from llamaswap_tw.proxy.failures import as_request_error
from llamaswap_tw.proxy.forward import ForwardProxies
from llamaswap_tw.proxy.peers import PeerLeases, Peers
from llamaswap_tw.proxy.relay import Lease, Leases, Relay
from llamaswap_tw.proxy.target import target_url

from .support import Reader, Upstream
from .test_relay import FakeDownstream
from .tls import certificate, converse, trusting

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class PeersTests(SynchronousTestCase):
    """
    Requests for a peer's models go up to it at once.
    """

    def setUp(self) -> None:
        self.upstream = Upstream()
        self.use({})

    def use(self, environ: dict[str, str], tls_options: Any = None) -> None:
        """
        Reach peers in this environment.
        """
        more = () if tls_options is None else (tls_options,)
        self.peers = Peers(self.upstream.reactor, ForwardProxies(environ), *more)

    def configure(self, proxy: str = "http://10.0.0.9:80/api", **more: Any) -> None:
        """
        There is one peer, ``box``.
        """
        self.peers.reconfigure({"box": Peer("box", proxy, models=("m",), **more)})

    def acquire(self) -> Lease:
        leases: Leases = self.peers["box"]
        lease: Lease = self.successResultOf(leases.acquire("box/m"))
        return lease

    def ask(self, lease: Lease) -> Deferred[Any]:
        url = target_url(lease.base_url, b"/v1/x", b"a=b")
        headers = self.peers["box"].headers([(b"Host", [b"front"])], False)
        return lease.client.request(b"POST", url, headers, b"{}")

    def error(self, asked: Deferred[Any]) -> Any:
        """
        What a client is told of a request that failed.
        """
        return as_request_error("box/m", Failure(self.failureResultOf(asked).value))

    def test_lease(self) -> None:
        """
        There is a lease at once, it is counted while it lasts, and released once.
        """
        self.configure()
        leases = self.peers["box"]
        lease = self.successResultOf(leases.acquire("box/m", None))
        other = self.successResultOf(leases.acquire("box/m"))
        self.assertEqual((lease.model_id, lease.queued_for), ("box/m", 0.0))
        self.assertEqual(lease.load_time, 0.0)
        self.assertEqual(leases.in_flight, 2)
        lease.release()
        lease.release()
        self.assertEqual(leases.in_flight, 1)
        other.release()
        self.assertEqual(leases.in_flight, 0)

    def test_when_not_ready(self) -> None:
        """
        One that refuses a connection may be asked again at once.
        """
        self.configure()
        self.successResultOf(self.peers["box"].when_not_ready("box/m"))

    def test_request(self) -> None:
        """
        A request goes below the peer's own path, to the peer's own name, with its
        key.
        """
        self.configure(api_key="k")
        asked = self.ask(self.acquire())
        self.assertEqual(self.upstream.dialled, [("10.0.0.9", 80)])
        side = self.upstream.accept()
        self.assertEqual(
            side.received(),
            b"POST /api/v1/x?a=b HTTP/1.1\r\nHost: 10.0.0.9:80\r\n"
            b"Authorization: Bearer k\r\nx-api-key: k\r\nContent-Length: 2\r\n\r\n{}",
        )
        side.send(OK)
        reader = Reader()
        self.successResultOf(asked).deliverBody(reader)
        self.assertEqual(reader.body, b"hi")

    def test_host(self) -> None:
        """
        ``Host`` is what the peer's URL names, without user and password, and in
        letters that go over the wire.
        """
        for proxy, host in (
            ("http://Box.example", b"Box.example"),
            ("http://u:p@box:81?k=v", b"box:81"),
            ("https://[fd00::1]:8443/a@b", b"[fd00::1]:8443"),
            ("http://b\u00fccher.example/\u00e4", b"xn--bcher-kva.example"),
            ("http://\u2603\u2603..x/", b"%E2%98%83%E2%98%83..x"),
        ):
            self.configure(proxy)
            self.assertEqual(self.peers["box"].host, host)
            self.assertTrue(self.acquire().base_url.isascii())

    def test_down(self) -> None:
        """
        A peer that is not there is told of as a peer.
        """
        self.configure()
        asked = self.ask(self.acquire())
        self.upstream.fail(ConnectionRefusedError())
        error = self.error(asked)
        self.assertIs(type(error), UpstreamUnreachable)
        self.assertEqual(
            error.message, "peer 'box' refused the connection to 10.0.0.9 port 80"
        )

    def relay(self) -> FakeDownstream:
        """
        A request that a relay carries.
        """
        self.configure()
        downstream = FakeDownstream()
        Relay(
            self.upstream.reactor,
            self.peers["box"],
            downstream,
            "box/m",
            b"POST",
            b"/v1/x",
            b"",
            [],
            b"{}",
        ).start()
        self.assertEqual(self.peers["box"].in_flight, 1)
        return downstream

    def test_refused(self) -> None:
        """
        A peer that refuses a connection is asked once more, at once, and then it is
        told.
        """
        downstream = self.relay()
        self.upstream.fail(ConnectionRefusedError())
        self.assertEqual(downstream.log, [])
        self.assertEqual(len(self.upstream.dialled), 2)
        self.upstream.fail(ConnectionRefusedError())
        self.assertEqual(len(self.upstream.dialled), 2)
        self.assertIs(type(downstream.log[0]), UpstreamUnreachable)
        self.assertIn("peer 'box' refused the connection", downstream.log[0].message)
        self.assertEqual(self.peers["box"].in_flight, 0)

    def test_back(self) -> None:
        """
        A peer that listens again by then serves the request.
        """
        downstream = self.relay()
        self.upstream.fail(ConnectionRefusedError())
        self.upstream.accept().send(OK)
        self.assertEqual(downstream.body, b"hi")
        self.assertEqual(self.peers["box"].in_flight, 0)

    def test_cut(self) -> None:
        """
        A peer that breaks off before its answer is told of; in its answer, the
        client is cut off.
        """
        downstream = self.relay()
        self.upstream.accept().close()
        self.assertIn("peer 'box' closed the connection", downstream.log[0].message)
        downstream = self.relay()
        side = self.upstream.accept()
        side.send(OK[:-1])
        side.reset()
        self.assertEqual((downstream.body, downstream.log[-1]), (b"h", "cut"))
        self.assertEqual(self.peers["box"].in_flight, 0)

    def test_client_gone(self) -> None:
        """
        A client that goes away takes its request to the peer with it.
        """
        downstream = self.relay()
        side = self.upstream.accept()
        downstream.leave()
        self.assertTrue(side.transport.disconnected)
        self.assertEqual(self.peers["box"].in_flight, 0)

    def test_slow(self) -> None:
        """
        A peer has its own time to begin an answer, a minute where it is not given.
        """
        own: dict[str, Any] = {"timeouts": Configured(response_header=5.0)}
        for more, seconds in (({}, 60), (own, 5)):
            self.setUp()
            self.configure(**more)
            asked = self.ask(self.acquire())
            self.upstream.accept()
            self.upstream.reactor.advance(seconds - 0.1)
            self.assertNoResult(asked)
            self.upstream.reactor.advance(0.2)
            error = self.error(asked)
            self.assertIs(type(error), UpstreamTimeout)
            self.assertEqual(
                error.message,
                f"peer 'box' did not begin its answer within {seconds} s",
            )

    def test_distrusted(self) -> None:
        """
        A peer whose certificate is not trusted is sent nothing, and what is wrong
        with it is told.
        """
        self.use({}, trusting(certificate("10.0.0.9")))
        self.configure("https://10.0.0.9")
        asked = self.ask(self.acquire())
        side = self.upstream.accept()
        shown = certificate("10.0.0.9")
        self.assertEqual(converse(self.upstream.reactor, side, shown), [])
        side.close()
        message = self.error(asked).message
        self.assertIn("peer 'box' is not to be trusted: its certificate is", message)

    def test_forward_proxy(self) -> None:
        """
        A peer is asked through the proxy that the environment names.
        """
        self.use({"http_proxy": "http://10.0.0.1:3128"})
        self.configure()
        self.ask(self.acquire())
        self.assertEqual(self.upstream.dialled, [("10.0.0.1", 3128)])
        sent = self.upstream.accept().received()
        self.assertTrue(sent.startswith(b"POST http://10.0.0.9:80/api/v1/x?a=b HTTP"))
        self.assertIn(b"\r\nHost: 10.0.0.9:80\r\n", sent)

    def served(self) -> Any:
        """
        A connection to the peer that has served one request, and is free.
        """
        lease = self.acquire()
        asked = self.ask(lease)
        side = self.upstream.accept()
        side.send(OK)
        self.successResultOf(asked).deliverBody(Reader())
        lease.release()
        return side

    def test_reconfigured(self) -> None:
        """
        Connections stay where another key or other models hold, and go with another
        URL, other timeouts, and with the peer; what is on its way is not touched.
        """
        self.configure()
        side = self.served()
        self.configure(api_key="k")
        self.assertFalse(side.transport.closed)
        leases = self.peers["box"]
        self.assertEqual(leases.peer.api_key, "k")
        other: dict[str, Any] = {"timeouts": Configured()}
        for proxy, more in (("http://10.0.0.8", {}), ("http://10.0.0.8", other)):
            held = self.acquire()
            self.configure(proxy, **more)
            self.assertTrue(side.transport.closed)
            self.assertIs(self.peers["box"], leases)
            self.assertEqual(leases.in_flight, 1)
            held.release()
            self.assertIsNot(held.client, leases.client)
            side = self.served()
        self.assertEqual(self.upstream.dialled[-1], ("10.0.0.8", 80))
        self.peers.reconfigure({})
        self.assertTrue(side.transport.closed)
        self.assertRaises(KeyError, self.peers.__getitem__, "box")

    def test_close(self) -> None:
        """
        Closing drops the free connections, and no timer stays.
        """
        self.configure()
        side = self.served()
        self.peers.close()
        self.assertTrue(side.transport.closed)
        self.upstream.reactor.advance(60)
        self.assertEqual(self.upstream.reactor.getDelayedCalls(), [])

    def test_no_key_shown(self) -> None:
        """
        A peer's key does not show where the peer is shown.
        """
        self.configure(api_key="s3cr3t")
        leases: PeerLeases = self.peers["box"]
        self.assertNotIn("s3cr3t", repr(leases.peer) + repr(leases))
