"""
What was asked of the models, as rows, statistics and captures.

Importing Klein installs a reactor: import this module once there is one.
"""

from __future__ import annotations

import re

from ..activity.captures import Captures
from ..activity.query import parse_models, parse_query
from ..activity.store import Store
from ..errors import BadRequest, NotFound
from .request import Request
from .resource import Resource, json_of, new_app, whole

#: Where these routes are.
PATHS = (b"/api/metrics", b"/api/captures")

_NUMBER = re.compile(r"-?\d+", re.ASCII)

#: As many digits as a row's id can have.
_DIGITS = 19


class Activity(Resource):
    """
    The routes below ``/api/metrics`` and ``/api/captures``.

    :param store: has the rows.
    :param captures: has what was captured.
    """

    app = new_app()

    def __init__(self, store: Store, captures: Captures) -> None:
        super().__init__()
        self._store = store
        self._captures = captures

    @app.route("/api/metrics/activity", methods=["GET"])
    async def _rows(self, request: Request) -> bytes:
        has_capture = self._captures.__contains__
        document = await self._store.query(
            parse_query(request.args), lambda page: page.as_json(has_capture)
        )
        return _fresh(request, document)

    @app.route("/api/metrics/stats", methods=["GET"])
    async def _statistics(self, request: Request) -> bytes:
        found = await self._store.stats(parse_models(request.args))
        request.setHeader(b"Cache-Control", b"no-store")
        return json_of(request, found)

    @app.route("/api/captures/<text>", methods=["GET"])
    async def _capture(self, request: Request, text: str) -> bytes:
        if _NUMBER.fullmatch(text) is None:
            raise BadRequest(
                f"a capture is asked for by a row's id, not {text[:100]!r}"
            )
        found = None
        if len(text) <= _DIGITS:
            found = await self._captures.get_json(int(text))
        if found is None:
            raise NotFound(
                f"there is no capture of row {text[:100]}: none was made, or it had to "
                "make room for others"
            )
        return _fresh(request, found)


def _fresh(request: Request, document: bytes) -> bytes:
    request.setHeader(b"Cache-Control", b"no-store")
    return whole(request, b"application/json", document)
