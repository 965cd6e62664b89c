"""
Tests for `llamaswap_tw.routing.matrix.together`.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.routing.matrix.expression import And
from llamaswap_tw.routing.matrix.link import Linked, Model, link
from llamaswap_tw.routing.matrix.together import may_run_together

MODELS = "abcde"


def concrete(node: Linked) -> list[frozenset[str]]:
    """
    All sets that an expression stands for, multiplied out.
    """
    if isinstance(node, Model):
        return [frozenset([node.id])]
    below = [concrete(part) for part in node.parts]
    if isinstance(node, And):
        return [frozenset().union(*chosen) for chosen in product(*below)]
    return [one for each in below for one in each]


def expressions() -> st.SearchStrategy[str]:
    """
    Expressions over `MODELS`.
    """
    names: st.SearchStrategy[str] = st.sampled_from([*MODELS])

    def larger(parts: Any) -> Any:
        return st.tuples(
            st.sampled_from([" & ", " | "]), st.lists(parts, min_size=2, max_size=3)
        ).map(lambda drawn: f"({drawn[0].join(drawn[1])})")

    return st.recursive(names, larger, max_leaves=8)


class TogetherTests(SynchronousTestCase):
    """
    Some models may run together if one set has them all.
    """

    def test_multiplied_out(self) -> None:
        """
        The answer is what the sets say when they are multiplied out.
        """

        @settings(deadline=None, max_examples=200, database=None)
        @given(
            st.lists(expressions(), min_size=1, max_size=3),
            st.sets(st.sampled_from(MODELS), min_size=1),
        )
        def run(texts: list[str], wanted: set[str]) -> None:
            sets = link({f"s{n}": t for n, t in enumerate(texts)}, {}, set(MODELS))
            expected = any(
                wanted <= one for each in sets for one in concrete(each.node)
            )
            self.assertEqual(may_run_together(sets, wanted), expected)

        run()

    def test_large(self) -> None:
        """
        Ten billion sets are not looked at one by one.
        """
        models = [f"m{n}" for n in range(100)]
        groups = [" | ".join(models[n : n + 10]) for n in range(0, 100, 10)]
        sets = link({"s": " & ".join(f"({g})" for g in groups)}, {}, set(models))
        self.assertTrue(may_run_together(sets, models[::10]))
        self.assertFalse(may_run_together(sets, models[:2]))

    def test_too_hard(self) -> None:
        """
        Where it cannot be told in reasonable time, the models may.
        """
        models = [f"m{n}" for n in range(40)]
        pairs = [
            f"({a} & x{n} | {b} & y{n})"
            for n, (a, b) in enumerate(zip(models[::2], models[1::2], strict=True))
        ]
        known = {*models, *(f"x{n}" for n in range(20)), *(f"y{n}" for n in range(20))}
        sets = link({"s": " & ".join(pairs)}, {}, known)
        self.assertTrue(may_run_together(sets, models))
