"""
Stand-ins for children, launchers, probers and output, driven by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IProcessProtocol, IProcessTransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from llamaswap_tw.interfaces import IOutput, IProber
from llamaswap_tw.process.child import CannotLaunch, Child
from llamaswap_tw.process.interfaces import IFamily, ILauncher
from llamaswap_tw.process.kin import Kin
from llamaswap_tw.process.launch import Launch
from llamaswap_tw.process.table import Entry


def ended(status: int = 0, signal: int | None = None) -> Failure:
    """
    The way in which Twisted tells that a process is dead.
    """
    if signal is not None:
        return Failure(ProcessTerminated(None, signal, signal))
    if status:
        return Failure(ProcessTerminated(status, None, status << 8))
    return Failure(ProcessDone(0))


@implementer(IFamily)
class FakeFamily:
    """
    A family that does what a test says.

    :ivar alive: the pids of those that live.
    :ivar apart: those of them that are in no group of the child's.
    :ivar obeys: whether SIGTERM ends whoever gets it.
    :ivar unkillable: whether SIGKILL ends nobody.
    :ivar prompt: whether `living` answers at once.
    :ivar signals: what was sent: the pid, or ``"group"``, and the signal.
    :ivar kills: when SIGKILL was sent.
    :ivar forgotten: whether it was told that it is gone.
    """

    def __init__(
        self,
        clock: Clock,
        pid: int,
        output: Callable[[bytes], None],
        on_exit: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self.child = Child(clock, output, on_exit)
        self.child.pid = pid
        self.kin = Kin(pid, None, f"cookie of {pid}")
        self.alive = {pid}
        self.apart: set[int] = set()
        self.obeys = True
        self.unkillable = False
        self.prompt = True
        self.looks: list[Deferred[Sequence[Entry]]] = []
        self.signals: list[tuple[int | str, Signals]] = []
        self.kills: list[float] = []
        self.stop_commands: list[Deferred[bool]] = []
        self.stop_command_result: bool | None = None
        self.graces: list[float] = []
        self.cancelled = 0
        self.forgotten = False

    # What a test makes happen.

    def have_child(self, pid: int, apart: bool = False) -> None:
        """
        Another one comes of it.
        """
        self.alive.add(pid)
        if apart:
            self.apart.add(pid)

    def die(self, pid: int | None = None) -> None:
        """
        One ends, the child itself by default; nobody is told.
        """
        self.alive.discard(self.child.pid if pid is None else pid)

    def tell_exit(self, status: int = 0, signal: int | None = None) -> None:
        """
        The reactor notices that the child is dead.
        """
        self.die()
        self.child.processExited(ended(status, signal))
        self.child.processEnded(ended(status, signal))

    def answer_looks(self) -> None:
        """
        Answer all who asked who lives, with who lives now.
        """
        looks, self.looks = self.looks, []
        for look in looks:
            look.callback(self._entries())

    def _entries(self) -> list[Entry]:
        return [
            Entry(pid, 1, 0 if pid in self.apart else self.child.pid, 0, 0)
            for pid in sorted(self.alive)
        ]

    # What is asked of it.

    def living(self) -> Deferred[Sequence[Entry]]:
        if self.prompt:
            return succeed(self._entries())
        self.looks.append(Deferred())
        return self.looks[-1]

    def signal_group(self, number: Signals) -> None:
        if not self.child.exited:
            self._note(number)
            self.signals.append(("group", number))
            for pid in self.alive - self.apart:
                self._receive(pid, number)

    def signal(self, pids: Sequence[int], number: Signals) -> None:
        self._note(number)
        for pid in pids:
            self.signals.append((pid, number))
            self._receive(pid, number)

    def _note(self, number: Signals) -> None:
        if number == SIGKILL:
            self.kills.append(self._clock.seconds())

    def _receive(self, pid: int, number: Signals) -> None:
        if (number == SIGTERM and self.obeys) or (
            number == SIGKILL and not self.unkillable
        ):
            self.die(pid)

    def run_stop_command(self, grace: float) -> Deferred[bool]:
        self.graces.append(grace)
        if self.stop_command_result is not None:
            return succeed(self.stop_command_result)

        def cancel(_: Deferred[bool]) -> None:
            self.cancelled += 1

        self.stop_commands.append(Deferred(cancel))
        return self.stop_commands[-1]

    def gone(self) -> None:
        assert not self.forgotten, "told twice"
        self.forgotten = True


@implementer(ILauncher)
class FakeLauncher:
    """
    Starts fake families.

    :ivar clean: whether what a dead daemon left is cleaned up; else a test says.
    :ivar checks: whether who has a port is answered at once; else a test says.
    :ivar holder: words for who has the port.
    :ivar error: why nothing can be started, or `None`.
    :ivar dies_at_once: whether a child is dead before `start` returns.
    :ivar prepare: told of each family before it is given out.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pids = count(1000, 100)
        self.clean = True
        self.checks = True
        self.holder: str | None = None
        self.error: str | None = None
        self.dies_at_once = False
        self.prepare: Callable[[FakeFamily], None] = lambda family: None
        self.cleaning: list[Deferred[None]] = []
        self.checking: list[Deferred[str | None]] = []
        self.asked_ports: list[int] = []
        self.launches: list[Launch] = []
        self.families: list[FakeFamily] = []

    @property
    def family(self) -> FakeFamily:
        """
        The last family that was started.
        """
        return self.families[-1]

    def answer(self) -> None:
        """
        Answer whoever waits for the clean-up or for a port.
        """
        for cleaning in self.cleaning:
            if not cleaning.called:
                cleaning.callback(None)
        for checking in self.checking:
            if not checking.called:
                checking.callback(self.holder)
        self.cleaning.clear()
        self.checking.clear()

    def cleaned(self) -> Deferred[None]:
        if self.clean:
            return succeed(None)
        self.cleaning.append(Deferred())
        return self.cleaning[-1]

    def taken(self, port: int) -> Deferred[str | None]:
        self.asked_ports.append(port)
        if self.checks:
            return succeed(self.holder)
        self.checking.append(Deferred())
        return self.checking[-1]

    def start(
        self,
        launch: Launch,
        unload_timeout: float,
        output: Callable[[bytes], None],
        on_exit: Callable[[str], None],
    ) -> FakeFamily:
        self.launches.append(launch)
        if self.error is not None:
            raise CannotLaunch(self.error)
        family = FakeFamily(self._clock, next(self._pids), output, on_exit)
        self.prepare(family)
        self.families.append(family)
        if self.dies_at_once:
            family.tell_exit(1)
        return family


@implementer(IProber)
class FakeProber:
    """
    A prober whose answers a test gives.
    """

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.probes: list[Deferred[None]] = []
        self.met: list[Callable[[str], None]] = []
        self.cancelled = 0

    def when_ready(self, url: str, met: Callable[[str], None]) -> Deferred[None]:
        def cancel(_: Deferred[None]) -> None:
            self.cancelled += 1

        self.urls.append(url)
        self.met.append(met)
        self.probes.append(Deferred(cancel))
        return self.probes[-1]

    def ready(self) -> None:
        """
        The server answers 200.
        """
        self.probes[-1].callback(None)


@implementer(IOutput)
class FakeOutput:
    """
    Keeps what is written.
    """

    def __init__(self) -> None:
        self.written = b""
        self.begun = 0

    def write(self, data: bytes) -> None:
        self.written += data

    def began(self) -> None:
        self.begun += 1
        self.written = b""

    def tail(self, limit: int) -> str:
        return self.written[-limit:].decode()


class Threads:
    """
    Threads whose work is done at once, in the test's own.
    """

    def run(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        return maybeDeferred(function, *args)


@implementer(IProcessTransport)
class FakeProcess:  # type: ignore[misc]  # only what is used of it
    """
    A process that dies when a test says so.

    :ivar written: what was written to its standard input.
    :ivar closed: whether its pipes are.
    """

    def __init__(
        self, protocol: IProcessProtocol, args: Sequence[str], pid: int, **how: Any
    ) -> None:
        self.protocol = protocol
        self.args = list(args)
        self.pid: int | None = pid
        self.how = how
        self.written = b""
        self.closed = False
        self.stdin_closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def closeStdin(self) -> None:
        self.stdin_closed = True

    def loseConnection(self) -> None:
        self.closed = True

    def end(self, status: int = 0, signal: int | None = None) -> None:
        """
        Report the end the way that Twisted does: ``pid`` is forgotten first.
        """
        self.pid = None
        self.protocol.processExited(ended(status, signal))
        self.protocol.processEnded(ended(status, signal))


class FakeProcessReactor(Clock):
    """
    Records each spawned process.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[FakeProcess] = []
        self.error: OSError | None = None
        self.ends_at_once = False

    def spawnProcess(
        self,
        processProtocol: IProcessProtocol,
        executable: str,
        args: Sequence[str],
        **how: Any,
    ) -> FakeProcess:
        if self.error is not None:
            raise self.error
        process = FakeProcess(
            processProtocol, args, 2**22 + len(self.spawned) + 1, **how
        )
        self.spawned.append(process)
        processProtocol.makeConnection(process)
        if self.ends_at_once:
            process.end(1)
        return process
