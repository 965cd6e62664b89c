"""
The model servers' log: what happened there, and exactly when.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class NotSeen(Exception):
    """
    What should have happened did not, in time.
    """


@dataclass(frozen=True)
class Stamp:
    """
    One event.

    :ivar at: in nanoseconds of `time.monotonic_ns`.
    :ivar pid: the server's.
    :ivar model: the server's name.
    :ivar event: ``start``, ``ready``, ``first``, ``request`` or ``close``.
    :ivar tag: the request's, or ``-``.
    """

    at: int
    pid: int
    model: str
    event: str
    tag: str


class Stamps:
    """
    Reads the log.

    :param path: the file, which all servers write to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> list[Stamp]:
        """
        All events until now, in the order in which they were written.
        """
        if not self.path.exists():
            return []
        stamps = []
        for line in self.path.read_text().splitlines():
            at, pid, model, event, tag = line.split(" ")
            stamps.append(Stamp(int(at), int(pid), model, event, tag))
        return stamps

    def find(self, event: str, tag: str) -> Stamp | None:
        """
        :returns: the first such event of the request with that tag, if any.
        """
        return next((s for s in self.all() if (s.event, s.tag) == (event, tag)), None)

    def wait_for(self, event: str, tag: str, timeout: float = 10.0) -> Stamp:
        """
        :param timeout: in seconds.
        :returns: the first such event of the request with that tag, once it came.
        :raises NotSeen: if it does not.
        """
        found: list[Stamp] = []

        def look() -> bool:
            stamp = self.find(event, tag)
            if stamp is not None:
                found.append(stamp)
            return bool(found)

        wait_until(look, timeout, f"the model server saw no {event} of {tag}")
        return found[0]


def wait_until(condition: Callable[[], bool], timeout: float, otherwise: str) -> None:
    """
    Return within 2 ms of the time when something holds.

    :param timeout: in seconds.
    :param otherwise: what is wrong if it does not, in words.
    :raises NotSeen: with those words.
    """
    give_up = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > give_up:
            raise NotSeen(f"{otherwise} within {timeout:g} s")
        time.sleep(0.002)
