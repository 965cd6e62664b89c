"""
What has become of each model so far: since when it is where it is, how long its last
loads took, why it failed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import ModelIdle, RequestError, StartFailed
from ..interfaces import ProcessState

#: How many loads are remembered.
_LOADS = 5

#: How much of its last output is told with a failure, in bytes.
_QUOTED = 2048


@dataclass(frozen=True)
class Failed:
    """
    A failure.

    :ivar at: when, in seconds since the epoch.
    :ivar message: what happened.
    :ivar code: as in the envelope of an error.
    :ivar log: the last lines that the process wrote.
    """

    at: float
    message: str
    code: str
    log: str


@dataclass
class Past:
    """
    One model's past.

    :ivar state: where it stands.
    :ivar since: since when, in seconds since the epoch.
    :ivar loads: how long its last loads took, in seconds, the newest last.
    :ivar failure: why it is not up, where nobody asked for that.
    """

    state: ProcessState
    since: float
    loads: deque[float] = field(default_factory=lambda: deque(maxlen=_LOADS))
    failure: Failed | None = None


class Pasts:
    """
    The pasts of all models.

    :param wall: tells the time of day, in seconds since the epoch.
    :param tail: the last lines that a model's process wrote, by its id and how many
        bytes of them are wanted.
    """

    def __init__(
        self, wall: Callable[[], float], tail: Callable[[str, int], str]
    ) -> None:
        self._wall = wall
        self._tail = tail
        self._began = wall()
        self._pasts: dict[str, Past] = {}

    def __getitem__(self, model: str) -> Past:
        """
        A model's; one that nothing became of yet has been down since this began.
        """
        past = self._pasts.get(model)
        return Past(ProcessState.STOPPED, self._began) if past is None else past

    def state_changed(
        self, model: str, state: ProcessState, error: RequestError | None
    ) -> None:
        """
        A model's process is in another state: a `StateObserver`.
        """
        if state is ProcessState.SHUTDOWN:
            # It is configured no more, or the daemon ends.
            self._pasts.pop(model, None)
            return
        past, now = self[model], self._wall()
        self._pasts[model] = past
        if state is ProcessState.READY:
            if past.state is ProcessState.STARTING:
                past.loads.append(max(0.0, now - past.since))
            past.failure = None
        elif error is not None and not isinstance(error, ModelIdle):
            past.failure = self._failed(model, error, now)
        past.state, past.since = state, now

    def forgive(self, model: str) -> None:
        """
        A model is configured in another way: why it failed before says nothing.
        """
        if model in self._pasts:
            self._pasts[model].failure = None

    def _failed(self, model: str, error: RequestError, now: float) -> Failed:
        if isinstance(error, StartFailed):
            return Failed(
                now, f"it did not start: {error.reason}", error.code, error.output
            )
        return Failed(now, error.message, error.code, self._tail(model, _QUOTED))
