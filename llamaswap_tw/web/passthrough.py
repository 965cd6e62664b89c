"""
Straight to a model, whatever the path: ``/upstream/<model>/…`` and ``/comfyui/…``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from twisted.internet.interfaces import IReactorTime

from ..activity.recorder import Recorder
from ..config.schema import Config
from ..errors import MethodNotAllowed, NoModelNamed, RequestError
from ..interfaces import IDownstream, ProcessState
from ..proxy.headers import request_headers
from ..proxy.peers import Peers
from ..proxy.relay import Leases, Relay
from ..proxy.tunnel import TunnelRelay, asking_headers
from ..routing.directory import Directory
from ..routing.loaded import LoadedOnly, LoadedUncounted
from ..routing.names import Found, LocalModel
from ..routing.refusals import SelectorNotUsable
from ..routing.router import Router
from .head import asks_for_websocket
from .request import Request
from .unknown import record_unknown

_UPSTREAM = b"/upstream"
_COMFYUI = b"/comfyui"

#: The model behind ``/comfyui``.
_COMFYUI_MODEL = "comfyui_auto"

#: No more segments of a path are tried as a model's name, and no longer ones, in
#: bytes: a hostile path has thousands.
_MOST_SEGMENTS = 32
_LONGEST_NAME = 2048


class Passthrough:
    """
    Serves what goes to a model as it comes.

    :param clock: for the relay.
    :param config: what is configured.
    :param directory: knows the models by their names.
    :param router: where our models come from.
    :param peers: where the others come from.
    :param recorder: follows the requests.
    """

    def __init__(
        self,
        clock: IReactorTime,
        config: Config,
        directory: Directory,
        router: Router,
        peers: Peers,
        recorder: Recorder,
    ) -> None:
        self._clock = clock
        self._directory = directory
        self._router = router
        self._peers = peers
        self._recorder = recorder
        self._ignored_paths = LoadedOnly(router, "its path is of upstream.ignorePaths")
        self._below_comfyui = LoadedOnly(router, f"{_COMFYUI.decode()}/ alone does")
        self._ignored_sockets = LoadedUncounted(
            router, "it is a WebSocket, and compat.ignoreWebsockets is set"
        )
        self.reconfigure(config)

    def reconfigure(self, config: Config) -> None:
        """
        Another configuration holds from now on.
        """
        self._config = config
        self._ignored: list[Any] | None = None

    def routes(self) -> Mapping[bytes, Callable[[Request], None]]:
        """
        Who answers what is at and below these paths.
        """
        return {_UPSTREAM: self.serve, _COMFYUI: self.serve_comfyui}

    def serve(self, request: Request) -> None:
        """
        Answer a request at or below ``/upstream``.

        :raises RequestError: where it can be told at once that it cannot be.
        """
        rest = request.path[len(_UPSTREAM) :]
        if not rest:
            if request.method not in (b"GET", b"HEAD"):
                method = request.method.decode("ascii", "replace")
                raise MethodNotAllowed(method, ["GET", "HEAD"])
            request.respond(302, [(b"Location", b"/ui/models")], b"")
            return
        name, path = self._split(rest[1:])
        if not path:
            self._directory.find_upstream(name)
            _add_slash(request)
            return
        found = self._find(request, name, path)
        target = found.target
        if self._is_ignored(path):
            self._send(request, found, path, self._ignored_paths)
            return
        if path == b"/" and request.method == b"GET" and isinstance(target, LocalModel):
            # What a button to load a model sends.
            process = self._router.process(target.id)
            if process.state is not ProcessState.READY:
                process.forgive()
        self._send(request, found, path, self._router)

    def serve_comfyui(self, request: Request) -> None:
        """
        Answer a request at or below ``/comfyui``.

        :raises RequestError: where it can be told at once that it cannot be.
        """
        path = request.path[len(_COMFYUI) :]
        if not path:
            _add_slash(request)
            return
        # Its page asks on and on for as long as it is open somewhere.
        leases = self._router if path == b"/" else self._below_comfyui
        found = self._find(request, _COMFYUI_MODEL, path)
        self._send(request, found, path, leases)

    def _find(self, request: Request, name: str, path: bytes) -> Found:
        """
        Find a model.

        :raises RequestError: if there is none that can be reached so; that is
            recorded.
        """
        try:
            return self._directory.find_upstream(name)
        except SelectorNotUsable:
            # It names no model.
            raise
        except RequestError:
            record_unknown(self._recorder, request, name, path)
            raise

    def _split(self, rest: bytes) -> tuple[str, bytes]:
        """
        Find a model's name at the beginning of a path: the longest that there is.

        :param rest: what follows on ``/upstream/``.
        :returns: the name, and what follows on it: empty, or from a slash on.  Where
            there is none, what looks most like one, and what follows on that.
        :raises NoModelNamed: if there is nothing.
        """
        if not rest:
            raise NoModelNamed("no model id could be identified")
        ends: list[int] = []
        end = -1
        while len(ends) < _MOST_SEGMENTS:
            end = rest.find(b"/", end + 1)
            ends.append(end if end >= 0 else len(rest))
            if end < 0 or end > _LONGEST_NAME:
                break
        for end in reversed(ends):
            try:
                name = unquote_to_bytes(rest[: min(end, _LONGEST_NAME)]).decode()
            except UnicodeDecodeError:
                continue
            if end <= _LONGEST_NAME and name in self._directory:
                return name, rest[end:]
        first = rest[: min(ends[0], _LONGEST_NAME)]
        return unquote(first.decode("ascii")), rest[ends[0] :]

    def _is_ignored(self, path: bytes) -> bool:
        if self._ignored is None:
            # On first use: it takes memory.
            import re2  # type: ignore[import-untyped] # it has no stubs

            self._ignored = [re2.compile(each) for each in self._config.ignore_paths]
        text = unquote(path.decode("ascii"))
        return any(pattern.search(text) for pattern in self._ignored)

    def _send(
        self,
        request: Request,
        found: Found,
        path: bytes,
        leases: Leases,
    ) -> None:
        """
        Send a request up as it came.

        :param path: the path that goes up.
        :param leases: where a model of ours comes from.
        """
        target = found.target
        raw = request.requestHeaders.getAllRawHeaders()
        counted = True
        upgrades = asks_for_websocket(request)
        metadata: dict[str, str] = {}
        if isinstance(target, LocalModel):
            name = model_id = target.id
            priority = self._config.priorities.get(model_id)
            if priority is not None:
                metadata["fifo_priority"] = str(priority)
            headers = request_headers(raw, request.peer, request.secure)
            compat = self._config.models[model_id].compat
            if upgrades and compat.ignore_websockets:
                counted = False
                leases = self._ignored_sockets
        else:
            name, model_id = found.asked, f"{target.peer}/{target.model}"
            leases = peer = self._peers[target.peer]
            headers = peer.headers(raw, bool(self._config.api_keys))
        body = request.body
        data = b"" if body is None else body.in_memory
        sent = body.producer if data is None and body is not None else data

        def relay(leases: Leases, downstream: IDownstream) -> Relay:
            make: Callable[..., Relay] = Relay
            up, more = headers, {}
            if upgrades:
                make = TunnelRelay
                up, more = asking_headers(headers), {"lasting": counted}
            return make(
                self._clock,
                leases,
                downstream,
                model_id,
                request.method,
                path,
                request.raw_query,
                up,
                sent,
                **more,
            )

        if not counted:
            relay(leases, request).start()
            return
        recording = self._recorder.begin(request, name, path, metadata)
        size = 0 if body is None else body.size
        self._recorder.sent_up(recording, headers, data, size)
        recording.start(relay(recording.leases(leases), recording.around(request)))


def _add_slash(request: Request) -> None:
    """
    Redirect to where the path has a slash at its end, so that a page's relative
    links lead to its model.
    """
    location = request.path + b"/"
    query = request.raw_query
    if query is not None:
        location += b"?" + query
    code = 301 if request.method in (b"GET", b"HEAD") else 308
    request.respond(code, [(b"Location", location)], b"")
