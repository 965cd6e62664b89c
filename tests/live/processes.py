"""
Real processes: what the tests of them share, and a stand-in for a daemon.

Run as a program, ``python -m tests.live.processes COMMAND [STOP_COMMAND]``, it is a
daemon with one model: it prints its own pid, the watchdog's and the model's, then
waits to be killed.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from llamaswap_tw.errors import RequestError, StartFailed
from llamaswap_tw.interfaces import IOutput, ProcessState
from llamaswap_tw.process.launch import NO_CHECK, Launch, Policy
from llamaswap_tw.process.launcher import Launcher
from llamaswap_tw.process.model import ModelProcess
from llamaswap_tw.process.table import read_cookie, read_entry, read_table
from llamaswap_tw.process.watch import Watch

from ..process.fakes import FakeProber

#: How long anything may take, in seconds.
LIMIT = 20.0


@implementer(IOutput)
class Output:
    """
    Keeps what a process writes, and tells when it has written something.
    """

    def __init__(self) -> None:
        self.text = ""
        self._began = 0
        self._wanted: list[tuple[str, Deferred[str]]] = []

    def write(self, data: bytes) -> None:
        self.text += data.decode()
        for wanted in tuple(self._wanted):
            if wanted[0] in self.text[self._began :]:
                self._wanted.remove(wanted)
                wanted[1].callback(self.text[self._began :])

    def began(self) -> None:
        self._began = len(self.text)

    def tail(self, limit: int) -> str:
        return self.text[self._began :][-limit:]

    def when_written(self, words: str) -> Deferred[str]:
        """
        Fires with all output once the words are in it.
        """
        written: Deferred[str] = Deferred()
        self._wanted.append((words, written))
        self.write(b"")
        return written


def is_alive(pid: int) -> bool:
    """
    Whether a process lives; a zombie does not.
    """
    return read_entry(pid) is not None


def bearers(name: str) -> list[int]:
    """
    The pids of what bears a cookie of the daemon of that name.
    """
    found = []
    for pid in read_table():
        cookie = read_cookie(pid)
        if cookie and cookie.startswith(name + "."):
            found.append(pid)
    return found


def kill(pids: Iterable[int]) -> None:
    """
    Kill these, as far as they live.
    """
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class LiveProcessTestCase(TestCase):
    """
    Starts real processes, and leaves none.
    """

    #: A hundred starts on a machine that is busy take their time.
    timeout = 180.0

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.states: list[tuple[ProcessState, RequestError | None]] = []
        self.prober = FakeProber()
        self.output = Output()
        self.watch = Watch(self.reactor, os.environ)
        self.launcher = Launcher(
            self.reactor, in_thread(self.reactor), os.environ, self.watch
        )
        self.watch.start()
        self.launcher.clean_up()
        self.addCleanup(self._end_watchdog)
        self.addCleanup(lambda: kill(bearers(self.watch.name)))

    def _end_watchdog(self) -> Deferred[None]:
        watchdog = self.watch.pid
        self.watch.stop()
        return self.until(lambda: watchdog is None or not is_alive(watchdog))

    def process(
        self,
        *command: str,
        stop_command: tuple[str, ...] = (),
        check: str = NO_CHECK,
        grace: float = 10.0,
    ) -> ModelProcess:
        """
        A model's process; it is shut down in the end.
        """
        process = ModelProcess(
            self.reactor,
            "m",
            Launch(command, stop_command, proxy="http://h", check_endpoint=check),
            Policy(unload_timeout=grace),
            self.launcher,
            self.prober,
            self.output,
            lambda model, state, error: self.states.append((state, error)),
        )
        self.addCleanup(process.shut_down, 0.0)
        return process

    def shell(self, script: str, **keywords: Any) -> ModelProcess:
        """
        The same for a shell's script.
        """
        return self.process("sh", "-c", script, **keywords)

    async def failure_of(self, ready: Deferred[None]) -> StartFailed:
        """
        How a start failed.
        """
        try:
            await ready
        except StartFailed as error:
            return error
        raise self.failureException("it did not fail")

    async def until_dead(self, pids: Sequence[int], limit: float = LIMIT) -> None:
        """
        Return once none of these lives; fail where that takes too long.
        """
        await self.until(lambda: not any(map(is_alive, pids)), limit)

    def wait(self, seconds: float) -> Deferred[None]:
        """
        Let the reactor run for some time.
        """
        clock: IReactorTime = self.reactor
        return deferLater(clock, seconds)

    async def _until(self, condition: Callable[[], bool], limit: float) -> None:
        until = time.monotonic() + limit
        while not condition():
            if time.monotonic() > until:
                self.fail(f"it did not happen within {limit:g} s")
            await self.wait(0.01)

    def until(
        self, condition: Callable[[], bool], limit: float = LIMIT
    ) -> Deferred[None]:
        """
        Fires once something is so; fails where that takes too long.
        """
        return Deferred.fromCoroutine(self._until(condition, limit))


def in_thread(reactor: Any) -> Callable[..., Deferred[Any]]:
    """
    Runs functions in the reactor's threads.
    """

    def run(function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        return deferToThreadPool(reactor, reactor.getThreadPool(), function, *args)

    return run


def main() -> None:
    """
    Be a daemon with one model.
    """
    from twisted.internet import reactor as global_reactor

    reactor: Any = global_reactor
    command, stop_command = (
        tuple(shlex.split(argument)) for argument in (*sys.argv[1:], "")[:2]
    )
    watch = Watch(reactor, os.environ)
    launcher = Launcher(reactor, in_thread(reactor), os.environ, watch)
    process = ModelProcess(
        reactor,
        "m",
        Launch(command, stop_command, check_endpoint=NO_CHECK),
        Policy(),
        launcher,
        FakeProber(),
        Output(),
        lambda model, state, error: None,
    )

    def started() -> None:
        print(os.getpid(), watch.pid, process.pid, flush=True)

    def begin() -> None:
        watch.start()
        launcher.clean_up()
        # The watchdog is told in a later turn of the reactor: there is a whole one
        # between two calls, however late the first comes.
        ready = process.ensure_ready()
        ready.addCallback(lambda _: deferLater(reactor, 0.05))
        ready.addCallback(lambda _: deferLater(reactor, 0, started))

    reactor.callWhenRunning(begin)
    reactor.run()


if __name__ == "__main__":
    main()
