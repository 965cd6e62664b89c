"""
One model's process, as the rest of the daemon knows it.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ..errors import ModelUnloaded, ShuttingDown
from ..interfaces import (
    IModelProcess,
    IOutput,
    IProber,
    ProcessState,
    StateObserver,
)
from .backoff import BackOff
from .core import Core, Halt
from .interfaces import ILauncher
from .launch import Launch, Policy
from .machine import make_lifecycle


@implementer(IModelProcess)
class ModelProcess:
    """
    One model's process; a thin face of its state machine.

    :param clock: measures time.
    :param model_id: the model's id.
    :param launch: how it is started and stopped.
    :param policy: what may change about it while it runs.
    :param launcher: starts it.
    :param prober: tells whether it is ready.
    :param output: takes what it writes.
    :param observer: told of each change of its state.
    """

    def __init__(
        self,
        clock: IReactorTime,
        model_id: str,
        launch: Launch,
        policy: Policy,
        launcher: ILauncher,
        prober: IProber,
        output: IOutput,
        observer: StateObserver,
    ) -> None:
        self.model_id = model_id
        self.base_url = launch.proxy
        self._clock = clock
        self._core = Core(
            clock,
            model_id,
            launch,
            policy,
            launcher,
            prober,
            output,
            observer,
            BackOff(model_id),
        )
        self._lifecycle = make_lifecycle(self._core)

    @property
    def state(self) -> ProcessState:
        """
        Where it stands at this moment.
        """
        return self._core.state

    @property
    def pid(self) -> int | None:
        """
        The model's own pid while it has one.
        """
        family = self._core.family
        if family is None or family.child.exited:
            return None
        return family.child.pid

    def ensure_ready(self) -> Deferred[None]:
        """
        Start it unless it is up.
        """
        if self.state in (ProcessState.STOPPED, ProcessState.STOPPING):
            refusal = self._core.backoff.refusal(self._clock.seconds())
            if refusal is not None:
                return fail(refusal)
        waiter: Deferred[None] = Deferred()
        self._lifecycle.ensure_ready([waiter])
        return waiter

    def forgive(self) -> None:
        """
        Forget the failures before.
        """
        self._core.backoff.forgive()

    def stop(self, grace: float | None = None) -> Deferred[None]:
        """
        Stop it unless it is down.
        """
        waiter: Deferred[None] = Deferred()
        if grace is None:
            grace = self._core.policy.unload_timeout
        self._lifecycle.stop(Halt(grace, ModelUnloaded(self.model_id), waiter))
        return waiter

    def shut_down(self, grace: float) -> Deferred[None]:
        """
        Stop it for good.
        """
        waiter: Deferred[None] = Deferred()
        self._lifecycle.shut_down(Halt(grace, ShuttingDown(), waiter))
        return waiter

    def request_began(self) -> None:
        """
        A request is in flight.
        """
        self._core.in_flight += 1

    def request_ended(self) -> None:
        """
        That request is over.
        """
        self._core.in_flight -= 1
        self._core.last_ended = self._clock.seconds()

    def when_not_ready(self) -> Deferred[None]:
        """
        Fires once the state is other than ready.
        """
        if self.state is not ProcessState.READY:
            return succeed(None)
        waiting = self._core.until_not_ready

        def forget(waiter: Deferred[None]) -> None:
            # While they are fired, one may cancel another.
            if waiter in waiting:
                waiting.remove(waiter)

        waiter: Deferred[None] = Deferred(forget)
        waiting.append(waiter)
        return waiter
