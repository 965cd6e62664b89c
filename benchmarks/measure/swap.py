"""
What a swap costs beyond the load itself, and in what order waiting requests are
served.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from ..daemon import Daemon, DaemonFailed, Model
from ..figures import Figure, at_most, exactly, share
from ..sockets import ask
from ..stamps import wait_until
from . import Lab

#: How often a model that loads for so many milliseconds is swapped in.
_LOADS = {130: 16, 370: 11, 710: 6, 1130: 5, 3300: 2}

#: Up to so many milliseconds more, so that loads are in step with no interval.
_JITTER = 40


def measure(lab: Lab) -> Iterator[Figure]:
    """
    Swap to and fro between models of several load times; then ask for three models
    in turns, all at once.
    """
    yield from _overhead(lab)
    yield from _order(lab)


def _overhead(lab: Lab) -> Iterator[Figure]:
    # llama-server listens while it loads and answers 503; others do not listen yet.
    models = []
    for load in _LOADS:
        options = ("--load-time", str(load), "--jitter", str(_JITTER))
        models.append(Model(f"l{load}", options))
        models.append(Model(f"s{load}", (*options, "--silent")))
    with lab.daemon(*models) as daemon:
        lost, launched = [], []
        for number, name in enumerate(_swaps()):
            asked = time.monotonic_ns()
            status = daemon.ask(name, tag=f"swap{number}")
            if status != 200:
                raise DaemonFailed(f"swap to {name}: status {status}")
            stamps = daemon.stamps.all()
            sent_up = next(s for s in stamps if s.tag == f"swap{number}")
            ready = next(
                s for s in stamps if (s.event, s.pid) == ("ready", sent_up.pid)
            )
            start = next(
                s for s in stamps if (s.event, s.pid) == ("start", sent_up.pid)
            )
            lost.append((sent_up.at - ready.at) / 1e6)
            launched.append((start.at - asked) / 1e6)
    yield Figure("swaps", len(lost))
    yield Figure("server ready → request sent up, p50", median(lost), "ms", at_most(30))
    yield Figure(
        "server ready → request sent up, p95", share(lost, 0.95), "ms", at_most(60)
    )
    yield Figure("server ready → request sent up, worst", max(lost), "ms")
    name = "asked → the other stopped, server started"
    yield Figure(f"{name}, p50", median(launched), "ms")
    yield Figure(f"{name}, worst", max(launched), "ms")


def _swaps() -> list[str]:
    # Always the same, no model twice in a row.
    chance = random.Random(4)
    left = [
        f"{'ls'[turn % 2]}{load}" for load, n in _LOADS.items() for turn in range(n)
    ]
    order: list[str] = []
    while left:
        fresh = [name for name in left if not order or name != order[-1]]
        if not fresh:
            break
        order.append(chance.choice(fresh))
        left.remove(order[-1])
    return order


def _order(lab: Lab) -> Iterator[Figure]:
    options = ("--load-time", "300")
    with (
        lab.daemon(*(Model(name, options) for name in "abc")) as daemon,
        ThreadPoolExecutor(9) as pool,
    ):
        answers = []
        for number, name in enumerate("abcabcabc"):
            body: dict[str, object] = {"model": name, "tag": f"turn{number}"}
            body["delay_ms"] = 50
            answers.append(pool.submit(_status, daemon.port, body))
            if number == 0:
                _wait_for_start(daemon)
            time.sleep(0.015)
        answered = sum(answer.result() == 200 for answer in answers)
        stamps = daemon.stamps.all()
    served = "".join(s.model for s in stamps if s.event == "request")
    loads = sum(s.event == "start" for s in stamps)
    yield Figure("A B C A B C A B C, all waiting: answered", answered, "", exactly(9))
    yield Figure("loads", loads, "", exactly(3))
    yield Figure("served in this order", served, "", exactly("aaabbbccc"))


def _status(port: int, body: dict[str, object]) -> int:
    try:
        return ask(port, body, timeout=15.0)[0]
    except OSError:
        return 0


def _wait_for_start(daemon: Daemon) -> None:
    wait_until(
        lambda: any(s.event == "start" for s in daemon.stamps.all()),
        10.0,
        "the first model does not start",
    )
