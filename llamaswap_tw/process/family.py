"""
A child and whatever came of it, on a real machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from signal import SIGKILL, Signals
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from zope.interface import implementer

from ..interfaces import InThread
from .child import CannotLaunch, Child, start_child
from .interfaces import IFamily
from .kin import Kin, signal_all
from .launch import PID_MACRO
from .table import Entry, read_table
from .watch import Watch

_log = Logger()


@implementer(IFamily)
class Family:
    """
    A child and whatever came of it.

    :param reactor: spawns processes, and is the clock.
    :param in_thread: runs a function in a thread.
    :param watch: told of the child.
    :param child: the model's own process.
    :param cookie: what it and its descendants bear.
    :param started: when the child started, in the kernel's ticks, or `None`.
    :param stop_command: its own stop command, or empty.
    :param timeout: seconds that the watchdog gives that.
    :param environment: the one for the stop command.
    :param output: takes what the stop command writes.
    :ivar kin: finds them.
    """

    def __init__(
        self,
        reactor: Any,
        in_thread: InThread,
        watch: Watch,
        child: Child,
        cookie: str,
        started: int | None,
        stop_command: Sequence[str],
        timeout: float,
        environment: Mapping[str, str],
        output: Callable[[bytes], None],
    ) -> None:
        self.child = child
        self._reactor = reactor
        self._in_thread = in_thread
        self._watch = watch
        self._cookie = cookie
        self.kin = Kin(child.pid, started, cookie)
        self._stop_command = [
            part.replace(PID_MACRO, str(child.pid)) for part in stop_command
        ]
        self._environment = environment
        self._output = output
        watch.remember(
            cookie, child.pid, started, self._stop_command, environment, timeout
        )

    def living(self) -> Deferred[Sequence[Entry]]:
        """
        Those that live.
        """
        found: Deferred[Sequence[Entry]] = self._in_thread(self._look)
        return found

    def _look(self) -> Sequence[Entry]:
        return self.kin.living(read_table())

    def signal_group(self, number: Signals) -> None:
        """
        Send a signal to the child's whole group.
        """
        self.child.signal_group(number)

    def signal(self, pids: Sequence[int], number: Signals) -> None:
        """
        Send a signal to some of them.
        """
        signal_all(pids, number)

    def run_stop_command(self, grace: float) -> Deferred[bool]:
        """
        Run the model's own stop command.
        """
        return StopCommand(
            self._reactor, self._stop_command, self._environment, self._output
        ).run(grace)

    def gone(self) -> None:
        """
        Nothing of it lives any more.
        """
        self.child.let_go()
        self._watch.forget(self._cookie)


class StopCommand:
    """
    One run of a stop command.  It bears no cookie: it is not of the model.
    """

    def __init__(
        self,
        reactor: Any,
        command: Sequence[str],
        environment: Mapping[str, str],
        output: Callable[[bytes], None],
    ) -> None:
        self._reactor = reactor
        self._command = command
        self._killed = False
        self._environment = environment
        self._child = Child(reactor, output, self._ended)
        self._deadline: IDelayedCall | None = None
        self._done: Deferred[bool] = Deferred(lambda _: self._kill())

    def run(self, grace: float) -> Deferred[bool]:
        """
        Run it.

        :param grace: seconds after which it is killed.
        :returns: a `Deferred` that fires with whether it went well; cancelling
            it kills the command.
        """
        self._deadline = self._reactor.callLater(grace, self._too_late)
        try:
            start_child(self._reactor, self._child, self._command, self._environment)
        except CannotLaunch as e:
            _log.error("cmdStop: {reason}", reason=e)
            self._forget_deadline()
            return succeed(False)
        return self._done

    def _too_late(self) -> None:
        _log.warn(
            "cmdStop: still running after its time, killed: {command}",
            command=" ".join(self._command),
        )
        self._kill()

    def _kill(self) -> None:
        self._killed = True
        self._child.signal_group(SIGKILL)

    def _forget_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def _ended(self, how: str) -> None:
        self._forget_deadline()
        if self._child.status != 0 and not self._killed:
            _log.warn(
                "cmdStop: it {how}: {command}",
                how=how,
                command=" ".join(self._command),
            )
        self._child.let_go()
        # A cancelled one has been called.
        if not self._done.called:
            self._done.callback(self._child.status == 0)
