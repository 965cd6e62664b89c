"""
Tests for `llamaswap_tw.routing.reasons`, through the scheduler that asks it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from llamaswap_tw.errors import PlannerFailed
from llamaswap_tw.interfaces import ISwapPlanner
from llamaswap_tw.routing.group import Group, GroupPlanner
from llamaswap_tw.routing.limits import Limits

from .fakes import Manners, World


@implementer(ISwapPlanner)
class Moody:
    """
    A planner that fails while a test says so.
    """

    def __init__(self) -> None:
        self.planner = GroupPlanner({}, "ab")
        self.fails = False

    def evictions_for(self, target: str, running: Collection[str]) -> Sequence[str]:
        if self.fails:
            raise PlannerFailed("moody", "it was meant to")
        return self.planner.evictions_for(target, running)

    def swap_started(self, target: str, running: Collection[str]) -> None:
        pass


class QueueTests(SynchronousTestCase):
    """
    What is shown of those who wait.
    """

    def world(
        self,
        *,
        groups: dict[str, Group] | None = None,
        limit: int = 2,
        max_wait: float | None = None,
    ) -> World:
        planner = GroupPlanner(groups or {}, "abc")
        limits = dict.fromkeys("abc", Limits(limit, 9))
        return World(planner, limits, None, max_wait, Manners())

    def shown(self, world: World) -> list[tuple[str, int, tuple[str, ...]]]:
        return [
            (world.name(waiting.ticket), waiting.position, waiting.behind)
            for waiting in world.scheduler.queue()
        ]

    def test_nobody(self) -> None:
        """
        Where nobody waits there is nobody.
        """
        world = self.world()
        world.request("a")
        world.settle()
        self.assertEqual(self.shown(world), [])

    def test_load(self) -> None:
        """
        Who waits for a load is in no queue, and waits for nothing but what is still
        being stopped for it.
        """
        world = self.world()
        world.request("a")
        self.assertEqual(self.shown(world), [("a0", 0, ())])
        world.settle()
        world.request("b")
        self.assertEqual(self.shown(world), [("b1", 0, ("a",))])
        world.end_stop("a")
        self.assertEqual(self.shown(world), [("b1", 0, ())])

    def test_serving(self) -> None:
        """
        Who needs a model stopped that is serving waits for that.
        """
        world = self.world()
        world.request("a")
        world.end_start("a")
        world.request("b")
        world.request("b")
        self.assertEqual(self.shown(world), [("b1", 1, ("a",)), ("b2", 2, ("a",))])

    def test_full(self) -> None:
        """
        Who finds its own model without a free slot waits for that one.
        """
        world = self.world(limit=1)
        world.request("a")
        world.end_start("a")
        world.request("a")
        self.assertEqual(self.shown(world), [("a1", 1, ("a",))])

    def test_swap(self) -> None:
        """
        Who would undo a swap that is under way waits for what that brings up.
        """
        world = self.world()
        world.request("b")
        world.request("c")
        self.assertEqual(self.shown(world), [("b0", 0, ()), ("c1", 1, ("b",))])

    def test_unloaded(self) -> None:
        """
        Who comes while its model is being unloaded waits for that to be over.
        """
        world = World(
            GroupPlanner({}, "a"), {"a": Limits()}, manners=Manners(patient=True)
        )
        world.request("a")
        world.scheduler.unload(["a"])
        world.request("a")
        self.assertEqual(self.shown(world), [("a1", 1, ("a",))])

    def test_overdue(self) -> None:
        """
        Who is held by one that waited too long waits for what that one wants; and
        that one for what it has claimed.
        """
        world = self.world(max_wait=10.0)
        world.request("a")
        world.end_start("a")
        world.request("b")
        world.advance(10.0)
        world.request("a")
        self.assertEqual(self.shown(world), [("b1", 1, ("a",)), ("a2", 2, ("b",))])

    def test_no_part_in_it(self) -> None:
        """
        A model that runs beside it all is nobody's reason.
        """
        groups = {"x": Group(False, False, True, ("c",))}
        world = self.world(groups=groups)
        for model in "ca":
            world.request(model)
            world.end_start(model)
        world.request("b")
        self.assertEqual(self.shown(world), [("b2", 1, ("a",))])

    def test_planner_fails(self) -> None:
        """
        A planner that fails costs the reason, not the answer.
        """
        planner = Moody()
        world = World(planner, dict.fromkeys("ab", Limits()))
        world.request("a")
        world.end_start("a")
        world.request("b")
        planner.fails = True
        self.assertEqual(self.shown(world), [("b1", 1, ())])
