"""
What overdue tickets wait to be stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from ..interfaces import ISwapPlanner

#: By the model that an overdue ticket wants, in order: what must stop for it.
Claims = Mapping[str, frozenset[str]]


def claim(
    planner: ISwapPlanner, model: str, lasting: Set[str], earlier: frozenset[str] | None
) -> frozenset[str]:
    """
    Decide what an overdue ticket waits for.

    A planner that can choose, chooses anew with all that comes and goes.  Did the
    ticket follow it, it would wait for one busy model to become idle and then, all
    over, for another.  So it stays with its choice while that does.

    :param model: what the ticket wants.
    :param lasting: what runs, and what is about to and not about to stop.
    :param earlier: what it waited for before, if it did.
    :returns: what must stop for it.
    """
    others = lasting - {model}
    wanted = frozenset(planner.evictions_for(model, others))
    if earlier is None or wanted <= earlier:
        return wanted
    kept = earlier & others
    return wanted if planner.evictions_for(model, others - kept) else kept


def is_held(
    planner: ISwapPlanner,
    claims: Claims,
    model: str,
    evict: Set[str],
    lasting: Set[str],
) -> bool:
    """
    Whether an overdue ticket further ahead has something against ``model``: waits
    for it to stop, or would have to once it runs.

    :param evict: what would stop for it.
    :param lasting: what runs, and what is about to and not about to stop.
    """
    for holder, claimed in claims.items():
        if model == holder:
            continue
        if model in claimed or holder in evict:
            return True
        if model in lasting and not evict:
            # The holder has room beside it: it has claimed all else.
            continue
        rest = (lasting - claimed - evict - {holder}) | {model}
        if planner.evictions_for(holder, rest):
            return True
    return False
