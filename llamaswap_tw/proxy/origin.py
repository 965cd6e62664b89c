"""
Where a server listens, by its URL.
"""

from __future__ import annotations

from dataclasses import dataclass

from .failures import ConnectFailed

#: No part of a host.
_FORBIDDEN = frozenset("/?# \t\r\n")


@dataclass(frozen=True, slots=True)
class Origin:
    """
    Where a server listens.

    :ivar secure: whether over TLS.
    :ivar host: its name or address, without brackets.
    :ivar port: its port.
    :ivar header: what ``Host`` says to one that is asked there.
    """

    secure: bool
    host: str
    port: int
    header: bytes

    @classmethod
    def from_url(cls, url: bytes) -> Origin:
        """
        :param url: scheme and authority.
        :raises ConnectFailed: if they make no sense.
        """
        scheme, _, authority = url.partition(b"://")
        authority = authority.rpartition(b"@")[2]
        scheme = scheme.lower()
        # Without a password that may be in it.
        where = (scheme + b"://" + authority).decode("ascii", "replace")
        if scheme not in (b"http", b"https"):
            raise ConnectFailed(
                f"cannot be asked at {where}: only http:// and https:// are known"
            )
        host, colon, port = authority.rpartition(b":")
        if not colon or authority.endswith(b"]"):
            host, port = authority, b""
        try:
            name = host.decode("ascii").removeprefix("[").removesuffix("]")
            number = int(port) if port else (443 if scheme == b"https" else 80)
        except ValueError:
            name = ""
        if not name or not _FORBIDDEN.isdisjoint(name):
            raise ConnectFailed(f"cannot be asked at {where}: that is no host and port")
        return cls(scheme == b"https", name, number, authority)
