"""
Documents that hold what others gave: clients' names, users' metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import orjson


def dumped(document: object) -> bytes:
    """
    Write a document as JSON.

    :param document: of anything that YAML or JSON can hold; what JSON cannot is written
        as a text.
    """
    try:
        return orjson.dumps(document, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # The name of a model that a client asked for may have a lone surrogate, and a
        # model's metadata an integer beyond 64 bits: neither shall cost others theirs.
        return json.dumps(document, default=_plain).encode()


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)
