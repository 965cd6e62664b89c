"""
Tests for `llamaswap_tw.routing.selectors`.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.schema import PeerModel, Selector
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.routing.names import Found, LocalModel, Names, Target
from llamaswap_tw.routing.refusals import NoTargetLeft
from llamaswap_tw.routing.selectors import Selectors

from ..support import ModelTestCase
from .directories import States, make_config, selector

_STATES = {
    "-": ProcessState.STOPPED,
    "s": ProcessState.STARTING,
    "r": ProcessState.READY,
    "x": ProcessState.STOPPING,
    "!": ProcessState.SHUTDOWN,
}

PEER = PeerModel("far", "p")
NAMES = Names(
    make_config({"a": ["also-a"], "b": [], "c": [], "d": []}, peers={"far/p": PEER})
)


class SelectorCase(SynchronousTestCase):
    """
    What the tests of selectors share.
    """

    def _begin(self, *selectors: Selector) -> None:
        """
        Begin with these, all targets cold.
        """
        self.states = States()
        by_id = {each.id: each for each in selectors}
        self.selectors = Selectors(by_id, NAMES, self.states.__getitem__)

    def _stand(self, states: str) -> None:
        """
        :param states: of a, b, c…, a letter each.
        """
        for model, state in zip("abcd", states, strict=False):
            self.states[model] = _STATES[state]

    def _choose(self, count: int, selector_id: str = "s") -> list[Found]:
        return [self.selectors.choose(selector_id) for _ in range(count)]

    def _chosen(self, count: int, selector_id: str = "s") -> str:
        """
        What the next requests go to, a letter each; none is released.
        """
        return "".join(found.asked[-1] for found in self._choose(count, selector_id))


class SimpleStrategyTests(SelectorCase):
    """
    Pin and warm count nothing.
    """

    def test_pin(self) -> None:
        """
        Pin takes the first target, wherever it stands.
        """
        self._begin(selector("s", "pin", ["b", "a"]))
        for state in _STATES:
            self._stand(f"r{state}")
            self.assertEqual(self._chosen(2), "bb")
        self.assertEqual(self.selectors.reserved(LocalModel("b")), 0)

    def test_warm(self) -> None:
        """
        Warm takes the first that is ready, else the first that is starting, else the
        first.
        """
        self._begin(selector("s", "warm", ["a", "b", "c"]))
        for states, chosen in (
            ("---", "a"),
            ("xxx", "a"),
            ("-x!", "a"),
            ("--s", "c"),
            ("-ss", "b"),
            ("x-s", "c"),
            ("ssr", "c"),
            ("-rr", "b"),
            ("rrr", "a"),
            ("sxr", "c"),
        ):
            self._stand(states)
            self.assertEqual(self._chosen(1), chosen, states)
        self.assertEqual(self.selectors.reserved(LocalModel("c")), 0)

    def test_asked(self) -> None:
        """
        What was asked for is the target as the configuration names it.
        """
        self._begin(
            selector("s", "pin", ["also-a"]), selector("t", "spillover", ["also-a"])
        )
        for name in "st":
            found = self.selectors.choose(name)
            self.assertEqual(found.target, LocalModel("a"))
            self.assertEqual(found.asked, "also-a")

    def test_names(self) -> None:
        """
        It is known which selectors there are, which are listed, and what they choose
        among.
        """
        self._begin(
            selector("s", "pin", ["a", "far/p"]),
            selector("t", "pin", ["b"], unlisted=True),
        )
        self.assertIn("t", self.selectors)
        self.assertNotIn("a", self.selectors)
        self.assertEqual(list(self.selectors.listed()), ["s"])
        self.assertEqual(self.selectors.targets_of("s"), ("a", "far/p"))

    def test_loaded(self) -> None:
        """
        A selector is loaded where one of its targets is ready or starting; for pin,
        only the first counts; a peer's model never does.
        """
        self._begin(
            selector("p", "pin", ["a", "b"]),
            selector("w", "warm", ["a", "b"]),
            selector("s", "spillover", ["far/p", "b"]),
        )
        for states, loaded in (
            ("--", ""),
            ("x!", ""),
            ("r-", "pw"),
            ("s-", "pw"),
            ("-r", "ws"),
            ("xs", "ws"),
        ):
            self._stand(states)
            found = [name for name in "pws" if self.selectors.is_loaded(name)]
            self.assertEqual("".join(found), loaded, states)


class SpilloverTests(SelectorCase):
    """
    Spillover fills one target after the other, and rests when they are done.
    """

    def test_cold(self) -> None:
        """
        With nothing up, targets are filled in order, to the limit each, and beyond
        it by turns.
        """
        self._begin(selector("s", "spillover", ["a", "b", "c"], 2))
        self.assertEqual(self._chosen(6), "aabbcc")
        self.assertEqual(self._chosen(6), "abcabc")

    def test_states(self) -> None:
        """
        Running targets come before cold ones, cold ones before overfull ones, and
        those that are going are passed over.
        """
        for states, chosen in (
            ("---", "abc"),
            ("--r", "cab"),
            ("-s-", "bac"),
            ("-rr", "bca"),
            ("x--", "bcb"),
            ("!-r", "cbc"),
            ("xx-", "ccc"),
            ("xxr", "ccc"),
        ):
            self._begin(selector("s", "spillover", ["a", "b", "c"]))
            self._stand(states)
            self.assertEqual(self._chosen(3), chosen, states)

    def test_round_robin(self) -> None:
        """
        Equals take turns, request by request.
        """
        self._begin(selector("s", "spillover", ["a", "b", "c"], 3))
        self._stand("rrr")
        chosen = ""
        for _ in range(7):
            found = self.selectors.choose("s")
            chosen += found.asked
            found.release()
        self.assertEqual(chosen, "abcabca")

    def test_least_busy(self) -> None:
        """
        Of the active targets the least busy is taken, whoever's turn it is.
        """
        self._begin(selector("s", "spillover", ["a", "b", "c"], 3))
        self._stand("rrr")
        held = self._choose(6)
        held[1].release()
        held[4].release()
        self.assertEqual(self._chosen(2), "bb")
        held[0].release()
        held[3].release()
        self.assertEqual(self._chosen(2), "aa")

    def test_reserved_is_active(self) -> None:
        """
        A target whose load has not begun is active for the request that waits for
        it, and cold again when that is over.
        """
        self._begin(selector("s", "spillover", ["a", "b"], 2))
        first = self.selectors.choose("s")
        self.assertEqual(self._chosen(1), "a")
        first.release()
        self.assertEqual(self._chosen(2), "ab")

    def test_spills_and_rests(self) -> None:
        """
        A target that was spilled to is of use while it is up, and once it is down
        and idle the first has all requests again.
        """
        self._begin(selector("s", "spillover", ["a", "b"]))
        held = self._choose(2)
        self._stand("rr")
        for found in held:
            found.release()
        held = self._choose(2)
        self.assertEqual({found.asked for found in held}, {"a", "b"})
        for found in held:
            found.release()
        self._stand("r-")
        for _ in range(3):
            found = self.selectors.choose("s")
            self.assertEqual(found.asked, "a")
            found.release()

    def test_none_left(self) -> None:
        """
        Where every target is going the request is refused and nothing is reserved,
        even where requests to them are under way.
        """
        self._begin(selector("s", "spillover", ["a", "b"]))
        held = self._choose(2)
        for states in ("xx", "x!", "!!"):
            self._stand(states)
            error = self.assertRaises(NoTargetLeft, self.selectors.choose, "s")
            self.assertEqual((error.status, error.retry_after), (503, 1))
        for found in held:
            found.release()
        for model in "ab":
            self.assertEqual(self.selectors.reserved(LocalModel(model)), 0)

    def test_once(self) -> None:
        """
        A reservation ends once, however often its request says that it is over.
        """
        self._begin(selector("s", "spillover", ["a"]))
        first, _ = self._choose(2)
        first.release()
        first.release()
        self.assertEqual(self.selectors.reserved(LocalModel("a")), 1)

    def test_peer(self) -> None:
        """
        A peer's model is cold unless a request is under way to it: it takes what is
        too much for those before it, and nothing while they have room.
        """
        self._begin(selector("s", "spillover", ["a", "far/p"]))
        self.assertEqual(self._chosen(1), "a")
        self._stand("r")
        away = self.selectors.choose("s")
        self.assertEqual(away.target, PEER)
        away.release()
        self._begin(selector("s", "spillover", ["a", "far/p"]))
        self._stand("r")
        for _ in range(3):
            found = self.selectors.choose("s")
            self.assertEqual(found.asked, "a")
            found.release()
        self._stand("x")
        self.assertEqual(self._chosen(2), "pp")

    def test_shared(self) -> None:
        """
        Selectors that share a target see each other's requests to it.
        """
        self._begin(
            selector("s", "spillover", ["a", "b"]),
            selector("t", "spillover", ["also-a", "c"]),
        )
        self.assertEqual(self._chosen(1), "a")
        self.assertEqual(self._chosen(1, "t"), "c")
        self.assertEqual(self._chosen(1), "b")

    def test_reconfigured(self) -> None:
        """
        Requests under way count on, under another selector and limit too, and end
        when they do though their selector has gone.
        """
        self._begin(selector("s", "spillover", ["a", "b"], 2))
        held = self._choose(3)
        others = {"t": selector("t", "spillover", ["b", "a", "c"], 2)}
        self.selectors.reconfigured(others, NAMES)
        self.assertNotIn("s", self.selectors)
        self.assertEqual(self.selectors.targets_of("t"), ("b", "a", "c"))
        self.assertEqual(self._chosen(2, "t"), "bc")
        self.selectors.reconfigured({}, NAMES)
        for found in held:
            found.release()
            found.release()
        self.assertEqual(self.selectors.reserved(LocalModel("a")), 0)
        self.assertEqual(self.selectors.reserved(LocalModel("b")), 1)


_TARGETS: dict[str, Target] = {
    **{name: LocalModel(name) for name in "abcd"},
    "far/p": PEER,
}
_which = st.integers(0, 59)
_targets = st.lists(
    st.sampled_from(sorted(_TARGETS)), min_size=1, max_size=5, unique=True
)
_selectors = st.lists(st.tuples(_targets, st.integers(1, 3)), min_size=1, max_size=3)


class SpilloverMachine(RuleBasedStateMachine):
    """
    Requests come and end, targets start and stop, the configuration changes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.states = States()
        self.selectors = Selectors({}, NAMES, self.states.__getitem__)
        self.configured: list[Selector] = []
        self.held: list[Found] = []
        self.done: list[Found] = []
        #: By selector, what the last request went to since it is configured so.
        self.last: dict[str, str] = {}

    @initialize(drawn=_selectors)
    def begin(self, drawn: list[tuple[list[str], int]]) -> None:
        self._configure(drawn)

    @rule(drawn=_selectors)
    def configure(self, drawn: list[tuple[list[str], int]]) -> None:
        self._configure(drawn)

    def _configure(self, drawn: list[tuple[list[str], int]]) -> None:
        self.configured = [
            selector(f"s{number}", "spillover", targets, limit)
            for number, (targets, limit) in enumerate(drawn)
        ]
        self.selectors.reconfigured({each.id: each for each in self.configured}, NAMES)
        self.last = {}

    @rule(model=st.sampled_from("abcd"), state=st.sampled_from(ProcessState))
    def goes(self, model: str, state: ProcessState) -> None:
        self.states[model] = state

    @rule(number=_which)
    def request(self, number: int) -> None:
        its = self.configured[number % len(self.configured)]
        busy = Counter(found.target for found in self.held)
        reserved = {name: busy[_TARGETS[name]] for name in its.targets}
        usable = [name for name in its.targets if self._state(name) not in "x!"]
        active = [n for n in usable if reserved[n] or self._state(n) in "sr"]
        cold = [name for name in usable if name not in active]
        try:
            found = self.selectors.choose(its.id)
        except NoTargetLeft:
            assert not usable
            return
        self.held.append(found)
        chosen = found.asked
        assert found.target == _TARGETS[chosen]
        least = min((reserved[name] for name in active), default=its.spillover)
        if cold and least >= its.spillover:
            assert chosen == cold[0]
        else:
            equals = [name for name in active if reserved[name] == least]
            assert chosen in equals
            assert len(equals) == 1 or chosen != self.last.get(its.id)
        self.last[its.id] = chosen

    def _state(self, name: str) -> str:
        state = self.states[name] if name in "abcd" else ProcessState.STOPPED
        return next(letter for letter, its in _STATES.items() if its is state)

    @precondition(lambda self: self.held)
    @rule(number=_which)
    def end(self, number: int) -> None:
        found = self.held.pop(number % len(self.held))
        found.release()
        self.done.append(found)

    @precondition(lambda self: self.done)
    @rule(number=_which)
    def end_again(self, number: int) -> None:
        self.done[number % len(self.done)].release()

    @invariant()
    def counts(self) -> None:
        busy = Counter(found.target for found in self.held)
        for target in _TARGETS.values():
            assert self.selectors.reserved(target) == busy[target]

    def teardown(self) -> None:
        while self.held:
            self.held.pop().release()
        self.counts()


class SpilloverMachineTests(ModelTestCase):
    """
    Spillover keeps its promises whatever happens, in whatever order.
    """

    def test_machine(self) -> None:
        """
        Every choice is one that the rules allow, and no reservation is lost or left
        over.
        """
        self.run_machine(SpilloverMachine)
