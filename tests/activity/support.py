"""
Rows, threads that are none, and files that llama-swap wrote.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from twisted.internet.defer import Deferred

from llamaswap_tw.activity.row import Row, Tokens

#: When rows end unless a test says otherwise, in seconds since the epoch.
NOON = 1_767_268_800

#: What a file has that llama-swap wrote.
LLAMA_SWAP = """
CREATE TABLE goose_db_version (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id INTEGER NOT NULL,
    is_applied INTEGER NOT NULL,
    tstamp TIMESTAMP DEFAULT (datetime('now'))
);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1);
CREATE TABLE activity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ts_created INTEGER NOT NULL,
    model_id TEXT NOT NULL,
    req_path TEXT NOT NULL,
    resp_content_type TEXT NOT NULL,
    resp_status_code INTEGER NOT NULL,
    cache_tokens INTEGER NOT NULL,
    draft_tokens INTEGER NOT NULL,
    draft_acc_tokens INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    prompt_per_second REAL NOT NULL,
    tokens_per_second REAL NOT NULL,
    duration_ms INTEGER NOT NULL,
    error_msg TEXT NOT NULL,
    metadata_json TEXT NOT NULL
);
INSERT INTO activity VALUES (
    41, 1767268800, 'old', '/v1/chat/completions', 'application/json', 200,
    -1, -1, -1, 12, 34, 56.5, 7.25, 890, '', '{"selector":"auto"}'
);
"""


def row(model: str = "m", timestamp: float = NOON, **more: Any) -> Row:
    """
    A row.

    :param more: what is not as it is otherwise, the tokens' numbers included.
    """
    tokens = {name: more.pop(name) for name in Tokens._fields if name in more}
    values: dict[str, Any] = {
        "req_path": "/v1/chat/completions",
        "resp_content_type": "application/json",
        "resp_status_code": 200,
        "duration_ms": 100,
        "error_msg": "",
        "metadata": {},
        **more,
    }
    return Row(timestamp=timestamp, model=model, tokens=Tokens(**tokens), **values)


def run_script(path: str, script: str) -> None:
    """
    What another program does to a file.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def rows_in(path: str, what: str = "id, model_id") -> list[tuple[Any, ...]]:
    """
    What another program finds in a file.
    """
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT {what} FROM activity ORDER BY id").fetchall()


class Threads:
    """
    Threads of which a test says when they run.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Deferred[Any], Callable[..., Any], Any]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def call(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """
        As `in_thread`.
        """
        done: Deferred[Any] = Deferred()
        self._waiting.append((done, function, args))
        return done

    def run(self) -> None:
        """
        Do what waits, the first of it.
        """
        done, function, args = self._waiting.pop(0)
        try:
            result = function(*args)
        except Exception:
            done.errback()
        else:
            done.callback(result)

    def run_all(self) -> None:
        """
        Do all that waits, and all that comes of it.
        """
        while self._waiting:
            self.run()
