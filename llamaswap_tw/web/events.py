"""
What happens, as it happens, for pages and scripts that are open: server-sent events.

Each event is made once, whoever follows.  While nobody does, nothing is made at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ..activity.inflight import Entry, InFlight
from ..observe.logs import Logs
from .event import event
from .event_reader import EventReader, Places
from .log_tail import LogTail
from .request import Request

_log = Logger()

#: How long what happens is gathered before it is told, in seconds: a swap is a storm
#: of small changes, and a talkative model writes thousands of lines a second.
GATHER = 0.05

#: Seconds between two looks at the requests in flight, of which each is told again at
#: most as often.
PACE = 0.25

#: Seconds between two comments that keep a silent connection alive.
KEEP_ALIVE = 15.0

#: Of how many requests that came and went between two tellings it is told at most: a
#: flood of them is more than anybody follows, and its rows are told of.
BRIEF = 10

#: What is known of a request that was never told of.
_NEVER = (-1, -1, -inf)

#: Two that there are for each request, with their one value left out.
_REMOVED = event("inflight", {"operation": "remove", "id": "%b"})
_ADDED = event("activity", {"id": 0}).replace(b"0", b"%d")


def _unheard(is_followed: bool) -> None:
    """
    Nobody wants to know whether somebody follows.
    """


class Events:
    """
    Tells everybody who follows what happens.

    :param clock: for the pace.
    :param logs: the logs.
    :param in_flight: who is on the way; it is watched while somebody follows.
    :param models: where every model stands.
    :param session_headers: the headers that name a session.
    :param active_profile: the active profile, or `None`.
    :param queue: tells who waits, as its event does.
    :ivar followed: called with `True` when the first begins to follow, with `False`
        when the last one has left.
    :ivar queue_changed: called when somebody follows and others wait than before.
    """

    def __init__(
        self,
        clock: IReactorTime,
        logs: Logs,
        in_flight: InFlight,
        models: Callable[[], Sequence[Mapping[str, Any]]],
        session_headers: Callable[[], Sequence[str]],
        active_profile: Callable[[], str | None],
        queue: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._clock = clock
        self._in_flight = in_flight
        self._models = models
        self._session_headers = session_headers
        self._active_profile = active_profile
        self._queue = queue
        self.followed: Callable[[bool], None] = _unheard
        self.queue_changed: Callable[[], None] = lambda: None
        self._proxy = LogTail("proxy", logs.proxy, self._log_came)
        self._upstream = LogTail("upstream", logs.upstream, self._log_came)
        self._readers: set[EventReader] = set()
        #: How often something was sent to all.
        self._sent = 0
        #: What has happened, in its order: events, or what makes them when they are
        #: told.
        self._happened: list[bytes | Callable[[], bytes]] = []
        self._changed: set[Callable[[], bytes]] = set()
        self._telling: IDelayedCall | None = None
        #: entry → where in what has happened it comes.
        self._untold: dict[str, int] = {}
        self._brief = 0
        #: entry → what was told of it, and when.
        self._told: dict[str, tuple[int, int, float]] = {}
        #: As it was told to those who follow.
        self._last_queue: Mapping[str, Any] = {}
        self._looking = self._calling(self._look)
        self._keeping = self._calling(self._keep_alive)

    def _calling(self, function: Callable[[], None]) -> LoopingCall:
        call = LoopingCall(function)
        call.clock = self._clock
        return call

    # Whoever follows.

    def serve(self, request: Request) -> Deferred[None]:
        """
        Let a client follow.

        :param request: the client's request.
        :returns: a `Deferred` that fires when the response has ended.
        """
        reader = EventReader(request, lambda _: self._left(reader), self._missed)

        def first() -> bytes:
            # What has happened before is in the snapshot of this one.
            self._tell()
            self._join(reader)
            return b"".join(
                [self._proxy.history(), self._upstream.history(), *self._snapshot()]
            )

        return reader.start(first)

    def end_all(self) -> None:
        """
        Tell what there is to tell, and end every response, whole.
        """
        self._tell()
        for reader in tuple(self._readers):
            reader.end()

    def _join(self, reader: EventReader) -> None:
        self._readers.add(reader)
        if len(self._readers) == 1:
            self._in_flight.watcher = self
            self._last_queue = self._queue()
            self._proxy.follow()
            self._upstream.follow()
            for call, interval in ((self._looking, PACE), (self._keeping, KEEP_ALIVE)):
                call.start(interval, now=False).addErrback(self._broken)
            self.followed(True)

    def _left(self, reader: EventReader) -> None:
        if reader not in self._readers:
            return
        self._readers.remove(reader)
        if not self._readers:
            self._in_flight.watcher = None
            self._proxy.unfollow()
            self._upstream.unfollow()
            for call in (self._looking, self._keeping):
                if call.running:
                    call.stop()
            self._forget_what_happened()
            self._told.clear()
            self.followed(False)

    def _broken(self, reason: Any) -> None:
        _log.failure("telling what happens", reason)

    # What happens.

    def models_changed(self) -> None:
        """
        A model is in another state, or there are others.
        """
        self._change(self._status_event)

    def profile_changed(self) -> None:
        """
        Another profile is active.
        """
        self._change(self._profile_event)

    def reconfigured(self) -> None:
        """
        Another configuration holds.
        """
        self._change(self._settings_event)
        self._change(self._status_event)

    def row_added(self, row_id: int) -> None:
        """
        The activity has another row.
        """
        if self._readers:
            self._happen(_ADDED % row_id)

    def entry_added(self, entry: Entry) -> None:
        """
        As `inflight.Watcher`.
        """
        self._untold[entry.id] = len(self._happened)
        self._happen(partial(self._upsert, entry))

    def entry_removed(self, entry: Entry) -> None:
        """
        As `inflight.Watcher`.
        """
        self._told.pop(entry.id, None)
        untold = self._untold.pop(entry.id, None)
        if untold is not None:
            self._brief += 1
            if self._brief > BRIEF:
                self._happened[untold] = b""
                return
        self._happen(_REMOVED % entry.id.encode())

    def _change(self, make: Callable[[], bytes]) -> None:
        """
        Something is other than it was: it is told once, whatever else comes of it.
        """
        if self._readers and make not in self._changed:
            self._changed.add(make)
            self._happen(make)

    def _happen(self, what: bytes | Callable[[], bytes]) -> None:
        self._happened.append(what)
        self._tell_soon()

    def _log_came(self, much: bool) -> None:
        if much:
            self._tell()
        else:
            self._tell_soon()

    def _tell_soon(self) -> None:
        if self._telling is None:
            self._telling = self._clock.callLater(GATHER, self._tell)

    def _tell(self) -> None:
        """
        Tell all that was gathered.
        """
        if self._telling is not None and self._telling.active():
            self._telling.cancel()
        self._telling = None
        if not self._readers:
            return
        happened = self._happened
        self._forget_what_happened()
        told = self._told_of_logs()
        logs = self._proxy.take() + self._upstream.take()
        events = [each if isinstance(each, bytes) else each() for each in happened]
        self._send(logs + b"".join(events), told)

    def _forget_what_happened(self) -> None:
        self._happened = []
        self._changed.clear()
        self._untold.clear()
        self._brief = 0

    def _send(self, data: bytes, told: Places) -> None:
        if not data:
            return
        self._sent += 1
        number = self._sent
        for reader in tuple(self._readers):
            reader.write(data, number, told)

    def _told_of_logs(self) -> Places:
        return self._proxy.place(), self._upstream.place()

    # What is looked at from time to time.

    def _look(self) -> None:
        """
        Tell of the requests of which something is other than was told.
        """
        # One that has just come was not told of yet, and would be told of twice.
        self._tell()
        now = self._clock.seconds()
        for entry in self._in_flight:
            revision, resp_bytes, at = self._told.get(entry.id, _NEVER)
            # One that was told of a moment ago has its turn the next time.
            if now - at >= PACE * 0.99 and (
                revision != entry.revision or resp_bytes != entry.resp_bytes
            ):
                self._happened.append(partial(self._upsert, entry))
        self._look_at_queue()
        self._tell()

    def _look_at_queue(self) -> Mapping[str, Any]:
        """
        Tell all of the queue, where it is other than they know it.
        """
        queue = self._queue()
        if queue != self._last_queue:
            self._last_queue = queue
            self._happen(event("queue", queue))
            self.queue_changed()
        return queue

    def _keep_alive(self) -> None:
        self._send(b": still there\n\n", self._told_of_logs())

    # The events.

    def _snapshot(self) -> list[bytes]:
        """
        Where everything stands, but for the logs.
        """
        return [
            self._status_event(),
            self._settings_event(),
            self._profile_event(),
            event(
                "inflight",
                {"operation": "snapshot", "requests": self._in_flight.snapshot()},
            ),
            # One that knows more than the others would keep it, were it soon otherwise.
            event("queue", self._look_at_queue()),
        ]

    def _missed(self, told: Places) -> tuple[bytes, int]:
        # Requests that come with the snapshot are told of: their end is told too.
        self._untold.clear()
        proxy, upstream = told
        logs = [self._proxy.since(proxy), self._upstream.since(upstream)]
        return b"".join([*logs, *self._snapshot()]), self._sent

    def _status_event(self) -> bytes:
        return event("modelStatus", self._models())

    def _settings_event(self) -> bytes:
        sessions = list(self._session_headers())
        return event("uiConfig", {"activity": {"session_id": sessions}})

    def _profile_event(self) -> bytes:
        return event("profileChanged", {"active": self._active_profile()})

    def _upsert(self, entry: Entry) -> bytes:
        if not entry.is_over:
            now = self._clock.seconds()
            self._told[entry.id] = (entry.revision, entry.resp_bytes, now)
        return event("inflight", {"operation": "upsert", "request": entry.as_json()})
