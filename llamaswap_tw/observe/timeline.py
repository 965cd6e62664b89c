"""
The last hour of every model: its states, and when it served.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import RequestError, StartFailed
from ..interfaces import ProcessState
from .moments import instant

#: How far back it goes, in seconds.
SPAN = 3600.0

#: No more changes, and no more times of service, than these are kept.
_MOST = 4096

#: What served again after no more than so many seconds has served all the time: there
#: would be thousands of times of service a second.
_PAUSE = 1.0

#: The longest reason, in characters.
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Change:
    """
    A model's process is in another state.

    :ivar at: since when, in seconds since the epoch.
    :ivar reason: why, where that is known.
    """

    at: float
    model: str
    state: str
    reason: str | None


@dataclass(slots=True)
class _Service:
    """
    A time in which a model served.

    :ivar end: in seconds since the epoch; `None` while it does.
    """

    model: str
    start: float
    end: float | None = None


@dataclass(frozen=True)
class View:
    """
    A part of the timeline, at one moment.

    :ivar now: that moment, in seconds since the epoch.
    :ivar changes: the oldest first.
    :ivar served: model, start and end, or `None` for the latter while it serves.
    """

    now: float
    changes: Sequence[Change]
    served: Sequence[tuple[str, float, float | None]]

    def as_json(self) -> dict[str, Any]:
        """
        As ``/api/timeline`` shows it.
        """
        return {
            "now": instant(self.now),
            "events": [
                {
                    "at": instant(change.at),
                    "model": change.model,
                    "state": change.state,
                    "reason": change.reason,
                }
                for change in self.changes
            ],
            "served": [
                {
                    "model": model,
                    "from": instant(start),
                    "to": None if end is None else instant(end),
                }
                for model, start, end in sorted(self.served, key=lambda one: one[1])
            ],
        }


class Timeline:
    """
    Keeps it.

    :param wall: tells the time of day, in seconds since the epoch.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._changes: deque[Change] = deque(maxlen=_MOST)
        #: The last change of each model that is older than those.
        self._before: dict[str, Change] = {}
        #: The last time of service of each model, which may go on.
        self._last: dict[str, _Service] = {}
        #: The others, by their ends.
        self._served: deque[_Service] = deque(maxlen=_MOST)
        self._evicted: dict[str, str] = {}

    # What happens.

    def evicted(self, models: Sequence[str], target: str) -> None:
        """
        Some models are about to be stopped because ``target`` needs their place.
        """
        for model in models:
            self._evicted[model] = f"to make way for {target}"

    def state_changed(
        self, model: str, state: ProcessState, error: RequestError | None
    ) -> None:
        """
        A model's process is in another state: a `StateObserver`.
        """
        reason = self._evicted.pop(model, None)
        if state is not ProcessState.STOPPING:
            # It was on its way down before.
            reason = None
        if error is not None:
            reason = error.reason if isinstance(error, StartFailed) else error.message
        if reason is not None:
            reason = reason[:_LONGEST]
        now = self._wall()
        self._prune(now)
        if len(self._changes) == _MOST:
            self._forget()
        self._changes.append(Change(now, model, state.value, reason))

    def busy(self, model: str, is_busy: bool) -> None:
        """
        A model serves from now on, or no more: a `BusyObserver`.
        """
        last = self._last.get(model)
        if not is_busy:
            if last is not None:
                last.end = self._wall()
            return
        now = self._wall()
        if last is not None:
            if last.end is None or now - last.end <= _PAUSE:
                last.end = None
                return
            self._served.append(last)
        self._last[model] = _Service(model, now)

    def _prune(self, now: float) -> None:
        changes = self._changes
        while changes and changes[0].at < now - SPAN:
            self._forget()

    def _forget(self) -> None:
        change = self._changes.popleft()
        self._before[change.model] = change

    # Who looks.

    def since(self, moment: float | None) -> View:
        """
        What was, and is.

        :param moment: seconds since the epoch: changes from then on, and times of
            service that were not over before; `None` for the last hour, with the
            change before it that says in which state each model went into it.
        """
        now = self._wall()
        self._prune(now)
        earliest = now - SPAN if moment is None else max(moment, now - SPAN)
        changes = [change for change in self._changes if change.at >= earliest]
        if moment is None:
            before = sorted(self._before.values(), key=lambda change: change.at)
            changes = before + changes
        served = [
            (one.model, one.start, one.end)
            for one in self._services()
            if one.end is None or one.end >= earliest
        ]
        return View(now, changes, served)

    def _services(self) -> Iterator[_Service]:
        yield from self._served
        yield from self._last.values()

    def retain(self, models: Collection[str]) -> None:
        """
        There are only these models from now on: of the others nothing is kept but
        what is within the hour.
        """
        for model in self._before.keys() - set(models):
            del self._before[model]
        for model in self._last.keys() - set(models):
            # It may be serving its last requests yet.
            if self._last[model].end is not None:
                self._served.append(self._last.pop(model))
