"""
A model's process against a child that may do anything, in any order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from llamaswap_tw.errors import (
    BackingOff,
    ModelNotFound,
    ModelUnloaded,
    RequestError,
    ShuttingDown,
    StartFailed,
)
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.process.launch import NO_CHECK, Launch, Policy
from llamaswap_tw.process.model import ModelProcess

from ..support import ModelTestCase
from .fakes import FakeFamily, FakeLauncher, FakeOutput, FakeProber
from .support import READY, SHUTDOWN, STARTING, STOPPED, STOPPING, Recorder

#: From which state it may come to which.
STEPS = {
    STOPPED: {STARTING, SHUTDOWN},
    STARTING: {READY, STOPPING, STOPPED},
    READY: {STOPPING},
    STOPPING: {STOPPED, SHUTDOWN},
    SHUTDOWN: set(),
}

TTLS = st.sampled_from([20.0, 20.0, 2.0, 0.0])

#: How long requests may go on where their model makes way for another launch.
DRAIN = 30.0

GRACES = st.sampled_from([None, 0.0, 0.3, 5.0, 100.0])


class Waiting:
    """
    What became of a Deferred.
    """

    def __init__(self, kind: str, waiter: Deferred[None]) -> None:
        self.kind = kind
        self.waiter = waiter
        self.results: list[Any] = []


class AnyChild(RuleBasedStateMachine):
    """
    Orders, and a child that may do anything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.launcher = FakeLauncher(self.clock)
        self.launcher.prepare = self.prepare
        self.prober = FakeProber()
        self.state: ProcessState = STOPPED
        self.waiting: list[Waiting] = []
        self.broken: list[Failure] = []
        self.recorder = Recorder()
        self.in_flight = 0
        self.active = 0.0
        self.closed = False
        self.retired = False
        self.ttl = 20.0
        self.draining_since: float | None = None
        self.obeys = True
        self.prompt = True
        self.unkillable = False
        self.stop_command_result: bool | None = None
        globalLogPublisher.addObserver(self.recorder)

    def policy(self) -> Policy:
        return Policy(health_check_timeout=30.0, unload_timeout=10.0, ttl=self.ttl)

    def make(self, launch: Launch) -> None:
        self.launch = launch
        self.process = ModelProcess(
            self.clock,
            "m",
            launch,
            self.policy(),
            self.launcher,
            self.prober,
            FakeOutput(),
            self.observe,
        )

    def prepare(self, family: FakeFamily) -> None:
        family.obeys = self.obeys
        family.prompt = self.prompt
        family.unkillable = self.unkillable
        family.stop_command_result = self.stop_command_result

    def observe(
        self, model: str, state: ProcessState, error: RequestError | None
    ) -> None:
        assert state in STEPS[self.state], (self.state, state)
        self.state = state
        now = self.clock.seconds()
        if state is STARTING:
            assert not (self.closed or self.retired)
            assert self.process._core.backoff.refusal(now) is None
        if state is READY:
            self.active = now
        if state in (STOPPED, SHUTDOWN):
            self.assert_down()

    def assert_down(self) -> None:
        for family in self.launcher.families:
            assert family.forgotten
            if family.alive or not family.child.exited:
                # Given up on.
                assert family.kills
                assert self.clock.seconds() - family.kills[0] >= 10.0

    def wait(self, kind: str, waiter: Deferred[None]) -> None:
        waiting = Waiting(kind, waiter)
        self.waiting.append(waiting)

        def fired(result: Any) -> None:
            waiting.results.append(result)
            if isinstance(result, Failure):
                if kind == "ready":
                    assert result.check(
                        CancelledError,
                        StartFailed,
                        BackingOff,
                        ModelNotFound,
                        ModelUnloaded,
                        ShuttingDown,
                    ), result
                else:
                    assert result.check(CancelledError), result
            elif kind == "ready":
                assert self.state is READY, self.state
            elif kind == "stop":
                assert self.state in (STOPPED, SHUTDOWN), self.state
            else:
                assert self.process.state is not READY

        waiter.addBoth(fired).addErrback(self.surprised)

    def surprised(self, reason: Failure) -> None:
        self.broken.append(reason)

    @property
    def family(self) -> FakeFamily | None:
        """
        The family that it has.
        """
        families = self.launcher.families
        return families[-1] if families and not families[-1].forgotten else None

    # How the world is.

    @rule(flags=st.tuples(*[st.booleans()] * 4))
    def nature(self, flags: tuple[bool, ...]) -> None:
        """
        Of what kind the children are that are started from now on.
        """
        self.obeys, self.prompt, self.launcher.clean, self.launcher.checks = flags

    @rule(
        trouble=st.sampled_from(
            [None, None, None, "unkillable", "missing", "port", "dies at once"]
        )
    )
    def trouble(self, trouble: str | None) -> None:
        """
        What is wrong with the starts from now on.
        """
        self.unkillable = trouble == "unkillable"
        self.launcher.error = "there is no program" if trouble == "missing" else None
        self.launcher.holder = "process 7 (nginx)" if trouble == "port" else None
        self.launcher.dies_at_once = trouble == "dies at once"

    @initialize(
        stop_command=st.sampled_from([(), ("stop", "${PID}")]),
        check=st.sampled_from(["/health", "/health", NO_CHECK]),
        result=st.sampled_from([None, None, True, False]),
    )
    def configure(
        self, stop_command: tuple[str, ...], check: str, result: bool | None
    ) -> None:
        self.stop_command_result = result
        self.make(Launch(("server",), stop_command, check_endpoint=check, port=5800))

    # What is asked.

    @rule()
    def ensure_ready(self) -> None:
        self.wait("ready", self.process.ensure_ready())

    @rule()
    def forgive(self) -> None:
        self.process.forgive()

    @rule(grace=GRACES)
    def stop(self, grace: float | None) -> None:
        self.draining_since = None
        self.wait("stop", self.process.stop(grace))

    @rule(grace=st.sampled_from([0.0, 1.0, 20.0]), sure=st.integers(0, 99))
    def shut_down(self, grace: float, sure: int) -> None:
        # Most runs go on for longer without.
        if sure == 47:
            self.closed = True
            self.draining_since = None
            self.wait("stop", self.process.shut_down(grace))

    def drains(self) -> None:
        """
        What runs is to end with its requests.
        """
        if self.state is READY and self.in_flight:
            self.draining_since = self.clock.seconds()

    @rule(other=st.booleans(), ttl=TTLS)
    @precondition(lambda self: not (self.retired or self.closed))
    def reconfigure(self, other: bool, ttl: float) -> None:
        refused = [w for w in self.waiting if not w.results and w.kind == "ready"]
        self.ttl = ttl
        if other:
            self.launch = replace(self.launch, command=(*self.launch.command, "x"))
            self.drains()
        self.process.reconfigure(self.launch, self.policy())
        for waiting in refused:
            for result in waiting.results:
                # It may fail to start at once.
                assert not isinstance(result, Failure) or result.check(StartFailed)

    @rule(sure=st.integers(0, 3))
    @precondition(lambda self: self.state not in (STOPPED, SHUTDOWN))
    def retire(self, sure: int) -> None:
        if sure == 2:
            self.retired = True
            self.drains()
            self.wait("stop", self.process.retire())

    @rule(other=st.booleans())
    @precondition(
        lambda self: self.retired and not self.closed and self.state is not SHUTDOWN
    )
    def is_wanted_after_all(self, other: bool) -> None:
        self.retired = False
        if other:
            self.launch = replace(self.launch, command=(*self.launch.command, "y"))
        self.process.replace(self.launch)

    @rule()
    def when_not_ready(self) -> None:
        self.wait("not ready", self.process.when_not_ready())

    @rule(data=st.data())
    @precondition(lambda self: any(not w.results for w in self.waiting))
    def cancel(self, data: st.DataObject) -> None:
        open_ones = [w for w in self.waiting if not w.results]
        chosen = data.draw(st.sampled_from(range(len(open_ones))))
        open_ones[chosen].waiter.cancel()

    @rule()
    @precondition(lambda self: self.state is READY)
    def request_began(self) -> None:
        self.process.request_began()
        self.in_flight += 1

    @rule()
    @precondition(lambda self: self.in_flight)
    def request_ended(self) -> None:
        self.process.request_ended()
        self.in_flight -= 1
        self.active = self.clock.seconds()

    @rule()
    @precondition(lambda self: self.state is STOPPED)
    def serve(self) -> None:
        """
        What is the rule, where all goes well: it starts, and is asked something.
        """
        self.ensure_ready()
        for _ in range(2):
            self.launcher.answer()
        if self.state is STARTING and self.family and not self.prober.probes[-1].called:
            self.prober.ready()
        if self.state is READY:
            self.request_began()

    # What happens.

    @rule(seconds=st.sampled_from([0.02, 0.3, 1.0, 5.0, 11.0, 30.0, 61.0]))
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    @precondition(lambda self: self.prober.probes and not self.prober.probes[-1].called)
    def healthy(self) -> None:
        self.prober.ready()

    @rule()
    @precondition(lambda self: self.launcher.cleaning or self.launcher.checking)
    def answer(self) -> None:
        self.launcher.answer()

    @rule(status=st.sampled_from([0, 1]))
    @precondition(lambda self: self.family and not self.family.child.exited)
    def exits(self, status: int) -> None:
        assert self.family is not None
        self.draining_since = None
        self.family.tell_exit(status)

    @rule()
    def ghost_exits(self) -> None:
        """
        A child that was given up on dies at last.
        """
        for family in self.launcher.families:
            if family.forgotten and not family.child.exited:
                family.tell_exit(signal=9)

    @rule(apart=st.booleans())
    @precondition(lambda self: self.family and self.family.alive)
    def has_child(self, apart: bool) -> None:
        assert self.family is not None
        self.family.have_child(max(self.family.alive) + 1, apart)

    @rule()
    @precondition(lambda self: self.family and self.family.alive)
    def one_dies(self) -> None:
        assert self.family is not None
        self.family.die(max(self.family.alive))

    @rule()
    @precondition(lambda self: self.family and self.family.looks)
    def answer_looks(self) -> None:
        assert self.family is not None
        self.family.answer_looks()

    @rule(went_well=st.booleans())
    @precondition(lambda self: self.family and self.family.stop_commands)
    def stop_command_ends(self, went_well: bool) -> None:
        assert self.family is not None
        command = self.family.stop_commands.pop()
        if not command.called:
            command.callback(went_well)

    # What holds throughout.

    @invariant()
    def nothing_breaks(self) -> None:
        logged = [e["log_failure"] for e in self.recorder.events if "log_failure" in e]
        assert not (self.broken or logged), (self.broken, logged)

    @invariant()
    def tells_of_its_state(self) -> None:
        assert self.process.state is self.state

    @invariant()
    def one_at_a_time(self) -> None:
        assert sum(not family.forgotten for family in self.launcher.families) <= 1

    @invariant()
    def quiet_when_down(self) -> None:
        if self.state in (STOPPED, SHUTDOWN):
            # A child that was given up on may be dead by now, and be read on.
            assert self.clock.getDelayedCalls() == []
            assert self.process.pid is None

    @invariant()
    def down_for_good(self) -> None:
        if self.closed or self.retired:
            assert self.state in (STOPPING, SHUTDOWN)

    @invariant()
    def lets_requests_end(self) -> None:
        since, now = self.draining_since, self.clock.seconds()
        if since is None:
            return
        assert self.family is not None and self.state is STOPPING
        if self.in_flight and now < since + DRAIN:
            assert not self.family.signals and not self.family.graces
        else:
            self.draining_since = None

    @invariant()
    def runs_what_is_configured(self) -> None:
        if self.state is READY:
            assert self.launcher.launches[-1] == self.launch

    @invariant()
    def ready_is_answered(self) -> None:
        for waiting in self.waiting:
            if not waiting.results:
                assert self.state is not SHUTDOWN
                assert waiting.kind == "not ready" or self.state is not READY
                assert waiting.kind == "ready" or self.state is not STOPPED
            assert len(waiting.results) <= 1

    @invariant()
    def keeps_its_ttl(self) -> None:
        if self.state is READY and not self.in_flight and self.ttl:
            assert self.clock.seconds() < self.active + self.ttl

    def teardown(self) -> None:
        """
        In the end everybody has an answer.
        """
        try:
            self.unkillable = False
            for _ in range(200):
                if all(w.results for w in self.waiting if w.kind != "not ready"):
                    break
                self.launcher.answer()
                family = self.family
                if family is not None:
                    family.answer_looks()
                    if not family.alive and not family.child.exited:
                        family.tell_exit()
                self.clock.advance(1.0)
                self.nothing_breaks()
            for waiting in self.waiting:
                if waiting.kind != "not ready":
                    assert len(waiting.results) == 1, waiting.kind
        finally:
            globalLogPublisher.removeObserver(self.recorder)


class AnyChildTests(ModelTestCase):
    """
    A model's process stays sane whatever its child does.
    """

    def test_any_order(self) -> None:
        """
        Everybody is answered once, no two children run at a time, nothing starts
        after a shutdown, what is down leaves neither a process nor a timer, and a
        reload ends no request and refuses nobody.
        """
        self.run_machine(AnyChild)
        self.flushLoggedErrors()
