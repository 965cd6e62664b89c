"""
Tests for `llamaswap_tw.routing.fifo`: other rules, from one moment to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import ConcurrencyLimit, ModelNotFound, QueueTimeout
from llamaswap_tw.interfaces import ISwapPlanner
from llamaswap_tw.routing.group import Group, GroupPlanner
from llamaswap_tw.routing.limits import Limits

from .fakes import Overheard, World
from .test_fifo import grouped, make_world

TOGETHER = Group(swap=False, members=tuple("abcde"))


def reconfigure(
    world: World,
    planner: ISwapPlanner | None = None,
    limits: Mapping[str, Limits] | None = None,
    priorities: Mapping[str, int] | None = None,
    max_wait: float | None = None,
) -> None:
    """
    Other rules hold.
    """
    world.planner = planner or grouped()
    world.overheard = Overheard(world.planner)
    world.limits = dict.fromkeys("abcde", Limits()) if limits is None else limits
    world.priorities = priorities or {}
    world.max_wait = inf if max_wait is None else max_wait
    world.scheduler.reconfigured(
        world.overheard, world.limits, world.priorities, max_wait
    )


class ReconfiguredTests(SynchronousTestCase):
    """
    Whoever waits keeps waiting, by the rules that hold now.
    """

    def test_same(self) -> None:
        """
        The same rules change nothing.
        """
        world = make_world()
        for model in "abcab":
            world.request(model)
        world.log.clear()
        reconfigure(world)
        self.assertEqual(world.log, [])
        world.check()
        world.settle()
        self.assertEqual({*world.ended.values()}, {"served"})

    def test_planner(self) -> None:
        """
        Who need not wait any more goes.
        """
        world = make_world()
        for model in "ab":
            world.request(model)
        world.end_start("a")
        world.log.clear()
        reconfigure(world, grouped(g=TOGETHER))
        self.assertEqual(world.log, ["swap b"])
        world.check()

    def test_priorities(self) -> None:
        """
        The queue is sorted anew, and whoever asked is told where he stands.
        """
        world = make_world(up="a")
        held = world.request("a")
        b, c = world.request("b"), world.request("c")
        reconfigure(world, priorities={"c": 5})
        self.assertEqual((world.positions[c], world.positions[b]), (1, 2))
        world.release(held)
        self.assertIn("swap c -a", world.log)

    def test_limits(self) -> None:
        """
        A lower limit refuses nobody who is here already; a higher one lets in who
        waits for a slot.
        """
        world = make_world(up="a", limits={"a": Limits(1, 5)})
        tickets = [world.request("a") for _ in range(3)]
        limits = dict.fromkeys("abcde", Limits())
        reconfigure(world, limits={**limits, "a": Limits(2, 5)})
        self.assertEqual(world.served, tickets[:2])
        reconfigure(world, limits={**limits, "a": Limits(1)})
        self.assertEqual(world.waiting, tickets[2:])
        self.assertIsInstance(world.ended[world.request("a")], ConcurrencyLimit)
        world.settle()
        self.assertEqual(world.waiting, [])

    def test_removed(self) -> None:
        """
        Who waits for a model that is gone is refused, in the queue and in a swap;
        what is served goes on; and nothing is counted in the end.
        """
        world = make_world(up="a")
        held = world.request("a")
        queued = world.request("b")
        reconfigure(world, limits={"a": Limits(), "c": Limits()})
        self.assertIsInstance(world.ended[queued], ModelNotFound)
        self.assertEqual(world.served, [held])
        world.release(held)
        swapping = world.request("c")
        reconfigure(world, limits={"a": Limits()})
        self.assertIsInstance(world.ended[swapping], ModelNotFound)
        world.settle()
        scheduler = world.scheduler
        for counts in (scheduler._held, scheduler._serving, scheduler._swaps):
            self.assertEqual(counts, {})

    def test_queue_timeout(self) -> None:
        """
        A time that has passed by now counts at once; one that holds no more does
        not count.
        """
        limits = dict.fromkeys("abcde", Limits())
        world = make_world(up="a")
        world.request("a")
        waiting = world.request("b")
        world.advance(10)
        reconfigure(world, limits={**limits, "b": Limits(10, 0, 20.0)})
        reconfigure(world)
        world.advance(15)
        self.assertEqual(world.waiting, [waiting])
        reconfigure(world, limits={**limits, "b": Limits(10, 0, 20.0)})
        world.advance(0)
        self.assertIsInstance(world.ended[waiting], QueueTimeout)

    def test_max_wait(self) -> None:
        """
        So it is with the time that makes a request overdue.
        """
        world = make_world(up="a")
        held = world.request("a")
        waiting = world.request("b")
        world.advance(50)
        reconfigure(world, max_wait=20.0)
        world.advance(0)
        self.assertEqual(world.scheduler.claims, {"b": frozenset("a")})
        other = world.request("a")
        world.release(held)
        self.assertEqual(world.waiting, [waiting, other])
        self.assertIn("swap b -a", world.log)

    def test_overdue(self) -> None:
        """
        Who is overdue stays so: nobody slips in before him.
        """
        world = make_world(up="a", max_wait=20.0)
        held = world.request("a")
        world.request("b")
        world.advance(30)
        other = world.request("a")
        reconfigure(world, max_wait=20.0)
        self.assertEqual(world.served, [held])
        self.assertEqual(world.scheduler.claims, {"b": frozenset("a")})
        reconfigure(world)
        self.assertEqual(world.served, [held, other])
        self.assertEqual(world.scheduler.claims, {})

    def test_gone_ones_make_way(self) -> None:
        """
        A model that is gone and not down yet makes way for one that is to start,
        and is no matter to one that runs.
        """
        world = make_world(grouped(g=TOGETHER), up="ab")
        held = world.request("b")
        rest = {model: Limits() for model in "acde"}
        group = Group(swap=False, members=tuple("acde"))
        reconfigure(world, GroupPlanner({"g": group}, rest), rest)
        served = world.request("a")
        self.assertIn(served, world.served)
        world.request("c")
        self.assertNotIn("swap c -b", world.log)
        world.release(held)
        self.assertIn("swap c -b", world.log)
