"""
What web pages may do that are not ours.

Models and listings are there for pages of every origin, or of those that are
configured.  All else is same-origin: browsers tell of each request which page it
comes from, and one of another site is refused before anything is done for it.

Sources: the Fetch standard for what a response must say, Fetch Metadata for
``Sec-Fetch-Site``, RFC 6454 for origins.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING

from ..errors import ForeignPage
from .head import SLASHES, asks_for_websocket, tokens

if TYPE_CHECKING:
    from .request import Request

_Headers = Sequence[tuple[bytes, bytes]]

#: Listings, beside what is below ``/v1/``.
_MODELS = b"/models"
_V1_MODELS = b"/v1/models"

#: Below these there is nothing but models and listings.
_SHARED = (b"/v1/", b"/v/", b"/upstream/")

#: These tell nothing, and do nothing.
_HARMLESS = frozenset([b"/", b"/health", b"/wol-health"])

_ORIGIN = b"Access-Control-Allow-Origin"
_EVERYBODY = ((_ORIGIN, b"*"),)
_VARIES = (b"Vary", b"Origin")

_METHODS = (b"Access-Control-Allow-Methods", b"GET, POST, PUT, PATCH, DELETE, OPTIONS")
_MAX_AGE = (b"Access-Control-Max-Age", b"86400")
_USUAL_HEADERS = b"Content-Type, Authorization, Accept, X-Requested-With"

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

#: Who may read a response, and with whose credentials, is for us to say; lower
#: case.
_OURS = frozenset([b"access-control-allow-origin", b"access-control-allow-credentials"])

_FOREIGN_SITES = frozenset([b"cross-site", b"same-site"])
_OWN_SITES = frozenset([b"same-origin", b"none"])

#: What browsers leave out of an origin and of ``Host``.
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}


class Cors:
    """
    Knows the origins.

    :param origins: whose pages may use models and listings; ``*`` for all.
    :param model_paths: the exact paths that reach a model.
    """

    def __init__(self, origins: Sequence[str], model_paths: Container[bytes]) -> None:
        self._model_paths = model_paths
        self.reconfigure(origins)

    def reconfigure(self, origins: Sequence[str]) -> None:
        """
        These may from now on; as at first.
        """
        self._everybody = "*" in origins
        self._origins = frozenset(_normal(origin.encode()) for origin in origins)

    def refusal(self, request: Request) -> ForeignPage | None:
        """
        Why a request is not answered, or `None`; then what browsers are told with
        the response is on the request, as ``cors``.

        :param request: of which the head is in.
        """
        headers, method = request.requestHeaders, request.method
        # Nearly all requests are those of programs: `Headers.hasHeader` would cost
        # them several times as much.
        raw = headers._rawHeaders
        if (
            b"Origin" not in raw
            and b"Sec-Fetch-Site" not in raw
            and method != b"OPTIONS"
        ):
            return None
        path = _path_of(request.uri)
        values = headers.getRawHeaders(b"Origin")
        origin = None if values is None else b", ".join(values)
        shared = self._is_shared(path)
        if not shared and path not in _HARMLESS and _is_foreign(request, origin):
            return ForeignPage(path.decode("utf-8", "replace"))
        if method == b"OPTIONS":
            wanted = headers.getRawHeaders(b"Access-Control-Request-Headers")
            request.cors = self._preflight(origin, wanted or ())
        elif shared and origin is not None:
            request.cors = self._granted(origin, path == _V1_MODELS)
            if (
                request.cors == (_VARIES,)
                and asks_for_websocket(request)
                and _is_foreign(request, origin)
            ):
                # Browsers keep a page from reading a response, not from this.
                return ForeignPage(path.decode("utf-8", "replace"))
        return None

    def _is_shared(self, path: bytes) -> bool:
        return path in self._model_paths or path == _MODELS or path.startswith(_SHARED)

    def _granted(self, origin: bytes | None, echo: bool = False) -> _Headers:
        """
        The headers that let a page read a response; without one that does where it
        may not.

        :param echo: whether the origin is named where every one may.
        """
        if self._everybody and not (echo and origin):
            return _EVERYBODY
        if origin and (self._everybody or _normal(origin) in self._origins):
            return ((_ORIGIN, origin), _VARIES)
        return (_VARIES,)

    def _preflight(self, origin: bytes | None, wanted: Iterable[bytes]) -> _Headers:
        """
        The headers that let a page send a request.

        :param wanted: the headers that it would send, in lists.
        """
        granted = self._granted(origin)
        if granted == (_VARIES,):
            return granted
        names = [name.strip() for names in wanted for name in names.split(b",")]
        allowed = b", ".join(filter(_TOKEN.fullmatch, names)) or _USUAL_HEADERS
        allow_headers = (b"Access-Control-Allow-Headers", allowed)
        return (*granted, _METHODS, allow_headers, _MAX_AGE)


def with_cors(headers: _Headers, cors: _Headers) -> _Headers:
    """
    A response's headers with those for browsers: each is there once, and ours win.

    :param headers: perhaps a model's, which may have some too.
    :param cors: ours.
    """
    return [*(pair for pair in headers if pair[0].lower() not in _OURS), *cors]


def _path_of(target: bytes) -> bytes:
    """
    The path that a request will be answered at.

    :param target: a path with a query.
    """
    return SLASHES.sub(b"/", target.partition(b"?")[0])


def _is_foreign(request: Request, origin: bytes | None) -> bool:
    """
    Whether a page of another origin has made a request by itself.

    :param origin: what ``Origin`` says, or `None`.
    """
    headers = request.requestHeaders
    if request.method in (b"GET", b"HEAD") and b"navigate" in tokens(
        headers.getRawHeaders(b"Sec-Fetch-Mode")
    ):
        # Its user has followed a link, and the page sees nothing of the answer.
        return False
    sites = tokens(headers.getRawHeaders(b"Sec-Fetch-Site"))
    if sites & _FOREIGN_SITES:
        return True
    if sites and sites <= _OWN_SITES:
        return False
    # Browsers do not send it over plain HTTP, but to loopback.
    if origin is None:
        return False
    scheme, _, asked_by = origin.lower().partition(b"://")
    port = _DEFAULT_PORTS.get(scheme)
    if port is None or not asked_by:
        return True
    # A front may have put another name into Host.
    asked = tokens(headers.getRawHeaders(b"Host"))
    asked |= tokens(headers.getRawHeaders(b"X-Forwarded-Host"))
    return asked_by.removesuffix(port) not in {
        host.removesuffix(port) for host in asked
    }


def _normal(origin: bytes) -> bytes:
    """
    An origin as browsers write it.
    """
    low = origin.lower()
    return low.removesuffix(_DEFAULT_PORTS.get(low.partition(b"://")[0], b""))
