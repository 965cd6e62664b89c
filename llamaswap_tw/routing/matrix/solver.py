"""
Which choice of the matrix costs least to run a model by.

An expression stands for its *choices*: an alternative of each ``|`` that is
reached, united by ``&``.  There may be more of them than could ever be listed, so
they are not multiplied out.  Two facts keep the work small:

* Only the target and what runs matter.  A choice is a bit mask over those.
* A model that stands in one part of an ``&`` only is that part's own affair: of
  such models only the summed cost that a choice keeps matters, and by that choices
  of the part are comparable.  Only models that stand in several parts, *shared*
  ones, must be told apart.  So a choice is a pair, the shared models in it and the
  worth of the others, and any choice is dropped for one that has at least as much
  of both.

Where parts share nothing, as groups of alternatives usually do, one choice is left
of each.  (In general the problem is as hard as covering a set; what is hard about
an expression is how many models that run it repeats in different parts.)

That gives the best worth, but not which of several equal choices is written first.
That one is found by a walk down the expression: at each ``|`` the first alternative
with which the best worth can still be reached.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .expression import Or
from .link import Linked, LinkedSet, Model

#: How deep expressions may be nested, references included.
DEPTH_LIMIT = 300

#: A choice as far as it matters: the shared models in it, and the others' worth.
_Kept: TypeAlias = tuple[int, int]

_NOTHING: list[_Kept] = [(0, 0)]


@dataclass(frozen=True, slots=True)
class Choice:
    """
    How a model can run.

    :ivar chosen: the set that allows it; `None` where the model is in no set, and
        runs alone.
    :ivar stopped: the models that run outside of it, sorted.
    :ivar cost: their summed cost.
    """

    chosen: LinkedSet | None
    stopped: tuple[str, ...]
    cost: int


@dataclass(frozen=True, eq=False, slots=True)
class _Tree:
    """
    An expression, made ready for questions.

    :ivar either: whether it is one of its parts, not all of them.
    :ivar parts: its parts.
    :ivar below: the models in it.
    :ivar repeated: those of them that are in several of its parts.
    :ivar flat: whether its parts are single models; a model itself is flat, has no
        parts, and is no ``either``.
    :ivar depth: how deep it is nested.
    """

    either: bool
    parts: tuple[_Tree, ...]
    below: int
    repeated: int
    flat: bool
    depth: int


class Solver:
    """
    Finds the choice that costs least.

    :param sets: what may run together, in the order that decides ties; each after
        those that it refers to.
    :param costs: by model, what it costs to stop it, from 1 on; 1 where there is
        none.
    :raises ValueError: where a set is nested too deep.
    """

    def __init__(self, sets: Sequence[LinkedSet], costs: Mapping[str, int]) -> None:
        self._costs = dict(costs)
        #: Each model's bit.
        self._bits: dict[str, int] = {}
        known: dict[Linked, _Tree] = {}
        self._sets: list[tuple[LinkedSet, _Tree]] = []
        for each in sets:
            tree = self._grow(each.node, known)
            if tree.depth > DEPTH_LIMIT:
                raise ValueError(
                    f"set {each.name!r}: with what it refers to it is nested more "
                    f"than {DEPTH_LIMIT} deep"
                )
            self._sets.append((each, tree))

    def _grow(self, node: Linked, known: dict[Linked, _Tree]) -> _Tree:
        tree = known.get(node)
        if tree is not None:
            return tree
        if isinstance(node, Model):
            bit = self._bits.setdefault(node.id, 1 << len(self._bits))
            tree = _Tree(False, (), bit, 0, True, 1)
        else:
            parts = []
            below = repeated = 0
            for part in node.parts:
                parts.append(self._grow(part, known))
                repeated |= below & parts[-1].below
                below |= parts[-1].below
            tree = _Tree(
                isinstance(node, Or),
                tuple(parts),
                below,
                repeated,
                all(not part.parts for part in parts),
                1 + max(part.depth for part in parts),
            )
        known[node] = tree
        return tree

    def choose(self, target: str, running: Collection[str]) -> Choice:
        """
        The least summed cost of models stopped; then the set that stands first;
        then the alternative that is written first.

        :param target: the model that is to run.
        :param running: the models that run; not ``target``.
        :returns: the choice.
        """
        bit = self._bits.get(target, 0)
        worth: dict[int, int] = {}
        for model in running:
            its = self._bits.get(model)
            if its is not None:
                worth[its] = self._costs.get(model, 1)
        most = sum(worth.values())
        # More than all others: the best has the target in it, if any choice has.
        worth[bit] = most + 1
        query = _Query(worth)
        best = most
        chosen: tuple[LinkedSet, _Tree] | None = None
        for each in self._sets:
            tree = each[1]
            # An earlier set wins where it is as good.
            if tree.below & bit and query.worth(tree.below) > best:
                its_best = query.best(tree)
                if its_best > best:
                    chosen, best = each, its_best
                    if best == 2 * most + 1:
                        break
        kept = 0 if chosen is None else query.first(chosen[1], best)
        stopped = sorted(m for m in running if not self._bits.get(m, 0) & kept)
        return Choice(
            None if chosen is None else chosen[0],
            tuple(stopped),
            sum(self._costs.get(m, 1) for m in stopped),
        )


class _Query:
    """
    One question to a solver.

    :param worth: of the models that matter, by their bits.
    """

    def __init__(self, worth: Mapping[int, int]) -> None:
        self._worth = worth
        self._relevant = sum(worth)
        self._choices: dict[tuple[_Tree, int], list[_Kept]] = {}
        self._rests: dict[tuple[_Tree, int], list[list[_Kept]]] = {}
        self._worths: dict[int, int] = {0: 0}

    def worth(self, models: int) -> int:
        """
        The summed worth of those of some models that matter.
        """
        models &= self._relevant
        worth = self._worths.get(models)
        if worth is None:
            worth = sum(self._worth[bit] for bit in _bits(models))
            self._worths[models] = worth
        return worth

    def best(self, tree: _Tree) -> int:
        """
        The best worth that a choice of an expression has.
        """
        # Nothing is shared with anybody: one choice is left.
        return self._had(tree, 0)[0][1]

    def first(self, tree: _Tree, best: int) -> int:
        """
        :param best: the best worth that can be had of ``tree``.
        :returns: the models of the first choice that is worth so much.
        """
        return self._first(tree, 0, _NOTHING, best)

    def _had(self, tree: _Tree, shared: int) -> list[_Kept]:
        """
        What can be had of an expression.

        :param shared: the models to tell apart.
        :returns: the choices, none of which is as good as another.
        """
        below = tree.below & self._relevant
        if not below:
            return _NOTHING
        shared &= below
        if tree.flat and not tree.either:
            return [(shared, self.worth(below & ~shared))]
        key = (tree, shared)
        choices = self._choices.get(key)
        if choices is None:
            # In an either, a part where nothing matters is as good as no other.
            if not tree.either:
                if (tree.repeated & below) | shared:
                    choices = self._rest(tree, shared)[0]
                else:
                    # The same, in short: each part is nobody else's affair.
                    worth = 0
                    for part in tree.parts:
                        worth += self._had(part, 0)[0][1]
                    choices = [(0, worth)]
            elif tree.flat and not shared:
                choices = [(0, max(self._worth[bit] for bit in _bits(below)))]
            elif tree.flat:
                choices = _best(
                    (bit, 0) if bit & shared else (0, self._worth[bit])
                    for bit in _bits(below)
                )
            else:
                choices = _best(
                    choice
                    for part in tree.parts
                    if part.below & below
                    for choice in self._had(part, shared)
                )
            self._choices[key] = choices
        return choices

    def _rest(self, tree: _Tree, shared: int) -> list[list[_Kept]]:
        """
        :returns: what can be had of the parts from each on; nothing, after the
            last.
        """
        key = (tree, shared)
        rests = self._rests.get(key)
        if rests is None:
            befores = []
            before = shared
            for part in tree.parts:
                befores.append(before)
                before |= part.below
            rest = _NOTHING
            rests = [rest]
            after = 0
            for part, before in zip(
                reversed(tree.parts), reversed(befores), strict=True
            ):
                if part.below & self._relevant:
                    # Who stands neither before nor outside is told apart no longer.
                    rest = _best(
                        (
                            (mine | other) & before,
                            worth + more + self.worth((mine | other) & ~before),
                        )
                        for mine, worth in self._had(part, before | after)
                        for other, more in rest
                    )
                    after |= part.below
                rests.append(rest)
            rests.reverse()
            self._rests[key] = rests
        return rests

    def _first(self, tree: _Tree, shared: int, others: list[_Kept], best: int) -> int:
        """
        :param others: what can be had besides.
        :returns: the models of the first choice of ``tree`` that together with one
            of those is worth so much.
        """
        below = tree.below & self._relevant
        if not below or (tree.flat and not tree.either):
            return below
        if tree.either:
            for part in tree.parts[:-1]:
                if self._reaches(part, shared, others, best):
                    return self._first(part, shared, others, best)
            return self._first(tree.parts[-1], shared, others, best)
        rests = self._rest(tree, shared & below)
        chosen = 0
        for index, part in enumerate(tree.parts):
            if not part.below & below:
                continue
            besides = [
                (mask | other | chosen, worth + more)
                for mask, worth in others
                for other, more in rests[index + 1]
            ]
            known = shared
            for sibling in (*tree.parts[:index], *tree.parts[index + 1 :]):
                known |= sibling.below
            chosen |= self._first(part, known, besides, best)
        return chosen

    def _reaches(
        self, tree: _Tree, shared: int, others: list[_Kept], best: int
    ) -> bool:
        return any(
            worth + more + self.worth(mask | other) == best
            for mask, worth in self._had(tree, shared)
            for other, more in others
        )


def _bits(mask: int) -> Iterator[int]:
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit


def _best(choices: Iterable[_Kept]) -> list[_Kept]:
    """
    :returns: those that are not as good as another.
    """
    worths: dict[int, int] = {}
    for mask, worth in choices:
        if worth > worths.get(mask, -1):
            worths[mask] = worth
    if len(worths) == 1:
        return list(worths.items())
    kept: list[_Kept] = []
    # One that is dropped for another comes after it.
    for mask, worth in sorted(
        worths.items(),
        key=lambda choice: (choice[1], choice[0].bit_count()),
        reverse=True,
    ):
        if not any(mask & ~other == 0 and worth <= more for other, more in kept):
            kept.append((mask, worth))
    return kept
