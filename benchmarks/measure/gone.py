"""
How soon a client that leaves is noticed: while it waits for a load, before the model
has answered, and in mid-stream.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..daemon import Daemon, Model
from ..figures import Figure, at_most
from ..sockets import send
from . import Lab

_TRIES = 10
_TRIES_WAITING = 5

#: A model that takes one request only tells by its 429 whether a ticket is still held.
_WAITED_FOR = Model("w", ("--load-time", "500"), limit=1)


def measure(lab: Lab) -> Iterator[Figure]:
    """
    Leave, in each of the three places, several times.
    """
    with lab.daemon(Model("m"), _WAITED_FOR) as daemon:
        waiting = [_while_waiting(daemon, turn) for turn in range(_TRIES_WAITING)]
        yield Figure(
            "while waiting → place in the queue free, worst",
            max(waiting),
            "ms",
            at_most(100),
        )
        arrived = sum(
            s.event == "request" and "left" in s.tag for s in daemon.stamps.all()
        )
        yield Figure("its request sent to the model", arrived, "", at_most(0))
        daemon.load("m")
        for name, body in (
            ("before the head", {"delay_ms": 5000}),
            ("in mid-stream", {"stream": True, "chunks": 500, "rate": 100}),
        ):
            tags = [f"{name.replace(' ', '-')}{turn}" for turn in range(_TRIES)]
            taken = [_once_sent_up(daemon, tag, dict(body)) for tag in tags]
            yield Figure(
                f"{name} → upstream closed, worst", max(taken), "ms", at_most(100)
            )


def _while_waiting(daemon: Daemon, turn: int) -> float:
    daemon.load("m")
    connection = send(daemon.port, {"model": "w", "tag": f"left{turn}"})
    time.sleep(0.15)
    gone = time.monotonic()
    connection.close()
    while True:
        asked = time.monotonic()
        status = daemon.ask("w")
        if status == 200:
            return (asked - gone) * 1e3
        if status != 429 or asked - gone > 5.0:
            raise RuntimeError(f"status {status}, {asked - gone:.1f} s after it left")


def _once_sent_up(daemon: Daemon, tag: str, body: dict[str, object]) -> float:
    connection = send(daemon.port, {"model": "m", "tag": tag, **body})
    daemon.stamps.wait_for("request", tag)
    if body.get("stream"):
        # Until some of it is here.
        connection.recv(65536)
    time.sleep(0.05)
    gone = time.monotonic_ns()
    connection.close()
    return (daemon.stamps.wait_for("close", tag).at - gone) / 1e6
