"""
The endpoints that reach a model: which model, then up to it.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer

from ..activity.recorder import Recorder
from ..activity.recording import Recording
from ..config.schema import Config
from ..errors import MethodNotAllowed, NoModelNamed, RequestError, UnknownCoding
from ..interfaces import IDownstream, InThread
from ..proxy.body import RequestBody
from ..proxy.filters import Filters, rewrite_body, rewrite_file, rewrite_query
from ..proxy.headers import request_headers, uncompressed
from ..proxy.loading import with_loading_state
from ..proxy.naming import (
    Asked,
    asked_in_json,
    asked_in_json_file,
    asked_in_multipart,
    asked_in_query,
)
from ..proxy.peers import Peers
from ..proxy.relay import Leases, Relay
from ..routing.directory import Directory
from ..routing.refusals import NoTargetLeft
from .destinations import Destination, Destinations
from .endpoints import ModelRoute
from .head import tokens
from .request import Request
from .unknown import record_unknown

_log = Logger()

#: Bodies above this many bytes are looked into in a thread.
_LARGE = 1024 * 1024

#: Blanks and a byte order mark before a JSON body, in bytes, are read over.
_PROLOGUE = 1024

_BRACE = ord("{")

#: Content codings that change nothing.
_PLAIN = frozenset([b"identity", b""])


@dataclass(slots=True)
class _Asking:
    """
    What is known of a request on its way to its model.

    :ivar request: the client's request.
    :ivar path: the path that goes up.
    :ivar destination: where it goes.
    :ivar tells_loading: whether its client is told that the model is loading.
    :ivar recording: what watches it.
    """

    request: Request
    path: bytes
    destination: Destination
    tells_loading: bool
    recording: Recording


class Inference:
    """
    Serves the endpoints that reach a model.

    :param clock: for the relay.
    :param config: what is configured.
    :param directory: knows the models by their names.
    :param leases: where our models come from.
    :param peers: where the others come from.
    :param in_thread: runs a function in a thread.
    :param recorder: follows the requests.
    """

    def __init__(
        self,
        clock: IReactorTime,
        config: Config,
        directory: Directory,
        leases: Leases,
        peers: Peers,
        in_thread: InThread,
        recorder: Recorder,
    ) -> None:
        self._clock = clock
        self._config = config
        self._directory = directory
        self._in_thread = in_thread
        self._recorder = recorder
        self._destinations = Destinations(config, leases, peers)

    def reconfigure(self, config: Config) -> None:
        """
        Another configuration holds from now on.
        """
        self._config = config
        self._destinations.reconfigure(config)

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
        path = route.sent_up
        try:
            found = self._directory.find(name)
        except NoTargetLeft:
            # It names no model.
            raise
        except RequestError:
            record_unknown(self._recorder, request, name, path)
            raise
        destination = self._destinations.of(found)
        metadata: dict[str, str] = {}
        if found.selector is not None:
            metadata["selector"] = found.selector
        if destination.priority is not None:
            metadata["fifo_priority"] = destination.priority
        recording = self._recorder.begin(
            request, destination.name, path, metadata, found.release
        )
        tells = (
            route.is_chat
            and destination.tells_loading
            and destination.streams(asked.stream)
        )
        if destination.filters is not None and _is_coded(request):
            raise UnknownCoding()
        asking = _Asking(request, path, destination, tells, recording)
        if destination.filters is None or request.body is None:
            self._relay(asking)
        else:
            self._filter(asking, request.body, destination.filters)

    def _filter(self, asking: _Asking, body: RequestBody, filters: Filters) -> None:
        """
        Change the body first.
        """
        request = asking.request
        content_type = request.getHeader(b"content-type") or b""
        data = body.in_memory
        if data is not None and len(data) <= _LARGE:
            self._relay(asking, rewrite_body(data, content_type, filters))
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
                self._relay(asking, data)

        changed.addCallback(relay).addErrback(self._unreadable, request)

    def _relay(self, asking: _Asking, data: bytes | None = None) -> None:
        """
        Send a request up.

        :param data: the body, where it is another than the request's own.
        """
        request, destination = asking.request, asking.destination
        recording = asking.recording
        body = request.body
        sent: bytes | Callable[[], IBodyProducer]
        if data is None:
            data = b"" if body is None else body.in_memory
        if data is None:
            assert body is not None
            sent = body.producer
        else:
            sent = data
        query = request.raw_query
        raw = request.requestHeaders.getAllRawHeaders()
        if destination.peer is None:
            headers = request_headers(raw, request.peer, request.secure)
        else:
            headers = destination.peer.headers(raw, bool(self._config.api_keys))
        if query and destination.name_in_query is not None:
            query = rewrite_query(query, destination.name_in_query)
        leases: Leases = recording.leases(destination.leases)
        downstream: IDownstream = request
        if asking.tells_loading:
            leases, downstream = with_loading_state(
                self._clock, leases, downstream, destination.model_id
            )
            headers = uncompressed(headers)
        size = len(data) if data is not None else 0 if body is None else body.size
        self._recorder.sent_up(recording, headers, data, size)
        recording.start(
            Relay(
                self._clock,
                leases,
                recording.around(downstream),
                destination.model_id,
                request.method,
                asking.path,
                query,
                headers,
                sent,
            )
        )

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
