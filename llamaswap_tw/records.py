"""
What keeps track of what goes on, wired: counts, rows, captures, events, the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from .activity.captures import Captures
from .activity.inflight import InFlight
from .activity.recorder import Recorder
from .activity.store import Store
from .config.schema import Config
from .errors import RequestError
from .interfaces import InThread, ISwapObserver, ProcessState
from .observe.logs import Logs
from .observe.machine import Machine
from .observe.metrics import Gauges, Metrics
from .observe.past import Pasts
from .observe.tally import Tally
from .observe.timeline import Timeline
from .process.memory import Memory
from .routing.directory import Directory
from .routing.router import Router
from .settings import countable_models, launch_of
from .web.endpoints import model_routes
from .web.events import Events
from .web.request import Request
from .web.status import further_status, model_status, queue_status

_MEGABYTE = 1024 * 1024

#: How often it is told at most that models serve or no longer do, or that others wait
#: for them, in seconds: requests may begin and end thousands of times a second.
_BUSY_PACE = 1.0


@implementer(ISwapObserver)
class Records:
    """
    Keeps track of what goes on.

    :param reactor: the clock of it all.
    :param in_thread: runs a function in a thread.
    :param config: what is configured.
    :param logs: the logs.
    :ivar recorder: follows requests to models.
    """

    def __init__(
        self, reactor: Any, in_thread: InThread, config: Config, logs: Logs
    ) -> None:
        self._reactor = reactor
        self._in_thread = in_thread
        self._config = config
        self._logs = logs
        paths = {
            path.decode()
            for known, route in model_routes().items()
            for path in (known, route.sent_up)
        }
        self._metrics = Metrics(countable_models(config), paths)
        self._machine = Machine(reactor, in_thread, config.performance_every)
        self._in_flight = InFlight(reactor, time.time)
        self._store = Store(
            reactor, in_thread, config.store_path, config.metrics_max_in_memory
        )
        self._captures = Captures(reactor, config.capture_buffer * _MEGABYTE, in_thread)
        self._began = time.time()
        #: From the reactor's clock to the time of day.
        self._offset = self._began - reactor.seconds()
        self._pasts = Pasts(
            time.time, lambda model, limit: logs.output_of(model).tail(limit)
        )
        self._timeline = Timeline(time.time)
        self._is_followed = False
        self._telling_busy: IDelayedCall | None = None
        self._tally = Tally(self._metrics)
        self.recorder = Recorder(
            reactor,
            time.time,
            self._in_flight,
            self._store,
            self._captures,
            self._metrics,
            config.session_headers,
            lambda row_id: self._events.row_added(row_id),
        )

    def join(self, router: Router, directory: Directory) -> None:
        """
        What there is to keep track of.

        :param router: holds the models' processes.
        :param directory: knows the active profile.
        """
        self._router = router
        self._events = Events(
            self._reactor,
            self._logs,
            self._in_flight,
            self._statuses,
            lambda: self._config.session_headers,
            lambda: directory.profiles.active,
            lambda: queue_status(router.queue(), self._in_flight, self._offset),
        )
        self._memory = Memory(
            self._reactor, self._in_thread, router.kin, self._events.models_changed
        )
        self._events.followed = self._followed
        self._events.queue_changed = self._tell_busy_soon
        directory.profiles.observers.append(lambda _: self._events.profile_changed())

    def _statuses(self) -> list[dict[str, Any]]:
        router = self._router
        further = further_status(router, self._pasts, self._memory.of, self._offset)
        return model_status(self._config, router.states(), further)

    def rooms(self, listen: Sequence[str]) -> Mapping[bytes, Callable[[Request], None]]:
        """
        The routes that tell of it, by where they are.

        :param listen: where we listen.
        """
        # Not before: importing Klein installs a reactor.
        from .web import activity, details, live, machine

        router = self._router
        gauges = Gauges(
            router.in_flight,
            router.waiting,
            lambda: {model: state.value for model, state in router.states().items()},
            self._machine.now,
        )
        rooms = (
            (
                machine.PATHS,
                machine.MachineRoutes(
                    self._machine, self._metrics, gauges, self._in_thread
                ),
            ),
            (
                details.PATHS,
                details.Details(
                    lambda: self._config,
                    self._timeline,
                    listen,
                    self._began,
                    self._in_thread,
                ),
            ),
            (live.PATHS, live.LiveRoutes(self._events, self._in_flight)),
            (activity.PATHS, activity.Activity(self._store, self._captures)),
        )
        return {path: room.render for paths, room in rooms for path in paths}

    def start(self) -> None:
        """
        Begin.
        """
        self._machine.start()
        self._store.open()

    def state_changed(
        self, model: str, state: ProcessState, error: RequestError | None
    ) -> None:
        """
        A model's process is in another state.
        """
        self._tally.state_changed(model, state, error)
        self._pasts.state_changed(model, state, error)
        self._timeline.state_changed(model, state, error)
        self._events.models_changed()

    def busy(self, model: str, is_busy: bool) -> None:
        """
        A model serves from now on, or no more: a `BusyObserver`.
        """
        self._timeline.busy(model, is_busy)
        self._tell_busy_soon()

    def _tell_busy_soon(self) -> None:
        if self._is_followed and self._telling_busy is None:
            self._telling_busy = self._reactor.callLater(_BUSY_PACE, self._tell_busy)

    def _tell_busy(self) -> None:
        self._telling_busy = None
        self._events.models_changed()

    def _followed(self, is_followed: bool) -> None:
        self._is_followed = is_followed
        if is_followed:
            self._memory.start()
            return
        self._memory.stop()
        if self._telling_busy is not None:
            self._telling_busy.cancel()
            self._telling_busy = None

    def swap_began(self, model: str, evict: Sequence[str], overdue: bool) -> None:
        """
        A swap begins.
        """
        self._tally.swap_began(model, evict, overdue)
        self._timeline.evicted(evict, model)

    def swap_ended(
        self, model: str, error: RequestError | None, seconds: float
    ) -> None:
        """
        A swap is over.
        """
        self._tally.swap_ended(model, error, seconds)

    def reconfigure(self, config: Config) -> None:
        """
        Another configuration holds from now on.
        """
        for model_id, model in self._config.models.items():
            if model_id not in config.models or (
                launch_of(config.models[model_id]) != launch_of(model)
            ):
                self._pasts.forgive(model_id)
        self._timeline.retain(config.models)
        self._config = config
        self._metrics.reconfigure(countable_models(config))
        self._machine.reconfigure(config.performance_every)
        self._store.reconfigure(config.store_path, config.metrics_max_in_memory)
        self._captures.reconfigure(config.capture_buffer * _MEGABYTE)
        self.recorder.reconfigure(config.session_headers)

    def reconfigured(self) -> None:
        """
        All else was changed too: whoever shows models shows the new ones.
        """
        self._events.reconfigured()

    def end_readers(self) -> None:
        """
        End what would never end by itself.
        """
        self._machine.stop()
        self._events.end_all()

    def close(self) -> Deferred[None]:
        """
        :returns: a `Deferred` that fires when all rows are written.
        """
        return self._store.close()
