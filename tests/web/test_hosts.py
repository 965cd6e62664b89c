"""
Tests for `llamaswap_tw.web.hosts`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.web.hosts import AllowedHosts
from llamaswap_tw.web.request import Request

from .support import Connection


class AllowedHostsTests(SynchronousTestCase):
    """
    Only the names that are allowed are answered to.
    """

    def setUp(self) -> None:
        self.hosts = AllowedHosts(["gpu.example", "127.0.0.1", "[::1]"])
        self.connection = Connection(self.route)
        self.connection.site.refusal = self.hosts.refusal

    def route(self, request: Request) -> None:
        request.respond(200, [], b"")

    def status(self, host: str) -> int:
        self.connection.send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return int(self.connection.received().split(b" ", 2)[1])

    def test_allowed(self) -> None:
        """
        Case, port, and a last dot make no difference.
        """
        for host in (
            *("gpu.example", "GPU.example:8080", "gpu.example.", "127.0.0.1:1"),
            *("[::1]", "[::1]:8080"),
        ):
            self.assertEqual((host, self.status(host)), (host, 200))

    def test_others(self) -> None:
        """
        Any other name is 421.
        """
        for host in ("evil.example", "gpu.example.evil", "localhost", "", "[::2]:80"):
            self.assertEqual((host, self.status(host)), (host, 421))

    def test_any(self) -> None:
        """
        Without names, any is answered to; and a reload may bring some.
        """
        self.hosts.reconfigure([])
        self.assertEqual(self.status("evil.example"), 200)
        self.hosts.reconfigure(["other"])
        self.assertEqual(self.status("gpu.example"), 421)

    def test_no_host(self) -> None:
        """
        HTTP/1.0 needs none.
        """
        self.connection.send(b"GET / HTTP/1.0\r\n\r\n")
        self.assertTrue(self.connection.received().startswith(b"HTTP/1.0 200 "))
