"""
Tests for `llamaswap_tw.web.listen`.
"""

from __future__ import annotations

import errno
import socket
from typing import Any
from unittest import mock

from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Port
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.web.listen import (
    DEFAULT_PORT,
    BadAddress,
    PromptEndpoint,
    PromptPort,
    explain_cannot_listen,
    parse_address,
)


class ParseAddressTests(SynchronousTestCase):
    """
    What may stand after ``--listen``.
    """

    def parsed(self, text: str) -> tuple[str, tuple[str, ...], int]:
        address = parse_address(text)
        return address.reach, address.hosts, address.port

    def test_addresses(self) -> None:
        """
        Host and port, a port alone, or all interfaces.
        """
        everywhere = "::" if socket.has_dualstack_ipv6() else ""
        for text, expected in (
            (str(DEFAULT_PORT), ("loopback", ("127.0.0.1",), 8080)),
            ("9000", ("loopback", ("127.0.0.1",), 9000)),
            (":9000", ("network", (everywhere,), 9000)),
            ("localhost:9000", ("loopback", ("127.0.0.1",), 9000)),
            ("0.0.0.0:9000", ("network", ("0.0.0.0",), 9000)),
            ("192.0.2.7:80", ("network", ("192.0.2.7",), 80)),
            ("[::1]:9000", ("loopback", ("::1",), 9000)),
            ("[::]:9000", ("network", ("::",), 9000)),
            ("[fe80::1%eth0]:9000", ("network", ("fe80::1%eth0",), 9000)),
        ):
            self.assertEqual((text, self.parsed(text)), (text, expected))

    def test_all_interfaces_without_ipv6(self) -> None:
        """
        Where there is no IPv6, all interfaces are those of IPv4.
        """
        with mock.patch("socket.has_dualstack_ipv6", lambda: False):
            self.assertEqual(self.parsed(":1")[1], ("",))

    def test_endpoint_strings(self) -> None:
        """
        Any of Twisted's, with what can be told of who reaches it.
        """
        for text, reach in (
            ("tcp:8080", "network"),
            ("tcp6:8080", "network"),
            ("tcp:8080:interface=127.0.0.1", "loopback"),
            (r"tcp6:8080:interface=\:\:1", "loopback"),
            ("tcp:8080:interface=192.0.2.7", "network"),
            ("haproxy:tcp:8080", "network"),
            ("unix:/run/llamaswap.sock", "other"),
            ("systemd:domain=INET:index=0", "other"),
        ):
            address = parse_address(text)
            self.assertEqual((text, address.reach), (text, reach))
            self.assertEqual((address.text, address.hosts), (text, ()))

    def test_bad(self) -> None:
        """
        What is no address is told in one line, with what would be.
        """
        for text in (
            *("", "host", "70000", "127.0.0.1:70000", "example.com:80", "::1"),
            *("1.2.3.4.5:80", "127.0.0.1:", "٣", "nothing:at:all", "tcp:x"),
            *("http://127.0.0.1:8080", "[127.0.0.1:80"),
        ):
            with self.assertRaises(BadAddress) as raised:
                parse_address(text).endpoints(MemoryReactorClock())
            message = str(raised.exception)
            self.assertIn(text, message)
            self.assertNotIn("\n", message)


class EndpointsTests(SynchronousTestCase):
    """
    What an address listens with.
    """

    def test_endpoints(self) -> None:
        """
        Ports of our own for addresses, Twisted's endpoints for its strings.
        """
        reactor = MemoryReactorClock()
        (endpoint,) = parse_address("9000").endpoints(reactor)
        self.assertEqual(endpoint, PromptEndpoint(reactor, "127.0.0.1", 9000))
        verifyObject(IStreamServerEndpoint, endpoint)
        (endpoint,) = parse_address("tcp:9000").endpoints(reactor)
        self.assertIsInstance(endpoint, TCP4ServerEndpoint)
        (endpoint,) = parse_address("unix:/x").endpoints(reactor)
        self.assertIsInstance(endpoint, UNIXServerEndpoint)


class Watched(MemoryReactorClock):
    """
    A reactor that ports can be watched by.
    """

    def addReader(self, reader: Any) -> None:
        pass

    def removeReader(self, reader: Any) -> None:
        pass


class PromptPortTests(SynchronousTestCase):
    """
    A port that accepts one connection a turn.
    """

    def listen(self, port: int) -> Any:
        endpoint = PromptEndpoint(Watched(), "127.0.0.1", port)
        return endpoint.listen(Factory())

    def test_listens(self) -> None:
        """
        It listens where it should; one that is taken is told with the reason
        and what was asked for.
        """
        port = self.successResultOf(self.listen(0))
        self.addCleanup(port.socket.close)
        number = port.getHost().port
        failure = self.failureResultOf(self.listen(number), CannotListenError)
        text = explain_cannot_listen(
            parse_address(f"127.0.0.1:{number}"), failure.value
        )
        self.assertEqual(
            text, f"cannot listen on 127.0.0.1:{number}: Address already in use"
        )

    def test_one_a_turn(self) -> None:
        """
        Whatever Twisted has adapted the count to, each turn begins with one.
        """
        counts: list[int] = []
        port: Any = PromptPort(0, Factory(), 5, "127.0.0.1", Watched())
        port.numberAccepts = 100
        with mock.patch.object(
            Port, "doRead", lambda port: counts.append(port.numberAccepts)
        ):
            port.doRead()
        self.assertEqual(counts, [1])


class ExplainTests(SynchronousTestCase):
    """
    Why an address cannot be listened on.
    """

    def test_reasons(self) -> None:
        """
        The reason is the system's, or else whatever it says.
        """
        address = parse_address("9000")
        error: BaseException = CannotListenError(
            "127.0.0.1", 9000, OSError(errno.EACCES, "Permission denied")
        )
        self.assertEqual(
            explain_cannot_listen(address, error),
            "cannot listen on 127.0.0.1:9000: Permission denied",
        )
        error = OSError(errno.ENOENT, "No such file or directory")
        self.assertIn("No such file", explain_cannot_listen(address, error))
        self.assertIn("odd", explain_cannot_listen(address, ValueError("odd")))
