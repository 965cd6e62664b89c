"""
The one place where the parts are wired: start-up, and the order of shutdown.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import (
    Deferred,
    gatherResults,
    inlineCallbacks,
    succeed,
)
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from .config.schema import Config, Model
from .interfaces import IEffects, IScheduler
from .observe.logs import Logs
from .process.launch import Launch, Policy
from .process.launcher import Launcher
from .process.model import ModelProcess
from .process.prober import HttpProber
from .process.watch import Watch
from .proxy.client import UpstreamClient
from .proxy.probe import StatusClient
from .proxy.timeouts import Timeouts
from .routing.fifo import FifoScheduler
from .routing.group import Group, GroupPlanner
from .routing.limits import Limits
from .routing.router import Router
from .web.channel import Site
from .web.front import Front
from .web.inference import Inference, model_routes
from .web.listen import Address, BadAddress, explain_cannot_listen
from .web.logs import LogReaders

_log = Logger()

#: How long a shutdown may take, in seconds, in all.
SHUTDOWN_LIMIT = 30.0

#: What of it is kept for the processes: a stop command wants a moment too.
_FOR_PROCESSES = 3.0

#: After a first full collection, this many of the youngest objects, and this many
#: younger collections, come before the next: one stops every stream at once.
_GC_THRESHOLDS = (10_000, 20, 50)


class CannotListen(Exception):
    """
    The daemon cannot listen where it should; the message is for the user.
    """


def launch_of(model: Model) -> Launch:
    """
    What a model's configuration says about its process.
    """
    return Launch(
        command=model.command,
        stop_command=model.stop_command,
        environment=dict(model.env),
        proxy=model.proxy,
        check_endpoint=model.check_endpoint,
        port=model.port,
    )


def policy_of(model: Model, config: Config) -> Policy:
    """
    What may change about a process while it runs.
    """
    return Policy(
        health_check_timeout=float(config.health_check_timeout),
        unload_timeout=float(model.unload_timeout),
        ttl=float(model.ttl),
    )


def timeouts_of(model: Model) -> Timeouts:
    """
    How long a model's server may take for what.
    """
    return Timeouts(
        connect=model.timeouts.connect,
        keepalive=model.timeouts.keepalive,
        response_header=model.timeouts.response_header,
        tls_handshake=model.timeouts.tls_handshake,
        idle_conn=model.timeouts.idle_conn,
    )


def limits_of(model: Model) -> Limits:
    """
    How many requests a model may have.
    """
    return Limits(
        concurrency_limit=model.concurrency_limit,
        queue_limit=model.queue_limit,
        queue_timeout=model.queue_timeout,
    )


@dataclass
class _Parts:
    """
    What a running daemon is made of.
    """

    watch: Watch
    processes: dict[str, ModelProcess]
    router: Router
    readers: LogReaders
    site: Site


class LlamaSwapService(Service):
    """
    The daemon.

    :param reactor: runs everything.
    :param config: what is configured.
    :param addresses: where to listen.
    :param logs: the logs.
    :ivar ended_in_time: whether all went down within the time a shutdown has.
    """

    def __init__(
        self,
        reactor: Any,
        config: Config,
        addresses: Sequence[Address],
        logs: Logs,
    ) -> None:
        self._reactor = reactor
        self._config = config
        self._addresses = addresses
        self._logs = logs
        self._ports: list[IListeningPort] = []
        self.ended_in_time = True

    def _in_thread(self, function: Any, *args: Any) -> Deferred[Any]:
        pool = self._reactor.getThreadPool()
        return deferToThreadPool(self._reactor, pool, function, *args)

    def startService(self) -> None:
        """
        Wire the parts, clean up after a daemon that died, listen.

        :raises CannotListen: if an address cannot be listened on at once.
        """
        super().startService()
        for warning in self._config.warnings:
            _log.warn("{warning}", warning=warning)
        watch = Watch(self._reactor, os.environ)
        launcher = Launcher(self._reactor, self._in_thread, os.environ, watch)
        self._parts = self._wire(watch, launcher)
        self._listen()
        # Not before: an address in use ends the program, and nothing is to be
        # cleaned up after that.
        watch.start()
        launcher.clean_up()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)

    def _wire(self, watch: Watch, launcher: Launcher) -> _Parts:
        from .web.operations import Operations

        config = self._config
        prober = HttpProber(self._reactor, StatusClient(self._reactor).ask)
        processes: dict[str, ModelProcess] = {}
        clients = {
            model.id: UpstreamClient(self._reactor, timeouts_of(model))
            for model in config.models.values()
        }
        router = Router(
            self._reactor,
            processes,
            clients,
            float(config.health_check_timeout),
            self._make_scheduler,
        )
        for model in config.models.values():
            processes[model.id] = ModelProcess(
                self._reactor,
                model.id,
                launch_of(model),
                policy_of(model, config),
                launcher,
                prober,
                self._logs.output_of(model.id),
                router.state_changed,
            )
        readers = LogReaders()
        created = int(time.time())
        operations = Operations(config, router, self._logs, readers, created)
        inference = Inference(self._reactor, config, router, self._in_thread)
        front = Front(inference, model_routes(), operations.render)
        site = Site(
            self._reactor,
            front.route,
            self._in_thread,
            config.max_request_body,
            config.server.max_header_bytes,
            config.server.head_timeout,
            config.server.body_timeout,
        )
        return _Parts(watch, processes, router, readers, site)

    def _make_scheduler(self, effects: IEffects) -> IScheduler:
        config = self._config
        groups = {
            name: Group(group.swap, group.exclusive, group.persistent, group.members)
            for name, group in config.groups.items()
        }
        scheduler: IScheduler = FifoScheduler(
            effects,
            GroupPlanner(groups, config.models),
            {model.id: limits_of(model) for model in config.models.values()},
            config.priorities,
            config.max_wait,
        )
        return scheduler

    def _listen(self) -> None:
        for address in self._addresses:
            try:
                endpoints = address.endpoints(self._reactor)
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
        for port in self._ports:
            yield port.stopListening()
        parts.readers.end_all()
        parts.router.close()
        yield self._within(parts.site.drain(), until - _FOR_PROCESSES, "cut requests")
        for channel in tuple(parts.site.channels):
            channel.abort()
        grace = max(_FOR_PROCESSES, until - self._reactor.seconds())
        down = gatherResults(
            [
                process.shut_down(
                    min(grace, float(self._config.models[model].unload_timeout))
                )
                for model, process in parts.processes.items()
            ]
        )
        yield self._within(down, until + _FOR_PROCESSES, "left processes alive")
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
