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

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .nodes import And, Model, Node, Or

#: A choice as far as it matters: the shared models in it, and the others' worth.
_Kept = tuple[int, int]

_NOTHING: list[_Kept] = [(0, 0)]


@dataclass(frozen=True, slots=True)
class Choice:
    """
    How a model can run.

    :ivar position: of the set that allows it, among those that the solver was
        given; `None` where the model is in no set, and runs alone.
    :ivar stopped: the models that run outside of it, sorted.
    :ivar cost: their summed cost.
    """

    position: int | None
    stopped: tuple[str, ...]
    cost: int


class Solver:
    """
    Finds the choice that costs least.

    :param sets: what may run together, in the order that decides ties.
    :param costs: by model, what it costs to stop it, from 1 on; 1 where there is
        none.
    """

    def __init__(self, sets: Sequence[Node], costs: Mapping[str, int]) -> None:
        self._sets = tuple(sets)
        self._costs = dict(costs)
        #: Each model's bit.
        self._bits: dict[str, int] = {}
        #: The models below each node, by its id: where sets refer to one another a
        #: node hangs in many places, and to compare it would walk all of them.
        self._below: dict[int, int] = {}
        self._tops = tuple(self._measure(node) for node in self._sets)

    def _measure(self, node: Node) -> int:
        below = self._below.get(id(node))
        if below is None:
            if isinstance(node, Model):
                below = self._bits.setdefault(node.id, 1 << len(self._bits))
            else:
                below = 0
                for part in node.parts:
                    below |= self._measure(part)
            self._below[id(node)] = below
        return below

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
        # More than all others: what is best contains the target if anything does.
        worth[bit] = most + 1
        query = _Query(self._below, worth)
        position, best = None, most
        for index, (node, below) in enumerate(zip(self._sets, self._tops, strict=True)):
            # An earlier set wins where it is as good.
            if below & bit and query.worth(below) > best:
                its_best = query.choices(node, 0)[0][1]
                if its_best > best:
                    position, best = index, its_best
                    if best == 2 * most + 1:
                        break
        kept = 0 if position is None else query.first(self._sets[position], best)
        stopped = sorted(m for m in running if not self._bits.get(m, 0) & kept)
        return Choice(
            position, tuple(stopped), sum(self._costs.get(m, 1) for m in stopped)
        )


class _Query:
    """
    One question to a solver.

    :param below: the models below each node, by the node's id.
    :param worth: of the models that matter, by their bits.
    """

    def __init__(self, below: Mapping[int, int], worth: Mapping[int, int]) -> None:
        self._below = below
        self._worth = worth
        self._relevant = sum(worth)
        self._choices: dict[tuple[int, int], list[_Kept]] = {}
        self._rests: dict[tuple[int, int], list[list[_Kept]]] = {}
        self._worths: dict[int, int] = {0: 0}

    def worth(self, models: int) -> int:
        """
        The summed worth of those of some models that matter.
        """
        models &= self._relevant
        worth = self._worths.get(models)
        if worth is None:
            worth, left = 0, models
            while left:
                low = left & -left
                worth += self._worth[low]
                left ^= low
            self._worths[models] = worth
        return worth

    def choices(self, node: Node, shared: int) -> list[_Kept]:
        """
        What can be had of an expression.

        :param node: the expression.
        :param shared: the models to tell apart; where there are none one choice is
            left.
        :returns: the choices, none of which is as good as another.
        """
        below = self._below[id(node)] & self._relevant
        if not below:
            return _NOTHING
        shared &= below
        if isinstance(node, Model):
            return [(shared, self.worth(below & ~shared))]
        key = (id(node), shared)
        choices = self._choices.get(key)
        if choices is None:
            if isinstance(node, And):
                choices = self._rest(node, shared)[0]
            else:
                # An alternative of which nothing matters is as good as no other.
                choices = _best(
                    choice
                    for part in node.parts
                    if self._below[id(part)] & below
                    for choice in self.choices(part, shared)
                )
            self._choices[key] = choices
        return choices

    def _rest(self, node: And, shared: int) -> list[list[_Kept]]:
        """
        :returns: what can be had of the parts from each on; nothing, after the
            last.
        """
        key = (id(node), shared)
        rests = self._rests.get(key)
        if rests is None:
            rests = [_NOTHING]
            before = self._shared_before(node, shared)
            after = 0
            for part, known in zip(reversed(node.parts), reversed(before), strict=True):
                its = self.choices(part, known | after)
                after |= self._below[id(part)]
                # What neither a part before these nor anybody else has is told
                # apart no longer.
                rests.append(
                    _best(
                        (
                            (mine | other) & known,
                            worth + more + self.worth((mine | other) & ~known),
                        )
                        for mine, worth in its
                        for other, more in rests[-1]
                    )
                )
            rests.reverse()
            self._rests[key] = rests
        return rests

    def _shared_before(self, node: And, shared: int) -> list[int]:
        """
        :returns: for each part, the models that are shared or stand in a part
            before it.
        """
        known = []
        for part in node.parts:
            known.append(shared)
            shared |= self._below[id(part)]
        return known

    def first(self, node: Node, best: int) -> int:
        """
        :param best: the best worth that can be had of ``node``.
        :returns: the models of the first choice that is worth so much.
        """
        return self._first(node, 0, _NOTHING, best)

    def _first(self, node: Node, shared: int, others: list[_Kept], best: int) -> int:
        """
        :param others: what can be had besides.
        :returns: the models of the first choice of ``node`` that together with one
            of those is worth so much.
        """
        below = self._below[id(node)] & self._relevant
        if not below or isinstance(node, Model):
            return below
        if isinstance(node, Or):
            for part in node.parts[:-1]:
                if self._reaches(part, shared, others, best):
                    return self._first(part, shared, others, best)
            return self._first(node.parts[-1], shared, others, best)
        rests = self._rest(node, shared & below)
        every = [self._below[id(part)] for part in node.parts]
        chosen = 0
        for index, part in enumerate(node.parts):
            besides = [
                (mask | other | chosen, worth + more)
                for mask, worth in others
                for other, more in rests[index + 1]
            ]
            known = shared
            for position, its in enumerate(every):
                if position != index:
                    known |= its
            chosen |= self._first(part, known, besides, best)
        return chosen

    def _reaches(
        self, node: Node, shared: int, others: list[_Kept], best: int
    ) -> bool:
        return any(
            worth + more + self.worth(mask | other) == best
            for mask, worth in self.choices(node, shared)
            for other, more in others
        )


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
        worths.items(), key=lambda choice: (choice[1], choice[0].bit_count()), reverse=True
    ):
        if not any(mask & ~other == 0 and worth <= more for other, more in kept):
            kept.append((mask, worth))
    return kept
