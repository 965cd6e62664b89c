"""
Tests for `llamaswap_tw.preload`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import ModelUnloaded, UpstreamUnreachable
from llamaswap_tw.preload import Preloader


class _Lease:
    """
    Counts how often it is released.
    """

    def __init__(self) -> None:
        self.released = 0

    def release(self) -> None:
        self.released += 1


class _Router:
    """
    Gives out leases when a test says so.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: list[Deferred[Any]] = []

    def acquire(self, model: str) -> Deferred[Any]:
        self.asked.append(model)
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def grant(self) -> _Lease:
        lease = _Lease()
        self.waiting[-1].callback(lease)
        return lease


class PreloaderTests(SynchronousTestCase):
    """
    Models are loaded before anybody asks for them.
    """

    def setUp(self) -> None:
        self.router = _Router()
        self.preloader = Preloader(self.router.acquire)

    def test_in_order(self) -> None:
        """
        One after the other, in order, and none is held.
        """
        loaded = self.preloader.load(["b", "a"])
        self.assertEqual(self.router.asked, ["b"])
        self.assertEqual(self.router.grant().released, 1)
        self.assertEqual(self.router.asked, ["b", "a"])
        self.assertNoResult(loaded)
        self.assertEqual(self.router.grant().released, 1)
        self.successResultOf(loaded)

    def test_none(self) -> None:
        """
        There may be none.
        """
        self.successResultOf(self.preloader.load([]))
        self.assertEqual(self.router.asked, [])

    def test_failure(self) -> None:
        """
        One that fails is told in a line of the log, and the next one is loaded.
        """
        loaded = self.preloader.load(["a", "b"])
        with capturedLogs() as events:
            self.router.waiting[0].errback(UpstreamUnreachable("exited with status 7"))
        (event,) = events
        self.assertEqual(event["log_level"], LogLevel.warn)
        self.assertEqual(event["model"], "a")
        self.assertIn("exited with status 7", event["reason"])
        self.router.grant()
        self.assertEqual(self.router.asked, ["a", "b"])
        self.successResultOf(loaded)

    def test_named_once(self) -> None:
        """
        What was named before is not loaded again, though it failed or still loads;
        what a reload names for the first time is.
        """
        self.preloader.load(["a", "b"])
        self.router.waiting[0].errback(ModelUnloaded("a"))
        again = self.preloader.load(["a", "c", "b"])
        self.assertEqual(self.router.asked, ["a", "b", "c"])
        self.router.grant()
        self.successResultOf(again)
        self.successResultOf(self.preloader.load(["c", "b", "a"]))
        self.assertEqual(self.router.asked, ["a", "b", "c"])
