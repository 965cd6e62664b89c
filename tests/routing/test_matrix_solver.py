"""
Tests for `llamaswap_tw.routing.matrix.solver`: against one that multiplies out.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.routing.matrix.link import LinkedSet, link
from llamaswap_tw.routing.matrix.solver import DEPTH_LIMIT, Solver

from ..support import EXAMPLES
from .matrices import costs_of, linked_sets, plainly

MODELS = "abcdefg"


class SolverTests(SynchronousTestCase):
    """
    The solver chooses what costs least.
    """

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(
        sets=linked_sets(MODELS),
        costs=costs_of(MODELS),
        target=st.sampled_from(MODELS),
        running=st.sets(st.sampled_from(MODELS + "?")),
    )
    def test_multiplied_out(
        self,
        sets: tuple[LinkedSet, ...],
        costs: dict[str, int],
        target: str,
        running: set[str],
    ) -> None:
        """
        Whatever the expressions, costs and running models, the choice is that of
        one that looks at every concrete set: its cost, its set, and what it stops.
        """
        running -= {target}
        choice = Solver(sets, costs).choose(target, running)
        self.assertEqual(choice, plainly(sets, costs, target, running))

    def _chosen(
        self,
        sets: dict[str, str],
        target: str,
        running: str,
        costs: Mapping[str, int] = {},
    ) -> tuple[str | None, str, int]:
        solver = Solver(link(sets, {}, MODELS), costs)
        choice = solver.choose(target, list(running))
        name = None if choice.chosen is None else choice.chosen.name
        return name, "".join(choice.stopped), choice.cost

    def test_least_cost(self) -> None:
        """
        It stops two that cost little rather than one that costs much.
        """
        sets = {"s": "a & (b | c & d)"}
        self.assertEqual(self._chosen(sets, "a", "bcd"), ("s", "b", 1))
        self.assertEqual(self._chosen(sets, "a", "bcd", {"b": 3}), ("s", "cd", 2))

    def test_subset(self) -> None:
        """
        A set allows any part of it.
        """
        self.assertEqual(self._chosen({"s": "a & b & c"}, "c", "a"), ("s", "", 0))

    def test_tie_between_sets(self) -> None:
        """
        Of sets that cost the same the one defined first is chosen.
        """
        sets = {"x": "a & b", "y": "a & c"}
        self.assertEqual(self._chosen(sets, "a", "bc"), ("x", "c", 1))
        sets = {"y": "a & c", "x": "a & b"}
        self.assertEqual(self._chosen(sets, "a", "bc"), ("y", "b", 1))

    def test_tie_with_reference(self) -> None:
        """
        A set that another refers to counts as defined before that one.
        """
        sets = {"x": "d & a | +y", "y": "a & c", "z": "a & d"}
        self.assertEqual(self._chosen(sets, "a", "cd"), ("y", "d", 1))

    def test_tie_between_alternatives(self) -> None:
        """
        Of alternatives that cost the same the one written first is chosen, where
        the first parts of an ``&`` decide before the later ones.
        """
        for expression, stopped in (
            ("a & (b | c)", "c"),
            ("a & (c | b)", "b"),
            ("a & (g | c | b)", "b"),
            ("a & (b & d | c & e)", "ce"),
            ("a & (c & d | b & e)", "be"),
            ("(c | b) & a", "b"),
            # b, then c: neither is wanted twice.
            ("a & (b | c) & (b | c)", ""),
            # Of bd, be, cd and ce.
            ("a & (b | c) & (d | e)", "ce"),
            # Of bc, de, bc again and bde.
            ("a & (g | b) & (b & c | d & e)", "c"),
        ):
            running = "bcde" if "d" in expression else "bc"
            self.assertEqual(
                self._chosen({"s": expression}, "a", running),
                ("s", stopped, len(stopped)),
                expression,
            )

    def test_early_alternative_with_less(self) -> None:
        """
        An alternative that has less of what runs wins where another part makes up
        for it and it is written first.
        """
        # f with bd, before b with c.
        sets = {"s": "a & (f | b) & (c | b & d)"}
        self.assertEqual(self._chosen(sets, "a", "bcd"), ("s", "c", 1))

    def test_target_in_no_set(self) -> None:
        """
        A model that is in no set runs alone.
        """
        self.assertEqual(self._chosen({"s": "a & b"}, "g", "ba"), (None, "ab", 2))

    def test_runs_in_no_set(self) -> None:
        """
        What runs and is in no set stops for every other model.
        """
        self.assertEqual(self._chosen({"s": "a & b"}, "a", "bg"), ("s", "g", 1))

    def test_not_multiplied_out(self) -> None:
        """
        Thirty groups of ten alternatives are solved though there are more concrete
        sets than could be looked at, whatever runs, in ties too.
        """
        groups = [[f"m{i}-{j}" for j in range(10)] for i in range(30)]
        every = [model for group in groups for model in group]
        text = " & ".join(f"({' | '.join(group)})" for group in groups)
        solver = Solver(link({"s": text}, {}, every), {"m3-7": 2})
        choice = solver.choose("m0-4", [m for m in every if m != "m0-4"])
        kept = {m for m in every if m not in choice.stopped}
        expected = {f"m{i}-0" for i in range(30)} - {"m0-0", "m3-0"}
        self.assertEqual(kept, expected | {"m0-4", "m3-7"})

    def test_repeated_models(self) -> None:
        """
        A chain of parts that overlap in one model each is solved in one go.
        """
        every = [f"m{i}" for i in range(60)]
        pairs = pairwise(every)
        text = " & ".join(f"({one} | {other})" for one, other in pairs)
        solver = Solver(link({"s": text}, {}, every), {})
        choice = solver.choose("m0", every[1:])
        self.assertEqual(choice.stopped, ("m59",))

    def test_shared_sets(self) -> None:
        """
        Sets that refer to others more than once are not multiplied out either.
        """
        sets = {"s0": "a | b"}
        for i in range(1, 12):
            sets[f"s{i}"] = f"+s{i - 1} & c | +s{i - 1} & d"
        self.assertEqual(self._chosen(sets, "a", "bcd")[1:], ("b", 1))

    def test_too_deep(self) -> None:
        """
        References that are nested beyond the limit are an error that names the set;
        up to it they are solved.
        """
        sets = {"s1": "a"}
        for i in range(2, DEPTH_LIMIT + 2):
            sets[f"s{i}"] = f"+s{i - 1} {'&|'[i % 2]} {MODELS[i % 7]}"
        error = self.assertRaises(ValueError, Solver, link(sets, {}, MODELS), {})
        self.assertIn(f"set 's{DEPTH_LIMIT + 1}'", str(error))
        del sets[f"s{DEPTH_LIMIT + 1}"]
        self.assertEqual(self._chosen({"x": f"+s{DEPTH_LIMIT}", **sets}, "a", "")[2], 0)
        solver = Solver(link(sets, {}, MODELS)[-1:], {})
        self.assertEqual(solver.choose("a", list("bcdefg")).cost, 0)
