"""
The routes of what goes on at this moment: events, and ending a request in flight.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ..activity.inflight import InFlight
from ..errors import NotFound
from .events import Events
from .request import Request
from .resource import Resource, json_of, new_app

#: Where these routes are.
PATHS = (b"/api/events", b"/api/inflight")


class LiveRoutes(Resource):
    """
    The routes below ``/api/events`` and ``/api/inflight``.

    :param events: tells what happens.
    :param in_flight: who is on the way.
    """

    app = new_app()

    def __init__(self, events: Events, in_flight: InFlight) -> None:
        super().__init__()
        self._events = events
        self._in_flight = in_flight

    @app.route("/api/events", methods=["GET"])
    def _follow(self, request: Request) -> Deferred[None]:
        return self._events.serve(request)

    @app.route("/api/inflight/<entry_id>/cancel", methods=["POST"])
    def _cancel(self, request: Request, entry_id: str) -> bytes:
        if not self._in_flight.cancel(entry_id):
            raise NotFound(
                f"there is no request {entry_id[:100]!r} in flight: it is over, or "
                "never was"
            )
        return json_of(request, {"msg": "ok"})
