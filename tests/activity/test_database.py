"""
Tests for `llamaswap_tw.activity.database`: real files, and what happens to them.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.activity import database
from llamaswap_tw.activity.database import (
    CannotOpen,
    CannotRead,
    CannotWrite,
    Database,
    File,
    Memory,
)
from llamaswap_tw.activity.query import Query, select
from llamaswap_tw.activity.schema import VERSION

from .support import LLAMA_SWAP, row, rows_in, run_script


def models_in(held: Database) -> list[str]:
    """
    What a look into it finds, the oldest first.
    """
    query = Query(limit=999, descending=False)
    page = held.read(lambda connection: select(connection, query), bool)
    return [entry["model"] for entry in page.entries]


class MemoryTests(SynchronousTestCase):
    """
    Rows in memory.
    """

    def test_oldest_go(self) -> None:
        """
        As many rows are kept as shall be, those that came last; ids go on.
        """
        held = Memory(3)
        held.open()
        self.addCleanup(held.close)
        self.assertEqual(held.write([row("a"), row("b")]).ids, range(1, 3))
        self.assertEqual(models_in(held), ["a", "b"])
        self.assertEqual(held.write([row("c"), row("d")]).ids, range(3, 5))
        self.assertEqual(models_in(held), ["b", "c", "d"])
        self.assertEqual(held.write([row(str(n)) for n in range(9)]).ids[-1], 13)
        self.assertEqual(models_in(held), ["6", "7", "8"])

    def test_too_long(self) -> None:
        """
        A look that takes too long, or that nobody waits for, ends.
        """
        held = Memory(10)
        held.open()
        self.addCleanup(held.close)
        for unwanted, limit in ((lambda: True, 60.0), (lambda: False, 0.0)):
            self.patch(database, "READ_LIMIT", limit)
            self.assertRaises(CannotRead, held.read, endless, unwanted)
        held.write([row("a")])
        self.assertEqual(models_in(held), ["a"])


def endless(connection: sqlite3.Connection) -> Any:
    """
    A look that never comes to an end by itself.
    """
    return connection.execute(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT count(*) FROM n"
    ).fetchone()


class FileTestCase(SynchronousTestCase):
    """
    A file in a folder of its own.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = str(self.folder.resolve() / "activity.db")
        self.patch(database, "BUSY_LIMIT", 0.05)

    def file(self) -> File:
        """
        It, opened.
        """
        held = File(self.path)
        held.open()
        self.addCleanup(held.close)
        return held

    def assert_cannot_open(self, reason: str, passing: bool = False) -> None:
        error = self.assertRaises(CannotOpen, File(self.path).open)
        self.assertIn(reason, str(error))
        self.assertEqual(error.passing, passing)


class FileTests(FileTestCase):
    """
    Rows in a file.
    """

    def test_kept(self) -> None:
        """
        Rows are there again after a restart, and ids go on.
        """
        held = self.file()
        held.write([row("a"), row("b")])
        held.close()
        again = self.file()
        self.assertEqual(models_in(again), ["a", "b"])
        self.assertEqual(again.write([row("c")]).ids, range(3, 4))

    def test_write_ahead(self) -> None:
        """
        The file is one with a write-ahead log, which is gone when it is closed.
        """
        held = self.file()
        held.write([row()])
        with closing(sqlite3.connect(self.path)) as other:
            mode = other.execute("PRAGMA journal_mode").fetchone()
            self.assertEqual(mode, ("wal",))
        held.close()
        self.assertEqual(os.listdir(self.folder), ["activity.db"])

    def test_llama_swap(self) -> None:
        """
        A file of llama-swap's is gone on with, and is still one that it can read.
        """
        run_script(self.path, LLAMA_SWAP)
        held = self.file()
        self.assertEqual(models_in(held), ["old"])
        held.write([row("new")])
        held.close()
        self.assertEqual(rows_in(self.path), [(41, "old"), (42, "new")])
        with closing(sqlite3.connect(self.path)) as other:
            # What it does when it starts: its own versions, and a row of its own.
            (version,) = other.execute(
                "SELECT max(version_id) FROM goose_db_version"
            ).fetchone()
            self.assertEqual(version, 1)
            other.execute(
                "INSERT INTO activity SELECT NULL, ts_created, 'theirs', req_path, "
                "resp_content_type, resp_status_code, cache_tokens, draft_tokens, "
                "draft_acc_tokens, input_tokens, output_tokens, prompt_per_second, "
                "tokens_per_second, duration_ms, error_msg, metadata_json "
                "FROM activity WHERE id = 42"
            )
            other.commit()
        self.assertEqual(models_in(self.file()), ["old", "new", "theirs"])

    def test_path(self) -> None:
        """
        A path is taken as it is, whatever is in it.
        """
        for name in (":memory:", "a?mode=ro#b%20c", "file:x", "ä b.db"):
            self.path = str(self.folder.resolve() / name)
            held = self.file()
            held.write([row("a")])
            self.assertEqual(models_in(held), ["a"])
            self.assertTrue(os.path.exists(self.path))

    def test_reader_does_not_block(self) -> None:
        """
        While somebody reads, rows are written, and are not seen by who reads.
        """
        held = self.file()
        held.write([row("a")])

        def look(connection: sqlite3.Connection) -> list[Any]:
            before = connection.execute("SELECT count(*) FROM activity").fetchall()
            held.write([row("b")])
            return (
                before + connection.execute("SELECT count(*) FROM activity").fetchall()
            )

        self.assertEqual(held.read(look, bool), [(1,), (1,)])
        self.assertEqual(models_in(held), ["a", "b"])

    def test_reader_writes_nothing(self) -> None:
        """
        A look cannot change anything.
        """
        held = self.file()
        held.write([row("a")])
        self.assertRaises(
            CannotRead,
            held.read,
            lambda connection: connection.execute("DELETE FROM activity"),
            bool,
        )
        self.assertEqual(models_in(held), ["a"])


class UnfitTests(FileTestCase):
    """
    Files that cannot be opened.
    """

    def test_later_version(self) -> None:
        """
        A file of a later version is not touched.
        """
        run_script(self.path, f"PRAGMA user_version = {VERSION + 1}")
        before = Path(self.path).read_bytes()
        self.assert_cannot_open(f"of version {VERSION + 1}")
        self.assertEqual(Path(self.path).read_bytes(), before)
        self.assertEqual(os.listdir(self.folder), ["activity.db"])

    def test_not_a_database(self) -> None:
        """
        Nor is one that is none.
        """
        Path(self.path).write_text("Dear diary,\n" * 1000)
        self.assert_cannot_open("not a database")
        self.assertTrue(Path(self.path).read_text(encoding="utf-8").startswith("Dear"))

    def test_no_folder(self) -> None:
        """
        Where there is no folder the message names it.
        """
        self.path = str(self.folder.resolve() / "not" / "there.db")
        self.assert_cannot_open(f"there is no folder {self.folder.resolve()}/not")

    def test_a_folder(self) -> None:
        """
        A folder is no file.
        """
        os.mkdir(self.path)
        self.assert_cannot_open("unable to open")

    def test_held(self) -> None:
        """
        That somebody else holds the file passes.
        """
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            self.assert_cannot_open("another program holds the file", passing=True)
            other.execute("ROLLBACK")
        self.file().write([row()])

    def test_read_only(self) -> None:
        """
        A file that can only be read is none to write to.
        """
        run_script(self.path, LLAMA_SWAP)
        self.patch(
            database,
            "_connect",
            lambda path, timeout: sqlite3.connect(
                f"file:{self.path}?mode=ro", uri=True, isolation_level=None
            ),
        )
        self.assert_cannot_open("readonly")


class TroubleTests(FileTestCase):
    """
    What happens to a file while it is open.
    """

    def assert_cannot_write(self, held: Database, reason: str) -> None:
        error = self.assertRaises(CannotWrite, held.write, [row("lost"), row("lost")])
        self.assertIn(reason, str(error))

    def test_held(self) -> None:
        """
        While another program holds it rows cannot be written, but read; then they
        can.
        """
        held = self.file()
        held.write([row("a")])
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            self.assert_cannot_write(held, "another program holds the file")
            self.assertEqual(models_in(held), ["a"])
            other.execute("ROLLBACK")
        self.assertEqual(held.write([row("b")]).ids, range(2, 3))
        self.assertEqual(models_in(held), ["a", "b"])

    def test_full(self) -> None:
        """
        While the disk is full, all rows of a batch are lost or none; when there is
        room again they are written.
        """
        held = self.file()
        held.write([row("a")])
        writer = held._writer
        assert writer is not None
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        error = self.assertRaises(
            CannotWrite, held.write, [row(error_msg="x" * 500)] * 100
        )
        self.assertIn("full", str(error))
        writer.execute("PRAGMA max_page_count = 1000000").fetchall()
        held.write([row("b")])
        self.assertEqual(models_in(held), ["a", "b"])

    def test_corrupt(self) -> None:
        """
        Where the file is spoilt under us, rows are lost, and reads say so.
        """
        held = self.file()
        held.write([row("a")] * 1000)
        held.close()
        held = self.file()
        size = os.path.getsize(self.path)
        with open(self.path, "r+b") as file:
            file.seek(100)
            file.write(b"\xa5" * (size - 100))
        self.assert_cannot_write(held, "malformed")
        self.assertRaises(CannotRead, models_in, held)

    def test_removed(self) -> None:
        """
        Where the file is removed a new one is begun, and no id is given again.
        """
        held = self.file()
        held.write([row("a"), row("b")])
        self.assertEqual(models_in(held), ["a", "b"])
        for name in os.listdir(self.folder):
            os.unlink(self.folder / name)
        # Nothing has taken its place yet.
        self.assertEqual(models_in(held), ["a", "b"])
        written = held.write([row("c")])
        self.assertEqual((written.ids, written.began_anew), (range(3, 4), True))
        self.assertEqual(models_in(held), ["c"])
        written = held.write([row("d")])
        self.assertEqual((written.ids, written.began_anew), (range(4, 5), False))
        held.close()
        self.assertEqual(rows_in(self.path), [(3, "c"), (4, "d")])

    def test_only_file_removed(self) -> None:
        """
        It may be the file alone, its log still beside it.
        """
        held = self.file()
        held.write([row("a")])
        models_in(held)
        os.unlink(self.path)
        self.assertTrue(held.write([row("b")]).began_anew)
        self.assertEqual(models_in(held), ["b"])
        held.close()
        self.assertEqual(rows_in(self.path), [(2, "b")])

    def test_replaced(self) -> None:
        """
        Where another file takes its place rows go there.
        """
        held = self.file()
        held.write([row("a")] * 100)
        models_in(held)
        other = str(self.folder / "other.db")
        run_script(other, LLAMA_SWAP)
        for name in os.listdir(self.folder):
            if name.startswith("activity.db"):
                os.unlink(self.folder / name)
        os.replace(other, self.path)
        self.assertEqual(held.write([row("b")]).ids, range(101, 102))
        self.assertEqual(models_in(held), ["old", "b"])

    def test_folder_removed(self) -> None:
        """
        Where the folder goes too, rows are lost until it is back.
        """
        held = self.file()
        held.write([row("a")])
        away = self.folder.with_name("away")
        self.folder.rename(away)
        self.assert_cannot_write(held, "there is no folder")
        away.rename(self.folder)
        self.assertEqual(held.write([row("b")]).ids, range(2, 3))
        self.assertEqual(models_in(held), ["a", "b"])

    def test_hostile_neighbour(self) -> None:
        """
        Where another program drops the table rows are lost, and no more.
        """
        held = self.file()
        held.write([row("a")])
        run_script(self.path, "DROP TABLE activity")
        self.assert_cannot_write(held, "no such table")
        self.assertRaises(CannotRead, models_in, held)


#: Writes in a process whose files may not grow beyond a size, then in one whose may.
_LIMITED = """
import resource, sys
from llamaswap_tw.activity.database import CannotWrite, File
from tests.activity.support import row

held = File(sys.argv[1])
held.open()
held.write([row("before")])
resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, resource.RLIM_INFINITY))
failed = 0
for _ in range(50):
    try:
        held.write([row("during", error_msg="x" * 500)] * 50)
    except CannotWrite as e:
        failed += 1
print(failed)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
held.write([row("after")])
held.close()
"""


class LimitedTests(FileTestCase):
    """
    A system that really writes no more.
    """

    def test_no_room(self) -> None:
        """
        A file that cannot grow is whole when it can again: batches that failed have
        left nothing in it, and the others all.
        """
        result = subprocess.run(
            [sys.executable, "-c", _LIMITED, self.path],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=Path(__file__).parents[2],
        )
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        failed = int(result.stdout)
        self.assertGreater(failed, 0)
        models = [model for _, model in rows_in(self.path)]
        self.assertEqual(models[0], "before")
        self.assertEqual(models[-1], "after")
        self.assertEqual(models.count("during"), 50 * (50 - failed))
        with closing(sqlite3.connect(self.path)) as connection:
            checked = connection.execute("PRAGMA integrity_check").fetchone()
        self.assertEqual(checked, ("ok",))
