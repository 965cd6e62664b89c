"""
The tables of the activity, and how an older file becomes one of today's.

The table is llama-swap's own, so that either program reads what the other wrote.
Which of our versions a file has is in its ``user_version``: llama-swap keeps its own
in ``goose_db_version``, which is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection

from .columns import COLUMNS

#: What makes a file of each version one of the next; the first begins with an empty
#: file, or one that llama-swap wrote.
MIGRATIONS: Sequence[Sequence[str]] = (
    (
        """
        CREATE TABLE IF NOT EXISTS activity (
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
        )
        """,
    ),
    (
        # Rows are counted for every page of them, often of one model or one day.
        "CREATE INDEX IF NOT EXISTS llamaswap_tw_model ON activity (model_id)",
        "CREATE INDEX IF NOT EXISTS llamaswap_tw_time ON activity (ts_created)",
        # Percentiles want the speeds in order; the model comes along so that the
        # statistics of one need not look into the table.
        """
        CREATE INDEX IF NOT EXISTS llamaswap_tw_prompt_speed
        ON activity (prompt_per_second, model_id) WHERE prompt_per_second > 0
        """,
        """
        CREATE INDEX IF NOT EXISTS llamaswap_tw_gen_speed
        ON activity (tokens_per_second, model_id) WHERE tokens_per_second > 0
        """,
    ),
)

VERSION = len(MIGRATIONS)


class UnfitFile(Exception):
    """
    A database that we cannot use and must not change; the message says why.
    """


def migrate(connection: Connection) -> None:
    """
    Make a database one of today's version, or leave it as it was.

    :param connection: to an empty one, one of ours or one of llama-swap's, in
        autocommit mode.
    :raises UnfitFile: if it is of a later version, or has an ``activity`` that is
        not the one we know.
    :raises sqlite3.Error: if it cannot be written.
    """
    # Looked at before anything is written, and again once nobody else can.
    _version_of(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for version in range(_version_of(connection), VERSION):
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
        _check_columns(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version_of(connection: Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not 0 <= version <= VERSION:
        raise UnfitFile(
            f"its schema is of version {version}, and this program knows them up to "
            f"{VERSION}; a later one may have written it"
        )
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    if version or "activity" in {name for (name,) in tables}:
        _check_columns(connection)
    return int(version)


def _check_columns(connection: Connection) -> None:
    """
    :raises UnfitFile: if rows of ours would not fit.
    """
    found = {
        name: bool(not_null and default is None)
        for _, name, _, not_null, default, _ in connection.execute(
            "PRAGMA table_info(activity)"
        )
    }
    missing = [name for name in ("id", *COLUMNS) if name not in found]
    if missing:
        # Were they added, llama-swap could no longer add them itself.
        raise UnfitFile(f"its table activity lacks {', '.join(missing)}")
    wanted = [name for name in found if found[name] and name not in ("id", *COLUMNS)]
    if wanted:
        raise UnfitFile(f"its table activity also needs {', '.join(wanted)}")


def keep_ids_above(connection: Connection, highest: int) -> None:
    """
    See to it that no id is given twice, also where the file that gave it is gone:
    whatever else is kept of a row is kept under its id.

    :param connection: in a transaction.
    :param highest: the highest id that was given.
    """
    counted = connection.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'activity'",
        (highest,),
    )
    if not counted.rowcount:
        connection.execute(
            "INSERT INTO sqlite_sequence VALUES ('activity', ?)", (highest,)
        )
