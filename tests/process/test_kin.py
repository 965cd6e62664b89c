"""
Tests for `llamaswap_tw.process.kin`: who is of a model.
"""

from __future__ import annotations

import os
import signal

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.process.kin import Kin, signal_all, with_descendants
from llamaswap_tw.process.table import Entry, Table, mark_of

COOKIE = "1.2.3.4"


def table(*entries: tuple[int, int, int, int, int]) -> Table:
    """
    A table of processes: pid, parent, group, session, start.
    """
    return {entry[0]: Entry(*entry) for entry in entries}


INIT = (1, 0, 1, 1, 0)

#: Children of init, each in a session of its own; one of them has a child.
ORPHANS = (
    (60, 1, 60, 60, 110),
    (61, 60, 61, 61, 111),
    (70, 1, 70, 70, 112),
    (80, 1, 80, 80, 113),
)
DAEMON = (10, 1, 10, 10, 5)
LEADER = (50, 10, 50, 50, 100)


class KinTests(SynchronousTestCase):
    """
    All of a model's processes are found, and nobody else's.
    """

    def setUp(self) -> None:
        self.kin = Kin(50, 100, COOKIE)
        self.cookies: dict[int, str] = {}
        self.marks: dict[int, int] = {}

    def pids(self, *entries: tuple[int, int, int, int, int]) -> list[int]:
        found = self.kin.living(table(*entries), self.cookies.get, self.marks.get)
        return [entry.pid for entry in found]

    def test_leader(self) -> None:
        """
        The leader is, also before it leads a group.
        """
        self.assertEqual(self.pids(INIT, DAEMON, LEADER), [50])
        self.assertEqual(self.pids(INIT, DAEMON, (50, 10, 10, 10, 100)), [50])

    def test_group(self) -> None:
        """
        Its group is, though the leader and every parent be dead.
        """
        self.assertEqual(self.pids(INIT, DAEMON, (60, 1, 50, 50, 110)), [60])

    def test_session(self) -> None:
        """
        So are other groups of its session.
        """
        self.assertEqual(self.pids(INIT, (60, 1, 60, 50, 110)), [60])

    def test_descendants(self) -> None:
        """
        So is whoever descends from it, in a session of its own.
        """
        found = self.pids(
            INIT,
            DAEMON,
            LEADER,
            (60, 50, 60, 60, 110),
            (61, 60, 61, 61, 111),
            (70, 10, 70, 70, 112),
        )
        self.assertEqual(found, [50, 60, 61])

    def test_cookie(self) -> None:
        """
        So is whoever bears the cookie, wherever it is, with what descends from it.
        """
        self.cookies = {60: COOKIE, 70: "1.2.3.5", 80: COOKIE + "4"}
        found = self.pids(INIT, *ORPHANS)
        self.assertEqual(found, [60, 61])

    def test_mark(self) -> None:
        """
        So is whoever has no cookie any more and bears its mark, and what descends
        from that; who bears another's cookie is not.
        """
        self.marks = {60: mark_of(COOKIE), 70: mark_of("1.2.3.5"), 80: mark_of(COOKIE)}
        self.cookies = {80: "1.2.3.5"}
        found = self.pids(INIT, *ORPHANS)
        self.assertEqual(found, [60, 61])

    def test_seen_once(self) -> None:
        """
        Who was found once stays found, with its environment wiped, in a session
        of its own, and its parent dead.
        """
        self.assertEqual(self.pids(INIT, LEADER, (60, 50, 60, 60, 110)), [50, 60])
        self.assertEqual(self.pids(INIT, (60, 1, 60, 60, 110)), [60])
        # And so does what descends from that.
        self.assertEqual(
            self.pids(INIT, (60, 1, 60, 60, 110), (61, 60, 61, 61, 120)), [60, 61]
        )
        self.assertEqual(self.pids(INIT, (61, 1, 61, 61, 120)), [61])
        self.assertEqual(self.pids(INIT), [])

    def test_pid_of_a_seen_one_reused(self) -> None:
        """
        A pid that was one of its, and is another's now, is not.
        """
        self.pids(INIT, LEADER, (60, 50, 60, 60, 110))
        self.assertEqual(self.pids(INIT, (60, 1, 60, 60, 500)), [])

    def test_leader_reused(self) -> None:
        """
        When the leader's pid leads another's session, none of that is its.
        """
        self.assertEqual(
            self.pids(INIT, (50, 1, 50, 50, 900), (51, 50, 50, 50, 901)), []
        )

    def test_older(self) -> None:
        """
        Nothing that is older than the leader is; its environment is not read.
        """
        asked: list[int] = []

        def cookie_of(pid: int) -> None:
            asked.append(pid)

        self.kin.living(
            table(INIT, DAEMON, LEADER, (60, 1, 60, 60, 110)), cookie_of, cookie_of
        )
        self.assertEqual(asked, [60, 60])

    def test_never_seen(self) -> None:
        """
        Of a leader that was gone before anybody looked, the cookie is what tells.
        """
        self.kin = Kin(50, None, COOKIE)
        self.cookies = {60: COOKIE}
        self.assertEqual(
            self.pids(INIT, (55, 1, 50, 50, 90), (60, 1, 60, 60, 110)), [60]
        )

    def test_circle(self) -> None:
        """
        A table read while it changed, with parents in a circle, ends all the same.
        """
        entries = table((2, 3, 2, 2, 1), (3, 2, 3, 3, 1))
        found = with_descendants(entries, [entries[2]])
        self.assertEqual([entry.pid for entry in found], [2, 3])

    def test_signal(self) -> None:
        """
        Each is told; one that is gone, or may not be told, keeps nobody from it.
        """
        told: list[tuple[int, int]] = []

        def kill(pid: int, number: int) -> None:
            told.append((pid, number))
            if pid == 1:
                raise PermissionError
            if pid == 2:
                raise ProcessLookupError

        self.patch(os, "kill", kill)
        signal_all([1, 2, 3], signal.SIGTERM)
        self.assertEqual([pid for pid, _ in told], [1, 2, 3])
