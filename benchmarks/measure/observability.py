"""
What it costs to record and to tell what goes on: requests and streams with and without
it, side by side; and a model that says much beside clients that do not listen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from statistics import median

from ..daemon import Daemon, Model, cpu_of, yardstick
from ..figures import Bound, Figure, at_least, at_most
from ..followers import Followers
from ..native import Result
from ..peak import Peak
from ..sockets import free_ports
from . import UNRECORDED, Lab

_MB = 1_000_000

#: The access log, and nothing else.
_LOGGED: Mapping[str, object] = {**UNRECORDED, "logLevel": "info"}
_DEFAULTS: Mapping[str, object] = {}

_READERS = 5

#: Short rounds that take turns, so that a noisy machine is so for all alike.
_ROUNDS = 4
_SECONDS = 1.5
_CONNECTIONS = 32

#: What the talkative model says, in bytes a second.
_TALK = 2 * _MB

#: How long it is listened to, in seconds.
_TALKING = 6.0


def _readers(daemon: Daemon) -> Followers:
    return Followers(daemon.port, ["/api/events"] * _READERS)


@dataclass(frozen=True)
class _Target:
    """
    What is asked.

    :ivar label: its name in the table.
    :ivar port: where it listens.
    :ivar cpu: its CPU time until now, in seconds.
    :ivar beside: what goes on while it is asked.
    :ivar bound: of its requests a second over the bare server's.
    """

    label: str
    port: int
    cpu: Callable[[], float]
    beside: Callable[[], AbstractContextManager[object]] = nullcontext
    bound: Bound | None = None


def measure(lab: Lab) -> Iterator[Figure]:
    """
    The same load on daemons that record more and more.
    """
    with ExitStack() as stack:
        off, logged, full = [
            stack.enter_context(lab.daemon(Model("m"), settings=settings))
            for settings in (UNRECORDED, _LOGGED, _DEFAULTS)
        ]
        for daemon in (logged, full):
            daemon.load("m")
        direct = off.load("m")
        bare = free_ports(1)
        command = [sys.executable, "-m", "benchmarks.bare", str(bare)]
        with yardstick(command, bare) as (_, bare_pid):
            targets = [
                _Target("bare twisted.web", bare, lambda: cpu_of(bare_pid)),
                _Target("everything off", off.port, off.cpu),
                _Target("access log", logged.port, logged.cpu),
                _Target("defaults", full.port, full.cpu),
                _Target(
                    f"{_READERS} event readers",
                    full.port,
                    full.cpu,
                    lambda: _readers(full),
                    at_least(0.65),
                ),
            ]
            yield from _requests(lab, targets)
        for level in _LEVELS:
            yield from _streams(lab, direct, off, full, level)
    yield from _talk(lab)


def _requests(lab: Lab, targets: list[_Target]) -> Iterator[Figure]:
    results: dict[str, list[Result]] = {target.label: [] for target in targets}
    cpu: dict[str, list[float]] = {target.label: [] for target in targets}
    for target in targets:
        lab.native.requests(target.port, "m", _CONNECTIONS, 0.4)
    for _ in range(_ROUNDS):
        for target in targets:
            with target.beside():
                before = target.cpu()
                result = lab.native.requests(target.port, "m", _CONNECTIONS, _SECONDS)
                used = target.cpu() - before
            results[target.label].append(result)
            cpu[target.label].append(used * 1e6 / max(1, result["requests"]))
    bare = targets[0].label
    for target in targets:
        label, found = target.label, results[target.label]
        rate = median(each["per_second"] for each in found)
        yield Figure(f"{label}, {_CONNECTIONS} connections", rate, "requests/s")
        used = median(cpu[label])
        yield Figure(f"{label}, CPU a request", used, "µs")
        if label == bare:
            continue
        ratio = median(
            ours["per_second"] / theirs["per_second"]
            for ours, theirs in zip(found, results[bare], strict=True)
        )
        yield Figure(f"{label}, requests/s, of bare", ratio, "", target.bound)
        pairs = zip(cpu[bare], cpu[label], strict=True)
        ratio = median(theirs / ours for theirs, ours in pairs)
        yield Figure(f"{label}, bare's CPU, of ours", ratio)
    runs = [run for each in results.values() for run in each]
    failed = sum(run["errors"] + run["unanswered"] for run in runs)
    yield Figure("requests failed", failed, "", at_most(0))


@dataclass(frozen=True)
class _Level:
    """
    Streams of 50 events a second, with the bounds of `streams`.
    """

    streams: int
    seconds: float
    added_p50: Bound | None = None
    added_p99: Bound | None = None
    p99: Bound | None = None
    cpu: Bound | None = None


_RATE = 50

_LEVELS = (
    _Level(64, 1.5, added_p50=at_most(0.3), added_p99=at_most(1.5)),
    _Level(256, 2.0, p99=at_most(5), cpu=at_most(36)),
)


def _streams(
    lab: Lab, direct: int, off: Daemon, full: Daemon, level: _Level
) -> Iterator[Figure]:
    def run(port: int, seconds: float) -> Result:
        chunks = int(seconds * _RATE)
        return lab.native.streams(port, "m", level.streams, _RATE, chunks)

    theirs: list[Result] = []
    ours: dict[str, list[Result]] = {"off": [], "on": []}
    cpu: dict[str, list[float]] = {"off": [], "on": []}
    for _ in range(3):
        theirs.append(run(direct, 1.0))
        for name, daemon in (("off", off), ("on", full)):
            with _readers(daemon) if daemon is full else nullcontext():
                before = daemon.cpu()
                result = run(daemon.port, level.seconds)
                used = daemon.cpu() - before
            ours[name].append(result)
            cpu[name].append(used * 1e6 / max(1.0, result["received"]))
    at = f"{level.streams} at {_RATE}/s"
    for name, found in ours.items():
        what = f"{at}, everything {name}"
        is_on = name == "on"

        def bounded(bound: Bound | None, is_on: bool = is_on) -> Bound | None:
            return bound if is_on else None

        for key, bound in (("p50_ms", level.added_p50), ("p99_ms", level.added_p99)):
            added = median(o[key] - t[key] for o, t in zip(found, theirs, strict=True))
            label = f"{what}, added, {key.removesuffix('_ms')}"
            yield Figure(label, added, "ms", bounded(bound))
        p99 = median(result["p99_ms"] for result in found)
        yield Figure(f"{what}, p99", p99, "ms", bounded(level.p99))
        steady = median(result["steady_p99_ms"] for result in found)
        yield Figure(f"{what}, once all run, p99", steady, "ms")
        used = median(cpu[name])
        yield Figure(f"{what}, CPU a chunk", used, "µs", bounded(level.cpu))
        lost = sum(r["expected"] - r["received"] + r["errors"] for r in found)
        yield Figure(f"{what}, chunks lost", lost, "", at_most(0))


def _talk(lab: Lab) -> Iterator[Figure]:
    """
    A model that says much, ten clients that follow it and do not read, and requests
    to another.
    """
    # In a group that nobody else is to make room for, or the two would swap.
    together = {"all": {"swap": False, "members": ["m", "talker"]}}
    talker = Model("talker", ["--print", str(_TALK)])
    with lab.daemon(
        Model("m"), talker, settings={"groups": together, "captureBuffer": 1}
    ) as daemon:
        daemon.load("m")
        # So many that what is kept of them has its full size.
        lab.native.requests(daemon.port, "m", 32, 1.5)
        quiet = lab.native.requests(daemon.port, "m", 4, 2.0)
        idle = Peak(daemon.pid).now()
        daemon.load("talker")
        logs = ["/logs/stream/upstream", "/logs/stream/talker", "/logs/stream"]
        paths = ["/api/events"] * 5 + logs + logs[:2]
        upstream = ["/logs/stream/upstream?no-history"]
        with (
            Followers(daemon.port, paths, stalled=True),
            Followers(daemon.port, upstream) as listener,
        ):
            # Until what each may have waiting for it is full.
            time.sleep(2.0)
            full = Peak(daemon.pid).now()
            heard, began = listener.received, time.monotonic()
            cpu = daemon.cpu()
            time.sleep(1.0)
            used = daemon.cpu() - cpu
            with Peak(daemon.pid) as peak:
                busy = lab.native.requests(daemon.port, "m", 4, _TALKING)
            rate = (listener.received - heard) / (time.monotonic() - began)
    what = "2 MB/s of log, 10 who do not read"
    yield Figure(f"{what}: heard by one who does", rate / _MB, "MB/s", at_least(1.9))
    yield Figure(f"{what}: of a core", used, "", None)
    yield Figure(f"{what}: memory for them", full - idle, "MB", at_most(15))
    yield Figure(f"{what}: growth from then on", peak.growth, "MB", at_most(4))
    for key in ("p50_ms", "p99_ms"):
        name = key.removesuffix("_ms")
        yield Figure(f"4 connections, no log, {name}", quiet[key], "ms")
        yield Figure(f"{what}: 4 connections, {name}", busy[key], "ms")
    added = busy["p50_ms"] / quiet["p50_ms"]
    yield Figure(f"{what}: p50, of without", added, "", at_most(1.3))
    failed = busy["errors"] + busy["unanswered"]
    yield Figure(f"{what}: requests failed", failed, "", at_most(0))
