"""
Totals, and how fast tokens came.

All of it is counted by SQLite: it lets go of Python's lock meanwhile, so that a long
history costs its reader time, and nobody else.  Each answer is one row, since to get
the lock back takes up to 5 ms for each where the reactor is busy.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from sqlite3 import Connection
from typing import Any

import orjson

from .query import where_models

_FEWEST_BINS, _MOST_BINS = 5, 20

_PERCENTILES = (50, 95, 99)

_BIGGEST = 1.7976931348623157e308


def statistics(connection: Connection, models: Sequence[str]) -> dict[str, Any]:
    """
    What ``GET /api/metrics/stats`` answers.

    :param connection: in a transaction, so that all is of one moment.
    :param models: of which; none for all.
    :raises sqlite3.Error: if it cannot be read.
    """
    where, values = where_models(models)
    # As floating-point numbers, since those are never too big to be added up.
    count, *totals = connection.execute(
        "SELECT count(*), total(max(input_tokens, 0)), total(max(output_tokens, 0)), "
        f"total(max(cache_tokens, 0)) FROM activity WHERE {where}",
        values,
    ).fetchone()
    given, made, cached = map(int, totals)
    return {
        "total_requests": count,
        "total_input_tokens": given,
        "total_output_tokens": made,
        "total_cache_tokens": cached,
        "prompt_histogram": _histogram(connection, "prompt_per_second", models),
        "gen_histogram": _histogram(connection, "tokens_per_second", models),
    }


def _histogram(
    connection: Connection, column: str, models: Sequence[str]
) -> dict[str, Any] | None:
    """
    :returns: how the speeds of a column are spread, or `None` if there are none.
    """
    # The sign keeps SQLite from finding the models first, and then each row's speed:
    # the index of the speeds knows both.
    where, values = where_models(models, "+model_id")
    speeds = f"FROM activity WHERE {column} > 0 AND {column} <= {_BIGGEST} AND {where}"
    # An index gives an end of itself at once, but not both.
    count, least, most = connection.execute(
        f"SELECT (SELECT count(*) {speeds}), (SELECT min({column}) {speeds}), "
        f"(SELECT max({column}) {speeds})",
        values * 3,
    ).fetchone()
    if not count:
        return None
    number = bin_count(count)
    size = (most - least) / number
    if size == 0:
        bins = [count]
        parts = dict.fromkeys(_PERCENTILES, least)
    else:
        bins = [0] * number
        # The highest of all is at the end of the last bin, and not behind it.
        (found,) = connection.execute(
            "SELECT json_group_array(json_array(bin, held)) FROM (SELECT "
            f"min(CAST(({column} - ?) / ? AS INTEGER), ?) AS bin, count(*) AS held "
            f"{speeds} GROUP BY bin)",
            [least, size, number - 1, *values],
        ).fetchone()
        for index, held in orjson.loads(found):
            bins[index] = held
        parts = _percentiles(connection, column, speeds, values, count)
    return {
        "bins": bins,
        "min": least,
        "max": most,
        "binSize": size,
        **{f"p{part}": speed for part, speed in parts.items()},
    }


def bin_count(count: int) -> int:
    """
    How many bins a histogram has, by Sturges' rule (H. A. Sturges, The choice of a
    class interval, 1926): one, and one more each time that the values double.

    :param count: of values, at least 1.
    """
    return min(max((count - 1).bit_length() + 1, _FEWEST_BINS), _MOST_BINS)


def _percentiles(
    connection: Connection,
    column: str,
    speeds: str,
    values: Sequence[object],
    count: int,
) -> dict[int, float]:
    """
    By linear interpolation between the two values that a percentile is between.
    """
    places = [part / 100 * (count - 1) for part in _PERCENTILES]
    # Of the highest there is nothing above, and nothing is wanted of it.
    ranks = [min(floor(place) + more, count - 1) for place in places for more in (0, 1)]
    at = f"(SELECT {column} {speeds} ORDER BY {column} LIMIT 1 OFFSET ?)"
    found = connection.execute(
        f"SELECT {', '.join([at] * len(ranks))}",
        [value for rank in ranks for value in (*values, rank)],
    ).fetchone()
    return {
        part: below + (place - floor(place)) * (above - below)
        for part, place, below, above in zip(
            _PERCENTILES, places, found[::2], found[1::2], strict=True
        )
    }
