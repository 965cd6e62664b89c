"""
What all states of a model's process share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..errors import RequestError, StartFailed
from ..interfaces import BusyObserver, IOutput, IProber, ProcessState, StateObserver
from .backoff import BackOff
from .ending import Ending, NothingToEnd
from .interfaces import IFamily, ILauncher
from .launch import Launch, Policy

Waiter = Deferred[None]


@dataclass(frozen=True)
class Halt:
    """
    Why and how a process is to stop.

    :ivar grace: seconds until it is killed.
    :ivar error: what whoever waits for its start is told.
    :ivar waiter: fired when nothing of it lives.
    :ivar how: words for how it died, where nobody asked for it.
    """

    grace: float
    error: RequestError
    waiter: Waiter | None = None
    how: str = ""


@dataclass
class Core:
    """
    What every state shares.

    :ivar launch: how the process that runs was started, or the next one will be.
    :ivar state: what the API shows.
    :ivar next_launch: how the one after it will be.
    :ivar until_idle: called when the last request has ended.
    :ivar in_flight: requests that are being served.
    :ivar last_ended: when the last of them ended.
    :ivar busy: told when the first of them begins, and when the last has ended.
    :ivar until_stopped: fired when it is down.
    :ivar until_not_ready: fired when it is no longer ready.
    """

    clock: IReactorTime
    model_id: str
    launch: Launch
    policy: Policy
    launcher: ILauncher
    prober: IProber
    output: IOutput
    observer: StateObserver
    backoff: BackOff
    busy: BusyObserver

    next_launch: Launch = field(init=False)
    state: ProcessState = ProcessState.STOPPED
    family: IFamily | None = None
    ending: Ending | NothingToEnd | None = None
    in_flight: int = 0
    last_ended: float = 0.0
    until_idle: Callable[[], None] | None = None
    until_stopped: list[Waiter] = field(default_factory=list)
    until_not_ready: list[Waiter] = field(default_factory=list)
    log: Logger = field(default_factory=lambda: Logger(namespace=__name__))

    def __post_init__(self) -> None:
        self.next_launch = self.launch

    def enter(self, state: ProcessState, error: RequestError | None = None) -> None:
        """
        Tell the world of a new state.
        """
        self.state = state
        if state is not ProcessState.READY:
            self.answer(self.until_not_ready)
        try:
            self.observer(self.model_id, state, error)
        except Exception:
            self.log.failure("telling of model {model}", model=self.model_id)

    def answer(self, waiters: list[Waiter]) -> None:
        """
        Fire all who still wait, and forget them.
        """
        taken = tuple(waiters)
        waiters.clear()
        for waiter in taken:
            if not waiter.called:
                waiter.callback(None)

    def refuse(self, waiters: Sequence[Waiter], error: RequestError) -> None:
        """
        Fail all who still wait.
        """
        for waiter in waiters:
            if not waiter.called:
                waiter.errback(_copy(error))

    def start_failed(self, error: StartFailed) -> None:
        """
        Count a failed start, and say so.
        """
        self.backoff.failed(self.clock.seconds(), error)
        self.complain(f"did not start: {error.reason}", error.output)

    def complain(self, what: str, output: str) -> None:
        """
        Log what went wrong, and what the process wrote last: a line each.
        """
        self.log.error("model {model}: {what}", model=self.model_id, what=what)
        for line in output.splitlines():
            self.log.error("model {model}: | {line}", model=self.model_id, line=line)


def _copy(error: RequestError) -> RequestError:
    """
    Each waiter has its own: to raise one is to change it, and to hold its frames.
    """
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    return copy
