"""
The units of the documentation, and a daemon that is started as they start it.
"""

from __future__ import annotations

import configparser
import http.client
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw import service

from .support import (
    PATIENCE,
    LiveTestCase,
    Program,
    free_ports,
    simulator,
    twistd,
    wait_for,
)

_UNITS = Path(__file__).parents[2] / "docs" / "examples" / "systemd"
_PROGRAM = "/usr/local/lib/llamaswap/bin/llamaswap-tw"

_ANALYZE = shutil.which("systemd-analyze")
_ACTIVATE = shutil.which("systemd-socket-activate")

#: Becomes a program that was passed the sockets whose descriptors are given.
_PASS = """\
import os, sys
count = int(sys.argv[1])
passed = [int(number) for number in sys.argv[2:2 + count]]
kept = [os.dup(number) for number in passed]
for place, number in enumerate(kept, 3):
    os.dup2(number, place)
    os.set_inheritable(place, True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(count)
os.environ["LISTEN_FDNAMES"] = ":".join(["llamaswap.socket"] * count)
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""

CONFIG = f"""
models:
  m: {{cmd: "{simulator("--load-time 0")}"}}
"""


def unit(name: str) -> dict[str, list[str]]:
    """
    The settings of a unit, each with its values in their order.
    """
    settings: dict[str, list[str]] = {}
    for line in (_UNITS / name).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            settings.setdefault(key, []).append(value)
    return settings


class UnitTests(SynchronousTestCase):
    """
    What the units say.
    """

    def test_time_to_stop(self) -> None:
        """
        systemd waits for longer than a shutdown takes at most.
        """
        (text,) = unit("llamaswap.service")["TimeoutStopSec"]
        longest = service.SHUTDOWN_LIMIT + 2 * service._FOR_PROCESSES
        self.assertGreater(float(text), longest + 5)

    def test_well_formed(self) -> None:
        """
        Each line is a section, a setting or a comment.
        """
        for path in _UNITS.iterdir():
            parser = configparser.RawConfigParser(strict=False)
            parser.read_string(path.read_text())
            self.assertIn("Install", parser)

    def test_whats_needed(self) -> None:
        """
        The rights leave what the daemon and models cannot do without.
        """
        settings = unit("llamaswap.service")
        for key in (
            *("MemoryDenyWriteExecute", "PrivateDevices", "ProcSubset"),
            *("PrivateNetwork", "PrivateUsers", "IPAddressDeny", "PrivatePIDs"),
        ):
            self.assertNotIn(key, settings)
        self.assertEqual(settings["KillMode"], ["mixed"])
        self.assertIn("char-nvidia* rw", settings["DeviceAllow"])


class AnalyzeTests(LiveTestCase):
    """
    What systemd says of the units.
    """

    if _ANALYZE is None:
        skip = "systemd-analyze is not installed"

    def installed(self) -> Path:
        """
        The units, with a program that is there.
        """
        folder = self.folder()
        for path in _UNITS.iterdir():
            text = path.read_text().replace(_PROGRAM, sys.executable)
            (folder / path.name).write_text(text)
        return folder

    def analyze(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert _ANALYZE is not None
        return subprocess.run(
            [_ANALYZE, *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**os.environ, "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"},
        )

    def test_verify(self) -> None:
        """
        systemd finds nothing to mind, and would.
        """
        folder = self.installed()
        names = [str(path) for path in sorted(folder.iterdir())]
        done = self.analyze("verify", "--man=no", *names)
        said = [
            line
            for line in done.stderr.splitlines()
            # Of other units of this machine.
            if "llamaswap" in line
        ]
        self.assertEqual((said, done.returncode), ([], 0), done.stderr)
        path = folder / "llamaswap.service"
        path.write_text(path.read_text().replace("KillMode=mixed", "KillMode=mixd"))
        done = self.analyze("verify", "--man=no", str(path))
        self.assertIn("mixd", done.stderr)

    def test_security(self) -> None:
        """
        systemd rates the exposure below 2 of 10, as the documentation says.
        """
        path = self.installed() / "llamaswap.service"
        done = self.analyze("security", "--offline=true", "--threshold=20", str(path))
        if "offline" in done.stderr:
            self.skipTest("this systemd-analyze rates no files")
        self.assertEqual(done.returncode, 0, done.stdout[-300:] + done.stderr)
        rated = re.search(r"exposure level for \S+: (\d\.\d)", done.stdout)
        assert rated is not None
        self.assertLess(float(rated[1]), 2)

    def test_system_calls(self) -> None:
        """
        What models are known to call is among what they may.
        """
        done = self.analyze("syscall-filter")
        sets: dict[str, set[str]] = {}
        for line in done.stdout.splitlines():
            if line.startswith("@"):
                members = sets.setdefault(line.strip(), set())
            elif line.strip() and not line.strip().startswith("#") and sets:
                members.add(line.strip())

        def members_of(name: str) -> set[str]:
            if not name.startswith("@"):
                return {name}
            return set().union(*map(members_of, sets[name]))

        allowed: set[str] = set()
        for value in unit("llamaswap.service")["SystemCallFilter"]:
            if value.startswith("~"):
                allowed -= members_of(value[1:])
            else:
                allowed |= members_of(value)
        wanted = {
            *("setsid", "kill", "execve", "prctl", "ioctl", "mlock", "mbind"),
            *("set_mempolicy", "sched_setaffinity", "memfd_create", "shmget"),
            *("process_vm_readv", "io_uring_setup", "pidfd_open", "epoll_wait"),
        }
        self.assertEqual(wanted - allowed, set())


class ServiceManager:
    """
    Hears what the daemon tells of itself.

    :param path: of its socket.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(PATIENCE)

    def next(self) -> str:
        """
        The first line of the next message.
        """
        return self.socket.recv(4096).decode().partition("\n")[0]


class ActivatedTestCase(LiveTestCase):
    """
    A daemon, started with sockets.
    """

    def setUp(self) -> None:
        self.home = self.folder()
        (self.home / "config.yaml").write_text(f"startPort: {free_ports(8)}\n" + CONFIG)
        self.manager = ServiceManager(str(self.home / "notify"))
        self.addCleanup(self.manager.socket.close)

    def command(self) -> list[str]:
        """
        The service's, for this machine.
        """
        (text,) = unit("llamaswap.service")["ExecStart"]
        text = text.replace(_PROGRAM, shlex.join(twistd()))
        text = text.replace("/etc/llamaswap", str(self.home))
        return shlex.split(text)

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        descriptors: Sequence[int] = (),
    ) -> Program:
        started = Program(command, self.home, environment, descriptors)
        self.addCleanup(self._end, started)
        return started

    def _end(self, started: Program) -> None:
        # The models go with the daemon, by the watchdog if need be.
        started.end()
        wait_for(lambda: not self.models(started.pid), "the models' end")

    def models(self, pid: int) -> list[psutil.Process]:
        """
        The living processes that bear a cookie of that daemon.
        """
        found = []
        for process in psutil.process_iter():
            try:
                cookie = process.environ().get("LLAMASWAP_COOKIE", "")
                if cookie.split(".")[1:2] == [str(pid)]:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def ask(self, to: socket.socket, path: str) -> tuple[int, bytes]:
        """
        Status and body of what is there.

        :param to: connected; closed in the end.
        """
        connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
        connection.sock = to
        to.settimeout(PATIENCE)
        with to:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            return response.status, response.read()


class PassedTests(ActivatedTestCase):
    """
    With sockets as systemd passes them.
    """

    def setUp(self) -> None:
        super().setUp()
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(str(self.home / "socket"))
        self.unix.listen()
        os.chmod(self.home / "socket", 0o640)
        for made in (self.tcp, self.unix):
            self.addCleanup(made.close)

    def begin(self) -> Program:
        """
        Start it, and wait until it says that it is ready.
        """
        numbers = [self.tcp.fileno(), self.unix.fileno()]
        started = self.start(
            [
                *(sys.executable, "-c", _PASS, "2"),
                *(str(number) for number in numbers),
                *self.command(),
            ],
            {"NOTIFY_SOCKET": self.manager.path},
            descriptors=numbers,
        )
        try:
            said = self.manager.next()
        except TimeoutError:
            raise AssertionError(f"{started.output}\n{started.errors}")
        self.assertEqual(said, "READY=1")
        return started

    def connect(self, listening: socket.socket) -> socket.socket:
        client = socket.socket(listening.family)
        self.addCleanup(client.close)
        client.connect(listening.getsockname())
        return client

    def test_life(self) -> None:
        """
        It serves on each, tells of a start, a reload and a stop, and hands none of
        that to a model.
        """
        started = self.begin()
        for listening in (self.tcp, self.unix):
            answer = self.ask(self.connect(listening), "/upstream/m/v1/models")
            self.assertEqual(answer[0], 200, answer)
        models = self.models(started.pid)
        self.assertEqual(len(models), 1)
        self.assertNotIn("NOTIFY_SOCKET", models[0].environ())
        self.assertNotIn("LISTEN_FDS", models[0].environ())
        os.kill(started.pid, signal.SIGHUP)
        self.assertEqual(self.manager.next(), "RELOADING=1")
        self.assertEqual(self.manager.next(), "READY=1")
        (self.home / "config.yaml").write_text("models: 5\n")
        os.kill(started.pid, signal.SIGHUP)
        self.assertEqual(self.manager.next(), "RELOADING=1")
        self.assertEqual(self.manager.next(), "READY=1")
        started.process.terminate()
        self.assertEqual(self.manager.next(), "STOPPING=1")
        self.assertEqual(started.wait(), 0, started.output)

    def test_restart(self) -> None:
        """
        Nobody is refused over a restart: who comes meanwhile is served by the next
        daemon, and the sockets are as they were.
        """
        started = self.begin()
        started.process.terminate()
        self.assertEqual(self.manager.next(), "STOPPING=1")
        self.assertEqual(started.wait(), 0, started.output)
        waiting = [self.connect(self.tcp), self.connect(self.unix)]
        self.begin()
        for client in waiting:
            self.assertEqual(self.ask(client, "/health"), (200, b"OK"))
        self.assertEqual((self.home / "socket").stat().st_mode & 0o777, 0o640)


class ActivateTests(ActivatedTestCase):
    """
    With systemd's own way to pass them.
    """

    if _ACTIVATE is None:
        skip = "systemd-socket-activate is not installed"

    def test_both(self) -> None:
        """
        The first connection starts it, and it serves on the TCP port and on the
        UNIX socket.
        """
        assert _ACTIVATE is not None
        port, path = free_ports(1), str(self.home / "socket")
        passed_on = [
            f"--setenv={name}" for name in ("PATH", "PYTHONPATH") if name in os.environ
        ]
        started = self.start(
            [
                *(_ACTIVATE, "-l", f"127.0.0.1:{port}", "-l", path),
                *("--fdname=tcp:unix", f"--setenv=NOTIFY_SOCKET={self.manager.path}"),
                *passed_on,
                *self.command(),
            ],
            {},
        )
        wait_for(lambda: os.path.exists(path), "the socket")
        wait_for(lambda: "Listening on" in started.errors, "it to listen")
        client = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.assertEqual(self.manager.next(), "READY=1")
        self.assertEqual(self.ask(client, "/health"), (200, b"OK"))
        other = socket.socket(socket.AF_UNIX)
        other.connect(path)
        self.assertEqual(self.ask(other, "/health"), (200, b"OK"))
        started.process.terminate()
        self.assertEqual(started.wait(), 0, started.output)
