"""
The router: carries out what the scheduler decides, and decides nothing.

It holds the models' processes, gives out leases, and turns what becomes of
processes into the scheduler's events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, FirstError, gatherResults, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import ModelNotFound, ModelUnloaded, RequestError, ShuttingDown
from ..interfaces import (
    IEffects,
    IModelProcess,
    IScheduler,
    ISwapObserver,
    ISwapPlanner,
    ProcessState,
    Ticket,
)
from .lease import Lease, UncountedLease
from .limits import Limits

if TYPE_CHECKING:
    from ..process.kin import Kin
    from ..process.launch import Launch, Policy

#: Told its place in the queue; 0 once a swap to its model is under way.
OnPosition = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Queued:
    """
    A request that waits, at one moment.

    :ivar granted: what `Router.acquire` returned for it.
    :ivar model: the model that it wants.
    :ivar arrived: since when it waits, in seconds of the reactor's clock.
    :ivar position: as for `Waiting`.
    :ivar behind: as for `Waiting`.
    """

    granted: Deferred[Lease]
    model: str
    arrived: float
    position: int
    behind: tuple[str, ...]


class _Pending:
    """
    A request that waits.
    """

    __slots__ = ("granted", "on_position")

    def __init__(
        self, granted: Deferred[Lease], on_position: OnPosition | None
    ) -> None:
        self.granted = granted
        self.on_position = on_position


class _Swap:
    """
    A swap under way: first the stops, then the start.
    """

    __slots__ = ("began", "starting")

    def __init__(self, began: float) -> None:
        self.began = began
        self.starting = False


def _first(reason: Failure) -> Failure:
    """
    What `gatherResults` failed with.
    """
    error = reason.value
    return error.subFailure if isinstance(error, FirstError) else reason


@implementer(IEffects)
class Router:
    """
    Routes requests to models.

    :param clock: measures waits.
    :param swap_grace: seconds that a model has to stop when another needs its
        place.
    :param make_scheduler: makes the scheduler that decides.
    :param observer: told of swaps.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        swap_grace: float,
        make_scheduler: Callable[[IEffects], IScheduler],
        observer: ISwapObserver | None = None,
    ) -> None:
        self._clock = clock
        self._processes: dict[str, IModelProcess] = {}
        self._clients: dict[str, Any] = {}
        #: Models that the configuration no longer has, and that are not down yet.
        self._leaving: set[str] = set()
        self._swap_grace = swap_grace
        self._observer = observer
        self._pending: dict[Ticket, _Pending] = {}
        self._swaps: dict[str, _Swap] = {}
        #: model → when it last became ready, and how long that took.
        self._loaded: dict[str, tuple[float, float]] = {}
        #: Kept beside the processes: asked for at each request.
        self._up: set[str] = set()
        self._wake: IDelayedCall | None = None
        self._scheduler = make_scheduler(self)

    # What the daemon asks.

    def acquire(
        self, model_id: str, on_position: OnPosition | None = None
    ) -> Deferred[Lease]:
        """
        Ask for a model, loading it where it must be.

        :param model_id: a model's id.
        :param on_position: told the request's place in the queue.
        :returns: a `Deferred` that fires with a `Lease` and fails with a
            `RequestError`; cancelling it withdraws the request.
        """
        ticket = Ticket(model_id, self._clock.seconds(), on_position is not None)

        def withdraw(_: Deferred[Lease]) -> None:
            self._pending.pop(ticket, None)
            self._scheduler.cancelled(ticket)

        granted: Deferred[Lease] = Deferred(withdraw)
        self._pending[ticket] = _Pending(granted, on_position)
        self._scheduler.requested(ticket)
        return granted

    def when_not_ready(self, model_id: str) -> Deferred[None]:
        """
        :returns: a `Deferred` that fires once the model's process is other
            than ready; may be cancelled.
        """
        process = self._processes.get(model_id)
        # It may have been removed since.
        return succeed(None) if process is None else process.when_not_ready()

    @property
    def models(self) -> Collection[str]:
        """
        All that have a process here: those that were removed and are not down yet
        too.
        """
        return self._processes.keys()

    def held_ports(self) -> dict[str, int]:
        """
        The port that each model's process listens on, or will, where we assigned
        one.
        """
        return {
            model: process.port
            for model, process in self._processes.items()
            if process.port is not None
        }

    def add(self, process: IModelProcess, client: Any) -> None:
        """
        There is another model; `reconfigured` follows.

        :param process: its process, which tells `state_changed` of itself.
        :param client: sends requests up to it; given out with a lease.
        """
        self._processes[process.model_id] = process
        self._clients[process.model_id] = client

    def change(self, model: str, launch: Launch, policy: Policy, client: Any) -> bool:
        """
        A model may be configured in another way; `reconfigured` follows.

        :returns: whether there is such a model here.
        """
        process = self._processes.get(model)
        if process is None:
            return False
        if model in self._leaving:
            self._leaving.remove(model)
            process.replace(launch)
        process.reconfigure(launch, policy)
        if client is not self._clients[model]:
            self._clients[model].close()
            self._clients[model] = client
        return True

    def reconfigured(
        self,
        swap_grace: float,
        planner: ISwapPlanner,
        limits: Mapping[str, Limits],
        priorities: Mapping[str, int],
        max_wait: float | None,
    ) -> None:
        """
        All models were added or changed: other rules hold from now on.  A model
        that these do not know is gone: what runs of it ends with its requests.
        """
        self._swap_grace = swap_grace
        # Before anything stops: nothing is begun any more for one that is gone.
        self._scheduler.reconfigured(planner, limits, priorities, max_wait)
        for model in sorted(self._processes.keys() - limits.keys() - self._leaving):
            self._remove(model)

    def _remove(self, model: str) -> None:
        self._leaving.add(model)
        swap = self._swaps.get(model)
        if swap is not None and not swap.starting:
            # Others still make room for it: it is not started at all.
            self._swap_failed(model, swap, Failure(ModelNotFound(model)))
        self._processes[model].retire().addCallback(lambda _: self._left(model))

    def _left(self, model: str) -> None:
        if model in self._leaving:
            self._leaving.remove(model)
            del self._processes[model]
            self._clients.pop(model).close()
            self._loaded.pop(model, None)

    def shut_down(self, grace: float) -> Deferred[None]:
        """
        Stop every process for good.

        :param grace: seconds from the polite request to the kill.
        :returns: a `Deferred` that fires when nothing of any lives any more.
        """
        # One that is leaving anyway may be gone at once.
        processes = tuple(self._processes.values())
        down = [process.shut_down(grace) for process in processes]
        return gatherResults(down, consumeErrors=True).addCallback(lambda _: None)

    def process(self, model_id: str) -> IModelProcess:
        """
        A model's process.

        :raises KeyError: if there is no such model.
        """
        return self._processes[model_id]

    def uncounted(self, model_id: str) -> UncountedLease | None:
        """
        A model that is ready, for a request that keeps it from nothing.

        :returns: `None` where it is not ready.
        """
        process = self._processes.get(model_id)
        if process is None or process.state is not ProcessState.READY:
            return None
        return UncountedLease(model_id, process.base_url, self._clients[model_id])

    def states(self) -> dict[str, ProcessState]:
        """
        Where each model's process stands.
        """
        return {model: process.state for model, process in self._processes.items()}

    def kin(self) -> dict[str, Kin]:
        """
        What finds each model's processes, for those that may have any.
        """
        return {
            model: process.kin
            for model, process in self._processes.items()
            if process.kin is not None
        }

    def in_flight(self) -> dict[str, int]:
        """
        How many requests each model is serving.
        """
        return {model: process.in_flight for model, process in self._processes.items()}

    def waiting(self) -> dict[str, int]:
        """
        How many requests wait for each model: in the queue, or for its load.
        """
        waiting = Counter(ticket.model for ticket in self._pending)
        return {model: waiting[model] for model in self._processes}

    def queue(self) -> list[Queued]:
        """
        Who waits: those for whom a swap is under way, then the others, in order.
        """
        if not self._pending:
            return []
        return [
            Queued(
                self._pending[waiting.ticket].granted,
                waiting.ticket.model,
                waiting.ticket.arrived,
                waiting.position,
                waiting.behind,
            )
            for waiting in self._scheduler.queue()
            # One may be withdrawn while the scheduler is busy.
            if waiting.ticket in self._pending
        ]

    def unload(self, models: Sequence[str]) -> Deferred[None]:
        """
        Refuse whoever waits for these and stop them, though they be serving.

        :returns: a `Deferred` that fires when they are down.
        """
        self._scheduler.unload(models)
        stops = [self._processes[model].stop() for model in models]
        # A caller that goes away cancels it, and with it each of these.
        down = gatherResults(stops, consumeErrors=True)
        return down.addCallbacks(lambda _: None, _first)

    def close(self) -> None:
        """
        Refuse whoever waits, and from now on everybody.
        """
        self._scheduler.shut_down(ShuttingDown())

    def state_changed(
        self, model: str, state: ProcessState, error: RequestError | None
    ) -> None:
        """
        A model's process is in another state: each process tells of its own.
        """
        if state in (ProcessState.STOPPED, ProcessState.SHUTDOWN):
            self._up.discard(model)
            self._scheduler.stopped(model)
        else:
            self._up.add(model)
        if state is ProcessState.STOPPING:
            # Its server is on the way out: its connections are of no more use.
            self._clients[model].close()

    # What the scheduler wants done: IEffects.

    def state_of(self, model: str) -> ProcessState:
        """
        Where the model's process stands at this moment.
        """
        return self._processes[model].state

    def running(self) -> Collection[str]:
        """
        The ids of the models whose process is not stopped.
        """
        return self._up

    def start_swap(self, model: str, evict: Sequence[str], overdue: bool) -> None:
        """
        Stop some, then bring one up.
        """
        if evict or overdue:
            self._log.info(
                "swap to {model}: stopping {evict}{why}",
                model=model,
                evict=", ".join(evict) or "nobody",
                why=", for a request that has waited longer than maxWait"
                if overdue
                else "",
            )
        self._swaps[model] = swap = _Swap(self._clock.seconds())
        if self._observer is not None:
            self._observer.swap_began(model, evict, overdue)
        stops = gatherResults(
            [self._processes[other].stop(self._swap_grace) for other in evict],
            consumeErrors=True,
        )
        stops.addCallbacks(
            lambda _: self._start(model, swap),
            lambda reason: self._swap_failed(model, swap, reason),
        )

    def _start(self, model: str, swap: _Swap) -> None:
        if self._swaps.get(model) is not swap:
            # Its model was unloaded meanwhile.
            return
        swap.starting = True
        self._processes[model].ensure_ready().addCallbacks(
            lambda _: self._swapped(model, swap),
            lambda reason: self._swap_failed(model, swap, reason),
        )

    def _swapped(self, model: str, swap: _Swap) -> None:
        del self._swaps[model]
        now = self._clock.seconds()
        self._loaded[model] = (now, now - swap.began)
        self._swap_ended(model, swap, None)

    def _swap_failed(self, model: str, swap: _Swap, reason: Failure) -> None:
        if self._swaps.get(model) is not swap:
            return
        del self._swaps[model]
        error = _first(reason).value
        if not isinstance(error, RequestError):
            self._log.failure("swapping to model {model}", reason, model=model)
            error = RequestError("an error in the server; its log has more")
        self._swap_ended(model, swap, error)

    def _swap_ended(self, model: str, swap: _Swap, error: RequestError | None) -> None:
        if self._observer is not None:
            seconds = self._clock.seconds() - swap.began
            self._observer.swap_ended(model, error, seconds)
        self._scheduler.swap_finished(model, error)

    def grant(self, ticket: Ticket) -> None:
        """
        Let the request through.
        """
        pending = self._pending.pop(ticket, None)
        if pending is None:
            # It was withdrawn while the scheduler was busy with this very event.
            self._scheduler.released(ticket)
            return
        model = ticket.model
        process = self._processes[model]
        now = self._clock.seconds()
        loaded_at, load_time = self._loaded.get(model, (0.0, 0.0))
        lease = Lease(
            self._scheduler.released,
            ticket,
            process,
            self._clients[model],
            now - ticket.arrived,
            load_time if ticket.arrived < loaded_at else 0.0,
        )
        process.request_began()
        pending.granted.callback(lease)

    def refuse(self, ticket: Ticket, error: RequestError) -> None:
        """
        Answer the request with an error.
        """
        pending = self._pending.pop(ticket, None)
        if pending is not None:
            pending.granted.errback(error)

    def stop(self, models: Sequence[str]) -> None:
        """
        Stop these, though they be starting or serving.
        """
        for model in models:
            self._processes[model].stop()
            swap = self._swaps.get(model)
            if swap is not None and not swap.starting:
                # Others still make room for it: it is not started at all.
                self._swap_failed(model, swap, Failure(ModelUnloaded(model)))

    def tell_position(self, ticket: Ticket, position: int) -> None:
        """
        The ticket's place in the queue changed.
        """
        pending = self._pending.get(ticket)
        if pending is not None and pending.on_position is not None:
            pending.on_position(position)

    def wake_at(self, time: float | None) -> None:
        """
        Call the scheduler at that time.
        """
        if self._wake is not None and self._wake.active():
            self._wake.cancel()
        self._wake = None
        if time is not None:
            wait = max(0.0, time - self._clock.seconds())
            self._wake = self._clock.callLater(wait, self._tick)

    def _tick(self) -> None:
        self._scheduler.tick(self._clock.seconds())
