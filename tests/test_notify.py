"""
Tests for `llamaswap_tw.notify`.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time

from twisted.logger import formatEvent
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.notify import Notifier
from tests.process.support import events_of


class NotifierTests(SynchronousTestCase):
    """
    What is told reaches the socket that the environment names.
    """

    def setUp(self) -> None:
        # A name of a socket has little room: other folders may be too deep.
        folder = tempfile.mkdtemp(dir="/tmp")
        self.addCleanup(shutil.rmtree, folder)
        self.path = os.path.join(folder, "notify")
        self.logged = events_of(self)

    def listen(self, name: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(name)
        self.socket.setblocking(False)

    def notifier(self, name: str) -> Notifier:
        self.environ = {"NOTIFY_SOCKET": name, "PATH": "/bin"}
        return Notifier(self.environ)

    def told(self) -> list[str]:
        """
        Each message that has come.
        """
        messages = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def test_all(self) -> None:
        """
        A start, a reload with the time at which it began, and a stop.
        """
        self.listen(self.path)
        notifier = self.notifier(self.path)
        self.assertEqual(self.told(), [])
        notifier.ready()
        before = time.monotonic()
        notifier.reloading()
        notifier.ready()
        notifier.stopping()
        started, reloading, reloaded, stopping = self.told()
        self.assertEqual((started, reloaded), ("READY=1", "READY=1"))
        self.assertEqual(stopping, "STOPPING=1")
        first, _, when = reloading.partition("\nMONOTONIC_USEC=")
        self.assertEqual(first, "RELOADING=1")
        self.assertTrue(before - 1 <= int(when) / 1e6 <= time.monotonic(), when)

    def test_abstract(self) -> None:
        """
        A name that begins with ``@`` is one without a file.
        """
        name = f"llamaswap-test-{os.getpid()}"
        self.listen("\0" + name)
        self.notifier("@" + name).ready()
        self.assertEqual(self.told(), ["READY=1"])

    def test_after_stopping(self) -> None:
        """
        A reload that ends while the daemon stops does not make it ready again, and
        it stops once.
        """
        self.listen(self.path)
        notifier = self.notifier(self.path)
        notifier.stopping()
        notifier.ready()
        notifier.reloading()
        notifier.stopping()
        self.assertEqual(self.told(), ["STOPPING=1"])

    def test_inherited(self) -> None:
        """
        The models do not see the socket: what they tell is not about the daemon.
        """
        self.notifier(self.path)
        self.assertEqual(self.environ, {"PATH": "/bin"})

    def test_nobody(self) -> None:
        """
        Without a service manager nothing is told or logged.
        """
        notifier = Notifier({})
        notifier.ready()
        notifier.stopping()
        self.assertEqual(self.logged, [])

    def test_gone(self) -> None:
        """
        A socket that is not there is told in the log, and does no harm.
        """
        self.notifier(self.path).reloading()
        self.notifier("/nonexistent\0x").ready()
        first, second = map(formatEvent, self.logged)
        self.assertIn("RELOADING=1: No such file", first)
        self.assertIn("READY=1: ", second)
