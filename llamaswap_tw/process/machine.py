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
behind is killed before it counts as stopped.

A reload may want another launch of it, or none.  It is *draining* or *retiring*
then until its requests have ended, and then stops, or stops for good, which is
*closing*.  The API shows all of these as stopping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from automat import TypeMachineBuilder

from ..errors import ShuttingDown, StartFailed
from ..interfaces import ProcessState
from .attempt import QUOTED
from .core import Core, Halt, Waiter
from .inputs import Lifecycle
from .states import (
    Draining,
    Ready,
    Starting,
    Stopping,
    await_stop,
    begin_drain,
    begin_service,
    begin_start,
    begin_stop,
    hurry,
    want_up,
    watch_ttl,
    went_down,
)


def _make_machine() -> Callable[[Core], Lifecycle]:
    builder = TypeMachineBuilder(Lifecycle, Core)

    stopped = builder.state("stopped")
    starting = builder.state("starting", begin_start)
    ready = builder.state("ready", begin_service)
    stopping = builder.state("stopping", begin_stop)
    closing = builder.state("closing", begin_stop)
    draining = builder.state("draining", begin_drain)
    retiring = builder.state("retiring", begin_drain)
    shutdown = builder.state("shutdown")

    stopped.upon(Lifecycle.ensure_ready).to(starting).returns(None)

    @starting.upon(Lifecycle.ensure_ready).loop()
    def joined(
        inputs: Lifecycle, core: Core, start: Starting, waiters: Sequence[Waiter]
    ) -> None:
        start.waiters.extend(waiters)

    @ready.upon(Lifecycle.ensure_ready, nodata=True).loop()
    def is_ready(inputs: Lifecycle, core: Core, waiters: Sequence[Waiter]) -> None:
        core.answer(list(waiters))

    @stopping.upon(Lifecycle.ensure_ready).loop()
    def will_start(
        inputs: Lifecycle, core: Core, stop: Stopping, waiters: Sequence[Waiter]
    ) -> None:
        stop.waiters.extend(waiters)

    @draining.upon(Lifecycle.ensure_ready).loop()
    def will_start_anew(
        inputs: Lifecycle, core: Core, drain: Draining, waiters: Sequence[Waiter]
    ) -> None:
        drain.waiters.extend(waiters)

    @closing.upon(Lifecycle.ensure_ready, nodata=True).loop()
    @retiring.upon(Lifecycle.ensure_ready, nodata=True).loop()
    @shutdown.upon(Lifecycle.ensure_ready).loop()
    def never_again(inputs: Lifecycle, core: Core, waiters: Sequence[Waiter]) -> None:
        core.refuse(waiters, ShuttingDown())

    @starting.upon(Lifecycle._begun).loop()
    def begun(inputs: Lifecycle, core: Core, start: Starting) -> None:
        start.attempt.begin()

    # An order came first.
    for later in (stopping, closing):
        later.upon(Lifecycle._begun, nodata=True).loop().returns(None)
    for down in (stopped, shutdown):
        down.upon(Lifecycle._begun).loop().returns(None)

    @starting.upon(Lifecycle._became_ready).to(ready)
    def became_ready(inputs: Lifecycle, core: Core, start: Starting) -> None:
        start.attempt.abandon()
        core.log.info(
            "model {model}: ready after {seconds:.2f} s",
            model=core.model_id,
            seconds=start.attempt.lasted,
        )
        core.answer(start.waiters)

    @starting.upon(Lifecycle._could_not_launch).to(stopped)
    def could_not_launch(
        inputs: Lifecycle, core: Core, start: Starting, error: StartFailed
    ) -> None:
        core.start_failed(error)
        core.enter(ProcessState.STOPPED, error)
        core.refuse(start.waiters, error)

    @starting.upon(Lifecycle._gave_up).to(stopping)
    def gave_up(inputs: Lifecycle, core: Core, start: Starting, halt: Halt) -> None:
        start.attempt.abandon()
        assert isinstance(halt.error, StartFailed)
        core.start_failed(halt.error)
        core.refuse(start.waiters, halt.error)

    @starting.upon(Lifecycle._exited).to(stopping)
    def exited_early(
        inputs: Lifecycle, core: Core, start: Starting, halt: Halt
    ) -> None:
        start.attempt.abandon()
        error = start.attempt.failure(
            f"it {halt.how} after {start.attempt.lasted:.1f} s"
        )
        core.start_failed(error)
        core.refuse(start.waiters, error)

    @starting.upon(Lifecycle.stop).to(stopping)
    @starting.upon(Lifecycle.shut_down).to(closing)
    def aborted(inputs: Lifecycle, core: Core, start: Starting, halt: Halt) -> None:
        start.attempt.abandon()
        core.refuse(start.waiters, halt.error)

    @ready.upon(Lifecycle.stop).to(stopping)
    @ready.upon(Lifecycle._idle).to(stopping)
    @ready.upon(Lifecycle.shut_down).to(closing)
    def left(inputs: Lifecycle, core: Core, service: Ready, halt: Halt) -> None:
        service.end()

    @ready.upon(Lifecycle._exited).to(stopping)
    def died(inputs: Lifecycle, core: Core, service: Ready, halt: Halt) -> None:
        service.end()
        core.complain(f"unexpected: it {halt.how}", core.output.tail(QUOTED))

    @stopping.upon(Lifecycle.stop).loop()
    def stop_joined(inputs: Lifecycle, core: Core, stop: Stopping, halt: Halt) -> None:
        core.refuse(stop.waiters, halt.error)
        stop.waiters.clear()
        await_stop(core, halt)
        hurry(core, halt)

    @stopping.upon(Lifecycle.shut_down).to(closing)
    def for_good(inputs: Lifecycle, core: Core, stop: Stopping, halt: Halt) -> None:
        core.refuse(stop.waiters, halt.error)

    @closing.upon(Lifecycle.stop, nodata=True).loop()
    @closing.upon(Lifecycle.shut_down, nodata=True).loop()
    def closing_joined(inputs: Lifecycle, core: Core, halt: Halt) -> None:
        await_stop(core, halt)
        hurry(core, halt)

    @stopping.upon(Lifecycle._exited, nodata=True).loop()
    @closing.upon(Lifecycle._exited, nodata=True).loop()
    def child_exited(inputs: Lifecycle, core: Core, halt: Halt) -> None:
        if core.ending is not None:
            core.ending.exited()

    @stopping.upon(Lifecycle._ended).to(stopped)
    def is_down(inputs: Lifecycle, core: Core, stop: Stopping) -> None:
        went_down(core, ProcessState.STOPPED)
        refusal = core.backoff.refusal(core.clock.seconds())
        waiting = [waiter for waiter in stop.waiters if not waiter.called]
        if refusal is not None:
            core.refuse(waiting, refusal)
        elif waiting:
            # All at once: a start that fails at once fails once for all of them.
            inputs.ensure_ready(waiting)

    @closing.upon(Lifecycle._ended).to(shutdown)
    def is_down_for_good(inputs: Lifecycle, core: Core, stop: Stopping) -> None:
        went_down(core, ProcessState.SHUTDOWN)

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

    # A reload.

    @ready.upon(Lifecycle.reconfigured).loop()
    def ttl_changed(inputs: Lifecycle, core: Core, service: Ready) -> None:
        service.end()
        watch_ttl(inputs, core, service)

    @starting.upon(Lifecycle.reconfigured).loop()
    def patience_changed(inputs: Lifecycle, core: Core, start: Starting) -> None:
        start.attempt.reconfigure(core.policy)

    for unmoved in (stopping, closing, draining, retiring):
        unmoved.upon(Lifecycle.reconfigured, nodata=True).loop().returns(None)
    for down in (stopped, shutdown):
        down.upon(Lifecycle.reconfigured).loop().returns(None)

    @stopped.upon(Lifecycle.replace).loop()
    def another_next(inputs: Lifecycle, core: Core, halt: Halt) -> None:
        core.launch = core.next_launch

    @starting.upon(Lifecycle.replace).to(stopping)
    def start_anew(inputs: Lifecycle, core: Core, start: Starting, halt: Halt) -> None:
        start.attempt.abandon()
        want_up(inputs, start.waiters)

    stopping.upon(Lifecycle.replace, nodata=True).loop().returns(None)
    draining.upon(Lifecycle.replace, nodata=True).loop().returns(None)
    closing.upon(Lifecycle.replace, nodata=True).to(stopping).returns(None)

    @ready.upon(Lifecycle.replace).to(draining)
    @ready.upon(Lifecycle.retire).to(retiring)
    def not_wanted(inputs: Lifecycle, core: Core, service: Ready, halt: Halt) -> None:
        service.end()

    @retiring.upon(Lifecycle.replace).to(draining)
    def wanted_after_all(
        inputs: Lifecycle, core: Core, drain: Draining, halt: Halt
    ) -> None:
        drain.end()

    @draining.upon(Lifecycle.retire).to(retiring)
    def not_wanted_after_all(
        inputs: Lifecycle, core: Core, drain: Draining, halt: Halt
    ) -> None:
        drain.end()
        core.refuse(drain.waiters, halt.error)

    @retiring.upon(Lifecycle.retire, nodata=True).loop()
    def retire_joined(inputs: Lifecycle, core: Core, halt: Halt) -> None:
        await_stop(core, halt)

    starting.upon(Lifecycle.retire).to(closing)(aborted)
    stopping.upon(Lifecycle.retire).to(closing)(for_good)
    closing.upon(Lifecycle.retire, nodata=True).loop()(closing_joined)
    stopped.upon(Lifecycle.retire).to(shutdown)(closed)
    shutdown.upon(Lifecycle.retire).loop()(already_down)

    @draining.upon(Lifecycle._drained).to(stopping)
    def drained(inputs: Lifecycle, core: Core, drain: Draining, halt: Halt) -> None:
        drain.end()
        want_up(inputs, drain.waiters)

    @draining.upon(Lifecycle._exited).to(stopping)
    def died_draining(
        inputs: Lifecycle, core: Core, drain: Draining, halt: Halt
    ) -> None:
        core.complain(f"unexpected: it {halt.how}", core.output.tail(QUOTED))
        drained(inputs, core, drain, halt)

    # An order came first.
    for elsewhere in (starting, ready, stopping, closing):
        elsewhere.upon(Lifecycle._drained, nodata=True).loop().returns(None)
    for down in (stopped, shutdown):
        down.upon(Lifecycle._drained).loop().returns(None)

    @draining.upon(Lifecycle.stop).to(stopping)
    @draining.upon(Lifecycle.shut_down).to(closing)
    def drain_ordered(
        inputs: Lifecycle, core: Core, drain: Draining, halt: Halt
    ) -> None:
        drain.end()
        core.refuse(drain.waiters, halt.error)

    @retiring.upon(Lifecycle._drained).to(closing)
    @retiring.upon(Lifecycle.stop).to(closing)
    @retiring.upon(Lifecycle.shut_down).to(closing)
    def retired(inputs: Lifecycle, core: Core, drain: Draining, halt: Halt) -> None:
        drain.end()

    @retiring.upon(Lifecycle._exited).to(closing)
    def died_retiring(
        inputs: Lifecycle, core: Core, drain: Draining, halt: Halt
    ) -> None:
        core.complain(f"unexpected: it {halt.how}", core.output.tail(QUOTED))
        drain.end()

    return builder.build()


make_lifecycle = _make_machine()
