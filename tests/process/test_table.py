"""
Tests for `llamaswap_tw.process.table`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.process import table as table_module
from llamaswap_tw.process.table import (
    COOKIE_VARIABLE,
    Entry,
    daemon_name,
    dead_daemon,
    mark_of,
    read_cookie,
    read_entry,
    read_mark,
    read_table,
)


class TableTests(SynchronousTestCase):
    """
    The processes of this machine are read.
    """

    def test_this_one(self) -> None:
        """
        This very process is in the table, as the system knows it.
        """
        pid = os.getpid()
        entry = read_table()[pid]
        self.assertEqual(entry.parent, os.getppid())
        self.assertEqual(entry.group, os.getpgid(0))
        self.assertEqual(entry.session, os.getsid(0))
        self.assertEqual(read_entry(pid), entry)

    def test_nobody(self) -> None:
        """
        A process that does not live is `None`.
        """
        self.assertIsNone(read_entry(2**22 + 7))
        self.assertIsNone(read_cookie(2**22 + 7))

    def test_psutil(self) -> None:
        """
        Where there is no ``/proc``, the same comes by way of psutil.
        """
        pid = os.getpid()
        found = {entry.pid: entry for entry in table_module._from_psutil()}
        self.assertEqual(found[pid][:4], read_table()[pid][:4])


@skipUnless(sys.platform == "linux", "reads /proc")
class ProcTests(SynchronousTestCase):
    """
    What Linux shows of a process is understood.
    """

    def setUp(self) -> None:
        self.read = table_module._read

    def files(self, **files: bytes) -> None:
        """
        Make up the files of a process.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        self.patch(
            table_module,
            "_read",
            lambda path: self.read(str(folder / Path(path).name)),
        )

    def stat(self, name: bytes, state: bytes) -> bytes:
        numbers = b" ".join(b"%d" % n for n in range(4, 53))
        return b"42 (" + name + b") " + state + b" " + numbers + b"\n"

    def test_odd_name(self) -> None:
        """
        A program's name may hold parentheses, spaces and line ends.
        """
        self.files(stat=self.stat(b"a) R 1 (b\n", b"S"))
        self.assertEqual(read_entry(42), Entry(42, 4, 5, 6, 22))

    def test_zombie(self) -> None:
        """
        A zombie does not live.
        """
        for state in (b"Z", b"X"):
            self.files(stat=self.stat(b"sh", state))
            self.assertIsNone(read_entry(42))

    def test_vanishing(self) -> None:
        """
        A process that vanishes while it is read, or is cut short, is none.
        """
        self.files(stat=b"")
        self.assertIsNone(read_entry(42))

    def test_cookie(self) -> None:
        """
        The cookie is the variable's whole value, wherever that stands.
        """
        name = COOKIE_VARIABLE.encode()
        for environ, cookie in [
            (b"A=1\0" + name + b"=1.2.3.4\0B=2\0", "1.2.3.4"),
            (name + b"=1.2.3.4", "1.2.3.4"),
            (b"A=" + name + b"=9\0", None),
            (b"X" + name + b"=9\0" + name + b"=8\0", "8"),
            (b"", None),
            (b"P=" + b"x" * 200_000 + b"\0" + name + b"=7\0", "7"),
        ]:
            self.files(environ=environ)
            self.assertEqual(read_cookie(42), cookie)

    def test_mark(self) -> None:
        """
        The mark is the soft limit on file locks; no limit is none.
        """
        text = (
            b"Limit                     Soft Limit           Hard Limit\n"
            b"Max address space         unlimited            unlimited\n"
            b"Max file locks            %-20s unlimited            locks\n"
            b"Max pending signals       96104                96104\n"
        )
        self.files(limits=text % b"unlimited")
        self.assertIsNone(read_mark(42))
        self.files(limits=text % b"2305843009213693952")
        self.assertEqual(read_mark(42), 2**61)
        self.files(limits=b"")
        self.assertIsNone(read_mark(42))
        self.assertIsNone(read_mark(2**22 + 7))

    def test_marks(self) -> None:
        """
        Cookies have marks of their own, which a limit can be.
        """
        marks = {
            mark_of(f"4026531836.{pid}.1.{n}") for pid in (7, 8) for n in range(99)
        }
        self.assertEqual(len(marks), 198)
        self.assertTrue(all(2**61 <= mark < 2**62 for mark in marks))


class DaemonTests(SynchronousTestCase):
    """
    A cookie tells whether its daemon lives.
    """

    def setUp(self) -> None:
        self.name = daemon_name()
        self.table = read_table()

    def test_living(self) -> None:
        """
        What a living daemon has is nobody's leftover.
        """
        self.assertIsNone(dead_daemon(self.name + ".1", self.table))

    def test_dead(self) -> None:
        """
        A daemon is dead where its pid is nobody's.
        """
        namespace, _, started = self.name.split(".")
        dead = f"{namespace}.{2**22 + 7}.{started}"
        self.assertEqual(dead_daemon(dead + ".1", self.table), dead)

    def test_pid_reused(self) -> None:
        """
        And where its pid is another's, who started at another time.
        """
        namespace, pid, started = self.name.split(".")
        dead = f"{namespace}.{pid}.{int(started) - 1}"
        self.assertEqual(dead_daemon(dead + ".1", self.table), dead)

    def test_other_namespace(self) -> None:
        """
        Of a daemon in a container nothing is known: its models are spared.
        """
        _, _, started = self.name.split(".")
        self.assertIsNone(dead_daemon(f"17.{2**22 + 7}.{started}.1", self.table))

    def test_nonsense(self) -> None:
        """
        A cookie that is none says nothing.
        """
        namespace = self.name.split(".")[0]
        for cookie in ("", ".", "...", f"{namespace}.x.y.1", f"{namespace}.4194311.1"):
            self.assertIsNone(dead_daemon(cookie, self.table), cookie)
