"""
Who is served, by what, and when: first in, first out, but for priorities.

Decisions only.  Nothing here waits, tells the time or touches a process; this
module imports no part of Twisted.

A request is a *ticket*.  It is judged by these rules, in order, when it comes,
and again whenever the queue is walked:

1. Its model is not ours: refused.
2. Its model has as many tickets as it may have: refused.
3. A swap to its model is under way: it joins that.
4. Its model is ready, the planner would stop nobody for it, no swap under way
   stops it, and it has a free slot: served.
5. Its swap would collide with one under way: queued.
6. Its swap would stop a model that is serving: queued.
7. Else its swap starts.

*No starvation.*  By these rules alone a model that always has a request in
flight is never idle, and whoever wants it stopped waits forever.  So a ticket
that has waited for ``max_wait`` is overdue: it stands before all others, and
while it stays queued it *claims* the models that it needs stopped: it holds them,
and those that would come to be in its way, against every ticket behind it.  A
claim lasts as long as it suffices, though the planner might choose otherwise by
now.  The first overdue ticket is held by nobody.  What it waits for are requests
that run, of which there come no more, and swaps under way, which end, with
whoever joined them: so its turn comes after the longest running request and the
load before it, and then the next one is the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from math import inf

from zope.interface import implementer

from ..errors import (
    ConcurrencyLimit,
    ModelNotFound,
    ModelUnloaded,
    QueueTimeout,
    RequestError,
)
from ..interfaces import (
    IEffects,
    IScheduler,
    ISwapPlanner,
    ProcessState,
    Ticket,
    Waiting,
)
from .claims import Claims, claim, is_held
from .limits import Limits
from .reasons import Standing, behind
from .swaps import Swap, Swaps
from .turns import Turns
from .waiting import Deadlines, Place, Queue, Waiter


@implementer(IScheduler)
class FifoScheduler:
    """
    The scheduler.

    :param effects: what it may do to the world.
    :param planner: says what must stop.
    :param limits: by model; the models that it knows.
    :param priorities: by model; 0 where there is none, higher first.
    :param max_wait: seconds after which a ticket is overdue, or `None` for
        never.
    :ivar forced_swaps: how many swaps were started for overdue tickets.
    :ivar claims: what overdue tickets wait to be stopped, by the model that they
        want.
    """

    def __init__(
        self,
        effects: IEffects,
        planner: ISwapPlanner,
        limits: Mapping[str, Limits],
        priorities: Mapping[str, int],
        max_wait: float | None,
    ) -> None:
        self._effects = effects
        self._planner = planner
        self._limits = limits
        self._priorities = priorities
        self._max_wait = inf if max_wait is None else max_wait
        self.forced_swaps = 0
        self.claims: dict[str, frozenset[str]] = {}
        self._turns = Turns()
        self._arrivals = 0
        self._closed: RequestError | None = None
        self._waiters: dict[Ticket, Waiter] = {}
        self._queue = Queue()
        self._deadlines = Deadlines()
        self._swaps = Swaps()
        #: How many are served, by model; never zero.
        self._serving: dict[str, int] = {}
        #: How many wait or are served, by model; never zero.
        self._held: dict[str, int] = {}
        self._wake: float | None = None

    # Events.

    def requested(self, ticket: Ticket) -> None:
        """
        A request came.
        """
        self._turns.event(self._requested, ticket)

    def cancelled(self, ticket: Ticket) -> None:
        """
        The request of a waiting ticket is gone.
        """
        self._turns.event(self._cancelled, ticket)

    def released(self, ticket: Ticket) -> None:
        """
        The request of a granted ticket has ended.
        """
        self._turns.event(self._released, ticket)

    def swap_finished(self, model: str, error: RequestError | None) -> None:
        """
        A swap is over.
        """
        self._turns.event(self._swap_finished, model, error)

    def stopped(self, model: str) -> None:
        """
        A model's process is down.
        """
        self._turns.event(self._walk)

    def unload(self, models: Sequence[str]) -> None:
        """
        Refuse whoever waits for these and stop them.
        """
        self._turns.event(self._unload, models)

    def reconfigured(
        self,
        planner: ISwapPlanner,
        limits: Mapping[str, Limits],
        priorities: Mapping[str, int],
        max_wait: float | None,
    ) -> None:
        """
        Other rules hold from now on, for those who wait too.
        """
        self._turns.event(self._reconfigured, planner, limits, priorities, max_wait)

    def shut_down(self, error: RequestError) -> None:
        """
        Refuse whoever waits, and from now on everybody.
        """
        self._turns.event(self._shut_down, error)

    def tick(self, now: float) -> None:
        """
        The time asked for has come.
        """
        self._turns.event(self._tick, now)

    def queue(self) -> list[Waiting]:
        """
        Who waits.
        """
        if not self._waiters:
            return []
        running = set(self._effects.running())
        waiting = [
            Waiting(waiter.ticket, 0, tuple(sorted(swap.evict & running)))
            for swap in self._swaps.values()
            for waiter in sorted(swap.joined, key=Waiter.rank)
        ]
        running.update(self._swaps)
        now = Standing(self._planner, running, self._swaps, self._serving, self.claims)
        # What is true for one ticket of a model is true for those behind it.
        reasons: dict[str, tuple[str, ...]] = {}
        queued = (waiter for waiter in self._queue if waiter.place is Place.QUEUED)
        for position, waiter in enumerate(queued, 1):
            model = waiter.ticket.model
            if model not in reasons:
                reasons[model] = behind(model, waiter.overdue, now)
            waiting.append(Waiting(waiter.ticket, position, reasons[model]))
        return waiting

    # What they bring about.

    def _requested(self, ticket: Ticket) -> None:
        model = ticket.model
        if self._closed is not None:
            self._turns.effect(self._effects.refuse, ticket, self._closed)
            return
        limits = self._limits.get(model)
        if limits is None:
            self._turns.effect(self._effects.refuse, ticket, ModelNotFound(model))
            return
        held = self._held.get(model, 0)
        if held >= limits.most:
            error = ConcurrencyLimit(model, limits.most)
            self._turns.effect(self._effects.refuse, ticket, error)
            return
        try:
            served = (
                not self._queue
                and not self._swaps
                and self._may_be_served(model, self._effects.running())
            )
        except RequestError as e:
            self._turns.effect(self._effects.refuse, ticket, e)
            return
        if served:
            # The most common case by far, without a place in any list.
            self._held[model] = held + 1
            self._serve(ticket)
            return
        self._held[model] = held + 1
        self._arrivals += 1
        waiter = Waiter(ticket, self._arrivals)
        self._waiters[ticket] = waiter
        self._apply_rules(waiter, limits)
        # What was true for those who queue for the same model still is.
        behind_others = self._queue.wants(model)
        self._queue.add(waiter)
        self._judge(() if behind_others else (waiter,), {})

    def _cancelled(self, ticket: Ticket) -> None:
        waiter = self._waiters.get(ticket)
        if waiter is None:
            return
        held_others = waiter.overdue and waiter.place is Place.QUEUED
        self._end(waiter)
        self._count_down(self._held, ticket.model)
        if held_others:
            self._walk()
        else:
            self._settle()

    def _released(self, ticket: Ticket) -> None:
        model = ticket.model
        self._count_down(self._serving, model)
        self._count_down(self._held, model)
        if self._queue and (model not in self._serving or self._queue.wants(model)):
            self._walk()

    def _swap_finished(self, model: str, error: RequestError | None) -> None:
        swap = self._swaps.pop(model)
        joined = sorted(swap.joined, key=Waiter.rank)
        if error is not None:
            for waiter in joined:
                self._refuse(waiter, error)
        elif joined:
            free = self._limits[model].concurrency_limit - self._serving.get(model, 0)
            if self._effects.state_of(model) is not ProcessState.READY:
                # It was ready, and is gone again: nobody is sent to a dead process.
                free = 0
            free = max(0, free)
            for waiter in joined[:free]:
                self._end(waiter)
                self._serve(waiter.ticket)
            for waiter in joined[free:]:
                self._queue.add(waiter)
        self._walk()

    def _unload(self, models: Sequence[str]) -> None:
        unloaded = frozenset(models)
        for waiter in list(self._waiters.values()):
            if waiter.ticket.model in unloaded:
                self._refuse(waiter, ModelUnloaded(waiter.ticket.model))
        for model in unloaded & self._swaps.keys():
            self._swaps[model].doomed = True
        self._turns.effect(self._effects.stop, models)
        self._walk()

    def _reconfigured(
        self,
        planner: ISwapPlanner,
        limits: Mapping[str, Limits],
        priorities: Mapping[str, int],
        max_wait: float | None,
    ) -> None:
        self._planner = planner
        self._limits = limits
        self._priorities = priorities
        self._max_wait = inf if max_wait is None else max_wait
        self._deadlines = Deadlines()
        for waiter in list(self._waiters.values()):
            model = waiter.ticket.model
            if model in limits:
                self._apply_rules(waiter, limits[model])
            else:
                self._refuse(waiter, ModelNotFound(model))
        self._queue.sort()
        self._walk()

    def _apply_rules(self, waiter: Waiter, limits: Limits) -> None:
        """
        Give a waiter the rank and the deadlines that its model's rules say.
        """
        arrived = waiter.ticket.arrived
        waiter.priority = self._priorities.get(waiter.ticket.model, 0)
        overdue_at = arrived + self._max_wait
        # Where that has passed otherwise, the next tick says so.
        waiter.overdue = waiter.overdue and overdue_at <= waiter.overdue_at
        waiter.overdue_at = overdue_at
        timeout = limits.queue_timeout
        waiter.refused_at = inf if timeout is None else arrived + timeout
        self._deadlines.add(waiter)

    def _shut_down(self, error: RequestError) -> None:
        self._closed = error
        for waiter in list(self._waiters.values()):
            self._refuse(waiter, error)
        self.claims = {}
        self._settle()

    def _tick(self, now: float) -> None:
        self._wake = None
        for waiter in self._deadlines.due(now):
            if waiter.refused_at <= now:
                waited = waiter.refused_at - waiter.ticket.arrived
                self._refuse(waiter, QueueTimeout(waiter.ticket.model, waited))
            else:
                waiter.overdue = True
        self._queue.sort()
        self._walk()

    # The queue.

    def _walk(self) -> None:
        """
        Judge every queued ticket again, in order.
        """
        self._queue.settle()
        earlier, self.claims = self.claims, {}
        self._judge(self._queue, earlier)

    def _judge(self, waiters: Iterable[Waiter], earlier: Claims) -> None:
        """
        Judge some of the queue.

        :param waiters: whom, in order; those ahead of them have their claims.
        :param earlier: what these claimed when they were judged last.
        """
        running = {*self._effects.running(), *self._swaps}
        # What is true for one ticket of a model is true for those behind it.
        stuck: set[str] = set()
        try:
            for waiter in waiters:
                model = waiter.ticket.model
                if model in stuck:
                    continue
                try:
                    if self._goes(waiter, running, earlier.get(model)):
                        continue
                    if waiter.overdue:
                        self.claims[model] = claim(
                            self._planner,
                            model,
                            self._swaps.spare(running),
                            earlier.get(model),
                        )
                except RequestError as e:
                    # A planner that fails costs the request that it failed for.
                    self._refuse(waiter, e)
                    continue
                stuck.add(model)
        finally:
            self._settle()

    def _goes(
        self, waiter: Waiter, running: set[str], claimed: frozenset[str] | None
    ) -> bool:
        """
        Whether a ticket has left the queue, by rules 3 to 7.

        :param claimed: what it has waited for as an overdue one, if it has.
        """
        model = waiter.ticket.model
        swap = self._swaps.get(model)
        if swap is not None:
            if swap.doomed:
                return False
            self._join(swap, waiter)
            return True
        evict = frozenset(self._planner.evictions_for(model, running))
        if self.claims and is_held(
            self._planner, self.claims, model, evict, self._swaps.spare(running)
        ):
            return False
        if not evict and self._effects.state_of(model) is ProcessState.READY:
            if self._swaps.stop(model) or not self._has_slot(model):
                return False
            self._end(waiter)
            self._serve(waiter.ticket)
            return True
        if not self._may_stop(model, evict):
            if claimed is None:
                return False
            # The planner would wait for others by now.
            evict = claimed & running
            if not self._may_stop(model, evict) or self._planner.evictions_for(
                model, running - evict
            ):
                return False
        self._start(waiter, evict, running)
        return True

    def _may_be_served(self, model: str, running: Collection[str]) -> bool:
        return (
            self._effects.state_of(model) is ProcessState.READY
            and self._has_slot(model)
            and not self._planner.evictions_for(model, running)
            and not self._swaps.stop(model)
        )

    def _has_slot(self, model: str) -> bool:
        return self._serving.get(model, 0) < self._limits[model].concurrency_limit

    def _may_stop(self, model: str, evict: Set[str]) -> bool:
        """
        Whether a swap that stops these hinders no other and ends no request.
        """
        return evict.isdisjoint(self._serving) and not self._swaps.collide(model, evict)

    # What becomes of a ticket.

    def _serve(self, ticket: Ticket) -> None:
        self._serving[ticket.model] = self._serving.get(ticket.model, 0) + 1
        self._turns.effect(self._effects.grant, ticket)

    def _refuse(self, waiter: Waiter, error: RequestError) -> None:
        self._end(waiter)
        self._count_down(self._held, waiter.ticket.model)
        self._turns.effect(self._effects.refuse, waiter.ticket, error)

    def _start(self, waiter: Waiter, evict: frozenset[str], running: set[str]) -> None:
        model = waiter.ticket.model
        swap = self._swaps[model] = Swap(model, evict)
        self._join(swap, waiter)
        self._turns.effect(self._planner.swap_started, model, frozenset(running))
        self._turns.effect(
            self._effects.start_swap, model, sorted(evict), waiter.overdue
        )
        running.add(model)
        self.forced_swaps += waiter.overdue

    def _join(self, swap: Swap, waiter: Waiter) -> None:
        swap.join(waiter)
        self._tell_position(waiter, 0)

    def _end(self, waiter: Waiter) -> None:
        """
        It waits no longer.  The queue lets go of it when it is settled.
        """
        del self._waiters[waiter.ticket]
        if waiter.place is Place.JOINED and waiter.ticket.model in self._swaps:
            self._swaps[waiter.ticket.model].joined.remove(waiter)
        waiter.place = Place.ENDED

    def _count_down(self, counts: dict[str, int], model: str) -> None:
        counts[model] -= 1
        if not counts[model]:
            del counts[model]

    # What is told to the world besides.

    def _settle(self) -> None:
        """
        Whoever left the queue is out of it: tell the others where they stand,
        and ask for the next time that matters.
        """
        self._queue.settle()
        for position, waiter in self._queue.positions():
            self._tell_position(waiter, position)
        wake = self._deadlines.next()
        if wake != self._wake:
            self._wake = wake
            self._turns.effect(self._effects.wake_at, wake)

    def _tell_position(self, waiter: Waiter, position: int) -> None:
        if waiter.ticket.wants_position and waiter.position != position:
            waiter.position = position
            self._turns.effect(self._effects.tell_position, waiter.ticket, position)
