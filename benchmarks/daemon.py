"""
The daemon as a user runs it, with model servers from the native program.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from .native import Native
from .sockets import NotListening, ask, free_ports, is_listening
from .stamps import Stamps

_ROOT = Path(__file__).parent.parent

#: A daemon that is not up by then will not be.
_START_LIMIT = 15.0

#: More than a shutdown may take.
_STOP_LIMIT = 40.0

#: One that has nothing to wait for and takes longer is worth a word.
_SLOW_STOP = 3.0


class DaemonFailed(Exception):
    """
    The daemon did not start, or not stop; the message holds its last output.
    """


@dataclass(frozen=True)
class Model:
    """
    A model for the daemon's configuration.

    :ivar name: its id.
    :ivar options: for the model server, after its port and its log.
    :ivar limit: its ``concurrencyLimit``.
    """

    name: str
    options: Sequence[str] = ()
    limit: int = 4000


def twistd() -> list[str]:
    """
    The command, of the environment that this Python is of.
    """
    beside = Path(sys.executable).parent / "twistd"
    if beside.exists():
        return [str(beside)]
    run = "from twisted.scripts.twistd import run; run()"
    return [sys.executable, "-c", run]


def environment() -> dict[str, str]:
    """
    What the daemon and the yardsticks run with: this checkout, compiled once as an
    installation would be.
    """
    found = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    found["PYTHONPATH"] = str(_ROOT)
    found["PYTHONPYCACHEPREFIX"] = str(_ROOT / "benchmarks" / "_build" / "pycache")
    return found


def cpu_of(pid: int) -> float:
    """
    A process's user and system time until now, in seconds: all its threads, none
    of its children.
    """
    # The clock that clock_getcpuclockid(3) would name; /proc counts in 10 ms.
    return time.clock_gettime((~pid << 3) | 2)


class Daemon:
    """
    One run of the daemon.

    :param native: the program its models run.
    :param folder: for its configuration and its logs.
    :param models: what is configured.
    :param settings: what else is, as the configuration file has it.
    :ivar port: where it listens.
    :ivar stamps: the model servers' log.
    :ivar mark: stands in the command line of every model process of this run.
    :ivar started_in: seconds from the command to listening.
    """

    def __init__(
        self,
        native: Native,
        folder: Path,
        models: Sequence[Model],
        settings: Mapping[str, object],
    ) -> None:
        self.mark = uuid.uuid4().hex
        first = free_ports(len(models) + 1)
        self.port = first + len(models)
        self.stamps = Stamps(folder / f"stamps-{self.mark}")
        self._log = folder / f"daemon-{self.mark}"
        self._config = folder / f"config-{self.mark}.yaml"
        # Whatever is JSON is YAML.
        self._config.write_text(
            json.dumps(
                {
                    **settings,
                    "healthCheckTimeout": 60,
                    "startPort": first,
                    "models": {
                        model.name: {
                            "cmd": self._command(native, model),
                            "concurrencyLimit": model.limit,
                        }
                        for model in models
                    },
                }
            )
        )
        self._popen: subprocess.Popen[bytes] | None = None
        self.started_in = 0.0

    def _command(self, native: Native, model: Model) -> str:
        server = [str(native.program), "serve", "--log", str(self.stamps.path)]
        server += ["--name", model.name, "--mark", self.mark, *model.options]
        return shlex.join(server) + " --port ${PORT}"

    @property
    def pid(self) -> int:
        """
        The daemon's own.
        """
        assert self._popen is not None
        return self._popen.pid

    def start(self) -> None:
        """
        Start it and wait until it listens.

        :raises DaemonFailed: if it does not.
        """
        command = [*twistd(), "-n", "--pidfile=", "llamaswap"]
        command += ["--config", str(self._config)]
        command += ["--listen", f"127.0.0.1:{self.port}"]
        began = time.monotonic()
        with self._log.open("wb") as log:
            self._popen = subprocess.Popen(
                command,
                cwd=self._config.parent,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        while not is_listening(self.port):
            gone = self._popen.poll() is not None
            if gone or time.monotonic() - began > _START_LIMIT:
                raise DaemonFailed(f"the daemon does not listen; {self._last_output()}")
            time.sleep(0.002)
        self.started_in = time.monotonic() - began

    def ask(
        self, model: str, path: str = "/v1/chat/completions", **more: object
    ) -> int:
        """
        Send one request and wait for its answer.

        :param more: what else is in its body.
        :returns: the status.
        """
        return ask(self.port, {"model": model, **more}, path)[0]

    def load(self, model: str) -> int:
        """
        Have the model up.

        :returns: the port on which its server listens.
        :raises DaemonFailed: if it does not come up.
        """
        status = self.ask(model)
        if status != 200:
            raise DaemonFailed(f"model {model}: status {status}; {self._last_output()}")
        for process in self.model_processes():
            command = process.cmdline()
            if command[command.index("--name") + 1] == model:
                return int(command[command.index("--port") + 1])
        raise DaemonFailed(f"model {model} has no process")

    def cpu(self) -> float:
        """
        The daemon's own user and system time until now, in seconds.
        """
        return cpu_of(self.pid)

    def model_processes(self) -> list[psutil.Process]:
        """
        All model processes of this run that live, their children included.
        """
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if (
                    self.mark in process.cmdline()
                    and process.status() != psutil.STATUS_ZOMBIE
                ):
                    found.append(process)
        return found

    def helpers(self) -> list[psutil.Process]:
        """
        The daemon's other children: what watches over it.
        """
        children = psutil.Process(self.pid).children(recursive=True)
        marked = {process.pid for process in self.model_processes()}
        return [child for child in children if child.pid not in marked]

    def kill(self) -> None:
        """
        End it as an out-of-memory killer would.
        """
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()

    def terminate(self) -> None:
        """
        Ask it to end.
        """
        if self._popen is not None:
            self._popen.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """
        :returns: its exit status, once it has ended.
        :raises DaemonFailed: if it does not.
        """
        assert self._popen is not None
        try:
            return self._popen.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            raise DaemonFailed(f"the daemon does not end; {self._last_output()}")

    def close(self) -> None:
        """
        End it, and what it left.
        """
        if self._popen is None:
            return
        if self._popen.poll() is None:
            began = time.monotonic()
            self.terminate()
            with suppress(DaemonFailed):
                self.wait()
            seconds = time.monotonic() - began
            if seconds > _SLOW_STOP:
                print(
                    f"the daemon took {seconds:.1f} s to end; {self._last_output()}",
                    file=sys.stderr,
                )
        self.kill()
        for process in self.model_processes():
            with suppress(psutil.Error):
                process.kill()

    def _last_output(self) -> str:
        text = (
            self._log.read_text(errors="replace").strip() if self._log.exists() else ""
        )
        return "its last output:\n" + text[-2000:] if text else "it said nothing"


@contextmanager
def running(
    native: Native,
    folder: Path,
    models: Sequence[Model],
    settings: Mapping[str, object],
) -> Iterator[Daemon]:
    """
    A daemon for the time of a ``with``; all as `Daemon` has it.

    :raises DaemonFailed: if it does not start.
    """
    daemon = Daemon(native, folder, models, settings)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()


@contextmanager
def yardstick(command: Sequence[str], port: int) -> Iterator[tuple[float, int]]:
    """
    Another server for the time of a ``with``, run with the daemon's environment.

    :param command: what to run.
    :param port: where it will listen.
    :returns: seconds from the command to listening, and its pid.
    """
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not is_listening(port):
            if time.monotonic() - began > _START_LIMIT or process.poll() is not None:
                raise NotListening(f"{shlex.join(command)} does not listen")
            time.sleep(0.002)
        yield time.monotonic() - began, process.pid
    finally:
        process.kill()
        process.wait()
