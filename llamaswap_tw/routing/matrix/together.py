"""
Whether some models may all run at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .expression import And
from .link import Linked, LinkedSet, Model

#: How many combinations are looked at.  The question is as hard as set cover.
_PATIENCE = 1_000_000


class _TooHard(Exception):
    """
    There are more combinations than `_PATIENCE`.
    """


class _Cover:
    """
    Which of the wanted models an expression lets run together, as bit masks; of
    two where one has all of the other's models, only that one is kept.
    """

    def __init__(self, models: Iterable[str]) -> None:
        self._bits = {model: 1 << n for n, model in enumerate(dict.fromkeys(models))}
        self.all = (1 << len(self._bits)) - 1
        self._known: dict[Linked, tuple[int, ...]] = {}
        self._left = _PATIENCE

    def of(self, node: Linked) -> tuple[int, ...]:
        if isinstance(node, Model):
            return (self._bits.get(node.id, 0),)
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = self._parts(node)
        return known

    def _parts(self, node: Linked) -> tuple[int, ...]:
        assert not isinstance(node, Model)
        if not isinstance(node, And):
            return self._largest(mask for part in node.parts for mask in self.of(part))
        masks: tuple[int, ...] = (0,)
        for part in node.parts:
            more = self.of(part)
            self._spend(len(masks) * len(more))
            masks = self._largest(a | b for a in masks for b in more)
        return masks

    def _largest(self, masks: Iterable[int]) -> tuple[int, ...]:
        kept: list[int] = []
        for mask in sorted(set(masks), key=int.bit_count, reverse=True):
            self._spend(1 + len(kept))
            if not any(mask | other == other for other in kept):
                kept.append(mask)
        return tuple(kept)

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _TooHard


def may_run_together(sets: Iterable[LinkedSet], models: Collection[str]) -> bool:
    """
    Whether one concrete set has all of these models.

    :param sets: in the order in which they were linked.
    :returns: `True` also where that cannot be told in reasonable time: then there
        are so many sets that it is not for us to refuse them.
    """
    cover = _Cover(models)
    try:
        return any(cover.all in cover.of(each.node) for each in sets)
    except _TooHard:
        return True
