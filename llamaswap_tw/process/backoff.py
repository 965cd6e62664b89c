"""
When a model that fails to start may be tried again.
"""

from __future__ import annotations

from ..errors import BackingOff, StartFailed

#: So many failures in a row, no further apart than the window, begin a rest.
_FAILURES = 3
_WINDOW = 60.0

#: The longest rest, in seconds.
_LONGEST = 60.0


class BackOff:
    """
    Counts the failed starts of one model.

    Three in a row within a minute bring a rest of 1 s, each further one twice
    the rest before it, up to a minute.  A success ends the row, and so does a
    failure that comes more than a minute after the last rest was over.

    :param model: the model's id.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self.forgive()

    def forgive(self) -> None:
        """
        Forget all failures: it started, or a person asked for another try.
        """
        self._failed_at: list[float] = []
        self._rest = 0.0
        self._until = 0.0
        self._last: StartFailed | None = None

    def failed(self, now: float, error: StartFailed) -> None:
        """
        A start failed.

        :param now: seconds of the reactor's clock.
        :param error: what went wrong.
        """
        if self._rest and now > self._until + _WINDOW:
            self.forgive()
        self._last = error
        self._failed_at = [*self._failed_at[1 - _FAILURES :], now]
        if self._rest:
            self._rest = min(_LONGEST, 2 * self._rest)
        elif len(self._failed_at) == _FAILURES and now - self._failed_at[0] <= _WINDOW:
            self._rest = 1.0
        self._until = now + self._rest

    def rests_until(self, now: float) -> float | None:
        """
        When the rest that is under way is over, or `None` where there is none.

        :param now: seconds of the reactor's clock.
        """
        return self._until if self._rest and now < self._until else None

    def refusal(self, now: float) -> BackingOff | None:
        """
        Why the model is not started now, or `None` where it may be.

        :param now: seconds of the reactor's clock.
        """
        until = self.rests_until(now)
        if self._last is None or until is None:
            return None
        return BackingOff(self._model, until - now, self._last)
