"""
The endpoints that reach a model: which model, then up to it.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import IO

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer

from ..config.schema import Config
from ..errors import MethodNotAllowed, NoModelNamed, RequestError, UnknownCoding
from ..interfaces import IDownstream
from ..proxy.body import InThread, RequestBody
from ..proxy.filters import (
    Filters,
    filters_of,
    filters_of_peer,
    rewrite_body,
    rewrite_file,
    rewrite_query,
)
from ..proxy.headers import request_headers, uncompressed
from ..proxy.loading import with_loading_state
from ..proxy.naming import (
    Asked,
    asked_in_json,
    asked_in_json_file,
    asked_in_multipart,
    asked_in_query,
)
from ..proxy.peers import PeerLeases, Peers
from ..proxy.relay import Leases, Relay
from ..routing.directory import Directory
from ..routing.names import Found, LocalModel
from .head import tokens
from .request import Request

_log = Logger()

#: Bodies above this many bytes are looked into in a thread.
_LARGE = 1024 * 1024

#: Blanks and a byte order mark before a JSON body, in bytes, are read over.
_PROLOGUE = 1024

_BRACE = ord("{")

#: Content codings that change nothing.
_PLAIN = frozenset([b"identity", b""])


@dataclass(frozen=True, slots=True)
class ModelRoute:
    """
    An endpoint that reaches a model.

    :ivar sent_up: the path that goes up.
    :ivar methods: those it takes.
    :ivar is_chat: whether a stream of it can tell that its model is loading.
    """

    sent_up: bytes
    methods: tuple[bytes, ...]
    is_chat: bool = False


_POST = (b"POST",)
_GET = (b"GET", b"HEAD")

_POSTED = (
    *("/v1/chat/completions", "/v1/responses", "/v1/completions"),
    *("/v1/messages", "/v1/messages/count_tokens", "/v1/embeddings"),
    *("/reranking", "/rerank", "/v1/rerank", "/v1/reranking"),
    *("/infill", "/completion", "/v1/audio/speech"),
    *("/v1/images/generations", "/sdapi/v1/txt2img", "/sdapi/v1/img2img"),
    *("/v1/audio/transcriptions", "/v1/images/edits"),
)

#: These go up without their ``/v``.
_POSTED_WITHOUT_VERSION = (
    *("/v/chat/completions", "/v/responses", "/v/completions"),
    *("/v/messages", "/v/messages/count_tokens"),
    *("/v/embeddings", "/v/rerank", "/v/reranking"),
)

_CHATS = ("/v1/chat/completions", "/v/chat/completions")

_GOTTEN = ("/sdapi/v1/loras", "/props")


def model_routes() -> Mapping[bytes, ModelRoute]:
    """
    Every endpoint that reaches a model, by the exact path that clients use.
    """
    routes = {path: ModelRoute(path.encode(), _POST) for path in _POSTED}
    for path in _POSTED_WITHOUT_VERSION:
        routes[path] = ModelRoute(path.removeprefix("/v").encode(), _POST)
    for path in _GOTTEN:
        routes[path] = ModelRoute(path.encode(), _GET)
    both = "/v1/audio/voices"
    routes[both] = ModelRoute(both.encode(), _POST + _GET)
    routes["/audioapi/v1/tasks/run"] = ModelRoute(b"/v1/tasks/run", _POST)
    for path in _CHATS:
        routes[path] = replace(routes[path], is_chat=True)
    return {path.encode(): route for path, route in routes.items()}


@dataclass(frozen=True, slots=True)
class _Destination:
    """
    Where requests of one name go; the same for all of them while a configuration
    holds.

    :ivar leases: where leases of the model come from.
    :ivar model_id: the model's id.
    :ivar filters: what is changed in a body, or `None` for nothing.
    :ivar peer: the peer whose model it is, or `None` for one of ours.
    :ivar name_in_query: what the model is called in a query that goes up, or
        `None` for what came.
    :ivar tells_loading: whether streams of chat tell that the model is loading.
    """

    leases: Leases
    model_id: str
    filters: Filters | None
    peer: PeerLeases | None = None
    name_in_query: str | None = None
    tells_loading: bool = False

    def streams(self, asked: bool) -> bool:
        """
        Whether a body asks for a stream when it goes up.

        :param asked: whether it does when it comes.
        """
        return asked if self.filters is None else self.filters.streams(asked)


class Inference:
    """
    Serves the endpoints that reach a model.

    :param clock: for the relay.
    :param config: what is configured.
    :param directory: knows the models by their names.
    :param leases: where our models come from.
    :param peers: where the others come from.
    :param in_thread: runs a function in a thread.
    """

    def __init__(
        self,
        clock: IReactorTime,
        config: Config,
        directory: Directory,
        leases: Leases,
        peers: Peers,
        in_thread: InThread,
    ) -> None:
        self._clock = clock
        self._config = config
        self._directory = directory
        self._leases = leases
        self._peers = peers
        self._in_thread = in_thread
        #: By the name after profile and selector: to work one out takes longer than
        #: all else that is done here.
        self._destinations: dict[str, _Destination] = {}

    def reconfigure(self, config: Config) -> None:
        """
        Another configuration holds from now on.
        """
        self._config = config
        self._destinations.clear()

    def serve(self, request: Request, route: ModelRoute) -> None:
        """
        Answer a request.

        :raises RequestError: where it can be told at once that it names no
            model of ours.
        """
        method = request.method
        if method not in route.methods:
            raise MethodNotAllowed(
                method.decode("ascii", "replace"),
                [allowed.decode() for allowed in route.methods],
            )
        body = request.body
        if body is None or body.size == 0 or method != b"POST":
            self._forward(request, route, asked_in_query(request.query))
            return
        if _is_coded(request):
            asked = asked_in_query(request.query)
            if asked.model is None:
                raise UnknownCoding()
            self._forward(request, route, asked)
            return
        data = body.in_memory
        if data is None or len(data) > _LARGE:
            self._look_into_large(request, route, body)
        elif data[0] == _BRACE:
            self._forward(request, route, asked_in_json(data))
        else:
            content_type = request.getHeader(b"content-type") or b""
            asked = _look(BytesIO(data), content_type, request.query)
            self._forward(request, route, asked)

    def _look_into_large(
        self,
        request: Request,
        route: ModelRoute,
        body: RequestBody,
    ) -> None:
        content_type = request.getHeader(b"content-type") or b""
        data = body.in_memory
        query = request.query

        def look(file: IO[bytes]) -> Asked:
            return _look(file, content_type, query)

        if data is None:
            looked = body.inspect(look)
        else:
            looked = self._in_thread(look, BytesIO(data))

        def forward(asked: Asked) -> None:
            # The client may have gone meanwhile, and its body with it.
            if request.body is not None:
                self._forward(request, route, asked)

        looked.addCallback(forward).addErrback(self._unreadable, request)

    def _forward(self, request: Request, route: ModelRoute, asked: Asked) -> None:
        """
        Send a request to the model that it asks for.

        :raises RequestError: where that cannot be.
        """
        name = asked.model
        if name is None:
            raise NoModelNamed("no model id could be identified")
        found = self._directory.find(name)
        # However it ends: this is what a selector counts.
        request.at_end(found.release)
        destination = self._destinations.get(found.asked)
        if destination is None:
            destination = self._destination_of(found)
            self._destinations[found.asked] = destination
        tells = (
            route.is_chat
            and destination.tells_loading
            and destination.streams(asked.stream)
        )
        if destination.filters is not None and _is_coded(request):
            raise UnknownCoding()
        if destination.filters is None or request.body is None:
            self._relay(request, route, destination, tells)
        else:
            self._filter(request, route, destination, tells, destination.filters)

    def _destination_of(self, found: Found) -> _Destination:
        target = found.target
        if isinstance(target, LocalModel):
            model = self._config.models[target.id]
            filters = filters_of(model, found.asked)
            return _Destination(
                self._leases,
                target.id,
                None if filters.is_empty else filters,
                tells_loading=model.send_loading_state,
            )
        peer = self._config.peers[target.peer]
        leases = self._peers[target.peer]
        return _Destination(
            leases,
            f"{target.peer}/{target.model}",
            filters_of_peer(peer, target.model, found.asked),
            leases,
            target.model,
        )

    def _filter(
        self,
        request: Request,
        route: ModelRoute,
        destination: _Destination,
        tells_loading: bool,
        filters: Filters,
    ) -> None:
        """
        Change the body first.
        """
        body = request.body
        assert body is not None
        content_type = request.getHeader(b"content-type") or b""
        data = body.in_memory
        if data is not None and len(data) <= _LARGE:
            changed_data = rewrite_body(data, content_type, filters)
            self._relay(request, route, destination, tells_loading, changed_data)
            return
        if data is None:
            changed = body.rewrite(
                lambda source, target: rewrite_file(
                    source, target, content_type, filters
                )
            ).addCallback(lambda _: None)
        else:
            changed = self._in_thread(rewrite_body, data, content_type, filters)

        def relay(data: bytes | None) -> None:
            if request.body is not None:
                self._relay(request, route, destination, tells_loading, data)

        changed.addCallback(relay).addErrback(self._unreadable, request)

    def _relay(
        self,
        request: Request,
        route: ModelRoute,
        destination: _Destination,
        tells_loading: bool,
        data: bytes | None = None,
    ) -> None:
        """
        Send a request up.

        :param tells_loading: whether its client is told that the model is loading.
        :param data: the body, where it is another than the request's own.
        """
        body = request.body
        sent: bytes | Callable[[], IBodyProducer]
        if data is not None:
            sent = data
        elif body is None:
            sent = b""
        else:
            data = body.in_memory
            sent = body.producer if data is None else data
        query = request.query
        raw = request.requestHeaders.getAllRawHeaders()
        if destination.peer is None:
            headers = request_headers(raw, request.peer, request.secure)
        else:
            headers = destination.peer.headers(raw, bool(self._config.api_keys))
        if destination.name_in_query is not None:
            query = rewrite_query(query, destination.name_in_query)
        leases: Leases = destination.leases
        downstream: IDownstream = request
        if tells_loading:
            leases, downstream = with_loading_state(
                self._clock, leases, downstream, destination.model_id
            )
            headers = uncompressed(headers)
        Relay(
            self._clock,
            leases,
            downstream,
            destination.model_id,
            request.method,
            route.sent_up,
            query,
            headers,
            sent,
        ).start()

    @staticmethod
    def _unreadable(reason: Failure, request: Request) -> None:
        if isinstance(reason.value, RequestError):
            request.refuse(reason.value)
        elif request.body is not None:
            _log.failure("looking into a request's body", reason)
            request.refuse(RequestError("the request's body could not be read"))


def _is_coded(request: Request) -> bool:
    """
    Whether a request's body is compressed or the like.
    """
    values = request.requestHeaders._rawHeaders.get(b"Content-Encoding")
    return values is not None and not tokens(values) <= _PLAIN


def _look(file: IO[bytes], content_type: bytes, query: bytes) -> Asked:
    """
    Find the model's name in a body; for one that is neither JSON nor a form,
    in the query.

    :param file: the body, at its beginning.
    :param content_type: the request's header; many clients get it wrong.
    :param query: the request's query.
    :raises BadRequest: if it is not what it seems to be.
    """
    start = file.read(_PROLOGUE).removeprefix(BOM_UTF8).lstrip()
    file.seek(0)
    media = content_type.partition(b";")[0].strip().lower()
    if start[:1] == b"{" or media == b"application/json" or media.endswith(b"+json"):
        if isinstance(file, BytesIO):
            return asked_in_json(file.getvalue())
        return asked_in_json_file(file)
    if media == b"multipart/form-data":
        return asked_in_multipart(content_type, file)
    if media == b"application/x-www-form-urlencoded":
        return asked_in_query(file.read())
    return asked_in_query(query)
