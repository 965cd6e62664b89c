"""
Small requests: how many a second, how late, and at what cost; direct, through a bare
``twisted.web`` that answers a constant, and through the daemon.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from ..daemon import Model, cpu_of, yardstick
from ..figures import Figure, at_least, at_most
from ..native import Result
from ..sockets import free_ports
from . import UNRECORDED, Lab

#: Short rounds that take turns, so that a noisy machine is so for all alike.
_ROUNDS = 3

#: Connections → seconds of a round.
_SECONDS = {1: 2.0, 32: 3.0}


@dataclass
class _Round:
    result: Result
    cpu_us: float


def measure(lab: Lab) -> Iterator[Figure]:
    """
    Load all three in turns, at 1 and at 32 connections.  This is the relay's own cost:
    what it costs to record requests beside, `observability` measures.
    """
    with ExitStack() as stack:
        daemon = stack.enter_context(lab.daemon(Model("m"), settings=UNRECORDED))
        direct = daemon.load("m")
        bare = free_ports(1)
        command = [sys.executable, "-m", "benchmarks.bare", str(bare)]
        _, bare_pid = stack.enter_context(yardstick(command, bare))
        targets: dict[str, tuple[int, Callable[[], float]]] = {
            "direct": (direct, lambda: 0.0),
            "bare": (bare, lambda: cpu_of(bare_pid)),
            "ours": (daemon.port, daemon.cpu),
        }
        for connections, seconds in _SECONDS.items():
            rounds: dict[str, list[_Round]] = {name: [] for name in targets}
            for name in targets:
                lab.native.requests(targets[name][0], "m", connections, 0.5)
            for _ in range(_ROUNDS):
                for name, (port, cpu) in targets.items():
                    before = cpu()
                    result = lab.native.requests(port, "m", connections, seconds)
                    used = (cpu() - before) * 1e6 / max(1, result["requests"])
                    rounds[name].append(_Round(result, used))
            yield from _figures(connections, rounds)


def _figures(connections: int, rounds: dict[str, list[_Round]]) -> Iterator[Figure]:
    def middle(name: str, key: str) -> float:
        return median(r.result[key] for r in rounds[name])

    def against(other: str, key: str, join: Callable[[float, float], float]) -> float:
        pairs = zip(rounds["ours"], rounds[other], strict=True)
        return median(join(o.result[key], t.result[key]) for o, t in pairs)

    labels = {"direct": "direct", "bare": "bare twisted.web", "ours": "through us"}
    at = f"{connections} connection{'s' if connections > 1 else ''}"
    for name, label in labels.items():
        yield Figure(f"{at}, {label}", middle(name, "per_second"), "requests/s")
    if connections > 1:
        ratio = against("bare", "per_second", lambda a, b: a / b)
        yield Figure(f"{at}, ours / bare twisted.web", ratio, "", at_least(0.8))
    added = against("direct", "p50_ms", lambda a, b: a - b)
    yield Figure(
        f"{at}, added over direct, p50",
        added,
        "ms",
        at_most(0.35) if connections == 1 else None,
    )
    added = against("direct", "p99_ms", lambda a, b: a - b)
    yield Figure(f"{at}, added over direct, p99", added, "ms")
    for name in ("bare", "ours"):
        cpu = median(r.cpu_us for r in rounds[name])
        yield Figure(f"{at}, CPU a request, {labels[name]}", cpu, "µs")
    failed = sum(r.result["errors"] + r.result["unanswered"] for r in rounds["ours"])
    yield Figure(f"{at}, requests failed", failed, "", at_most(0))
