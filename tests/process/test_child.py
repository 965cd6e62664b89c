"""
Tests for `llamaswap_tw.process.child`.
"""

from __future__ import annotations

import errno
import gc
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.process import child as child_module
from llamaswap_tw.process.child import (
    CannotLaunch,
    Child,
    find_program,
    start_child,
)
from llamaswap_tw.process.table import MARK_LIMIT

from .fakes import FakeProcess, FakeProcessReactor, ended


def open_files() -> int:
    """
    How many files this process has open, without those that nobody refers to.
    """
    # Else those that other tests left might be closed between two counts.
    gc.collect()
    return len(os.listdir("/dev/fd"))


class ChildTestCase(SynchronousTestCase):
    """
    A child of a reactor that starts nothing.
    """

    def setUp(self) -> None:
        self.reactor = FakeProcessReactor()
        self.written: list[bytes] = []
        self.ends: list[str] = []
        self.signals: list[tuple[str, int, int]] = []
        self.child = Child(self.reactor, self.written.append, self.ends.append)

    def start(self) -> FakeProcess:
        start_child(self.reactor, self.child, ["sh", "-c", "x"], {"PATH": "/bin"})
        return self.reactor.spawned[-1]


class MarkTests(ChildTestCase):
    """
    What is forked for a child is marked, and we ourselves are not.
    """

    if sys.platform != "linux":
        skip = "only Linux has marks"

    def setUp(self) -> None:
        super().setUp()
        self.limits: list[int] = []
        spawn = self.reactor.spawnProcess

        def look(*args: Any, **kwargs: Any) -> Any:
            self.limits.append(resource.getrlimit(MARK_LIMIT)[0])
            return spawn(*args, **kwargs)

        self.patch(self.reactor, "spawnProcess", look)
        self.before = resource.getrlimit(MARK_LIMIT)

    def start_marked(self) -> None:
        start_child(self.reactor, self.child, ["sh"], {"PATH": "/bin"}, mark=2**61 + 7)

    def test_mark(self) -> None:
        """
        The mark is there while it is forked, and only then.
        """
        self.start_marked()
        self.start()
        self.assertEqual(self.limits, [2**61 + 7, self.before[0]])
        self.assertEqual(resource.getrlimit(MARK_LIMIT), self.before)

    def test_cannot_launch(self) -> None:
        """
        Nor is it left on us where nothing could be started.
        """

        def fail(*args: Any, **kwargs: Any) -> Any:
            raise OSError(errno.EAGAIN, "try again")

        self.patch(self.reactor, "spawnProcess", fail)
        self.assertRaises(CannotLaunch, self.start_marked)
        self.assertEqual(resource.getrlimit(MARK_LIMIT), self.before)

    def test_refused(self) -> None:
        """
        Where it cannot be set, the child is started without.
        """

        def refuse(*args: Any) -> None:
            raise ValueError("not allowed to raise maximum limit")

        self.patch(resource, "setrlimit", refuse)
        self.start_marked()
        self.assertEqual(self.limits, [self.before[0]])


class EndTests(ChildTestCase):
    """
    The end of a child is told once, with its last output before it.
    """

    def test_output(self) -> None:
        """
        What it writes to either output is passed on as it comes.
        """
        self.start()
        self.child.childDataReceived(1, b"one")
        self.child.childDataReceived(2, b"two")
        self.assertEqual(self.written, [b"one", b"two"])

    def test_pipes_closed(self) -> None:
        """
        Where nobody holds its output, its end is told at once.
        """
        self.start().end(3)
        self.assertEqual(self.ends, ["exited with status 3"])
        self.assertEqual(self.child.status, 3)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_pipes_held(self) -> None:
        """
        Where somebody does, it is read on for 0.1 s, in several turns.
        """
        process = self.start()
        process.protocol.processExited(ended(0))
        self.assertTrue(self.child.exited)
        self.reactor.advance(0.02)
        self.child.childDataReceived(1, b"last")
        self.assertEqual(self.ends, [])
        self.reactor.pump([0.02] * 4)
        self.assertEqual(self.ends, ["exited with status 0"])
        process.protocol.processEnded(ended(0))
        self.assertEqual(len(self.ends), 1)

    def test_reactor_held_up(self) -> None:
        """
        A reactor that was held up for longer than that still reads first.
        """
        process = self.start()
        process.protocol.processExited(ended(0))
        self.reactor.advance(5.0)
        self.assertEqual(self.ends, [])

    def test_in_words(self) -> None:
        """
        A status, a signal, and a signal without a name are told apart.
        """
        for reason, words, status in [
            (ended(0), "exited with status 0", 0),
            (ended(7), "exited with status 7", 7),
            (ended(signal=15), "was killed by SIGTERM", None),
            (ended(signal=99), "was killed by 99", None),
        ]:
            child = Child(self.reactor, self.written.append, self.ends.append)
            child.processEnded(reason)
            self.assertEqual(self.ends[-1], words)
            self.assertEqual(child.status, status)

    def test_let_go(self) -> None:
        """
        Let go of, its pipes are closed, though others hold them.
        """
        process = self.start()
        self.child.let_go()
        self.assertTrue(process.closed)


class SignalTests(ChildTestCase):
    """
    A group is signalled while it is certainly the child's.
    """

    def setUp(self) -> None:
        super().setUp()
        self.missing: set[str] = set()
        self.patch(os, "killpg", lambda pid, n: self.kill("group", pid, n))
        self.patch(os, "kill", lambda pid, n: self.kill("pid", pid, n))

    def kill(self, what: str, pid: int, number: int) -> None:
        if what in self.missing:
            raise ProcessLookupError
        self.signals.append((what, pid, number))

    def test_group(self) -> None:
        """
        The whole group is signalled.
        """
        self.start()
        self.child.signal_group(signal.SIGTERM)
        self.assertEqual(
            self.signals, [("group", self.child.pid, signal.SIGTERM.value)]
        )

    def test_no_group_yet(self) -> None:
        """
        A moment after its start it leads no group; the child alone is signalled.
        """
        self.start()
        self.missing = {"group"}
        self.child.signal_group(signal.SIGTERM)
        self.assertEqual(self.signals[0][:2], ("pid", self.child.pid))
        self.missing = {"group", "pid"}
        self.child.signal_group(signal.SIGTERM)

    def test_dead(self) -> None:
        """
        Once it is dead, nothing is sent: the pid may lead another's group.
        """
        self.start().end()
        self.child.signal_group(signal.SIGTERM)
        self.assertEqual(self.signals, [])

    def test_never_started(self) -> None:
        """
        Nor to one that never was: group 0 is our own.
        """
        self.child.signal_group(signal.SIGTERM)
        self.assertEqual(self.signals, [])


class StartTests(ChildTestCase):
    """
    A program is started without a shell, as leader of a session.
    """

    def test_session(self) -> None:
        """
        What makes the session stands before the program, which is named by its
        path, and has the environment given.
        """
        process = self.start()
        prefix = list(child_module._SESSION_PREFIX)
        self.assertEqual(process.args, [*prefix, "/bin/sh", "-c", "x"])
        self.assertEqual(process.how["env"], {"PATH": "/bin"})

    def test_pipes(self) -> None:
        """
        Its outputs are read, its input is empty, and nothing is left open.
        """
        before = open_files()
        pipes = self.start().how["childFDs"]
        self.assertEqual(pipes[1], "r")
        self.assertEqual(pipes[2], "r")
        self.assertIsInstance(pipes[0], int)
        self.assertEqual(open_files(), before)

    def test_silent(self) -> None:
        """
        Without output, that goes nowhere; its input may be a pipe.
        """
        start_child(self.reactor, self.child, ["/bin/sh"], {}, stdin="w", output=False)
        pipes = self.reactor.spawned[-1].how["childFDs"]
        self.assertEqual(pipes[0], "w")
        self.assertIsInstance(pipes[1], int)
        self.assertEqual(pipes[1], pipes[2])

    def test_cannot(self) -> None:
        """
        What the system refuses is told, with its reason.
        """
        self.reactor.error = OSError(7, "Argument list too long")
        before = open_files()
        error = self.assertRaises(CannotLaunch, self.start)
        self.assertIn("Argument list too long", str(error))
        self.assertEqual(open_files(), before)

    def test_session_shim(self) -> None:
        """
        Where there is no setsid, Python does the same.
        """
        self.patch(os, "access", lambda path, mode: False)
        prefix = child_module._session_prefix()
        self.assertIn("os.setsid()", prefix[-1])


class FindTests(SynchronousTestCase):
    """
    A program is looked for where the model's PATH says.
    """

    def program(self, mode: int = 0o755) -> Path:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        path = folder / "server"
        path.write_text("#!/bin/sh\n")
        path.chmod(mode)
        return path

    def test_on_path(self) -> None:
        """
        A name is looked for on the PATH given, not on ours.
        """
        path = self.program()
        self.assertEqual(find_program("server", str(path.parent)), str(path))
        self.assertRaises(CannotLaunch, find_program, "server", "/bin")

    def test_path(self) -> None:
        """
        A name with a slash is a path, seen from where the daemon runs.
        """
        path = self.program()
        self.assertEqual(find_program(str(path), ""), str(path))
        relative = os.path.relpath(path)
        self.assertEqual(find_program(relative, ""), os.path.abspath(relative))

    def test_not_there(self) -> None:
        """
        What is not there is told with where it was looked for.
        """
        error = self.assertRaises(CannotLaunch, find_program, "nothing", "/bin:/x")
        self.assertEqual(
            str(error), "there is no program 'nothing' on the PATH '/bin:/x'"
        )
        error = self.assertRaises(CannotLaunch, find_program, "/no/thing", None)
        self.assertEqual(str(error), "there is no program /no/thing")

    def test_no_program(self) -> None:
        """
        A folder, and a file that may not be executed, are told as such.
        """
        path = self.program(0o644)
        error = self.assertRaises(CannotLaunch, find_program, str(path), None)
        self.assertIn("may not be executed", str(error))
        error = self.assertRaises(CannotLaunch, find_program, str(path.parent), None)
        self.assertIn("is a folder", str(error))
