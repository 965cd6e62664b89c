"""
What there is to know beyond listings: a model's whole configuration, the daemon's
settings, and the last hour.

Importing Klein installs a reactor: import this module once there is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from shlex import quote
from typing import Any

import orjson

from .. import __version__
from ..config.schema import Config, Filters
from ..errors import ModelNotFound
from ..interfaces import InThread
from ..observe.masking import Masks
from ..observe.moments import instant
from ..observe.timeline import Timeline, View
from ..routing.names import nearest
from ..version import build_info
from .capabilities import capability_fields
from .request import Request
from .resource import Resource, json_of, moment_of, new_app, whole

#: Where these routes are.
PATHS = (b"/api/timeline", b"/api/settings", b"/api/version")

#: A word that has one of these is no word of its own without quotes.
_NEEDS_QUOTES = re.compile(r"[\s'\"\\]")

#: The planner whose settings are groups.
_GROUPS = "group"


class Details(Resource):
    """
    The routes for the daemon's settings and for the last hour.

    :param config: what is configured.
    :param timeline: the last hour.
    :param listen: where we listen.
    :param started: when the daemon started, in seconds since the epoch.
    :param in_thread: calls a function in a thread, for a `Deferred`: an hour of many
        models is not written in a moment.
    """

    app = new_app()

    def __init__(
        self,
        config: Callable[[], Config],
        timeline: Timeline,
        listen: Sequence[str],
        started: float,
        in_thread: InThread,
    ) -> None:
        super().__init__()
        self._config = config
        self._timeline = timeline
        self._listen = listen
        self._started = started
        self._in_thread = in_thread

    @app.route("/api/settings", methods=["GET"])
    def _settings(self, request: Request) -> bytes:
        document = settings_of(self._config(), self._listen, self._started)
        return json_of(request, document)

    @app.route("/api/version", methods=["GET"])
    async def _version(self, request: Request) -> bytes:
        return json_of(request, await self._in_thread(build_info))

    @app.route("/api/timeline", methods=["GET"])
    async def _hour(self, request: Request) -> bytes:
        view = self._timeline.since(moment_of(request, "since"))
        body = await self._in_thread(_written, view)
        return whole(request, b"application/json", body)


def _written(view: View) -> bytes:
    return orjson.dumps(view.as_json())


def model_details(config: Config, name: str) -> dict[str, Any]:
    """
    The answer of ``/api/models/<id>``.

    :param config: what is configured.
    :param name: the id of a model of ours, or an alias.
    :returns: all that its file says of it, without secrets.
    :raises ModelNotFound: if there is none of that name.
    """
    model_id = config.resolve(name)
    if model_id is None:
        listed = [model.id for model in config.models.values() if not model.unlisted]
        raise ModelNotFound(name, nearest(name, listed))
    model = config.models[model_id]
    masks = _masks(config).knowing(model.env)
    return {
        "id": model.id,
        "name": model.name,
        "description": model.description,
        "aliases": model.aliases,
        "cmd": masks.text(model.command_text),
        "cmd_stop": masks.text(_as_typed(model.stop_command)) or None,
        "env": masks.environment(model.env),
        "proxy": masks.text(model.proxy),
        "port": model.port,
        "check_endpoint": model.check_endpoint,
        "ttl": model.ttl,
        "unload_timeout": model.unload_timeout,
        "concurrency_limit": model.concurrency_limit,
        "queue_limit": model.queue_limit,
        "queue_timeout": model.queue_timeout,
        "priority": config.priorities.get(model.id, 0),
        "unlisted": model.unlisted,
        "use_model_name": model.use_model_name,
        "send_loading_state": model.send_loading_state,
        "ignore_websockets": model.compat.ignore_websockets,
        "capabilities": None
        if model.capabilities is None
        else capability_fields(model.capabilities),
        "groups": _groups_of(config, model.id),
        "sets": _sets_of(config, model.id),
        "filters": _filters(model.filters, masks),
        "timeouts": {
            name: getattr(model.timeouts, name)
            for name in model.timeouts.__dataclass_fields__
        },
        "metadata": {} if model.metadata is None else model.metadata,
    }


def _as_typed(command: Sequence[str]) -> str:
    """
    A command as a person may have written it.
    """
    return " ".join(
        word if word and not _NEEDS_QUOTES.search(word) else quote(word)
        for word in command
    )


def _masks(config: Config) -> Masks:
    keys = [peer.api_key for peer in config.peers.values()]
    return Masks([*config.api_keys, *keys])


def _groups_of(config: Config, model_id: str) -> list[dict[str, Any]]:
    """
    The group that a model is in: one or none.
    """
    if config.planner != _GROUPS:
        return []
    return [
        {
            "id": group_id,
            "swap": group.swap,
            "exclusive": group.exclusive,
            "persistent": group.persistent,
            "members": group.members,
        }
        for group_id, group in config.groups.items()
        if model_id in group.members
    ]


def _sets_of(config: Config, model_id: str) -> list[dict[str, str]]:
    """
    The sets that name a model, where the planner goes by sets.
    """
    if config.matrix is None:
        return []
    # Only a configuration with sets needs it.
    from ..routing.matrix.link import naming

    return [
        {"name": one.name, "text": one.text}
        for one in naming(config.matrix.sets, model_id)
    ]


def _filters(filters: Filters, masks: Masks) -> dict[str, Any]:
    return {
        "strip_params": filters.strip_params,
        "set_params": masks.document(filters.set_params),
        "set_params_by_id": masks.document(filters.set_params_by_id),
    }


def settings_of(
    config: Config, listen: Sequence[str], started: float
) -> dict[str, Any]:
    """
    The answer of ``/api/settings``: what holds for all models.

    :param config: what is configured.
    :param listen: where we listen.
    :param started: when the daemon started, in seconds since the epoch.
    """
    server = config.server
    return {
        "version": __version__,
        "start_time": instant(started),
        "listen": listen,
        "config_path": config.sources[0] if config.sources else None,
        "config_paths": config.sources,
        "warnings": config.warnings,
        "models": len(config.models),
        "peers": len(config.peers),
        "selectors": len(config.selectors),
        "profiles": len(config.profiles),
        "api_keys": len(config.api_keys),
        "planner": config.planner,
        "max_wait": config.max_wait,
        "preload": config.preload,
        "health_check_timeout": config.health_check_timeout,
        "log_level": config.log_level,
        "log_time_format": config.log_time_format,
        "log_to_stdout": config.log_to_stdout,
        "capture_buffer": config.capture_buffer,
        "store_path": config.store_path,
        "metrics_max_in_memory": config.metrics_max_in_memory,
        "performance_every": config.performance_every,
        "session_id": config.session_headers,
        "max_request_body": config.max_request_body,
        "max_header_bytes": server.max_header_bytes,
        "head_timeout": server.head_timeout,
        "body_timeout": server.body_timeout,
        "cors_origins": config.cors_origins,
        "allowed_hosts": config.allowed_hosts,
        "include_aliases_in_list": config.include_aliases_in_list,
        "ignore_paths": config.ignore_paths,
    }
