"""
Tests for `llamaswap_tw.reload`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.errors import ConfigError, Mark, Problem
from llamaswap_tw.config.schema import Config
from llamaswap_tw.reload import Reloader, SourceWatch
from tests.config.support import ConfigTestCase
from tests.process.support import events_of


class ReloaderTests(ConfigTestCase):
    """
    One load at a time, and the last one is applied last.
    """

    def setUp(self) -> None:
        self.loads: list[Deferred[Config]] = []
        self.applied: list[int] = []
        self.broken = False
        self.config = self.load("{}")
        self.reloader = Reloader(self.begin, self.apply)

    def begin(self) -> Deferred[Config]:
        self.loads.append(Deferred())
        return self.loads[-1]

    def apply(self, config: Config) -> None:
        if self.broken:
            raise ZeroDivisionError("odd")
        self.applied.append(config.max_request_body)

    def loaded(self, number: int) -> None:
        """
        The load under way ends with this configuration.
        """
        self.loads[-1].callback(replace(self.config, max_request_body=number))

    def test_one(self) -> None:
        """
        What is loaded is applied.
        """
        self.reloader.reload()
        self.assertEqual(self.applied, [])
        self.loaded(1)
        self.assertEqual((self.applied, len(self.loads)), ([1], 1))

    def test_while_loading(self) -> None:
        """
        However often it is asked for while one is under way, one more follows: it
        may have been about a file that was read already.
        """
        for _ in range(4):
            self.reloader.reload()
        self.assertEqual(len(self.loads), 1)
        self.loaded(1)
        self.assertEqual(len(self.loads), 2)
        self.loaded(2)
        self.assertEqual((self.applied, len(self.loads)), ([1, 2], 2))
        self.reloader.reload()
        self.loaded(3)
        self.assertEqual(self.applied, [1, 2, 3])

    def test_told(self) -> None:
        """
        Whoever asks is told once nothing is left to load, whatever came of it, and
        at once where there is to be no reload.
        """
        first, second = self.reloader.reload(), self.reloader.reload()
        self.loaded(1)
        self.assertNoResult(first)
        self.loads[-1].errback(ConfigError([Problem(Mark("f", 1), "p", "is wrong")]))
        self.assertEqual(self.successResultOf(first), None)
        self.assertEqual(self.successResultOf(second), None)
        third = self.reloader.reload()
        self.reloader.stop()
        self.assertNoResult(third)
        self.loaded(3)
        self.assertEqual(self.successResultOf(third), None)
        self.assertEqual(self.successResultOf(self.reloader.reload()), None)
        self.assertEqual(self.applied, [1])

    def test_does_not_load(self) -> None:
        """
        All that is wrong with a file is logged, and nothing is applied; the next
        one is.
        """
        logged = events_of(self)
        self.reloader.reload()
        self.reloader.reload()
        problems = [Problem(Mark("f", n), f"p{n}", "is {wrong}") for n in (1, 2)]
        self.loads[-1].errback(ConfigError(problems))
        self.assertEqual(self.applied, [])
        told = [formatEvent(e) for e in logged if e["log_level"] is LogLevel.error]
        self.assertEqual(len(told), 3)
        self.assertIn("still holds", told[0])
        self.assertIn("f:1: p1: is {wrong}", told[1])
        self.assertIn("f:2: p2: is {wrong}", told[2])
        self.loaded(2)
        self.assertEqual(self.applied, [2])

    def test_broken(self) -> None:
        """
        A mistake of ours is logged, and does not stop the next reload, wherever
        it is.
        """
        self.broken = True
        self.reloader.reload()
        self.loaded(1)
        self.broken = False
        raises = Reloader(mock.Mock(side_effect=ZeroDivisionError), self.apply)
        raises.reload()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.reloader.reload()
        self.loaded(2)
        self.assertEqual(self.applied, [2])

    def test_stopped(self) -> None:
        """
        Once stopped, nothing is loaded or applied any more.
        """
        self.reloader.reload()
        self.reloader.reload()
        self.reloader.stop()
        self.loaded(1)
        self.reloader.reload()
        self.assertEqual((self.applied, len(self.loads)), ([], 1))


class SourceWatchTests(SynchronousTestCase):
    """
    Sources are looked at every two seconds.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.in_thread: Callable[..., Deferred[Any]] = maybeDeferred
        self.sources = mock.Mock()
        self.sources.changed.return_value = False
        self.told = 0
        self.watch = SourceWatch(
            self.clock,
            lambda *args: self.in_thread(*args),
            self.sources,
            self.tell,
        )

    def tell(self) -> None:
        self.told += 1

    def test_changed(self) -> None:
        """
        A change is told once, within two seconds.
        """
        self.watch.start()
        self.clock.advance(1.9)
        self.assertFalse(self.sources.changed.called)
        self.sources.changed.return_value = True
        self.clock.advance(0.1)
        self.assertEqual(self.told, 1)
        self.sources.changed.return_value = False
        self.clock.pump([1.0] * 10)
        self.assertEqual((self.told, self.sources.changed.call_count), (1, 6))

    def test_slow(self) -> None:
        """
        A look that takes long is not joined by another.
        """
        looks: list[Deferred[bool]] = []

        def in_thread(*args: Any) -> Deferred[bool]:
            looks.append(Deferred())
            return looks[-1]

        self.in_thread = in_thread
        self.watch.start()
        self.clock.pump([1.0] * 10)
        self.assertEqual(len(looks), 1)
        looks[0].callback(True)
        self.assertEqual(self.told, 1)
        self.clock.advance(2.0)
        self.assertEqual(len(looks), 2)

    def test_blind(self) -> None:
        """
        A look that fails is logged, and others follow.
        """
        self.in_thread = lambda *args: fail(ZeroDivisionError("odd"))
        self.watch.start()
        self.clock.advance(2.0)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.in_thread = lambda *args: succeed(True)
        self.clock.advance(2.0)
        self.assertEqual(self.told, 1)

    def test_stop(self) -> None:
        """
        Once stopped, it has no timer, and what a look under way finds is not told.
        """
        look: Deferred[bool] = Deferred()
        self.in_thread = lambda *args: look
        self.watch.start()
        self.clock.advance(2.0)
        self.watch.stop()
        look.callback(True)
        self.assertEqual((self.told, self.clock.getDelayedCalls()), (0, []))
        self.watch.start()
        self.watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
