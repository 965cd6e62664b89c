"""
``python -m benchmarks.history FILE ROWS``: a store with a long history, in a process
of its own, as the daemon has it.  Prints what it measured as JSON.
"""

from __future__ import annotations

import gc
import json
import socket
import sys
import time
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.internet.task import LoopingCall, react
from twisted.internet.threads import deferToThread

from llamaswap_tw.activity.query import Page, Query
from llamaswap_tw.activity.row import Row, Tokens
from llamaswap_tw.activity.store import Store

_AT_ONCE = 1000

_TURNS = 15

#: Seconds between two looks at the clock.
_TICK = 0.001

#: Rows that come while others are read, each so many seconds.
_MORE, _MORE_EVERY = 50, 0.05

#: Where the reactor has something to do all the time, how long each of it takes, in
#: seconds: a burst of chunks.
_BURST = 0.002

_CHUNK = b"data: " + b"x" * 200

#: With more rows the statistics may take longer there than the store allows.
_BUSY_UP_TO = 10_000

_reactor: Any = reactor


class _Pauses:
    """
    Looks at the clock again and again: what holds the reactor holds that up too.

    :ivar worst: by how much at most, in seconds.
    """

    def __init__(self) -> None:
        self.worst = 0.0
        self._due = time.perf_counter() + _TICK
        self._next = _reactor.callLater(_TICK, self._tick)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.worst = max(self.worst, now - self._due)
        self._due = now + _TICK
        self._next = _reactor.callLater(_TICK, self._tick)

    def end(self) -> float:
        """
        :returns: the longest pause, in milliseconds.
        """
        self._next.cancel()
        return self.worst * 1e3


def _rows(count: int) -> list[Row]:
    """
    Rows as a day with a dozen models has them.
    """
    random = Random(7)
    began = time.time() - count
    return [
        Row(
            timestamp=began + number,
            model=f"model-{random.randrange(12)}",
            req_path=random.choice(["/v1/chat/completions", "/v1/embeddings"]),
            resp_content_type="text/event-stream",
            resp_status_code=random.choice([200] * 9 + [502]),
            tokens=Tokens(
                random.randrange(4000),
                -1,
                -1,
                random.randrange(8000),
                random.randrange(2000),
                random.lognormvariate(6, 1),
                random.lognormvariate(4, 1),
            ),
            duration_ms=random.randrange(60_000),
            error_msg="",
            metadata={"ttft_ms": "312", "queue_ms": "0", "selector": "auto"},
        )
        for number in range(count)
    ]


class _Burst:
    """
    Chunks that come and go, as a reactor with many streams has them: each is read and
    written, and Python's lock is let go of for as long as the system takes for that.
    """

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()

    def spend(self) -> None:
        """
        Some of them.
        """
        until = time.perf_counter() + _BURST
        while time.perf_counter() < until:
            self._theirs.send(_CHUNK)
            self._ours.recv(len(_CHUNK))

    def close(self) -> None:
        """
        There are no more.
        """
        self._ours.close()
        self._theirs.close()


@inlineCallbacks
def _timed(ask: Callable[[], Deferred[Any]]) -> Any:
    """
    :returns: fires with how long each of some answers took, in milliseconds, and
        the longest pause of the reactor meanwhile.
    """
    taken = []
    pauses = _Pauses()
    for _ in range(_TURNS):
        began = time.perf_counter()
        yield ask()
        taken.append((time.perf_counter() - began) * 1e3)
    return {"taken": taken, "pause": pauses.end()}


@inlineCallbacks
def _measure(path: str, count: int) -> Any:
    store = Store(_reactor, deferToThread, path, count)
    yield store.open()
    rows = _rows(count)
    gc.collect()
    gc.freeze()
    pauses = _Pauses()
    began = time.perf_counter()
    for first in range(0, count, _AT_ONCE):
        # Rows that gather while others are written, as under load.
        yield gatherResults([store.add(row) for row in rows[first : first + _AT_ONCE]])
    seconds = time.perf_counter() - began
    found = {"rows": count / seconds, "pause": pauses.end()}

    def add_more() -> None:
        for row in rows[:_MORE]:
            store.add(row)

    more = LoopingCall(add_more)
    more.start(_MORE_EVERY)

    def ask(query: Query) -> Callable[[], Deferred[bytes]]:
        def render(page: Page) -> bytes:
            return page.as_json({5, 7, 9}.__contains__)

        return lambda: store.query(query, render)

    for name, question in (
        ("list", ask(Query())),
        ("999 rows", ask(Query(limit=999))),
        ("sorted by speed", ask(Query(sort="gen_speed", limit=100))),
        ("of a model", ask(Query(models=("model-3",), page=3))),
        ("of a time", ask(Query(start=int(rows[count // 2].timestamp)))),
        ("stats", lambda: store.stats([])),
        ("stats of a model", lambda: store.stats(["model-3"])),
    ):
        found[name] = yield _timed(question)
    if count <= _BUSY_UP_TO:
        burst = _Burst()
        busy = LoopingCall(burst.spend)
        busy.start(0)
        found["list, busy reactor"] = yield _timed(ask(Query()))
        found["stats, busy reactor"] = yield _timed(lambda: store.stats([]))
        busy.stop()
        burst.close()
    more.stop()
    yield store.close()
    print(json.dumps(found))


if __name__ == "__main__":
    react(lambda _, path, count: _measure(path, int(count)), sys.argv[1:])
