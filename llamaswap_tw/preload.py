"""
Models that are loaded before anybody asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.logger import Logger

from .errors import RequestError

_log = Logger()


class Preloader:
    """
    Loads models one after the other, as requests for them would.

    :param acquire: as `Router.acquire`.
    """

    def __init__(self, acquire: Callable[[str], Deferred[Any]]) -> None:
        self._acquire = acquire
        self._named: set[str] = set()

    @inlineCallbacks
    def load(self, models: Sequence[str]) -> Any:
        """
        Load those that were never named before.

        :param models: their ids, in order.
        :returns: a `Deferred` that fires when each is loaded, or has failed to:
            the log says why, and the next one is loaded all the same.
        """
        new = [model for model in models if model not in self._named]
        self._named.update(new)
        for model in new:
            try:
                lease = yield self._acquire(model)
            except RequestError as e:
                _log.warn("preload: {model}: {reason}", model=model, reason=e.message)
            else:
                lease.release()
