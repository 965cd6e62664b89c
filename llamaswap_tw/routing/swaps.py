"""
The swaps that are under way.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from .waiting import Place, Waiter


@dataclass(eq=False)
class Swap:
    """
    A swap under way.

    :ivar model: what it brings up.
    :ivar evict: what it stops.
    :ivar joined: who waits for it.
    :ivar doomed: whether its model was unloaded: nobody joins it any more.
    """

    model: str
    evict: frozenset[str]
    joined: list[Waiter] = field(default_factory=list)
    doomed: bool = False

    def join(self, waiter: Waiter) -> None:
        """
        One more waits for it.
        """
        waiter.place = Place.JOINED
        self.joined.append(waiter)


class Swaps(dict[str, Swap]):
    """
    Those under way, by the model that they bring up.
    """

    def stop(self, model: str) -> bool:
        """
        Whether one of them stops ``model``.
        """
        return any(model in swap.evict for swap in self.values())

    def spare(self, running: set[str]) -> set[str]:
        """
        Those of ``running`` that none of them stops.
        """
        return running.difference(*(swap.evict for swap in self.values()))

    def collide(self, model: str, evict: Set[str]) -> bool:
        """
        Whether a swap to ``model`` that stops ``evict`` would get in the way of
        one of them: it stops what that brings up, or the other way round, or
        both stop the same model.
        """
        return any(
            swap.model in evict or model in swap.evict or swap.evict & evict
            for swap in self.values()
        )
