"""
The client for a model's server: treq over our own agent.

Left alone, treq re-encodes URLs, keeps cookies, follows redirects, decodes
bodies and asks for compressed ones.  A relay must do none of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.cookiejar import Cookie
from typing import Any

from hyperlink import EncodedURL
from treq.client import HTTPClient
from treq.cookies import IndexableCookieJar
from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer

from .agent import Agent, Inform, SentHeaders
from .failures import UpstreamFailure
from .forward import ForwardProxies
from .headers import RawHeaders
from .opening import default_tls
from .response import UpstreamResponse
from .timeouts import Timeouts


class _AsItIs(EncodedURL):
    """
    A URL that is already encoded, and is not looked into.

    :param text: the URL.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def to_uri(self) -> EncodedURL:
        return self

    def to_text(self, with_password: bool = False) -> str:
        return self._text


class _NoCookies(IndexableCookieJar):
    """
    Stores nothing.
    """

    def __iter__(self) -> Iterator[Cookie]:
        return iter(())

    def extract_cookies(self, response: Any, request: Any) -> None:
        pass

    def add_cookie_header(self, request: Any) -> None:
        pass


def _as_they_are(body: Any) -> Any:
    return body


class UpstreamClient:
    """
    Sends requests up to one model, or one peer.

    :param reactor: connects, and is the clock.
    :param timeouts: how long what may take.
    :param tls_options: as for `Agent`.
    :param proxies: as for `Agent`.
    :param subject: who it is that fails, for error messages, where that is not
        the model: ``"peer 'gpu'"``.
    """

    def __init__(
        self,
        reactor: Any,
        timeouts: Timeouts,
        tls_options: Callable[[str], Any] = default_tls,
        proxies: ForwardProxies | None = None,
        subject: str = "",
    ) -> None:
        self._reactor = reactor
        self._subject = subject
        self._agent = Agent(reactor, timeouts, tls_options, proxies)
        self._jar = _NoCookies()
        self._treq = HTTPClient(self._agent, self._jar, _as_they_are)

    def request(
        self,
        method: bytes,
        url: bytes,
        headers: RawHeaders,
        body: bytes | IBodyProducer,
        inform: Inform | None = None,
    ) -> Deferred[UpstreamResponse]:
        """
        Send a request up.

        :param method: the HTTP method.
        :param url: absolute, encoded.
        :param headers: sent in this order and case, and no others but
            ``Content-Length`` and, where it is missing, ``Host``.
        :param body: the bytes, or a producer of them.
        :param inform: told of interim responses.
        :returns: a `Deferred` that fires with the response when its head is
            in.  It fails with a `Refused` where nobody listens, another
            `UpstreamFailure`, a `RequestError`, or a `CancelledError`:
            cancelling it closes the connection at once.
        """
        try:
            asked = self._treq.request(
                method.decode("ascii"),
                _AsItIs(url.decode("ascii")),
                headers=SentHeaders(headers, inform),
                data=body,
                cookies=self._jar,
                allow_redirects=False,
                unbuffered=True,
                reactor=self._reactor,
            )
        except Exception:
            return fail()
        if self._subject:
            asked.addErrback(self._failed)
        return asked.addCallback(_without_wrapper)

    def _failed(self, reason: Failure) -> Failure:
        if isinstance(reason.value, UpstreamFailure):
            reason.value.subject = self._subject
        return reason

    def close(self) -> None:
        """
        Drop the connections that are free: the server that they lead to is
        about to go.
        """
        self._agent.close()


def _without_wrapper(response: Any) -> UpstreamResponse:
    original: UpstreamResponse = response.original
    return original
