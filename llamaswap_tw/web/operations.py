"""
Everything that is not a model's own: listings, loading and unloading, logs.

Importing Klein installs a reactor: import this module once there is one.
"""

from __future__ import annotations

import orjson
from twisted.internet.defer import Deferred

from ..config.schema import Config
from ..errors import BadRequest, MethodNotAllowed, ModelNotFound, NotFound
from ..interfaces import ProcessState
from ..observe.logs import Logs
from ..routing.directory import Directory
from ..routing.names import nearest
from ..routing.router import Router
from .details import model_details
from .listing import Listing, running_list
from .logs import LogReaders
from .request import Request
from .resource import Resource, from_page, json_of, new_app, redirect, text


class Operations(Resource):
    """
    The routes for operators and listings.

    :param config: what is configured.
    :param directory: knows the models by their names.
    :param router: holds the models' processes.
    :param logs: the logs.
    :param readers: the clients that follow a log.
    :param created: when the daemon started, in seconds since the epoch.
    """

    app = new_app()

    def __init__(
        self,
        config: Config,
        directory: Directory,
        router: Router,
        logs: Logs,
        readers: LogReaders,
        created: int,
    ) -> None:
        super().__init__()
        self._config = config
        self._directory = directory
        self._router = router
        self._logs = logs
        self._readers = readers
        self._created = created

    def reconfigure(self, config: Config) -> None:
        """
        Another configuration holds from now on.
        """
        self._config = config

    @app.route("/", methods=["GET"])
    def _root(self, request: Request) -> bytes:
        return redirect(request, 302, b"/ui")

    @app.route("/health", methods=["GET"])
    @app.route("/wol-health", methods=["GET"])
    def _health(self, request: Request) -> bytes:
        return text(request, b"OK")

    @app.route("/models", methods=["GET"])
    @app.route("/v1/models", methods=["GET"])
    def _models(self, request: Request) -> bytes:
        return json_of(request, self._listing().whole())

    @app.route("/v1/models/<path:name>", methods=["GET"])
    def _model(self, request: Request, name: str) -> bytes:
        listing = self._listing()
        record = listing.record(name)
        if record is None:
            raise ModelNotFound(name, nearest(name, sorted(listing.names())))
        return json_of(request, record)

    def _listing(self) -> Listing:
        return Listing(
            self._config, self._directory, self._router.states(), self._created
        )

    @app.route("/running", methods=["GET"])
    def _running(self, request: Request) -> bytes:
        return json_of(request, running_list(self._config, self._router.states()))

    @app.route("/unload", methods=["GET"])
    async def _unload_by_link(self, request: Request) -> bytes:
        await self._router.unload(list(self._config.models))
        return text(request, b"OK")

    @app.route("/api/models/unload", methods=["POST"])
    async def _unload_all(self, request: Request) -> bytes:
        await self._router.unload(list(self._config.models))
        if from_page(request):
            return redirect(request, 303, b"/ui/plain")
        return json_of(request, {"msg": "ok"})

    @app.route("/api/models/unload/<path:name>", methods=["POST"])
    async def _unload_one(self, request: Request, name: str) -> bytes:
        await self._router.unload([self._known(name)])
        return _done(request)

    @app.route("/api/models/load/<path:name>", methods=["POST"])
    async def _load(self, request: Request, name: str) -> bytes:
        model_id = self._known(name)
        process = self._router.process(model_id)
        if process.state is not ProcessState.READY:
            # One that is ready has no need of a turn behind its requests.
            process.forgive()
            lease = await self._router.acquire(model_id)
            lease.release()
        return _done(request)

    @app.route("/api/models/<path:name>", methods=["GET"])
    def _details(self, request: Request, name: str) -> bytes:
        first, _, rest = name.partition("/")
        if first in ("load", "unload") and self._config.resolve(name) is None:
            if rest or name == "unload":
                raise MethodNotAllowed("GET", ["POST"])
            raise NotFound(f"there is nothing at /api/models/{name}")
        return json_of(request, model_details(self._config, name))

    @app.route("/api/profiles", methods=["GET"])
    def _profiles(self, request: Request) -> bytes:
        return json_of(request, self._directory.profiles.as_json())

    @app.route("/api/profiles/active", methods=["PUT"])
    def _activate(self, request: Request) -> bytes:
        profiles = self._directory.profiles
        content = request.content
        assert content is not None
        profiles.activate(_profile_named(content.read()))
        return json_of(request, {"active": profiles.active})

    @app.route("/logs", methods=["GET"])
    def _history(self, request: Request) -> bytes:
        if from_page(request):
            return redirect(request, 302, b"/ui/")
        return text(request, self._logs.combined.history())

    @app.route("/logs/stream", methods=["GET"])
    def _follow(self, request: Request) -> Deferred[None]:
        return self._readers.serve(
            request, self._logs.combined, _wants_history(request)
        )

    @app.route("/logs/stream/<path:name>", methods=["GET"])
    def _follow_one(self, request: Request, name: str) -> Deferred[None]:
        if name == "proxy":
            ring = self._logs.proxy
        elif name == "upstream":
            ring = self._logs.upstream
        else:
            model_id = self._config.resolve(name)
            if model_id is None:
                raise BadRequest(
                    f"there is no log {name!r}: name proxy, upstream or a model"
                )
            ring = self._logs.output_of(model_id).ring
        return self._readers.serve(request, ring, _wants_history(request))

    def _known(self, name: str) -> str:
        """
        The id of a model of ours; pins and selectors are for requests only.

        :param name: its id or an alias.
        """
        config = self._config
        model_id = config.resolve(name)
        if model_id is not None:
            return model_id
        if name in self._directory:
            raise NotFound(
                f"{name!r} is no model of this server's own: there is nothing to load "
                "or unload"
            )
        names = {**config.aliases, **{model: model for model in config.models}}
        listed = [
            known for known, model in names.items() if not config.models[model].unlisted
        ]
        raise ModelNotFound(name, nearest(name, listed))


def _wants_history(request: Request) -> bool:
    return b"no-history" not in request.args


def _profile_named(data: bytes) -> str | None:
    """
    Look into the body of ``PUT /api/profiles/active``.

    :param data: all of it.
    :returns: a profile's id, or `None` for none.
    :raises BadRequest: if that is not what it says.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as e:
        raise BadRequest(f"the request body is not valid JSON: {e}")
    if not isinstance(document, dict) or "name" not in document:
        raise BadRequest(
            'the request body must be like {"name": "a-profile"}, or {"name": null} '
            "for none"
        )
    name = document["name"]
    if name is not None and not isinstance(name, str):
        raise BadRequest("name must be a profile's id, or null for none")
    return name


def _done(request: Request) -> bytes:
    """
    What was asked for is done: a form on our page leads back to it.
    """
    if from_page(request):
        return redirect(request, 303, b"/ui/plain")
    return text(request, b"OK")
