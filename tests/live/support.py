"""
A real daemon for the tests: a ``twistd`` process, started as users start it.

These tests wait for real processes.  They wait for what must come, with bounds
that are generous, and never for a time.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
from twisted.trial.unittest import SynchronousTestCase

#: No wait in these tests is longer, in seconds, on a machine however slow.
PATIENCE = 60.0

T = TypeVar("T")

_SIMULATOR = f"{sys.executable} -m llamaswap_tw.simulator --port ${{PORT}}"


def simulator(*flags: str) -> str:
    """
    A ``cmd`` that runs the simulator.

    :param flags: of its command line.
    """
    return " ".join([_SIMULATOR, *flags])


#: Those that were given out: a daemon's own and its models' are listened on later,
#: and may not be the same.
_given: set[int] = set()


def free_ports(count: int) -> int:
    """
    The first of some consecutive ports that nobody listens on, and that nobody was
    given before.
    """
    for _ in range(2000):
        first = random.randrange(10_000, 32_000)
        ports = range(first, first + count)
        if not _given.isdisjoint(ports):
            continue
        try:
            for port in ports:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        _given.update(ports)
        return first
    raise AssertionError("no free ports")


def wait_for(condition: Callable[[], Any], what: str, limit: float = PATIENCE) -> Any:
    """
    Wait until something holds.

    :param condition: asked again and again.
    :param what: names it where it never comes.
    :returns: the first true result.
    """
    until = time.monotonic() + limit
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > until:
            raise AssertionError(f"waited {limit:g} s in vain for {what}")
        # Real processes tell nobody when they are done: they are asked.
        time.sleep(0.01)


def listens(family: int, address: Any) -> bool:
    """
    Whether somebody listens at an address.
    """
    with socket.socket(family) as client:
        return client.connect_ex(address) == 0


def undisturbed(
    attempt: Callable[[], T], again: Callable[[], object] = lambda: None, tries: int = 5
) -> T:
    """
    Measure something, and do it again where it does not come out as it should: a
    machine that stalls meanwhile spoils some attempts, a defect all of them.

    :param attempt: raises `AssertionError` where it does not.
    :param again: called before each attempt but the first.
    :param tries: how many there are at most.
    :returns: what the attempt that came out well has returned.
    """
    for _ in range(tries - 1):
        try:
            return attempt()
        except AssertionError:
            again()
    return attempt()


def is_alive(pid: int) -> bool:
    """
    Whether a process lives; a zombie does not.
    """
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True)
class Answer:
    """
    A response that was read whole.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """
        The body, which is JSON.
        """
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """
        The message of the error envelope.
        """
        message: str = self.json["error"]["message"]
        return message


class Program:
    """
    A process of a test's, with its output in files.

    :param command: what to run.
    :param folder: where, and where its output goes.
    :param environment: added to the test's own.
    :param descriptors: which it inherits, beside the usual three.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
    ) -> None:
        self._output = folder / "stdout"
        self._errors = folder / "stderr"
        with self._output.open("wb") as out, self._errors.open("wb") as err:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                pass_fds=descriptors,
            )

    @property
    def pid(self) -> int:
        """
        Its pid.
        """
        return self.process.pid

    @property
    def output(self) -> str:
        """
        What it has written to standard output.
        """
        return self._output.read_text(errors="replace")

    @property
    def errors(self) -> str:
        """
        What it has written to standard error.
        """
        return self._errors.read_text(errors="replace")

    def wait_for_output(self, words: str, count: int = 1) -> None:
        """
        Wait until it has written something: what a daemon logs, a thread of its own
        writes a moment later.

        :param count: how often.
        """
        wait_for(lambda: self.output.count(words) >= count, f"{count} times {words!r}")

    def wait(self, limit: float = PATIENCE) -> int:
        """
        Wait for its end.

        :returns: its status, negative for a signal.
        """
        return self.process.wait(limit)

    def end(self) -> None:
        """
        End it, however it takes that.
        """
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Server(Program):
    """
    A program that listens on a port of loopback.
    """

    port: int

    @property
    def url(self) -> str:
        """
        Where it listens.
        """
        return f"http://127.0.0.1:{self.port}"

    def wait_until_listening(self) -> None:
        """
        Wait until it takes connections.
        """

        def listening() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"it ended: {self.output}\n{self.errors}")
            return listens(socket.AF_INET, ("127.0.0.1", self.port))

        wait_for(listening, "it to listen")


class Daemon(Server):
    """
    A running daemon.

    :param folder: an empty one, for its configuration and output.
    :param config: the configuration's text; a ``startPort`` is put before it.
    :param options: more for the command line.
    :param environment: added to the test's own.
    :param port: where it listens; any free one where `None`.
    """

    def __init__(
        self,
        folder: Path,
        config: str,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        port: int | None = None,
    ) -> None:
        self.port = free_ports(1) if port is None else port
        # Each model may be given one.
        self.start_port = free_ports(max(8, config.count("cmd:")))
        self.config = folder / "config.yaml"
        self.config.write_text(f"startPort: {self.start_port}\n{config}")
        self.descendants: set[int] = set()
        super().__init__(
            [
                *twistd(),
                "--config",
                str(self.config),
                "--listen",
                f"127.0.0.1:{self.port}",
                *options,
            ],
            folder,
            environment,
        )

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        patience: float = PATIENCE,
    ) -> Answer:
        """
        Send a request and read the whole answer.

        :param body: bytes, or what is sent as JSON.
        :param patience: for how many seconds nothing may come.
        """
        with self.asking(method, path, body, headers, patience) as response:
            return Answer(response.status, dict(response.headers), response.read())

    @contextmanager
    def asking(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        patience: float = PATIENCE,
    ) -> Iterator[http.client.HTTPResponse]:
        """
        Send a request and read its head; the connection ends with the block.
        """
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=patience
        )
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            try:
                yield response
            finally:
                response.close()
        finally:
            connection.close()

    def chat(self, model: str, **more: Any) -> Answer:
        """
        Ask a model something.
        """
        return self.ask("POST", "/v1/chat/completions", chat_body(model, **more))

    def running(self) -> dict[str, str]:
        """
        The state of each model that is not stopped.
        """
        answer = self.ask("GET", "/running").json
        return {entry["model"]: entry["state"] for entry in answer["running"]}

    def model_pids(self) -> set[int]:
        """
        The living processes that bear a cookie of this daemon.
        """
        found = set()
        for process in psutil.process_iter():
            try:
                cookie = process.environ().get("LLAMASWAP_COOKIE", "")
                if cookie.split(".")[1:2] == [str(self.pid)] and is_alive(process.pid):
                    found.add(process.pid)
            except psutil.Error:
                continue
        return found

    def end(self) -> None:
        """
        End it, and whatever it started.
        """
        super().end()
        for pid in self.model_pids() | self.descendants:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def twistd() -> list[str]:
    """
    The command that users type, up to the daemon's options.
    """
    return [
        str(Path(sys.executable).with_name("twistd")),
        "-n",
        "--pidfile=",
        "llamaswap",
    ]


def with_rocm_smi(folder: Path, script: str) -> dict[str, str]:
    """
    Put a program where ``rocm-smi`` would be.

    :param folder: the program comes into its ``bin``.
    :param script: what it does, in the shell's words.
    :returns: the environment that leads to it.
    """
    program = folder / "bin" / "rocm-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def chat_body(model: str, **more: Any) -> dict[str, Any]:
    """
    The body of a chat request.
    """
    return {
        "model": model,
        "messages": [{"role": "user", "content": "Hello"}],
        **more,
    }


def events(stream: Iterable[bytes]) -> Iterator[Any]:
    """
    The events of a stream, as they come: decoded, but for ``[DONE]``.
    """
    for line in stream:
        if line.startswith(b"data: "):
            data = line[6:].strip()
            yield data.decode() if data == b"[DONE]" else json.loads(data)


def simulator_says(port: int, path: str) -> Any:
    """
    Ask a simulator itself, past the daemon.

    :param port: where it listens.
    :returns: its answer, which is JSON.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


class LiveTestCase(SynchronousTestCase):
    """
    Cleans up whatever it started.
    """

    def folder(self) -> Path:
        """
        A new, empty folder.
        """
        made = Path(tempfile.mkdtemp(prefix="llamaswap-test-"))
        self.addCleanup(shutil.rmtree, made, ignore_errors=True)
        return made

    def daemon(self, config: str, options: Sequence[str] = ()) -> Daemon:
        """
        A daemon that listens.
        """
        daemon = Daemon(self.folder(), config, options)
        self.addCleanup(daemon.end)
        daemon.wait_until_listening()
        return daemon
