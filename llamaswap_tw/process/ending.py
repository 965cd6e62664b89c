"""
One stop of a model's process: politely at first, and until nothing of it lives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from signal import SIGKILL, SIGTERM, Signals

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from .interfaces import IFamily
from .table import Entry

#: How long to wait between two looks, in seconds: a tenth of the time that has
#: passed, within these.
_SHORTEST_WAIT = 0.02
_LONGEST_WAIT = 0.25

#: How long the kernel has to end what was killed, in seconds.  What lives on
#: then is held by a driver, and no signal reaches it.
_UNKILLABLE = 10.0


class Ending:
    """
    Ends a family.

    Whoever stopped counts as stopped when nothing of it lives: a wrapper may die
    at once while its server still has the port and the GPU.  So what is left
    when the child itself is gone, in sessions of its own where the first signal
    did not reach it, is asked to end too; and at the end of the grace, killed.

    What a crash leaves is killed at once.  A stop command is run then too, and
    waited for: what it stops, a container perhaps, need not be of the family.

    :param clock: measures the grace.
    :param model_id: for the log.
    :param family: what to end.
    :param has_stop_command: whether the model has a stop command of its own,
        which is run in place of the first SIGTERM.
    :param grace: seconds until whatever lives is killed, the stop command too.
    :param crashed: whether the child died by itself.
    :param ended: called once when nothing lives any more.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        model_id: str,
        family: IFamily,
        has_stop_command: bool,
        grace: float,
        crashed: bool,
        ended: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._model_id = model_id
        self._family = family
        self._has_stop_command = has_stop_command
        self._grace = grace
        self._crashed = crashed
        self._ended = ended
        self._began = clock.seconds()
        self._deadline: IDelayedCall | None = None
        self._next_look: IDelayedCall | None = None
        self._looking = False
        self._look_again = False
        self._asked: set[int] | None = None
        self._stop_command: Deferred[bool] | None = None
        self._killing = False
        self._first_kill: float | None = None
        self._done = False

    def begin(self) -> None:
        """
        Begin.  The process tree is read before the first signal: once a parent
        is dead, nothing tells whose its children are.
        """
        self._deadline = self._clock.callLater(self._grace, self._too_late)
        if self._crashed:
            self._killing = True
            if self._has_stop_command:
                self._run_stop_command()
        self._look()

    def hurry(self, grace: float) -> None:
        """
        Kill no later than ``grace`` seconds from now.
        """
        deadline = self._deadline
        until = self._clock.seconds() + grace
        if deadline is not None and deadline.active() and deadline.getTime() > until:
            deadline.reset(grace)

    def exited(self) -> None:
        """
        The child itself is dead.
        """
        self._look()

    def _look(self) -> None:
        if self._done:
            return
        if self._looking:
            self._look_again = True
            return
        self._looking = True
        if self._next_look is not None and self._next_look.active():
            self._next_look.cancel()
        self._family.living().addErrback(self._blind).addCallback(self._found)

    def _blind(self, reason: Failure) -> Sequence[Entry]:
        self._log.failure("reading the process table", reason)
        # The child itself is still told of by the reactor.
        return ()

    def _found(self, living: Sequence[Entry]) -> None:
        self._looking = False
        again, self._look_again = self._look_again, False
        if self._done:
            return
        if not living and self._family.child.exited:
            if not (self._crashed and self._stop_command is not None):
                self._finish()
            return
        if self._killing:
            self._signal(living, SIGKILL)
            now = self._clock.seconds()
            # The look may have taken long: they have the time from the first kill.
            if self._first_kill is None:
                self._first_kill = now
            if now - self._first_kill >= _UNKILLABLE:
                self._give_up(living)
                return
        elif self._asked is None:
            self._ask(living)
        elif self._family.child.exited and self._stop_command is None:
            left = [entry for entry in living if entry.pid not in self._asked]
            self._asked.update(entry.pid for entry in left)
            self._family.signal([entry.pid for entry in left], SIGTERM)
        if again:
            self._look()
            return
        if self._next_look is not None and self._next_look.active():
            self._next_look.cancel()
        passed = self._clock.seconds() - self._began
        wait = min(_LONGEST_WAIT, max(_SHORTEST_WAIT, passed / 10))
        self._next_look = self._clock.callLater(wait, self._look)

    def _signal(self, living: Sequence[Entry], number: Signals) -> None:
        """
        Signal the group at once, so that nothing of it can escape by forking, and
        each by itself.
        """
        self._family.signal_group(number)
        self._family.signal([entry.pid for entry in living], number)

    def _ask(self, living: Sequence[Entry]) -> None:
        """
        Ask politely, once.
        """
        self._asked = set()
        if self._has_stop_command:
            self._run_stop_command()
        else:
            self._ask_group(living)

    def _ask_group(self, living: Sequence[Entry]) -> None:
        group = self._family.child.pid
        of_group = [entry.pid for entry in living if entry.group == group]
        self._asked = set(of_group)
        if self._family.child.exited:
            self._family.signal(of_group, SIGTERM)
        else:
            self._family.signal_group(SIGTERM)

    def _run_stop_command(self) -> None:
        ran = self._stop_command = self._family.run_stop_command(self._grace)
        ran.addErrback(self._stop_command_broken)
        ran.addCallback(self._stop_command_ended)

    def _stop_command_broken(self, reason: Failure) -> bool:
        if not reason.check(CancelledError):
            self._log.failure("running a stop command", reason)
        return False

    def _stop_command_ended(self, went_well: bool) -> None:
        self._stop_command = None
        if self._done:
            return
        if not (self._killing or went_well):
            # A typo in it must not cost the whole grace at each swap.
            self._has_stop_command = False
            self._asked = None
        self._look()

    def _too_late(self) -> None:
        if not self._killing:
            self._killing = True
            self._log.warn(
                "model {model}: still alive {grace:.1f} s after it was asked to stop; "
                "killing it",
                model=self._model_id,
                grace=self._clock.seconds() - self._began,
            )
        if self._stop_command is not None:
            self._stop_command.cancel()
        self._look()

    def _give_up(self, living: Sequence[Entry]) -> None:
        self._log.error(
            "model {model}: process {pids} was killed and does not end; it is stuck "
            "in the kernel, and may hold its port and memory until a reboot",
            model=self._model_id,
            pids=", ".join(str(entry.pid) for entry in living)
            or str(self._family.child.pid),
        )
        self._finish()

    def _finish(self) -> None:
        self._done = True
        for call in (self._deadline, self._next_look):
            if call is not None and call.active():
                call.cancel()
        self._family.gone()
        self._ended()


class NothingToEnd:
    """
    Stands in for an ending where no process has been started yet.

    :param ended: called once.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def begin(self) -> None:
        """
        Nothing lives.
        """
        self._ended()

    def hurry(self, grace: float) -> None:
        """
        It is over already.
        """

    def exited(self) -> None:
        """
        There is no child.
        """
