"""
The machine and the metrics.

Importing Klein installs a reactor: import this module once there is one.
"""

from __future__ import annotations

from ..interfaces import InThread
from ..observe.machine import Machine
from ..observe.metrics import Gauges, Metrics, Snapshot
from .request import Request
from .resource import Resource, json_of, moment_of, new_app, whole

#: The paths that are answered here.
PATHS = (b"/api/performance", b"/api/hardware", b"/metrics")

_JSON = b"application/json"


class MachineRoutes(Resource):
    """
    The routes for what the machine does and what is counted.

    :param machine: samples the machine, and knows what it is.
    :param metrics: what is counted.
    :param gauges: what is asked when somebody looks.
    :param in_thread: calls a function in a thread, for a `Deferred`: an hour of
        samples, or the series of many models, are not written in a moment.
    """

    app = new_app()

    def __init__(
        self,
        machine: Machine,
        metrics: Metrics,
        gauges: Gauges,
        in_thread: InThread,
    ) -> None:
        super().__init__()
        self._machine = machine
        self._metrics = metrics
        self._gauges = gauges
        self._in_thread = in_thread

    @app.route("/api/performance", methods=["GET"])
    async def _performance(self, request: Request) -> bytes:
        if not self._machine.enabled:
            request.setResponseCode(503)
            return json_of(request, {"enabled": False})
        samples = self._machine.since(moment_of(request, "after"))
        return whole(request, _JSON, await self._in_thread(samples.as_json))

    @app.route("/api/hardware", methods=["GET"])
    async def _hardware(self, request: Request) -> bytes:
        return json_of(request, await self._machine.hardware())

    @app.route("/metrics", methods=["GET"])
    async def _exposition(self, request: Request) -> bytes:
        snapshot = self._metrics.snapshot(self._gauges)
        accept = request.accept or b""
        content_type, body = await self._in_thread(
            _exposed, snapshot, accept.decode("latin-1")
        )
        return whole(request, content_type.encode(), body)


def _exposed(snapshot: Snapshot, accept: str) -> tuple[str, bytes]:
    # Not before: the library that it needs takes a megabyte.
    from ..observe.exposition import expose

    return expose(snapshot, accept)
