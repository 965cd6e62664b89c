"""
Event streams: the delay that the daemon adds to each chunk, and its cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from ..daemon import Daemon, Model
from ..figures import Bound, Figure, at_least, at_most
from ..native import Result
from . import Lab

#: A stream's rate may be this share of the model's: the end of the last period.
_FULL_RATE = 0.99


@dataclass(frozen=True)
class _Level:
    """
    :ivar added_p50: of the delay over direct, in ms.
    :ivar added_p99: the same.
    :ivar p99: of the delay itself, in ms.
    :ivar cpu: microseconds a chunk.
    """

    streams: int
    rate: int
    rounds: int
    seconds: float
    added_p50: Bound | None = None
    added_p99: Bound | None = None
    p99: Bound | None = None
    cpu: Bound | None = None


_LEVELS = (
    _Level(1, 50, rounds=2, seconds=2.0),
    _Level(
        64, 50, rounds=3, seconds=2.0, added_p50=at_most(0.3), added_p99=at_most(1.5)
    ),
    _Level(256, 50, rounds=3, seconds=4.0, p99=at_most(5), cpu=at_most(36)),
    _Level(1000, 20, rounds=3, seconds=3.0, p99=at_most(25)),
)

#: A round without us is there to compare with and need not be long.
_DIRECT_SECONDS = 1.5


def measure(lab: Lab) -> Iterator[Figure]:
    """
    Each level direct and through the daemon, in turns.
    """
    with lab.daemon(Model("m")) as daemon:
        direct = daemon.load("m")
        lab.native.streams(daemon.port, "m", 16, 100, 50)
        for level in _LEVELS:
            yield from _level(lab, daemon, direct, level)


def _level(lab: Lab, daemon: Daemon, direct: int, level: _Level) -> Iterator[Figure]:
    def run(port: int, seconds: float) -> Result:
        chunks = int(seconds * level.rate)
        return lab.native.streams(port, "m", level.streams, level.rate, chunks)

    theirs: list[Result] = []
    ours: list[Result] = []
    cpu: list[float] = []
    for _ in range(level.rounds):
        theirs.append(run(direct, _DIRECT_SECONDS))
        before = daemon.cpu()
        ours.append(run(daemon.port, level.seconds))
        used = daemon.cpu() - before
        cpu.append(used * 1e6 / max(1.0, ours[-1]["received"]))

    def added(key: str) -> float:
        return median(o[key] - t[key] for o, t in zip(ours, theirs, strict=True))

    def middle(results: list[Result], key: str) -> float:
        return median(result[key] for result in results)

    at = f"{level.streams} at {level.rate}/s"
    yield Figure(f"{at}, direct, p50", middle(theirs, "p50_ms"), "ms")
    yield Figure(f"{at}, direct, p99", middle(theirs, "p99_ms"), "ms")
    yield Figure(f"{at}, through us, p50", middle(ours, "p50_ms"), "ms")
    yield Figure(f"{at}, through us, p99", middle(ours, "p99_ms"), "ms", level.p99)
    yield Figure(f"{at}, added, p50", added("p50_ms"), "ms", level.added_p50)
    yield Figure(f"{at}, added, p99", added("p99_ms"), "ms", level.added_p99)
    if level.streams > 1:
        steady = middle(ours, "steady_p99_ms")
        yield Figure(f"{at}, through us, once all run, p99", steady, "ms")
        head = middle(ours, "head_p99_ms")
        yield Figure(f"{at}, all asked at once → head, p99", head, "ms")
    rate = min(result["rate"] for result in ours) / level.rate
    yield Figure(f"{at}, rate", rate, "of full", at_least(_FULL_RATE))
    lost = sum(result["expected"] - result["received"] for result in ours)
    wrong = sum(result["disordered"] + result["errors"] for result in ours)
    yield Figure(f"{at}, chunks lost", lost + wrong, "", at_most(0))
    yield Figure(f"{at}, CPU a chunk", median(cpu), "µs", level.cpu)
