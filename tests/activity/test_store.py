"""
Tests for `llamaswap_tw.activity.store`.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    gatherResults,
    inlineCallbacks,
)
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase

from llamaswap_tw.activity import database
from llamaswap_tw.activity import store as store_module
from llamaswap_tw.activity.query import Page, Query
from llamaswap_tw.activity.schema import VERSION
from llamaswap_tw.activity.store import BATCH, FRESH, GATHER, WAITING, Store
from llamaswap_tw.errors import ActivityUnreadable

from .support import LLAMA_SWAP, Threads, row, rows_in, run_script


class StoreTestCase(SynchronousTestCase):
    """
    A store whose threads do what they are told when they are told.
    """

    path: str | None = None

    def setUp(self) -> None:
        self.clock, self.threads = Clock(), Threads()
        self.logged = self.enterContext(capturedLogs())
        self.seen = 0
        self.store = self.opened()

    def opened(self) -> Store:
        """
        Another one, opened.
        """
        made = Store(self.clock, self.threads.call, self.path, 1000)
        opened = made.open()
        self.threads.run_all()
        self.successResultOf(opened)
        self.addCleanup(self.close, made)
        return made

    def close(self, held: Store) -> None:
        closed = held.close()
        self.threads.run_all()
        self.successResultOf(closed)

    def log(self) -> list[str]:
        """
        What the log was told since this was last asked.
        """
        new, self.seen = self.logged[self.seen :], len(self.logged)
        return [event["log_format"].format(**event) for event in new]

    def models(self, held: Store | None = None) -> list[str]:
        """
        The models of all rows, the newest first.
        """
        answer = (held or self.store).query(Query(limit=999))
        self.threads.run_all()
        page: Page = self.successResultOf(answer)
        return [entry["model"] for entry in page.entries]


class GatherTests(StoreTestCase):
    """
    How rows are written.
    """

    def test_alone(self) -> None:
        """
        A row is written after a moment, and its id is told.
        """
        added = self.store.add(row())
        self.clock.advance(GATHER / 2)
        self.assertEqual(len(self.threads), 0)
        self.clock.advance(GATHER / 2)
        self.assertNoResult(added)
        self.threads.run()
        self.assertEqual(self.successResultOf(added), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_together(self) -> None:
        """
        Rows of one moment are written at once, in their order.
        """
        added = [self.store.add(row(str(number))) for number in range(3)]
        self.clock.advance(GATHER)
        self.threads.run()
        self.assertEqual(len(self.threads), 0)
        self.assertEqual([self.successResultOf(d) for d in added], [1, 2, 3])
        self.assertEqual(self.models(), ["2", "1", "0"])

    def test_while_writing(self) -> None:
        """
        Rows that come while others are written gather anew.
        """
        self.store.add(row())
        self.clock.advance(GATHER)
        second = self.store.add(row())
        self.threads.run()
        self.assertEqual(len(self.threads), 0)
        self.clock.advance(GATHER)
        self.threads.run()
        self.assertEqual(self.successResultOf(second), 2)

    def test_stalled(self) -> None:
        """
        While a write stalls all that comes waits together, and nothing piles up.
        """
        self.store.add(row())
        self.clock.advance(GATHER)
        added = []
        for _ in range(10):
            added.append(self.store.add(row()))
            self.clock.advance(GATHER)
        self.assertEqual(len(self.threads), 1)
        self.threads.run()
        self.threads.run()
        self.assertEqual(len(self.threads), 0)
        self.assertEqual([self.successResultOf(d) for d in added], [*range(2, 12)])

    def test_many(self) -> None:
        """
        So many rows are not written at once that telling of them takes long.
        """
        added = [self.store.add(row()) for _ in range(BATCH + 1)]
        self.clock.advance(GATHER)
        self.threads.run()
        self.assertEqual(self.successResultOf(added[BATCH - 1]), BATCH)
        self.assertNoResult(added[BATCH])
        self.threads.run()
        self.assertEqual(self.successResultOf(added[BATCH]), BATCH + 1)

    def test_cancelled(self) -> None:
        """
        Who cares no more for a row's id does not hold it up.
        """
        added = self.store.add(row("a"))
        added.cancel()
        self.failureResultOf(added, CancelledError)
        self.assertEqual(self.models(), ["a"])

    def test_bounded(self) -> None:
        """
        Of the rows that wait for a disk that stalls there is a bound; those above it
        are lost at once, which is told once, and how many when there is room again.
        """
        self.store.add(row())
        self.clock.advance(GATHER)
        added = [self.store.add(row()) for _ in range(WAITING + 7)]
        self.assertEqual([self.successResultOf(d) for d in added[WAITING:]], [None] * 7)
        (said,) = self.log()
        self.assertIn("more rows come than it takes", said)
        self.clock.advance(GATHER)
        self.threads.run_all()
        self.assertEqual(self.successResultOf(added[WAITING - 1]), WAITING + 1)
        self.assertEqual(
            self.log(), ["the activity is written again; 7 rows were lost"]
        )
        self.assertEqual(self.store.lost, 7)


class ReadTests(StoreTestCase):
    """
    How rows are found.
    """

    def test_fresh(self) -> None:
        """
        A row that was added just now is found: it is not waited for the moment that
        rows gather.
        """
        added = self.store.add(row("a"))
        answer = self.store.query(Query())
        self.threads.run()
        self.assertEqual(self.successResultOf(added), 1)
        self.threads.run()
        self.assertEqual(self.successResultOf(answer).total, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_being_written(self) -> None:
        """
        So is one that is being written.
        """
        self.store.add(row("a"))
        self.clock.advance(GATHER)
        self.assertEqual(self.models(), ["a"])

    def test_writing_stalls(self) -> None:
        """
        Who reads does not wait for ever for rows to be written.
        """
        self.store.add(row("a"))
        self.clock.advance(GATHER)
        answer = self.store.query(Query())
        self.assertEqual(len(self.threads), 1)
        self.clock.advance(FRESH)
        self.assertEqual(len(self.threads), 2)
        self.threads._waiting.reverse()
        self.threads.run()
        self.assertEqual(self.successResultOf(answer).total, 0)
        self.threads.run()
        self.assertEqual(self.models(), ["a"])

    def test_others_do_not_delay(self) -> None:
        """
        Rows that come after a question are not waited for.
        """
        self.store.add(row("a"))
        answer = self.store.query(Query())
        self.threads.run()
        self.store.add(row("b"))
        self.threads.run()
        self.assertEqual(self.successResultOf(answer).total, 1)

    def test_rendered(self) -> None:
        """
        What is made of a page is made in the thread.
        """
        self.store.add(row())
        made = []

        def make(page: Page) -> bytes:
            made.append(page.total)
            return b"made"

        answer = self.store.query(Query(), make)
        self.threads.run()
        self.assertEqual(made, [])
        self.threads.run()
        self.assertEqual(self.successResultOf(answer), b"made")
        self.assertEqual(made, [1])

    def test_stats(self) -> None:
        """
        Statistics know what was added just now too, and of which model.
        """
        self.store.add(row("a", input_tokens=3))
        self.store.add(row("b", input_tokens=4))
        answer = self.store.stats(["b"])
        self.threads.run_all()
        self.assertEqual(self.successResultOf(answer)["total_input_tokens"], 4)

    def test_one_at_a_time(self) -> None:
        """
        Questions are answered one after another, however many there are: they take
        no more than one thread from others.
        """
        answers = [self.store.query(Query()) for _ in range(5)]
        for answer in answers:
            self.assertEqual(len(self.threads), 1)
            self.threads.run()
            self.successResultOf(answer)

    def test_cancelled_in_line(self) -> None:
        """
        A question that nobody waits for any more is not asked.
        """
        first, second, third = (self.store.query(Query()) for _ in range(3))
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.threads.run()
        self.successResultOf(first)
        self.threads.run()
        self.successResultOf(third)
        self.assertEqual(len(self.threads), 0)

    def test_cancelled_at_work(self) -> None:
        """
        One that is being answered holds its turn until the thread has seen that it
        need not go on.
        """
        first = self.store.query(Query())
        second = self.store.query(Query())
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(len(self.threads), 1)
        self.threads.run_all()
        self.successResultOf(second)

    def test_endless(self) -> None:
        """
        One that takes too long is refused, and the next is answered.
        """
        self.patch(database, "READ_LIMIT", -1.0)
        self.patch(database, "_STEPS", 1)
        answer = self.store.query(Query())
        self.threads.run_all()
        error = self.failureResultOf(answer, ActivityUnreadable).value
        self.assertIn("longer than", error.message)
        self.assertEqual(error.status, 503)
        self.patch(database, "READ_LIMIT", 10.0)
        self.assertEqual(self.models(), [])

    def test_broken(self) -> None:
        """
        What nobody foresaw is whoever's who asked, and not the next one's.
        """

        def broken(page: Page) -> None:
            raise ZeroDivisionError

        answer = self.store.query(Query(), broken)
        self.threads.run_all()
        self.failureResultOf(answer, ZeroDivisionError)
        self.assertEqual(self.models(), [])


class EndTests(StoreTestCase):
    """
    How it begins and ends.
    """

    def test_before_open(self) -> None:
        """
        What is asked of a store that is being opened waits for that.
        """
        made = Store(self.clock, self.threads.call, None, 10)
        opened = made.open()
        self.addCleanup(self.close, made)
        added, answer = made.add(row("a")), made.query(Query())
        self.clock.advance(GATHER)
        self.assertEqual(len(self.threads), 1)
        self.threads.run_all()
        self.successResultOf(opened)
        self.assertEqual(self.successResultOf(added), 1)
        self.assertEqual(self.successResultOf(answer).total, 1)

    def test_close(self) -> None:
        """
        What waits is written before the end; what comes later is lost, or refused.
        """
        added = self.store.add(row())
        closed = self.store.close()
        late = self.store.add(row())
        self.assertIsNone(self.successResultOf(late))
        answer = self.store.query(Query())
        self.threads.run_all()
        self.successResultOf(closed)
        self.assertEqual(self.successResultOf(added), 1)
        error = self.failureResultOf(answer, ActivityUnreadable).value
        self.assertIn("shutting down", error.message)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_close_waits(self) -> None:
        """
        Nothing is closed under a thread that is at work; who looks for something is
        told to give up, since it might take long.
        """
        self.patch(database, "_STEPS", 1)
        answer = self.store.query(Query())
        self.store.add(row())
        self.clock.advance(GATHER)
        closed = self.store.close()
        while len(self.threads) > 1:
            self.assertNoResult(closed)
            self.threads.run()
        self.threads.run_all()
        self.successResultOf(closed)
        self.failureResultOf(answer, ActivityUnreadable)

    def test_fewer(self) -> None:
        """
        How many rows are kept in memory may change.
        """
        for number in range(10):
            self.store.add(row(str(number)))
        self.assertEqual(len(self.models()), 10)
        self.store.reconfigure(None, 3)
        self.store.add(row("last"))
        self.assertEqual(self.models(), ["last", "9", "8"])


class FileTestCase(StoreTestCase):
    """
    A store with a file.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.path = str(self.folder / "activity.db")
        self.patch(database, "BUSY_LIMIT", 0.02)
        super().setUp()

    def add(self, model: str = "m", held: Store | None = None) -> int | None:
        """
        :returns: the id of a new row, or `None` where it was lost.
        """
        added = (held or self.store).add(row(model))
        self.clock.advance(GATHER)
        self.threads.run_all()
        return self.successResultOf(added)


class FileTests(FileTestCase):
    """
    Rows in a file.
    """

    def test_restart(self) -> None:
        """
        They are there after a restart.
        """
        self.assertEqual(self.add("a"), 1)
        self.close(self.store)
        again = self.opened()
        self.assertEqual(self.models(again), ["a"])
        self.assertEqual(self.add("b", again), 2)
        self.assertEqual(self.log(), [])

    def test_relative_path(self) -> None:
        """
        The file is where it was, wherever the daemon goes.
        """
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        self.path = "other.db"
        other = self.opened()
        os.chdir(before)
        self.assertEqual(self.add("a", other), 1)
        self.assertEqual(self.models(other), ["a"])
        self.assertTrue((self.folder / "other.db").exists())

    def test_moved(self) -> None:
        """
        Another file may be used from some moment on: rows that were added before go
        to the first.
        """
        added = self.store.add(row("a"))
        second = str(self.folder / "second.db")
        self.clock.advance(GATHER)
        moved = self.store.reconfigure(second, 1000)
        self.assertNoResult(moved)
        self.threads.run_all()
        self.successResultOf(moved)
        self.assertEqual(self.successResultOf(added), 1)
        self.assertEqual(self.add("b"), 1)
        self.assertEqual(self.models(), ["b"])
        self.assertEqual(rows_in(str(self.path)), [(1, "a")])
        self.assertEqual(rows_in(second), [(1, "b")])

    def test_moved_nowhere(self) -> None:
        """
        A configuration with the same file changes nothing.
        """
        self.add("a")
        self.store.reconfigure(self.path, 5)
        self.assertEqual(len(self.threads), 0)
        self.assertEqual(self.models(), ["a"])


class TroubleTests(FileTestCase):
    """
    Trouble costs rows, and is told once.
    """

    def test_held(self) -> None:
        """
        While another program holds the file rows are lost, and that is told once;
        when they are written again it is told how many were lost.
        """
        with closing(sqlite3.connect(str(self.path), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            for _ in range(3):
                self.assertIsNone(self.add())
            (said,) = self.log()
            self.assertIn("another program holds the file", said)
            self.assertIn(str(self.path), said)
            self.assertEqual(self.models(), [])
            other.execute("ROLLBACK")
        self.assertEqual(self.add("a"), 1)
        self.assertEqual(
            self.log(), ["the activity is written again; 3 rows were lost"]
        )
        self.assertEqual(self.add("b"), 2)
        self.assertEqual(self.log(), [])
        self.assertEqual(self.store.lost, 3)

    def test_held_at_the_end(self) -> None:
        """
        A shutdown does not try again and again.
        """
        with closing(sqlite3.connect(str(self.path), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            added = [self.store.add(row()) for _ in range(3 * BATCH)]
            closed = self.store.close()
            self.threads.run()
            self.assertEqual(
                [self.successResultOf(d) for d in added], [None] * len(added)
            )
            self.threads.run_all()
            self.successResultOf(closed)
            self.assertEqual(len(self.log()), 1)

    def test_held_at_the_start(self) -> None:
        """
        A file that is held at the start is used when it is not any more.
        """
        self.add("a")
        with closing(sqlite3.connect(str(self.path), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            second = self.opened()
            (said,) = self.log()
            self.assertIn("another program holds the file", said)
            self.assertIsNone(self.add("lost", second))
            self.assertEqual(self.log(), [])
            other.execute("ROLLBACK")
        self.assertEqual(self.add("b", second), 2)
        self.assertEqual(self.models(second), ["b", "a"])
        self.assertEqual(
            self.log(), ["the activity is written again; 1 rows were lost"]
        )

    def test_unfit(self) -> None:
        """
        Where a file cannot be used memory is, which is told once.
        """
        (self.folder / "folder.db").mkdir()
        (self.folder / "diary.db").write_text("Dear diary, " * 99)
        run_script(str(self.folder / "later.db"), "PRAGMA user_version = 99")
        for name, reason in (
            ("folder.db", "unable to open"),
            ("diary.db", "not a database"),
            ("later.db", "version 99"),
            ("gone/activity.db", "there is no folder"),
        ):
            self.path = str(self.folder / name)
            unfit = self.opened()
            (said,) = self.log()
            self.assertIn(reason, said)
            self.assertIn(self.path, said)
            self.assertIn("in memory", said)
            self.assertEqual(self.add("a", unfit), 1)
            self.assertEqual(self.models(unfit), ["a"])
            self.assertEqual(self.log(), [])

    def test_later_version(self) -> None:
        """
        What a later version wrote is not lost to that.
        """
        run_script(
            str(self.folder / "later.db"),
            f"{LLAMA_SWAP}; PRAGMA user_version = {VERSION + 1}",
        )
        self.path = str(self.folder / "later.db")
        self.add("a", self.opened())
        self.assertEqual(rows_in(self.path), [(41, "old")])

    def test_removed(self) -> None:
        """
        Where the file is removed that is told, once, and rows go on.
        """
        self.add("a")
        os.unlink(str(self.path))
        self.assertEqual(self.add("b"), 2)
        (said,) = self.log()
        self.assertIn("was removed or replaced", said)
        self.assertEqual(self.add("c"), 3)
        self.assertEqual(self.models(), ["c", "b"])
        self.assertEqual(self.log(), [])

    def test_unforeseen(self) -> None:
        """
        What nobody foresaw costs the rows, and its traceback is for us.
        """
        self.patch(database.File, "write", None)
        self.assertIsNone(self.add())
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertEqual(self.store.lost, 1)


class ThreadTests(TestCase):
    """
    With real threads.
    """

    timeout = 60

    @inlineCallbacks
    def test_all_at_once(self) -> Any:
        """
        Rows that are written while others are read are all there, and none twice.
        """
        from twisted.internet import reactor

        # No read gives up waiting for a write: a disk may stall for a second.
        self.patch(store_module, "FRESH", 50.0)
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        path = str(folder / "activity.db")
        held = Store(reactor, deferToThread, path, 1000)
        yield held.open()
        added: list[Deferred[int | None]] = []
        reads: list[Deferred[Any]] = []
        for number in range(2000):
            added.append(held.add(row(str(number), tokens_per_second=number + 1.0)))
            if number % 100 == 0:
                reads.append(held.query(Query()))
                reads.append(held.stats([]))
                found = yield reads[-1]
                self.assertGreater(found["total_requests"], number)
        yield gatherResults(reads)
        yield held.close()
        ids = yield gatherResults(added)
        self.assertEqual(ids, [*range(1, 2001)])
        self.assertEqual(rows_in(path), [(n + 1, str(n)) for n in range(2000)])


#: Adds rows for ever, and tells of each second's.
_ENDLESS = """
import sys, time
from twisted.internet import reactor, task
from twisted.internet.threads import deferToThread
from llamaswap_tw.activity.store import Store
from tests.activity.support import row

added = 0
busy_since = None

def in_thread(*call):
    global busy_since
    busy_since = time.monotonic()
    return deferToThread(*call).addBoth(done)

def done(result):
    global busy_since
    busy_since = None
    return result

held = Store(reactor, in_thread, sys.argv[1], 1000)

def tell(count, tenths):
    # While the disk or the whole machine stalls, no time passes.
    if busy_since is None or time.monotonic() - busy_since < 0.25:
        tenths -= 1
    if tenths:
        reactor.callLater(0.1, tell, count, tenths)
    else:
        print(count, flush=True)

def more():
    global added
    for _ in range(10):
        added += 1
        held.add(row(str(added)))
    # It was there: that is told a second later.
    reactor.callLater(0.1, tell, added, 10)

held.open().addCallback(lambda _: task.LoopingCall(more).start(0.005))
reactor.run()
"""


class KilledTests(SynchronousTestCase):
    """
    A daemon that is killed.
    """

    def test_killed(self) -> None:
        """
        No row is lost that was there a second before.
        """
        path = str(Path(self.mktemp()).resolve())
        writer = subprocess.Popen(
            [sys.executable, "-c", _ENDLESS, path],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        try:
            assert writer.stdout is not None
            told = 0
            while told < 1000:
                told = int(writer.stdout.readline())
        finally:
            writer.send_signal(signal.SIGKILL)
            rest, _ = writer.communicate()
        told = max([told, *map(int, rest.split())])
        found = rows_in(path)
        self.assertGreaterEqual(len(found), told)
        self.assertEqual(found, [(n, str(n)) for n in range(1, len(found) + 1)])
        with closing(sqlite3.connect(path)) as connection:
            checked = connection.execute("PRAGMA integrity_check").fetchone()
        self.assertEqual(checked, ("ok",))
