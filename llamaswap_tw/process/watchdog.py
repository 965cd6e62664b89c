"""
The watchdog: a small process that outlives the daemon by a moment.

It reads what the daemon tells it, a JSON document a line, until the end of the
file: the daemon is gone then, however it went.  What is left of the daemon's
models it ends: it runs their stop commands, and kills the others at once.

The standard library alone, and little of that, without whatever would be imported
only at the end: it waits for as long as the daemon runs, its memory counts, and the
library may have been replaced in the meantime.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from .kin import Kin, signal_all, with_descendants
from .table import Table, read_cookie, read_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

#: The wait between two looks, in seconds.
_WAIT = 0.05

#: So many looks in a row find nothing before all is taken to be over: a child
#: that was just being born bears its cookie a moment later.
_QUIET_LOOKS = 4

#: How long to go on killing what does not die, in seconds.
_PATIENCE = 15.0


class Watched:
    """
    One model's process, as the daemon told of it.

    :param told: the daemon's words.
    """

    def __init__(self, told: dict[str, Any]) -> None:
        self.kin = Kin(told["pid"], told["started"], told["cookie"])
        self._command: list[str] = told["stop"]
        self._environment: dict[str, str] = told["environment"]
        self._timeout = float(told["timeout"])
        self._pid: int | None = None
        self._until = 0.0

    def begin(self) -> None:
        """
        Run its stop command, where it has one.
        """
        if self._command:
            self._until = time.monotonic() + self._timeout
            self._pid = _run(self._command, self._environment)

    def is_being_stopped(self) -> bool:
        """
        Whether its stop command still runs, and still may.
        """
        if self._pid is None:
            return False
        pid, _ = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0 and time.monotonic() < self._until:
            return True
        if pid == 0:
            signal_all((-self._pid, self._pid), signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self._pid = None
        return False


def _run(command: list[str], environment: Mapping[str, str]) -> int:
    """
    Start a program in a session of its own, its input and output going nowhere.

    :returns: its pid.
    """
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            for number in _IGNORED:
                signal.signal(number, signal.SIG_DFL)
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(nothing, descriptor)
            os.execvpe(command[0], command, environment)
        finally:
            os._exit(127)
    return pid


def read(lines: Iterable[bytes]) -> tuple[str, list[Watched]]:
    """
    Read what the daemon tells until it is gone.

    :param lines: its words; the last one may be cut.
    :returns: what its cookies begin with, or ``""`` where it ended in good order
        and need not be looked for; and those of its models that live.
    """
    daemon = ""
    watched: dict[str, dict[str, Any]] = {}
    for line in lines:
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if "daemon" in told:
            daemon = told["daemon"]
        elif "gone" in told:
            watched.pop(told["gone"], None)
        else:
            watched[told["cookie"]] = told
    return daemon, [Watched(told) for told in watched.values()]


def look(
    daemon: str, watched: Sequence[Watched], table: Table, cookies: Mapping[int, str]
) -> tuple[set[int], bool]:
    """
    Who is to be killed now.

    :returns: their pids, and whether any stop command still runs.
    """
    bearers = (
        table[pid]
        for pid, cookie in cookies.items()
        if daemon and cookie.startswith(daemon + ".")
    )
    doomed = {entry.pid for entry in with_descendants(table, bearers)}
    spared: set[int] = set()
    busy = False
    for model in watched:
        living = {entry.pid for entry in model.kin.living(table, cookies.get)}
        if model.is_being_stopped():
            busy = True
            spared |= living
        else:
            doomed |= living
    return doomed - spared, busy


def end_all(daemon: str, watched: Sequence[Watched]) -> None:
    """
    End whatever is left of a daemon's models.

    :param daemon: what their cookies begin with.
    :param watched: those that it told of.
    """
    if not (daemon or watched):
        return
    # Before the first stop command or kill: once a parent is dead, nothing tells
    # whose its children are.
    table = read_table()
    cookies = _cookies(table)
    for model in watched:
        model.kin.living(table, cookies.get)
    for model in watched:
        model.begin()
    quiet = 0
    give_up = time.monotonic() + _PATIENCE
    while quiet < _QUIET_LOOKS:
        table = read_table()
        doomed, busy = look(daemon, watched, table, _cookies(table))
        signal_all(doomed, signal.SIGKILL)
        if busy:
            give_up = time.monotonic() + _PATIENCE
        elif time.monotonic() > give_up:
            return
        quiet = 0 if doomed or busy else quiet + 1
        time.sleep(_WAIT)


def _cookies(table: Table) -> dict[int, str]:
    found = {pid: read_cookie(pid) for pid in table}
    return {pid: cookie for pid, cookie in found.items() if cookie}


#: Whoever ends the daemon by its group, or by name, must not end this.
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """
    Wait for the daemon's end, then clean up.
    """
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    end_all(*read(sys.stdin.buffer))
