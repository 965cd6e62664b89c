"""
The one place where the parts are wired: start, reload, and the order of shutdown.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from .config.schema import Config, Model
from .config.watch import Sources
from .errors import RequestError
from .interfaces import IEffects, IScheduler, ProcessState
from .observe.logs import Logs
from .planners import Planners
from .preload import Preloader
from .process.launcher import Launcher
from .process.model import ModelProcess
from .process.prober import HttpProber
from .process.watch import Watch
from .proxy.agent import Agent
from .proxy.forward import ForwardProxies
from .proxy.peers import Peers
from .proxy.probe import StatusClient
from .proxy.timeouts import Timeouts
from .records import Records
from .reload import Reloader, SourceWatch
from .routing.directory import Directory
from .routing.fifo import FifoScheduler
from .routing.router import Router
from .settings import launch_of, limits_of, policy_of
from .web.auth import KeyRing
from .web.cors import Cors
from .web.endpoints import model_routes
from .web.front import Front
from .web.hosts import AllowedHosts
from .web.inference import Inference
from .web.listen import Address, BadAddress, Certificate, explain_cannot_listen
from .web.logs import LogReaders
from .web.passthrough import Passthrough
from .web.site import Site
from .web.static import FOLDER, Build

_log = Logger()

#: How long a shutdown may take, in seconds, in all.
SHUTDOWN_LIMIT = 30.0

#: What of it is kept for the processes: a stop command wants a moment too.
_FOR_PROCESSES = 3.0

#: After a first full collection, this many of the youngest objects, and this many
#: younger collections, come before the next: one stops every stream at once.
_GC_THRESHOLDS = (10_000, 20, 50)

#: Loads the configuration again, given the ports that models have already.
Load = Callable[[Mapping[str, int]], Config]


class CannotListen(Exception):
    """
    The daemon cannot listen where it should; the message is for the user.
    """


@dataclass
class _Parts:
    """
    What a running daemon is made of.
    """

    watch: Watch
    launcher: Launcher
    prober: HttpProber
    router: Router
    directory: Directory
    peers: Peers
    preloader: Preloader
    readers: LogReaders
    inference: Inference
    passthrough: Passthrough
    operations: Any
    ui: Any
    hosts: AllowedHosts
    cors: Cors
    keys: KeyRing
    site: Site
    records: Records


class LlamaSwapService(Service):
    """
    The daemon.

    :param reactor: runs everything.
    :param config: what is configured.
    :param addresses: where to listen.
    :param logs: the logs.
    :param load: loads the configuration again; called in a thread.
    :param planners: the planners that can be used.
    :param certificate: what HTTPS is served with, or `None` for HTTP.
    :param sources: what it is loaded from, where a change of that is to load it
        again.
    :param configured: told of each configuration that holds after the first.
    :ivar ended_in_time: whether all went down within the time a shutdown has.
    """

    def __init__(
        self,
        reactor: Any,
        config: Config,
        addresses: Sequence[Address],
        logs: Logs,
        load: Load,
        planners: Planners,
        certificate: Certificate | None,
        sources: Sources | None,
        configured: Callable[[Config], None],
    ) -> None:
        self._reactor = reactor
        self._config = config
        self._addresses = addresses
        self._logs = logs
        self._load = load
        self._planners = planners
        self._certificate = certificate
        self._configured = configured
        self._ports: list[IListeningPort] = []
        self._proxies = ForwardProxies(os.environ)
        self._clients: dict[str, tuple[Timeouts, Agent]] = {}
        self._source_watch = (
            None
            if sources is None
            else SourceWatch(reactor, self._in_thread, sources, self.reload)
        )
        self._reloader = Reloader(self._load_again, self._apply)
        self.ended_in_time = True

    def _in_thread(self, function: Any, *args: Any) -> Deferred[Any]:
        pool = self._reactor.getThreadPool()
        return deferToThreadPool(self._reactor, pool, function, *args)

    # Start.

    def startService(self) -> None:
        """
        Wire the parts, clean up after a daemon that died, listen.

        :raises CannotListen: if an address cannot be listened on at once.
        """
        super().startService()
        self._warn()
        for complaint in self._planners.complaints:
            _log.warn("{complaint}", complaint=complaint)
        self._parts = parts = self._wire()
        for model in self._config.models.values():
            parts.router.add(self._make_process(model), self._client_of(model))
        self._listen()
        # Not before: an address in use ends the program, and nothing is to be
        # cleaned up after that.
        parts.watch.start()
        parts.launcher.clean_up()
        if self._source_watch is not None:
            self._source_watch.start()
        parts.records.start()
        parts.preloader.load(self._config.preload)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)

    def _warn(self) -> None:
        for warning in self._config.warnings:
            _log.warn("{warning}", warning=warning)

    def _wire(self) -> _Parts:
        # Not before: importing Klein installs a reactor.
        from .web.operations import Operations
        from .web.ui import Ui

        reactor, config, in_thread = self._reactor, self._config, self._in_thread
        watch = Watch(reactor, os.environ)
        launcher = Launcher(reactor, in_thread, os.environ, watch)
        records = Records(reactor, in_thread, config, self._logs)
        router = Router(
            reactor,
            float(config.health_check_timeout),
            self._make_scheduler,
            records,
        )
        readers = LogReaders()
        directory = Directory(config, router.state_of)
        records.join(router, directory)
        peers = Peers(reactor, self._proxies)
        peers.reconfigure(config.peers)
        hosts, keys = AllowedHosts(config.allowed_hosts), KeyRing(config.api_keys)
        routes = model_routes()
        cors = Cors(config.cors_origins, routes)
        operations = Operations(
            config, directory, router, self._logs, readers, int(time.time())
        )
        inference = Inference(
            reactor, config, directory, router, peers, in_thread, records.recorder
        )
        passthrough = Passthrough(
            reactor, config, directory, router, peers, records.recorder
        )
        ui = Ui(config, directory, router, Build(FOLDER), in_thread)
        rooms = records.rooms([address.text for address in self._addresses])
        front = Front(
            inference,
            routes,
            operations.render,
            passthrough.routes(),
            {**rooms, **ui.rooms()},
        )
        site = Site(
            reactor,
            front.route,
            in_thread,
            config.max_request_body,
            config.server.max_header_bytes,
            config.server.head_timeout,
            config.server.body_timeout,
            lambda request: (
                # Before the keys: a browser's question bears none, and what is
                # refused for the lack of one has its headers too.
                hosts.refusal(request) or cors.refusal(request) or keys.refusal(request)
            ),
        )
        prober = HttpProber(reactor, StatusClient(reactor, self._proxies).ask)
        return _Parts(
            watch,
            launcher,
            prober,
            router,
            directory,
            peers,
            Preloader(router.acquire),
            readers,
            inference,
            passthrough,
            operations,
            ui,
            hosts,
            cors,
            keys,
            site,
            records,
        )

    def _make_scheduler(self, effects: IEffects) -> IScheduler:
        config = self._config
        scheduler: IScheduler = FifoScheduler(
            effects,
            self._planners.make(config),
            limits_of(config),
            config.priorities,
            config.max_wait,
        )
        return scheduler

    def _make_process(self, model: Model) -> ModelProcess:
        parts = self._parts
        return ModelProcess(
            self._reactor,
            model.id,
            launch_of(model),
            policy_of(model, self._config),
            parts.launcher,
            parts.prober,
            self._logs.output_of(model.id),
            self._state_changed,
            parts.records.busy,
        )

    def _state_changed(
        self, model: str, state: ProcessState, error: RequestError | None
    ) -> None:
        parts = self._parts
        # The router may bring about the next change at once.
        parts.records.state_changed(model, state, error)
        parts.router.state_changed(model, state, error)

    def _client_of(self, model: Model) -> Agent:
        """
        What sends requests up to a model: the same one as long as its timeouts
        are the same.
        """
        timeouts = Timeouts.of(model.timeouts)
        known = self._clients.get(model.id)
        if known is None or known[0] != timeouts:
            client = Agent(self._reactor, timeouts, proxies=self._proxies)
            known = (timeouts, client)
            self._clients[model.id] = known
        return known[1]

    def _listen(self) -> None:
        for address in self._addresses:
            try:
                endpoints = address.endpoints(self._reactor, self._certificate)
            except BadAddress as e:
                raise CannotListen(str(e))
            for endpoint in endpoints:
                self._open(address, endpoint)
            _log.info("listening on {address}", address=address.text)
            if address.reach == "network":
                _log.warn(
                    "{address}: every host on the network can reach this; "
                    "--listen 127.0.0.1:{port} restricts it to this machine",
                    address=address.text,
                    port=address.port,
                )

    def _open(self, address: Address, endpoint: IStreamServerEndpoint) -> None:
        failures: list[BaseException] = []

        def failed(reason: Failure) -> None:
            assert reason.value is not None
            failures.append(reason.value)

        opening = endpoint.listen(self._parts.site)
        opening.addCallbacks(self._ports.append, failed)
        if failures:
            raise CannotListen(explain_cannot_listen(address, failures[0]))

    # Reload.

    def reload(self) -> Deferred[None]:
        """
        Load the configuration again, and stop only what has changed.

        :returns: a `Deferred` that fires once that holds, or is seen not to load.
        """
        return self._reloader.reload()

    def _load_again(self) -> Deferred[Config]:
        configured = {
            model.id: model.port
            for model in self._config.models.values()
            if model.port is not None
        }
        # What was removed or changed may have its port for a while yet.
        held = {**self._parts.router.held_ports(), **configured}
        return self._in_thread(self._load, held)

    def _apply(self, config: Config) -> None:
        """
        Make a configuration hold.  What it changes is told by what there is, not
        by the configuration before: where a mistake of ours breaks this off, the
        next reload makes up for it.
        """
        before, parts, router = self._config, self._parts, self._parts.router
        launches = {model.id: launch_of(model) for model in config.models.values()}
        limits, planner = limits_of(config), self._planners.make(config)
        # The log of one that was removed and is not down yet goes on.
        self._logs.reconfigure(
            {**config.models, **dict.fromkeys(router.models)}, config.log_to_stdout
        )
        parts.records.reconfigure(config)
        for model_id, model in config.models.items():
            policy, client = policy_of(model, config), self._client_of(model)
            if not router.change(model_id, launches[model_id], policy, client):
                router.add(self._make_process(model), client)
        router.reconfigured(
            float(config.health_check_timeout),
            planner,
            limits,
            config.priorities,
            config.max_wait,
        )
        for model_id in self._clients.keys() - config.models.keys():
            del self._clients[model_id]
        parts.peers.reconfigure(config.peers)
        parts.directory.reconfigured(config)
        parts.hosts.reconfigure(config.allowed_hosts)
        parts.cors.reconfigure(config.cors_origins)
        parts.keys.reconfigure(config.api_keys)
        parts.inference.reconfigure(config)
        parts.passthrough.reconfigure(config)
        parts.operations.reconfigure(config)
        parts.ui.reconfigure(config)
        parts.site.reconfigure(
            config.max_request_body,
            config.server.max_header_bytes,
            config.server.head_timeout,
            config.server.body_timeout,
        )
        self._config = config
        parts.records.reconfigured()
        self._configured(config)
        self._warn()
        _log.info(
            "the configuration was reloaded: {changes}",
            changes=_in_words(before, config),
        )
        parts.preloader.load(config.preload)

    # Shutdown.

    @inlineCallbacks
    def stopService(self) -> Any:
        """
        Stop accepting, end what would never end by itself, let running requests
        finish, then stop the processes.

        :returns: a `Deferred` that fires when all is down.
        """
        super().stopService()
        parts = self._parts
        until = self._reactor.seconds() + SHUTDOWN_LIMIT
        if self._source_watch is not None:
            self._source_watch.stop()
        self._reloader.stop()
        for port in self._ports:
            yield port.stopListening()
        parts.readers.end_all()
        parts.records.end_readers()
        parts.router.close()
        yield self._within(parts.site.drain(), until - _FOR_PROCESSES, "cut requests")
        for channel in tuple(parts.site.channels):
            channel.abort()
        grace = max(_FOR_PROCESSES, until - self._reactor.seconds())
        down = parts.router.shut_down(grace)
        yield self._within(down, until + _FOR_PROCESSES, "left processes alive")
        yield self._within(parts.records.close(), until + _FOR_PROCESSES, "lost rows")
        parts.peers.close()
        parts.watch.stop()

    def _within(self, done: Deferred[Any], until: float, otherwise: str) -> Any:
        """
        Wait, but not for ever.
        """
        if done.called:
            return succeed(None)
        done.addTimeout(max(0.0, until - self._reactor.seconds()), self._reactor)

        def too_late(reason: Failure) -> None:
            reason.trap(DeferredTimeout)
            self.ended_in_time = False
            _log.warn(
                "the shutdown took too long, and {otherwise}", otherwise=otherwise
            )

        return done.addErrback(too_late)


def _in_words(before: Config, after: Config) -> str:
    """
    What a reload has done to the models.
    """
    old, new = before.models, after.models
    changed = [
        model
        for model in new.keys() & old.keys()
        if launch_of(new[model]) != launch_of(old[model])
    ]
    parts = [
        f"{word} {', '.join(sorted(models))}"
        for word, models in (
            ("added", new.keys() - old.keys()),
            ("removed", old.keys() - new.keys()),
            ("changed", changed),
        )
        if models
    ]
    return "; ".join(parts) or "no model is started in another way"
