"""
What the file says → what is effective; the checks that need more than one key.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from .errors import Problems
from .file_schema import File, GroupSection
from .model import make_model
from .names import Names
from .nodes import MapNode, Place, child, is_null, locate, shown
from .schema import Config, GroupSettings, LogLevel, ServerLimits

#: The planners that there are.
PLANNERS = ("group",)

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


class _Resolver:
    def __init__(
        self, file: File, root: MapNode, ports: Mapping[str, int], problems: Problems
    ) -> None:
        self._file = file
        self._root = root
        self._ports = ports
        self._problems = problems
        models = child(root, "models")
        ids = models.entries if isinstance(models, MapNode) else {}
        #: Else every name would be complained about.
        self._names_known = (
            models is None or is_null(models) or isinstance(models, MapNode)
        )
        self._names = Names(file, ids, root, problems)

    def _place(self, *keys: str | int) -> Place:
        return locate(self._root, keys)

    def _error(self, message: str, *keys: str | int) -> None:
        self._problems.error(*self._place(*keys), message)

    def _warn(self, message: str, *keys: str | int) -> None:
        self._problems.warn(*self._place(*keys), message)

    def resolve(self) -> Config:
        file = self._file
        router = file.routing.router
        legacy = self._legacy()
        planner = "matrix" if legacy == "matrix" else router.use
        if planner not in PLANNERS:
            where = ("matrix",) if legacy else ("routing", "router", "use")
            self._error(
                "this planner is not available; available: " + ", ".join(PLANNERS),
                *where,
            )
        groups = (
            self._groups(file.groups or {}, ("groups",))
            if legacy == "groups"
            else self._groups(
                router.settings.groups,
                ("routing", "router", "settings", "groups"),
                in_use=planner == "group",
            )
        )
        models = {}
        for model_id, section in sorted(file.models.items()):
            if not model_id.strip():
                self._error("a model's id cannot be blank", "models", model_id)
            models[model_id] = make_model(
                model_id,
                section,
                self._names.of_model.get(model_id, ()),
                file,
                self._ports.get(model_id),
                self._root,
                self._problems,
            )
        return Config(
            models=MappingProxyType(models),
            aliases=MappingProxyType(self._names.aliases),
            planner=planner,
            groups=MappingProxyType(groups),
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
            cors_origins=file.cors.origins,
            allowed_hosts=file.allowed_hosts,
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
            profiles=file.profiles,
            selectors=file.selectors,
            peers=file.peers,
            matrix=file.matrix if legacy else router.settings.matrix,
        )

    def _legacy(self) -> str:
        """
        Which of the legacy keys is used, if any.
        """
        used = [key for key in ("groups", "matrix") if child(self._root, key)]
        used = [key for key in used if not is_null(child(self._root, key))]
        if len(used) > 1:
            self._error("groups and matrix cannot both be used; take one", "matrix")
        router = child(self._root, "routing", "router")
        if used and isinstance(router, MapNode) and router.entries:
            for key in used:
                self._error(
                    f"cannot be used together with routing.router; move it to "
                    f"routing.router.settings.{key}",
                    key,
                )
        return used[0] if used else ""

    def _groups(
        self,
        sections: Mapping[str, GroupSection],
        keys: tuple[str, ...],
        in_use: bool = True,
    ) -> dict[str, GroupSettings]:
        groups: dict[str, GroupSettings] = {}
        #: Each member's group.
        taken: dict[str, str] = {}
        for name, section in sections.items():
            members = []
            for number, member in enumerate(section.members):
                at: tuple[str | int, ...] = (*keys, name, "members", number)
                model_id = self._names.resolve(member)
                if not in_use or (model_id is None and not self._names_known):
                    continue
                if model_id is None:
                    self._error(self._names.unknown(member, *at), *at)
                elif model_id != member:
                    self._warn(
                        "is an alias, and without effect; members are ids of models",
                        *at,
                    )
                elif member in taken:
                    where = taken[member]
                    self._error(
                        f"the model {self._shown('models', member)} is a member of "
                        f"the group {where} already; a model can be in one group, once",
                        *at,
                    )
                else:
                    taken[member] = self._shown(*keys, name)
                    members.append(member)
            groups[name] = GroupSettings(
                section.swap, section.exclusive, section.persistent, tuple(members)
            )
        return groups

    def _shown(self, *keys: str) -> str:
        parent = child(self._root, *keys[:-1])
        if isinstance(parent, MapNode) and keys[-1] in parent.entries:
            return shown(parent.entries[keys[-1]].key)
        return repr(keys[-1])

    def _priorities(self) -> dict[str, int]:
        at = ("routing", "scheduler", "settings", "fifo", "priority")
        priorities: dict[str, int] = {}
        for (
            name,
            priority,
        ) in self._file.routing.scheduler.settings.fifo.priority.items():
            model_id = self._names.resolve(name)
            if model_id is None:
                if self._names_known:
                    self._error(self._names.unknown(name, *at), *at, name)
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
                if self._names_known:
                    unknown = self._names.unknown(name, *at, number)
                    self._warn(f"{unknown}; it is ignored", *at, number)
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
    file: File, root: MapNode, ports: Mapping[str, int], problems: Problems
) -> Config:
    """
    Make the configuration.

    :param file: what the file says, with a default for what was wrong.
    :param root: the tree, for the places of what is wrong.
    :param ports: the models' assigned ports.
    :param problems: takes what is wrong.
    :returns: the configuration, to be used only if there were no errors.
    """
    return _Resolver(file, root, ports, problems).resolve()
