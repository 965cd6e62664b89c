"""
Tests for `llamaswap_tw.process.machine`: other configurations of a model.
"""

from __future__ import annotations

from dataclasses import replace
from signal import SIGTERM

from twisted.internet.defer import Deferred
from twisted.logger import formatEvent

from llamaswap_tw.errors import (
    BackingOff,
    ModelNotFound,
    ModelUnloaded,
    ShuttingDown,
    StartFailed,
)
from llamaswap_tw.process.launch import Policy

from .support import (
    LAUNCH,
    POLICY,
    READY,
    SHUTDOWN,
    STARTING,
    STOPPED,
    STOPPING,
    ProcessTestCase,
    events_of,
)

OTHER = replace(LAUNCH, command=("other",), proxy="http://127.0.0.1:5801", port=5801)


class PolicyTests(ProcessTestCase):
    """
    What leaves the launch as it is leaves the process as it is.
    """

    def test_same(self) -> None:
        """
        It keeps its process and its requests.
        """
        family = self.bring_up()
        self.process.request_began()
        self.process.reconfigure(LAUNCH, Policy(unload_timeout=3.0))
        self.assertIs(self.process.state, READY)
        self.process.request_ended()
        self.clock.advance(100.0)
        self.assertIs(self.process.state, READY)
        self.assertEqual(family.signals, [])

    def test_equal(self) -> None:
        """
        It is what the launch says that counts, in any state.
        """
        same = replace(LAUNCH, environment={})
        self.process.reconfigure(same, POLICY)
        waiter = self.process.ensure_ready()
        self.process.reconfigure(same, POLICY)
        self.prober.ready()
        self.successResultOf(waiter)
        self.process.reconfigure(same, POLICY)
        self.assertEqual(self.states(), [STARTING, READY])

    def test_shorter_ttl(self) -> None:
        """
        A TTL that has passed by now stops it at once; a longer one, later; none,
        never.
        """
        self.bring_up()
        self.clock.advance(50.0)
        self.process.reconfigure(LAUNCH, Policy(ttl=60.0))
        self.process.reconfigure(LAUNCH, Policy(ttl=0.0))
        self.clock.advance(50.0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.process.reconfigure(LAUNCH, Policy(ttl=101.0))
        self.clock.advance(0.9)
        self.assertIs(self.process.state, READY)
        self.process.reconfigure(LAUNCH, Policy(ttl=100.5))
        self.assertIs(self.process.state, STOPPING)
        self.launcher.family.tell_exit()
        self.assert_quiet()

    def test_ttl_in_flight(self) -> None:
        """
        However short it is, it does not run while a request does.
        """
        self.bring_up()
        self.process.request_began()
        self.clock.advance(50.0)
        self.process.reconfigure(LAUNCH, Policy(ttl=1.0))
        self.clock.advance(50.0)
        self.assertIs(self.process.state, READY)
        self.process.request_ended()
        self.clock.advance(1.0)
        self.assertIs(self.process.state, STOPPING)

    def test_start_may_take_longer(self) -> None:
        """
        A start that is under way may take as long as the new configuration says;
        one that took longer is given up at once.
        """
        waiter = self.process.ensure_ready()
        self.clock.advance(100.0)
        self.process.reconfigure(LAUNCH, Policy(health_check_timeout=300.0))
        self.clock.advance(199.0)
        self.assertIs(self.process.state, STARTING)
        self.process.reconfigure(LAUNCH, Policy(health_check_timeout=200.0))
        self.clock.advance(0.0)
        failure = self.failureResultOf(waiter, StartFailed)
        self.assertIn("not healthy after 200 s", str(failure.value))

    def test_start_before_the_child(self) -> None:
        """
        So it is before there is a child.
        """
        self.launcher.clean = False
        waiter = self.process.ensure_ready()
        self.process.reconfigure(LAUNCH, Policy(health_check_timeout=20.0))
        self.launcher.answer()
        self.clock.advance(20.0)
        self.failureResultOf(waiter, StartFailed)

    def test_rest_is_over(self) -> None:
        """
        A model that rests after failures may be tried at once.
        """
        for _ in range(3):
            self.failureResultOf(self.fail_start(), StartFailed)
        self.failureResultOf(self.process.ensure_ready(), BackingOff)
        self.process.reconfigure(LAUNCH, POLICY)
        self.bring_up()


class ReplaceTests(ProcessTestCase):
    """
    Another launch means another process, once the requests have ended.
    """

    def change(self) -> None:
        self.process.reconfigure(OTHER, POLICY)

    def assert_other(self, waiter: Deferred[None]) -> None:
        """
        What is asked for is the other one, and it comes up.
        """
        self.assertIs(self.process.state, STARTING)
        self.assertEqual(self.launcher.launches[-1], OTHER)
        self.prober.ready()
        self.successResultOf(waiter)
        self.assertEqual(self.process.base_url, OTHER.proxy)
        self.assertEqual(self.process.port, 5801)

    def test_stopped(self) -> None:
        """
        One that is down is started by it the next time.
        """
        self.change()
        self.assertEqual((self.states(), self.process.port), ([], 5801))
        self.assert_other(self.process.ensure_ready())

    def test_idle(self) -> None:
        """
        One that serves nobody is stopped at once, and starts when it is asked
        for.
        """
        family = self.bring_up()
        self.change()
        self.assertEqual(family.signals, [("group", SIGTERM)])
        family.tell_exit()
        self.assert_quiet()
        self.assert_other(self.process.ensure_ready())

    def test_serving(self) -> None:
        """
        One that serves lets its requests end, and is still where it was; whoever
        asks meanwhile gets the other one.
        """
        family = self.bring_up()
        for _ in range(2):
            self.process.request_began()
        noticed = self.process.when_not_ready()
        self.change()
        self.successResultOf(noticed)
        self.assertIs(self.process.state, STOPPING)
        waiter = self.process.ensure_ready()
        self.process.request_ended()
        self.clock.advance(29.0)
        self.assertEqual(family.signals, [])
        self.assertEqual(self.process.base_url, LAUNCH.proxy)
        self.assertEqual(self.process.port, None)
        self.process.request_ended()
        self.assertEqual(family.signals, [("group", SIGTERM)])
        self.assertNoResult(waiter)
        family.tell_exit()
        self.assert_other(waiter)

    def test_limit(self) -> None:
        """
        A request that takes longer than 30 s is cut off.
        """
        family = self.bring_up()
        self.process.request_began()
        self.change()
        waiter = self.process.ensure_ready()
        self.clock.advance(29.9)
        self.assertEqual(family.signals, [])
        self.clock.advance(0.1)
        self.assertEqual(family.signals, [("group", SIGTERM)])
        self.process.request_ended()
        family.tell_exit()
        self.assert_other(waiter)

    def test_starting(self) -> None:
        """
        One that starts is started anew, for whoever waits.
        """
        waiter = self.process.ensure_ready()
        self.change()
        self.assertNoResult(waiter)
        self.launcher.family.tell_exit()
        self.assert_other(waiter)

    def test_starting_before_the_child(self) -> None:
        """
        So it is where there is no child yet; what is left of the start before
        does nothing.
        """
        self.launcher.checks = False
        self.process.reconfigure(replace(LAUNCH, port=5800), POLICY)
        waiter = self.process.ensure_ready()
        self.change()
        self.assertEqual(self.launcher.asked_ports, [5800, 5801])
        self.launcher.answer()
        self.assertEqual(len(self.launcher.families), 1)
        self.assert_other(waiter)

    def test_starting_for_nobody(self) -> None:
        """
        One that starts for nobody any more stays down.
        """
        self.process.ensure_ready().addErrback(lambda _: None).cancel()
        self.change()
        self.launcher.family.tell_exit()
        self.assert_quiet()

    def test_stopping(self) -> None:
        """
        One that stops goes on to, and comes up as the other.
        """
        family = self.bring_up()
        stopped = self.process.stop()
        waiter = self.process.ensure_ready()
        self.change()
        family.tell_exit()
        self.successResultOf(stopped)
        self.assert_other(waiter)

    def test_twice(self) -> None:
        """
        The last one counts, and the requests have their time once.
        """
        family = self.bring_up()
        self.process.request_began()
        self.process.reconfigure(replace(LAUNCH, command=("third",)), POLICY)
        waiter = self.process.ensure_ready()
        self.clock.advance(20.0)
        self.change()
        self.clock.advance(10.0)
        self.assertEqual(family.signals, [("group", SIGTERM)])
        family.tell_exit()
        self.assert_other(waiter)

    def test_dies(self) -> None:
        """
        One that dies while it lets its requests end is told of, and followed by
        the other; where nobody asked for it, it stays down.
        """
        for asked in (True, False):
            events = events_of(self)
            self.process.reconfigure(LAUNCH, POLICY)
            family = self.bring_up()
            self.process.request_began()
            self.change()
            waiter = self.process.ensure_ready() if asked else None
            family.tell_exit(signal=9)
            told = [event.get("what", "") for event in events]
            self.assertIn("unexpected: it was killed by SIGKILL", told)
            self.process.request_ended()
            if waiter is not None:
                self.assert_other(waiter)
                self.change()
                self.process.stop()
                self.launcher.family.tell_exit()
            self.assert_quiet()

    def test_ordered(self) -> None:
        """
        An order to stop waits for no request, and refuses whoever waits.
        """
        family = self.bring_up()
        self.process.request_began()
        self.change()
        waiter = self.process.ensure_ready()
        stopped = self.process.stop()
        self.failureResultOf(waiter, ModelUnloaded)
        self.assertEqual(family.signals, [("group", SIGTERM)])
        family.tell_exit()
        self.successResultOf(stopped)
        self.process.request_ended()
        self.assert_quiet()

    def test_shut_down(self) -> None:
        """
        Nor does a shutdown.
        """
        family = self.bring_up()
        self.process.request_began()
        self.change()
        waiter = self.process.ensure_ready()
        down = self.process.shut_down(5.0)
        self.failureResultOf(waiter, ShuttingDown)
        family.tell_exit()
        self.successResultOf(down)
        self.assert_quiet(SHUTDOWN)


class RetireTests(ProcessTestCase):
    """
    A model that is gone ends with its requests, for good.
    """

    def test_stopped(self) -> None:
        """
        One that is down is gone at once.
        """
        self.successResultOf(self.process.retire())
        self.assert_quiet(SHUTDOWN)
        self.successResultOf(self.process.retire())

    def test_serving(self) -> None:
        """
        One that serves lets its requests end.
        """
        family = self.bring_up()
        self.process.request_began()
        gone = self.process.retire()
        also = self.process.retire()
        self.failureResultOf(self.process.ensure_ready(), ShuttingDown)
        self.assertEqual(family.signals, [])
        self.process.request_ended()
        self.assertEqual(family.signals, [("group", SIGTERM)])
        self.assertNoResult(gone)
        family.tell_exit()
        for waiter in (gone, also):
            self.successResultOf(waiter)
        self.assert_quiet(SHUTDOWN)

    def test_limit(self) -> None:
        """
        They have 30 s.
        """
        family = self.bring_up()
        self.process.request_began()
        self.process.retire()
        self.clock.advance(30.0)
        family.tell_exit()
        self.assert_quiet(SHUTDOWN)

    def test_waiting(self) -> None:
        """
        Whoever waits for it is told that it is not known any more.
        """
        starting = self.process.ensure_ready()
        gone = self.process.retire()
        self.failureResultOf(starting, ModelNotFound)
        self.launcher.family.tell_exit()
        self.successResultOf(gone)
        self.make()
        self.bring_up()
        self.process.stop()
        stopping = self.process.ensure_ready()
        self.process.retire()
        self.failureResultOf(stopping, ModelNotFound)
        self.launcher.family.tell_exit()
        self.make()
        self.bring_up()
        self.process.request_began()
        self.process.reconfigure(OTHER, POLICY)
        draining = self.process.ensure_ready()
        self.process.retire()
        self.failureResultOf(draining, ModelNotFound)
        self.process.request_ended()
        self.launcher.family.tell_exit()
        self.assert_quiet(SHUTDOWN)

    def test_dies(self) -> None:
        """
        One that dies meanwhile is gone.
        """
        family = self.bring_up()
        self.process.request_began()
        gone = self.process.retire()
        family.tell_exit(1)
        self.successResultOf(gone)
        self.assert_quiet(SHUTDOWN)

    def test_wanted_after_all(self) -> None:
        """
        One that is wanted again while its requests end, or while it stops, comes
        up when it is asked for.
        """
        for stops in (False, True):
            self.make()
            family = self.bring_up()
            self.process.request_began()
            gone = self.process.retire()
            if stops:
                self.process.request_ended()
            self.process.replace(OTHER)
            waiter = self.process.ensure_ready()
            if not stops:
                self.process.request_ended()
            family.tell_exit()
            self.successResultOf(gone)
            self.assertEqual(self.launcher.launches[-1], OTHER)
            self.prober.ready()
            self.successResultOf(waiter)
            self.process.stop()
            self.launcher.family.tell_exit()
            self.assert_quiet(STOPPED)


class TellingTests(ProcessTestCase):
    """
    The log says why a process stops that nobody asked to.
    """

    def told(self, in_flight: int) -> list[str]:
        """
        What is logged where one is given another launch, and then retired.
        """
        self.setUp()
        logged = events_of(self)
        for stop in (self.process.replace, lambda _: self.process.retire()):
            self.bring_up()
            for _ in range(in_flight):
                self.process.request_began()
            stop(OTHER)
            for _ in range(in_flight):
                self.process.request_ended()
            self.launcher.family.tell_exit()
        return [text for text in map(formatEvent, logged) if "config" in text]

    def test_why(self) -> None:
        """
        It is told whether it was changed or taken out, and whom it waits for, if
        for anybody.
        """
        changed = "model m: its configuration has changed"
        gone = "model m: it is no longer configured"
        waits = "; stopping once its requests have ended: 2"
        self.assertEqual(self.told(0), [changed, gone])
        self.assertEqual(self.told(2), [changed + waits, gone + waits])
