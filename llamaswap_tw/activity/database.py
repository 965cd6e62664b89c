"""
SQLite, as threads use it: everything here may block.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from sqlite3 import Connection
from threading import Lock
from typing import Protocol, TypeVar
from urllib.parse import quote

from .columns import insertion, values_of
from .row import Row
from .schema import UnfitFile, keep_ids_above, migrate

_T = TypeVar("_T")

#: How long another process may hold the file before rows are lost, in seconds.
BUSY_LIMIT = 5.0

#: How long one look into the history may take, in seconds.
READ_LIMIT = 10.0

#: After so many of SQLite's steps a read is asked whether it may go on: some
#: milliseconds.
_STEPS = 200_000

#: So many rows are added by one statement: SQLite lets go of Python's lock for each,
#: and with a reactor that is busy it takes up to 5 ms to get it back.  With more
#: there might be more values than a statement may have.
_ROWS = 60

#: What is left of the log beside the file once it was written back, in bytes.
_LOG_SIZE = 16 * 1024 * 1024

#: What passes: a file that somebody else holds.
_HELD = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

#: What is no fault of the connection.
_OUTSIDE = (*_HELD, sqlite3.SQLITE_FULL)


class CannotOpen(Exception):
    """
    The file cannot be used; the message says why.

    :ivar passing: whether that may be otherwise in a moment.
    """

    def __init__(self, reason: str, passing: bool) -> None:
        super().__init__(reason)
        self.passing = passing


class CannotWrite(Exception):
    """
    Rows could not be written; the message says why.
    """


class CannotRead(Exception):
    """
    Rows could not be read; the message says why.
    """


@dataclass(frozen=True)
class Written:
    """
    Rows were written.

    :ivar ids: theirs, in their order.
    :ivar began_anew: whether the file was gone, and another one is in its place.
    """

    ids: range
    began_anew: bool = False


class Database(Protocol):
    """
    Where rows are.  Any thread may call it; one at a time writes, one reads.
    """

    def open(self) -> None:
        """
        Get ready.

        :raises CannotOpen: if that is not possible.
        """

    def write(self, rows: Sequence[Row]) -> Written:
        """
        Add rows, all of them or none.

        :param rows: at least one.
        :raises CannotWrite: if they could not be.
        """

    def read(
        self, look: Callable[[Connection], _T], unwanted: Callable[[], bool]
    ) -> _T:
        """
        Look into it, at one moment of its life.

        :param look: does so.
        :param unwanted: whether nobody waits for that any more; asked now and then.
        :raises CannotRead: if it cannot be read, or it took too long.
        """

    def close(self) -> None:
        """
        Let go of it.
        """


class Memory:
    """
    Rows in memory, of which the oldest go.

    :param keep: how many stay.
    """

    def __init__(self, keep: int) -> None:
        self.keep = keep
        # A database in memory is that of one connection: a read waits for a write
        # and a write for a read, neither of which is long.
        self._lock = Lock()
        self._connection: Connection | None = None

    def open(self) -> None:
        """
        As `Database.open`.
        """
        self._connection = connection = _connect(":memory:", 0)
        migrate(connection)

    def write(self, rows: Sequence[Row]) -> Written:
        """
        As `Database.write`.
        """
        with self._lock:
            assert self._connection is not None
            try:
                with _transaction(self._connection, "IMMEDIATE"):
                    ids = _insert(self._connection, rows)
                    self._connection.execute(
                        "DELETE FROM activity WHERE id <= ?", (ids[-1] - self.keep,)
                    )
            except sqlite3.Error as e:
                raise CannotWrite(str(e))
            return Written(ids)

    def read(
        self, look: Callable[[Connection], _T], unwanted: Callable[[], bool]
    ) -> _T:
        """
        As `Database.read`.
        """
        with self._lock:
            assert self._connection is not None
            try:
                return _look(self._connection, look, unwanted)
            except sqlite3.Error as e:
                raise CannotRead(_why(e))

    def close(self) -> None:
        """
        As `Database.close`.
        """
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


class File:
    """
    Rows in a file.  It has one connection to write and one to read: by its
    write-ahead log neither waits for the other.

    :param path: of the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._writer: Connection | None = None
        self._reader: Connection | None = None
        # Held while the reader is used.
        self._looking = Lock()
        self._file = (0, 0)
        self._highest = 0

    def open(self) -> None:
        """
        As `Database.open`.
        """
        connection = None
        try:
            connection = _connect(self._path, BUSY_LIMIT)
            _prepare(connection, self._highest)
            self._file = _identity(self._path)
        except (sqlite3.Error, UnfitFile, OSError) as e:
            if connection is not None:
                connection.close()
            raise CannotOpen(_cannot_open(e, self._path), _code(e) in _HELD)
        self._writer = connection

    def write(self, rows: Sequence[Row]) -> Written:
        """
        As `Database.write`.
        """
        began_anew = self._writer is not None and self._is_gone()
        if began_anew:
            # The reader too: SQLite's files beside the old one and the new one have
            # the same names, and nothing may have both open.
            self._drop_writer()
            with self._looking:
                self._drop_reader()
        try:
            if self._writer is None:
                self.open()
            assert self._writer is not None
            with _transaction(self._writer, "IMMEDIATE"):
                ids = _insert(self._writer, rows)
        except CannotOpen as e:
            raise CannotWrite(str(e))
        except sqlite3.Error as e:
            if _code(e) not in _OUTSIDE:
                # Whatever it is, it shall not be the connection's fault for ever.
                self._drop_writer()
            raise CannotWrite(_why(e))
        self._highest = ids[-1]
        return Written(ids, began_anew)

    def _is_gone(self) -> bool:
        """
        Whether the path is no longer that of the file that is open.
        """
        try:
            return _identity(self._path) != self._file
        except OSError:
            return True

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def read(
        self, look: Callable[[Connection], _T], unwanted: Callable[[], bool]
    ) -> _T:
        """
        As `Database.read`.
        """
        with self._looking:
            try:
                if self._reader is None:
                    # No file is made for it: that is the writer's to do.
                    uri = f"file:{quote(self._path)}?mode=rw"
                    self._reader = _connect(uri, BUSY_LIMIT)
                    self._reader.execute("PRAGMA query_only = 1")
                return _look(self._reader, look, unwanted)
            except sqlite3.Error as e:
                if _code(e) not in (*_OUTSIDE, sqlite3.SQLITE_INTERRUPT):
                    self._drop_reader()
                raise CannotRead(_why(e))

    def _drop_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def close(self) -> None:
        """
        As `Database.close`: the log beside the file is written back to it.
        """
        with self._looking:
            self._drop_reader()
        self._drop_writer()


def _connect(path: str, timeout: float) -> Connection:
    return sqlite3.connect(
        path,
        timeout=timeout,
        isolation_level=None,
        # Of a pool it is now this thread and now that one, but never two at once.
        check_same_thread=False,
        uri=path.startswith("file:"),
    )


def _prepare(connection: Connection, highest: int) -> None:
    # The version comes first: a file that is not ours to use stays as it is.
    migrate(connection)
    # A killed daemon loses nothing: what is committed has reached the system.  Only
    # a machine that goes down may lose the last moments, and not the file.
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_SIZE}").fetchall()
    if highest:
        with _transaction(connection, "IMMEDIATE"):
            keep_ids_above(connection, highest)


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


@contextmanager
def _transaction(connection: Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        # Not after every error: some have rolled it back themselves.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _insert(connection: Connection, rows: Sequence[Row]) -> range:
    """
    :returns: the ids of the rows.
    """
    last = 0
    for first in range(0, len(rows), _ROWS):
        some = rows[first : first + _ROWS]
        values = [value for row in some for value in values_of(row)]
        added = connection.execute(insertion(len(some)), values).lastrowid
        assert added is not None
        last = added
    # Nobody else writes meanwhile, so that they follow one another.
    return range(last - len(rows) + 1, last + 1)


def _look(
    connection: Connection,
    look: Callable[[Connection], _T],
    unwanted: Callable[[], bool],
) -> _T:
    until = time.monotonic() + READ_LIMIT
    connection.set_progress_handler(
        lambda: unwanted() or time.monotonic() > until, _STEPS
    )
    try:
        with _transaction(connection, "DEFERRED"):
            return look(connection)
    finally:
        connection.set_progress_handler(None, 0)


def _code(error: Exception) -> int | None:
    """
    SQLite's number for what went wrong, without what it adds to that.
    """
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _why(error: sqlite3.Error) -> str:
    if _code(error) in _HELD:
        return "another program holds the file"
    if _code(error) == sqlite3.SQLITE_INTERRUPT:
        return f"it took longer than {READ_LIMIT:g} s"
    return str(error)


def _cannot_open(error: Exception, path: str) -> str:
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        return f"there is no folder {folder}"
    return _why(error) if isinstance(error, sqlite3.Error) else str(error)
