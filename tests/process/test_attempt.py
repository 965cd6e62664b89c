"""
Tests for `llamaswap_tw.process.attempt`: what a start does, and why it fails.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import fail

from llamaswap_tw.errors import BackingOff, StartFailed
from llamaswap_tw.process.attempt import QUOTED
from llamaswap_tw.process.launch import NO_CHECK, Policy
from llamaswap_tw.process.ports import OURSELVES

from .fakes import ended
from .support import LAUNCH, READY, STARTING, STOPPED, STOPPING, ProcessTestCase


class FailureTests(ProcessTestCase):
    """
    A start that fails says what happened.
    """

    def reason(self, status: int = 0, signal: int | None = None) -> str:
        """
        The reason given when the child exits in this way.
        """
        waiter = self.process.ensure_ready()
        self.clock.advance(1.25)
        self.output.write(b"loading\nCUDA out of memory\n")
        self.launcher.family.tell_exit(status, signal)
        error: StartFailed = self.failureResultOf(waiter, StartFailed).value
        self.assertEqual(error.status, 502)
        self.assertIn(error.reason, error.message)
        self.assertIn("CUDA out of memory", error.message)
        return error.reason

    def test_exit_status(self) -> None:
        """
        An exit status is named.
        """
        self.assertEqual(self.reason(3), "it exited with status 3 after 1.2 s")

    def test_exit_in_good_order(self) -> None:
        """
        Who ends in good order did not start either.
        """
        self.assertIn("exited with status 0", self.reason(0))

    def test_signal(self) -> None:
        """
        A signal is named.
        """
        self.assertIn("was killed by SIGKILL", self.reason(signal=9))

    def test_unknown_signal(self) -> None:
        """
        A signal without a name is told by number.
        """
        self.assertIn("was killed by 99", self.reason(signal=99))

    def test_not_healthy(self) -> None:
        """
        Who is not healthy in time is stopped, and its last answer told.
        """
        self.make(LAUNCH, Policy(health_check_timeout=30.0))
        waiter = self.process.ensure_ready()
        self.prober.met[0]("connection refused")
        self.prober.met[0]("503 Service Unavailable")
        self.clock.advance(29.9)
        self.assertNoResult(waiter)
        self.clock.advance(0.1)
        error = self.failureResultOf(waiter, StartFailed).value
        self.assertEqual(
            error.reason,
            "not healthy after 30 s, last answer: 503 Service Unavailable",
        )
        self.assertIs(self.process.state, STOPPING)
        # Nobody asked for that: whoever watches is told why.
        self.assertIsInstance(self.seen[-1][1], StartFailed)
        self.assertEqual(self.prober.cancelled, 1)
        self.launcher.family.tell_exit()
        self.assert_quiet()

    def test_never_answered(self) -> None:
        """
        Where no answer ever came, that is said.
        """
        waiter = self.process.ensure_ready()
        self.clock.advance(120.0)
        error = self.failureResultOf(waiter, StartFailed).value
        self.assertIn("last answer: none", error.reason)

    def test_last_output_only(self) -> None:
        """
        At most the last 2 KB are quoted.
        """
        waiter = self.process.ensure_ready()
        self.output.write(b"x" * 5000 + b"the end")
        self.launcher.family.tell_exit(1)
        error = self.failureResultOf(waiter, StartFailed).value
        self.assertEqual(len(error.output), QUOTED)
        self.assertEqual(QUOTED, 2048)
        self.assertTrue(error.output.endswith("the end"))

    def test_output_after_exit(self) -> None:
        """
        Though the exit may be told before the last output, that is quoted; and a
        grandchild that holds the pipe delays the reason by 0.1 s at most.
        """
        waiter = self.process.ensure_ready()
        family = self.launcher.family
        family.die()
        child = family.child
        child.processExited(ended(1))
        self.clock.pump([0.02] * 2)
        child.childDataReceived(2, b"out of memory\n")
        self.assertNoResult(waiter)
        self.clock.pump([0.02] * 3)
        error = self.failureResultOf(waiter, StartFailed).value
        self.assertIn("out of memory", error.output)
        child.processEnded(ended(1))
        self.assert_quiet()

    def test_program_missing(self) -> None:
        """
        What cannot be launched leaves it stopped, and is told.
        """
        self.launcher.error = "there is no program 'server'"
        waiter = self.process.ensure_ready()
        error = self.failureResultOf(waiter, StartFailed).value
        self.assertEqual(error.reason, "there is no program 'server'")
        self.assertEqual(self.states(), [STARTING, STOPPED])
        self.assert_quiet()

    def test_no_command(self) -> None:
        """
        A model without a command says what is missing.
        """
        self.make(replace(LAUNCH, command=()))
        waiter = self.process.ensure_ready()
        error = self.failureResultOf(waiter, StartFailed).value
        self.assertIn("it has no cmd", error.reason)
        self.assertEqual(self.launcher.launches, [])
        self.assert_quiet()

    def test_error_of_ours(self) -> None:
        """
        A mistake of our own fails the start, is logged, and leaves nothing.
        """
        self.patch(self.launcher, "cleaned", lambda: fail(ZeroDivisionError("oh")))
        waiter = self.process.ensure_ready()
        error = self.failureResultOf(waiter, StartFailed).value
        self.assertIn("an error in the server: oh", error.reason)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assert_quiet()

    def test_prober_broken(self) -> None:
        """
        So does one after the child was started; it is stopped.
        """
        waiter = self.process.ensure_ready()
        self.prober.probes[0].errback(ZeroDivisionError("oh"))
        self.failureResultOf(waiter, StartFailed)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.launcher.family.tell_exit()
        self.assert_quiet()

    def test_output_of_this_start(self) -> None:
        """
        The output of an earlier start is not quoted.
        """
        self.reason(1)
        waiter = self.process.ensure_ready()
        self.launcher.family.tell_exit(1)
        error = self.failureResultOf(waiter, StartFailed).value
        self.assertEqual(error.output, "")


class PortTests(ProcessTestCase):
    """
    A port that somebody else has is never taken for the model's.
    """

    def setUp(self) -> None:
        super().setUp()
        self.make(replace(LAUNCH, port=5800))

    def test_foreign(self) -> None:
        """
        The error names the port and who holds it; nothing is started.
        """
        self.launcher.holder = "process 7 (nginx)"
        waiter = self.process.ensure_ready()
        error = self.failureResultOf(waiter, StartFailed).value
        self.assertIn("port 5800", error.reason)
        self.assertIn("process 7 (nginx)", error.reason)
        self.assertEqual(self.launcher.launches, [])
        self.assertEqual(self.prober.urls, [])
        self.assert_quiet()

    def test_our_own(self) -> None:
        """
        Where the daemon itself listens there, nobody is told to end it.
        """
        self.launcher.holder = OURSELVES
        error = self.failureResultOf(self.process.ensure_ready(), StartFailed).value
        self.assertEqual(
            error.reason,
            "its port 5800 is in use by this daemon itself; choose another startPort",
        )

    def test_free(self) -> None:
        """
        A free port is checked, then used.
        """
        self.bring_up()
        self.assertEqual(self.launcher.asked_ports, [5800])

    def test_not_ours(self) -> None:
        """
        A port that was not assigned by us is not checked.
        """
        self.make(LAUNCH)
        self.bring_up()
        self.assertEqual(self.launcher.asked_ports, [])

    def test_stopped_while_checked(self) -> None:
        """
        A stop while the port is looked up starts nothing later.
        """
        self.launcher.checks = False
        waiter = self.process.ensure_ready()
        self.successResultOf(self.process.stop())
        self.launcher.answer()
        self.failureResultOf(waiter)
        self.assertEqual(self.launcher.launches, [])
        self.assert_quiet()

    def test_waits_for_cleaning(self) -> None:
        """
        What a dead daemon left is gone before the port is looked at.
        """
        self.launcher.clean = False
        self.process.ensure_ready()
        self.assertEqual(self.launcher.asked_ports, [])
        self.launcher.answer()
        self.assertEqual(self.launcher.asked_ports, [5800])
        self.assertEqual(len(self.launcher.families), 1)


class CheckTests(ProcessTestCase):
    """
    Where a model is asked whether it is ready.
    """

    def url(self, proxy: str, endpoint: str) -> str:
        self.make(replace(LAUNCH, proxy=proxy, check_endpoint=endpoint))
        self.process.ensure_ready()
        return self.prober.urls[-1]

    def test_none(self) -> None:
        """
        With the check ``none`` it is ready once it runs.
        """
        self.make(replace(LAUNCH, check_endpoint=NO_CHECK))
        self.successResultOf(self.process.ensure_ready())
        self.assertIs(self.process.state, READY)
        self.assertEqual(self.prober.urls, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_none_and_dead(self) -> None:
        """
        One that was dead before anybody looked was never ready.
        """
        self.make(replace(LAUNCH, check_endpoint=NO_CHECK))
        self.launcher.dies_at_once = True
        self.failureResultOf(self.process.ensure_ready(), StartFailed)

    def test_urls(self) -> None:
        """
        The endpoint follows the proxy's path, its query the proxy's.
        """
        for proxy, endpoint, url in [
            ("http://h:1", "/health", "http://h:1/health"),
            ("http://h:1/", "/health", "http://h:1/health"),
            ("http://h:1", "health", "http://h:1/health"),
            ("http://h:1/base", "/v1/ready?x=1", "http://h:1/base/v1/ready?x=1"),
            ("http://h:1/base/", "/", "http://h:1/base/"),
            ("http://h:1/b?key=2", "/r?x=1", "http://h:1/b/r?key=2&x=1"),
            ("https://h", "/", "https://h/"),
            ("http://[::1]:5", "/health", "http://[::1]:5/health"),
        ]:
            self.assertEqual(self.url(proxy, endpoint), url)


class BackingOffTests(ProcessTestCase):
    """
    A model that fails again and again rests.
    """

    def test_rests(self) -> None:
        """
        After three failures it is refused at once, with the last reason and the
        time to wait; then tried again.
        """
        for _ in range(3):
            self.failureResultOf(self.fail_start(5), StartFailed)
        error = self.failureResultOf(self.process.ensure_ready(), BackingOff).value
        self.assertEqual(error.status, 503)
        self.assertEqual(error.retry_after, 1)
        self.assertIn("exited with status 5", error.message)
        self.assertEqual(len(self.launcher.families), 3)
        self.clock.advance(1.0)
        self.failureResultOf(self.fail_start(), StartFailed)
        self.assertEqual(
            self.failureResultOf(self.process.ensure_ready()).value.retry_after, 2
        )

    def test_launches_count(self) -> None:
        """
        A failure to launch, and a start that took too long, count as well.
        """
        self.make(LAUNCH, Policy(health_check_timeout=5.0))
        self.launcher.error = "no program"
        for _ in range(2):
            self.failureResultOf(self.process.ensure_ready(), StartFailed)
        self.launcher.error = None
        waiter = self.process.ensure_ready()
        self.clock.advance(5.0)
        self.failureResultOf(waiter, StartFailed)
        self.failureResultOf(self.process.ensure_ready(), BackingOff)
        self.launcher.family.tell_exit()
        self.assert_quiet()

    def test_success_clears(self) -> None:
        """
        A start that succeeds ends the row.
        """
        for _ in range(2):
            self.failureResultOf(self.fail_start())
        self.bring_up().tell_exit(1)
        for _ in range(2):
            self.failureResultOf(self.fail_start())
        self.assertEqual(self.process._core.backoff.refusal(0.0), None)

    def test_forgiven(self) -> None:
        """
        A person who asks for another try gets one.
        """
        for _ in range(3):
            self.failureResultOf(self.fail_start())
        self.process.forgive()
        self.bring_up()

    def test_abort_is_no_failure(self) -> None:
        """
        A start that was stopped did not fail.
        """
        for _ in range(4):
            waiter = self.process.ensure_ready()
            self.process.stop()
            self.failureResultOf(waiter)
            self.launcher.family.tell_exit()
        self.bring_up()

    def test_waits_for_its_stop(self) -> None:
        """
        Who asks within the news of a third failure is refused like everybody.
        """
        for _ in range(2):
            self.failureResultOf(self.fail_start())
        waiters = []

        def observe(model: str, state: object, error: object) -> None:
            if state is STOPPING:
                waiters.append(self.process.ensure_ready())

        self.process._core.observer = observe
        self.failureResultOf(self.fail_start())
        self.failureResultOf(waiters[0], BackingOff)
        self.assert_quiet()
