"""
The format of the configuration: every key with its type, default and range.

What one key alone cannot tell (names that must resolve, what is effective) is
checked in `llamaswap_tw.config.resolve`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from .expand import DEFAULT_START_PORT, HIGHEST_PORT
from .fields import (
    AS_TEXT,
    Anything,
    Boolean,
    Duration,
    DurationOrZero,
    Entries,
    Integer,
    Items,
    Number,
    Section,
    Size,
    Text,
    wrong,
)
from .nodes import ListNode

Natural = Annotated[Integer, Field(ge=0)]
Seconds = Annotated[Number, Field(ge=0)]


def _above_zero(seconds: float) -> float:
    if seconds == 0:
        raise wrong("must be above 0")
    return seconds


def _required(*keys: str) -> ConfigDict:
    """
    For the JSON Schema: that a key is missing is found once the rest is read.
    """
    return ConfigDict(json_schema_extra={"required": list(keys)})


#: Where a time without end would be none.
Limit = Annotated[Duration, AfterValidator(_above_zero)]


#: Read before all else, by `llamaswap_tw.config.macros`.
Macros = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": "^[a-zA-Z0-9_-]{1,63}$"},
            "additionalProperties": {"type": "string"},
        }
    ),
]


class Timeouts(Section):
    """Seconds that the steps of a request to a server may take; 0 for no limit."""

    connect: Seconds = Field(30.0, description="to connect")
    keepalive: Seconds = Field(30.0, description="between TCP keep-alive probes")
    response_header: Seconds = Field(0.0, description="until the response begins")
    tls_handshake: Seconds = Field(10.0, description="for the TLS handshake")
    expect_continue: Seconds = Field(1.0, description="to wait for 100 Continue")
    idle_conn: Seconds = Field(90.0, description="to keep an unused connection")


class PeerTimeouts(Timeouts):
    """Seconds that the steps of a request to a peer may take; 0 for no limit."""

    response_header: Seconds = Field(60.0, description="until the response begins")


Modality = Annotated[Literal["text", "audio", "image"], AS_TEXT]


class Capabilities(Section):
    """What a model can do, for listings."""

    input: Items[Modality] = Field((), alias="in", description="what it takes")
    output: Items[Modality] = Field((), alias="out", description="what it gives")
    tools: Boolean = Field(False, description="whether it calls functions")
    reranker: Boolean = Field(False, description="whether it ranks documents")
    context: Natural = Field(0, description="tokens of context; 0 where not known")


class Filters(Section):
    """How a request's JSON body is changed."""

    strip_params: Text | None = Field(
        None, description="parameters to take out, separated by commas"
    )
    strip_params_before: Text | None = Field(
        None, alias="strip_params", description="the old spelling of stripParams"
    )
    set_params: Entries[Anything] = Field({}, description="parameters to set")
    set_params_by_id: Entries[Entries[Anything]] = Field(
        {},
        alias="setParamsByID",
        description="parameters to set by the id asked for; each becomes an alias",
    )


class Compat(Section):
    """Special treatment that some servers need."""

    ignore_websockets: Boolean = Field(
        False, description="whether WebSockets neither load the model nor keep it"
    )


class ModelSection(Section):
    """A model."""

    cmd: Text = Field("", description="starts its server; may hold ${PORT}")
    cmd_stop: Text = Field("", description="stops it; may hold ${PID}")
    proxy: Text | None = Field(
        None, description="where its server listens; http://localhost:${PORT}"
    )
    check_endpoint: Text = Field(
        "/health", description="the path that answers 200 when it is ready, or none"
    )
    aliases: Items[Text] = Field((), description="other names for it")
    env: Items[Text] = Field((), description="NAME=value, added to our environment")
    ttl: Annotated[Integer, Field(ge=-1)] = Field(
        -1,
        description="seconds without requests until it is unloaded; 0 for never, "
        "-1 for globalTTL",
    )
    unload_timeout: Natural = Field(
        0, description="seconds from the request to stop to the kill; 0: the global one"
    )
    unlisted: Boolean = Field(False, description="whether listings leave it out")
    use_model_name: Text = Field("", description="the model name sent upstream")
    name: Text = Field("", description="for listings")
    description: Text = Field("", description="for listings")
    concurrency_limit: Integer = Field(
        0, description="requests, waiting and served; 0 for 10"
    )
    queue_limit: Natural = Field(
        0, description="requests beyond concurrencyLimit that wait"
    )
    queue_timeout: DurationOrZero = Field(
        0.0, description="how long a request may wait; 0 for any time"
    )
    filters: Filters = Field(Filters.model_construct(), description="of its requests")
    macros: Macros = Field(None, description="macros of its own, over the global ones")
    metadata: Anything = Field(None, description="shown in /v1/models")
    send_loading_state: Boolean | None = Field(
        None, description="as the global one, which holds where this is absent"
    )
    timeouts: Timeouts = Field(Timeouts.model_construct(), description="to its server")
    compat: Compat = Field(Compat.model_construct(), description="special treatment")
    capabilities: Capabilities | None = Field(None, description="what it can do")


class Store(Section):
    """Where the activity is kept."""

    path: Text | None = Field(None, description="an SQLite file; absent: in memory")


class ActivityPage(Section):
    """The page of activities."""

    session_id: Items[Text] = Field(
        ("X-Session-ID", "X-Litellm-Session-Id"),
        alias="session_id",
        description="request headers that name a session",
    )


class UI(Section):
    """The web page."""

    activity: ActivityPage = Field(
        ActivityPage.model_construct(), description="the page of activities"
    )


class Performance(Section):
    """Samples of the machine."""

    disabled: Boolean = Field(False, description="whether there are none")
    every: Duration = Field(5.0, description="from one to the next; at least 5s")


class CORS(Section):
    """What foreign web pages may do."""

    origins: Items[Text] = Field(
        ("*",), description="origins that may use inference and listings"
    )


class Server(Section):
    """Limits of our own server."""

    head_timeout: Limit = Field(30.0, description="until a request's head is whole")
    body_timeout: Limit = Field(60.0, description="without a byte of its body")
    max_header_bytes: Size = Field(64 * 1024, description="of a request's head")


class Upstream(Section):
    """Paths below /upstream."""

    ignore_paths: Items[Text] = Field(
        (), description="RE2 expressions; what matches never loads a model"
    )


class OnStartup(Section):
    """What is done at start-up."""

    preload: Items[Text] = Field((), description="models to load, in order")


class Hooks(Section):
    """What is done when something happens."""

    on_startup: OnStartup = Field(
        OnStartup.model_construct(), alias="on_startup", description="at start-up"
    )


class ProfileSection(Section):
    """A set of pins, which can be switched on at run time."""

    model_config = _required("pins")

    description: Text = Field("", description="for people")
    pins: Entries[Text] = Field(
        {}, description="id → target; an empty target or null disables the id"
    )


def _no_list(node: object) -> object:
    if isinstance(node, ListNode):
        raise wrong(
            "must be a mapping, not a list: a profile has pins now, like "
            "{description: for coding, pins: {an-id: the-model}}"
        )
    return node


class SelectorSettings(Section):
    """Settings of a strategy."""

    spillover: Annotated[Integer, Field(ge=1)] = Field(
        1, description="requests that a target has before the next one is taken"
    )


Strategy = Annotated[Literal["pin", "warm", "spillover"], AS_TEXT]


class SelectorSection(Section):
    """A virtual model, which chooses among its targets."""

    model_config = _required("strategy", "targets")

    strategy: Strategy | None = Field(None, description="how it chooses; required")
    targets: Items[Text] = Field(
        (), description="ids, aliases or peers' models; required"
    )
    settings: SelectorSettings = Field(
        SelectorSettings.model_construct(), description="of the strategy"
    )
    name: Text = Field("", description="for listings")
    description: Text = Field("", description="for listings")
    unlisted: Boolean = Field(False, description="whether listings leave it out")
    metadata: Anything = Field(None, description="shown in /v1/models")


class PeerSection(Section):
    """Another server, which has models of its own."""

    model_config = _required("proxy", "models")

    proxy: Text | None = Field(None, description="its URL; required")
    api_key: Text = Field("", description="the key that it wants")
    models: Items[Text] = Field((), description="its models' names; required")
    filters: Filters = Field(Filters.model_construct(), description="of its requests")
    timeouts: PeerTimeouts = Field(
        PeerTimeouts.model_construct(), description="to the peer"
    )


class MatrixSection(Section):
    """Sets of models that may run together."""

    vars: Entries[Text] = Field({}, description="short name → a model's id")
    evict_costs: Entries[Annotated[Integer, Field(ge=1)]] = Field(
        {},
        alias="evict_costs",
        description="by var or id, what it costs to stop the model; 1 where absent",
    )
    sets: Entries[Text] = Field(
        {}, description="name → expression: a & b together, a | b either, ( ), +set"
    )


class GroupSection(Section):
    """Models that share a rule."""

    swap: Boolean = Field(True, description="whether one stops the others")
    exclusive: Boolean = Field(True, description="whether it stops other groups'")
    persistent: Boolean = Field(False, description="whether other groups spare it")
    members: Items[Text] = Field((), description="ids of models")


Groups: TypeAlias = Entries[GroupSection]

LogToStdout = Annotated[Literal["proxy", "upstream", "both", "none"], AS_TEXT]


class RouterSettings(Section):
    """Settings of the planners, each under its name."""

    groups: Groups = Field({}, description="of the planner group")
    matrix: MatrixSection | None = Field(None, description="of the planner matrix")


class Router(Section):
    """Which models may run beside each other."""

    use: Text = Field("group", description="the planner")
    settings: RouterSettings = Field(
        RouterSettings.model_construct(), description="of the planners"
    )


class Fifo(Section):
    """Settings of the scheduler fifo."""

    priority: Entries[Integer] = Field({}, description="by model; higher goes first")
    max_wait: DurationOrZero = Field(
        60.0, description="after which a request is overdue; 0 for never"
    )


class SchedulerSettings(Section):
    """Settings of the schedulers, each under its name."""

    fifo: Fifo = Field(Fifo.model_construct(), description="of the scheduler fifo")


class Scheduler(Section):
    """Who is served when."""

    use: Annotated[Literal["fifo"], AS_TEXT] = Field(
        "fifo", description="the scheduler"
    )
    settings: SchedulerSettings = Field(
        SchedulerSettings.model_construct(), description="of the schedulers"
    )


class Routing(Section):
    """Which models run, who waits."""

    router: Router = Field(Router.model_construct(), description="the planner")
    scheduler: Scheduler = Field(
        Scheduler.model_construct(), description="the scheduler"
    )


class File(Section):
    """The configuration of llamaswap-tw."""

    health_check_timeout: Integer = Field(
        120, description="seconds that a start may take; at least 15"
    )
    log_level: Text = Field("info", description="debug, info, warn or error")
    log_time_format: Text = Field("", description="a name of Go's; empty for none")
    log_to_stdout: LogToStdout = Field(
        "proxy", description="which log reaches standard output"
    )
    log_requests: Anything = Field(None, description="obsolete, without effect")
    store: Store = Field(Store.model_construct(), description="of the activity")
    metrics_max_in_memory: Integer = Field(
        1000, description="activities kept in memory; below 1: the default"
    )
    capture_buffer: Natural = Field(5, description="MB of captures; 0 for none")
    ui: UI = Field(UI.model_construct(), description="the web page")
    performance: Performance = Field(
        Performance.model_construct(), description="samples of the machine"
    )
    start_port: Annotated[Integer, Field(ge=1, le=HIGHEST_PORT)] = Field(
        DEFAULT_START_PORT, description="the first ${PORT}"
    )
    send_loading_state: Boolean = Field(
        False, description="whether streams tell that a model is loading"
    )
    include_aliases_in_list: Boolean = Field(
        False, description="whether listings have aliases"
    )
    global_ttl: Natural = Field(
        0, alias="globalTTL", description="the models' ttl; 0 for never"
    )
    unload_timeout: Natural = Field(
        10, description="seconds from the request to stop to the kill; 0 for 10"
    )
    macros: Macros = Field(None, description="names for values, used as ${NAME}")
    api_keys: Items[Text] = Field((), description="keys; a client needs one of them")
    cors: CORS = Field(CORS.model_construct(), description="foreign web pages")
    allowed_hosts: Items[Text] = Field(
        (), description="names of ours that are answered; empty for any"
    )
    max_request_body: Size = Field(1024**3, description="of a request's body")
    server: Server = Field(Server.model_construct(), description="our own server")
    upstream: Upstream = Field(Upstream.model_construct(), description="/upstream")
    models: Entries[ModelSection] = Field({}, description="the models, by id")
    profiles: Entries[Annotated[ProfileSection, BeforeValidator(_no_list)]] = Field(
        {}, description="sets of pins, by id"
    )
    selectors: Entries[SelectorSection] = Field({}, description="virtual models, by id")
    hooks: Hooks = Field(Hooks.model_construct(), description="when something happens")
    routing: Routing = Field(Routing.model_construct(), description="who runs")
    groups: Groups | None = Field(
        None, description="the old place of routing.router.settings.groups"
    )
    matrix: MatrixSection | None = Field(
        None, description="the old place of routing.router.settings.matrix"
    )
    peers: Entries[PeerSection] = Field({}, description="other servers, by id")
