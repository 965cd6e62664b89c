"""
Where the rows of the activity are kept: all that a request waits for is that its row
joins a queue.

The house's threads do the work, one write and one read at a time; a pool of our own,
or ``twisted.enterprise.adbapi`` with one thread, would have to be started, fed and
joined only to have that order, and its transactions would be of one row each.  Rows
gather for a moment and are written together: under load that is ten changes of
threads a second, and not thousands: each thread that waits for Python's lock makes
every call of the reactor into the system dearer until it has it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..errors import ActivityUnreadable
from ..interfaces import InThread
from .database import CannotOpen, CannotRead, CannotWrite, Database, File, Memory
from .query import Page, Query, select
from .row import Row
from .statistics import statistics

_T = TypeVar("_T")

_log = Logger()

#: How long rows gather before they are written, in seconds.
GATHER = 0.1

#: How many rows are written at once: who waits for one of them is told in one turn
#: of the reactor.
BATCH = 500

#: How many rows may wait for a disk that stalls; a few MB.
WAITING = 5000

#: How long a read waits for rows that are being written, in seconds.
FRESH = 1.0


class Store:
    """
    Keeps the rows.  It never blocks, and no trouble of its own is the caller's.

    :param clock: for the moment that rows gather.
    :param in_thread: runs a function in a thread.
    :param path: of a file; `None` for memory.
    :param keep: how many rows are kept in memory, where they are kept there.
    :ivar lost: how many rows could not be kept.
    """

    def __init__(
        self, clock: IReactorTime, in_thread: InThread, path: str | None, keep: int
    ) -> None:
        self._clock = clock
        self._in_thread = in_thread
        self._path, self._keep = _absolute(path), keep
        self._database: Database = self._configured()
        self._waiting: deque[tuple[Row, Deferred[int | None]]] = deque()
        self._reading = DeferredLock()
        self._writing = DeferredLock()
        self._gathering: IDelayedCall | None = None
        # By its number in the order of all rows, who waits until one is written.
        self._fresh: deque[tuple[int, Deferred[None]]] = deque()
        self._added = self._settled = 0
        self._failing_since: int | None = None
        self._closed = False
        self.lost = 0

    def _configured(self) -> Database:
        return Memory(self._keep) if self._path is None else File(self._path)

    # Open, and closed.

    def open(self) -> Deferred[None]:
        """
        Open the file.  One that cannot be is told in the log, and memory is used;
        one that somebody else holds is tried again with the next rows.

        :returns: a `Deferred` that fires when that is done; it never fails.
        """
        return self._alone(self._open)

    def _alone(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """
        Call a function while nothing is written or read.
        """
        return self._writing.run(self._reading.run, function, *args)

    @inlineCallbacks
    def _open(self) -> Any:
        self._failing_since = None
        try:
            yield self._in_thread(self._database.open)
        except CannotOpen as e:
            if e.passing:
                self._failed(str(e))
                return
            _log.error(
                "the activity cannot be kept in {path}: {reason}; it is kept in memory "
                "until the next start",
                path=self._path,
                reason=str(e),
            )
            yield self._use_memory()
        except Exception:
            _log.failure(
                "opening {path}; the activity is kept in memory", path=self._path
            )
            yield self._use_memory()

    def _use_memory(self) -> Deferred[Any]:
        self._database = Memory(self._keep)
        return self._in_thread(self._database.open)

    def reconfigure(self, path: str | None, keep: int) -> Deferred[None]:
        """
        From now on rows are kept elsewhere, or more of them.

        :param path: as for the class; what was kept in another place stays there.
        :param keep: as for the class.
        :returns: a `Deferred` that fires when that is so; it never fails.
        """
        self._keep = keep
        if isinstance(self._database, Memory):
            # Those that are too many go with the next that comes.
            self._database.keep = keep
        return self._alone(self._move, _absolute(path))

    @inlineCallbacks
    def _move(self, path: str | None) -> Any:
        if path != self._path:
            yield self._in_thread(self._database.close)
            self._path = path
            self._database = self._configured()
            yield self._open()

    @inlineCallbacks
    def close(self) -> Any:
        """
        Write what waits, and let go of the file.  Rows that come later are lost.

        :returns: a `Deferred` that fires when that is done; it never fails.
        """
        self._closed = True
        yield self._write_soon()
        yield self._alone(self._in_thread, self._database.close)

    # Rows in.

    def add(self, row: Row) -> Deferred[int | None]:
        """
        Keep a row.

        :returns: a `Deferred` that fires with its id when it is written, or with
            `None` where it was lost; it never fails.
        """
        told: Deferred[int | None] = Deferred()
        if self._closed or len(self._waiting) >= WAITING:
            if not self._closed:
                self._failed("more rows come than it takes")
            self.lost += 1
            told.callback(None)
            return told
        self._waiting.append((row, told))
        self._added += 1
        if self._gathering is None:
            self._gathering = self._clock.callLater(GATHER, self._write_soon)
        return told

    def _write_soon(self) -> Deferred[None]:
        """
        Write what has gathered, once what is being written is.
        """
        return self._writing.run(self._write)

    @inlineCallbacks
    def _write(self) -> Any:
        # Until now, so that rows which come while it is somebody else's turn do not
        # each ask for one.
        gathering, self._gathering = self._gathering, None
        if gathering is not None and gathering.active():
            gathering.cancel()
        # Rows that come from now on gather for the next time.
        until, hopeless = self._added, False
        while self._settled < until:
            count = min(until - self._settled, BATCH)
            batch = [self._waiting.popleft() for _ in range(count)]
            ids: Sequence[int | None] = [None] * count
            try:
                if hopeless:
                    raise CannotWrite("as for the rows before")
                written = yield self._in_thread(
                    self._database.write, [row for row, _ in batch]
                )
            except CannotWrite as e:
                self._failed(str(e))
                self.lost += count
                # A shutdown waits for one try, not for one with each batch.
                hopeless = self._closed
            except Exception:
                _log.failure("writing the activity")
                self.lost += count
            else:
                ids = written.ids
                self._succeeded(written.began_anew)
            for (_, told), row_id in zip(batch, ids, strict=True):
                told.callback(row_id)
            self._settle(count)

    def _settle(self, count: int) -> None:
        self._settled += count
        while self._fresh and self._fresh[0][0] <= self._settled:
            _, told = self._fresh.popleft()
            if not told.called:
                told.callback(None)

    def _failed(self, reason: str) -> None:
        """
        Say so, but not again and again.
        """
        if self._failing_since is None:
            self._failing_since = self.lost
            _log.warn(
                "the activity cannot be written to {path}: {reason}; requests go on, "
                "and their rows are lost until it can",
                path=self._path or "memory",
                reason=reason,
            )

    def _succeeded(self, began_anew: bool) -> None:
        if began_anew:
            _log.warn(
                "{path} was removed or replaced; the activity goes on in the file that "
                "is there now",
                path=self._path,
            )
        # While the queue is as good as full, rows are lost at its other end.
        if self._failing_since is not None and len(self._waiting) < WAITING // 2:
            lost, self._failing_since = self.lost - self._failing_since, None
            _log.info("the activity is written again; {lost} rows were lost", lost=lost)

    # Rows out.

    def query(
        self, query: Query, render: Callable[[Page], _T] | None = None
    ) -> Deferred[Any]:
        """
        Look for rows, those too that were added just now.

        :param query: which.
        :param render: makes something of the page, in the thread.
        :returns: a `Deferred` that fires with the `Page`, or with what was made of
            it; it fails with `ActivityUnreadable` where there is none.  Cancelling
            it ends the search.
        """

        def look(connection: Connection) -> Any:
            page = select(connection, query)
            return page if render is None else render(page)

        return self._read(look)

    def stats(self, models: Sequence[str]) -> Deferred[dict[str, Any]]:
        """
        Count.

        :param models: rows of these; none for all.
        :returns: a `Deferred` that fires with the totals and histograms; it fails as
            that of `query` does.
        """
        return self._read(lambda connection: statistics(connection, models))

    def _read(self, look: Callable[[Connection], Any]) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        self._when_fresh().addCallback(
            lambda _: self._reading.run(self._look, look, answer)
        )
        return answer

    @inlineCallbacks
    def _look(self, look: Callable[[Connection], Any], answer: Deferred[Any]) -> Any:
        """
        Whoever cancels the answer does not wait any more, but the thread may still
        be at it.
        """
        if answer.called:
            return
        if self._closed:
            answer.errback(ActivityUnreadable("the server is shutting down"))
            return
        result: Any
        try:
            result = yield self._in_thread(
                self._database.read, look, lambda: answer.called or self._closed
            )
        except CannotRead as e:
            result = Failure(ActivityUnreadable(str(e)))
        except Exception:
            result = Failure()
        if not answer.called:
            answer.callback(result)

    def _when_fresh(self) -> Deferred[None]:
        """
        :returns: a `Deferred` that fires when all rows are written that are there
            now, but soon in any case.
        """
        told: Deferred[None] = Deferred()
        if self._settled == self._added:
            told.callback(None)
            return told
        self._fresh.append((self._added, told))

        def at_last() -> None:
            if not told.called:
                told.callback(None)

        late = self._clock.callLater(FRESH, at_last)
        told.addCallback(lambda _: late.cancel() if late.active() else None)
        self._write_soon()
        return told


def _absolute(path: str | None) -> str | None:
    # Whatever becomes of the daemon's own folder.
    return None if path is None else os.path.abspath(path)
