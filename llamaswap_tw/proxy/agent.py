"""
The client for a model's server, or a peer's, as a relay can afford it: what a request
costs is decided here.

Twisted's agents, and treq upon them, take a request apart and put it together again:
URLs re-encoded, headers in another order and case, cookies, redirects, compressed
bodies.  A relay must do none of that, and to lead a request around all of it costs as
much as what is done here.  Headers go up in the order and case in which they are given,
and nothing is added but what the body's length and a missing ``Host`` ask for.
Responses come back as they are: nothing decoded, nothing collected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer

from ..errors import BadRequest
from .connection import Connection
from .failures import ConnectFailed, UpstreamFailure
from .forward import ForwardProxies, ForwardProxy
from .headers import RawHeaders
from .opening import Opening, default_tls
from .origin import Origin
from .pool import Pool
from .response import UpstreamResponse
from .timeouts import Timeouts

#: Told of an interim response: code, phrase, headers.
Inform = Callable[[int, bytes, RawHeaders], None]

#: May be sent twice (RFC 9110, 9.2.2).
_IDEMPOTENT = frozenset([b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE"])

#: Say so where they have no body (RFC 9110, 8.6).
_WITH_BODY = frozenset([b"POST", b"PUT", b"PATCH"])


class _Server:
    """
    A server, the way to it, and the connections that lead there.

    :ivar absolute: what stands before a request's path where the request goes to
        a forward proxy as it is; else empty.
    """

    __slots__ = ("absolute", "origin", "pool", "via")

    def __init__(self, origin: Origin, via: ForwardProxy | None, pool: Pool) -> None:
        self.origin = origin
        self.via = via
        self.pool = pool
        self.absolute = b""
        if via is not None and not origin.secure:
            self.absolute = b"http://" + origin.header


class _Exchange:
    """
    A request on its way.
    """

    __slots__ = (
        "_agent",
        "_connection",
        "_inform",
        "_may_repeat",
        "_opening",
        "_server",
        "body",
        "fired",
        "head",
        "is_head",
    )

    def __init__(
        self,
        agent: Agent,
        server: _Server,
        method: bytes,
        head: bytes,
        body: bytes | IBodyProducer,
        inform: Inform | None,
    ) -> None:
        self._agent = agent
        self._server = server
        self.head = head
        self.is_head = method == b"HEAD"
        self.body = body
        self._inform = inform
        # A producer has been asked for its bytes and cannot be asked again.
        self._may_repeat = method in _IDEMPOTENT and isinstance(body, bytes)
        self._opening: Opening | None = None
        self._connection: Connection | None = None
        self.fired: Deferred[Any] = Deferred(self._cancelled)

    def start(self, connection: Connection | None) -> None:
        if connection is None:
            self._opening = opening = self._agent.open(self._server)
            opening.done.addCallbacks(self._send, self._not_opened)
            opening.start()
        else:
            self._connection = connection
            connection.send(self)

    def _send(self, connection: Connection) -> None:
        self._opening = None
        self._connection = connection
        connection.send(self)

    def _not_opened(self, reason: Failure) -> None:
        self._opening = None
        if not reason.check(CancelledError):
            self.failed(reason)

    def _cancelled(self, fired: Deferred[Any]) -> None:
        opening, self._opening = self._opening, None
        connection, self._connection = self._connection, None
        if opening is not None:
            opening.done.cancel()
        elif connection is not None:
            connection.abort()

    # What the connection tells.

    def informed(self, code: int, phrase: bytes, headers: RawHeaders) -> None:
        if self._inform is not None:
            self._inform(code, phrase, headers)

    def answered(self, response: UpstreamResponse) -> None:
        self._connection = None
        self.body = b""
        self.fired.callback(response)

    def failed(self, reason: Failure) -> None:
        self._connection = None
        if isinstance(reason.value, UpstreamFailure):
            reason.value.subject = self._agent.subject
        self.fired.errback(reason)

    def closed_on(self, reason: Failure) -> None:
        if self._may_repeat:
            self._may_repeat = False
            self.start(None)
        else:
            self.failed(reason)


class _ExchangeWithProxy(_Exchange):
    """
    A request that goes to a forward proxy as it is.
    """

    __slots__ = ()

    def answered(self, response: UpstreamResponse) -> None:
        if response.code != 407:
            super().answered(response)
            return
        response.abort()
        error = ConnectFailed(
            f"could not be asked through {self._server.via}: it answered 407 (it "
            "wants another user and password in its URL)"
        )
        self.failed(Failure(error))


class Agent:
    """
    Sends requests up to one model, or one peer.  Keeps connections for reuse, each for
    one request at a time.

    :param reactor: connects, and is the clock.
    :param timeouts: how long what may take.
    :param tls_options: takes a host's name and makes what TLS needs to know of
        it.
    :param proxies: the forward proxies through which servers beyond loopback are
        asked, or `None` for no such thing.
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
        self.subject = subject
        self._reactor = reactor
        self._timeouts = timeouts
        self._tls_options = tls_options
        self._proxies = proxies
        self._servers: dict[bytes, _Server] = {}

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
        :param url: absolute, encoded; path and query go up byte for byte.
        :param headers: sent in this order and case, and no others but
            ``Content-Length`` and, where it is missing, ``Host``.
        :param body: the bytes, or a producer of them.
        :param inform: told of interim responses.
        :returns: a `Deferred` that fires with the response when its head is
            in.  It fails with a `Refused` where nobody listens, another
            `UpstreamFailure`, a `RequestError`, or a `CancelledError`:
            cancelling it closes the connection at once.
        """
        start = url.find(b"/", 8)
        if start < 0:
            start = len(url)
        known = self._servers.get(url[:start])
        exchange_of = _Exchange
        try:
            server = known or self._server(url[:start])
            target = url[start:] or b"/"
            if server.absolute:
                exchange_of = _ExchangeWithProxy
                target = server.absolute + target
                headers = _for_proxy(headers, server.via)
            head = _render_head(method, target, server.origin.header, headers, body)
        except UpstreamFailure as e:
            e.subject = self.subject
            return fail()
        except BadRequest:
            return fail()
        exchange = exchange_of(self, server, method, head, body, inform)
        exchange.start(server.pool.take())
        return exchange.fired

    def open(self, server: _Server) -> Opening:
        """
        A new connection, about to be opened.
        """
        return Opening(
            self._reactor,
            server.origin,
            self._timeouts,
            server.pool,
            self._tls_options,
            server.via,
        )

    def close(self) -> None:
        """
        Drop the connections that are free: the server that they lead to is
        about to go.
        """
        for server in self._servers.values():
            server.pool.close()

    def _server(self, url: bytes) -> _Server:
        origin = Origin.from_url(url)
        via = None if self._proxies is None else self._proxies.for_origin(origin)
        pool = Pool(self._reactor, self._timeouts.idle_conn)
        made = self._servers[url] = _Server(origin, via, pool)
        return made


def _for_proxy(pairs: RawHeaders, via: ForwardProxy | None) -> RawHeaders:
    """
    The headers that go up, with what the proxy alone reads.
    """
    if via is None or via.authorization is None:
        return pairs
    return [*pairs, (b"Proxy-Authorization", via.authorization)]


def _render_head(
    method: bytes,
    target: bytes,
    host: bytes,
    pairs: RawHeaders,
    body: bytes | IBodyProducer,
) -> bytes:
    """
    :raises BadRequest: if there are line breaks where none may be, so that what
        goes up would be another request than was asked for.
    """
    lines = [b"%b %b HTTP/1.1" % (method, target)]
    has_host = False
    for pair in pairs:
        lines.append(b"%b: %b" % pair)
        if len(pair[0]) == 4 and pair[0].lower() == b"host":
            has_host = True
    if not has_host:
        lines.insert(1, b"Host: " + host)
    if isinstance(body, bytes):
        if body or method in _WITH_BODY:
            lines.append(b"Content-Length: %d" % len(body))
    elif body.length == UNKNOWN_LENGTH:
        lines.append(b"Transfer-Encoding: chunked")
    else:
        lines.append(b"Content-Length: %d" % body.length)
    count = len(lines) + 1
    lines.append(b"\r\n")
    head = b"\r\n".join(lines)
    if head.count(b"\n") != count or head.count(b"\r") != count:
        raise BadRequest("there is a line break within the request's head")
    return head
