"""
Tests for `llamaswap_tw.routing.router`, over the real scheduler and planner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from llamaswap_tw.errors import (
    ConcurrencyLimit,
    ModelNotFound,
    ModelUnloaded,
    QueueTimeout,
    RequestError,
    ShuttingDown,
    StartFailed,
)
from llamaswap_tw.interfaces import (
    IEffects,
    IModelProcess,
    IScheduler,
    ISwapObserver,
    ProcessState,
)
from llamaswap_tw.routing.fifo import FifoScheduler
from llamaswap_tw.routing.group import Group, GroupPlanner
from llamaswap_tw.routing.lease import Lease
from llamaswap_tw.routing.limits import Limits
from llamaswap_tw.routing.router import Router

from .processes import FakeProcess

STARTING = ProcessState.STARTING
STOPPED = ProcessState.STOPPED
STOPPING = ProcessState.STOPPING
READY = ProcessState.READY

SWAP_GRACE = 120.0


class Client:
    """
    Remembers how often its connections were closed.
    """

    closed = 0

    def close(self) -> None:
        self.closed += 1


@implementer(ISwapObserver)
class SwapRecorder:
    """
    Remembers what it was told of swaps.
    """

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def swap_began(self, model: str, evict: Sequence[str], overdue: bool) -> None:
        self.told.append((model, *evict, overdue))

    def swap_ended(
        self, model: str, error: RequestError | None, seconds: float
    ) -> None:
        self.told.append((model, type(error), seconds))


class RouterTestCase(SynchronousTestCase):
    """
    A router with some models, in one group that swaps unless a test says
    otherwise.
    """

    models = ("a", "b", "c")
    groups: Mapping[str, Group] = {}
    limits = Limits(2)

    def setUp(self) -> None:
        self.clock = Clock()
        self.processes: dict[str, FakeProcess] = {}
        self.clients = {model: Client() for model in self.models}
        self.recorder = SwapRecorder()
        self.router = Router(self.clock, SWAP_GRACE, self.make_scheduler, self.recorder)
        for model in self.models:
            process = FakeProcess(model, self.router.state_changed)
            self.processes[model] = process
            self.router.add(process, self.clients[model])
        self.a, self.b, self.c = (self.processes[model] for model in self.models)

    def make_scheduler(self, effects: IEffects) -> IScheduler:
        scheduler: IScheduler = FifoScheduler(
            effects,
            GroupPlanner(self.groups, self.models),
            dict.fromkeys(self.models, self.limits),
            {},
            60.0,
        )
        return scheduler

    def states(self) -> tuple[ProcessState, ...]:
        return tuple(self.router.states().values())

    def load(self, process: FakeProcess) -> Lease:
        """
        Load a model for a request.
        """
        granted = self.router.acquire(process.model_id)
        process.become_ready()
        return self.successResultOf(granted)


class LeaseTests(RouterTestCase):
    """
    A request gets a lease once its model is ready.
    """

    def test_interfaces(self) -> None:
        """
        The router is what a scheduler acts through, and the fakes are honest.
        """
        verifyObject(IEffects, self.router)
        verifyObject(IModelProcess, self.a)

    def test_load(self) -> None:
        """
        The first request loads the model and is granted when it is ready; it
        knows how long it waited and how long the load took.
        """
        granted = self.router.acquire("a")
        self.assertEqual(self.a.state, STARTING)
        self.clock.advance(3)
        self.assertNoResult(granted)
        self.a.become_ready()
        lease = self.successResultOf(granted)
        self.assertEqual(lease.model_id, "a")
        self.assertEqual(lease.base_url, "http://localhost/a")
        self.assertIs(lease.client, self.clients["a"])
        self.assertEqual((lease.queued_for, lease.load_time), (3, 3))

    def test_ready(self) -> None:
        """
        A request for a model that is ready is granted at once, and waited for
        no load.
        """
        self.load(self.a)
        self.clock.advance(1)
        lease = self.successResultOf(self.router.acquire("a"))
        self.assertEqual((lease.queued_for, lease.load_time), (0, 0))
        self.assertEqual(self.a.starts, 1)

    def test_joins_late(self) -> None:
        """
        Who joins a load waits for its rest, and is told how long it took.
        """
        self.router.acquire("a")
        self.clock.advance(2)
        granted = self.router.acquire("a")
        self.clock.advance(1)
        self.a.become_ready()
        lease = self.successResultOf(granted)
        self.assertEqual((lease.queued_for, lease.load_time), (1, 3))

    def test_released_once(self) -> None:
        """
        However often a lease is released, its request ends once.
        """
        one, two = self.load(self.a), self.successResultOf(self.router.acquire("a"))
        self.assertEqual(self.a.in_flight, 2)
        third = self.router.acquire("a")
        self.failureResultOf(third, ConcurrencyLimit)
        for _ in range(3):
            one.release()
        self.assertEqual(self.a.in_flight, 1)
        self.successResultOf(self.router.acquire("a"))
        self.failureResultOf(self.router.acquire("a"), ConcurrencyLimit)
        two.release()
        self.assertEqual(self.a.in_flight, 1)

    def test_unknown(self) -> None:
        """
        A model that is not ours is refused.
        """
        self.failureResultOf(self.router.acquire("x"), ModelNotFound)

    def test_cancelled(self) -> None:
        """
        A request that is cancelled while its model loads gives its place up;
        the load goes on.
        """
        granted = self.router.acquire("a")
        granted.cancel()
        self.failureResultOf(granted, CancelledError)
        self.assertEqual(self.a.state, STARTING)
        self.a.become_ready()
        self.assertEqual(self.a.in_flight, 0)
        leases = [self.router.acquire("a") for _ in range(2)]
        for lease in leases:
            self.successResultOf(lease)

    def test_cancelled_in_the_queue(self) -> None:
        """
        A request that is cancelled in the queue never causes a load.
        """
        lease = self.load(self.a)
        waiting = self.router.acquire("b")
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        lease.release()
        self.assertEqual(self.states(), (READY, STOPPED, STOPPED))

    def test_cancelled_when_granted(self) -> None:
        """
        A grant that cancels another one that is just due leaks nothing.
        """
        first = self.router.acquire("a")
        second = self.router.acquire("a")

        def cancel_second(lease: Lease) -> Lease:
            second.cancel()
            return lease

        first.addCallback(cancel_second)
        self.a.become_ready()
        self.failureResultOf(second, CancelledError)
        self.successResultOf(first).release()
        self.assertEqual(self.a.in_flight, 0)
        for _ in range(2):
            self.successResultOf(self.router.acquire("a"))

    def test_released_when_granted(self) -> None:
        """
        A lease may be released within its own grant.
        """
        granted = self.router.acquire("a")
        granted.addCallback(lambda lease: lease.release())
        other = self.router.acquire("b")
        self.a.become_ready()
        self.assertEqual(self.a.state, STOPPING)
        self.a.finish_stop()
        self.b.become_ready()
        self.successResultOf(other)


class SwapTests(RouterTestCase):
    """
    A swap stops first, then starts.
    """

    def test_order(self) -> None:
        """
        What must go is stopped first, with the grace of a swap; only when it
        is down the model starts.
        """
        self.load(self.a).release()
        granted = self.router.acquire("b")
        self.assertEqual(self.states(), (STOPPING, STOPPED, STOPPED))
        self.assertEqual(self.a.graces, [SWAP_GRACE])
        self.assertEqual(self.clients["a"].closed, 1)
        self.clock.advance(2)
        self.a.finish_stop()
        self.assertEqual(self.states(), (STOPPED, STARTING, STOPPED))
        self.clock.advance(3)
        self.b.become_ready()
        lease = self.successResultOf(granted)
        self.assertEqual((lease.queued_for, lease.load_time), (5, 5))

    def test_failure(self) -> None:
        """
        A load that fails is told to all who wait for it; the next request
        tries again.
        """
        waiting = [self.router.acquire("a") for _ in range(2)]
        self.a.fail()
        for granted in waiting:
            failure = self.failureResultOf(granted, StartFailed)
            self.assertIn("exited with status 1", str(failure.value))
        self.load(self.a)
        self.assertEqual(self.a.starts, 2)

    def test_broken_process(self) -> None:
        """
        A mistake of ours in a start is an error for those who wait, and is
        logged; the next request tries again.
        """
        waiting = self.router.acquire("a")
        self.a._for_ready.pop().errback(ZeroDivisionError("odd"))
        failure = self.failureResultOf(waiting, RequestError)
        self.assertEqual(failure.value.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stop_fails(self) -> None:
        """
        A stop that fails ends the swap, with the reason.
        """
        self.load(self.a).release()
        waiting = self.router.acquire("b")
        self.a._for_stop.pop().errback(ShuttingDown())
        self.failureResultOf(waiting, ShuttingDown)

    def test_never_in_parallel(self) -> None:
        """
        Two requests for one group that swaps never load in parallel, even when
        the second arrives before the first process has begun to start.
        """
        self.load(self.c).release()
        first = self.router.acquire("a")
        self.assertEqual(self.states(), (STOPPED, STOPPED, STOPPING))
        second = self.router.acquire("b")
        self.assertEqual(self.states(), (STOPPED, STOPPED, STOPPING))
        self.c.finish_stop()
        self.assertEqual(self.states(), (STARTING, STOPPED, STOPPED))
        self.a.become_ready()
        self.assertEqual(self.states(), (READY, STOPPED, STOPPED))
        self.successResultOf(first).release()
        self.assertEqual(self.states(), (STOPPING, STOPPED, STOPPED))
        self.a.finish_stop()
        self.assertEqual(self.states(), (STOPPED, STARTING, STOPPED))
        self.b.become_ready()
        self.successResultOf(second)
        self.assertEqual((self.a.starts, self.b.starts), (1, 1))

    def test_request_within_a_start(self) -> None:
        """
        So it is when the second comes while the first process is about to
        start, in the very call.
        """
        seconds: list[Deferred[Lease]] = []
        start = self.a.ensure_ready

        def start_late() -> Deferred[None]:
            seconds.append(self.router.acquire("b"))
            return start()

        self.a.ensure_ready = start_late  # type: ignore[method-assign]  # a probe
        first = self.router.acquire("a")
        self.assertEqual(self.states(), (STARTING, STOPPED, STOPPED))
        self.a.become_ready()
        self.successResultOf(first).release()
        self.a.finish_stop()
        self.b.become_ready()
        self.successResultOf(seconds[0])

    def test_grouped_by_model(self) -> None:
        """
        A B C A B C A B C, all waiting, is three loads.
        """
        served: list[str] = []
        self.limits = Limits(3)
        self.setUp()

        def serve(lease: Lease) -> None:
            served.append(lease.model_id)
            lease.release()

        for model in "abc" * 3:
            self.router.acquire(model).addCallback(serve)
        self.a.become_ready()
        self.a.finish_stop()
        self.b.become_ready()
        self.b.finish_stop()
        self.c.become_ready()
        self.assertEqual("".join(served), "aaabbbccc")
        self.assertEqual([p.starts for p in self.processes.values()], [1, 1, 1])

    def test_positions(self) -> None:
        """
        A request that asked is told its place in the queue, and 0 once its
        swap is under way.
        """
        told: list[int] = []
        lease = self.load(self.a)
        before = self.router.acquire("b")
        self.router.acquire("c", told.append)
        self.assertEqual(told, [2])
        lease.release()
        self.assertEqual(told, [2, 1])
        self.a.finish_stop()
        self.b.fail()
        self.failureResultOf(before, StartFailed)
        self.assertEqual(told, [2, 1, 0])


class UnloadTests(RouterTestCase):
    """
    An unload, whenever it comes, ends when the model is down, and nobody waits
    for ever.
    """

    def unload(self, *models: str) -> Deferred[None]:
        return self.router.unload(models)

    def test_stopped(self) -> None:
        """
        Of a model that is down: at once.
        """
        self.successResultOf(self.unload("a", "b", "c"))

    def test_while_evictions_stop(self) -> None:
        """
        While others still make room for it: whoever waits is refused, it is
        not started when they are down, and who comes then starts it anew.
        """
        self.load(self.a).release()
        waiting = self.router.acquire("b")
        unloaded = self.unload("b")
        self.failureResultOf(waiting, ModelUnloaded)
        self.successResultOf(unloaded)
        again = self.router.acquire("b")
        self.a.finish_stop()
        self.assertEqual(self.b.starts, 1)
        self.b.become_ready()
        self.successResultOf(again)

    def test_while_evictions_stop_for_good(self) -> None:
        """
        So it stays down where nobody else comes.
        """
        self.load(self.a).release()
        waiting = self.router.acquire("b")
        self.unload("b")
        self.failureResultOf(waiting, ModelUnloaded)
        self.a.finish_stop()
        self.assertEqual(self.states(), (STOPPED, STOPPED, STOPPED))

    def test_while_starting(self) -> None:
        """
        While it starts: whoever waits is refused, and who comes meanwhile
        waits for the stop, then for a new start.
        """
        waiting = self.router.acquire("a")
        unloaded = self.unload("a")
        self.failureResultOf(waiting, ModelUnloaded)
        again = self.router.acquire("a")
        self.assertEqual(self.a.state, STOPPING)
        self.assertNoResult(unloaded)
        self.a.finish_stop()
        self.successResultOf(unloaded)
        self.assertEqual(self.a.state, STARTING)
        self.a.become_ready()
        self.successResultOf(again)
        self.assertEqual(self.a.starts, 2)

    def test_while_ready(self) -> None:
        """
        While it serves: it is stopped all the same, with its own grace, and
        its requests are released as they end.
        """
        lease = self.load(self.a)
        unloaded = self.unload("a")
        self.assertEqual(self.a.state, STOPPING)
        self.assertEqual(set(self.a.graces), {None})
        self.assertNoResult(unloaded)
        lease.release()
        self.a.finish_stop()
        self.successResultOf(unloaded)
        self.assertEqual(self.a.in_flight, 0)
        self.load(self.a)

    def test_others_are_served(self) -> None:
        """
        Requests for other models are routed meanwhile.
        """
        lease = self.load(self.a)
        self.unload("a")
        other = self.router.acquire("b")
        lease.release()
        self.a.finish_stop()
        self.b.become_ready()
        self.successResultOf(other)

    def test_caller_leaves(self) -> None:
        """
        A caller that goes away disturbs nobody: the models go down.
        """
        lease = self.load(self.a)
        unloaded = self.unload("a", "b", "c")
        unloaded.cancel()
        self.failureResultOf(unloaded)
        lease.release()
        self.a.finish_stop()
        self.successResultOf(self.unload("a"))


class EventTests(RouterTestCase):
    """
    What befalls processes, and the passing of time.
    """

    def test_crash(self) -> None:
        """
        A crash is told to the scheduler: who waited for the model to be idle
        goes on, and the next request for the crashed one loads it again.
        """
        lease = self.load(self.a)
        other = self.router.acquire("b")
        self.a.crash()
        lease.release()
        self.assertEqual(self.b.state, STARTING)
        self.b.become_ready()
        self.successResultOf(other).release()
        again = self.router.acquire("a")
        self.b.finish_stop()
        self.a.become_ready()
        self.successResultOf(again)

    def test_running(self) -> None:
        """
        Running is every process that is not down, those that stop included.
        """
        self.assertEqual(set(self.router.running()), set())
        lease = self.load(self.a)
        self.assertEqual(set(self.router.running()), {"a"})
        lease.release()
        self.router.unload(["a"])
        self.assertEqual(set(self.router.running()), {"a"})
        self.a.finish_stop()
        self.assertEqual(set(self.router.running()), set())

    def test_close(self) -> None:
        """
        A closed router refuses whoever waits, and from then on everybody; what
        runs may end.
        """
        lease = self.load(self.a)
        waiting = self.router.acquire("b")
        self.router.close()
        self.failureResultOf(waiting, ShuttingDown)
        self.failureResultOf(self.router.acquire("a"), ShuttingDown)
        lease.release()
        self.assertEqual(self.states(), (READY, STOPPED, STOPPED))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_when_not_ready(self) -> None:
        """
        Who asks is told by the process itself.
        """
        self.load(self.a)
        noticed = self.router.when_not_ready("a")
        self.assertNoResult(noticed)
        noticed.cancel()
        self.failureResultOf(noticed, CancelledError)


class ObserverTests(RouterTestCase):
    """
    What can be seen of it.
    """

    def test_swaps(self) -> None:
        """
        Swaps are told of: what they stop, how they end, and after how long.
        """
        verifyObject(ISwapObserver, self.recorder)
        first = self.router.acquire("a")
        self.clock.advance(3)
        self.a.become_ready()
        self.successResultOf(first).release()
        second = self.router.acquire("b")
        self.clock.advance(2)
        self.a.finish_stop()
        self.clock.advance(4)
        self.b.fail()
        self.failureResultOf(second, StartFailed)
        self.assertEqual(
            self.recorder.told,
            [
                ("a", False),
                ("a", type(None), 3),
                ("b", "a", False),
                ("b", StartFailed, 6),
            ],
        )

    def test_forced(self) -> None:
        """
        A swap for somebody who has waited too long says so.
        """
        lease = self.load(self.a)
        self.router.acquire("b")
        self.clock.advance(61)
        lease.release()
        self.assertEqual(self.recorder.told[-1], ("b", "a", True))

    def test_unloaded(self) -> None:
        """
        A swap to a model that is unloaded meanwhile ends once.
        """
        granted = self.router.acquire("a")
        self.router.unload(["a"])
        self.a.finish_stop()
        self.failureResultOf(granted, ModelUnloaded)
        self.assertEqual(self.recorder.told, [("a", False), ("a", ModelUnloaded, 0)])

    def test_numbers(self) -> None:
        """
        How many requests each model serves, and how many wait for it.
        """
        self.load(self.a)
        self.router.acquire("a")
        for _ in range(2):
            self.router.acquire("b")
        self.assertEqual(self.router.in_flight(), {"a": 2, "b": 0, "c": 0})
        self.assertEqual(self.router.waiting(), {"a": 0, "b": 2, "c": 0})


class WakeTests(RouterTestCase):
    """
    The scheduler is woken when it asked for it.
    """

    limits = Limits(2, 0, 5.0)

    def test_queue_timeout(self) -> None:
        """
        A request that waits for as long as it may is refused then.
        """
        self.load(self.a)
        waiting = self.router.acquire("b")
        self.clock.advance(4.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.failureResultOf(waiting, QueueTimeout)

    def test_replaced(self) -> None:
        """
        A new time replaces the one before, and none ends it; one in the past
        is now.
        """
        self.router.wake_at(50.0)
        self.router.wake_at(40.0)
        (call,) = self.clock.getDelayedCalls()
        self.assertEqual(call.getTime(), 40.0)
        self.router.wake_at(None)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(10)
        self.router.wake_at(3.0)
        (call,) = self.clock.getDelayedCalls()
        self.assertEqual(call.getTime(), 10.0)


class GroupTests(RouterTestCase):
    """
    Where the planner lets models run beside each other, so does the router.
    """

    groups = {
        "together": Group(False, False, False, ("a", "b")),
        "alone": Group(True, True, False, ("c",)),
    }

    def test_parallel(self) -> None:
        """
        They load in parallel, and an exclusive one stops both at once.
        """
        first, second = self.router.acquire("a"), self.router.acquire("b")
        self.assertEqual(self.states(), (STARTING, STARTING, STOPPED))
        self.b.become_ready()
        self.a.become_ready()
        for granted in (first, second):
            self.successResultOf(granted).release()
        third = self.router.acquire("c")
        self.assertEqual(self.states(), (STOPPING, STOPPING, STOPPED))
        self.b.finish_stop()
        self.assertEqual(self.c.state, STOPPED)
        self.a.finish_stop()
        self.c.become_ready()
        self.successResultOf(third)


class QueueTests(RouterTestCase):
    """
    Who waits.
    """

    def test_nobody(self) -> None:
        """
        Where nobody waits, the scheduler is not asked.
        """
        self.assertEqual(self.router.queue(), [])

    def test_waits(self) -> None:
        """
        Each is told by its `Deferred`, with its model, since when it waits, its place
        and on account of whom; it is no more once it was withdrawn or served.
        """
        serving = self.load(self.a)
        first, second = self.router.acquire("b"), self.router.acquire("c")
        self.clock.advance(2.5)
        third = self.router.acquire("b")
        shown = [
            (one.granted, one.model, one.arrived, one.position, one.behind)
            for one in self.router.queue()
        ]
        self.assertEqual(
            shown,
            [
                (first, "b", 0.0, 1, ("a",)),
                (second, "c", 0.0, 2, ("a",)),
                (third, "b", 2.5, 3, ("a",)),
            ],
        )
        second.cancel()
        self.failureResultOf(second, CancelledError)
        serving.release()
        self.assertEqual(
            [(one.granted, one.position, one.behind) for one in self.router.queue()],
            [(first, 0, ("a",)), (third, 0, ("a",))],
        )
        self.a.finish_stop()
        self.b.become_ready()
        self.assertEqual(self.router.queue(), [])
