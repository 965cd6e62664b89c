"""
What a daemon that died has left on the machine, its watchdog too.
"""

from __future__ import annotations

import time
from signal import SIGKILL

from .kin import signal_all, with_descendants
from .table import (
    WATCHDOG_VARIABLE,
    Entry,
    Table,
    dead_daemon,
    read_cookie,
    read_table,
    read_variable,
)

#: How long to go on killing, in seconds.
_PATIENCE = 5.0

#: How long a dead daemon's own watchdog, which may run stop commands, is left to
#: its work, in seconds.
_LEFT_TO_WATCHDOG = 15.0

_WAIT = 0.02


def kill_leftovers() -> list[int]:
    """
    Kill whatever bears the cookie of a daemon that is gone, and what descends from
    that.  Takes a while: call it in a thread.

    :returns: the pids of what was killed.
    """
    killed: set[int] = set()
    now = time.monotonic()
    until = now + _LEFT_TO_WATCHDOG + _PATIENCE
    while time.monotonic() < until:
        table = read_table()
        left = _left(table)
        if not left:
            break
        if time.monotonic() - now < _LEFT_TO_WATCHDOG:
            watched = _watched(table)
            left = {
                pid: daemon for pid, daemon in left.items() if daemon not in watched
            }
        signal_all(left, SIGKILL)
        killed.update(left)
        time.sleep(_WAIT)
    return sorted(killed)


def _left(table: Table) -> dict[int, str]:
    """
    What is left, with the name of the daemon that left it.
    """
    bearers: dict[str, list[Entry]] = {}
    for entry in table.values():
        cookie = read_cookie(entry.pid)
        daemon = dead_daemon(cookie, table) if cookie else None
        if daemon is not None:
            bearers.setdefault(daemon, []).append(entry)
    return {
        entry.pid: daemon
        for daemon, roots in bearers.items()
        for entry in with_descendants(table, roots)
    }


def _watched(table: Table) -> set[str | None]:
    """
    The names of the daemons whose watchdog lives.
    """
    return {read_variable(pid, WATCHDOG_VARIABLE) for pid in table}
