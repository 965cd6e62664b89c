"""
What the daemon holds in memory: idle, under streams, beside a reader that stalls; and
that it does nothing when there is nothing to do.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

from ..daemon import Daemon, Model
from ..figures import Figure, at_least, at_most
from ..native import result_of
from ..peak import Peak
from . import Lab

_MB = 1_000_000


def measure(lab: Lab) -> Iterator[Figure]:
    """
    One daemon, from idle through everything that could make it grow.
    """
    with lab.daemon(Model("m")) as daemon:
        time.sleep(1.0)
        yield Figure("idle", Peak(daemon.pid).now(), "MB", at_most(80))
        yield Figure("CPU in 5 s of idling", _idle_cpu(daemon, 5.0), "ms", at_most(5))
        daemon.load("m")
        used = _idle_cpu(daemon, 3.0)
        yield Figure("CPU in 3 s beside a ready model", used, "ms", at_most(3))
        lab.native.requests(daemon.port, "m", 32, 1.5)
        with Peak(daemon.pid) as peak:
            lab.native.streams(daemon.port, "m", 256, 50, 100)
        yield Figure("with 256 streams, peak", peak.peak, "MB")
        yield from _stalled(lab, daemon)
        yield from _fast(lab, daemon)
        yield from _slow(lab, daemon)
        lab.native.streams(daemon.port, "m", 1000, 20, 50)
        time.sleep(0.5)
        after = Peak(daemon.pid).now()
        yield Figure("after all that, and 1,000 streams", after, "MB", at_most(110))


def _idle_cpu(daemon: Daemon, seconds: float) -> float:
    time.sleep(0.5)
    before = daemon.cpu()
    time.sleep(seconds)
    return (daemon.cpu() - before) * 1e3


def _finish(client: subprocess.Popen[str]) -> str:
    try:
        return client.communicate(timeout=90)[0]
    finally:
        client.kill()
        client.wait()


def _stalled(lab: Lab, daemon: Daemon) -> Iterator[Figure]:
    with Peak(daemon.pid) as peak:
        client = lab.native.fetch(
            daemon.port,
            "m",
            400 * _MB,
            tag="stalled",
            stall_after=_MB,
            stall=3.0,
            leave=True,
        )
        printed = _finish(client)
        left = int(printed.split("left ")[1].split()[0])
        closed = daemon.stamps.wait_for("close", "stalled")
    yield Figure("400 MB to a stalled reader, growth", peak.growth, "MB", at_most(10))
    yield Figure(
        "it leaves → upstream closed", (closed.at - left) / 1e6, "ms", at_most(100)
    )


def _fast(lab: Lab, daemon: Daemon) -> Iterator[Figure]:
    with Peak(daemon.pid) as peak:
        before = daemon.cpu()
        result = result_of(_finish(lab.native.fetch(daemon.port, "m", 300 * _MB)))
        used = daemon.cpu() - before
    yield Figure("300 MB to a fast reader, growth", peak.growth, "MB", at_most(10))
    yield Figure("its speed", 300 / result["seconds"], "MB/s")
    yield Figure("CPU for each MB of it", used * 1e6 / 300, "µs")
    yield Figure("it is whole", result["received"] / _MB, "MB", at_least(300))


def _slow(lab: Lab, daemon: Daemon) -> Iterator[Figure]:
    with Peak(daemon.pid) as peak:
        client = lab.native.fetch(
            daemon.port,
            "m",
            1000 * _MB,
            stall_after=_MB,
            stall=3.0,
            rate=120 * _MB,
        )
        result = result_of(_finish(client))
    yield Figure(
        "1 GB past a reader that stalls, then is slow, growth",
        peak.growth,
        "MB",
        at_most(10),
    )
    yield Figure("it is whole", result["received"] / _MB, "MB", at_least(1000))
