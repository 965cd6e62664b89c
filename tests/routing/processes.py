"""
Models' processes, driven by hand.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from llamaswap_tw.errors import ModelUnloaded, RequestError, StartFailed
from llamaswap_tw.interfaces import IModelProcess, ProcessState, StateObserver
from llamaswap_tw.process.kin import Kin
from llamaswap_tw.process.launch import Launch, Policy


@implementer(IModelProcess)
class FakeProcess:
    """
    A process that starts, stops and dies when a test says so.

    :param model_id: the model's id.
    :param observer: told of each change of state.
    :ivar starts: how often it was started.
    :ivar graces: with which graces it was stopped.
    :ivar launches: what it was told to be started by.
    :ivar in_flight: how many requests it was told of.
    """

    pid = None
    port: int | None = None
    kin: Kin | None = None
    unload_at: float | None = None
    retry_at: float | None = None

    def __init__(self, model_id: str, observer: StateObserver) -> None:
        self.model_id = model_id
        self.base_url = f"http://localhost/{model_id}"
        self.state = ProcessState.STOPPED
        self.starts = 0
        self.graces: list[float | None] = []
        self.in_flight = 0
        self.forgiven = 0
        self.launches: list[Launch] = []
        self._observer = observer
        self._for_ready: list[Deferred[None]] = []
        self._for_stop: list[Deferred[None]] = []
        self._for_unready: list[Deferred[None]] = []

    # IModelProcess

    def ensure_ready(self) -> Deferred[None]:
        if self.state is ProcessState.READY:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._for_ready.append(waiter)
        if self.state is ProcessState.STOPPED:
            self._start()
        return waiter

    def forgive(self) -> None:
        self.forgiven += 1

    def stop(self, grace: float | None = None) -> Deferred[None]:
        if self.state is ProcessState.STOPPED:
            return succeed(None)
        self.graces.append(grace)
        waiter: Deferred[None] = Deferred()
        self._for_stop.append(waiter)
        if self.state is not ProcessState.STOPPING:
            self._enter(ProcessState.STOPPING)
        self._fail_waiters(ModelUnloaded(self.model_id))
        return waiter

    def shut_down(self, grace: float) -> Deferred[None]:
        return self.stop(grace)

    def reconfigure(self, launch: Launch, policy: Policy) -> None:
        self.launches.append(launch)

    def replace(self, launch: Launch) -> None:
        self.launches.append(launch)

    def retire(self) -> Deferred[None]:
        return self.stop()

    def request_began(self) -> None:
        self.in_flight += 1

    def request_ended(self) -> None:
        self.in_flight -= 1

    def when_not_ready(self) -> Deferred[None]:
        waiter: Deferred[None] = Deferred()
        self._for_unready.append(waiter)
        return waiter

    # What a test makes happen.

    def become_ready(self) -> None:
        """
        The load is over.
        """
        assert self.state is ProcessState.STARTING, self.state
        self._enter(ProcessState.READY)
        waiters, self._for_ready = self._for_ready, []
        for waiter in waiters:
            waiter.callback(None)

    def fail(self, reason: str = "exited with status 1") -> None:
        """
        The load fails.
        """
        assert self.state is ProcessState.STARTING, self.state
        self._enter(ProcessState.STOPPED)
        self._fail_waiters(StartFailed(self.model_id, reason))

    def crash(self) -> None:
        """
        The process dies.
        """
        assert self.state is ProcessState.READY, self.state
        self._enter(ProcessState.STOPPED)

    def finish_stop(self) -> None:
        """
        The stop is over.
        """
        assert self.state is ProcessState.STOPPING, self.state
        self._enter(ProcessState.STOPPED)
        waiters, self._for_stop = self._for_stop, []
        for waiter in waiters:
            waiter.callback(None)
        if self._for_ready:
            self._start()

    def _start(self) -> None:
        self.starts += 1
        self._enter(ProcessState.STARTING)

    def _fail_waiters(self, error: RequestError) -> None:
        waiters, self._for_ready = self._for_ready, []
        for waiter in waiters:
            waiter.errback(error)

    def _enter(self, state: ProcessState) -> None:
        self.state = state
        self._observer(self.model_id, state, None)
