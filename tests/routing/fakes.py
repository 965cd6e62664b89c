"""
A world for a scheduler to act upon, driven by hand.

It behaves as the router and its processes do, and holds the scheduler to what
the rules say whenever that acts: the rules are written down a second time here,
as plainly as they can be.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf

from zope.interface import implementer

from llamaswap_tw.errors import ConcurrencyLimit, RequestError, StartFailed
from llamaswap_tw.interfaces import IEffects, ISwapPlanner, ProcessState, Ticket
from llamaswap_tw.routing.fifo import FifoScheduler
from llamaswap_tw.routing.limits import Limits

STOPPED = ProcessState.STOPPED
STARTING = ProcessState.STARTING
READY = ProcessState.READY
STOPPING = ProcessState.STOPPING


@dataclass(frozen=True)
class Manners:
    """
    In what ways worlds differ that a scheduler must not care about.

    :ivar instant: loads and stops are over before the effect that began them
        returns.
    :ivar late: what happens is told later, when a test says so.
    :ivar hasty: a request ends before its grant returns.
    :ivar patient: a swap whose model is unloaded fails when that is down, not
        at once.
    """

    instant: bool = False
    late: bool = False
    hasty: bool = False
    patient: bool = False


@dataclass
class UnderWay:
    """
    A swap that the router carries out.
    """

    serial: int
    evict: frozenset[str]
    left: set[str] = field(default_factory=set)
    doomed: bool = False


@implementer(ISwapPlanner)
class Overheard:
    """
    A planner of which is known what it was told.

    :ivar running: what ran, when the last swap to a model was decided on.
    """

    def __init__(self, planner: ISwapPlanner) -> None:
        self.evictions_for = planner.evictions_for
        self._swap_started = planner.swap_started
        self.running: dict[str, Collection[str]] = {}

    def swap_started(self, target: str, running: Collection[str]) -> None:
        self.running[target] = running
        self._swap_started(target, running)


@implementer(IEffects)
class World:
    """
    Processes, clients and a clock.

    :ivar log: all that the scheduler did, in words.
    :ivar seen: how often what happened.
    """

    def __init__(
        self,
        planner: ISwapPlanner,
        limits: Mapping[str, Limits],
        priorities: Mapping[str, int] | None = None,
        max_wait: float | None = None,
        manners: Manners = Manners(),
    ) -> None:
        self.planner = planner
        self.limits = limits
        self.priorities = priorities or {}
        self.max_wait = inf if max_wait is None else max_wait
        self.manners = manners
        self.overheard = Overheard(planner)
        self.scheduler = FifoScheduler(
            self, self.overheard, limits, self.priorities, max_wait
        )
        self.closed = False
        self.now = 0.0
        self.ticked = 0.0
        self.wake: float | None = None
        self.states = dict.fromkeys(limits, STOPPED)
        self.swaps: dict[str, UnderWay] = {}
        #: When the swap that brought a model up began.
        self.since: dict[str, int] = {}
        #: What was claimed when that was looked at last.
        self.claims: dict[str, frozenset[str]] = {}
        self.serial = 0
        #: Whether several things happened at once, which are told one by one.
        self.moved_on = False
        self.arrivals: dict[Ticket, int] = {}
        self.waiting: list[Ticket] = []
        self.served: list[Ticket] = []
        self.ended: dict[Ticket, str | RequestError] = {}
        self.positions: dict[Ticket, int] = {}
        self.events: deque[Callable[[], None]] = deque()
        self.log: list[str] = []
        self.seen: Counter[str] = Counter()

    # What a test makes happen.

    def request(self, model: str, arrived: float | None = None) -> Ticket:
        """
        A client asks for ``model``.
        """
        held = sum(t.model == model for t in [*self.waiting, *self.served])
        ticket = Ticket(model, self.now if arrived is None else arrived, True)
        self.arrivals[ticket] = len(self.arrivals)
        self.waiting.append(ticket)
        self.scheduler.requested(ticket)
        if model in self.limits and not self.closed:
            refused = isinstance(self.ended.get(ticket), ConcurrencyLimit)
            assert refused == (held >= self.limits[model].most), (ticket, held)
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """
        A waiting client goes away.
        """
        self.waiting.remove(ticket)
        self._end(ticket, "cancelled")
        self.scheduler.cancelled(ticket)

    def release(self, ticket: Ticket) -> None:
        """
        A request is over.
        """
        self.served.remove(ticket)
        self.scheduler.released(ticket)

    def end_stop(self, model: str) -> None:
        """
        A process that is stopping is down.
        """
        assert self.states[model] is STOPPING, self.states
        self._down(model)

    def end_start(self, model: str) -> None:
        """
        A load succeeds.
        """
        assert self.states[model] is STARTING, self.states
        self.states[model] = READY
        self._finish(model, None)

    def fail_start(self, model: str, told_first: bool = False) -> None:
        """
        A load fails.

        :param told_first: whether the swap's end is told before the process's.
        """
        assert self.states[model] is STARTING, self.states
        self.states[model] = STOPPED
        error = StartFailed(model, "it was meant to")
        if told_first:
            self._finish(model, error)
            self._tell(self.scheduler.stopped, model)
        else:
            self._tell(self.scheduler.stopped, model)
            self._finish(model, error)

    def crash(self, model: str) -> None:
        """
        A process that is ready dies.
        """
        assert self.states[model] is READY, self.states
        self.seen["crash while serving"] += self.is_serving(model)
        self._down(model)

    def expire(self, model: str) -> None:
        """
        The TTL of an idle process is over.
        """
        assert self.states[model] is READY, self.states
        assert not self.is_serving(model), model
        self._stop(model)

    def advance(self, seconds: float) -> None:
        """
        Time passes, and the scheduler is woken whenever it asked for it.
        """
        until = self.now + seconds
        while self.wake is not None and self.wake <= until:
            self.now = self.ticked = max(self.now, self.wake)
            self.wake = None
            self.scheduler.tick(self.now)
        self.now = until

    def shut_down(self, error: RequestError) -> None:
        """
        The daemon is about to end.
        """
        self.closed = True
        self.scheduler.shut_down(error)

    def deliver(self) -> None:
        """
        Tell the scheduler what happened, where that waits to be told.
        """
        self.events.popleft()()

    def moves(self) -> list[tuple[str, Callable[[], None]]]:
        """
        All that processes and clients may do at this moment.
        """
        moves: list[tuple[str, Callable[[], None]]] = []
        for model, state in self.states.items():
            if state is STOPPING:
                moves.append((f"stop {model}", partial(self.end_stop, model)))
            if state is STARTING:
                moves += [
                    (f"start {model}", partial(self.end_start, model)),
                    (f"fail {model}", partial(self.fail_start, model)),
                    (f"fail' {model}", partial(self.fail_start, model, True)),
                ]
            if state is READY:
                moves.append((f"crash {model}", partial(self.crash, model)))
                if not self.is_serving(model):
                    moves.append((f"expire {model}", partial(self.expire, model)))
        for t in self.waiting:
            moves.append((f"cancel {self.name(t)}", partial(self.cancel, t)))
        for t in self.served:
            moves.append((f"release {self.name(t)}", partial(self.release, t)))
        if self.events:
            moves.append(("deliver", self.deliver))
        return moves

    def settle(self) -> None:
        """
        Let everything end well: requests, loads, stops; and be told.
        """
        while moves := [
            move
            for name, move in self.moves()
            if name.split()[0] in ("stop", "start", "release", "deliver")
        ]:
            moves[0]()

    # What a test looks at.

    def name(self, ticket: Ticket) -> str:
        """
        A ticket in words: its model, and how many came before it.
        """
        return f"{ticket.model}{self.arrivals[ticket]}"

    def is_serving(self, model: str) -> bool:
        """
        Whether a request runs on ``model``.
        """
        return any(t.model == model for t in self.served)

    def is_overdue(self, ticket: Ticket) -> bool:
        """
        Whether the scheduler was told that the ticket waited too long.
        """
        return ticket.arrived + self.max_wait <= self.ticked

    def rank(self, ticket: Ticket) -> tuple[bool, int, int]:
        """
        What the queue is sorted by.
        """
        overdue = self.is_overdue(ticket)
        priority = 0 if overdue else -self.priorities.get(ticket.model, 0)
        return (not overdue, priority, self.arrivals[ticket])

    def queued(self) -> list[Ticket]:
        """
        Who waits and has joined no swap, in order.
        """
        return sorted((t for t in self.waiting if self.positions.get(t)), key=self.rank)

    def lasting(self) -> set[str]:
        """
        What runs or is about to, but for what is about to stop.
        """
        stopped = {model for swap in self.swaps.values() for model in swap.evict}
        return {*self.running(), *self.swaps} - stopped

    def verdict(self, ticket: Ticket, claimed: Collection[str] | None = None) -> str:
        """
        What the rules say about a ticket: join, serve, start, or queue.

        :param claimed: what it waited for, as an overdue one.
        """
        model = ticket.model
        swap = self.swaps.get(model)
        if swap is not None:
            return "queue" if swap.doomed else "join"
        running = {*self.running(), *self.swaps}
        evict = set(self.planner.evictions_for(model, running))
        for other in self.queued():
            if not self.is_overdue(other) or self.rank(other) >= self.rank(ticket):
                break
            wanted = other.model
            if wanted == model:
                continue
            if wanted in evict or self._is_in_the_way(model, evict, wanted):
                return "queue"
        if any(model in s.evict for s in self.swaps.values()):
            return "queue"
        if self.states[model] is READY and not evict:
            served = sum(t.model == model for t in self.served)
            free = served < self.limits[model].concurrency_limit
            return "serve" if free else "queue"
        if self._may_stop(evict):
            return "start"
        still = {*(claimed or ())} & running
        if claimed is not None and self._may_stop(still):
            suffices = not self.planner.evictions_for(model, running - still)
            return "start" if suffices else "queue"
        return "queue"

    def _is_in_the_way(self, model: str, evict: set[str], wanted: str) -> bool:
        """
        Whether ``model`` is claimed by who wants ``wanted``, or what would run
        once ``model`` does leaves no room for that.
        """
        claimed = self.scheduler.claims.get(wanted, frozenset())
        if model in claimed:
            return True
        after = (self.lasting() - evict - claimed) | {model}
        return bool(self.planner.evictions_for(wanted, after - {wanted}))

    def _may_stop(self, evict: set[str]) -> bool:
        return not any(self.is_serving(m) for m in evict) and not any(
            target in evict or swap.evict & evict for target, swap in self.swaps.items()
        )

    def _check_claims(self) -> None:
        """
        Whoever is overdue has a claim, which suffices, and which stays as long as
        it does.
        """
        claims = dict(self.scheduler.claims)
        overdue = {t.model for t in self.queued() if self.is_overdue(t)}
        assert claims.keys() == overdue, claims
        for model, claimed in claims.items():
            others = self.lasting() - {model}
            assert not self.planner.evictions_for(model, others - claimed), claims
            earlier = self.claims.get(model, claimed)
            if not claimed <= earlier:
                assert self.planner.evictions_for(model, others - earlier), claims
        self.claims = claims

    def check(self) -> None:
        """
        What is true at any time between two events.
        """
        self.moved_on = False
        up = sorted(m for m, state in self.states.items() if state is not STOPPED)
        for one in up:
            for other in up:
                assert one not in self.planner.evictions_for(
                    other, {one, other}
                ) or other not in self.planner.evictions_for(one, {one, other}), (
                    f"{one} beside {other}"
                )
        # Somebody is the last for whom the planner was asked.
        assert not up or any(
            not self.planner.evictions_for(model, [m for m in up if m != model])
            for model in up
        ), f"beside each other: {up}"
        queue = self.queued()
        told = [self.positions[t] for t in queue]
        assert told == list(range(1, len(queue) + 1)), told
        for ticket in self.waiting:
            timeout = self.limits[ticket.model].queue_timeout or inf
            times = [ticket.arrived + timeout]
            if not self.is_overdue(ticket):
                times.append(ticket.arrived + self.max_wait)
            if min(times) < inf:
                assert self.wake is not None and self.wake <= min(times), ticket
        if self.events:
            # The scheduler does not know yet, and need not have acted.
            assert len(self.scheduler.queue()) == len(self.waiting)
            return
        self._check_claims()
        for ticket in queue:
            claimed = self.claims.get(ticket.model)
            assert self.verdict(ticket, claimed) == "queue", self.name(ticket)
        if queue:
            assert self.served or self.swaps or STOPPING in self.states.values()
        for ticket in self.waiting:
            assert self.positions[ticket] or ticket.model in self.swaps, ticket
        self._check_shown()

    def _check_shown(self) -> None:
        """
        What people are shown of the queue is what tickets were told, and names for
        each that is in it somebody who is indeed busy.
        """
        shown = self.scheduler.queue()
        told = {ticket: self.positions[ticket] for ticket in self.waiting}
        assert {w.ticket: w.position for w in shown} == told, shown
        assert len(shown) == len(told), shown
        busy = {t.model for t in self.served} | self.swaps.keys() | self.claims.keys()
        going = {m for m, state in self.states.items() if state is STOPPING}
        for waiting in shown:
            if waiting.position:
                assert waiting.behind, waiting
                assert busy.issuperset(waiting.behind), waiting
            else:
                assert going.issuperset(waiting.behind), waiting

    # IEffects

    def state_of(self, model: str) -> ProcessState:
        return self.states[model]

    def running(self) -> Collection[str]:
        return [m for m, state in self.states.items() if state is not STOPPED]

    def start_swap(self, model: str, evict: Sequence[str], overdue: bool) -> None:
        self.log.append(" -".join([f"swap {model}", *evict]))
        self.seen["forced swap" if overdue else "swap"] += 1
        self.seen["parallel swaps"] += bool(self.swaps)
        self.seen["swap to a ready model"] += self.states[model] is READY
        # Effects carried out since may have changed what runs.
        running = {*self.overheard.running[model]}
        assert list(evict) == sorted({*evict} & running)
        assert not self.planner.evictions_for(model, running - {*evict})
        first = min((t for t in self.waiting if t.model == model), key=self.rank)
        assert overdue == self.is_overdue(first), self.name(first)
        wanted = list(self.planner.evictions_for(model, running))
        if list(evict) != wanted:
            self.seen["swap by an earlier claim"] += 1
            assert overdue, wanted
            if running == {*self.running(), *self.swaps}:
                assert not self._may_stop({*wanted}), wanted
        self._check_turn(first, "start", evict)
        self.serial += 1
        swap = UnderWay(self.serial, frozenset(evict), set(evict))
        self.swaps[model] = swap
        for other in evict:
            if self.states[other] in (STARTING, READY):
                self._stop(other)
        if self.swaps.get(model) is swap:
            self._proceed(model)

    def grant(self, ticket: Ticket) -> None:
        model = ticket.model
        self.log.append(f"grant {self.name(ticket)}")
        self.seen["grant"] += 1
        assert ticket in self.waiting, self.name(ticket)
        assert self.states[model] is READY, self.states
        same = [t for t in self.waiting if t.model == model]
        assert same[0] is ticket, f"{self.name(ticket)} before {self.name(same[0])}"
        served = sum(t.model == model for t in self.served)
        assert served < self.limits[model].concurrency_limit, served
        if self.positions.get(ticket) != 0:
            self._check_turn(ticket, "serve")
        self.waiting.remove(ticket)
        self._end(ticket, "served")
        self.served.append(ticket)
        if self.manners.hasty:
            self.release(ticket)

    def refuse(self, ticket: Ticket, error: RequestError) -> None:
        self.log.append(f"refuse {self.name(ticket)} {type(error).__name__}")
        self.seen[type(error).__name__] += 1
        self.waiting.remove(ticket)
        self._end(ticket, error)

    def stop(self, models: Sequence[str]) -> None:
        self.log.append(" ".join(["stop", *models]))
        self.moved_on = len(models) > 1
        for model in models:
            self.seen["unload while serving"] += self.is_serving(model)
            swap = self.swaps.get(model)
            if swap is not None:
                self.seen["unload during swap"] += 1
                swap.doomed = True
            if self.states[model] in (STARTING, READY):
                self._stop(model)
            down = self.states[model] is STOPPED
            if model in self.swaps and (down or not self.manners.patient):
                self._fail(model)

    def tell_position(self, ticket: Ticket, position: int) -> None:
        assert ticket in self.waiting, self.name(ticket)
        assert self.positions.get(ticket) != position, "told before"
        if position == 0 and ticket.model in self.swaps:
            assert not self.swaps[ticket.model].doomed, "joined a doomed swap"
        self.positions[ticket] = position

    def wake_at(self, time: float | None) -> None:
        self.wake = time

    # How the world goes on.

    def _check_turn(
        self, ticket: Ticket, verdict: str, evict: Collection[str] | None = None
    ) -> None:
        """
        Fail unless it was a ticket's turn.
        """
        assert self.verdict(ticket, evict) == verdict, self.name(ticket)
        if self.manners.instant or self.manners.hasty or self.events or self.moved_on:
            # The world has moved on, perhaps in favour of others, since the
            # scheduler decided.
            return
        for other in self.queued():
            if self.rank(other) < self.rank(ticket):
                assert self.verdict(other) == "queue", (
                    f"{self.name(other)} before {self.name(ticket)}"
                )

    def _end(self, ticket: Ticket, how: str | RequestError) -> None:
        assert ticket not in self.ended, f"{self.name(ticket)} ends twice"
        self.ended[ticket] = how

    def _tell(self, event: Callable[..., None], *args: object) -> None:
        if self.manners.late:
            self.events.append(lambda: event(*args))
        else:
            event(*args)

    def _finish(self, model: str, error: RequestError | None) -> None:
        del self.swaps[model]
        self._tell(self.scheduler.swap_finished, model, error)

    def _fail(self, model: str) -> None:
        self._finish(model, StartFailed(model, "it was stopped"))

    def _stop(self, model: str) -> None:
        self.states[model] = STOPPING
        self.stopping(model)

    def _down(self, model: str) -> None:
        self.states[model] = STOPPED
        self._tell(self.scheduler.stopped, model)
        if model in self.swaps and self.swaps[model].doomed:
            self._fail(model)
        for target, swap in list(self.swaps.items()):
            swap.left.discard(model)
            if target in self.swaps:
                self._proceed(target)

    def _proceed(self, model: str) -> None:
        """
        Take a swap as far as it goes.
        """
        swap = self.swaps[model]
        if swap.left or swap.doomed:
            return
        if self.states[model] is READY:
            self._finish(model, None)
        elif self.states[model] is STOPPED:
            for other in self.running():
                if other in self.planner.evictions_for(model, {model, other}):
                    # It came up without asking us to leave: by its rules it may.
                    assert self.since[other] > swap.serial, f"{model} beside {other}"
            self.since[model] = swap.serial
            self.states[model] = STARTING
            self.starting(model)

    def stopping(self, model: str) -> None:
        """
        A process begins to stop.
        """
        if self.manners.instant:
            self.end_stop(model)

    def starting(self, model: str) -> None:
        """
        A process begins to start.
        """
        if self.manners.instant:
            self.end_start(model)
