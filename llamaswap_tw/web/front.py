"""
Who answers a request: an exact look-up for the endpoints that reach a model,
in front of Klein's dispatch for all else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes

from ..errors import BadRequest
from .endpoints import ModelRoute
from .head import SLASHES
from .inference import Inference
from .refusals import NotImplementedHere
from .request import Request


class Front:
    """
    Routes requests.

    :param inference: answers what reaches a model.
    :param routes: the exact paths that do.
    :param others: renders everything else.
    :param below: by the first segment of a path, slash included, who answers all
        that is there and below, as it came.
    :param rooms: by the first segment of a path, or by its first two, who renders
        what is there and below.
    """

    def __init__(
        self,
        inference: Inference,
        routes: Mapping[bytes, ModelRoute],
        others: Callable[[Request], None],
        below: Mapping[bytes, Callable[[Request], None]] = {},
        rooms: Mapping[bytes, Callable[[Request], None]] = {},
    ) -> None:
        self._inference = inference
        self._routes = routes
        self._others = others
        self._below = below
        self._rooms = rooms

    def route(self, request: Request) -> None:
        """
        See to it that a request is answered.

        :raises RequestError: what it is answered with.
        """
        if request.method == b"OPTIONS":
            # All that it asks for is in the headers for browsers.
            request.respond(204, [], b"")
            return
        route = self._routes.get(request.path)
        if route is not None:
            self._inference.serve(request, route)
            return
        slash = request.path.find(b"/", 1)
        below = self._below.get(request.path[:slash] if slash > 0 else request.path)
        if below is not None and b"//" not in request.path:
            below(request)
            return
        if b"//" in request.path:
            location = SLASHES.sub(b"/", request.path)
            query = request.raw_query
            if query is not None:
                location += b"?" + query
            request.respond(307, [(b"Location", location)], b"")
            return
        try:
            unquote_to_bytes(request.path).decode("utf-8")
        except UnicodeDecodeError:
            raise BadRequest("the path is not percent-encoded UTF-8")
        if request.method != request.method.upper():
            # Klein would take it for the one in upper case.
            raise NotImplementedHere("the names of methods are in upper case")
        request.enter_resource(self._room_of(request.path))

    def _room_of(self, path: bytes) -> Callable[[Request], None]:
        first, _, rest = path[1:].partition(b"/")
        two = b"/%b/%b" % (first, rest.partition(b"/")[0])
        return self._rooms.get(two) or self._rooms.get(b"/" + first) or self._others
