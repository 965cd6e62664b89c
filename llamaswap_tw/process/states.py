"""
What each state of a model's process has for itself, and how it begins.

What belongs to a state, a timer or who waits for what, lives and dies with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from twisted.internet.interfaces import IDelayedCall

from ..errors import ModelIdle, ModelNotFound, StartFailed, UpstreamUnreachable
from ..interfaces import ProcessState
from ..observe.masking import Masks
from .attempt import Attempt
from .core import Core, Halt, Waiter
from .ending import Ending, NothingToEnd
from .inputs import Lifecycle
from .interfaces import IFamily

#: How long running requests have to end where their model is to make way for
#: another configuration of it, in seconds.
DRAIN_LIMIT = 30.0

#: For commands, of which we know no secrets but by their names.
_MASKS = Masks([])


@dataclass
class Starting:
    """
    What only the starting state has: an attempt, and who waits for it.
    """

    attempt: Attempt
    waiters: list[Waiter]


@dataclass
class Ready:
    """
    What only the ready state has: the TTL.
    """

    timer: IDelayedCall | None = None

    def end(self) -> None:
        if self.timer is not None and self.timer.active():
            self.timer.cancel()


@dataclass
class Stopping:
    """
    What only the stopping state has: who wants it up again.
    """

    waiters: list[Waiter] = field(default_factory=list)


@dataclass
class _Reports:
    """
    Turns what an attempt reports into inputs: provides `attempt.Report`.
    """

    inputs: Lifecycle
    core: Core

    def spawned(self, family: IFamily) -> None:
        self.core.family = family

    def became_ready(self) -> None:
        self.inputs._became_ready()

    def could_not_launch(self, error: StartFailed) -> None:
        self.inputs._could_not_launch(error)

    def gave_up(self, error: StartFailed) -> None:
        self.inputs._gave_up(Halt(self.core.policy.unload_timeout, error))

    def exited(self, family: IFamily, how: str) -> None:
        # One that was given up on, and another was started, may die yet.
        if self.core.family is family:
            error = UpstreamUnreachable(
                f"the process of model {self.core.model_id!r} {how}"
            )
            grace = self.core.policy.unload_timeout
            self.inputs._exited(Halt(grace, error, how=how))


@dataclass
class Draining:
    """
    What only the draining and the retiring state have: the last moment, and who
    wants it up again.
    """

    timer: IDelayedCall | None = None
    waiters: list[Waiter] = field(default_factory=list)

    def end(self) -> None:
        if self.timer is not None and self.timer.active():
            self.timer.cancel()


def begin_start(inputs: Lifecycle, core: Core, waiters: Sequence[Waiter]) -> Starting:
    """
    A start, for whoever waits for it.
    """
    core.log.info(
        "model {model}: starting: {command}",
        model=core.model_id,
        # The log is shown to more people than the configuration is.
        command=_MASKS.text(" ".join(core.launch.command)),
    )
    core.enter(ProcessState.STARTING)
    attempt = Attempt(
        core.clock,
        core.model_id,
        core.launch,
        core.policy,
        core.launcher,
        core.prober,
        core.output,
        _Reports(inputs, core),
    )
    # Not here: whoever is told of the new state may give an order, which would
    # come before what the attempt reports at once.
    inputs._begun()
    return Starting(attempt, list(waiters))


def begin_service(inputs: Lifecycle, core: Core) -> Ready:
    """
    Service: whoever comes is served, and the TTL runs.
    """
    core.backoff.forgive()
    core.last_ended = core.clock.seconds()
    core.enter(ProcessState.READY)
    ready = Ready()
    watch_ttl(inputs, core, ready)
    return ready


def watch_ttl(inputs: Lifecycle, core: Core, ready: Ready) -> None:
    """
    Ask for a stop once the TTL has passed since the last request ended.  The
    timer is set anew when it fires, so that a request costs none.
    """
    ttl = core.policy.ttl
    if ttl <= 0:
        return
    now = core.clock.seconds()
    due = now + ttl if core.in_flight else core.last_ended + ttl
    if due > now:
        ready.timer = core.clock.callLater(due - now, watch_ttl, inputs, core, ready)
        return
    error = ModelIdle(core.model_id, ttl)
    core.log.info("model {model}: {why}", model=core.model_id, why=error.message)
    inputs._idle(Halt(core.policy.unload_timeout, error))


def begin_drain(inputs: Lifecycle, core: Core, halt: Halt) -> Draining:
    """
    A stop that waits for the requests that are being served, within reason.
    """
    await_stop(core, halt)
    drain = Draining()
    if core.state is not ProcessState.STOPPING:
        core.log.info(
            "model {model}: {why}{when}",
            model=core.model_id,
            why="it is no longer configured"
            if isinstance(halt.error, ModelNotFound)
            else "its configuration has changed",
            when=f"; stopping once its requests have ended: {core.in_flight}"
            if core.in_flight
            else "",
        )
        core.enter(ProcessState.STOPPING)
    # Whoever waits for its end is noted already.
    drained = Halt(halt.grace, halt.error)
    if core.in_flight:
        drain.timer = core.clock.callLater(DRAIN_LIMIT, inputs._drained, drained)
        core.until_idle = lambda: inputs._drained(drained)
    else:
        inputs._drained(drained)
    return drain


def begin_stop(inputs: Lifecycle, core: Core, halt: Halt) -> Stopping:
    """
    A stop; or the rest of one that is under way, now for good, or no longer so.
    """
    await_stop(core, halt)
    core.until_idle = None
    if core.ending is not None:
        hurry(core, halt)
        return Stopping()
    if not halt.how:
        core.log.info("model {model}: stopping", model=core.model_id)
    if core.family is None:
        core.ending = NothingToEnd(inputs._ended)
    else:
        core.ending = Ending(
            core.clock,
            core.model_id,
            core.family,
            bool(core.launch.stop_command),
            halt.grace,
            bool(halt.how),
            inputs._ended,
        )
    if core.state is not ProcessState.STOPPING:
        # Nobody asks for a start to be given up on either, nor for the end of a TTL.
        unasked = halt.how or isinstance(halt.error, (StartFailed, ModelIdle))
        core.enter(ProcessState.STOPPING, halt.error if unasked else None)
    core.ending.begin()
    return Stopping()


def want_up(inputs: Lifecycle, waiters: Sequence[Waiter]) -> None:
    """
    Bring it up once more for those who still wait; for nobody, it stays down.
    """
    waiting = [waiter for waiter in waiters if not waiter.called]
    if waiting:
        inputs.ensure_ready(waiting)


def await_stop(core: Core, halt: Halt) -> None:
    """
    Tell whoever gave the order when nothing lives any more.
    """
    if halt.waiter is not None:
        core.until_stopped.append(halt.waiter)


def hurry(core: Core, halt: Halt) -> None:
    """
    Kill no later than this order says.
    """
    if core.ending is not None:
        core.ending.hurry(halt.grace)


def went_down(core: Core, state: ProcessState) -> None:
    """
    Nothing of it lives: what is started next is what is configured now.
    """
    core.ending = None
    core.family = None
    core.launch = core.next_launch
    core.log.info("model {model}: stopped", model=core.model_id)
    core.enter(state)
    core.answer(core.until_stopped)
