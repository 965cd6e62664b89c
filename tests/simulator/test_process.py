"""
Tests for `llamaswap_tw.simulator.process`.
"""

from __future__ import annotations

import subprocess
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.simulator.options import Options
from llamaswap_tw.simulator.process import Life
from llamaswap_tw.simulator.server import Simulator


class LifeTests(SynchronousTestCase):
    """
    The process begins and ends as its options say.
    """

    def life(self, **options: Any) -> Life:
        self.reactor = MemoryReactorClock()
        self.simulator = Simulator(self.reactor, "alice")
        self.log: list[str] = []
        self.complaints: list[str] = []
        self.statuses: list[int] = []
        life = Life(
            self.reactor,
            Options(**{"port": 8000, "model": "alice", **options}),
            self.simulator,
            leave=self.statuses.append,
            say=self.log.append,
            complain=self.complaints.append,
        )
        life.begin()
        return life

    def test_loads(self) -> None:
        """
        It listens at once, is ready after its load time, and tells its progress.
        """
        self.life(load_time=2.0, host="127.0.0.2")
        ((port, factory, _, interface),) = self.reactor.tcpServers
        self.assertEqual((port, interface), (8000, "127.0.0.2"))
        self.assertIs(factory, self.simulator)
        self.reactor.pump([0.5] * 3)
        self.assertFalse(self.simulator.loaded)
        self.reactor.advance(0.5)
        self.assertTrue(self.simulator.loaded)
        self.assertIn("server is listening on http://", self.log[0])
        self.assertEqual(
            self.log[1:],
            [
                "loading model 'alice'",
                "load: 25% of the tensors",
                "load: 50% of the tensors",
                "load: 75% of the tensors",
                "model loaded in 2 s",
            ],
        )
        self.assertEqual(self.statuses, [])

    def test_at_once(self) -> None:
        """
        Without a load time it is ready as soon as it listens.
        """
        self.life(load_time=0.0)
        self.assertTrue(self.simulator.loaded)

    def test_in_use(self) -> None:
        """
        A port that is taken is an error for who asked.
        """

        def taken(*arguments: Any, **keywords: Any) -> None:
            raise CannotListenError("127.0.0.1", 8000, OSError(98, "in use"))

        self.patch(MemoryReactorClock, "listenTCP", taken)
        self.assertRaises(CannotListenError, self.life)

    def test_fail_start(self) -> None:
        """
        It can fail to start: a message on stderr, and status 1.
        """
        self.life(fail_start="out of memory", load_time=1.0)
        self.assertEqual(self.statuses, [])
        self.reactor.advance(1.0)
        self.assertEqual((self.complaints, self.statuses), (["out of memory"], [1]))
        self.assertFalse(self.simulator.loaded)

    def test_never_ready(self) -> None:
        """
        It can load for ever.
        """
        self.life(never_ready=True)
        self.reactor.advance(10_000)
        self.assertFalse(self.simulator.loaded)

    def test_die_after(self) -> None:
        """
        It can crash, some time after it was ready.
        """
        self.life(die_after=3.0, load_time=1.0)
        self.reactor.pump([1.0, 2.9])
        self.assertEqual(self.statuses, [])
        self.reactor.advance(0.1)
        self.assertEqual(self.statuses, [1])
        self.assertEqual(self.complaints, ["simulated crash"])

    def test_log_lines(self) -> None:
        """
        It can be talkative while it loads.
        """
        self.life(log_lines=3)
        self.assertIn("load: line 1\nload: line 2\nload: line 3", self.log)

    def test_sigterm(self) -> None:
        """
        It ends at once, with status 0, when asked to.
        """
        life = self.life()
        life.asked_to_end()
        self.assertEqual(self.statuses, [0])

    def test_ignore_sigterm(self) -> None:
        """
        It can refuse to.
        """
        life = self.life(ignore_sigterm=True)
        life.asked_to_end()
        self.assertEqual(self.log[-1], "SIGTERM ignored")
        self.reactor.advance(1000)
        self.assertEqual(self.statuses, [])

    def test_stop_time(self) -> None:
        """
        It can take its time, which asking again does not change.
        """
        life = self.life(stop_time=2.0)
        life.asked_to_end()
        self.reactor.advance(1.5)
        life.asked_to_end()
        self.assertEqual(self.statuses, [])
        self.reactor.advance(0.5)
        self.assertEqual(self.statuses, [0])

    def test_child(self) -> None:
        """
        It can start a child in a session of its own, which it tells of.
        """
        started: list[dict[str, Any]] = []

        class Child:
            pid = 4711

            def __init__(self, arguments: list[str], **keywords: Any) -> None:
                started.append(keywords)

        self.patch(subprocess, "Popen", Child)
        self.life(child=True)
        self.assertTrue(started[0]["start_new_session"])
        self.assertIsNone(started[0]["env"])
        self.assertEqual(self.simulator.children, [4711])
        self.assertIn("child process 4711 started", self.log)
        self.life(child=True, wipe_environment=True)
        self.assertEqual(started[1]["env"], {})
