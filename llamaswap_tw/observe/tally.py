"""
What becomes of swaps and processes, counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from ..errors import ModelNotFound, ModelUnloaded, RequestError, ShuttingDown
from ..interfaces import ISwapObserver, ProcessState
from .metrics import Metrics

#: A swap that ends with one of these was not wanted any more.
_NOT_WANTED = (ModelNotFound, ModelUnloaded, ShuttingDown)


@implementer(ISwapObserver)
class Tally:
    """
    Counts what it is told of.

    :param metrics: where.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        #: Why the process that is on its way out ends.
        self._reasons: dict[str, str] = {}
        self._states: dict[str, ProcessState] = {}

    # Swaps.

    def swap_began(self, model: str, evict: Sequence[str], overdue: bool) -> None:
        """
        A swap begins.
        """
        for other in evict:
            self._metrics.evicted(other)
        if overdue:
            self._metrics.swap_forced()

    def swap_ended(
        self, model: str, error: RequestError | None, seconds: float
    ) -> None:
        """
        A swap is over.
        """
        if error is None:
            self._metrics.swap_ended(model, "ready", seconds)
        elif isinstance(error, _NOT_WANTED):
            self._metrics.swap_ended(model, "cancelled", None)
        else:
            self._metrics.swap_ended(model, "failed", None)

    # Processes.

    def state_changed(
        self, model: str, state: ProcessState, error: RequestError | None
    ) -> None:
        """
        A model's process is in another state: a `StateObserver`.
        """
        before = self._states.get(model)
        if state is ProcessState.STOPPING:
            if error is None or isinstance(error, _NOT_WANTED):
                self._reasons[model] = "stopped"
            elif before is ProcessState.READY:
                self._reasons[model] = "crashed"
            else:
                self._reasons[model] = "failed"
        elif state in (ProcessState.STOPPED, ProcessState.SHUTDOWN):
            # Where there is none, there was no process.
            reason = self._reasons.pop(model, None)
            if reason is not None:
                self._metrics.process_exited(model, reason)
        if state is ProcessState.SHUTDOWN:
            self._states.pop(model, None)
        else:
            self._states[model] = state
