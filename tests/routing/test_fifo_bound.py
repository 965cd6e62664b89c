"""
Nobody waits beyond the bound, whatever the load: the scheduler in simulated time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.interfaces import ISwapPlanner, Ticket
from llamaswap_tw.routing.group import Group, GroupPlanner
from llamaswap_tw.routing.limits import Limits
from llamaswap_tw.routing.matrix.link import link
from llamaswap_tw.routing.matrix.planner import MatrixPlanner

from ..support import EXAMPLES
from .fakes import Manners, World
from .test_fifo_machine import MODELS, group_planners, ignore, matrix_planners

#: Seconds: what every request, load and stop takes at most; until overdue.
REQUEST = 8.0
LOAD = 5.0
STOP = 2.0
MAX_WAIT = 20.0


class Simulation(World):
    """
    A world that goes on by itself: requests, loads and stops take time.

    :ivar worst: the longest wait of each model's tickets, in seconds.
    """

    def __init__(
        self,
        planner: ISwapPlanner,
        limit: int,
        priorities: dict[str, int],
        seed: int,
    ) -> None:
        limits = dict.fromkeys(MODELS, Limits(limit))
        super().__init__(planner, limits, priorities, MAX_WAIT, Manners())
        self.random = Random(seed)
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.planned = 0
        self.bounds: dict[Ticket, float] = {}
        self.worst: dict[str, float] = {}

    def plan(self, delay: float, action: Callable[[], None]) -> None:
        """
        Do something later.
        """
        self.planned += 1
        heappush(self.agenda, (self.now + delay, self.planned, action))

    def run(self, until: float) -> None:
        """
        Let time pass.
        """
        while self.agenda and self.agenda[0][0] <= until:
            time, _, action = heappop(self.agenda)
            self.advance(time - self.now)
            self.now = time
            self._mind_bounds()
            action()
            self.check()
            self._mind_bounds()

    def keep_asking(self, model: str, every: float) -> None:
        """
        Ask for ``model`` at least that often, from now on.
        """

        def ask() -> None:
            self.request(model)
            self.plan(every * self.random.uniform(0.3, 1.0), ask)

        ask()

    def _mind_bounds(self) -> None:
        """
        See that nobody waits beyond the bound.  That of whoever has become
        overdue: the longest request, the load that it needs, and each load that
        is under way or ahead of it, with the requests that came for that.
        """
        ahead: set[str] = set(self.swaps)
        for ticket in self.queued():
            if not self.is_overdue(ticket):
                break
            before = len(ahead - {ticket.model})
            self.bounds.setdefault(
                ticket,
                MAX_WAIT + REQUEST + before * (STOP + LOAD + REQUEST) + STOP + LOAD,
            )
            ahead.add(ticket.model)
        for ticket in self.waiting:
            self._check_wait(ticket)

    def _check_wait(self, ticket: Ticket) -> float:
        waited = self.now - ticket.arrived
        bound = self.bounds.get(ticket, MAX_WAIT + STOP + LOAD)
        assert waited <= bound + 0.001, (
            f"{self.name(ticket)} waited {waited:g} s, not {bound:g}\n"
            + "\n".join(self.log)
        )
        return waited

    def grant(self, ticket: Ticket) -> None:
        waited = self._check_wait(ticket)
        self.worst[ticket.model] = max(waited, self.worst.get(ticket.model, 0))
        super().grant(ticket)
        self.plan(REQUEST * self.random.uniform(0.6, 1), lambda: self.release(ticket))

    def starting(self, model: str) -> None:
        self.plan(LOAD * self.random.uniform(0.6, 1), lambda: self.end_start(model))

    def stopping(self, model: str) -> None:
        self.plan(STOP * self.random.uniform(0.6, 1), lambda: self.end_stop(model))


class BoundTests(SynchronousTestCase):
    """
    ``maxWait`` bounds every wait.
    """

    @settings(max_examples=EXAMPLES // 3, deadline=None)
    @given(
        planner=st.one_of(group_planners(), matrix_planners),
        limit=st.integers(1, 4),
        priorities=st.dictionaries(st.sampled_from(MODELS), st.integers(-1, 1)),
        greedy=st.sets(st.sampled_from(MODELS), min_size=1, max_size=4),
        seed=st.integers(0, 2**16),
    )
    def test_bound(
        self,
        planner: ISwapPlanner,
        limit: int,
        priorities: dict[str, int],
        greedy: set[str],
        seed: int,
    ) -> None:
        """
        With models that always have a request in flight, any groups and any
        priorities, every ticket is served within its bound.
        """
        world = Simulation(planner, limit, priorities, seed)
        for model in sorted(greedy):
            world.keep_asking(model, REQUEST / 4)
        for model in MODELS:
            world.keep_asking(model, 60)
        world.run(300)
        self.assertTrue(world.worst)

    def _busy(self, planner: ISwapPlanner, busy: str, others: str) -> Simulation:
        world = Simulation(planner, 4, {busy: 5}, 1)
        world.keep_asking(busy, REQUEST / 4)
        world.run(15)
        for model in others:
            world.request(model)
        world.run(200)
        return world

    def test_always_busy(self) -> None:
        """
        A model that is never idle, of higher priority, gives way to one that
        has waited for ``maxWait``; the swap is counted as forced.
        """
        world = self._busy(GroupPlanner({}, MODELS), "a", "b")
        self.assertLessEqual(world.worst["b"], MAX_WAIT + REQUEST + STOP + LOAD)
        self.assertGreaterEqual(world.worst["b"], MAX_WAIT)
        self.assertGreater(world.scheduler.forced_swaps, 0)

    def test_chain(self) -> None:
        """
        Of three models that exclude one another, each waits for no more than
        the loads ahead of it.
        """
        world = self._busy(GroupPlanner({}, MODELS), "a", "bc")
        one = STOP + LOAD + REQUEST
        self.assertLessEqual(world.worst["b"], MAX_WAIT + one)
        self.assertLessEqual(world.worst["c"], MAX_WAIT + 2 * one)

    def test_one_wants_two_stopped(self) -> None:
        """
        A model that needs two others stopped, which run beside each other and
        are never idle at the same time, gets its turn.
        """
        groups = {
            "pair": Group(swap=False, exclusive=False, members=("a", "b")),
            "big": Group(members=("c",)),
        }
        world = Simulation(GroupPlanner(groups, MODELS), 4, {}, 2)
        world.keep_asking("a", REQUEST / 4)
        world.keep_asking("b", REQUEST / 4)
        world.run(15)
        world.request("c")
        world.run(200)
        self.assertLessEqual(world.worst["c"], MAX_WAIT + REQUEST + STOP + LOAD)
        self.assertGreater(world.seen["grant"], 20)

    def _chooses(
        self, happens: Callable[[Simulation], object], runs: str
    ) -> Counter[str]:
        """
        Let ``d`` be overdue while ``a`` and ``b`` are never idle, either of which it
        can do without, and something happen that makes the other one the better
        choice.

        :returns: how often what happened.
        """
        sets = {"all": "a & b & c", "one": "d & a", "two": "d & b & c"}
        seen: Counter[str] = Counter()
        for seed, at in product(range(4), (2.0, 4.0, 6.0)):
            planner = MatrixPlanner(link(sets, {}, MODELS), {}, ignore)
            world = Simulation(planner, 4, {}, seed)
            for model in runs:
                world.keep_asking(model, REQUEST / 4 if model in "ab" else 999)
            world.run(40)
            world.request("d")
            world.run(40 + MAX_WAIT + at)
            if "d" not in self._up(world):
                seen["overdue"] += 1
                happens(world)
            world.run(120)
            bound = MAX_WAIT + REQUEST + STOP + LOAD
            self.assertLessEqual(world.worst["d"], bound)
            seen += world.seen
        return seen

    def _up(self, world: Simulation) -> set[str]:
        return {*world.running(), *world.swaps}

    def test_choice_stays_when_more_runs(self) -> None:
        """
        What is asked for while a ticket is overdue does not make it wait for
        another model than before: it is held.
        """

        def ask(world: Simulation) -> None:
            world.request("c")
            self.assertNotIn("c", self._up(world))

        self.assertGreater(self._chooses(ask, "ab")["overdue"], 3)

    def test_choice_stays_when_less_runs(self) -> None:
        """
        Nor does a model that crashes: where the first choice becomes idle before
        what the planner would choose by then, that is what stops.
        """
        seen = self._chooses(lambda world: world.crash("c"), "abc")
        self.assertGreater(seen["overdue"], 3)
        self.assertGreater(seen["swap by an earlier claim"], 1)
