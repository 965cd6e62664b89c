"""
From the command to listening, beside a bare ``twistd web``.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from ..daemon import Model, twistd, yardstick
from ..figures import Figure, at_most
from ..sockets import free_ports
from . import Lab

_STARTS = 5


def measure(lab: Lab) -> Iterator[Figure]:
    """
    Start both in turns; the first start of each, which compiles, does not count.
    """
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(_STARTS + 1):
        port = free_ports(1)
        listen = f"tcp:{port}:interface=127.0.0.1"
        command = [*twistd(), "-n", "--pidfile=", "web", "--listen", listen]
        with yardstick(command, port) as (seconds, _pid):
            bare.append(seconds)
        with lab.daemon(Model("m")) as daemon:
            ours.append(daemon.started_in)
    yield Figure("bare twistd web, command → listening", median(bare[1:]), "s")
    yield Figure("ours, command → listening", median(ours[1:]), "s", at_most(1))
    yield Figure("ours, the slowest", max(ours[1:]), "s")
