"""
How long the matrix planner thinks.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from random import Random
from statistics import median

from llamaswap_tw.routing.matrix.link import link
from llamaswap_tw.routing.matrix.planner import MatrixPlanner

from ..figures import Figure, at_most
from . import Lab

_QUESTIONS = 300


def measure(lab: Lab) -> Iterator[Figure]:
    """
    Ask what must stop, again and again, in matrices that could not be multiplied
    out.  No daemon takes part; times are those of the processor.
    """
    random = Random(4)
    ten = [[f"m{group}-{member}" for member in range(10)] for group in range(10)]
    planner, models = _planner({"all": _groups(ten)})
    taken = _ask(planner, random, models, 10)
    yield Figure("10 groups of 10, 10 run, p50", median(taken), "ms")
    yield Figure("10 groups of 10, 10 run, worst", max(taken), "ms", at_most(1))
    taken = _ask(planner, random, models, 99)
    yield Figure("10 groups of 10, all run, worst", max(taken), "ms")
    every = [f"m{number}" for number in range(200)]
    # Each set has groups of its own making over all models, so all are looked at.
    sets = {}
    for number in range(50):
        shuffled = random.sample(every, len(every))
        sets[f"s{number}"] = _groups([shuffled[i::20] for i in range(20)])
    planner, models = _planner(sets)
    taken = _ask(planner, random, models, 20)
    yield Figure("200 models in 50 sets, 20 run, p50", median(taken), "ms")
    yield Figure("200 models in 50 sets, 20 run, worst", max(taken), "ms", at_most(5))


def _groups(groups: Sequence[Sequence[str]]) -> str:
    return " & ".join(f"({' | '.join(group)})" for group in groups)


def _planner(sets: dict[str, str]) -> tuple[MatrixPlanner, list[str]]:
    names = " ".join(sets.values()).replace("(", " ").replace(")", " ").split()
    models = sorted({*names} - {"&", "|"})
    return MatrixPlanner(link(sets, {}, models), {}, print), models


def _ask(
    planner: MatrixPlanner, random: Random, models: Sequence[str], run: int
) -> list[float]:
    taken = []
    # As the daemon does, which would else look through the matrix now and then.
    gc.freeze()
    for _ in range(_QUESTIONS):
        target, *running = random.sample(models, run + 1)
        # Of this thread: whatever else the machine does has no part in it.
        began = time.thread_time()
        planner.evictions_for(target, running)
        taken.append((time.thread_time() - began) * 1e3)
    gc.unfreeze()
    return taken
