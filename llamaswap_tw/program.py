"""
The daemon as a program of its own: signals, standard output, an exit status.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

from twisted.application.service import MultiService
from twisted.internet.error import ReactorNotRunning
from twisted.logger import ILogObserver, Logger, globalLogPublisher
from twisted.python.components import Componentized

from . import dispatch
from .notify import Notifier
from .observe.observer import LineObserver
from .observe.stdout import PatientWriter
from .service import CannotListen, LlamaSwapService

_log = Logger()


def give_up(message: str) -> NoReturn:
    """
    End with one line, or a few, on standard error and status 1.
    """
    # twistd may have made ``sys.stderr`` a part of the log by now.
    print(message.rstrip(), file=sys.__stderr__)
    raise SystemExit(1)


class HangUps:
    """
    Takes SIGHUP, from now on: its default is to end the program.

    :param reactor: tells of it once it runs.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._tell: Callable[[], object] = _nothing
        signal.signal(signal.SIGHUP, self._came)

    def tell(self, reload: Callable[[], object]) -> None:
        """
        Call this for each, those that came before the reactor runs too.
        """
        self._tell = reload

    def _came(self, number: int, frame: FrameType | None) -> None:
        # A signal may come in the middle of anything.
        self._reactor.callFromThread(self._take)

    def _take(self) -> None:
        self._tell()


def _nothing() -> None:
    """
    There is nobody to tell.
    """


class Program(MultiService):
    """
    Holds the daemon with what only a program of its own has: the log on
    standard output, signals, an exit status.

    :param reactor: runs everything.
    :param daemon: the daemon.
    :param observer: writes the log's lines.
    :param writer: standard output, where it is ours.
    :param pidfile: twistd's, or `None`.
    :param hang_ups: tells of SIGHUP.
    :param notifier: is told how the program is.
    """

    def __init__(
        self,
        reactor: Any,
        daemon: LlamaSwapService,
        observer: LineObserver,
        writer: PatientWriter | None,
        pidfile: str | None,
        hang_ups: HangUps,
        notifier: Notifier,
    ) -> None:
        super().__init__()
        self._pidfile = pidfile
        self._reactor = reactor
        self._daemon = daemon
        self._observer = observer
        self._writer = writer
        self._notifier = notifier
        self._asked_to_stop = False
        daemon.setServiceParent(self)
        hang_ups.tell(self._reload)

    def setServiceParent(self, parent: Any) -> None:
        """
        Join the application.  Where twistd was not told to log elsewhere, its
        log is ours: a line of ours has nothing of Twisted's before it.
        """
        if self._writer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)

    def startService(self) -> None:
        """
        Start the daemon; take the signals once the reactor has taken them.
        """
        dispatch.install()
        if self._writer is None:
            globalLogPublisher.addObserver(self._observer)
        try:
            super().startService()
        except CannotListen as e:
            self._remove_pidfile()
            give_up(f"llamaswap: {e}")
        self._reactor.callWhenRunning(self._take_signals)
        self._reactor.addSystemEventTrigger("after", "shutdown", self._end)

    def _remove_pidfile(self) -> None:
        """
        What twistd does itself, where it is left to end by itself.
        """
        if self._pidfile:
            with suppress(OSError):
                os.unlink(self._pidfile)

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        # It listens already, and what it is told to from now on it does.
        self._notifier.ready()

    def stopService(self) -> Any:
        """
        Stop the daemon.

        :returns: a `Deferred` that fires when all is down.
        """
        self._notifier.stopping()
        return super().stopService()

    def _reload(self) -> None:
        _log.info("SIGHUP: reloading the configuration")
        self._notifier.reloading()
        self._daemon.reload().addCallback(lambda _: self._notifier.ready())

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        # Not through the reactor: a second signal must also work where the
        # reactor is what hangs.  The watchdog ends the models.
        if self._asked_to_stop:
            self._remove_pidfile()
            os._exit(128 + number)
        self._asked_to_stop = True
        self._reactor.callFromThread(self._stop, signal.Signals(number).name)

    def _stop(self, name: str) -> None:
        _log.info("{name}: shutting down; once more to end at once", name=name)
        with suppress(ReactorNotRunning):
            self._reactor.stop()

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close(timeout=1.0)
        if not self._daemon.ended_in_time:
            self._remove_pidfile()
            os._exit(1)
