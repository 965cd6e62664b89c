"""
Tests for `llamaswap_tw.web.passed`.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from typing import Any
from unittest import mock

from twisted.internet import endpoints
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.systemd import ListenFDs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.web.listen import (
    BadAddress,
    PromptPort,
    SecureEndpoint,
    parse_address,
)
from llamaswap_tw.web.passed import PassedEndpoint, PassedUnixPort


class _Watched(MemoryReactorClock):
    """
    A reactor that ports can be watched by.
    """

    def addReader(self, reader: Any) -> None:
        pass

    def removeReader(self, reader: Any) -> None:
        pass


class _Counted(Factory):
    """
    Counts the connections.
    """

    noisy = False

    def __init__(self) -> None:
        self.count = 0

    def buildProtocol(self, address: Any) -> Protocol:
        self.count += 1
        return Protocol()


def _is_inheritable(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:
        return False


class PassedTestCase(SynchronousTestCase):
    """
    Sockets as systemd passes them.
    """

    def setUp(self) -> None:
        self.reactor = _Watched()
        # A name of a socket has little room: other folders may be too deep.
        folder = tempfile.mkdtemp(dir="/tmp")
        self.addCleanup(shutil.rmtree, folder)
        self.path = os.path.join(folder, "socket")

    def opened(self, family: socket.AddressFamily) -> socket.socket:
        """
        A listening socket, which systemd would hold on to.
        """
        made = socket.socket(family)
        self.addCleanup(made.close)
        made.bind(self.path if family == socket.AF_UNIX else ("127.0.0.1", 0))
        made.listen()
        return made

    def passed(self, *sockets: socket.socket) -> list[int]:
        """
        What the daemon is given of them: descriptors of its own.
        """
        descriptors = [os.dup(made.fileno()) for made in sockets]
        for number in descriptors:
            os.set_inheritable(number, True)
        names = [f"n{number}" for number in descriptors]
        self.patch(endpoints._SystemdParser, "_sddaemon", ListenFDs(descriptors, names))
        return descriptors

    def listen(self, endpoint: Any, factory: Factory) -> Any:
        port = self.successResultOf(endpoint.listen(factory))
        self.addCleanup(lambda: port.connected and port.connectionLost(None))
        return port


class EndpointsTests(PassedTestCase):
    """
    ``--listen systemd``.
    """

    def test_all(self) -> None:
        """
        It is every socket that was passed, whatever its kind.
        """
        sockets = self.opened(socket.AF_INET), self.opened(socket.AF_UNIX)
        descriptors = self.passed(*sockets)
        address = parse_address("systemd")
        self.assertEqual(address.reach, "other")
        found = address.endpoints(self.reactor)
        self.assertEqual(
            found, [PassedEndpoint(self.reactor, number) for number in descriptors]
        )
        verifyObject(IStreamServerEndpoint, found[0])
        first, second = (self.listen(endpoint, Factory()) for endpoint in found)
        self.assertIsInstance(first, PromptPort)
        self.assertEqual(first.getHost().port, sockets[0].getsockname()[1])
        self.assertIsInstance(second, PassedUnixPort)
        for number in descriptors:
            # Closed, or what the ports opened has the number now.
            self.assertFalse(_is_inheritable(number))

    def test_tls(self) -> None:
        """
        With a certificate they speak TLS, as other addresses do.
        """
        (descriptor,) = self.passed(self.opened(socket.AF_INET))
        self.addCleanup(os.close, descriptor)
        contexts: Any = mock.Mock()
        (found,) = parse_address("systemd").endpoints(self.reactor, contexts)
        self.assertIsInstance(found, SecureEndpoint)

    def test_none(self) -> None:
        """
        Where none was passed, a line says so.
        """
        self.passed()
        with self.assertRaises(BadAddress) as raised:
            parse_address("systemd").endpoints(self.reactor)
        self.assertIn("LISTEN_FDS", str(raised.exception))

    def test_no_socket(self) -> None:
        """
        A descriptor that is no socket is told as one.
        """
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        self.failureResultOf(
            PassedEndpoint(self.reactor, reading).listen(Factory()), OSError
        )


class PortTests(PassedTestCase):
    """
    What becomes of a socket that was passed.
    """

    def clients(self, listening: socket.socket, count: int) -> None:
        for _ in range(count):
            client = socket.socket(listening.family)
            self.addCleanup(client.close)
            client.settimeout(60)
            client.connect(listening.getsockname())

    def test_one_a_turn(self) -> None:
        """
        One connection is accepted a turn of the reactor.
        """
        for family in (socket.AF_INET, socket.AF_UNIX):
            listening, factory = self.opened(family), _Counted()
            (descriptor,) = self.passed(listening)
            port = self.listen(PassedEndpoint(self.reactor, descriptor), factory)
            self.clients(listening, 3)
            for turn in (1, 2, 3):
                port.doRead()
                self.assertEqual((family, factory.count), (family, turn))

    def test_stays(self) -> None:
        """
        A socket outlives the port: its file and its mode are as they were, and who
        connects meanwhile is served by the next one.
        """
        for family in (socket.AF_INET, socket.AF_UNIX):
            listening = self.opened(family)
            if family == socket.AF_UNIX:
                os.chmod(self.path, 0o640)
            (descriptor,) = self.passed(listening)
            port = self.listen(PassedEndpoint(self.reactor, descriptor), _Counted())
            port.connectionLost(None)
            self.clients(listening, 1)
            factory = _Counted()
            (descriptor,) = self.passed(listening)
            port = self.listen(PassedEndpoint(self.reactor, descriptor), factory)
            port.doRead()
            self.assertEqual((family, factory.count), (family, 1))
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o640)
