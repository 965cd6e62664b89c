"""
All that is of one model: its process, and whatever came of that.

Used by the daemon and by the watchdog: this module imports the standard library
alone, and little of that.
"""

from __future__ import annotations

import os

from .table import Entry, Table, mark_of, read_cookie, read_mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from signal import Signals


class Kin:
    """
    Finds the processes of one model.

    They are those of its group or session, those that bear its cookie, and those
    that descend from any of them.  Some programs wipe their environment, lead a
    session of their own, and their parent is dead before anybody looks: these still
    bear the cookie's mark.  Where there are no marks, or one was taken off, what was
    found once stays found.

    :param leader: the pid of the model's process, which leads group and session.
    :param started: when that started, in the kernel's ticks, or `None` where it
        was gone before anybody looked.
    :param cookie: what its descendants bear in their environment.
    """

    def __init__(self, leader: int, started: int | None, cookie: str) -> None:
        self._leader = leader
        self._started = started
        self._cookie = cookie
        self._mark = mark_of(cookie)
        self._known: dict[int, int] = {}

    def living(
        self,
        table: Table,
        cookie_of: Callable[[int], str | None] = read_cookie,
        mark_on: Callable[[int], int | None] = read_mark,
    ) -> list[Entry]:
        """
        Those that live, by pid; they are remembered.

        :param table: all processes.
        :param cookie_of: tells the cookie of a process.
        :param mark_on: tells the mark of one; asked about those without a cookie.
        """
        found = self.find(table, cookie_of, mark_on)
        self._known = {entry.pid: entry.started for entry in found}
        return found

    def find(
        self,
        table: Table,
        cookie_of: Callable[[int], str | None] = read_cookie,
        mark_on: Callable[[int], int | None] = read_mark,
    ) -> list[Entry]:
        """
        The same, and nothing is remembered: another thread may be doing that.
        """
        return with_descendants(
            table,
            (
                entry
                for entry in table.values()
                # Nothing older can have come of it: their environments are not
                # even looked at.
                if (self._started is None or entry.started >= self._started)
                and (
                    self._known.get(entry.pid) == entry.started
                    or self._is_of_session(entry, table)
                    or self._bears(entry.pid, cookie_of, mark_on)
                )
            ),
        )

    def _bears(
        self,
        pid: int,
        cookie_of: Callable[[int], str | None],
        mark_on: Callable[[int], int | None],
    ) -> bool:
        cookie = cookie_of(pid)
        # Whoever has another's cookie was started by that, our own child or not.
        return cookie == self._cookie if cookie else mark_on(pid) == self._mark

    def _is_of_session(self, entry: Entry, table: Table) -> bool:
        if self._started is None:
            return False
        if entry.pid == self._leader:
            # It need not have made its session yet.
            return entry.started == self._started
        if entry.group != self._leader and entry.session != self._leader:
            return False
        # The pid may be another's by now, who leads a session of its own.
        leader = table.get(self._leader)
        return leader is None or leader.started == self._started


def with_descendants(table: Table, roots: Iterable[Entry]) -> list[Entry]:
    """
    Some processes and all that descend from them, by pid.

    :param table: all processes.
    :param roots: some of them.
    """
    found = {entry.pid: entry for entry in roots}
    children: dict[int, list[Entry]] = {}
    for entry in table.values():
        children.setdefault(entry.parent, []).append(entry)
    unseen = list(found)
    while unseen:
        for child in children.get(unseen.pop(), ()):
            if child.pid not in found:
                found[child.pid] = child
                unseen.append(child.pid)
    return [found[pid] for pid in sorted(found)]


def signal_all(pids: Iterable[int], number: Signals) -> None:
    """
    Send a signal to each that is still there and may be told.
    """
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            pass
