"""
Which names we answer to: a page of somebody else's whose name is made to lead here
(DNS rebinding) asks for that name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import Misdirected
from .request import Request

_PORT = re.compile(rb":[0-9]*\Z")


class AllowedHosts:
    """
    Knows the names.

    :param names: host names and addresses without a port, in any case; without
        any, every name is answered to.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.reconfigure(names)

    def reconfigure(self, names: Sequence[str]) -> None:
        """
        These are answered to from now on; as at first.
        """
        self._names = frozenset(_bare(name.encode()) for name in names)

    def refusal(self, request: Request) -> Misdirected | None:
        """
        Why a request is not answered, or `None`.

        :param request: of which the head is in.  One without ``Host``, which
            HTTP/1.0 allows, is none of a browser's.
        """
        if not self._names:
            return None
        hosts = request.requestHeaders.getRawHeaders(b"Host") or ()
        for host in hosts:
            if _bare(_PORT.sub(b"", host)) not in self._names:
                return Misdirected(host.decode("utf-8", "replace"))
        return None


def _bare(name: bytes) -> bytes:
    return name.strip().strip(b"[]").rstrip(b".").lower()
