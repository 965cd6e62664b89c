"""
Tests for `llamaswap_tw.proxy.agent`: what goes up and comes back as it is.
"""

from __future__ import annotations

import gzip
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.proxy.agent import Agent
from llamaswap_tw.proxy.failures import (
    Refused,
)
from llamaswap_tw.proxy.forward import ForwardProxies
from llamaswap_tw.proxy.headers import RawHeaders
from llamaswap_tw.proxy.response import UpstreamResponse
from llamaswap_tw.proxy.timeouts import Timeouts

from .support import Interim, Reader, Upstream

BASE = b"http://127.0.0.1:5800"


class AsItIsTests(SynchronousTestCase):
    """
    The agent carries requests and responses without a change.
    """

    def setUp(self) -> None:
        self.upstream = Upstream()
        self.agent = Agent(self.upstream.reactor, Timeouts())

    def ask(
        self,
        target: bytes = b"/",
        headers: RawHeaders | None = None,
        body: bytes = b"",
        method: bytes = b"GET",
        inform: Any = None,
    ) -> Deferred[UpstreamResponse]:
        return self.agent.request(method, BASE + target, headers or [], body, inform)

    def test_target(self) -> None:
        """
        Path and query go up byte for byte.
        """
        for target in (b"/a%2fb/../c//d?x=%20+&y=a;b", b"/%E4%zz?", b"/a'(b)!*|^"):
            self.ask(target)
            sent = self.upstream.accept().received()
            self.assertEqual(sent.split(b" ")[1], target)

    def test_headers(self) -> None:
        """
        No header is added, not even for what we could read.
        """
        pairs = [(b"x-b", b"1"), (b"Host", b"h"), (b"Cookie", b"a=b"), (b"X-A", b"2")]
        self.ask(b"/", pairs, b"{}", b"POST")
        self.assertEqual(
            self.upstream.accept().received(),
            b"POST / HTTP/1.1\r\nx-b: 1\r\nHost: h\r\nCookie: a=b\r\nX-A: 2\r\n"
            b"Content-Length: 2\r\n\r\n{}",
        )

    def test_not_decoded(self) -> None:
        """
        A compressed body stays compressed, and its headers say so.
        """
        data = gzip.compress(b"text")
        asked = self.ask()
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        )
        self.upstream.accept().send(head % len(data) + data)
        response = self.successResultOf(asked)
        reader = Reader()
        response.deliverBody(reader)
        self.assertEqual(reader.body, data)
        self.assertIn((b"Content-Encoding", b"gzip"), response.raw_headers)

    def test_redirect(self) -> None:
        """
        A redirect is for the client to follow.
        """
        asked = self.ask()
        self.upstream.accept().send(
            b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
        )
        self.assertEqual(self.successResultOf(asked).code, 302)

    def test_cookies(self) -> None:
        """
        What one client is given as a cookie is not sent for another.
        """
        asked = self.ask()
        side = self.upstream.accept()
        side.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
        response = self.successResultOf(asked)
        self.assertIn((b"Set-Cookie", b"a=b"), response.raw_headers)
        side.received()
        self.ask()
        self.assertEqual(
            side.received(), b"GET / HTTP/1.1\r\nHost: 127.0.0.1:5800\r\n\r\n"
        )

    def test_interim(self) -> None:
        """
        Interim responses are told.
        """
        inform = Interim()
        self.ask(inform=inform)
        self.upstream.accept().send(b"HTTP/1.1 102 Processing\r\n\r\n")
        self.assertEqual(inform.seen, [(102, b"Processing", [])])

    def test_cancelled(self) -> None:
        """
        Cancelling closes the connection and fails with just that.
        """
        asked = self.ask()
        side = self.upstream.accept()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertTrue(side.transport.disconnected)

    def test_refused(self) -> None:
        """
        A server that does not listen is told from one that breaks off.
        """
        asked = self.ask()
        self.upstream.fail(ConnectionRefusedError())
        self.failureResultOf(asked, Refused)

    def test_subject(self) -> None:
        """
        A client of a peer says of each failure that it is the peer's, and leaves
        what is no failure of the peer's alone.
        """
        self.agent = Agent(self.upstream.reactor, Timeouts(), subject="peer 'p'")
        asked = self.ask()
        self.upstream.fail(ConnectionRefusedError())
        error = self.failureResultOf(asked, Refused)
        self.assertEqual(error.value.subject, "peer 'p'")
        asked = self.ask()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)

    def test_forward_proxy(self) -> None:
        """
        A server beyond loopback is asked through the proxy that is given.
        """
        proxies = ForwardProxies({"http_proxy": "10.0.0.1:3128"})
        agent = Agent(self.upstream.reactor, Timeouts(), proxies=proxies)
        agent.request(b"GET", b"http://gpu.example/a%2fb", [], b"")
        self.assertEqual(self.upstream.dialled, [("10.0.0.1", 3128)])
        sent = self.upstream.accept().received()
        self.assertTrue(sent.startswith(b"GET http://gpu.example/a%2fb HTTP/1.1\r\n"))

    def test_no_url(self) -> None:
        """
        A request that cannot be made fails; nothing is raised.
        """
        asked = self.agent.request(b"GET", b"http://h:port/", [], b"")
        self.failureResultOf(asked)

    def test_close(self) -> None:
        """
        Closing drops the free connections.
        """
        self.ask()
        side = self.upstream.accept()
        side.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.agent.close()
        self.assertTrue(side.transport.closed)
