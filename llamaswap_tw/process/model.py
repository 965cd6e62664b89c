"""
One model's process, as the rest of the daemon knows it.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ..errors import ModelNotFound, ModelUnloaded, ShuttingDown
from ..interfaces import (
    BusyObserver,
    IModelProcess,
    IOutput,
    IProber,
    ProcessState,
    StateObserver,
)
from .backoff import BackOff
from .core import Core, Halt
from .interfaces import ILauncher
from .kin import Kin
from .launch import Launch, Policy
from .machine import make_lifecycle


def _unheard(model: str, busy: bool) -> None:
    """
    Nobody wants to know when it is busy.
    """


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
    :param busy: told when it begins to serve, and when it no longer does.
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
        busy: BusyObserver = _unheard,
    ) -> None:
        self.model_id = model_id
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
            busy,
        )
        self._lifecycle = make_lifecycle(self._core)

    @property
    def base_url(self) -> str:
        """
        Where its server listens.
        """
        return self._core.launch.proxy

    @property
    def port(self) -> int | None:
        """
        The port that we assigned to what runs or, where nothing does, to what is
        started next.
        """
        return self._core.launch.port

    @property
    def state(self) -> ProcessState:
        """
        Where it stands at this moment.
        """
        return self._core.state

    @property
    def in_flight(self) -> int:
        """
        How many requests it is serving.
        """
        return self._core.in_flight

    @property
    def pid(self) -> int | None:
        """
        The model's own pid while it has one.
        """
        family = self._core.family
        if family is None or family.child.exited:
            return None
        return family.child.pid

    @property
    def unload_at(self) -> float | None:
        """
        When its TTL stops it, unless a request comes.
        """
        core = self._core
        ttl = core.policy.ttl
        if core.state is not ProcessState.READY or ttl <= 0 or core.in_flight:
            return None
        return core.last_ended + ttl

    @property
    def retry_at(self) -> float | None:
        """
        Until when it is not started.
        """
        return self._core.backoff.rests_until(self._clock.seconds())

    @property
    def kin(self) -> Kin | None:
        """
        Finds its processes, while it may have any.
        """
        family = self._core.family
        return None if family is None else family.kin

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
        grace = min(grace, self._core.policy.unload_timeout)
        waiter: Deferred[None] = Deferred()
        self._lifecycle.shut_down(Halt(grace, ShuttingDown(), waiter))
        return waiter

    def reconfigure(self, launch: Launch, policy: Policy) -> None:
        """
        Another configuration of it holds from now on.

        :param launch: where this is another one, what runs ends with its
            requests, and is started anew when it is asked for.
        :param policy: holds at once.
        """
        self._core.policy = policy
        self._core.backoff.forgive()
        if launch == self._core.next_launch:
            self._lifecycle.reconfigured()
        else:
            self.replace(launch)

    def replace(self, launch: Launch) -> None:
        """
        Start it by this launch the next time, and let what runs end with its
        requests; also where it was retired, and is not down yet.
        """
        self._core.next_launch = launch
        error = ModelUnloaded(self.model_id)
        self._lifecycle.replace(Halt(self._core.policy.unload_timeout, error))

    def retire(self) -> Deferred[None]:
        """
        Let what runs end with its requests, and then for good.

        :returns: a `Deferred` that fires when nothing of it lives any more.
        """
        waiter: Deferred[None] = Deferred()
        error = ModelNotFound(self.model_id)
        grace = self._core.policy.unload_timeout
        self._lifecycle.retire(Halt(grace, error, waiter))
        return waiter

    def request_began(self) -> None:
        """
        A request is in flight.
        """
        core = self._core
        core.in_flight += 1
        if core.in_flight == 1:
            core.busy(self.model_id, True)

    def request_ended(self) -> None:
        """
        That request is over.
        """
        core = self._core
        core.in_flight -= 1
        core.last_ended = self._clock.seconds()
        if core.in_flight:
            return
        core.busy(self.model_id, False)
        if core.until_idle is not None:
            core.until_idle()

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
