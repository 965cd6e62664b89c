"""
Why a ticket waits: what people who look at the queue want to know, and nothing that
is decided by.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..errors import RequestError
from ..interfaces import ISwapPlanner
from .claims import Claims, is_held
from .swaps import Swaps


@dataclass(frozen=True)
class Standing:
    """
    How everything stands.

    :ivar planner: says what must stop.
    :ivar running: what runs, and what is about to.
    :ivar swaps: those under way.
    :ivar serving: how many requests each model is serving.
    :ivar claims: what overdue tickets wait to be stopped, in their order.
    """

    planner: ISwapPlanner
    running: Collection[str]
    swaps: Swaps
    serving: Mapping[str, int]
    claims: Claims


def behind(model: str, overdue: bool, now: Standing) -> tuple[str, ...]:
    """
    On account of whom the tickets of a model stay in the queue.

    :param model: the model.
    :param overdue: whether the first of its tickets is.
    :param now: how everything stands.
    :returns: the ids, in order: models that must stop for it and are serving, what
        swaps in its way bring up, and what overdue tickets ahead of it want.  Its own
        where that has no free slot, or is still going down.
    """
    swap = now.swaps.get(model)
    if swap is not None:
        # It was unloaded, and comes up again once that is over.
        return (model,)
    try:
        return tuple(sorted(_behind(model, overdue, now)))
    except RequestError:
        # A planner that fails now may not when it counts.
        return ()


def _behind(model: str, overdue: bool, now: Standing) -> set[str]:
    running = set(now.running)
    evict = set(now.planner.evictions_for(model, running))
    spare = now.swaps.spare(running)
    found = {
        holder
        for holder in _ahead(model, overdue, now.claims)
        if is_held(now.planner, {holder: now.claims[holder]}, model, evict, spare)
    }
    if overdue:
        # It stays with what it has claimed, whatever the planner would choose now.
        evict |= now.claims.get(model, frozenset()) & running
    found |= evict & now.serving.keys()
    found |= {
        swap.model
        for swap in now.swaps.values()
        if swap.model in evict or model in swap.evict or swap.evict & evict
    }
    if not found and not evict and model in now.serving:
        found.add(model)
    return found


def _ahead(model: str, overdue: bool, claims: Claims) -> list[str]:
    """
    Whose claims come first.
    """
    holders = list(claims)
    if overdue and model in claims:
        return holders[: holders.index(model)]
    return [holder for holder in holders if holder != model]
