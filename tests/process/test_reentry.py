"""
Tests for `llamaswap_tw.process.machine`: orders given while it tells of something.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from llamaswap_tw.errors import ModelUnloaded, RequestError, StartFailed
from llamaswap_tw.interfaces import ProcessState

from .support import STARTING, STOPPED, STOPPING, ProcessTestCase


class ReentryTests(ProcessTestCase):
    """
    Whoever is told may give an order right then.
    """

    def on(self, state: ProcessState, order: object) -> None:
        """
        Give an order the first time that a state is told of.
        """
        tell = self.observe
        given: list[ProcessState] = []

        def observe(model: str, now: ProcessState, error: RequestError | None) -> None:
            tell(model, now, error)
            if now is state and not given:
                given.append(now)
                assert callable(order)
                order()

        self.process._core.observer = observe

    def test_stop_at_start(self) -> None:
        """
        A stop from within the news of a start leaves nothing running.
        """
        stops: list[Deferred[None]] = []
        self.on(STARTING, lambda: stops.append(self.process.stop()))
        waiter = self.process.ensure_ready()
        self.failureResultOf(waiter, ModelUnloaded)
        self.successResultOf(stops[0])
        self.assert_quiet()

    def test_restart_at_stop_at_start(self) -> None:
        """
        Orders upon orders from within the news come out in their order.
        """
        self.launcher.error = "there is no program"
        waiters: list[Deferred[None]] = []

        def order() -> None:
            waiters.append(self.process.stop())
            waiters.append(self.process.ensure_ready())

        self.on(STARTING, order)
        first = self.process.ensure_ready()
        self.failureResultOf(first, ModelUnloaded)
        self.successResultOf(waiters[0])
        self.failureResultOf(waiters[1], StartFailed)
        self.assertEqual(len(self.launcher.launches), 1)
        self.assert_quiet()

    def test_stop_at_stopping(self) -> None:
        """
        A stop from within the news of a stop joins it.
        """
        stops: list[Deferred[None]] = []
        self.launcher.clean = False
        waiter = self.process.ensure_ready()
        self.on(STOPPING, lambda: stops.append(self.process.stop()))
        self.successResultOf(self.process.stop())
        self.successResultOf(stops[0])
        self.failureResultOf(waiter, ModelUnloaded)
        self.assert_quiet()

    def test_start_at_stopped(self) -> None:
        """
        A start from within the news of a stop's end begins anew.
        """
        family = self.bring_up()
        waiters: list[Deferred[None]] = []
        self.on(STOPPED, lambda: waiters.append(self.process.ensure_ready()))
        self.process.stop()
        family.tell_exit()
        self.assertIs(self.process.state, STARTING)
        self.prober.ready()
        self.successResultOf(waiters[0])

    def test_observer_fails(self) -> None:
        """
        An observer that raises is logged, and changes nothing.
        """

        def fail() -> None:
            raise ZeroDivisionError

        self.on(STARTING, fail)
        self.bring_up()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_own_error_for_each(self) -> None:
        """
        Each waiter has an error of its own, so that raising one changes no other.
        """
        first, second = self.process.ensure_ready(), self.process.ensure_ready()
        self.launcher.family.tell_exit(3)
        errors = [
            self.failureResultOf(waiter, StartFailed).value
            for waiter in (first, second)
        ]
        self.assertIsNot(errors[0], errors[1])
        self.assertEqual(errors[0].message, errors[1].message)
        self.assertEqual(errors[0].reason, errors[1].reason)
        self.assertEqual(str(errors[0]), str(errors[1]))
        self.assertEqual(errors[0].status, 502)
