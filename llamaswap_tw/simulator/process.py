"""
The simulator as a process: its start, its log, its child, its end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTime

from .options import Options
from .server import Simulator

#: As many clients may come at once.
_BACKLOG = 4096

#: The parts of the load time after which its progress is told.
_PROGRESS = (0.25, 0.5, 0.75)

#: How long its child sleeps, in seconds: longer than any test.
_CHILD_SLEEPS = "86400"


def say(line: str) -> None:
    """
    Write a line to standard output, at once.
    """
    try:
        os.write(1, line.encode("utf-8", "replace") + b"\n")
    except BrokenPipeError:
        # Whoever read the log is gone.  A server serves on.
        pass


def complain(line: str) -> None:
    """
    Write a line to standard error, at once.
    """
    try:
        os.write(2, line.encode("utf-8", "replace") + b"\n")
    except BrokenPipeError:
        pass


class Life:
    """
    What happens to the process, in time.

    :param reactor: its clock, and where it listens.
    :param options: what is to happen.
    :param simulator: the server.
    :param leave: ends the process with a status, at once.
    :param say: writes a line to the log.
    :param complain: writes a line to standard error.
    """

    def __init__(
        self,
        reactor: Any,
        options: Options,
        simulator: Simulator,
        leave: Callable[[int], None],
        say: Callable[[str], None] = say,
        complain: Callable[[str], None] = complain,
    ) -> None:
        self._clock: IReactorTime = reactor
        # Its listenTCP, without the types of Twisted's own HTTP factory.
        self._network: Any = reactor
        self._options = options
        self._simulator = simulator
        self._leave = leave
        self._say = say
        self._complain = complain
        self._stopping = False

    def begin(self) -> None:
        """
        Listen and load.

        :raises CannotListenError: if that is not possible.
        """
        options, later = self._options, self._clock.callLater
        port = self._network.listenTCP(
            options.port, self._simulator, backlog=_BACKLOG, interface=options.host
        )
        address = port.getHost()
        host = f"[{address.host}]" if ":" in address.host else address.host
        self._say(f"server is listening on http://{host}:{address.port}")
        self._say(f"loading model {options.model!r}")
        if options.child:
            self._start_child()
        if options.log_lines:
            lines = (f"load: line {n}" for n in range(1, options.log_lines + 1))
            self._say("\n".join(lines))
        if options.never_ready:
            return
        if options.load_time == 0:
            self._loaded()
            return
        for part in _PROGRESS:
            line = f"load: {part:.0%} of the tensors"
            later(options.load_time * part, self._say, line)
        later(options.load_time, self._loaded)

    def _loaded(self) -> None:
        options = self._options
        if options.fail_start is not None:
            self._complain(options.fail_start)
            self._leave(1)
            return
        self._simulator.load()
        self._say(f"model loaded in {options.load_time:g} s")
        if options.die_after is not None:
            self._clock.callLater(options.die_after, self._die)

    def _die(self) -> None:
        self._complain("simulated crash")
        self._leave(1)

    def _start_child(self) -> None:
        child = subprocess.Popen(
            ["sleep", _CHILD_SLEEPS],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # Python adds its locale to an environment that was empty.
            env={} if self._options.wipe_environment else None,
        )
        self._simulator.children.append(child.pid)
        self._say(f"child process {child.pid} started")

    def asked_to_end(self) -> None:
        """
        SIGTERM came.
        """
        if self._options.ignore_sigterm:
            self._say("SIGTERM ignored")
        elif not self._stopping:
            self._stopping = True
            self._say("stopping")
            if self._options.stop_time:
                self._clock.callLater(self._options.stop_time, self._leave, 0)
            else:
                self._leave(0)


def run(options: Options) -> None:
    """
    Be a model server until something ends the process.

    :raises SystemExit: with status 1, after one line on stderr, if it cannot
        listen.
    """
    # Imported here: it installs itself.
    from twisted.internet import reactor as installed

    # Its whole interface is in no one place.
    reactor: Any = installed
    simulator = Simulator(
        reactor,
        options.model,
        options.tokens_per_second,
        hang_health=options.hang_health,
        log=None if options.quiet else say,
    )
    # No clean-up: connections end with the process, and so it takes no time.
    life = Life(reactor, options, simulator, leave=os._exit)

    def signalled(number: int, frame: object) -> None:
        reactor.callFromThread(life.asked_to_end)

    signal.signal(signal.SIGTERM, signalled)
    signal.signal(signal.SIGINT, signalled)
    try:
        life.begin()
    except CannotListenError as error:
        complain(
            f"cannot listen on {options.host} port {options.port}: {error.socketError}"
        )
        sys.exit(1)
    reactor.run(installSignalHandlers=False)
