"""
Tests for `llamaswap_tw.observe.metrics` and `llamaswap_tw.observe.tally`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.errors import (
    ModelIdle,
    ModelNotFound,
    ModelUnloaded,
    RequestError,
    ShuttingDown,
    StartFailed,
    UpstreamUnreachable,
)
from llamaswap_tw.interfaces import ISwapObserver, ProcessState
from llamaswap_tw.observe.metrics import (
    EXIT_REASONS,
    NO_MODEL,
    OTHER_PATH,
    SWAP_RESULTS,
    Histogram,
    Metrics,
    Snapshot,
)
from llamaswap_tw.observe.tally import Tally

from .metrics_support import gauges

CHAT = "/v1/chat/completions"


class HistogramTests(SynchronousTestCase):
    """
    A histogram.
    """

    @given(st.lists(st.floats(0, 20)))
    def test_counts(self, values: list[float]) -> None:
        """
        Whatever was observed, each bound has those up to it, itself included.
        """
        bounds = (0.5, 1, 2.5, 10)
        histogram = Histogram(bounds)
        for value in values:
            histogram.observe(value)
        counts, total = histogram.distribution()
        for index, bound in enumerate(bounds):
            within = sum(value <= bound for value in values)
            self.assertEqual(sum(counts[: index + 1]), within)
        self.assertEqual(sum(counts), len(values))
        self.assertEqual(total, sum(values))


class MetricsTests(SynchronousTestCase):
    """
    What is counted.
    """

    def setUp(self) -> None:
        self.metrics = Metrics(("a", "b"), (CHAT,))

    def snapshot(self) -> Snapshot:
        return self.metrics.snapshot(gauges())

    def test_requests(self) -> None:
        """
        Requests are counted by model, path and status.
        """
        for status in (200, 200, 429):
            self.metrics.request_ended("a", CHAT, status)
        self.assertEqual(
            self.snapshot().requests, {("a", CHAT, "200"): 2, ("a", CHAT, "429"): 1}
        )

    def test_unknown(self) -> None:
        """
        However many models and paths clients invent, they make one series.
        """
        for number in range(100):
            self.metrics.request_ended(f"m{number}", f"/p{number}", 404)
            self.metrics.queued(f"m{number}", 1.0)
            self.metrics.first_byte(f"m{number}", 1.0)
            self.metrics.tokens(f"m{number}", 1, 1, 1)
            self.metrics.swap_ended(f"m{number}", "ready", 1.0)
            self.metrics.evicted(f"m{number}")
            self.metrics.process_exited(f"m{number}", "stopped")
        found = self.snapshot()
        self.assertEqual(found.requests, {(NO_MODEL, OTHER_PATH, "404"): 100})
        self.assertEqual(set(found.queued), {"a", "b"})
        self.assertEqual({model for model, _ in found.swaps}, {"a", "b"})

    def test_histograms(self) -> None:
        """
        Waits, first bytes and loads are counted for their model.
        """
        self.metrics.queued("a", 1.5)
        self.metrics.first_byte("a", 2.5)
        self.metrics.swap_ended("a", "ready", 3.5)
        self.metrics.swap_ended("a", "failed", None)
        found = self.snapshot()
        for distributions, total in (
            (found.queued, 1.5),
            (found.first_byte, 2.5),
            (found.loads, 3.5),
        ):
            self.assertEqual(sum(distributions["a"].counts), 1)
            self.assertEqual(distributions["a"].sum, total)
            self.assertEqual(sum(distributions["b"].counts), 0)

    def test_tokens(self) -> None:
        """
        Unknown numbers, which are negative, add nothing.
        """
        self.metrics.tokens("a", 10, 20, 5)
        self.metrics.tokens("a", -1, 3, -1)
        tokens = self.snapshot().tokens
        self.assertEqual(tokens["a", "input"], 10)
        self.assertEqual(tokens["a", "output"], 23)
        self.assertEqual(tokens["a", "cached"], 5)

    def test_from_the_start(self) -> None:
        """
        What may be rare is there before it first happens: else nothing would see it
        rise.
        """
        found = self.snapshot()
        for result in SWAP_RESULTS:
            self.assertEqual(found.swaps["b", result], 0)
        for reason in EXIT_REASONS:
            self.assertEqual(found.exits["b", reason], 0)
        self.assertEqual(found.evictions["b"], 0)

    def test_removed(self) -> None:
        """
        A model that is removed keeps its counts, and counts on while its last
        requests end; added again, it goes on.
        """
        self.metrics.request_ended("a", CHAT, 200)
        self.metrics.queued("b", 0.0)
        self.metrics.reconfigure(("c",))
        self.metrics.request_ended("a", CHAT, 200)
        self.metrics.reconfigure(("a", "b", "c"))
        self.metrics.request_ended("a", CHAT, 200)
        found = self.snapshot()
        self.assertEqual(found.requests, {("a", CHAT, "200"): 3})
        self.assertEqual(sum(found.queued["b"].counts), 1)
        self.assertIn(("c", "ready"), found.swaps)

    def test_removed_unused(self) -> None:
        """
        One of which nothing was counted leaves nothing.
        """
        self.metrics.reconfigure(("b",))
        found = self.snapshot()
        for models in (found.queued, found.first_byte, found.loads, found.evictions):
            self.assertEqual(set(models), {"b"})
        for pairs in (found.swaps, found.exits, found.tokens):
            self.assertEqual({model for model, _ in pairs}, {"b"})

    def test_snapshot(self) -> None:
        """
        A snapshot does not change, whatever is counted after it.
        """
        self.metrics.request_ended("a", CHAT, 200)
        found = self.snapshot()
        self.metrics.request_ended("a", CHAT, 200)
        self.metrics.queued("a", 1.0)
        self.metrics.tokens("a", 1, 1, 1)
        self.metrics.evicted("a")
        self.assertEqual(found.requests["a", CHAT, "200"], 1)
        self.assertEqual(sum(found.queued["a"].counts), 0)
        self.assertEqual(found.tokens["a", "input"], 0)
        self.assertEqual(found.evictions["a"], 0)
        self.assertEqual(found.queue_length["org/b"], 7)


class TallyTests(SynchronousTestCase):
    """
    What becomes of swaps and processes.
    """

    def setUp(self) -> None:
        self.metrics = Metrics(("a", "b", "c"), ())
        self.tally = Tally(self.metrics)

    def swaps(self) -> dict[str, int]:
        """
        How the swaps to ``a`` have ended.
        """
        found = self.metrics.snapshot(gauges()).swaps
        return {end: found["a", end] for end in SWAP_RESULTS if found["a", end]}

    def go(
        self, *states: ProcessState, why: RequestError | None = None
    ) -> dict[str, int]:
        """
        The process of ``a`` goes through some states.

        :param why: it stops, where nobody asked for that.
        :returns: how its processes have ended by then.
        """
        for state in states:
            error = why if state is ProcessState.STOPPING else None
            self.tally.state_changed("a", state, error)
        found = self.metrics.snapshot(gauges()).exits
        return {end: found["a", end] for end in EXIT_REASONS if found["a", end]}

    def test_interface(self) -> None:
        """
        It may be told of swaps.
        """
        verifyObject(ISwapObserver, self.tally)

    def test_swap(self) -> None:
        """
        A swap that succeeds, with those that made room, and whether it was forced.
        """
        self.tally.swap_began("a", ["b", "c"], True)
        self.tally.swap_ended("a", None, 12.5)
        found = self.metrics.snapshot(gauges())
        self.assertEqual(found.evictions, {"a": 0, "b": 1, "c": 1})
        self.assertEqual(found.forced_swaps, 1)
        self.assertEqual(found.loads["a"].sum, 12.5)
        self.assertEqual(self.swaps(), {"ready": 1})

    def test_swap_fails(self) -> None:
        """
        A swap that fails is none that was not wanted any more.
        """
        self.tally.swap_began("a", [], False)
        for error in (ModelUnloaded("a"), ModelNotFound("a"), ShuttingDown()):
            self.tally.swap_ended("a", error, 1.0)
        self.tally.swap_ended("a", StartFailed("a", "no"), 1.0)
        found = self.metrics.snapshot(gauges())
        self.assertEqual(found.forced_swaps, 0)
        self.assertEqual(sum(found.loads["a"].counts), 0)
        self.assertEqual(self.swaps(), {"cancelled": 3, "failed": 1})

    def test_stopped(self) -> None:
        """
        A process that was told to stop, for good or not.
        """
        S = ProcessState
        self.assertEqual(self.go(S.STARTING, S.READY, S.STOPPING), {})
        self.assertEqual(self.go(S.STOPPED), {"stopped": 1})
        states = (S.STARTING, S.READY, S.STOPPING, S.SHUTDOWN)
        self.assertEqual(self.go(*states), {"stopped": 2})

    def test_idle(self) -> None:
        """
        One whose TTL is over was stopped.
        """
        S = ProcessState
        states = S.STARTING, S.READY, S.STOPPING, S.STOPPED
        self.assertEqual(self.go(*states, why=ModelIdle("a", 60.0)), {"stopped": 1})

    def test_crashed(self) -> None:
        """
        A process that dies once it was ready.
        """
        S, why = ProcessState, UpstreamUnreachable("it died")
        states = (S.STARTING, S.READY, S.STOPPING, S.STOPPED)
        self.assertEqual(self.go(*states, why=why), {"crashed": 1})

    def test_failed(self) -> None:
        """
        A process that dies before.
        """
        S, why = ProcessState, StartFailed("a", "it died")
        states = (S.STARTING, S.STOPPING, S.STOPPED)
        self.assertEqual(self.go(*states, why=why), {"failed": 1})

    def test_never_was(self) -> None:
        """
        Where nothing could be started, no process ended.
        """
        S = ProcessState
        self.assertEqual(self.go(S.STARTING, S.STOPPED, S.SHUTDOWN), {})
