"""
One request of a client, and the response to it: what is the same whichever
HTTP the client speaks.

`twisted.web.server.Request` as its resources know it, and beside that the
quick way for responses that are relayed, which is each protocol's own: see
`http1` and `http2`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import parse_qsl, unquote_to_bytes

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import NO_BODY_CODES
from twisted.web.http_headers import Headers
from twisted.web.server import Request as TwistedRequest
from zope.interface import implementer

from ..errors import BadRequest, BodyTooLarge, RequestError
from ..interfaces import IDownstream
from ..proxy.body import Paced, RequestBody
from .access import log_access
from .cors import with_cors
from .envelope import phrase, render_error
from .strict import head_refusal

if TYPE_CHECKING:
    from .site import Site


class Link(Protocol):
    """
    The way to the client of one request: a connection, or a stream of one.

    :ivar site: whose request it is.
    :ivar peer: the client's address, or ``b""`` where it has none.
    :ivar secure: whether the client came over TLS.
    :ivar body_source: paused while the disk is slower than the client's body.
    :ivar persistent: whether another request may follow on this one.
    """

    site: Site
    peer: bytes
    secure: bool
    persistent: bool

    @property
    def body_source(self) -> Paced: ...

    def refuse_rest(self, request: Any, error: RequestError) -> None:
        """
        Answer before the body is in, and take no more of it.
        """


@implementer(IDownstream)
class Request(TwistedRequest):
    """
    A request.

    :param link: the way to its client.
    :ivar body: what the client sent, once the head is in.
    :ivar cors: the headers of the response that tell browsers what web pages may do
        with it, or `None` where it has none of ours.
    :ivar refused: the error that was the whole answer, if one was.
    :ivar refused_with: the headers and the body that it was told with.
    :ivar on_gone: called once if the client goes away before the response has
        ended.
    """

    # The head decides: a body of JSON or a file that goes up untouched has no
    # use for a default.
    defaultContentType: bytes | None = None
    body: RequestBody | None = None
    cors: Sequence[tuple[bytes, bytes]] | None = None
    refused: RequestError | None = None
    refused_with: tuple[Sequence[tuple[bytes, bytes]], bytes] = ((), b"")
    on_gone: Callable[[], None] | None = None
    _at_end: Callable[[], None] | None = None

    _log = Logger()
    _refusal: RequestError | None = None
    _answered = False

    _link: Link | None

    def __init__(self, link: Any) -> None:
        # No more than every request needs; `enter_resource` does the rest.
        # ``channel``, as Twisted names it, comes and goes as an attribute.
        self.channel = self._link = link
        self.requestHeaders = Headers()
        self.notifications = []
        self._began = link.site.clock.seconds()

    @property
    def peer(self) -> bytes:
        """
        The client's address, or ``b""`` where it has none.
        """
        return b"" if self._link is None else self._link.peer

    @property
    def raw_query(self) -> bytes | None:
        """
        What is behind the target's question mark, or `None` where it has none.
        """
        return self.query or (b"" if self.uri.endswith(b"?") else None)

    @property
    def accept(self) -> bytes | None:
        """
        What ``Accept`` says, or `None`; several lines of it are one list (RFC 9110,
        5.3).
        """
        values = self.requestHeaders.getRawHeaders(b"accept")
        return b", ".join(values) if values else None

    @property
    def remote_ip(self) -> str:
        """
        Who asks, as far as those between us and them tell the truth.
        """
        # By the names that `Headers` gives them: each request is asked twice.
        raw = self.requestHeaders._rawHeaders
        for name in (b"X-Forwarded-For", b"X-Real-Ip"):
            values = raw.get(name)
            if values:
                first = values[0].partition(b",")[0].strip()
                if first:
                    return first.decode("utf-8", "replace")
        return self.peer.decode("ascii", "replace")

    @property
    def secure(self) -> bool:
        """
        Whether the client came over TLS.
        """
        link = self._link
        return link is not None and link.secure

    # What the channel calls.

    def head_received(self, length: int | None) -> RequestError | None:
        """
        The head is in: ``method``, ``uri``, ``clientproto`` and the headers are
        set.  Decides where the body goes.

        :param length: of the body, or `None` where it comes in chunks.
        :returns: why no body is wanted, or `None`.
        """
        link = self._link
        assert link is not None
        site = link.site
        refusal = head_refusal(self)
        if refusal is not None:
            link.persistent = False
        else:
            refusal = site.refusal(self)
        if refusal is None and length is not None and length > site.max_body:
            refusal = BodyTooLarge(site.max_body)
        if refusal is not None:
            self._refusal = refusal
            # Without a body nothing is in the way of the next request: it is
            # refused where it would be routed.
            return refusal if length != 0 else None
        if length != 0 and self.method != b"OPTIONS":
            # That is answered without a key, and not by what its body says.
            self.body = RequestBody(
                site.max_body, site.in_thread, link.body_source, announced=length
            )
        return None

    def refused_unread(
        self, method: bytes, uri: bytes, protocol: bytes, code: int, sent: int
    ) -> None:
        """
        The connection has answered, since the request cannot be read to its end.

        :param method: the HTTP method.
        :param uri: what it asks for.
        :param protocol: the client's protocol.
        :param code: the answer's status.
        :param sent: the length of the answer's body.
        """
        self.method, self.uri, self.clientproto = method, uri, protocol
        self.startedWriting, self.code, self.sentLength = 1, code, sent
        self._forget()

    def handleContentChunk(self, data: bytes) -> None:
        """
        A piece of the body came.
        """
        if self.body is None or self._refusal is not None:
            return
        try:
            self.body.write(data)
        except BodyTooLarge as e:
            self._refusal = e
            if self._link is not None:
                self._link.refuse_rest(self, e)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """
        The body is in.
        """
        if self._answered:
            return
        stored = self.body.finish() if self.body is not None else None
        if stored is None:
            self.process()
        else:
            stored.addCallbacks(lambda _: self.process(), self._not_stored)

    def _not_stored(self, reason: Failure) -> None:
        reason.trap(RequestError)
        self.refuse(cast(RequestError, reason.value))

    def process(self) -> None:
        """
        Find out who answers, and let them.
        """
        link = self._link
        if link is None:
            return
        self.site = site = link.site
        self.path, _, self.query = self.uri.partition(b"?")
        if self._refusal is not None:
            self.refuse(self._refusal)
            return
        try:
            site.route(self)
        except RequestError as e:
            self.refuse(e)
        except Exception:
            self._log.failure("answering {method!r} {uri!r}", **self._named())
            if not self.startedWriting:
                self.refuse(RequestError("an error in the server; its log has more"))
            else:
                self.cut()

    def _named(self) -> dict[str, Any]:
        return {"method": self.method, "uri": self.uri}

    def enter_resource(self, render: Callable[[Any], None]) -> None:
        """
        Give what resources expect to find on a request, then render.

        :param render: takes this request.
        :raises BadRequest: if the body is too large for any of them.
        """
        data = b"" if self.body is None else self.body.in_memory
        if data is None:
            raise BadRequest("the request body is too large for this path")
        headers, link = self.requestHeaders, self._link
        assert link is not None
        super().__init__(self.channel, False, parsePOSTFormSubmission=False)
        self.requestHeaders = headers
        self.content = BytesIO(data)
        self.args = _arguments(self.query) if self.query else {}
        # Klein takes the path apart by these two.
        self.prepath: list[bytes] = []
        self.postpath = [unquote_to_bytes(part) for part in self.path[1:].split(b"/")]
        self.setHeader(b"Date", link.site.date.value())
        self._prepare_for_resource()
        for name, value in self.cors or ():
            self.responseHeaders.addRawHeader(name, value)
        render(self)

    def _prepare_for_resource(self) -> None:
        """
        What the protocol wants of a response that a resource writes.
        """

    def getRequestHostname(self) -> bytes:
        """
        Klein matches no hosts, and stumbles over many that clients send.
        """
        return b"localhost"

    # The response, as the relay writes it: IDownstream.

    def inform(
        self, code: int, phrase: bytes, headers: Sequence[tuple[bytes, bytes]]
    ) -> None:
        """
        As `IDownstream.inform`.
        """
        raise NotImplementedError

    def begin(
        self,
        code: int,
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        length: int | None,
    ) -> None:
        """
        Buffer the head.
        """
        self.startedWriting = 1
        self.code = code
        link = self._link
        if link is not None:
            if self.cors is not None:
                headers = with_cors(headers, self.cors)
            self._write_head(link, code, phrase, headers, length)

    def _write_head(
        self,
        link: Any,
        code: int,
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        length: int | None,
    ) -> None:
        """
        Buffer the head, as the protocol has it.
        """
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        """
        As `IDownstream.send`.
        """
        raise NotImplementedError

    def flush(self) -> None:
        """
        As `IDownstream.flush`.
        """
        raise NotImplementedError

    def end(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """
        As `IDownstream.end`.
        """
        raise NotImplementedError

    def end_soon(self) -> None:
        """
        The response is whole, and nobody waits for long until it is read.
        """
        raise NotImplementedError

    def cut(self) -> None:
        """
        As `IDownstream.cut`.
        """
        raise NotImplementedError

    def refuse(self, error: RequestError) -> None:
        """
        Answer with an error.
        """
        self.refused = error
        # It has the frames that it came through, and they have this request.
        error.__traceback__ = None
        headers, body = render_error(error, self.accept)
        self.refused_with = headers, body
        self.respond(error.status, headers, body)

    def respond(
        self, code: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """
        Answer in one piece.

        :param code: the HTTP status.
        :param headers: without ``Content-Length``.
        :param body: left out where the method or status has none.
        """
        self._answered = True
        length = None if code in NO_BODY_CODES else len(body)
        self.begin(code, phrase(code), headers, length)
        if self.method != b"HEAD":
            self.send(body)
        self.end()

    # What Twisted calls.

    def connectionLost(self, reason: Failure) -> None:
        """
        The client is gone, or the response was cut.
        """
        super().connectionLost(reason)
        gone = self.on_gone
        if self.method is TwistedRequest.method:
            # No more than the beginning of its head came: it never was a request.
            self._link = None
        self._forget()
        if gone is not None:
            gone()

    def finish(self) -> None:
        """
        A resource's response is whole.
        """
        self._forget()
        super().finish()

    def at_end(self, ended: Callable[[], None]) -> None:
        """
        :param ended: called once when the response has ended, however.
        """
        self._at_end = ended

    def _forget(self) -> None:
        link = self._link
        if link is not None:
            log_access(self, link.site.clock.seconds() - self._began)
            self._link = None
        self.on_gone = None
        ended, self._at_end = self._at_end, None
        if ended is not None:
            ended()
        if self.body is not None:
            self.body.close()
            self.body = None


def _arguments(query: bytes) -> dict[bytes, list[bytes]]:
    """
    A query's arguments.  Twisted's own parser does not see a name without a
    value, and the library's stumbles over bytes that are no ASCII.
    """
    arguments: dict[bytes, list[bytes]] = {}
    for name, value in parse_qsl(query.decode("latin-1"), True, encoding="latin-1"):
        arguments.setdefault(name.encode("latin-1"), []).append(value.encode("latin-1"))
    return arguments
