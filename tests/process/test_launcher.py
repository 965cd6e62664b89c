"""
Tests for `llamaswap_tw.process.launcher` and the families that it starts.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.process import launcher as launcher_module
from llamaswap_tw.process import ports
from llamaswap_tw.process.child import CannotLaunch
from llamaswap_tw.process.interfaces import IFamily, ILauncher
from llamaswap_tw.process.launch import Launch
from llamaswap_tw.process.launcher import Launcher
from llamaswap_tw.process.table import COOKIE_VARIABLE
from llamaswap_tw.process.watch import Watch

from .fakes import FakeProcess, FakeProcessReactor, Threads

LAUNCH = Launch(
    ("/bin/sh", "-c", "x"),
    stop_command=("/bin/sh", "${PID}", "a${PID}b"),
    environment={"CUDA_VISIBLE_DEVICES": "1", "HOME": "/m"},
)


class LauncherTestCase(SynchronousTestCase):
    """
    A launcher with a reactor that starts nothing.
    """

    def setUp(self) -> None:
        self.reactor = FakeProcessReactor()
        self.output: list[bytes] = []
        self.ends: list[str] = []
        self.watch = Watch(self.reactor, {})
        self.watch.start()
        self.launcher = Launcher(
            self.reactor, Threads().run, {"HOME": "/", "PATH": "/bin"}, self.watch
        )

    def start(self, launch: Launch = LAUNCH) -> IFamily:
        return self.launcher.start(launch, 10.0, self.output.append, self.ends.append)

    def told(self) -> list[dict[str, object]]:
        """
        What the watchdog was told.
        """
        lines = self.reactor.spawned[0].written.splitlines()
        return [json.loads(line) for line in lines]


class StartTests(LauncherTestCase):
    """
    A model's process bears a cookie, and the watchdog knows of it.
    """

    def test_interfaces(self) -> None:
        """
        Launcher and family provide what they claim.
        """
        verifyObject(ILauncher, self.launcher)
        verifyObject(IFamily, self.start())

    def test_environment(self) -> None:
        """
        It has the daemon's environment, the model's added, and a cookie that no
        other start has.
        """
        self.start()
        self.start()
        first, second = (process.how["env"] for process in self.reactor.spawned[1:])
        self.assertEqual(first["CUDA_VISIBLE_DEVICES"], "1")
        self.assertEqual(first["HOME"], "/m")
        self.assertEqual(first["PATH"], "/bin")
        self.assertEqual(first[COOKIE_VARIABLE], self.watch.name + ".1")
        self.assertEqual(second[COOKIE_VARIABLE], self.watch.name + ".2")

    def test_watched(self) -> None:
        """
        The watchdog is told of it, with its stop command and without the cookie
        for that; and of its end.
        """
        family = self.start()
        told = self.told()[-1]
        pid = str(family.child.pid)
        self.assertEqual(told["pid"], family.child.pid)
        self.assertEqual(told["stop"], ["/bin/sh", pid, f"a{pid}b"])
        environment = told["environment"]
        assert isinstance(environment, dict)
        self.assertEqual(environment["HOME"], "/m")
        self.assertNotIn(COOKIE_VARIABLE, environment)
        family.gone()
        self.assertEqual(self.told()[-1], {"gone": told["cookie"]})
        self.assertTrue(self.reactor.spawned[1].closed)

    def test_cannot(self) -> None:
        """
        What cannot be launched is raised, and the watchdog is told nothing.
        """
        self.assertRaises(CannotLaunch, self.start, Launch(("no-such-program",)))
        self.assertEqual(len(self.told()), 1)

    def test_ends(self) -> None:
        """
        Its output and its end are passed on.
        """
        family = self.start()
        family.child.childDataReceived(1, b"words")
        self.reactor.spawned[1].end(2)
        self.assertEqual(self.output, [b"words"])
        self.assertEqual(self.ends, ["exited with status 2"])

    def test_dead_before_it_returns(self) -> None:
        """
        A child may be dead, and its pid forgotten, before its start returns.
        """
        self.reactor.ends_at_once = True
        family = self.start()
        self.assertEqual(self.ends, ["exited with status 1"])
        self.assertTrue(family.child.exited)

    def test_nobody_lives(self) -> None:
        """
        A family of which nobody is in the table has no living.
        """
        self.assertEqual(self.successResultOf(self.start().living()), [])


class StopCommandTests(LauncherTestCase):
    """
    A stop command is run to its end, within bounds.
    """

    def setUp(self) -> None:
        super().setUp()
        self.killed: list[int] = []
        self.patch(os, "killpg", lambda pid, number: self.killed.append(number))

    def run_it(self) -> tuple[Deferred[bool], FakeProcess]:
        ran = self.start().run_stop_command(10.0)
        return ran, self.reactor.spawned[-1]

    def test_well(self) -> None:
        """
        It has the model's pid and environment, and no cookie; it went well if it
        says so.
        """
        ran, process = self.run_it()
        pid = str(self.told()[-1]["pid"])
        self.assertEqual(process.args[-2:], [pid, f"a{pid}b"])
        self.assertNotIn(COOKIE_VARIABLE, process.how["env"])
        process.end(0)
        self.assertTrue(self.successResultOf(ran))
        self.assertTrue(process.closed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_badly(self) -> None:
        """
        It failed where it exits otherwise, or is killed.
        """
        for how in ({"status": 1}, {"signal": 15}):
            ran, process = self.run_it()
            process.end(**how)
            self.assertFalse(self.successResultOf(ran))

    def test_missing(self) -> None:
        """
        One that cannot be run has failed, and leaves nothing.
        """
        family = self.start()
        self.reactor.error = OSError(2, "No such file or directory")
        self.assertFalse(self.successResultOf(family.run_stop_command(10.0)))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_dead_before_it_returns(self) -> None:
        """
        It may have ended before its start returns.
        """
        family = self.start()
        self.reactor.ends_at_once = True
        self.assertFalse(self.successResultOf(family.run_stop_command(10.0)))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_hangs(self) -> None:
        """
        One that hangs is killed in the end, with its group.
        """
        ran, process = self.run_it()
        self.reactor.advance(10.0)
        self.assertEqual(self.killed, [signal.SIGKILL.value])
        self.assertNoResult(ran)
        process.end(signal=9)
        self.assertFalse(self.successResultOf(ran))

    def test_cancelled(self) -> None:
        """
        Cancelled, it is killed at once.
        """
        ran, process = self.run_it()
        ran.cancel()
        self.failureResultOf(ran, CancelledError)
        self.assertEqual(self.killed, [signal.SIGKILL.value])
        process.end(signal=9)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class CleaningTests(LauncherTestCase):
    """
    Models wait until what a dead daemon left is gone.
    """

    def test_waits(self) -> None:
        """
        All who wait go on when it is; later ones need not wait.
        """
        first, second = self.launcher.cleaned(), self.launcher.cleaned()
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.assertNoResult(first)
        self.patch(launcher_module, "kill_leftovers", lambda: [7, 8])
        self.launcher.clean_up()
        self.successResultOf(first)
        self.successResultOf(self.launcher.cleaned())

    def test_fails(self) -> None:
        """
        Where it cannot be done that is logged, and nobody waits for ever.
        """

        def fail() -> list[int]:
            raise OSError("no /proc")

        waiting = self.launcher.cleaned()
        self.patch(launcher_module, "kill_leftovers", fail)
        self.launcher.clean_up()
        self.successResultOf(waiting)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)


class PortTests(LauncherTestCase):
    """
    Whether somebody listens on a port.
    """

    def listener(self, address: str = "127.0.0.1") -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind((address, 0))
        listener.listen()
        return listener

    def test_taken(self) -> None:
        """
        A listener on any address has the port, and is named.
        """
        for address in ("127.0.0.1", "0.0.0.0", "127.0.0.2"):
            listener = self.listener(address)
            port = listener.getsockname()[1]
            holder = self.successResultOf(self.launcher.taken(port))
            self.assertEqual(holder, ports.OURSELVES)
            other = subprocess.Popen(["sleep", "60"], pass_fds=[listener.fileno()])
            self.addCleanup(other.wait)
            self.addCleanup(other.kill)
            listener.close()
            holder = self.successResultOf(self.launcher.taken(port))
            self.assertEqual(holder, f"process {other.pid} (sleep)")

    def test_free(self) -> None:
        """
        A port is free once its listener is gone.
        """
        listener = self.listener()
        port = listener.getsockname()[1]
        listener.close()
        self.assertIsNone(self.successResultOf(self.launcher.taken(port)))

    def test_only_connected(self) -> None:
        """
        A connection that has the port is no listener.
        """
        listener = self.listener()
        client = socket.create_connection(listener.getsockname())
        self.addCleanup(client.close)
        port = client.getsockname()[1]
        self.assertTrue(ports.is_taken(port))
        if sys.platform == "linux":
            self.assertIsNone(self.successResultOf(self.launcher.taken(port)))

    def test_cannot_be_seen(self) -> None:
        """
        One that cannot be told is said to be so.
        """
        import psutil

        def refuse(kind: str) -> list[object]:
            raise psutil.AccessDenied()

        self.patch(psutil, "net_connections", refuse)
        self.assertIn("cannot be seen", ports.holder_of(1) or "")
