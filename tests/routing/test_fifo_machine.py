"""
The scheduler and each planner, through random sequences of events.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from zope.interface.verify import verifyObject

from llamaswap_tw.errors import RequestError, ShuttingDown
from llamaswap_tw.interfaces import IEffects, IScheduler, ISwapPlanner
from llamaswap_tw.routing.group import Group, GroupPlanner
from llamaswap_tw.routing.limits import Limits
from llamaswap_tw.routing.matrix.link import link
from llamaswap_tw.routing.matrix.planner import MatrixPlanner

from ..support import ModelTestCase
from .fakes import Manners, World
from .matrices import costs_of, linked_sets

MODELS = ("a", "b", "c", "d", "e")

_groups = st.builds(
    Group, swap=st.booleans(), exclusive=st.booleans(), persistent=st.booleans()
)


@st.composite
def group_planners(draw: st.DrawFn) -> GroupPlanner:
    """
    Any groups over `MODELS`, some of which may be in none.
    """
    members: dict[str, list[str]] = {}
    for model in MODELS:
        name = draw(st.sampled_from(["x", "y", "z", ""]))
        if name:
            members.setdefault(name, []).append(model)
    groups = {}
    for name, its in members.items():
        flags = draw(_groups)
        groups[name] = Group(flags.swap, flags.exclusive, flags.persistent, tuple(its))
    return GroupPlanner(groups, MODELS)


def ignore(line: str) -> None:
    """
    What a planner logs is of no matter here.
    """


#: Any matrices over `MODELS`, some of which may be in no set.
matrix_planners = st.builds(
    MatrixPlanner, linked_sets(MODELS), costs_of(MODELS), st.just(ignore)
)


_limits = st.builds(
    Limits,
    concurrency_limit=st.integers(1, 3),
    queue_limit=st.integers(0, 2),
    queue_timeout=st.sampled_from([None, None, 7.0]),
)
# A place in a list that is not known yet: cheaper to draw than from the list.
_which = st.integers(0, 59)
_manners = st.builds(
    Manners,
    instant=st.sampled_from([False, False, True]),
    late=st.booleans(),
    hasty=st.sampled_from([False, False, False, True]),
    patient=st.booleans(),
)


def finish(world: World, close: bool) -> None:
    """
    Let everything end, and see that nothing is left.

    :param close: whether by a shutdown.
    """
    if close:
        world.shut_down(ShuttingDown())
        assert not world.waiting
        assert world.wake is None
        assert isinstance(world.ended[world.request("a")], ShuttingDown)
    world.settle()
    world.check()
    assert not world.waiting and not world.served and not world.swaps
    assert world.arrivals.keys() == world.ended.keys()
    assert world.wake is None
    if close:
        return
    for model, limits in world.limits.items():
        # Every count is zero again: nobody is refused before the limit.
        tickets = [world.request(model) for _ in range(limits.most)]
        for ticket in tickets:
            assert not isinstance(world.ended.get(ticket), RequestError)
        world.settle()
        assert all(world.ended[ticket] == "served" for ticket in tickets)


class SchedulerMachine(RuleBasedStateMachine):
    """
    Anything may happen, in any order; `World` and its checks know what must be
    true all the time.

    :cvar planners: with which planners.
    """

    planners: ClassVar[st.SearchStrategy[ISwapPlanner]]
    world: World
    close: bool

    @initialize(
        data=st.data(),
        limits=st.fixed_dictionaries(dict.fromkeys(MODELS, _limits)),
        priorities=st.dictionaries(st.sampled_from(MODELS), st.integers(-1, 1)),
        max_wait=st.sampled_from([None, 5.0, 10.0]),
        manners=_manners,
        close=st.sampled_from([False, False, True]),
    )
    def begin(
        self,
        data: st.DataObject,
        limits: dict[str, Limits],
        priorities: dict[str, int],
        max_wait: float | None,
        manners: Manners,
        close: bool,
    ) -> None:
        planner = data.draw(self.planners)
        self.world = World(planner, limits, priorities, max_wait, manners)
        self.close = close

    @rule(model=st.sampled_from(MODELS))
    def ask(self, model: str) -> None:
        self.world.request(model)

    @precondition(lambda self: self.world.moves())
    @rule(number=_which)
    def happens(self, number: int) -> None:
        moves = self.world.moves()
        moves[number % len(moves)][1]()

    @precondition(lambda self: self.world.served)
    @rule(number=_which)
    def release(self, number: int) -> None:
        served = self.world.served
        self.world.release(served[number % len(served)])

    @rule(models=st.lists(st.sampled_from(MODELS), max_size=2, unique=True))
    def unload(self, models: list[str]) -> None:
        self.world.scheduler.unload(models)

    @rule(seconds=st.sampled_from([1.0, 3.0, 12.0]))
    def advance(self, seconds: float) -> None:
        self.world.advance(seconds)

    @invariant()
    def holds(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            note("\n".join(self.world.log))
            finish(self.world, self.close)


class GroupMachine(SchedulerMachine):
    """
    With groups.
    """

    planners = group_planners()


class MatrixMachine(SchedulerMachine):
    """
    With a matrix.
    """

    planners = matrix_planners


class SchedulerMachineTests(ModelTestCase):
    """
    The scheduler keeps its promises whatever happens, in whatever order.
    """

    def test_groups(self) -> None:
        """
        No sequence of events breaks a rule, whatever the groups.
        """
        self.run_machine(GroupMachine)

    def test_matrix(self) -> None:
        """
        No sequence of events breaks a rule, whatever the matrix.
        """
        self.run_machine(MatrixMachine)

    def test_interfaces(self) -> None:
        """
        The parts provide what they say.
        """
        planner = GroupPlanner({}, MODELS)
        world = World(planner, {})
        verifyObject(ISwapPlanner, planner)
        verifyObject(IEffects, world)
        verifyObject(IScheduler, world.scheduler)

    def test_reaches(self) -> None:
        """
        Events at random reach all that is worth a check.
        """
        random = Random(7)
        seen: Counter[str] = Counter()
        for number in range(120):
            planner = self._random_matrix if number % 2 else self._random_groups
            world = self._random_world(planner(random), random)
            for _ in range(120):
                self._random_move(world, random)
                world.check()
            finish(world, random.random() < 0.3)
            seen += world.seen
        for what in (
            "swap",
            "forced swap",
            "parallel swaps",
            "swap to a ready model",
            "grant",
            "ConcurrencyLimit",
            "QueueTimeout",
            "ModelUnloaded",
            "ShuttingDown",
            "StartFailed",
            "unload during swap",
            "unload while serving",
            "crash while serving",
        ):
            self.assertGreater(seen[what], 3, (what, seen))

    def _random_groups(self, random: Random) -> ISwapPlanner:
        def flag() -> bool:
            return random.random() < 0.5

        names = [random.choice("xyz-") for _ in MODELS]
        groups = {
            name: Group(
                flag(),
                flag(),
                flag(),
                tuple(m for m, its in zip(MODELS, names, strict=True) if its == name),
            )
            # In one order, whatever the texts' hashes are.
            for name in sorted({*names} - {"-"})
        }
        return GroupPlanner(groups, MODELS)

    def _random_matrix(self, random: Random) -> ISwapPlanner:
        sets = {
            name: " & ".join(random.sample(MODELS, random.randint(2, 4)))
            for name in "vwxyz"
        }
        return MatrixPlanner(link(sets, {}, MODELS), {"a": 2}, ignore)

    def _random_world(self, planner: ISwapPlanner, random: Random) -> World:
        def flag() -> bool:
            return random.random() < 0.5

        limits = {
            model: Limits(
                random.randint(1, 3), random.randint(0, 2), random.choice([None, 7.0])
            )
            for model in MODELS
        }
        manners = Manners(late=flag(), patient=flag())
        return World(planner, limits, {"a": 1}, 5.0, manners)

    def _random_move(self, world: World, random: Random) -> None:
        kind = random.random()
        if kind < 0.4:
            world.request(random.choice(MODELS))
        elif kind < 0.45:
            world.scheduler.unload([random.choice(MODELS)])
        elif kind < 0.55:
            world.advance(random.choice([1.0, 3.0]))
        elif moves := world.moves():
            random.choice(moves)[1]()
