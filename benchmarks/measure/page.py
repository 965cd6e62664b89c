"""
How soon the web page answers, what an open one costs the daemon, and what it holds.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

from ..daemon import Daemon, Model, environment
from ..figures import Figure, at_least, at_most
from ..native import Result
from ..tab import BLANK, Tab
from . import Lab

_LIMIT = 300.0

#: In milliseconds.
_BOUND = at_most(100)

_STREAMS = 64
_RATE = 50

#: Short rounds that take turns, so that a noisy machine is so for all alike.
_ROUNDS = 4
_SECONDS = 1.2
_DIRECT_SECONDS = 0.8

#: What the tab shows, by the names in the table.
_SHOWN = {"without the page": BLANK, "with Now": "/ui/", "with Logs": "/ui/logs"}
_WITHOUT = "without the page"

#: What a page that was opened fetches at first is not what it costs to have it open, in
#: seconds.
_SETTLE = 0.5

#: The daemon's CPU time for a chunk, of that without a page.
_CPU = at_most(1.25)

#: What a model says, in bytes a second, and for how long the page is looked at.
_TALK = 2_000_000
_LOOKS = 4
_BETWEEN = 2.5

#: A line of it, in bytes, and what tells one from the others.
_LINE = 100
_NUMBER = re.compile(r"id +(\d+)")

#: In MB; the page keeps 20,000 lines of a log, or 8 million characters.
_HEAP = at_most(50)
_GROWTH = at_most(5)


def measure(lab: Lab) -> Iterator[Figure]:
    """
    Click on the links of all pages, and sort and turn the activity, in a real browser:
    with 10,000 rows of activity, 60 models, and one that writes 2 MB of log a second.
    Then have the page open beside streams, and have it show such a log for a while.
    """
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.clicks"],
        stdout=subprocess.PIPE,
        text=True,
        timeout=_LIMIT,
        env=environment(),
        check=True,
    )
    for what, taken in json.loads(result.stdout).items():
        yield Figure(f"click → {what}, p50", median(taken), "ms", _BOUND)
        yield Figure(f"click → {what}, worst", max(taken), "ms")
    # In a group that nobody else is to make room for, or the two would swap.
    together = {"all": {"swap": False, "members": ["m", "talker"]}}
    talker = Model("talker", ["--print", str(_TALK)])
    with (
        lab.daemon(Model("m"), talker, settings={"groups": together}) as daemon,
        Tab(daemon.port) as tab,
    ):
        yield from _streams(lab, daemon, tab)
        yield from _memory(daemon, tab)


def _streams(lab: Lab, daemon: Daemon, tab: Tab) -> Iterator[Figure]:
    """
    The same streams with a browser that shows nothing, and with one that shows the
    page.

    The browser draws, the load generator and the model server run, and all of that is
    on the daemon's machine here, which it is not where somebody uses the page: on one
    with few cores a chunk waits for the browser's turn to end, whatever the daemon
    does.  So what is held to a bound is what the daemon itself does for a chunk, by
    its CPU time, and that none is lost; the delays are there to compare with.
    """
    direct = daemon.load("m")

    def run(port: int, seconds: float) -> Result:
        return lab.native.streams(port, "m", _STREAMS, _RATE, int(seconds * _RATE))

    run(daemon.port, _DIRECT_SECONDS)
    theirs: list[Result] = []
    ours: dict[str, list[Result]] = {name: [] for name in _SHOWN}
    cpu: dict[str, list[float]] = {name: [] for name in _SHOWN}
    for _ in range(_ROUNDS):
        tab.go(BLANK)
        theirs.append(run(direct, _DIRECT_SECONDS))
        for name, path in _SHOWN.items():
            tab.go(path)
            time.sleep(_SETTLE)
            before = daemon.cpu()
            result = run(daemon.port, _SECONDS)
            used = daemon.cpu() - before
            ours[name].append(result)
            cpu[name].append(used * 1e6 / max(1.0, result["received"]))
    for name, found in ours.items():
        what = f"{_STREAMS} at {_RATE}/s, {name}"
        for key in ("p50_ms", "p99_ms"):
            added = median(o[key] - t[key] for o, t in zip(found, theirs, strict=True))
            yield Figure(f"{what}, added, {key.removesuffix('_ms')}", added, "ms")
        lost = sum(r["expected"] - r["received"] for r in found)
        wrong = sum(r["disordered"] + r["errors"] for r in found)
        yield Figure(f"{what}, chunks lost", lost + wrong, "", at_most(0))
        yield Figure(f"{what}, CPU a chunk", median(cpu[name]), "µs")
        if name != _WITHOUT:
            pairs = zip(cpu[name], cpu[_WITHOUT], strict=True)
            ratio = median(with_it / without for with_it, without in pairs)
            yield Figure(f"{what}, CPU a chunk, of without", ratio, "", _CPU)


def _memory(daemon: Daemon, tab: Tab) -> Iterator[Figure]:
    """
    A log that says much, looked at until what the page keeps of it is full, and on.
    """
    tab.go("/ui/logs/talker")
    daemon.load("talker")
    held: list[float] = []
    shown: list[tuple[float, int]] = []
    for _ in range(_LOOKS):
        time.sleep(_BETWEEN)
        held.append(tab.heap())
        numbers = _NUMBER.findall(tab.log())
        shown.append((time.monotonic(), int(numbers[-1]) if numbers else 0))
    (began, first), (ended, last) = shown[0], shown[-1]
    rate = (last - first) * _LINE / (ended - began) / 1e6
    what = "2 MB/s of log"
    yield Figure(f"{what}: shown by the page", rate, "MB/s", at_least(1.9))
    yield Figure(f"{what}: the tab's heap", max(held), "MB", _HEAP)
    # At the first look all of the page's own has come, and the log it keeps is full.
    yield Figure(f"{what}: its growth from then on", held[-1] - held[0], "MB", _GROWTH)
