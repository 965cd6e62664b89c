"""
Tests for `llamaswap_tw.observe.worker`, with real threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from llamaswap_tw.observe.worker import Worker


@implementer(IReactorFromThreads)
class Reactor:
    """
    A reactor that runs what threads want to have run when a test says so.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], Any]] = SimpleQueue()

    def callFromThread(
        self, callable: Callable[..., Any], *args: object, **kwargs: object
    ) -> None:
        self._calls.put(lambda: callable(*args, **kwargs))

    def turn(self) -> None:
        """
        Wait for one, and run it.
        """
        self._calls.get(timeout=60)()


class WorkerTests(SynchronousTestCase):
    """
    A thread for what may hang.
    """

    def setUp(self) -> None:
        self.reactor = Reactor()
        self.worker = Worker(self.reactor, "a-test")

    def threads(self) -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "a-test"]

    def close(self) -> None:
        """
        Close it and wait for its end.
        """
        (thread,) = self.threads()
        self.worker.close(lambda: None)
        thread.join(60)
        self.assertEqual(self.threads(), [])

    def test_results(self) -> None:
        """
        What it returns or raises is told in the reactor's thread, in order, and all
        is done in one thread, for which the end of the program does not wait.
        """
        first = self.worker.call(threading.current_thread)
        second = self.worker.call(lambda: 1 // 0)
        third = self.worker.call(threading.current_thread)
        self.assertNoResult(first)
        for _ in range(3):
            self.reactor.turn()
        thread = self.successResultOf(first)
        self.assertTrue(thread.daemon)
        self.failureResultOf(second, ZeroDivisionError)
        self.assertIs(self.successResultOf(third), thread)
        self.close()

    def test_close(self) -> None:
        """
        What is under way is done, then the last thing, and nobody is told any more.
        """
        gate = threading.Event()
        done: list[str] = []

        def work() -> None:
            gate.wait(60)
            done.append("call")

        told = self.worker.call(work)
        (thread,) = self.threads()
        self.worker.close(lambda: done.append("last"))
        self.worker.close(lambda: done.append("never"))
        gate.set()
        thread.join(60)
        self.assertEqual(done, ["call", "last"])
        self.assertNoResult(told)

    def test_last_fails(self) -> None:
        """
        The thread ends though the last thing fails.
        """
        self.worker.call(lambda: None)
        (thread,) = self.threads()
        self.worker.close(lambda: 1 // 0)
        thread.join(60)
        self.assertFalse(thread.is_alive())

    def test_never_used(self) -> None:
        """
        One that was never asked has no thread.
        """
        self.worker.close(lambda: self.fail("it was called"))
        self.assertEqual(self.threads(), [])
