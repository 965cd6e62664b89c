"""
Tests for `llamaswap_tw.proxy.prompt`.
"""

from __future__ import annotations

import socket

from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.proxy.prompt import prompt_writer


class PromptWriterTests(SynchronousTestCase):
    """
    What is written is sent in the same turn, as far as there is room.
    """

    def setUp(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self.reactor = MemoryReactorClock()
        self.connection = Connection(self.ours, None, self.reactor)  # type: ignore[arg-type]  # the test reads no events
        self.connection.connected = 1
        self.write = prompt_writer(self.connection)

    def test_sent(self) -> None:
        """
        It is there before the reactor does anything, and the socket is not
        watched.
        """
        self.write(b"one")
        self.assertEqual(self.theirs.recv(100), b"one")
        self.assertEqual(self.reactor.getWriters(), [])

    def test_no_room(self) -> None:
        """
        What finds no room is buffered, in order, and sent by the reactor.
        """
        data = b"x" * 10_000_000
        self.write(data)
        self.write(b"last")
        self.assertEqual(self.reactor.getWriters(), [self.connection])
        received = bytearray()
        while len(received) < len(data) + 4:
            try:
                received += self.theirs.recv(1_000_000)
            except BlockingIOError:
                self.connection.doWrite()
        self.assertTrue(received.startswith(b"xxx"))
        self.assertEqual(received[-5:], b"xlast")

    def test_lost(self) -> None:
        """
        A connection that is lost is left for the reactor to find out about.
        """
        self.theirs.close()
        self.write(b"one")
        self.assertEqual(self.reactor.getWriters(), [self.connection])

    def test_closing(self) -> None:
        """
        What comes after the end goes nowhere.
        """
        self.connection.disconnecting = True
        self.write(b"one")
        self.assertRaises(BlockingIOError, self.theirs.recv, 100)

    def test_other_transports(self) -> None:
        """
        Those that are no plain sockets are written to as ever.
        """
        transport = StringTransport()
        prompt_writer(transport)(b"one")
        self.assertEqual(transport.value(), b"one")
