"""
Who may ask: clients that know one of the configuration's keys.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence

from ..errors import Unauthorized
from .request import Request

#: Anybody may ask for these: load balancers and browsers do.
_OPEN_PATHS = frozenset([b"/", b"/favicon.ico", b"/health", b"/wol-health"])


class KeyRing:
    """
    Knows the keys.

    :param keys: those that open; without any, everybody may ask.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self.reconfigure(keys)

    def reconfigure(self, keys: Sequence[str]) -> None:
        """
        These open from now on; as at first.
        """
        self._keys = [key.encode() for key in keys]

    def refusal(self, request: Request) -> Unauthorized | None:
        """
        Why a request is not answered, or `None`.

        :param request: of which the head is in.
        """
        if not self._keys or request.uri.partition(b"?")[0] in _OPEN_PATHS:
            return None
        if request.method == b"OPTIONS":
            # A browser asks whether a page may send its key.
            return None
        offered = _offered(request)
        known = False
        for key in self._keys:
            # All of them, and each in a time that tells nothing.
            known |= hmac.compare_digest(key, offered)
        return None if known else Unauthorized()


def _offered(request: Request) -> bytes:
    """
    The key that a client offers: the password of ``Basic``, else the token of
    ``Bearer``, else ``x-api-key``; ``b""`` for none.
    """
    headers = request.requestHeaders
    bearer = b""
    for value in headers.getRawHeaders(b"Authorization") or ():
        scheme, _, token = value.partition(b" ")
        scheme, token = scheme.lower(), token.strip()
        if scheme == b"basic":
            try:
                return base64.b64decode(token, validate=True).partition(b":")[2]
            except binascii.Error:
                return b""
        if scheme == b"bearer" and not bearer:
            bearer = token
    if bearer:
        return bearer
    keys = headers.getRawHeaders(b"X-Api-Key")
    return keys[0].strip() if keys else b""
