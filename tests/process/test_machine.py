"""
Tests for `llamaswap_tw.process.machine`: the cells of its table.
"""

from __future__ import annotations

from dataclasses import replace
from signal import SIGKILL, SIGTERM

from twisted.internet.defer import CancelledError
from twisted.logger import formatEvent
from zope.interface.verify import verifyObject

from llamaswap_tw.errors import ModelUnloaded, ShuttingDown, StartFailed
from llamaswap_tw.interfaces import IModelProcess, IOutput, IProber
from llamaswap_tw.process.interfaces import IFamily, ILauncher

from .support import (
    LAUNCH,
    READY,
    SHUTDOWN,
    STARTING,
    STOPPED,
    STOPPING,
    ProcessTestCase,
    events_of,
)


class HonestyTests(ProcessTestCase):
    """
    The stand-ins provide what they claim.
    """

    def test_fakes(self) -> None:
        """
        Process, launcher, family, prober and output provide their interfaces.
        """
        self.bring_up()
        verifyObject(IModelProcess, self.process)
        verifyObject(ILauncher, self.launcher)
        verifyObject(IFamily, self.launcher.family)
        verifyObject(IProber, self.prober)
        verifyObject(IOutput, self.output)


class LogTests(ProcessTestCase):
    """
    What the log tells of a start.
    """

    def test_no_secrets(self) -> None:
        """
        The command, without the secrets in it.
        """
        command = ("serve", "--api-key", "s3cret", "-m", "model.gguf")
        self.make(replace(LAUNCH, command=command))
        logged = events_of(self)
        self.bring_up()
        (line,) = [text for text in map(formatEvent, logged) if "starting" in text]
        self.assertEqual(line, "model m: starting: serve --api-key … -m model.gguf")


class TableTests(ProcessTestCase):
    """
    What is asked of a process, in each of its states.
    """

    def test_ready_when_stopped(self) -> None:
        """
        Asked to be ready, a stopped one starts and answers once it is healthy.
        """
        waiter = self.process.ensure_ready()
        self.assertIs(self.process.state, STARTING)
        self.assertEqual(self.process.pid, self.launcher.family.child.pid)
        self.assertNoResult(waiter)
        self.prober.ready()
        self.successResultOf(waiter)
        self.assertEqual(self.states(), [STARTING, READY])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_ready_when_starting(self) -> None:
        """
        Several wait for one start, and one that goes away disturbs nobody.
        """
        first, second, third = (self.process.ensure_ready() for _ in range(3))
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.prober.ready()
        self.successResultOf(first)
        self.successResultOf(third)
        self.assertEqual(len(self.launcher.families), 1)

    def test_only_waiter_gone(self) -> None:
        """
        A start goes on though nobody waits for it any more.
        """
        waiter = self.process.ensure_ready()
        waiter.cancel()
        self.failureResultOf(waiter, CancelledError)
        self.prober.ready()
        self.assertIs(self.process.state, READY)

    def test_ready_when_ready(self) -> None:
        """
        A ready one answers at once.
        """
        self.bring_up()
        self.successResultOf(self.process.ensure_ready())
        self.assertEqual(len(self.launcher.families), 1)

    def test_ready_when_stopping(self) -> None:
        """
        Asked in mid-stop, it starts anew once the stop is over, never before.
        """
        family = self.bring_up()
        family.obeys = False
        stopped = self.process.stop(10.0)
        waiter = self.process.ensure_ready()
        self.clock.advance(5.0)
        self.assertEqual(len(self.launcher.families), 1)
        family.tell_exit()
        self.successResultOf(stopped)
        self.assertIs(self.process.state, STARTING)
        self.assertEqual(len(self.launcher.families), 2)
        self.prober.ready()
        self.successResultOf(waiter)

    def test_one_start_after_a_stop(self) -> None:
        """
        All who wait for a stop's end share the start that follows, though it fail
        at once.
        """
        family = self.bring_up()
        self.process.stop()
        waiters = [self.process.ensure_ready() for _ in range(5)]
        self.launcher.error = "there is no program"
        family.tell_exit()
        for waiter in waiters:
            self.failureResultOf(waiter, StartFailed)
        self.assertEqual(len(self.launcher.launches), 2)

    def test_cancelled_when_stopping(self) -> None:
        """
        It does not start anew for somebody who has gone away.
        """
        family = self.bring_up()
        self.process.stop()
        waiter = self.process.ensure_ready()
        waiter.cancel()
        self.failureResultOf(waiter, CancelledError)
        family.tell_exit()
        self.assert_quiet()

    def test_stop_when_stopped(self) -> None:
        """
        To stop a stopped one is answered at once.
        """
        self.successResultOf(self.process.stop())
        self.assertEqual(self.seen, [])

    def test_stop_when_starting(self) -> None:
        """
        A start that is stopped is cleaned up after, and refuses who waits.
        """
        waiter = self.process.ensure_ready()
        family = self.launcher.family
        stopped = self.process.stop()
        self.failureResultOf(waiter, ModelUnloaded)
        self.assertEqual(self.prober.cancelled, 1)
        self.assertEqual(family.signals, [("group", SIGTERM)])
        self.assertNoResult(stopped)
        family.tell_exit()
        self.successResultOf(stopped)
        self.assert_quiet()

    def test_stop_before_spawn(self) -> None:
        """
        A start that is stopped before there is a child never makes one.
        """
        self.launcher.clean = False
        waiter = self.process.ensure_ready()
        self.successResultOf(self.process.stop())
        self.failureResultOf(waiter, ModelUnloaded)
        self.launcher.answer()
        self.assertEqual(self.launcher.families, [])
        self.assert_quiet()

    def test_stop_when_ready(self) -> None:
        """
        A ready one is stopped, and answers when nothing of it lives.
        """
        family = self.bring_up()
        stopped = self.process.stop()
        self.assertNoResult(stopped)
        self.assertIs(self.process.state, STOPPING)
        family.tell_exit()
        self.successResultOf(stopped)
        self.assertEqual(self.states(), [STARTING, READY, STOPPING, STOPPED])
        self.assertIsNone(self.process.pid)
        self.assert_quiet()

    def test_stop_when_stopping(self) -> None:
        """
        Several wait for one stop; a later stop refuses who waits for a start.
        """
        family = self.bring_up()
        first = self.process.stop()
        waiter = self.process.ensure_ready()
        second = self.process.stop()
        self.failureResultOf(waiter, ModelUnloaded)
        self.assertEqual(family.signals, [("group", SIGTERM)])
        family.tell_exit()
        self.successResultOf(first)
        self.successResultOf(second)
        self.assert_quiet()

    def test_joined_with_shorter_grace(self) -> None:
        """
        The shorter grace holds, whoever comes first.
        """
        family = self.bring_up()
        family.obeys = False
        self.process.stop(100.0)
        self.process.stop(1.0)
        self.process.stop(50.0)
        self.clock.advance(0.9)
        self.assertNotIn(("group", SIGKILL), family.signals)
        self.clock.advance(0.2)
        self.assertIn(("group", SIGKILL), family.signals)

    def test_dies_when_starting(self) -> None:
        """
        One that exits before it is healthy fails its start.
        """
        waiter = self.fail_start()
        self.failureResultOf(waiter, StartFailed)
        self.assertEqual(self.states(), [STARTING, STOPPING, STOPPED])
        self.assertEqual(self.prober.cancelled, 1)
        self.assert_quiet()

    def test_dies_in_spawn(self) -> None:
        """
        A child may be dead before its start returns.
        """
        self.launcher.dies_at_once = True
        self.failureResultOf(self.process.ensure_ready(), StartFailed)
        self.assertEqual(self.prober.probes, [])
        self.assert_quiet()

    def test_dies_when_ready(self) -> None:
        """
        A crash is an unexpected end: it is told, with how it came about.
        """
        family = self.bring_up()
        not_ready = self.process.when_not_ready()
        self.assertNoResult(not_ready)
        family.tell_exit(signal=11)
        self.successResultOf(not_ready)
        self.assertEqual(self.states(), [STARTING, READY, STOPPING, STOPPED])
        error = self.seen[2][1]
        assert error is not None
        self.assertIn("was killed by SIGSEGV", error.message)
        self.assert_quiet()
        self.bring_up()

    def test_crash_leaves_a_child(self) -> None:
        """
        What a crash leaves is killed at once, and before the next start.
        """
        family = self.bring_up()
        family.have_child(7, apart=True)
        family.prompt = False
        family.tell_exit(1)
        waiter = self.process.ensure_ready()
        self.assertEqual(len(self.launcher.families), 1)
        family.answer_looks()
        self.assertEqual(family.signals, [(7, SIGKILL)])
        self.assertEqual(len(self.launcher.families), 1)
        self.clock.advance(0.1)
        family.answer_looks()
        self.assertEqual(len(self.launcher.families), 2)
        self.assertNoResult(waiter)

    def test_dies_when_stopping(self) -> None:
        """
        The exit is what the stop waits for: it is noticed at once.
        """
        family = self.bring_up()
        stopped = self.process.stop()
        family.tell_exit()
        self.successResultOf(stopped)

    def test_when_not_ready(self) -> None:
        """
        To wait until it is not ready ends at once where it is not, and when it
        stops; whoever gives up is forgotten.
        """
        self.successResultOf(self.process.when_not_ready())
        self.bring_up()
        first, second = self.process.when_not_ready(), self.process.when_not_ready()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(self.process._core.until_not_ready, [second])
        self.process.stop()
        self.successResultOf(second)

    def test_not_ready_cancels_another(self) -> None:
        """
        One that is told may cancel another that is about to be.
        """
        self.bring_up()
        first, second = self.process.when_not_ready(), self.process.when_not_ready()
        first.addCallback(lambda _: second.cancel())
        self.process.stop()
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)


class ShutdownTests(ProcessTestCase):
    """
    After a shutdown every request is refused.
    """

    def test_when_stopped(self) -> None:
        """
        A stopped one is shut down at once, for good.
        """
        self.successResultOf(self.process.shut_down(1.0))
        self.failureResultOf(self.process.ensure_ready(), ShuttingDown)
        self.successResultOf(self.process.stop())
        self.successResultOf(self.process.shut_down(1.0))
        self.assert_quiet(SHUTDOWN)
        self.assertEqual(self.launcher.families, [])

    def test_when_starting(self) -> None:
        """
        A start is aborted, and who waits is told why.
        """
        waiter = self.process.ensure_ready()
        down = self.process.shut_down(1.0)
        self.failureResultOf(waiter, ShuttingDown)
        self.launcher.family.tell_exit()
        self.successResultOf(down)
        self.assert_quiet(SHUTDOWN)

    def test_when_ready(self) -> None:
        """
        A ready one is stopped within the grace; meanwhile nobody starts it.
        """
        family = self.bring_up()
        family.obeys = False
        down = self.process.shut_down(1.0)
        self.failureResultOf(self.process.ensure_ready(), ShuttingDown)
        joined = self.process.stop(5.0)
        again = self.process.shut_down(5.0)
        self.clock.advance(1.0)
        self.assertEqual(family.signals[-1][1], SIGKILL)
        family.tell_exit(signal=9)
        for waiter in (down, joined, again):
            self.successResultOf(waiter)
        self.assert_quiet(SHUTDOWN)
        self.assertEqual(self.states()[-2:], [STOPPING, SHUTDOWN])

    def test_when_stopping(self) -> None:
        """
        A stop under way becomes one for good, with the shorter grace.
        """
        family = self.bring_up()
        family.obeys = False
        stopped = self.process.stop(100.0)
        waiter = self.process.ensure_ready()
        down = self.process.shut_down(1.0)
        self.failureResultOf(waiter, ShuttingDown)
        self.clock.advance(1.0)
        family.tell_exit(signal=9)
        self.successResultOf(stopped)
        self.successResultOf(down)
        self.assert_quiet(SHUTDOWN)
