"""
What is left when the daemon is killed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil

from ..daemon import Daemon, Model
from ..figures import Figure, at_most
from ..sockets import send
from . import Lab

_KILLS = 20

#: How long what the daemon left may take to go, in seconds.
_LIMIT = 2.0


def measure(lab: Lab) -> Iterator[Figure]:
    """
    Kill the daemon, again and again, at various moments; its model has a child in a
    session of its own and one that made itself a daemon.
    """
    left = 0
    taken = []
    bereft = 0
    for turn in range(_KILLS):
        # Every third is killed while the model loads.
        loading = turn % 3 == 2
        options = ("--children", "--load-time", "5000" if loading else "50")
        with lab.daemon(Model("m", options)) as daemon:
            if loading:
                connection = send(daemon.port, {"model": "m"})
                _wait_for_children(daemon, turn)
            else:
                daemon.load("m")
                connection = send(
                    daemon.port, {"model": "m", "chunks": 500, "rate": 50}
                )
            bereft += len(daemon.model_processes())
            helpers = daemon.helpers()
            killed = time.monotonic()
            daemon.kill()
            remaining = _remaining(daemon, helpers)
            while remaining and time.monotonic() - killed < _LIMIT:
                time.sleep(0.01)
                remaining = _remaining(daemon, helpers)
            taken.append(time.monotonic() - killed)
            left += remaining
            connection.close()
    yield Figure("kills with SIGKILL", _KILLS)
    yield Figure("processes of their models, in all", bereft)
    yield Figure("processes left after 2 s, in all", left, "", at_most(0))
    yield Figure("none left after, worst", max(taken), "s")


def _wait_for_children(daemon: Daemon, turn: int) -> None:
    give_up = time.monotonic() + 5.0
    # Some are killed while the model is just being born.
    wanted = 3 if turn % 2 else 1
    while len(daemon.model_processes()) < wanted and time.monotonic() < give_up:
        time.sleep(0.005)


def _remaining(daemon: Daemon, helpers: list[psutil.Process]) -> int:
    alive = 0
    for helper in helpers:
        try:
            alive += helper.is_running() and helper.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            pass
    return alive + len(daemon.model_processes())
