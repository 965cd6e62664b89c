"""
When the configuration is loaded again: one load at a time, and never one fewer
than it takes to end in the last file's state.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from .config.errors import ConfigError
from .config.schema import Config
from .config.watch import Sources
from .interfaces import InThread

_log = Logger()

#: How often the sources are looked at, in seconds.
_EVERY = 2.0


class Reloader:
    """
    Loads the configuration again when it is asked to.

    :param load: loads it; returns a `Deferred` that fires with it, and fails with
        a `ConfigError` where it does not load.
    :param apply: makes a configuration hold.
    """

    def __init__(
        self, load: Callable[[], Deferred[Config]], apply: Callable[[Config], None]
    ) -> None:
        self._load = load
        self._apply = apply
        self._asked = 0
        self._loading = False
        self._stopped = False
        self._waiting: list[Deferred[None]] = []

    def reload(self) -> Deferred[None]:
        """
        Load it again.  What was asked while a load is under way may have come
        after the file was read: there is another load after it.

        :returns: a `Deferred` that fires once nothing is left to load, whether the
            configuration loads or not.
        """
        if self._stopped:
            return succeed(None)
        self._asked += 1
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        if not self._loading:
            self._loading = True
            self._begin()
        return done

    def stop(self) -> None:
        """
        Load no more; what is loaded yet is not applied.
        """
        self._stopped = True

    def _begin(self) -> None:
        self._asked = 0
        loaded = maybeDeferred(self._load).addCallback(self._loaded)
        loaded.addErrback(self._failed)
        loaded.addCallback(self._ended)

    def _loaded(self, config: Config) -> None:
        if not self._stopped:
            self._apply(config)

    def _failed(self, reason: Failure) -> None:
        error = reason.value
        if not isinstance(error, ConfigError):
            _log.failure("reloading the configuration", reason)
            return
        _log.error("the configuration does not load; the one before still holds")
        for line in str(error).splitlines():
            _log.error("{line}", line=line)

    def _ended(self, _: None) -> None:
        if self._asked and not self._stopped:
            self._begin()
        else:
            self._loading = False
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                done.callback(None)


class SourceWatch:
    """
    Asks for a reload when a source of the configuration has changed.

    :param clock: spaces the looks.
    :param in_thread: runs a function in a thread.
    :param sources: what is looked at.  They were there before the configuration
        was loaded: what changes after that is seen.
    :param changed: called when they have.
    """

    def __init__(
        self,
        clock: IReactorTime,
        in_thread: InThread,
        sources: Sources,
        changed: Callable[[], object],
    ) -> None:
        self._clock = clock
        self._in_thread = in_thread
        self._sources = sources
        self._changed = changed
        self._next: IDelayedCall | None = None
        self._stopped = False

    def start(self) -> None:
        """
        Look every few seconds from now on.
        """
        self._next = self._clock.callLater(_EVERY, self._look)

    def stop(self) -> None:
        """
        Look no more.
        """
        self._stopped = True
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _look(self) -> None:
        looked = self._in_thread(self._sources.changed)
        looked.addCallbacks(self._looked, self._blind)

    def _looked(self, changed: bool) -> None:
        if self._stopped:
            return
        self.start()
        if changed:
            _log.info("the configuration's files have changed")
            self._changed()

    def _blind(self, reason: Failure) -> None:
        _log.failure("looking at the configuration's files", reason)
        self._looked(False)
