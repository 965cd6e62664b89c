"""
Tests for `llamaswap_tw.activity.schema`.
"""

from __future__ import annotations

import sqlite3
from sqlite3 import Connection

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.activity.columns import COLUMNS, insertion, values_of
from llamaswap_tw.activity.schema import (
    MIGRATIONS,
    VERSION,
    UnfitFile,
    keep_ids_above,
    migrate,
)

from .support import LLAMA_SWAP, row


class MigrationTests(SynchronousTestCase):
    """
    How a database becomes one of today's.
    """

    def database(self, script: str = "") -> Connection:
        """
        One that a script made.
        """
        connection = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(connection.close)
        connection.executescript(script)
        return connection

    def shape(self, connection: Connection) -> list[str]:
        """
        What is in it of ours, and its version.
        """
        return [
            *map(str, connection.execute("PRAGMA table_info(activity)")),
            *map(str, sorted(connection.execute("PRAGMA index_list(activity)"))),
            *map(str, connection.execute("PRAGMA user_version")),
        ]

    def add(self, connection: Connection) -> int:
        """
        :returns: the id of a new row.
        """
        row_id = connection.execute(insertion(1), values_of(row())).lastrowid
        assert row_id is not None
        return row_id

    def test_every_version(self) -> None:
        """
        A database of any earlier version becomes what a new one is, with its rows.
        """
        new = self.database()
        migrate(new)
        for version in range(VERSION + 1):
            old = self.database(
                ";".join(
                    statement for step in MIGRATIONS[:version] for statement in step
                )
                + f"; PRAGMA user_version = {version}"
            )
            if version:
                self.add(old)
            migrate(old)
            self.assertEqual(self.shape(old), self.shape(new))
            self.assertEqual(self.add(old), 2 if version else 1)

    def test_of_today(self) -> None:
        """
        One of today's is left as it is.
        """
        connection = self.database()
        migrate(connection)
        changes = connection.total_changes
        migrate(connection)
        self.assertEqual(connection.total_changes, changes)

    def test_llama_swap(self) -> None:
        """
        One that llama-swap wrote keeps its history and its versions, and its ids go
        on.
        """
        connection = self.database(LLAMA_SWAP)
        versions = connection.execute("SELECT * FROM goose_db_version").fetchall()
        before = connection.execute("SELECT * FROM activity").fetchall()
        columns = connection.execute("PRAGMA table_info(activity)").fetchall()
        migrate(connection)
        self.assertEqual(self.add(connection), 42)
        after = connection.execute("SELECT * FROM activity").fetchall()
        self.assertEqual(after[:1], before)
        self.assertEqual(
            connection.execute("SELECT * FROM goose_db_version").fetchall(), versions
        )
        # It reads all columns, and knows these.
        self.assertEqual(
            connection.execute("PRAGMA table_info(activity)").fetchall(), columns
        )

    def test_same_table(self) -> None:
        """
        The table that we make is the one that llama-swap makes.
        """
        ours, theirs = self.database(), self.database(LLAMA_SWAP)
        migrate(ours)
        migrate(theirs)
        self.assertEqual(self.shape(ours), self.shape(theirs))

    def assert_left_alone(self, script: str, reason: str) -> None:
        connection = self.database(script)
        before = [*connection.iterdump()], self.shape(connection)
        error = self.assertRaises(UnfitFile, migrate, connection)
        self.assertIn(reason, str(error))
        self.assertFalse(connection.in_transaction)
        self.assertEqual(([*connection.iterdump()], self.shape(connection)), before)

    def test_later_version(self) -> None:
        """
        One of a later version is left alone, and so is one of a version that none
        of ours has.
        """
        for version in (VERSION + 1, 1000, -1):
            self.assert_left_alone(
                f"PRAGMA user_version = {version}", f"of version {version}"
            )

    def test_other_table(self) -> None:
        """
        So is one with another table of that name, or with columns that rows of ours
        would not fill.
        """
        self.assert_left_alone("CREATE TABLE activity (id INTEGER)", "lacks ts_created")
        self.assert_left_alone("PRAGMA user_version = 1", f"lacks id, {COLUMNS[0]}")
        more = LLAMA_SWAP.replace(
            "error_msg TEXT", "host TEXT NOT NULL, error_msg TEXT"
        )
        self.assert_left_alone(
            more.partition("INSERT INTO activity")[0], "also needs host"
        )

    def test_more_columns(self) -> None:
        """
        Columns that fill themselves are no hindrance.
        """
        connection = self.database(
            f"{LLAMA_SWAP}; ALTER TABLE activity ADD COLUMN a TEXT NOT NULL DEFAULT '';"
            "ALTER TABLE activity ADD COLUMN b TEXT"
        )
        migrate(connection)
        self.assertEqual(self.add(connection), 42)

    def test_broken_off(self) -> None:
        """
        A migration that fails changes nothing.
        """
        connection = self.database("CREATE VIEW llamaswap_tw_time AS SELECT 1")
        before = [*connection.iterdump()]
        self.assertRaises(sqlite3.Error, migrate, connection)
        self.assertFalse(connection.in_transaction)
        self.assertEqual([*connection.iterdump()], before)

    def test_ids(self) -> None:
        """
        Ids go on above the highest that was given, in a new database as in one with
        rows; they never go back.
        """
        connection = self.database()
        migrate(connection)
        for highest, following in ((10, 11), (5, 12), (20, 21)):
            keep_ids_above(connection, highest)
            self.assertEqual(self.add(connection), following)
