"""
The daemon's side of the watchdog.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from .child import CannotLaunch, start_child
from .table import WATCHDOG_VARIABLE, daemon_name

_log = Logger()

#: A watchdog that is killed is replaced at once, one that lived for less than so
#: many seconds after so many.
_PAUSE = 1.0

#: What cannot be started is tried again after so many seconds.
_LONG_PAUSE = 30.0

#: The folder that we are in may hold anybody's modules, so it comes last.
_PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from llamaswap_tw.process.watchdog import main; main()"
)


class Watch:
    """
    Keeps a watchdog, and tells it of the models' processes.

    :param reactor: spawns processes, and is the clock.
    :param environment: the daemon's own.
    :ivar name: what the cookies of this daemon's models begin with.
    """

    def __init__(self, reactor: Any, environment: Mapping[str, str]) -> None:
        self._reactor = reactor
        self._environment = environment
        self._watched: dict[str, bytes] = {}
        self._watchdog: _Watchdog | None = None
        self._retry: IDelayedCall | None = None
        self._stopping = False
        self._born = 0.0
        self.name = ""

    def start(self) -> None:
        """
        Start the watchdog; not before the daemon has its final pid.
        """
        self.name = daemon_name()
        self._spawn()

    def stop(self) -> None:
        """
        Let the watchdog end: the daemon is about to.
        """
        self._stopping = True
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        if not self._watched:
            # It need not look for anything, and is gone as soon as we are.
            self._tell(_line(daemon=""))
        if self._watchdog is not None:
            self._watchdog.let_go()

    @property
    def pid(self) -> int | None:
        """
        The watchdog's pid, or `None` while there is none.
        """
        return None if self._watchdog is None else self._watchdog.pid

    def remember(
        self,
        cookie: str,
        pid: int,
        started: int | None,
        stop_command: Sequence[str],
        environment: Mapping[str, str],
        timeout: float,
    ) -> None:
        """
        A model's process runs.

        :param cookie: what it and its descendants bear.
        :param pid: its pid.
        :param started: when it started, in the kernel's ticks.
        :param stop_command: its own, or empty.
        :param environment: the one for the stop command.
        :param timeout: seconds that the stop command may take.
        """
        line = self._watched[cookie] = _line(
            cookie=cookie,
            pid=pid,
            started=started,
            stop=list(stop_command),
            environment=dict(environment) if stop_command else {},
            timeout=timeout,
        )
        self._tell(line)

    def forget(self, cookie: str) -> None:
        """
        Nothing lives any more of a model's process.
        """
        self._watched.pop(cookie, None)
        self._tell(_line(gone=cookie))

    def _spawn(self) -> None:
        self._born = self._reactor.seconds()
        watchdog = _Watchdog(self)
        root = Path(__file__).parents[2]
        command = [sys.executable, "-E", "-s", "-S", "-c", _PROGRAM, str(root)]
        try:
            start_child(
                self._reactor,
                watchdog,
                command,
                {**self._environment, WATCHDOG_VARIABLE: self.name},
                stdin="w",
                output=False,
            )
        except CannotLaunch as e:
            _log.error(
                "no watchdog: {reason}; models will outlive the daemon if it is killed",
                reason=e,
            )
            self._retry = self._reactor.callLater(_LONG_PAUSE, self._spawn)
            return
        self._watchdog = watchdog
        self._tell(_line(daemon=self.name))
        for line in self._watched.values():
            self._tell(line)

    def _tell(self, line: bytes) -> None:
        if self._watchdog is not None:
            self._watchdog.tell(line)

    def ended(self, watchdog: ProcessProtocol) -> None:
        """
        A watchdog is dead.
        """
        if watchdog is not self._watchdog:
            return
        self._watchdog = None
        if not self._stopping:
            _log.warn("the watchdog was ended; starting another")
            lived = self._reactor.seconds() - self._born
            wait = _PAUSE if lived < _PAUSE else 0.0
            self._retry = self._reactor.callLater(wait, self._spawn)


class _Watchdog(ProcessProtocol):
    """
    One watchdog.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    @property
    def pid(self) -> int | None:
        transport: Any = self.transport
        pid: int | None = transport.pid
        return pid

    def tell(self, line: bytes) -> None:
        transport: Any = self.transport
        transport.write(line)

    def let_go(self) -> None:
        transport: Any = self.transport
        transport.closeStdin()

    def processExited(self, reason: Failure) -> None:
        self._watch.ended(self)


def _line(**told: Any) -> bytes:
    return json.dumps(told).encode() + b"\n"
