"""
Headers as people may see them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RawHeaders = Sequence[tuple[bytes, bytes]]

#: What stands in place of a secret.
REDACTED = "[REDACTED]"

#: Headers that hold secrets, lower case.
_SECRET = frozenset(
    [b"authorization", b"proxy-authorization", b"cookie", b"set-cookie", b"x-api-key"]
)


def readable_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """
    Headers by name, without secrets.

    :param headers: as they came.
    :returns: by the first spelling of each name; the values of one that is repeated
        are joined, and secret ones left out.
    """
    spelled: dict[bytes, str] = {}
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        low = raw_name.lower()
        name = spelled.setdefault(low, raw_name.decode("utf-8", "replace"))
        if low in _SECRET:
            found[name] = REDACTED
            continue
        value = raw_value.decode("utf-8", "replace")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
