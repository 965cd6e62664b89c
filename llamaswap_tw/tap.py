"""
The twistd face: options, and the service they make.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

from twisted.application.service import IService, MultiService
from twisted.internet.error import ReactorNotRunning
from twisted.logger import ILogObserver, Logger, globalLogPublisher
from twisted.python.components import Componentized
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

import twisted

from . import __version__
from .config.errors import ConfigError
from .config.load import load_file
from .observe.logs import Logs
from .observe.observer import LineObserver
from .observe.stdout import PatientWriter
from .service import CannotListen, LlamaSwapService
from .web.listen import DEFAULT_ADDRESS, Address, BadAddress, parse_address

_log = Logger()


def _give_up(message: str) -> NoReturn:
    """
    End with one line, or a few, on standard error and status 1.
    """
    # twistd may have made ``sys.stderr`` a part of the log by now.
    print(message.rstrip(), file=sys.__stderr__)
    raise SystemExit(1)


class Options(UsageOptions):
    """
    The options after ``twistd … llamaswap``.
    """

    synopsis = "[options]"
    longdesc = (
        "Many local model servers behind one port, started and swapped on demand."
    )

    def __init__(self) -> None:
        super().__init__()
        self["config"] = None
        self.addresses: list[Address] = []

    def opt_config(self, path: str) -> None:
        """
        The configuration, a YAML file.
        """
        self["config"] = path

    opt_c = opt_config

    def opt_listen(self, address: str) -> None:
        """
        Where to listen: HOST:PORT, :PORT for all interfaces, PORT for loopback,
        or a Twisted endpoint string; may be given more than once
        [default: 127.0.0.1:8080].
        """
        try:
            self.addresses.append(parse_address(address))
        except BadAddress as e:
            raise UsageError(str(e))

    opt_l = opt_listen

    def opt_version(self) -> NoReturn:
        """
        Tell the versions and exit.
        """
        print(
            f"llamaswap-tw {__version__} (Twisted {twisted.__version__}, "
            f"Python {platform.python_version()})"
        )
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Parse; a mistake ends the program with one line rather than a page.
        """
        # Scripts written for llama-swap use long options with one dash, which
        # getopt would read as ``-c onfig``.
        given = [_with_two_dashes(option) for option in options or ()]
        try:
            super().parseOptions(given)
        except UsageError as e:
            _give_up(f"llamaswap: {e}")

    def postOptions(self) -> None:
        """
        Complete what was not given.
        """
        if self["config"] is None:
            raise UsageError("no configuration: give one with --config FILE")
        if not self.addresses:
            self.addresses.append(parse_address(DEFAULT_ADDRESS))


def _with_two_dashes(option: str) -> str:
    name = option.partition("=")[0]
    if name in ("-config", "-listen", "-version"):
        return "-" + option
    return option


class _Root(MultiService):
    """
    Holds the daemon with what only a program of its own has: the log on
    standard output, signals, an exit status.
    """

    def __init__(
        self,
        reactor: Any,
        daemon: LlamaSwapService,
        observer: LineObserver,
        writer: PatientWriter | None,
        pidfile: str | None,
    ) -> None:
        super().__init__()
        self._pidfile = pidfile
        self._reactor = reactor
        self._daemon = daemon
        self._observer = observer
        self._writer = writer
        self._asked_to_stop = False
        daemon.setServiceParent(self)

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
        if self._writer is None:
            globalLogPublisher.addObserver(self._observer)
        try:
            super().startService()
        except CannotListen as e:
            self._remove_pidfile()
            _give_up(f"llamaswap: {e}")
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


def makeService(options: Options) -> IService:
    """
    Make the daemon's service; twistd calls this.

    :param options: what the command line says.
    :returns: the service.
    """
    # Not before: whoever imports it decides which reactor there is.
    from twisted.internet import reactor

    try:
        config = load_file(options["config"], os.environ)
    except ConfigError as e:
        _give_up(str(e))
    writer = PatientWriter(os.dup(1)) if _owns_stdout(options) else None
    logs = Logs(
        config.models,
        config.log_to_stdout,
        writer.write if writer is not None else lambda _: None,
    )
    observer = LineObserver(logs.proxy.write, config.log_level, config.log_time_format)
    daemon = LlamaSwapService(reactor, config, options.addresses, logs)
    twistd: Any = options.parent or {}
    return _Root(reactor, daemon, observer, writer, twistd.get("pidfile"))


def _owns_stdout(options: Options) -> bool:
    """
    Whether twistd was left to log to standard output.
    """
    twistd: Any = options.parent or {}
    return bool(twistd.get("nodaemon")) and not any(
        twistd.get(name) for name in ("logfile", "syslog", "logger")
    )


def main() -> None:
    """
    The console script: ``twistd -n --pidfile= llamaswap`` and its options.
    """
    from twisted.scripts.twistd import run

    sys.argv[:1] = ["twistd", "--nodaemon", "--pidfile=", "llamaswap"]
    run()
