"""
Clients that begin a request and never end it.
"""

from __future__ import annotations

import http.client
import socket
import statistics
import time

import psutil

from .support import PATIENCE, LiveTestCase, simulator, undisturbed, wait_for
from .test_hostile import Client

#: How long they are waited for, in seconds.
_LIMIT = 5.0

CONFIG = f"""
server: {{headTimeout: {_LIMIT:g}s, bodyTimeout: {_LIMIT:g}s}}
models:
  m: {{cmd: "{simulator("--load-time 0")}"}}
"""

_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"

#: Each a way not to end a request.
_BEGUN = (
    b"P",
    _HEAD,
    _HEAD + b"Content-Length: 100\r\n\r\n{",
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
)


class HalfOpenTests(LiveTestCase):
    """
    Two hundred of them.
    """

    def setUp(self) -> None:
        self.running = self.daemon(CONFIG)
        self.assertEqual(self.running.chat("m", max_tokens=1).status, 200)

    def median(self) -> float:
        """
        What ordinary requests take, on one connection, in seconds.
        """
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.running.port, timeout=PATIENCE
        )
        self.addCleanup(connection.close)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        times = []
        for _ in range(100):
            began = time.monotonic()
            connection.request("GET", "/upstream/m/v1/models")
            response = connection.getresponse()
            response.read()
            times.append(time.monotonic() - began)
            self.assertEqual(response.status, 200)
        connection.close()
        return statistics.median(times)

    def test_others(self) -> None:
        """
        They do not slow others, each is told 408 in time, and nothing is left of them.
        """
        undisturbed(self.others)

    def others(self) -> None:
        files = psutil.Process(self.running.pid).num_fds()
        before = self.median()
        clients: list[Client] = []
        try:
            self.beside(clients, before)
        finally:
            for client in clients:
                client.close()
        process = psutil.Process(self.running.pid)
        wait_for(lambda: process.num_fds() <= files + 2, "the connections to be gone")
        self.assertEqual(self.running.chat("m").status, 200)

    def beside(self, clients: list[Client], before: float) -> None:
        """
        :param clients: gets those that never end their requests.
        :param before: what ordinary requests took without them.
        """
        began = time.monotonic()
        for number in range(200):
            client = Client(self.running.port)
            clients.append(client)
            client.send(_BEGUN[number % len(_BEGUN)])
        # None of them was waiting before.
        with_them = self.median()
        self.assertLess(time.monotonic() - began, _LIMIT, "the machine is too slow")
        self.assertLess(with_them, 3 * before + 0.01)
        for number, client in enumerate(clients):
            status, headers, _ = client.read()
            self.assertEqual((number, status), (number, 408))
            self.assertEqual(headers["connection"], "close")
            self.assertEqual(client.rest(), b"")
            client.close()
        self.assertGreaterEqual(time.monotonic() - began, _LIMIT - 0.5)

    def test_trickle(self) -> None:
        """
        A head that comes byte by byte has no more time; a body has, as long as it
        comes.
        """
        head, body = Client(self.running.port), Client(self.running.port)
        self.addCleanup(head.close)
        self.addCleanup(body.close)
        sent = b'{"model": "m", "max_tokens": 1, "prompt": "x"}'
        body.send(_HEAD + b"Content-Length: %d\r\n\r\n" % len(sent))
        began = time.monotonic()
        head.send(b"GET /health HTTP/1.1\r\nA: ")
        at = 0
        while time.monotonic() - began < 1.5 * _LIMIT:
            # They are slow: that is the point.
            time.sleep(0.3)
            head.send(b"x")
            body.send(sent[at : at + 1])
            at += 1
        self.assertEqual(head.read()[0], 408)
        body.send(sent[at:])
        self.assertEqual(body.read()[0], 200)
