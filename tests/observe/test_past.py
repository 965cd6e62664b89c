"""
Tests for `llamaswap_tw.observe.past`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import (
    ModelIdle,
    RequestError,
    StartFailed,
    UpstreamUnreachable,
)
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.observe.past import Pasts

STOPPED = ProcessState.STOPPED
STARTING = ProcessState.STARTING
READY = ProcessState.READY
STOPPING = ProcessState.STOPPING
SHUTDOWN = ProcessState.SHUTDOWN


class PastsTests(SynchronousTestCase):
    """
    What is remembered of a model.
    """

    def setUp(self) -> None:
        self.now = 1000.0
        self.pasts = Pasts(lambda: self.now, lambda model, limit: f"{model}: aargh")

    def enter(
        self, state: ProcessState, error: RequestError | None = None, after: float = 1.0
    ) -> None:
        self.now += after
        self.pasts.state_changed("m", state, error)

    def test_nothing_yet(self) -> None:
        """
        A model that nothing became of has been down since the beginning, and has
        neither loads nor a failure.
        """
        self.now = 2000.0
        past = self.pasts["m"]
        self.assertEqual((past.state, past.since), (STOPPED, 1000.0))
        self.assertEqual((list(past.loads), past.failure), ([], None))

    def test_since(self) -> None:
        """
        The moment is that of the last change.
        """
        self.enter(STARTING, after=5.0)
        self.now += 50.0
        self.assertEqual(self.pasts["m"].since, 1005.0)
        self.assertIs(self.pasts["m"].state, STARTING)

    def test_loads(self) -> None:
        """
        The last five loads are remembered, from the start of the process until it is
        ready; one that fails is none.
        """
        for seconds in range(1, 8):
            self.enter(STARTING)
            self.enter(READY, after=float(seconds))
            self.enter(STOPPING, after=100.0)
            self.enter(STOPPED)
        self.enter(STARTING)
        self.enter(STOPPED, StartFailed("m", "it was meant to"))
        self.assertEqual(list(self.pasts["m"].loads), [3.0, 4.0, 5.0, 6.0, 7.0])

    def test_clock_set_back(self) -> None:
        """
        A load takes no less than no time, whatever becomes of the clock.
        """
        self.enter(STARTING)
        self.enter(READY, after=-50.0)
        self.assertEqual(list(self.pasts["m"].loads), [0.0])

    def test_start_failed(self) -> None:
        """
        A start that failed is told with its own output, also once it is down.
        """
        self.enter(STARTING)
        error = StartFailed("m", "it exited with status 1 after 0.2 s", "no such file")
        self.enter(STOPPING, error)
        self.enter(STOPPED)
        failure = self.pasts["m"].failure
        assert failure is not None
        self.assertEqual(failure.at, 1002.0)
        self.assertEqual(
            failure.message, "it did not start: it exited with status 1 after 0.2 s"
        )
        self.assertEqual((failure.code, failure.log), ("bad_gateway", "no such file"))

    def test_died(self) -> None:
        """
        One that died is told with what it wrote last, until it is ready again.
        """
        self.enter(STARTING)
        self.enter(READY)
        self.enter(STOPPING, UpstreamUnreachable("its process was killed"))
        failure = self.pasts["m"].failure
        assert failure is not None
        self.assertEqual(
            (failure.message, failure.log), ("its process was killed", "m: aargh")
        )
        self.enter(STOPPED)
        self.enter(STARTING)
        self.assertIs(self.pasts["m"].failure, failure)
        self.enter(READY)
        self.assertIsNone(self.pasts["m"].failure)

    def test_idle(self) -> None:
        """
        One whose TTL is over has not failed.
        """
        self.enter(STARTING)
        self.enter(READY)
        self.enter(STOPPING, ModelIdle("m", 60.0))
        self.enter(STOPPED)
        self.assertIsNone(self.pasts["m"].failure)

    def test_forgiven(self) -> None:
        """
        A failure can be forgiven; what there was beside it stays.
        """
        self.enter(STARTING)
        self.enter(READY)
        self.enter(STOPPED, UpstreamUnreachable("gone"))
        self.pasts.forgive("m")
        self.pasts.forgive("nobody")
        self.assertIsNone(self.pasts["m"].failure)
        self.assertEqual(list(self.pasts["m"].loads), [1.0])

    def test_gone(self) -> None:
        """
        Of one that is down for good nothing is remembered.
        """
        self.enter(STARTING)
        self.enter(SHUTDOWN)
        self.assertEqual(self.pasts._pasts, {})
