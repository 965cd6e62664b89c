"""
Tests for `llamaswap_tw.process.prober`.
"""

from __future__ import annotations

from itertools import pairwise

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.interfaces import IProber
from llamaswap_tw.process.prober import HttpProber

from .support import events_of

URL = "http://127.0.0.1:5800/health"


class ProberTests(SynchronousTestCase):
    """
    A server is asked early and often.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[tuple[float, bytes]] = []
        self.open: list[Deferred[int]] = []
        self.met: list[str] = []
        #: What is answered at once; `None` for not at all.
        self.answer: int | None = 503
        self.prober = HttpProber(self.clock, self.ask)

    def ask(self, url: bytes) -> Deferred[int]:
        self.asked.append((self.clock.seconds(), url))
        if self.answer is not None:
            return succeed(self.answer)
        self.open.append(Deferred())
        return self.open[-1]

    def begin(self) -> Deferred[None]:
        return self.prober.when_ready(URL, self.met.append)

    def gaps(self) -> list[float]:
        """
        The seconds from each probe to the next.
        """
        times = [time for time, _ in self.asked]
        return [b - a for a, b in pairwise(times)]

    def test_interface(self) -> None:
        """
        It provides what it claims.
        """
        verifyObject(IProber, self.prober)

    def test_first_at_once(self) -> None:
        """
        The first probe goes out at once; an answer of 200 ends it.
        """
        self.answer = 200
        self.successResultOf(self.begin())
        self.assertEqual(self.asked, [(0.0, URL.encode())])
        self.assertEqual(self.met, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_only_200(self) -> None:
        """
        No other status will do; each is told.
        """
        self.answer = None
        ready = self.begin()
        for status in (404, 204, 301, 500, 799):
            self.open[-1].callback(status)
            self.clock.advance(0.02)
        self.assertNoResult(ready)
        self.assertEqual(
            self.met,
            [
                "404 Not Found",
                "204 No Content",
                "301 Moved Permanently",
                "500 Internal Server Error",
                "799",
            ],
        )
        self.open[-1].callback(200)
        self.successResultOf(ready)

    def test_often_at_first(self) -> None:
        """
        In the first ten seconds, 20 ms pass between two.
        """
        self.begin()
        self.clock.pump([0.005] * 1980)
        self.assertTrue(all(0.019 < gap < 0.026 for gap in self.gaps()))

    def test_a_five_hundredth(self) -> None:
        """
        Later, 0.2 % of the time that has passed; never more than 250 ms.
        """
        self.begin()
        for since, gap in [(50.0, 0.1), (100.0, 0.2), (125.0, 0.25), (1000.0, 0.25)]:
            self.clock.advance(since - self.clock.seconds())
            count = len(self.asked)
            self.clock.advance(gap - 0.002)
            self.assertEqual(len(self.asked), count)
            self.clock.advance(0.004)
            self.assertEqual(len(self.asked), count + 1)

    def test_refused(self) -> None:
        """
        A connection refused is told in words, and tried again.
        """
        self.answer = None
        ready = self.begin()
        self.open[0].errback(ConnectionRefusedError())
        self.assertIn("refused", self.met[0])
        self.clock.advance(0.02)
        self.open[1].callback(200)
        self.successResultOf(ready)

    def test_hangs(self) -> None:
        """
        A probe that hangs is given up after 5 s, and another sent.
        """
        self.answer = None
        ready = self.begin()
        self.clock.advance(4.9)
        self.assertEqual(len(self.open), 1)
        self.clock.advance(0.1)
        self.assertEqual(self.met, ["none within 5 s"])
        self.clock.advance(0.02)
        self.assertEqual(len(self.open), 2)
        self.open[1].callback(200)
        self.successResultOf(ready)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cannot_ask(self) -> None:
        """
        A probe that cannot even be sent is one that failed.
        """

        def ask(url: bytes) -> Deferred[int]:
            raise ValueError("no such scheme")

        ready = HttpProber(self.clock, ask).when_ready(URL, self.met.append)
        self.clock.advance(0.02)
        self.assertEqual(self.met, ["no such scheme"] * 2)
        ready.cancel()
        self.failureResultOf(ready, CancelledError)

    def test_cancelled(self) -> None:
        """
        Cancelled, in a probe or between two, it asks no more and tells nothing.
        """
        for answer in (None, 503):
            self.answer = answer
            ready = self.begin()
            told = len(self.met)
            ready.cancel()
            self.failureResultOf(ready, CancelledError)
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.assertEqual(len(self.met), told)
        self.assertEqual(len(self.asked), 2)

    def test_not_logged(self) -> None:
        """
        Probes are not written to the logs.
        """
        events = events_of(self)
        self.begin()
        self.clock.pump([0.02] * 50)
        self.assertEqual(events, [])
