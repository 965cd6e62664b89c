"""
Tests for `llamaswap_tw.web.auth`.
"""

from __future__ import annotations

import base64
import json

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.web.auth import KeyRing
from llamaswap_tw.web.request import Request

from .support import Connection


def basic(password: str) -> str:
    """
    A value of ``Authorization``.
    """
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


class KeyRingTests(SynchronousTestCase):
    """
    Requests are answered where they bear a key.
    """

    def setUp(self) -> None:
        self.routed: list[Request] = []
        self.ring = KeyRing(["s3cret", "öther"])
        self.connect()

    def connect(self) -> None:
        self.connection = Connection(self.route)
        self.connection.site.refusal = self.ring.refusal

    def route(self, request: Request) -> None:
        self.routed.append(request)
        request.respond(200, [], b"")

    def status(self, headers: str = "", path: str = "/v1/models") -> int:
        self.connection.send(
            f"GET {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n".encode()
        )
        return int(self.connection.received().split(b" ", 2)[1])

    def test_ways(self) -> None:
        """
        A key may come in each of the usual ways.
        """
        for headers in (
            *("Authorization: Bearer s3cret\r\n", "authorization: bearer öther\r\n"),
            *(f"Authorization: {basic('s3cret')}\r\n", "X-Api-Key: s3cret\r\n"),
            # Basic wins over the others, Bearer over x-api-key.
            f"Authorization: {basic('s3cret')}\r\nX-Api-Key: no\r\n",
            "Authorization: Bearer s3cret\r\nX-Api-Key: no\r\n",
        ):
            self.assertEqual((headers, self.status(headers)), (headers, 200))

    def test_refused(self) -> None:
        """
        Without one, or with another, it is 401 with a challenge, and the
        connection lives on.
        """
        for headers in (
            *("", "Authorization: Bearer wrong\r\n", "X-Api-Key: s3cret2\r\n"),
            *("Authorization: Bearer\r\n", "Authorization: Basic !!\r\n"),
            f"Authorization: {basic('wrong')}\r\nX-Api-Key: s3cret\r\n",
            "Authorization: Digest s3cret\r\n",
        ):
            self.assertEqual((headers, self.status(headers)), (headers, 401))
        self.assertEqual(self.routed, [])
        self.connection.send(b"GET /running HTTP/1.1\r\nHost: h\r\n\r\n")
        head, _, body = self.connection.received().partition(b"\r\n\r\n")
        self.assertIn(b'WWW-Authenticate: Basic realm="llama-swap"', head)
        error = json.loads(body)["error"]
        self.assertEqual(error["type"], "authentication_error")
        self.assertEqual(error["code"], "unauthorized")
        self.assertNotIn("s3cret", error["message"])

    def test_before_the_body(self) -> None:
        """
        A body is not waited for.
        """
        self.connection.send(
            b"POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n"
        )
        self.assertTrue(self.connection.received().startswith(b"HTTP/1.1 401 "))

    def test_open(self) -> None:
        """
        What load balancers and browsers ask for needs no key; what only looks
        like it does.
        """
        for path in ("/health", "/wol-health", "/", "/favicon.ico", "/health?x=1"):
            self.assertEqual((path, self.status(path=path)), (path, 200))
        for path in ("/health/", "//health", "/running?/health"):
            self.assertEqual((path, self.status(path=path)), (path, 401))

    def test_options(self) -> None:
        """
        A browser's question, whether a page may send its key, needs none.
        """
        self.connection.ask("OPTIONS", "/v1/models")
        self.assertEqual(self.connection.response().status, 200)

    def test_no_keys(self) -> None:
        """
        Without keys everybody may ask, and a reload may bring some.
        """
        self.ring.reconfigure([])
        self.assertEqual(self.status(), 200)
        self.ring.reconfigure(["new"])
        self.assertEqual(self.status(), 401)
        self.assertEqual(self.status("X-Api-Key: new\r\n"), 200)
