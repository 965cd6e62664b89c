"""
Which rows are wanted, and in what order: asked by the parameters of a URL, answered
by SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor
from sqlite3 import Connection
from typing import Any

import orjson

from ..errors import BadRequest
from ..observe.moments import parse_moment
from .columns import COLUMNS, entry_of

#: What can be sorted by, and the column that is.
SORT_KEYS: Mapping[str, str] = {
    "id": "id",
    "time": "ts_created",
    "model": "model_id",
    "req_path": "req_path",
    "resp_status_code": "resp_status_code",
    "resp_content_type": "resp_content_type",
    "cached": "cache_tokens",
    "prompt": "input_tokens",
    "generated": "output_tokens",
    "drafted": "draft_tokens",
    "prompt_speed": "prompt_per_second",
    "gen_speed": "tokens_per_second",
    "duration": "duration_ms",
}

_ORDERS = ("asc", "desc")

_MOST_ROWS = 999

#: SQLite's own bound is higher, but nobody has so many.
_MOST_MODELS = 1000

_BIGGEST = 2**63 - 1

#: The columns that are wanted of each row, as SQL for a JSON array: a page comes in
#: one piece, since SQLite lets go of Python's lock for each piece, and with a reactor
#: that is busy it takes up to 5 ms to get it back.
_ROW = ", ".join(
    f"printf('%!.17g', {column})" if column.endswith("_per_second") else column
    for column in ("id", *COLUMNS)
)

_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)


@dataclass(frozen=True)
class Query:
    """
    Which rows are wanted.

    :ivar models: of these models; none for all.
    :ivar start: not before it, in seconds since the epoch.
    :ivar end: not after it.
    :ivar min_id: from this id on.
    :ivar max_id: up to this id.
    :ivar limit: how many rows make a page.
    :ivar page: which page, from 1.
    :ivar sort: one of `SORT_KEYS`; rows that are equal in that are sorted by their
        ids.
    :ivar descending: whether the highest comes first.
    """

    models: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    min_id: int | None = None
    max_id: int | None = None
    limit: int = 25
    page: int = 1
    sort: str = "id"
    descending: bool = True


@dataclass(frozen=True)
class Page:
    """
    Some of the rows that were asked for.

    :ivar entries: the rows, as the API shows them, but that none has a capture.
    :ivar total: how many there are on all pages.
    """

    query: Query
    entries: Sequence[dict[str, Any]]
    total: int

    def as_json(self, has_capture: Callable[[int], bool]) -> bytes:
        """
        :param has_capture: whether there is a capture for a row's id.
        """
        for entry in self.entries:
            entry["has_capture"] = has_capture(entry["id"])
        document = {
            "data": self.entries,
            "page": self.query.page,
            "limit": self.query.limit,
            "total": self.total,
            "total_pages": -(-self.total // self.query.limit),
        }
        return orjson.dumps(document)


def parse_query(arguments: Mapping[bytes, Sequence[bytes]]) -> Query:
    """
    Read the parameters of ``GET /api/metrics/activity``.  An empty one is as good
    as none; of one that is there twice the first counts, but for ``model``.

    :param arguments: of the URL.
    :raises BadRequest: if one is not what it may be.
    """

    def text(name: str) -> str:
        return arguments.get(name.encode(), [b""])[0].decode("utf-8", "replace")

    def choice(name: str, among: Sequence[str], default: str) -> str:
        given = text(name) or default
        if given not in among:
            raise _bad(name, given, f"one of {', '.join(among)}")
        return given

    def number(name: str, least: int, most: int) -> int | None:
        given = text(name)
        if not given:
            return None
        if _NUMBER.fullmatch(given) and least <= int(given) <= most:
            return int(given)
        if most != _BIGGEST:
            allowed = f"a whole number from {least} to {most}"
        elif least == 1:
            allowed = "a whole number from 1 on, of at most 64 bits"
        else:
            allowed = "a whole number of at most 64 bits"
        raise _bad(name, given, allowed)

    def moment(name: str) -> Decimal | None:
        given = text(name)
        if not given:
            return None
        try:
            return parse_moment(given)
        except ValueError:
            raise _bad(
                name,
                given,
                "a time as RFC 3339 has it, like 2026-01-31T12:00:00Z or "
                "2026-01-31T12:00:00.5+02:00",
            )

    start, end = moment("start"), moment("end")
    min_id = number("min_id", -_BIGGEST - 1, _BIGGEST)
    max_id = number("max_id", -_BIGGEST - 1, _BIGGEST)
    if min_id is not None and max_id is not None and min_id > max_id:
        raise BadRequest(
            f"min_id must not be greater than max_id: {min_id} is, than {max_id}"
        )
    return Query(
        models=parse_models(arguments),
        # Rows have whole seconds: what is after a part of one is after all of it.
        start=None if start is None else ceil(start),
        end=None if end is None else floor(end),
        min_id=min_id,
        max_id=max_id,
        limit=number("limit", 1, _MOST_ROWS) or Query.limit,
        page=number("page", 1, _BIGGEST) or Query.page,
        sort=choice("sort", tuple(SORT_KEYS), Query.sort),
        descending=choice("order", _ORDERS, "desc") == "desc",
    )


def parse_models(arguments: Mapping[bytes, Sequence[bytes]]) -> tuple[str, ...]:
    """
    Read the parameter ``model``, which may be there any number of times.

    :param arguments: of the URL.
    :returns: each name once; none where all models are meant.
    :raises BadRequest: if they are too many.
    """
    given = [value.decode("utf-8", "replace") for value in arguments.get(b"model", ())]
    models = tuple(dict.fromkeys(filter(None, given)))
    if len(models) > _MOST_MODELS:
        raise BadRequest(f"model may be there at most {_MOST_MODELS} times")
    return models


def _bad(name: str, given: str, allowed: str) -> BadRequest:
    return BadRequest(f"{name} must be {allowed}, not {given[:100]!r}")


def where_models(
    models: Sequence[str], column: str = "model_id"
) -> tuple[str, list[object]]:
    """
    :param models: none for all.
    :param column: the column that has them, as SQL.
    :returns: a condition in SQL, and what stands for its question marks.
    """
    if not models:
        return "1", []
    return f"{column} IN ({', '.join('?' * len(models))})", [*models]


def select(connection: Connection, query: Query) -> Page:
    """
    Find rows.

    :param connection: in a transaction, so that rows and total are of one moment.
    :raises sqlite3.Error: if they cannot be read.
    """
    where, values = where_models(query.models)
    for condition, value in (
        ("ts_created >= ?", query.start),
        ("ts_created <= ?", query.end),
        ("id >= ?", query.min_id),
        ("id <= ?", query.max_id),
    ):
        if value is not None:
            where += f" AND {condition}"
            values.append(value)
    (total,) = connection.execute(
        f"SELECT count(*) FROM activity WHERE {where}", values
    ).fetchone()
    order = "DESC" if query.descending else "ASC"
    column = SORT_KEYS[query.sort]
    by = f"id {order}" if column == "id" else f"{column} {order}, id {order}"
    offset = min((query.page - 1) * query.limit, _BIGGEST)
    (found,) = connection.execute(
        f"SELECT json_group_array(json_array({_ROW})) FROM (SELECT * FROM activity "
        f"WHERE {where} ORDER BY {by} LIMIT ? OFFSET ?)",
        [*values, query.limit, offset],
    ).fetchone()
    return Page(query, [entry_of(row) for row in orjson.loads(found)], total)
