"""
Tests for `llamaswap_tw.routing.fifo`, example by example.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from llamaswap_tw.errors import (
    ConcurrencyLimit,
    ModelNotFound,
    ModelUnloaded,
    QueueTimeout,
    RequestError,
    ShuttingDown,
    StartFailed,
)
from llamaswap_tw.interfaces import ISwapPlanner, ProcessState, Ticket
from llamaswap_tw.routing.group import Group, GroupPlanner
from llamaswap_tw.routing.limits import Limits

from .fakes import Manners, World


def grouped(**groups: Group) -> GroupPlanner:
    """
    A planner over the models a to e.
    """
    return GroupPlanner(groups, "abcde")


def make_world(
    planner: ISwapPlanner | None = None,
    *,
    up: Iterable[str] = (),
    limits: Mapping[str, Limits] | None = None,
    priorities: Mapping[str, int] | None = None,
    max_wait: float | None = None,
    manners: Manners | None = None,
) -> World:
    """
    A world of the models a to e, in which some have been loaded.
    """
    world = World(
        planner or grouped(),
        {**dict.fromkeys("abcde", Limits()), **(limits or {})},
        priorities,
        max_wait,
        manners or Manners(),
    )
    for model in up:
        world.request(model)
        world.settle()
    world.log.clear()
    return world


class EightCasesTests(SynchronousTestCase):
    """
    What every router of this kind must hold to.
    """

    def test_model_in_two_groups_is_an_error(self) -> None:
        """
        A model in two groups is a config error.
        """
        both = Group(members=("a",))
        self.assertRaises(ValueError, GroupPlanner, {"g": both, "h": both}, "a")

    def test_swap_stops_runs_and_serves_once(self) -> None:
        """
        A swap stops the previous member once, runs the new one once, serves
        once.
        """
        world = make_world(grouped(g=Group(members=("a", "b"))), up="a")
        ticket = world.request("b")
        self.assertEqual(world.states["a"], ProcessState.STOPPING)
        self.assertEqual(world.states["b"], ProcessState.STOPPED)
        world.end_stop("a")
        self.assertEqual(world.states["b"], ProcessState.STARTING)
        world.end_start("b")
        self.assertEqual(world.log, ["swap b -a", "grant b1"])
        world.release(ticket)
        self.assertEqual(world.log, ["swap b -a", "grant b1"])

    def test_no_swap_stops_nobody(self) -> None:
        """
        A group with ``swap: false`` stops nobody.
        """
        world = make_world(grouped(g=Group(swap=False, members=("a", "b"))), up="a")
        world.request("b")
        world.settle()
        self.assertEqual(world.log, ["swap b", "grant b1"])
        self.assertEqual(sorted(world.running()), ["a", "b"])

    def test_exclusive_stops_others(self) -> None:
        """
        An exclusive group stops other groups' models.
        """
        world = make_world(
            grouped(
                g=Group(swap=False, members=("a", "b")),
                h=Group(swap=False, members=("c", "d")),
            ),
            up="ab",
        )
        world.request("c")
        self.assertEqual(world.log, ["swap c -a -b"])

    def test_non_exclusive_load_in_parallel(self) -> None:
        """
        Models of two non-exclusive groups load in parallel.
        """
        world = make_world(
            grouped(
                g=Group(exclusive=False, members=("a",)),
                h=Group(exclusive=False, members=("b",)),
            )
        )
        world.request("a")
        world.request("b")
        self.assertEqual(world.states["a"], ProcessState.STARTING)
        self.assertEqual(world.states["b"], ProcessState.STARTING)

    def test_swap_group_never_loads_in_parallel(self) -> None:
        """
        Two requests for one group that swaps never load in parallel, even when
        the second arrives before the first process has begun to start.
        """
        world = make_world(grouped(g=Group(members=("a", "b", "c"))), up="c")
        world.request("a")
        self.assertEqual(world.states["a"], ProcessState.STOPPED)
        world.request("b")
        self.assertEqual(world.log, ["swap a -c"])
        world.settle()
        self.assertEqual(world.log, ["swap a -c", "grant a1", "swap b -a", "grant b2"])

    def test_persistent_is_not_evicted(self) -> None:
        """
        A persistent group is never evicted by another.
        """
        world = make_world(
            grouped(g=Group(persistent=True, members=("a",)), h=Group(members=("b",))),
            up="a",
        )
        world.request("b")
        self.assertEqual(world.log, ["swap b"])

    def test_non_exclusive_does_not_unload_exclusive(self) -> None:
        """
        A model of a non-exclusive group does not unload an exclusive one.
        """
        world = make_world(
            grouped(g=Group(members=("a",)), h=Group(exclusive=False, members=("b",))),
            up="a",
        )
        world.request("b")
        self.assertEqual(world.log, ["swap b"])


class RulesTests(SynchronousTestCase):
    """
    A ticket is judged by the rules.
    """

    def test_unknown(self) -> None:
        """
        A model that is not ours is not found.
        """
        world = make_world()
        self.assertIsInstance(world.ended[world.request("z")], ModelNotFound)

    def test_limit(self) -> None:
        """
        Beyond ``concurrencyLimit``, those who wait and those who are served
        together, a ticket is refused at once, with the limit.
        """
        world = make_world(limits={"a": Limits(2)})
        first = world.request("a")
        world.request("a")
        error = world.ended[world.request("a")]
        assert isinstance(error, ConcurrencyLimit)
        self.assertEqual((error.status, error.retry_after), (429, 1))
        self.assertIn("already has 2 requests", error.message)
        world.end_start("a")
        self.assertIsInstance(world.ended[world.request("a")], ConcurrencyLimit)
        world.release(first)
        self.assertEqual(world.ended[world.request("a")], "served")

    def test_queue_limit(self) -> None:
        """
        ``queueLimit`` tickets more wait for a slot, in order, though the model
        is ready.
        """
        world = make_world(limits={"a": Limits(1, 2)})
        tickets = [world.request("a") for _ in range(3)]
        self.assertIsInstance(world.ended[world.request("a")], ConcurrencyLimit)
        world.end_start("a")
        for number, ticket in enumerate(tickets):
            self.assertEqual(world.served, [ticket])
            waiting = [world.positions[t] for t in tickets[number + 1 :]]
            self.assertEqual(waiting, list(range(1, len(waiting) + 1)))
            world.release(ticket)
        self.assertEqual(
            world.log[1:],
            ["refuse a3 ConcurrencyLimit"] + [f"grant a{n}" for n in range(3)],
        )

    def test_joins(self) -> None:
        """
        A swap's end goes to all who joined it.
        """
        world = make_world()
        world.request("a")
        world.request("a")
        self.assertEqual(list(world.positions.values()), [0, 0])
        world.end_start("a")
        self.assertEqual(world.log, ["swap a", "grant a0", "grant a1"])

    def test_load_fails(self) -> None:
        """
        A failed load refuses all who joined it with its reason; the next
        ticket tries again.
        """
        world = make_world()
        tickets = [world.request("a"), world.request("a")]
        world.fail_start("a")
        for ticket in tickets:
            self.assertIsInstance(world.ended[ticket], StartFailed)
        world.request("a")
        world.end_start("a")
        self.assertEqual(world.log[-2:], ["swap a", "grant a2"])

    def test_gone_when_ready(self) -> None:
        """
        Nobody is sent to a model that was ready and died before its swap's end
        was heard of: it is loaded once more.
        """
        world = make_world(manners=Manners(late=True))
        world.request("a")
        world.end_start("a")
        world.crash("a")
        world.settle()
        self.assertEqual(world.log, ["swap a", "swap a", "grant a0"])

    def test_busy_is_not_stopped(self) -> None:
        """
        A model that serves is not stopped for another, which waits for it.
        """
        world = make_world(up="a")
        serving = world.request("a")
        other = world.request("b")
        self.assertEqual(world.positions[other], 1)
        self.assertEqual(world.log, ["grant a1"])
        world.release(serving)
        self.assertEqual(world.log, ["grant a1", "swap b -a"])
        self.assertEqual(world.positions[other], 0)

    def test_ready_but_not_alone(self) -> None:
        """
        A model that is ready is served only once what its planner forbids
        beside it has stopped.
        """
        world = make_world(
            grouped(g=Group(members=("a",)), h=Group(exclusive=False, members=("b",))),
            up="ab",
        )
        world.request("a")
        self.assertEqual(world.log, ["swap a -b"])
        world.end_stop("b")
        self.assertEqual(world.log, ["swap a -b", "grant a2"])

    def test_collisions(self) -> None:
        """
        A swap waits for one under way that it would stop, that stops it, or
        that stops the same model.
        """
        planner = Table({"b": "a", "c": "b", "d": "a"})
        for model in "acd":
            world = make_world(planner, up="a")
            world.request("b")
            ticket = world.request(model)
            self.assertEqual(world.log, ["swap b -a"])
            self.assertEqual(world.positions[ticket], 1)
        world.request("e")
        self.assertEqual(world.log, ["swap b -a", "swap e"])

    def test_stopping(self) -> None:
        """
        A request for a model that is stopping starts it again.
        """
        world = make_world(up="a")
        world.expire("a")
        world.request("a")
        world.settle()
        self.assertEqual(world.log, ["swap a", "grant a1"])

    def test_crash_while_serving(self) -> None:
        """
        A model that died is loaded for the next ticket, while requests of
        before still count.
        """
        world = make_world(up="a", limits={"a": Limits(2)})
        old = world.request("a")
        world.crash("a")
        world.request("a")
        self.assertIsInstance(world.ended[world.request("a")], ConcurrencyLimit)
        world.end_start("a")
        world.release(old)
        self.assertEqual(world.ended[world.request("a")], "served")


@implementer(ISwapPlanner)
class Table:
    """
    A planner that has it in writing: model → what it stops.
    """

    def __init__(self, stops: Mapping[str, str]) -> None:
        self.stops = stops
        self.told: list[tuple[str, list[str]]] = []

    def evictions_for(self, target: str, running: Collection[str]) -> Sequence[str]:
        return sorted(m for m in running if m in self.stops.get(target, ""))

    def swap_started(self, target: str, running: Collection[str]) -> None:
        self.told.append((target, sorted(running)))


class QueueTests(SynchronousTestCase):
    """
    Who waits keeps an order.
    """

    def test_turns(self) -> None:
        """
        A B C A B C A B C is served a a a b b b c c c, with three loads.
        """
        world = make_world()
        for model in "abcabcabc":
            world.request(model)
        world.settle()
        self.assertEqual(
            world.log,
            [
                *("swap a", "grant a0", "grant a3", "grant a6"),
                *("swap b -a", "grant b1", "grant b4", "grant b7"),
                *("swap c -b", "grant c2", "grant c5", "grant c8"),
            ],
        )

    def test_priority(self) -> None:
        """
        Higher priorities go first, equal ones by arrival.
        """
        world = make_world(up="e", priorities={"c": 1, "d": 1, "b": -1})
        serving = world.request("e")
        tickets = [world.request(model) for model in "badc"]
        self.assertEqual([world.positions[t] for t in tickets], [4, 3, 1, 2])
        world.release(serving)
        world.settle()
        self.assertEqual(
            [line for line in world.log if line.startswith("swap")],
            ["swap d -e", "swap c -d", "swap a -c", "swap b -a"],
        )

    def test_cancel_in_queue(self) -> None:
        """
        A client that goes away leaves the queue, others move up, and nothing is
        loaded for it.
        """
        world = make_world(up="a")
        serving = world.request("a")
        gone, other = world.request("b"), world.request("c")
        world.cancel(gone)
        self.assertEqual(world.positions[other], 1)
        world.scheduler.cancelled(gone)
        world.release(serving)
        world.settle()
        self.assertEqual(world.log, ["grant a1", "swap c -a", "grant c3"])

    def test_cancel_during_swap(self) -> None:
        """
        If the only one that waits for a swap goes away, the load goes on.
        """
        world = make_world()
        world.cancel(world.request("a"))
        world.end_start("a")
        self.assertEqual(world.log, ["swap a"])
        self.assertEqual(world.states["a"], ProcessState.READY)

    def test_cancel_served(self) -> None:
        """
        It is no matter if a ticket that was served is cancelled.
        """
        world = make_world(up="a")
        ticket = world.request("a")
        world.scheduler.cancelled(ticket)
        self.assertEqual(world.served, [ticket])
        world.release(ticket)

    def test_position_unwanted(self) -> None:
        """
        Positions are told only to those who want them.
        """
        world = make_world(up="a")
        world.request("a")
        ticket = Ticket("b", 0.0)
        world.scheduler.requested(ticket)
        self.assertNotIn(ticket, world.positions)

    def test_planner_is_told(self) -> None:
        """
        The planner hears of each swap once, with what runs.
        """
        planner = Table({"b": "a"})
        world = make_world(planner, up="a")
        planner.told.clear()
        world.request("b")
        self.assertEqual(planner.told, [("b", ["a"])])

    def test_queue_timeout(self) -> None:
        """
        A ticket that has waited for ``queueTimeout`` is refused, whether it is
        queued or waits for a swap.
        """
        world = make_world(
            up="a", limits={"b": Limits(queue_timeout=5.0), "a": Limits()}
        )
        serving = world.request("a")
        queued = world.request("b")
        world.advance(4.9)
        self.assertIn(queued, world.waiting)
        world.advance(0.2)
        error = world.ended[queued]
        assert isinstance(error, QueueTimeout)
        self.assertEqual((error.status, error.code), (503, "queue_timeout"))
        self.assertIn("waited 5 s", error.message)
        world.release(serving)
        joined = world.request("b")
        self.assertEqual(world.positions[joined], 0)
        world.advance(5.0)
        self.assertIsInstance(world.ended[joined], QueueTimeout)
        self.assertIsNone(world.wake)

    def test_early_tick(self) -> None:
        """
        A tick that comes a little early asks to be woken again.
        """
        world = make_world(up="a", max_wait=10.0)
        world.request("a")
        world.request("b")
        self.assertEqual(world.wake, 10.0)
        world.wake = None
        world.scheduler.tick(9.999999)
        self.assertEqual(world.wake, 10.0)

    def test_effect_raises(self) -> None:
        """
        An effect that raises hinders nobody else, and is heard of.
        """
        world = make_world()
        tickets = [world.request("a"), world.request("a")]
        refuse = world.refuse

        def broken(ticket: Ticket, error: RequestError) -> None:
            refuse(ticket, error)
            if ticket is tickets[0]:
                raise KeyError("broken")

        self.patch(world, "refuse", broken)
        self.assertRaises(KeyError, world.fail_start, "a", True)
        self.assertIsInstance(world.ended[tickets[1]], StartFailed)
        world.scheduler.stopped("a")
        world.request("a")
        world.end_start("a")
        self.assertEqual(world.log[-1], "grant a2")

    def test_planner_raises(self) -> None:
        """
        A planner that raises leaves everybody where they were, to be judged
        again.
        """
        planner = Table({"b": "a", "c": "a"})
        world = make_world(planner, up="a")
        serving = world.request("a")
        world.request("b")
        patch = self.patch(planner, "stops", None)
        self.assertRaises(AttributeError, world.release, serving)
        patch.restore()
        world.scheduler.stopped("e")
        world.settle()
        self.assertEqual(world.log[-2:], ["swap b -a", "grant b2"])


class UnloadTests(SynchronousTestCase):
    """
    Unload and shutdown.
    """

    def test_serving(self) -> None:
        """
        A model is unloaded though it serves, and those who wait for it are
        refused; others are routed meanwhile.
        """
        world = make_world(
            grouped(g=Group(swap=False, members=("a", "b"))),
            up="ab",
            limits={"a": Limits(1, 1)},
        )
        world.request("a")
        waiting = world.request("a")
        world.scheduler.unload(["a"])
        error = world.ended[waiting]
        assert isinstance(error, ModelUnloaded)
        self.assertEqual(error.status, 503)
        self.assertEqual(world.states["a"], ProcessState.STOPPING)
        self.assertEqual(world.ended[world.request("b")], "served")
        world.end_stop("a")

    def test_during_swap(self) -> None:
        """
        An unload ends a swap; who comes for the model after it is not refused
        with it, but waits for the next.
        """
        world = make_world(manners=Manners(patient=True))
        first = world.request("a")
        world.scheduler.unload(["a"])
        self.assertIsInstance(world.ended[first], ModelUnloaded)
        second = world.request("a")
        self.assertEqual(world.positions[second], 1)
        world.settle()
        self.assertEqual(world.ended[second], "served")

    def test_lets_others_go(self) -> None:
        """
        Whoever was held by an overdue ticket that is refused goes at once.
        """
        world = make_world(up="a", max_wait=10.0)
        world.request("a")
        world.request("b")
        world.advance(10.0)
        held = world.request("a")
        self.assertIn(held, world.waiting)
        world.scheduler.unload(["b"])
        self.assertIn(held, world.served)

    def test_shut_down(self) -> None:
        """
        A shutdown refuses all who wait and all who come; who is served stays.
        """
        world = make_world(up="a", max_wait=10.0)
        serving, waiting = world.request("a"), world.request("b")
        world.shut_down(ShuttingDown())
        self.assertIsInstance(world.ended[waiting], ShuttingDown)
        self.assertIsInstance(world.ended[world.request("a")], ShuttingDown)
        self.assertIsNone(world.wake)
        world.release(serving)
        self.assertEqual(world.log[-1], "refuse a3 ShuttingDown")

    def test_shut_down_during_swap(self) -> None:
        """
        A swap that was under way may end as it likes.
        """
        for ends in ("end_start", "fail_start"):
            world = make_world()
            ticket = world.request("a")
            world.shut_down(ShuttingDown())
            getattr(world, ends)("a")
            self.assertIsInstance(world.ended[ticket], ShuttingDown)


class OverdueTests(SynchronousTestCase):
    """
    Who has waited for ``maxWait`` gives way to nobody.
    """

    def test_holds(self) -> None:
        """
        New tickets of a model that must stop for an overdue one queue behind
        it; once what runs has ended, its swap starts, and is counted.
        """
        world = make_world(up="a", max_wait=10.0, priorities={"a": 9})
        serving = world.request("a")
        waiting = world.request("b")
        world.advance(9.9)
        also_serving = world.request("a")
        self.assertIn(also_serving, world.served)
        world.advance(0.1)
        held = world.request("a")
        self.assertEqual((world.positions[waiting], world.positions[held]), (1, 2))
        world.release(serving)
        self.assertEqual(world.seen["forced swap"], 0)
        world.release(also_serving)
        self.assertEqual(world.seen["forced swap"], 1)
        self.assertEqual(world.scheduler.forced_swaps, 1)
        world.settle()
        self.assertEqual(
            world.log[-4:], ["swap b -a", "grant b2", "swap a -b", "grant a4"]
        )

    def test_off(self) -> None:
        """
        Without ``maxWait`` nobody is ever overdue.
        """
        world = make_world(up="a")
        world.request("a")
        world.request("b")
        self.assertIsNone(world.wake)
        world.advance(1e6)
        self.assertIn(world.request("a"), world.served)

    def test_cancelled(self) -> None:
        """
        When an overdue ticket is cancelled, whom it held goes at once.
        """
        world = make_world(up="a", max_wait=10.0)
        world.request("a")
        overdue = world.request("b")
        world.advance(10.0)
        held = world.request("a")
        self.assertIn(held, world.waiting)
        world.cancel(overdue)
        self.assertIn(held, world.served)

    def test_unrelated(self) -> None:
        """
        An overdue ticket holds nobody whom it does not need stopped.
        """
        groups = {
            "g": Group(exclusive=False, members=("a", "b")),
            "h": Group(exclusive=False, members=("c",)),
        }
        world = make_world(grouped(**groups), up="ac", max_wait=10.0)
        world.request("a")
        world.request("b")
        world.advance(10.0)
        self.assertIn(world.request("c"), world.served)

    def test_by_arrival(self) -> None:
        """
        Several overdue tickets go by arrival, whatever their priority.
        """
        world = make_world(up="a", max_wait=10.0, priorities={"c": 5})
        serving = world.request("a")
        first, second = world.request("b"), world.request("c")
        self.assertEqual((world.positions[first], world.positions[second]), (2, 1))
        world.advance(10.0)
        self.assertEqual((world.positions[first], world.positions[second]), (1, 2))
        world.release(serving)
        world.settle()
        self.assertEqual(
            [line for line in world.log if "swap" in line], ["swap b -a", "swap c -b"]
        )

    def test_not_stopped_meanwhile(self) -> None:
        """
        The model that an overdue ticket waits for is not stopped, though it is
        idle, for somebody behind it.
        """
        planner = Table({"a": "b", "c": "a"})
        world = make_world(planner, up="ab", max_wait=10.0)
        busy = world.request("b")
        overdue = world.request("a")
        world.advance(10.0)
        world.request("c")
        self.assertEqual(world.log, ["grant b2"])
        world.release(busy)
        world.end_stop("b")
        self.assertEqual(world.log[1:], ["swap a -b", "grant a3"])
        self.assertIn(overdue, world.served)
