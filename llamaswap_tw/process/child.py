"""
One child process: the leader of a session of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import (
    IDelayedCall,
    IProcessTransport,
    IReactorTime,
)
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from .table import MARK_LIMIT

#: How long a dead process's last output is read on for, in seconds and in how many
#: steps: its exit may be told before that, and a child of its own may hold the pipe
#: for good.  Each step is a turn of the reactor in which it is read, even if the
#: reactor was held up for longer than all of them.
_LAST_OUTPUT = 0.1
_STEPS = 5

#: Does what util-linux's setsid does, where there is none.
_SESSION_SHIM = "import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])"


class CannotLaunch(Exception):
    """
    A program that cannot be started; the message says why.
    """


class Child(ProcessProtocol):
    """
    A running program, in a session and group of its own.

    :param clock: for the time that its last output has.
    :param output: takes what it writes, as it comes.
    :param on_exit: called once with words for how it ended.
    :ivar pid: its pid, also after it is dead.
    :ivar exited: whether it is dead; its pid may be another's then.
    :ivar status: its exit status, or `None` where a signal ended it.
    """

    pid: int = 0
    exited = False
    status: int | None = None

    def __init__(
        self,
        clock: IReactorTime,
        output: Callable[[bytes], None],
        on_exit: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._output = output
        self._on_exit = on_exit
        self._reading: IDelayedCall | None = None
        self._told = False

    def connectionMade(self) -> None:
        """
        It runs.
        """
        transport: Any = self.transport
        self.pid = transport.pid or 0

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        It has written something.
        """
        self._output(data)

    def processExited(self, reason: Failure) -> None:
        """
        It is dead; what it wrote last may not be read yet.
        """
        self.exited = True
        self._reason = reason
        self._read_on(_STEPS)

    def processEnded(self, reason: Failure) -> None:
        """
        It is dead, and nobody holds its output any more.
        """
        self.exited = True
        self._reason = reason
        if self._reading is not None and self._reading.active():
            self._reading.cancel()
        self._tell()

    def _read_on(self, steps: int) -> None:
        if steps:
            self._reading = self._clock.callLater(
                _LAST_OUTPUT / _STEPS, self._read_on, steps - 1
            )
        else:
            self._tell()

    def _tell(self) -> None:
        if self._told:
            return
        self._told = True
        if self._reason.check(ProcessDone):
            self.status = 0
        elif isinstance(self._reason.value, ProcessTerminated):
            self.status = self._reason.value.exitCode
        self._on_exit(_in_words(self._reason))

    def signal_group(self, number: signal.Signals) -> None:
        """
        Send a signal to its whole group.  Once it is dead, that may be another's
        group, and nothing is sent.
        """
        if self.exited or not self.pid:
            return
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            # A moment after the spawn it does not lead a group yet.
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)
        except PermissionError:
            # It changed its user: what runs as somebody else is not ours to end.
            pass

    def let_go(self) -> None:
        """
        Close our end of its output.
        """
        transport: IProcessTransport | None = self.transport
        if transport is not None:
            transport.loseConnection()


def start_child(
    reactor: Any,
    child: ProcessProtocol,
    command: Sequence[str],
    environment: Mapping[str, str],
    stdin: int | str = -1,
    output: bool = True,
    mark: int | None = None,
) -> None:
    """
    Start a program without a shell, as leader of a session of its own.

    :param reactor: spawns processes, and is the clock.
    :param child: is told what becomes of it.
    :param command: the program and its arguments.
    :param environment: all of its environment; its ``PATH`` is where the program
        is looked for.
    :param stdin: a descriptor, ``"w"`` for a pipe, or -1 for nothing.
    :param output: whether its output is read; else it goes nowhere.
    :param mark: what it and its descendants are marked with, where that can be.
    :raises CannotLaunch: if the program is not there or cannot be run.
    """
    program = find_program(command[0], environment.get("PATH"))
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        with _marked(mark):
            reactor.spawnProcess(
                child,
                _SESSION_PREFIX[0],
                [*_SESSION_PREFIX, program, *command[1:]],
                env=dict(environment),
                childFDs={
                    0: nothing if stdin == -1 else stdin,
                    1: "r" if output else nothing,
                    2: "r" if output else nothing,
                },
            )
    except OSError as e:
        raise CannotLaunch(f"{command[0]} could not be run: {e.strerror or e}")
    finally:
        os.close(nothing)


@contextmanager
def _marked(mark: int | None) -> Iterator[None]:
    """
    What is forked meanwhile bears a mark: it is set here, not on the child, which
    could have forked before that.
    """
    if mark is None or sys.platform != "linux":
        yield
        return
    # Imported where it is needed: there is none on Windows.
    import resource

    before = resource.getrlimit(MARK_LIMIT)
    try:
        resource.setrlimit(MARK_LIMIT, (mark, before[1]))
    except (OSError, ValueError):
        # Somebody has limited us further; there is still the cookie.
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(MARK_LIMIT, before)


def find_program(name: str, path: str | None) -> str:
    """
    Where a program is.

    :param name: as a shell would take it: with a slash, a path.
    :param path: where to look for one without.
    :raises CannotLaunch: if it is not there or cannot be run.
    """
    found = shutil.which(name, path=path)
    if found is not None:
        # A name that was found in "." must not be looked for again.
        return found if os.path.isabs(found) else os.path.abspath(found)
    if os.sep not in name:
        raise CannotLaunch(
            f"there is no program {name!r} on the PATH {path or os.defpath!r}"
        )
    if os.path.isdir(name):
        raise CannotLaunch(f"{name} is a folder, not a program")
    if os.path.exists(name):
        raise CannotLaunch(f"{name} is no program: it may not be executed")
    raise CannotLaunch(f"there is no program {name}")


def _session_prefix() -> tuple[str, ...]:
    for folder in ("/usr/bin", "/bin"):
        if os.access(f"{folder}/setsid", os.X_OK):
            return (f"{folder}/setsid",)
    return (sys.executable, "-I", "-S", "-c", _SESSION_SHIM)


#: Put before a command: makes it the leader of a session, under the same pid.
_SESSION_PREFIX = _session_prefix()


def _in_words(reason: Failure) -> str:
    """
    How a process ended.
    """
    ended = reason.value
    if isinstance(ended, ProcessDone):
        return "exited with status 0"
    if not isinstance(ended, ProcessTerminated):
        return f"ended: {reason.getErrorMessage()}"
    if ended.signal is None:
        return f"exited with status {ended.exitCode}"
    try:
        name = signal.Signals(ended.signal).name
    except ValueError:
        name = str(ended.signal)
    return f"was killed by {name}"
