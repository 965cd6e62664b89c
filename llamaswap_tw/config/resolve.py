"""
What the file says → what is effective; the checks that need more than one key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

from .errors import Problems
from .file_schema import File
from .model import make_model
from .names import Names
from .nodes import MapNode
from .peers import make_peers
from .planner import PLANNERS, make_planner
from .profiles import make_profiles
from .reporter import Reporter
from .schema import Config, LogLevel, Model, ServerLimits
from .selectors import make_selectors
from .targets import Targets

__all__ = ["PLANNERS", "resolve"]

_LEAST_HEALTH_CHECK = 15
_DEFAULT_METRICS = 1000
_LEAST_EVERY = 5.0

_LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warn", "error")

#: The names of Go's layouts.
_TIME_FORMATS = (
    *("ansic", "unixdate", "rubydate", "rfc822", "rfc822z", "rfc850", "rfc1123"),
    *("rfc1123z", "rfc3339", "rfc3339nano", "kitchen", "stamp", "stampmilli"),
    *("stampmicro", "stampnano"),
)

#: Pages' assets: no reason to load a model.
_DEFAULT_IGNORE_PATHS = (r"\.(js|json|css|png|gif|jpg|jpeg|ico|txt)$",)

#: As browsers send it: ``null`` is a page's from a file.
_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^\s/?#@,*]*", re.IGNORECASE)

#: A host's name or address, as it stands in ``Host``; a port is none of it.
_HOST = re.compile(
    r"[a-z0-9._-]+|(?P<bracket>\[)?[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*(?(bracket)\])",
    re.IGNORECASE,
)


class _Resolver:
    def __init__(
        self,
        file: File,
        ports: Mapping[str, int],
        reporter: Reporter,
        planners: Collection[str],
    ) -> None:
        self._file = file
        self._ports = ports
        self._reporter = reporter
        self._planners = planners
        self._error = reporter.error
        self._warn = reporter.warn
        if not self._names_are_known():
            reporter.problems.incomplete = True
        self._names = Names(file, reporter.keys("models"), reporter)

    def _names_are_known(self) -> bool:
        """
        Whether everything that names something was of use; what was not has been
        complained about, and is no reason to complain about names.
        """
        reporter, file = self._reporter, self._file
        if not all(
            reporter.is_mapping(key) for key in ("models", "peers", "selectors")
        ):
            return False
        return all(
            reporter.is_mapping("models", model_id)
            and reporter.is_mapping("models", model_id, "filters", "setParamsByID")
            and reporter.length("models", model_id, "aliases")
            == (len(file.models[model_id].aliases) if model_id in file.models else 0)
            for model_id in reporter.keys("models")
        ) and all(
            reporter.length("peers", peer_id, "models")
            == (len(file.peers[peer_id].models) if peer_id in file.peers else 0)
            for peer_id in reporter.keys("peers")
        )

    def resolve(self) -> Config:
        file = self._file
        models = self._models()
        peers, peer_models = make_peers(file, self._names, self._reporter)
        targets = Targets(self._names, peer_models, self._reporter.keys("selectors"))
        planning = make_planner(file, self._names, self._reporter, self._planners)
        return Config(
            models=MappingProxyType(models),
            aliases=MappingProxyType(self._names.aliases),
            planner=planning.name,
            groups=MappingProxyType(planning.groups),
            matrix=planning.matrix,
            planner_settings=planning.settings,
            priorities=MappingProxyType(self._priorities()),
            max_wait=file.routing.scheduler.settings.fifo.max_wait or None,
            health_check_timeout=max(file.health_check_timeout, _LEAST_HEALTH_CHECK),
            log_level=self._log_level(),
            log_time_format=self._log_time_format(),
            log_to_stdout=file.log_to_stdout,
            max_request_body=file.max_request_body,
            server=ServerLimits(
                file.server.head_timeout,
                file.server.body_timeout,
                file.server.max_header_bytes,
            ),
            include_aliases_in_list=file.include_aliases_in_list,
            cors_origins=self._cors_origins(),
            allowed_hosts=self._allowed_hosts(),
            api_keys=self._api_keys(),
            ignore_paths=self._ignore_paths(),
            preload=self._preload(),
            store_path=self._store_path(),
            metrics_max_in_memory=file.metrics_max_in_memory
            if file.metrics_max_in_memory >= 1
            else _DEFAULT_METRICS,
            capture_buffer=file.capture_buffer,
            session_headers=_headers(file.ui.activity.session_id),
            performance_every=self._performance_every(),
            profiles=MappingProxyType(make_profiles(file, targets, self._reporter)),
            selectors=MappingProxyType(
                make_selectors(file, targets, planning, self._reporter)
            ),
            peers=MappingProxyType(peers),
            peer_models=MappingProxyType(peer_models),
        )

    def _models(self) -> dict[str, Model]:
        models = {}
        for model_id, section in sorted(self._file.models.items()):
            if not model_id.strip():
                self._error("a model's id cannot be blank", "models", model_id)
            models[model_id] = make_model(
                model_id,
                section,
                self._names.of_model.get(model_id, ()),
                self._file,
                self._ports.get(model_id),
                self._reporter,
            )
        return models

    def _priorities(self) -> dict[str, int]:
        at = ("routing", "scheduler", "settings", "fifo", "priority")
        priorities: dict[str, int] = {}
        for (
            name,
            priority,
        ) in self._file.routing.scheduler.settings.fifo.priority.items():
            model_id = self._names.resolve(name)
            if model_id is None:
                unknown = self._names.unknown(
                    name, self._reporter.quoted_key(*at, name)
                )
                self._error(unknown, *at, name, doubtful=True)
            elif model_id in priorities and priorities[model_id] != priority:
                self._error(
                    "this model has another priority already, under another name",
                    *at,
                    name,
                )
            else:
                priorities[model_id] = priority
        return priorities

    def _log_level(self) -> LogLevel:
        for level in _LEVELS:
            if self._file.log_level.strip().lower() == level:
                return level
        self._warn(
            f"must be one of {', '.join(_LEVELS)}; info is used in its place",
            "logLevel",
        )
        return "info"

    def _log_time_format(self) -> str:
        name = self._file.log_time_format.strip().lower()
        if not name or name in _TIME_FORMATS:
            return name
        self._warn(
            f"must be empty or one of {', '.join(_TIME_FORMATS)}; log lines will have "
            "no time",
            "logTimeFormat",
        )
        return ""

    def _api_keys(self) -> tuple[str, ...]:
        for number, key in enumerate(self._file.api_keys):
            if not key or any(character.isspace() for character in key):
                self._error("cannot be empty or have a space in it", "apiKeys", number)
        return self._file.api_keys

    def _cors_origins(self) -> tuple[str, ...]:
        origins = self._file.cors.origins
        for number, origin in enumerate(origins):
            if not (origin.isascii() and _ORIGIN.fullmatch(origin)):
                self._error(
                    "must be * or an origin, like https://chat.example.org, without a "
                    "path",
                    "cors",
                    "origins",
                    number,
                )
        return origins

    def _allowed_hosts(self) -> tuple[str, ...]:
        names = self._file.allowed_hosts
        for number, name in enumerate(names):
            if not _HOST.fullmatch(name.strip()):
                self._error(
                    "must be a host's name or address, like models.example.org, "
                    "without a port or a path; an empty list is for any",
                    "allowedHosts",
                    number,
                )
        return names

    def _ignore_paths(self) -> tuple[str, ...]:
        patterns = self._file.upstream.ignore_paths
        if not patterns:
            return _DEFAULT_IGNORE_PATHS
        # Few files need it.
        import re2  # type: ignore[import-untyped] # it has no stubs

        options = re2.Options()
        # It would write to standard error, with the expression in it.
        options.log_errors = False
        for number, pattern in enumerate(patterns):
            try:
                re2.compile(pattern, options)
            except (re2.error, UnicodeError):
                self._error(
                    "is no valid RE2 regular expression",
                    "upstream",
                    "ignorePaths",
                    number,
                )
        return patterns

    def _preload(self) -> tuple[str, ...]:
        at = ("hooks", "on_startup", "preload")
        found: dict[str, None] = {}
        for number, name in enumerate(self._file.hooks.on_startup.preload):
            model_id = self._names.resolve(name.strip())
            if not name.strip():
                self._warn("is blank, and ignored", *at, number)
            elif model_id is None:
                unknown = self._names.unknown(name, self._reporter.text(*at, number))
                self._warn(f"{unknown}; it is ignored", *at, number, doubtful=True)
            else:
                found[model_id] = None
        return tuple(found)

    def _store_path(self) -> str | None:
        path = self._file.store.path
        if path is None:
            return None
        # The text may come from the environment: it is not shown.
        folder = os.path.dirname(path) or os.curdir
        wrong = ""
        if not path.strip() or "\0" in path:
            wrong = "cannot be empty; take store out to keep the activity in memory"
        elif os.path.isdir(path):
            wrong = "is a directory; it must be a file"
        elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
            wrong = "cannot be written to"
        if wrong:
            self._error(wrong, "store", "path")
        return path

    def _performance_every(self) -> float | None:
        every = self._file.performance.every
        if 0 < every < _LEAST_EVERY:
            self._error(
                "must be at least 5s, or 0s for the default", "performance", "every"
            )
        return None if self._file.performance.disabled else every or _LEAST_EVERY


def _headers(names: tuple[str, ...]) -> tuple[str, ...]:
    """
    Names of headers without blanks and repeats.
    """
    found: dict[str, str] = {}
    for name in names:
        if name.strip():
            found.setdefault(name.strip().lower(), name.strip())
    return tuple(found.values())


def resolve(
    file: File,
    root: MapNode,
    ports: Mapping[str, int],
    problems: Problems,
    planners: Collection[str] = PLANNERS,
) -> Config:
    """
    Make the configuration.

    :param file: what the file says, with a default for what was wrong.
    :param root: the tree, for the places of what is wrong.
    :param ports: the models' assigned ports.
    :param problems: takes what is wrong.
    :param planners: the names of the planners that can be used.
    :returns: the configuration, to be used only if there were no errors.
    """
    return _Resolver(file, ports, Reporter(root, problems), planners).resolve()
