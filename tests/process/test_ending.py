"""
Tests for `llamaswap_tw.process.ending`: how a process is brought down.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from signal import SIGKILL, SIGTERM

from twisted.internet.defer import Deferred, fail
from twisted.logger import LogEvent

from llamaswap_tw.process.launch import Policy

from .fakes import FakeFamily
from .support import LAUNCH, STOPPED, STOPPING, ProcessTestCase, events_of


class EndingTestCase(ProcessTestCase):
    """
    What these tests share.
    """

    def setUp(self) -> None:
        super().setUp()
        self.events = events_of(self)

    def logged(self, words: str) -> list[LogEvent]:
        """
        What was logged with these words.
        """
        return [e for e in self.events if words in (e.get("log_format") or "")]

    def stubborn(self) -> FakeFamily:
        """
        A ready one that ignores SIGTERM.
        """
        family = self.bring_up()
        family.obeys = False
        return family


class SignalTests(EndingTestCase):
    """
    SIGTERM to the whole group, SIGKILL after the grace, until nothing lives.
    """

    def test_polite(self) -> None:
        """
        One that ends upon SIGTERM gets no other signal.
        """
        family = self.bring_up()
        family.have_child(7)
        stopped = self.process.stop(10.0)
        self.assertEqual(family.signals, [("group", SIGTERM)])
        family.tell_exit()
        self.successResultOf(stopped)
        self.assertEqual(family.signals, [("group", SIGTERM)])
        self.assert_quiet()

    def test_killed_after_grace(self) -> None:
        """
        One that does not is killed at the end of the grace, not before.
        """
        family = self.stubborn()
        stopped = self.process.stop(10.0)
        self.clock.pump([0.25] * 39)
        self.assertEqual(family.signals, [("group", SIGTERM)])
        self.clock.advance(0.25)
        self.assertEqual(family.signals[1], ("group", SIGKILL))
        self.assertEqual(len(self.logged("killing it")), 1)
        self.assertNoResult(stopped)
        family.tell_exit(signal=9)
        self.successResultOf(stopped)
        self.assert_quiet()

    def test_own_grace(self) -> None:
        """
        Without a grace, the model's own holds.
        """
        self.make(LAUNCH, Policy(unload_timeout=3.0))
        family = self.stubborn()
        self.process.stop()
        self.clock.advance(2.9)
        self.assertNotIn(("group", SIGKILL), family.signals)
        self.clock.advance(0.1)
        self.assertIn(("group", SIGKILL), family.signals)

    def test_no_grace(self) -> None:
        """
        With a grace of 0 it is killed at once.
        """
        family = self.stubborn()
        self.process.stop(0.0)
        self.clock.advance(0.0)
        self.assertIn(("group", SIGKILL), family.signals)

    def test_wrapper_dies(self) -> None:
        """
        A wrapper may die at once: it counts as stopped when its server is dead,
        which is asked to end too, once, wherever it is.
        """
        family = self.bring_up()
        family.have_child(7, apart=True)
        stopped = self.process.stop(10.0)
        family.obeys = False
        family.tell_exit()
        self.assertIs(self.process.state, STOPPING)
        self.clock.pump([0.25] * 8)
        self.assertEqual(family.signals, [("group", SIGTERM), (7, SIGTERM)])
        self.assertNoResult(stopped)
        family.die(7)
        self.clock.advance(0.25)
        self.successResultOf(stopped)
        self.assert_quiet()

    def test_outlives_grace(self) -> None:
        """
        What outlives the grace is killed, though the child itself is long dead;
        the group is not, since it may be another's by then.
        """
        family = self.bring_up()
        family.have_child(7, apart=True)
        stopped = self.process.stop(10.0)
        family.obeys = False
        family.tell_exit()
        self.clock.advance(10.0)
        self.assertEqual(family.signals[-1], (7, SIGKILL))
        self.assertNotIn(("group", SIGKILL), family.signals)
        self.clock.advance(0.25)
        self.successResultOf(stopped)

    def test_looks_first(self) -> None:
        """
        Who is of the family is found out before the first signal.
        """
        family = self.bring_up()
        family.prompt = False
        self.process.stop()
        self.assertEqual(family.signals, [])
        family.answer_looks()
        self.assertEqual(family.signals, [("group", SIGTERM)])

    def test_dead_before_asked(self) -> None:
        """
        Where the child is dead by the time that it is asked, only what is known
        to be of its group is.
        """
        family = self.bring_up()
        family.have_child(7)
        family.have_child(8, apart=True)
        family.prompt = False
        self.process.stop()
        family.tell_exit()
        family.answer_looks()
        self.assertEqual(family.signals, [(7, SIGTERM)])

    def test_one_look_at_a_time(self) -> None:
        """
        What happens during a look brings one more look, at once.
        """
        family = self.bring_up()
        family.prompt = False
        stopped = self.process.stop()
        family.answer_looks()
        self.clock.advance(0.02)
        self.assertEqual(len(family.looks), 1)
        late = family.looks.pop()
        family.tell_exit()
        self.assertEqual(family.looks, [])
        late.callback([])
        self.successResultOf(stopped)
        self.assert_quiet()

    def test_blind(self) -> None:
        """
        Where the processes cannot be read, the child itself is still ended.
        """
        family = self.bring_up()
        self.patch(family, "living", lambda: fail(OSError("no /proc")))
        stopped = self.process.stop()
        self.assertEqual(family.signals, [("group", SIGTERM)])
        family.tell_exit()
        self.successResultOf(stopped)
        self.assertTrue(self.flushLoggedErrors(OSError))
        self.assert_quiet()

    def test_unkillable(self) -> None:
        """
        One that not even SIGKILL ends is given up after 10 s, and said so.
        """
        family = self.stubborn()
        family.unkillable = True
        stopped = self.process.stop(1.0)
        self.clock.pump([0.25] * 43)
        self.assertNoResult(stopped)
        self.clock.pump([0.25] * 3)
        self.successResultOf(stopped)
        self.assertEqual(len(self.logged("stuck")), 1)
        self.assert_quiet()
        # At last it dies: that is nobody's business any more.
        self.bring_up()
        family.tell_exit(signal=9)
        self.assertEqual(self.process.pid, self.launcher.family.child.pid)

    def test_late_look(self) -> None:
        """
        Where the processes are read late, the time to give up runs from the first
        kill.
        """
        family = self.stubborn()
        family.prompt = False
        stopped = self.process.stop(0.0)
        self.clock.advance(60.0)
        family.answer_looks()
        self.assertEqual(family.signals[0], ("group", SIGKILL))
        self.assertNoResult(stopped)
        family.tell_exit(signal=9)
        family.answer_looks()
        self.successResultOf(stopped)
        self.assert_quiet()

    def test_looks_less_often(self) -> None:
        """
        The longer it takes, the less often the processes are read.
        """
        family = self.stubborn()
        looks = []
        living = family.living

        def look() -> object:
            looks.append(self.clock.seconds())
            return living()

        self.patch(family, "living", look)
        self.process.stop(100.0)
        self.clock.pump([0.01] * 1000)
        gaps = [b - a for a, b in pairwise(looks)]
        self.assertAlmostEqual(gaps[0], 0.02, places=2)
        self.assertAlmostEqual(gaps[-1], 0.25, places=1)
        self.assertTrue(len(looks) < 70)


class StopCommandTests(EndingTestCase):
    """
    A stop command takes the place of SIGTERM.
    """

    def setUp(self) -> None:
        super().setUp()
        self.make(replace(LAUNCH, stop_command=("docker", "stop", "m")))

    def test_run(self) -> None:
        """
        It is run with the grace, and no signal is sent.
        """
        family = self.bring_up()
        stopped = self.process.stop(30.0)
        self.assertEqual(family.graces, [30.0])
        self.clock.advance(5.0)
        family.stop_commands[0].callback(True)
        self.clock.advance(5.0)
        family.tell_exit()
        self.successResultOf(stopped)
        self.assertEqual(family.signals, [])
        self.assert_quiet()

    def test_ends_before_its_command(self) -> None:
        """
        It counts as stopped when nothing of it lives, though the command runs on.
        """
        family = self.bring_up()
        stopped = self.process.stop(30.0)
        family.tell_exit()
        self.successResultOf(stopped)
        self.assert_quiet()
        family.stop_commands[0].callback(True)
        self.assertIs(self.process.state, STOPPED)

    def test_fails(self) -> None:
        """
        Where it fails, SIGTERM is sent at once: a typo in it must not cost the
        whole grace.
        """
        family = self.stubborn()
        self.process.stop(30.0)
        family.stop_commands[0].callback(False)
        self.assertEqual(family.signals, [("group", SIGTERM)])
        self.clock.advance(29.9)
        self.assertEqual(family.signals, [("group", SIGTERM)])
        self.clock.advance(0.1)
        self.assertEqual(family.signals[1], ("group", SIGKILL))

    def test_missing(self) -> None:
        """
        So it is where it cannot even be run.
        """
        family = self.bring_up()
        family.stop_command_result = False
        stopped = self.process.stop()
        self.assertEqual(family.signals, [("group", SIGTERM)])
        family.tell_exit()
        self.successResultOf(stopped)
        self.assertEqual(len(family.graces), 1)
        self.assert_quiet()

    def test_breaks(self) -> None:
        """
        A mistake of our own in running it counts as a failure of it.
        """
        family = self.bring_up()
        self.process.stop()
        family.stop_commands[0].errback(ZeroDivisionError())
        self.assertEqual(family.signals, [("group", SIGTERM)])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_hangs(self) -> None:
        """
        A hung one delays nothing beyond the grace: both are killed.
        """
        family = self.bring_up()
        stopped = self.process.stop(30.0)
        self.clock.advance(30.0)
        self.assertEqual(family.cancelled, 1)
        self.assertEqual(family.signals[0], ("group", SIGKILL))
        family.tell_exit(signal=9)
        self.successResultOf(stopped)
        self.assert_quiet()

    def test_hurried(self) -> None:
        """
        A shorter grace that comes later holds for it too.
        """
        family = self.bring_up()
        self.process.stop(30.0)
        self.process.stop(1.0)
        self.clock.advance(1.0)
        self.assertEqual(family.cancelled, 1)

    def test_after_a_crash(self) -> None:
        """
        After a crash it is run too, and waited for: what it stops, a container
        perhaps, may live on, and would be in the way of the next start.
        """
        family = self.bring_up()
        family.tell_exit(1)
        self.assertEqual(family.graces, [10.0])
        waiter = self.process.ensure_ready()
        self.clock.advance(1.0)
        self.assertEqual(len(self.launcher.families), 1)
        family.stop_commands[0].callback(True)
        self.assertEqual(len(self.launcher.families), 2)
        self.assertNoResult(waiter)

    def test_fails_after_a_crash(self) -> None:
        """
        There it may well find nothing to stop.
        """
        family = self.bring_up()
        family.stop_command_result = False
        family.tell_exit(1)
        self.assert_quiet()

    def test_hangs_after_a_crash(self) -> None:
        """
        A hung one delays the next start by no more than the unload timeout.
        """
        family = self.bring_up()
        family.tell_exit(1)
        self.clock.advance(10.0)
        self.assertEqual(family.cancelled, 1)
        self.assert_quiet()

    def test_stop_after_a_crash(self) -> None:
        """
        A stop that joins the end of a crash hurries it.
        """
        family = self.bring_up()
        family.tell_exit(1)
        stopped: Deferred[None] = self.process.stop(1.0)
        self.clock.advance(1.0)
        self.successResultOf(stopped)
        self.assertEqual(family.cancelled, 1)
        self.assert_quiet()
