"""
The states of one model's process, and what moves it from one to the next.

========== ============== =================== ============== ==============
asked      stopped        starting            ready          stopping
========== ============== =================== ============== ==============
be ready   start          join                answer         stop, then start
stop       answer         abort, clean up     stop           join
it dies                   the start fails     unexpected     nearly done
========== ============== =================== ============== ==============

A process that dies leaves by way of *stopping*, with no grace: what it leaves
behind is killed before it counts as stopped.  *Closing* is a stop for good; the
API shows it as stopping too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from automat import TypeMachineBuilder
from twisted.internet.interfaces import IDelayedCall

from ..errors import ModelUnloaded, ShuttingDown, StartFailed, UpstreamUnreachable
from ..interfaces import ProcessState
from .attempt import QUOTED, Attempt
from .core import Core, Halt, Waiter
from .ending import Ending
from .inputs import Lifecycle
from .interfaces import IFamily


@dataclass
class _Starting:
    """
    What only the starting state has: an attempt, and who waits for it.
    """

    attempt: Attempt
    waiters: list[Waiter]


@dataclass
class _Ready:
    """
    What only the ready state has: the TTL.
    """

    timer: IDelayedCall | None = None

    def end(self) -> None:
        if self.timer is not None and self.timer.active():
            self.timer.cancel()


@dataclass
class _Stopping:
    """
    What only the stopping state has: who wants it up again.
    """

    waiters: list[Waiter] = field(default_factory=list)


@dataclass
class _Reports:
    """
    Turns what an attempt reports into inputs.
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


def _begin_start(inputs: Lifecycle, core: Core, waiters: Sequence[Waiter]) -> _Starting:
    core.log.info(
        "model {model}: starting: {command}",
        model=core.model_id,
        command=" ".join(core.launch.command),
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
    return _Starting(attempt, list(waiters))


def _begin_service(inputs: Lifecycle, core: Core) -> _Ready:
    core.backoff.forgive()
    core.last_ended = core.clock.seconds()
    core.enter(ProcessState.READY)
    ready = _Ready()
    _watch_ttl(inputs, core, ready)
    return ready


def _watch_ttl(inputs: Lifecycle, core: Core, ready: _Ready) -> None:
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
        ready.timer = core.clock.callLater(due - now, _watch_ttl, inputs, core, ready)
        return
    core.log.info(
        "model {model}: no request for {ttl:g} s", model=core.model_id, ttl=ttl
    )
    inputs._idle(Halt(core.policy.unload_timeout, ModelUnloaded(core.model_id)))


def _begin_stop(inputs: Lifecycle, core: Core, halt: Halt) -> _Stopping:
    _await_stop(core, halt)
    if core.state is ProcessState.STOPPING:
        # Under way already, now for good.
        _hurry(core, halt)
        return _Stopping()
    if not halt.how:
        core.log.info("model {model}: stopping", model=core.model_id)
    core.enter(ProcessState.STOPPING, halt.error if halt.how else None)
    if core.family is None:
        inputs._ended()
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
        core.ending.begin()
    return _Stopping()


def _await_stop(core: Core, halt: Halt) -> None:
    if halt.waiter is not None:
        core.until_stopped.append(halt.waiter)


def _hurry(core: Core, halt: Halt) -> None:
    if core.ending is not None:
        core.ending.hurry(halt.grace)


def _make_machine() -> Callable[[Core], Lifecycle]:
    builder = TypeMachineBuilder(Lifecycle, Core)

    stopped = builder.state("stopped")
    starting = builder.state("starting", _begin_start)
    ready = builder.state("ready", _begin_service)
    stopping = builder.state("stopping", _begin_stop)
    closing = builder.state("closing", _begin_stop)
    shutdown = builder.state("shutdown")

    stopped.upon(Lifecycle.ensure_ready).to(starting).returns(None)

    @starting.upon(Lifecycle.ensure_ready).loop()
    def joined(
        inputs: Lifecycle, core: Core, start: _Starting, waiters: Sequence[Waiter]
    ) -> None:
        start.waiters.extend(waiters)

    @ready.upon(Lifecycle.ensure_ready, nodata=True).loop()
    def is_ready(inputs: Lifecycle, core: Core, waiters: Sequence[Waiter]) -> None:
        core.answer(list(waiters))

    @stopping.upon(Lifecycle.ensure_ready).loop()
    def will_start(
        inputs: Lifecycle, core: Core, stop: _Stopping, waiters: Sequence[Waiter]
    ) -> None:
        stop.waiters.extend(waiters)

    @closing.upon(Lifecycle.ensure_ready, nodata=True).loop()
    @shutdown.upon(Lifecycle.ensure_ready).loop()
    def never_again(inputs: Lifecycle, core: Core, waiters: Sequence[Waiter]) -> None:
        core.refuse(waiters, ShuttingDown())

    @starting.upon(Lifecycle._begun).loop()
    def begun(inputs: Lifecycle, core: Core, start: _Starting) -> None:
        start.attempt.begin()

    # An order came first.
    for later in (stopping, closing):
        later.upon(Lifecycle._begun, nodata=True).loop().returns(None)
    for down in (stopped, shutdown):
        down.upon(Lifecycle._begun).loop().returns(None)

    @starting.upon(Lifecycle._became_ready).to(ready)
    def became_ready(inputs: Lifecycle, core: Core, start: _Starting) -> None:
        start.attempt.abandon()
        core.log.info(
            "model {model}: ready after {seconds:.2f} s",
            model=core.model_id,
            seconds=start.attempt.lasted,
        )
        core.answer(start.waiters)

    @starting.upon(Lifecycle._could_not_launch).to(stopped)
    def could_not_launch(
        inputs: Lifecycle, core: Core, start: _Starting, error: StartFailed
    ) -> None:
        core.start_failed(error)
        core.enter(ProcessState.STOPPED, error)
        core.refuse(start.waiters, error)

    @starting.upon(Lifecycle._gave_up).to(stopping)
    def gave_up(inputs: Lifecycle, core: Core, start: _Starting, halt: Halt) -> None:
        start.attempt.abandon()
        assert isinstance(halt.error, StartFailed)
        core.start_failed(halt.error)
        core.refuse(start.waiters, halt.error)

    @starting.upon(Lifecycle._exited).to(stopping)
    def exited_early(
        inputs: Lifecycle, core: Core, start: _Starting, halt: Halt
    ) -> None:
        start.attempt.abandon()
        error = start.attempt.failure(
            f"it {halt.how} after {start.attempt.lasted:.1f} s"
        )
        core.start_failed(error)
        core.refuse(start.waiters, error)

    @starting.upon(Lifecycle.stop).to(stopping)
    @starting.upon(Lifecycle.shut_down).to(closing)
    def aborted(inputs: Lifecycle, core: Core, start: _Starting, halt: Halt) -> None:
        start.attempt.abandon()
        core.refuse(start.waiters, halt.error)

    @ready.upon(Lifecycle.stop).to(stopping)
    @ready.upon(Lifecycle._idle).to(stopping)
    @ready.upon(Lifecycle.shut_down).to(closing)
    def left(inputs: Lifecycle, core: Core, service: _Ready, halt: Halt) -> None:
        service.end()

    @ready.upon(Lifecycle._exited).to(stopping)
    def died(inputs: Lifecycle, core: Core, service: _Ready, halt: Halt) -> None:
        service.end()
        core.log.error(
            "model {model}: unexpected: it {how}; its last output:\n{output}",
            model=core.model_id,
            how=halt.how,
            output=core.output.tail(QUOTED),
        )

    @stopping.upon(Lifecycle.stop).loop()
    def stop_joined(inputs: Lifecycle, core: Core, stop: _Stopping, halt: Halt) -> None:
        core.refuse(stop.waiters, halt.error)
        stop.waiters.clear()
        _await_stop(core, halt)
        _hurry(core, halt)

    @stopping.upon(Lifecycle.shut_down).to(closing)
    def for_good(inputs: Lifecycle, core: Core, stop: _Stopping, halt: Halt) -> None:
        core.refuse(stop.waiters, halt.error)

    @closing.upon(Lifecycle.stop, nodata=True).loop()
    @closing.upon(Lifecycle.shut_down, nodata=True).loop()
    def closing_joined(inputs: Lifecycle, core: Core, halt: Halt) -> None:
        _await_stop(core, halt)
        _hurry(core, halt)

    @stopping.upon(Lifecycle._exited, nodata=True).loop()
    @closing.upon(Lifecycle._exited, nodata=True).loop()
    def child_exited(inputs: Lifecycle, core: Core, halt: Halt) -> None:
        if core.ending is not None:
            core.ending.exited()

    @stopping.upon(Lifecycle._ended).to(stopped)
    def is_down(inputs: Lifecycle, core: Core, stop: _Stopping) -> None:
        _went_down(core, ProcessState.STOPPED)
        refusal = core.backoff.refusal(core.clock.seconds())
        waiting = [waiter for waiter in stop.waiters if not waiter.called]
        if refusal is not None:
            core.refuse(waiting, refusal)
        elif waiting:
            # All at once: a start that fails at once fails once for all of them.
            inputs.ensure_ready(waiting)

    @closing.upon(Lifecycle._ended).to(shutdown)
    def is_down_for_good(inputs: Lifecycle, core: Core, stop: _Stopping) -> None:
        _went_down(core, ProcessState.SHUTDOWN)

    @stopped.upon(Lifecycle.stop).loop()
    @shutdown.upon(Lifecycle.stop).loop()
    @shutdown.upon(Lifecycle.shut_down).loop()
    def already_down(inputs: Lifecycle, core: Core, halt: Halt) -> None:
        if halt.waiter is not None:
            core.answer([halt.waiter])

    @stopped.upon(Lifecycle.shut_down).to(shutdown)
    def closed(inputs: Lifecycle, core: Core, halt: Halt) -> None:
        core.enter(ProcessState.SHUTDOWN)
        if halt.waiter is not None:
            core.answer([halt.waiter])

    return builder.build()


def _went_down(core: Core, state: ProcessState) -> None:
    core.ending = None
    core.family = None
    core.log.info("model {model}: stopped", model=core.model_id)
    core.enter(state)
    core.answer(core.until_stopped)


make_lifecycle = _make_machine()
