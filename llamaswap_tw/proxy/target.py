"""
Where a request goes up to: a model's base URL, and the request's own path.
"""

from __future__ import annotations

import re
from functools import lru_cache

_RAW = re.compile(rb"[\x80-\xff]")


@lru_cache(maxsize=1024)
def _split(base_url: str) -> tuple[bytes, bytes]:
    url = base_url.encode("utf-8").partition(b"#")[0]
    prefix, _, query = url.partition(b"?")
    return prefix.rstrip(b"/"), query


def target_url(base_url: str, path: bytes, query: bytes | None) -> bytes:
    """
    The URL that a request goes up to.

    :param base_url: the model's ``proxy``: a path in it comes before the
        request's path, a query before the request's query.
    :param path: the request's path, percent-encoding and all.
    :param query: the request's query, without the question mark, or `None` where it has
        no question mark.
    :returns: the URL; path and query byte for byte, but that raw bytes from
        0x80 on are percent-encoded.
    """
    prefix, base_query = _split(base_url)
    url = prefix + path
    if base_query:
        query = base_query + b"&" + query if query else base_query
    if query is not None:
        url += b"?" + query
    if not url.isascii():
        url = _RAW.sub(lambda match: b"%%%02X" % match[0][0], url)
    return url


def authority_of(url: str) -> bytes:
    """
    :param url: a base URL that is ASCII.
    :returns: host and port as they stand in it, without user and password.
    """
    authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
    return authority.rpartition("@")[2].encode("ascii")
