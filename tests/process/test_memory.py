"""
Tests for `llamaswap_tw.process.memory`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import psutil
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.process.kin import Kin
from llamaswap_tw.process.memory import INTERVAL, Memory, resident
from llamaswap_tw.process.table import read_entry

MB = 1024 * 1024


class MemoryTests(SynchronousTestCase):
    """
    The models' memory is looked at while somebody wants to know.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.kin: dict[str, Kin] = {"a": Kin(1, None, "a"), "b": Kin(2, None, "b")}
        self.looks: list[Deferred[Mapping[str, int]]] = []
        self.looked_for: list[Any] = []
        self.changes = 0
        self.memory = Memory(self.clock, self.in_thread, lambda: self.kin, self.changed)

    def in_thread(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        self.assertIs(function, resident)
        self.looked_for.append(args)
        self.looks.append(Deferred())
        return self.looks[-1]

    def changed(self) -> None:
        self.changes += 1

    def test_nobody(self) -> None:
        """
        Nobody looks where nobody wants to know, and nothing is known.
        """
        self.clock.advance(100)
        self.assertEqual((self.looks, self.memory.of("a")), ([], None))

    def test_pace(self) -> None:
        """
        The first look is at once, the others at their pace, and none while one is
        under way.
        """
        self.memory.start()
        self.memory.start()
        self.assertEqual(self.looked_for, [(self.kin,)])
        self.clock.pump([INTERVAL] * 3)
        self.assertEqual(len(self.looks), 1)
        self.looks[0].callback({"a": 10 * MB})
        self.clock.advance(INTERVAL)
        self.assertEqual(len(self.looks), 2)
        self.assertEqual((self.memory.of("a"), self.memory.of("b")), (10 * MB, None))

    def test_changes(self) -> None:
        """
        Only what is worth it is told: a model more or less, or another amount, though
        it came to that in small steps.
        """
        self.memory.start()
        for sizes, changes in (
            ({"a": 1000 * MB}, 1),
            ({"a": 1005 * MB}, 1),
            ({"a": 1009 * MB}, 1),
            ({"a": 1010 * MB}, 2),
            ({"a": 1010 * MB, "b": 1}, 3),
            ({"b": MB}, 4),
            ({"b": MB + 1}, 4),
        ):
            self.looks[-1].callback(sizes)
            self.clock.advance(INTERVAL)
            self.assertEqual((sizes, self.changes), (sizes, changes))

    def test_none_runs(self) -> None:
        """
        Without any process there is nothing to look at.
        """
        self.memory.start()
        self.looks[0].callback({"a": MB, "b": MB})
        self.kin.clear()
        self.clock.advance(INTERVAL)
        self.assertEqual((len(self.looks), self.changes), (1, 2))
        self.assertIsNone(self.memory.of("a"))

    def test_stop(self) -> None:
        """
        Once nobody wants to know any more, the look that is under way is the last, and
        what it saw is forgotten.
        """
        self.memory.start()
        self.memory.stop()
        self.memory.stop()
        self.looks[0].callback({"a": MB})
        self.clock.advance(100)
        self.assertEqual((len(self.looks), self.changes), (1, 0))
        self.assertIsNone(self.memory.of("a"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_again(self) -> None:
        """
        Who wants to know while a look for somebody before is under way is told by that
        one, and there is one after the other from then on.
        """
        self.memory.start()
        self.memory.stop()
        self.memory.start()
        self.assertEqual(len(self.looks), 1)
        self.looks[0].callback({"a": MB})
        self.assertEqual((self.memory.of("a"), self.changes), (MB, 1))
        for count in (2, 3):
            self.clock.advance(INTERVAL)
            self.assertEqual(len(self.looks), count)
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.looks[-1].callback({"a": MB})
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_fails(self) -> None:
        """
        A look that fails is logged, and followed by another.
        """
        self.memory.start()
        self.looks[0].errback(OSError("no /proc"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.clock.advance(INTERVAL)
        self.assertEqual(len(self.looks), 2)


class ResidentTests(SynchronousTestCase):
    """
    What real processes take.
    """

    def test_with_children(self) -> None:
        """
        It is the sum over a process and its children; of who has none there is
        nothing.
        """
        code = (
            "import subprocess, sys\n"
            # Once that says so, neither of them grows any more.
            "code = 'print(\"up\", flush=True); input()'\n"
            "subprocess.run([sys.executable, '-c', code])\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.communicate, b"\n")
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), b"up\n")
        entry = read_entry(process.pid)
        assert entry is not None
        kin = Kin(process.pid, entry.started, "none")
        found = resident({"m": kin, "gone": Kin(2**22 + 1, 1, "none")})
        parent = psutil.Process(process.pid)
        each = [one.memory_info().rss for one in (parent, *parent.children())]
        self.assertEqual(len(each), 2)
        self.assertEqual(found.keys(), {"m"})
        self.assertGreater(found["m"], max(each))
        self.assertLess(found["m"], sum(each) + 50 * MB)
        # The watchdog's and the daemon's own search is left as it was.
        self.assertEqual(kin._known, {})
        self.assertNotIn(os.getpid(), [one.pid for one in kin.find({})])
