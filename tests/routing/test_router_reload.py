"""
Tests for `llamaswap_tw.routing.router`: reloads, over the real scheduler, planner
and processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import (
    BackingOff,
    ConcurrencyLimit,
    ModelNotFound,
    ModelUnloaded,
    StartFailed,
)
from llamaswap_tw.interfaces import IEffects, IScheduler, ProcessState
from llamaswap_tw.process.launch import Launch, Policy
from llamaswap_tw.process.model import ModelProcess
from llamaswap_tw.routing.fifo import FifoScheduler
from llamaswap_tw.routing.group import Group, GroupPlanner
from llamaswap_tw.routing.lease import Lease
from llamaswap_tw.routing.limits import Limits
from llamaswap_tw.routing.router import Router
from tests.process.fakes import FakeFamily, FakeLauncher, FakeOutput, FakeProber
from tests.process.support import Recorder

from ..support import ModelTestCase

SHUTDOWN = ProcessState.SHUTDOWN
STARTING = ProcessState.STARTING
READY = ProcessState.READY
STOPPED = ProcessState.STOPPED
STOPPING = ProcessState.STOPPING

#: A group that lets all be.
TOGETHER = Group(False, False, False)

LIMITS = Limits(3)


class Client:
    """
    Counts how often it was closed.
    """

    closed = 0

    def close(self) -> None:
        self.closed += 1


class World:
    """
    A router whose models' children a test drives.

    :ivar models: by id, the version of each that is configured.
    """

    def __init__(self, models: Sequence[str], group: Group | None = None) -> None:
        self.clock = Clock()
        self.models: dict[str, int] = {}
        self.launchers: dict[str, FakeLauncher] = {}
        self.probers: dict[str, FakeProber] = {}
        self.clients: dict[str, Client] = {}
        self.router = Router(self.clock, 120.0, self._make_scheduler)
        self.configure(dict.fromkeys(models, 0), group)

    def _make_scheduler(self, effects: IEffects) -> IScheduler:
        self.scheduler = FifoScheduler(effects, GroupPlanner({}, ()), {}, {}, 60.0)
        return self.scheduler

    def configure(
        self,
        models: Mapping[str, int],
        group: Group | None = None,
        limits: Limits = LIMITS,
        client: bool = False,
    ) -> None:
        """
        Make a configuration hold, as the daemon does.

        :param models: by id, which version; another one is another launch.
        :param group: that of all; else they are in none.
        :param client: whether they have other clients.
        """
        self.models = dict(models)
        for model, version in models.items():
            launch = Launch((model, str(version)), proxy=f"{model}{version}", port=1)
            if client or model not in self.clients:
                self.clients[model] = Client()
            if not self.router.change(model, launch, Policy(), self.clients[model]):
                self.router.add(self._make(model, launch), self.clients[model])
        groups = {}
        if group is not None:
            groups["g"] = Group(
                group.swap, group.exclusive, group.persistent, tuple(models)
            )
        self.router.reconfigured(
            120.0,
            GroupPlanner(groups, models),
            dict.fromkeys(models, limits),
            {},
            60.0,
        )

    def _make(self, model: str, launch: Launch) -> ModelProcess:
        self.launchers[model] = FakeLauncher(self.clock)
        self.probers[model] = FakeProber()
        return ModelProcess(
            self.clock,
            model,
            launch,
            Policy(),
            self.launchers[model],
            self.probers[model],
            FakeOutput(),
            self.router.state_changed,
        )

    def family(self, model: str) -> FakeFamily | None:
        """
        What lives of a model.
        """
        families = self.launchers[model].families
        return families[-1] if families and not families[-1].forgotten else None

    def up(self, model: str) -> None:
        """
        A model that starts becomes ready.
        """
        self.probers[model].ready()

    def down(self, model: str) -> None:
        """
        A model that was asked to stop does.
        """
        family = self.family(model)
        assert family is not None and family.signals, model
        family.tell_exit()

    def can_go_down(self, model: str) -> bool:
        """
        Whether one was asked to.
        """
        family = self.family(model)
        return family is not None and bool(family.signals) and not family.child.exited

    def can_come_up(self, model: str) -> bool:
        """
        Whether one starts.
        """
        probes = self.probers[model].probes
        states = self.router.states()
        return states.get(model) is STARTING and not probes[-1].called


class ReloadTests(SynchronousTestCase):
    """
    A reload stops only what changed, and refuses nobody.
    """

    def world(self, *models: str, group: Group | None = None) -> World:
        self.w = World(models, group)
        return self.w

    def load(self, model: str) -> Lease:
        granted = self.w.router.acquire(model)
        self.w.up(model)
        return self.successResultOf(granted)

    def test_same(self) -> None:
        """
        What is the same keeps its process and its requests.
        """
        w = self.world("a")
        lease = self.load("a")
        w.configure({"a": 0, "b": 0})
        self.assertEqual(w.router.states(), {"a": READY, "b": STOPPED})
        self.successResultOf(w.router.acquire("a")).release()
        lease.release()
        self.assertEqual(len(w.launchers["a"].families), 1)
        self.assertEqual(w.clients["a"].closed, 0)

    def test_changed(self) -> None:
        """
        A changed one finishes its requests; those that come wait and get the new
        one, and so do those that waited.
        """
        w = self.world("a")
        leases = [self.load("a")]
        leases += [self.successResultOf(w.router.acquire("a")) for _ in range(2)]
        w.configure({"a": 1}, limits=Limits(10))
        waiting = [w.router.acquire("a") for _ in range(3)]
        for lease in leases:
            self.assertEqual(lease.base_url, "a0")
            self.assertFalse(w.can_go_down("a"))
            lease.release()
        w.down("a")
        w.up("a")
        for granted in waiting:
            self.assertEqual(self.successResultOf(granted).base_url, "a1")

    def test_changed_while_queued(self) -> None:
        """
        Who waits for another model to be idle keeps waiting, whether his own is
        changed or that one.
        """
        w = self.world("a", "b")
        lease = self.load("a")
        waiting = w.router.acquire("b")
        w.configure({"a": 1, "b": 1})
        self.assertNoResult(waiting)
        lease.release()
        w.down("a")
        w.up("b")
        self.assertEqual(self.successResultOf(waiting).base_url, "b1")

    def test_changed_while_others_make_room(self) -> None:
        """
        Who waits for others to stop gets what is configured by then.
        """
        w = self.world("a", "b")
        self.load("a").release()
        waiting = w.router.acquire("b")
        w.configure({"a": 1, "b": 1})
        w.down("a")
        w.up("b")
        self.assertEqual(self.successResultOf(waiting).base_url, "b1")

    def test_changed_while_starting(self) -> None:
        """
        Who waits for a start waits for the new one.
        """
        w = self.world("a")
        waiting = w.router.acquire("a")
        w.configure({"a": 1})
        self.assertNoResult(waiting)
        w.down("a")
        w.up("a")
        self.assertEqual(self.successResultOf(waiting).base_url, "a1")

    def test_removed(self) -> None:
        """
        A removed one finishes its requests, is unknown to others, and nothing is
        left of it.
        """
        w = self.world("a")
        lease = self.load("a")
        w.configure({"b": 0})
        self.failureResultOf(w.router.acquire("a"), ModelNotFound)
        self.assertEqual(w.router.held_ports(), {"a": 1, "b": 1})
        self.assertFalse(w.can_go_down("a"))
        lease.release()
        w.down("a")
        self.assertEqual(set(w.router.models), {"b"})
        self.assertEqual(set(w.router.running()), set())
        for kept in (w.router._clients, w.router._loaded, w.router._leaving):
            self.assertNotIn("a", kept)
        self.assertGreater(w.clients["a"].closed, 0)
        self.assertEqual(w.clock.getDelayedCalls(), [])
        # A request of it may have been refused by its server a moment ago.
        self.successResultOf(w.router.when_not_ready("a"))

    def test_removed_while_waited_for(self) -> None:
        """
        Whoever waits for a removed one, wherever, is told that it is not known,
        and it is not started.
        """
        w = self.world("a", "b")
        lease = self.load("a")
        queued = w.router.acquire("b")
        w.configure({"a": 0})
        self.failureResultOf(queued, ModelNotFound)
        lease.release()
        w.configure({"a": 0, "b": 0})
        swapping = w.router.acquire("b")
        w.configure({"a": 0})
        self.failureResultOf(swapping, ModelNotFound)
        w.down("a")
        self.assertEqual(w.router.states(), {"a": STOPPED})
        starting = w.router.acquire("a")
        w.configure({"b": 0})
        self.failureResultOf(starting, ModelNotFound)
        w.down("a")
        self.assertEqual(w.router.states(), {"b": STOPPED})
        self.assertEqual(w.router._swaps, {})

    def test_removed_and_back(self) -> None:
        """
        One that comes back while it drains: those who ask wait and get the new
        one, and it stays.
        """
        for version in (0, 1):
            w = self.world("a")
            lease = self.load("a")
            w.configure({})
            w.configure({"a": version})
            waiting = w.router.acquire("a")
            self.assertEqual(lease.base_url, "a0")
            lease.release()
            w.down("a")
            w.up("a")
            again = self.successResultOf(waiting)
            self.assertEqual(again.base_url, f"a{version}")
            again.release()
            w.configure({})
            w.down("a")
            self.assertEqual(set(w.router.models), set())

    def test_removed_beside(self) -> None:
        """
        A model that runs beside a removed one serves on while that drains; one
        that is to start waits for it.
        """
        w = self.world("a", "b", "c", group=TOGETHER)
        self.load("a").release()
        draining = self.load("b")
        w.configure({"a": 0, "c": 0}, TOGETHER)
        self.successResultOf(w.router.acquire("a")).release()
        waiting = w.router.acquire("c")
        self.assertEqual(w.router.states()["c"], STOPPED)
        self.successResultOf(w.router.acquire("a")).release()
        draining.release()
        w.down("b")
        w.up("c")
        self.successResultOf(waiting)

    def test_other_client(self) -> None:
        """
        Other timeouts are another client: the one before is closed, and the
        process stays.
        """
        w = self.world("a")
        lease = self.load("a")
        before = w.clients["a"]
        w.configure({"a": 0}, client=True)
        self.assertEqual(before.closed, 1)
        self.assertIs(lease.client, before)
        again = self.successResultOf(w.router.acquire("a"))
        self.assertIs(again.client, w.clients["a"])

    def test_other_rules(self) -> None:
        """
        Other groups and limits hold at once, for those who wait too.
        """
        w = self.world("a", "b")
        lease = self.load("a")
        waiting = w.router.acquire("b")
        w.configure({"a": 0, "b": 0}, TOGETHER, Limits(1))
        w.up("b")
        self.successResultOf(waiting)
        self.failureResultOf(w.router.acquire("a"))
        lease.release()

    def test_shut_down(self) -> None:
        """
        A shutdown ends those that are leaving too.
        """
        w = self.world("a", "b")
        lease = self.load("a")
        w.configure({"b": 0})
        w.router.close()
        down = w.router.shut_down(5.0)
        w.down("a")
        lease.release()
        self.successResultOf(down)
        self.assertEqual(w.clock.getDelayedCalls(), [])


class Request:
    """
    One request, and what became of it.
    """

    def __init__(self, model: str, granted: Deferred[Lease]) -> None:
        self.model = model
        self.granted = granted
        self.lease: Lease | None = None
        self.refused: Failure | None = None
        granted.addCallbacks(self._granted, self._refused)

    def _granted(self, lease: Lease) -> None:
        self.lease = lease

    def _refused(self, reason: Failure) -> None:
        self.refused = reason


MODELS = ("a", "b", "c")


class AnyReload(RuleBasedStateMachine):
    """
    Requests and reloads in any order, and children that obey when they like.
    """

    def __init__(self) -> None:
        super().__init__()
        self.recorder = Recorder()
        globalLogPublisher.addObserver(self.recorder)
        self.waiting: list[Request] = []
        self.served: list[Request] = []
        self.versions = 0

    @initialize(group=st.sampled_from([None, TOGETHER]))
    def begin(self, group: Group | None) -> None:
        self.w = World(MODELS, group)
        self.most = LIMITS.most

    @rule(model=st.sampled_from(MODELS))
    def ask(self, model: str) -> None:
        known = model in self.w.models
        held = sum(r.model == model for r in (*self.waiting, *self.served))
        request = Request(model, self.w.router.acquire(model))
        if not known:
            assert request.refused and request.refused.check(ModelNotFound)
        elif held >= self.most:
            assert request.refused and request.refused.check(ConcurrencyLimit)
        else:
            self.waiting.append(request)
        self.sort_out()

    @rule(model=st.sampled_from(MODELS))
    def serve(self, model: str) -> None:
        """
        What is the rule: those that are to stop do, and the model comes up.
        """
        self.ask(model)
        for _ in range(2):
            for other in self.w.launchers:
                if self.w.can_go_down(other):
                    self.w.down(other)
        if self.w.can_come_up(model):
            self.w.up(model)
        self.sort_out()

    @rule(data=st.data())
    @precondition(lambda self: self.served)
    def release(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(range(len(self.served))))
        lease = self.served.pop(chosen).lease
        assert lease is not None
        lease.release()
        self.sort_out()

    @rule(data=st.data())
    @precondition(lambda self: self.waiting)
    def cancel(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(range(len(self.waiting))))
        request = self.waiting.pop(chosen)
        request.granted.cancel()
        assert request.refused and request.refused.check(CancelledError)
        self.sort_out()

    @rule(
        removed=st.sets(st.sampled_from(MODELS), max_size=2),
        changed=st.sets(st.sampled_from(MODELS), max_size=2),
        group=st.sampled_from([None, TOGETHER]),
        limit=st.integers(1, 3),
    )
    def reload(
        self, removed: set[str], changed: set[str], group: Group | None, limit: int
    ) -> None:
        """
        Refuses those whose model is removed, and nobody else; ends no request.
        """
        self.versions += 1
        models = {
            model: self.versions if model in changed else self.w.models.get(model, 0)
            for model in MODELS
            if model not in removed
        }
        limits = Limits(limit, 5)
        self.most = limits.most
        self.w.configure(models, group, limits)
        for request in self.waiting:
            if request.refused:
                assert request.model in removed
                assert request.refused.check(ModelNotFound), request.refused
            else:
                assert request.model not in removed
        self.waiting = [r for r in self.waiting if not r.refused]
        self.sort_out()

    @rule(model=st.sampled_from(MODELS))
    @precondition(lambda self: hasattr(self, "w"))
    def unload(self, model: str) -> None:
        if model in self.w.models:
            self.w.router.unload([model]).addErrback(lambda _: None)
            self.sort_out(ModelUnloaded)

    @rule(data=st.data(), step=st.sampled_from(["up", "down", "crash"]))
    def step(self, data: st.DataObject, step: str) -> None:
        """
        Something becomes of a child.
        """
        w = self.w
        can = {
            "up": [m for m in w.launchers if w.can_come_up(m)],
            "down": [m for m in w.launchers if w.can_go_down(m)],
            "crash": [
                m for m in w.launchers if (f := w.family(m)) and not f.child.exited
            ],
        }[step]
        if not can:
            return
        model = data.draw(st.sampled_from(can))
        if step == "up":
            w.up(model)
        elif step == "down":
            w.down(model)
        else:
            family = w.family(model)
            assert family is not None
            family.tell_exit(1)
        self.sort_out(*([StartFailed] if step == "crash" else []))

    @rule(seconds=st.sampled_from([0.02, 1.0, 11.0, 31.0, 61.0]))
    def advance(self, seconds: float) -> None:
        self.w.clock.advance(seconds)
        # A start takes 120 s at the most.
        self.sort_out(StartFailed)

    def sort_out(self, *may_fail: Any) -> None:
        """
        Whose turn has come is served; nobody was refused but for these reasons.
        """
        for request in list(self.waiting):
            if request.lease is not None:
                self.waiting.remove(request)
                self.served.append(request)
            elif request.refused:
                self.waiting.remove(request)
                reason = request.refused
                # What crashed too often rests, whoever asks for it next.
                assert reason.check(BackingOff, *may_fail), reason

    @invariant()
    def nothing_breaks(self) -> None:
        logged = [e["log_failure"] for e in self.recorder.events if "log_failure" in e]
        assert not logged, logged

    @invariant()
    def counts(self) -> None:
        held: dict[str, int] = {}
        for request in (*self.waiting, *self.served):
            held[request.model] = held.get(request.model, 0) + 1
        assert self.w.scheduler._held == held

    @invariant()
    def knows_its_models(self) -> None:
        router = self.w.router
        assert set(router.models) - router._leaving == set(self.w.models)
        for model in router._leaving:
            assert router.states()[model] is STOPPING

    def teardown(self) -> None:
        """
        In the end everybody was served, and nothing is left.
        """
        try:
            if not hasattr(self, "w"):
                return
            w = self.w
            for _ in range(300):
                for model in w.launchers:
                    if w.can_come_up(model):
                        w.up(model)
                    if w.can_go_down(model):
                        w.down(model)
                self.sort_out(StartFailed)
                if self.served:
                    lease = self.served.pop().lease
                    assert lease is not None
                    lease.release()
                elif not self.waiting:
                    break
                else:
                    w.clock.advance(1.0)
                self.nothing_breaks()
            assert not (self.waiting or self.served)
            w.configure({})
            for model in w.launchers:
                if w.can_go_down(model):
                    w.down(model)
            w.clock.advance(1.0)
            for model in w.launchers:
                if w.can_go_down(model):
                    w.down(model)
            router, scheduler = w.router, w.scheduler
            for kept in (
                *(router._processes, router._clients, router._leaving, router._up),
                *(router._pending, router._swaps, router._loaded),
                *(scheduler._held, scheduler._serving, scheduler._swaps),
                scheduler._waiters,
            ):
                assert not kept, kept
            assert w.clock.getDelayedCalls() == [], w.clock.getDelayedCalls()
        finally:
            globalLogPublisher.removeObserver(self.recorder)


class AnyReloadTests(ModelTestCase):
    """
    Reloads in any order disturb nobody.
    """

    def test_any_order(self) -> None:
        """
        A reload refuses nobody but those whose model it removes; in the end
        everybody is served, and nothing is left: no count, no swap, no timer.
        """
        self.run_machine(AnyReload)
        self.flushLoggedErrors()
