"""
The configuration as the daemon uses it: every value effective, every name
resolved, nothing left to decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from ..routing.matrix.link import LinkedSet

LogToStdout = Literal["proxy", "upstream", "both", "none"]
LogLevel = Literal["debug", "info", "warn", "error"]
Strategy = Literal["pin", "warm", "spillover"]


@dataclass(frozen=True)
class Timeouts:
    """
    How long the steps of a request to a server may take, in seconds; 0 for no
    limit.
    """

    connect: float = 30.0
    keepalive: float = 30.0
    response_header: float = 0.0
    tls_handshake: float = 10.0
    expect_continue: float = 1.0
    idle_conn: float = 90.0


@dataclass(frozen=True)
class Compat:
    """
    :ivar ignore_websockets: whether WebSockets neither load the model nor keep
        it.
    """

    ignore_websockets: bool = False


@dataclass(frozen=True)
class Filters:
    """
    How a request's JSON body is changed.

    :ivar strip_params: the parameters to take out.
    :ivar set_params: the parameters to set.
    :ivar set_params_by_id: the same, by the id that was asked for.
    """

    strip_params: tuple[str, ...] = ()
    set_params: Mapping[str, Any] = field(default_factory=dict)
    set_params_by_id: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Capabilities:
    """
    What a model can do, for listings.

    :ivar input: of text, audio and image, what it takes.
    :ivar output: what it gives.
    :ivar tools: whether it calls functions.
    :ivar reranker: whether it ranks documents.
    :ivar context: tokens of context; 0 where that is not known.
    """

    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    tools: bool = False
    reranker: bool = False
    context: int = 0


@dataclass(frozen=True)
class Model:
    """
    A model.

    :ivar id: its id.
    :ivar command: the program and its arguments; empty where it has none.
    :ivar command_text: the command as the API shows it.
    :ivar stop_command: run in place of SIGTERM, with ``${PID}`` in it; empty
        for SIGTERM.
    :ivar env: added to the daemon's own environment.
    :ivar proxy: the URL where its server listens.
    :ivar check_endpoint: the path that answers 200 once it is ready, or
        ``none``.
    :ivar port: the port that was assigned to it, or `None`.
    :ivar aliases: its other names, as the file gives them.
    :ivar ttl: seconds without a request until it is unloaded; 0 for never.
    :ivar unload_timeout: seconds from the request to stop to the kill.
    :ivar unlisted: whether listings leave it out.
    :ivar use_model_name: the model name sent upstream; ``""`` for no change.
    :ivar metadata: shown in listings; any JSON-like value.
    :ivar concurrency_limit: how many requests may wait or be served.
    :ivar queue_limit: how many more may wait.
    :ivar queue_timeout: seconds that one may wait, or `None` for any time.
    :ivar send_loading_state: whether streams tell that it is loading.
    :ivar capabilities: what it can do, or `None` where the file does not say.
    """

    id: str
    command: tuple[str, ...] = ()
    command_text: str = ""
    stop_command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: str = ""
    check_endpoint: str = "/health"
    port: int | None = None
    name: str = ""
    description: str = ""
    aliases: tuple[str, ...] = ()
    ttl: int = 0
    unload_timeout: int = 10
    unlisted: bool = False
    use_model_name: str = ""
    metadata: Any = None
    concurrency_limit: int = 10
    queue_limit: int = 0
    queue_timeout: float | None = None
    send_loading_state: bool = False
    filters: Filters = Filters()
    timeouts: Timeouts = Timeouts()
    compat: Compat = Compat()
    capabilities: Capabilities | None = None


@dataclass(frozen=True)
class GroupSettings:
    """
    Models that share a rule.

    :ivar swap: whether one of them stops the others.
    :ivar exclusive: whether one of them stops the models of other groups.
    :ivar persistent: whether they stay when a model of another group wants
        them stopped.
    :ivar members: the models' ids.
    """

    swap: bool = True
    exclusive: bool = True
    persistent: bool = False
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class MatrixSettings:
    """
    Sets of models that may run together.

    :ivar sets: in the order that decides a tie; a set comes after those that it
        refers to.
    :ivar costs: by model, what it costs to stop it; 1 where there is none.
    :ivar vars: the short names → the models' ids.
    """

    sets: tuple[LinkedSet, ...] = ()
    costs: Mapping[str, int] = field(default_factory=dict)
    vars: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """
    A set of pins.

    :ivar pins: id → target as the file gives it: a model's id or alias, a peer's
        model or a selector; `None` where the id is disabled.
    """

    id: str
    description: str = ""
    pins: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Selector:
    """
    A virtual model.

    :ivar strategy: how it chooses among its targets.
    :ivar targets: as the file gives them: ids, aliases or peers' models.
    :ivar spillover: how many requests a target has before the next is taken.
    :ivar unlisted: whether listings leave it out.
    :ivar metadata: shown in listings; any JSON-like value.
    """

    id: str
    strategy: Strategy
    targets: tuple[str, ...]
    spillover: int = 1
    name: str = ""
    description: str = ""
    unlisted: bool = False
    metadata: Any = None


@dataclass(frozen=True)
class Peer:
    """
    Another server.

    :ivar proxy: its URL.
    :ivar api_key: the key that it wants, or ``""``.
    :ivar models: its models' names, as it calls them.
    """

    id: str
    proxy: str
    api_key: str = field(default="", repr=False)
    models: tuple[str, ...] = ()
    filters: Filters = Filters()
    timeouts: Timeouts = Timeouts(response_header=60.0)


class PeerModel(NamedTuple):
    """
    A model of a peer.

    :ivar peer: the peer's id.
    :ivar model: the model's name, as the peer calls it.
    """

    peer: str
    model: str


@dataclass(frozen=True)
class ServerLimits:
    """
    Limits of our own server.

    :ivar head_timeout: seconds until a request's head is whole.
    :ivar body_timeout: seconds without a byte of its body.
    :ivar max_header_bytes: the longest head.
    """

    head_timeout: float = 30.0
    body_timeout: float = 60.0
    max_header_bytes: int = 64 * 1024


@dataclass(frozen=True)
class Config:
    """
    All of it.

    :ivar models: by id, in the order of the ids.
    :ivar aliases: every other name of a model → its id.
    :ivar planner: the planner's name.
    :ivar groups: the settings of the group planner, by the group's id.
    :ivar priorities: by model; 0 where there is none.
    :ivar max_wait: seconds after which a request is overdue, or `None` for
        never.
    :ivar health_check_timeout: seconds that a start may take.
    :ivar max_request_body: the largest body, in bytes.
    :ivar cors_origins: which origins may use inference and listings.
    :ivar allowed_hosts: the host names answered; empty for any.
    :ivar api_keys: a client needs one of them, where there are any.
    :ivar ignore_paths: RE2 expressions: what matches below ``/upstream`` never
        loads a model.
    :ivar preload: the models to load at start-up, in order.
    :ivar store_path: the activity's file, or `None` for memory.
    :ivar metrics_max_in_memory: how many activities are kept in memory.
    :ivar capture_buffer: the budget for captures, in MB.
    :ivar session_headers: request headers that name a session.
    :ivar performance_every: seconds from one sample of the machine to the
        next, or `None` for no samples.
    :ivar profiles: by id, in the order of the file.
    :ivar selectors: by id.
    :ivar peers: by id.
    :ivar peer_models: every name by which a peer's model can be asked for, and
        that is none of ours: ``peer/model``, and the bare one where exactly one
        peer has it.
    :ivar matrix: the settings of the planner matrix, where it is in use.
    :ivar planner_settings: what the file says for another planner that is in use:
        any JSON-like value.
    :ivar warnings: what is odd about the file, a line each.
    :ivar sources: the files that it was read from, and their directory.
    """

    models: Mapping[str, Model] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    planner: str = "group"
    groups: Mapping[str, GroupSettings] = field(default_factory=dict)
    priorities: Mapping[str, int] = field(default_factory=dict)
    max_wait: float | None = 60.0
    health_check_timeout: int = 120
    log_level: LogLevel = "info"
    log_time_format: str = ""
    log_to_stdout: LogToStdout = "proxy"
    max_request_body: int = 1024**3
    server: ServerLimits = ServerLimits()
    include_aliases_in_list: bool = False
    cors_origins: tuple[str, ...] = ("*",)
    allowed_hosts: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    ignore_paths: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    store_path: str | None = None
    metrics_max_in_memory: int = 1000
    capture_buffer: int = 5
    session_headers: tuple[str, ...] = ()
    performance_every: float | None = 5.0
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    selectors: Mapping[str, Selector] = field(default_factory=dict)
    peers: Mapping[str, Peer] = field(default_factory=dict)
    peer_models: Mapping[str, PeerModel] = field(default_factory=dict)
    matrix: MatrixSettings | None = None
    planner_settings: Any = None
    warnings: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def resolve(self, name: str) -> str | None:
        """
        Find a model.

        :param name: an id or an alias.
        :returns: the model's id, or `None` if there is none of that name.
        """
        return name if name in self.models else self.aliases.get(name)
