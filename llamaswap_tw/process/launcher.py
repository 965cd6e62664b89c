"""
Starts models' processes, finds their families, cleans up after dead daemons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..interfaces import InThread
from .child import Child, start_child
from .family import Family
from .interfaces import IFamily, ILauncher
from .launch import Launch
from .leftovers import kill_leftovers
from .ports import holder_of, is_taken
from .table import COOKIE_VARIABLE, mark_of, read_entry
from .watch import Watch

_log = Logger()


@implementer(ILauncher)
class Launcher:
    """
    Starts processes.

    :param reactor: spawns processes, and is the clock.
    :param in_thread: runs a function in a thread.
    :param environment: the daemon's own; a model's is added to it.
    :param watch: told of each process.
    """

    def __init__(
        self,
        reactor: Any,
        in_thread: InThread,
        environment: Mapping[str, str],
        watch: Watch,
    ) -> None:
        self._reactor = reactor
        self._in_thread = in_thread
        self._environment = environment
        self._watch = watch
        self._numbers = count(1)
        self._waiting: list[Deferred[None]] | None = []

    def clean_up(self) -> None:
        """
        Kill what is left of earlier daemons that died; `cleaned` waits for it.
        """
        self._in_thread(kill_leftovers).addCallbacks(
            self._cleaned_up, self._not_cleaned_up
        )

    def _cleaned_up(self, killed: Sequence[int]) -> None:
        if killed:
            _log.warn(
                "killed what an earlier daemon left behind: process {pids}",
                pids=", ".join(map(str, killed)),
            )
        waiting, self._waiting = self._waiting, None
        for waiter in waiting or ():
            if not waiter.called:
                waiter.callback(None)

    def _not_cleaned_up(self, reason: Failure) -> None:
        _log.failure("looking for what an earlier daemon left behind", reason)
        self._cleaned_up(())

    def cleaned(self) -> Deferred[None]:
        """
        Fires once nothing is left of an earlier daemon.
        """
        if self._waiting is None:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        return waiter

    def taken(self, port: int) -> Deferred[str | None]:
        """
        Whether something listens on a port already.
        """
        if not is_taken(port):
            return succeed(None)
        held: Deferred[str | None] = self._in_thread(holder_of, port)
        return held

    def start(
        self,
        launch: Launch,
        unload_timeout: float,
        output: Callable[[bytes], None],
        on_exit: Callable[[str], None],
    ) -> IFamily:
        """
        Start a process.
        """
        cookie = f"{self._watch.name}.{next(self._numbers)}"
        environment = {**self._environment, **launch.environment}
        child = Child(self._reactor, output, on_exit)
        start_child(
            self._reactor,
            child,
            launch.command,
            {**environment, COOKIE_VARIABLE: cookie},
            mark=mark_of(cookie),
        )
        entry = read_entry(child.pid)
        started = None if entry is None else entry.started
        return Family(
            self._reactor,
            self._in_thread,
            self._watch,
            child,
            cookie,
            started,
            launch.stop_command,
            unload_timeout,
            environment,
            output,
        )
