"""
Matrices at random, and what they mean, by multiplying them out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from hypothesis import strategies as st

from llamaswap_tw.routing.matrix.expression import And, Or
from llamaswap_tw.routing.matrix.link import Linked, LinkedSet, Model
from llamaswap_tw.routing.matrix.solver import Choice


def concrete(node: Linked) -> Iterator[frozenset[str]]:
    """
    Multiply an expression out, the first alternative written first.
    """
    if isinstance(node, Model):
        yield frozenset({node.id})
    elif isinstance(node, Or):
        for part in node.parts:
            yield from concrete(part)
    else:
        for parts in product(*(list(concrete(part)) for part in node.parts)):
            yield frozenset().union(*parts)


def plainly(
    sets: Sequence[LinkedSet],
    costs: Mapping[str, int],
    target: str,
    running: Collection[str],
) -> Choice:
    """
    What a solver should choose, by looking at every concrete set in turn.
    """

    def cost(models: Collection[str]) -> int:
        return sum(costs.get(model, 1) for model in models)

    best: Choice | None = None
    for each in sets:
        for together in concrete(each.node):
            stopped = sorted(set(running) - together)
            if target in together and (best is None or cost(stopped) < best.cost):
                best = Choice(each, tuple(stopped), cost(stopped))
    return best or Choice(None, tuple(sorted(running)), cost(running))


def _wider(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(
        st.sampled_from((And, Or)), st.lists(parts, min_size=2, max_size=3)
    )


# Made once, of numbers: to make strategies takes longer than to draw from them.
_expressions = st.lists(
    st.recursive(st.integers(0, 99), _wider, max_leaves=9), min_size=1, max_size=4
)


def linked_sets(models: Sequence[str]) -> st.SearchStrategy[tuple[LinkedSet, ...]]:
    """
    One to four sets, some of which refer to those before them.
    """

    def build(expressions: Sequence[Any]) -> tuple[LinkedSet, ...]:
        leaves: list[Linked] = [Model(model) for model in models]
        sets: list[LinkedSet] = []

        def node(drawn: Any) -> Linked:
            if isinstance(drawn, int):
                return leaves[drawn % len(leaves)]
            kind, parts = drawn
            linked: Linked = kind(tuple(node(part) for part in parts))
            return linked

        for name, drawn in zip("wxyz", expressions, strict=False):
            sets.append(LinkedSet(name, f"text of {name}", node(drawn)))
            leaves.append(sets[-1].node)
        return tuple(sets)

    return _expressions.map(build)


def costs_of(models: Sequence[str]) -> st.SearchStrategy[dict[str, int]]:
    """
    Few different costs, so that ties abound.
    """
    return st.dictionaries(st.sampled_from(models), st.integers(1, 3))
