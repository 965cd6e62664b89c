"""
Tests of `llamaswap_tw.process` with real processes.
"""

from __future__ import annotations

import os
import shlex
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from unittest import skipUnless

import psutil

from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.process.kin import Kin
from llamaswap_tw.process.leftovers import kill_leftovers
from llamaswap_tw.process.model import ModelProcess
from llamaswap_tw.process.table import read_cookie, read_entry, read_table

from .processes import LIMIT, LiveProcessTestCase, is_alive, kill

ROOT = Path(__file__).parents[2]

on_linux = skipUnless(sys.platform == "linux", "sessions are only followed by /proc")

#: Ignores SIGTERM, and says when it does.
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(1000)"
)


def pid_in(text: str, name: str) -> int:
    """
    The number that a script wrote behind a name.
    """
    return int(text.split(name + "=")[1].split()[0])


def ignores(pid: int, number: signal.Signals) -> bool:
    """
    Whether a process ignores a signal.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(status.split("SigIgn:")[1].split()[0], 16)
    return bool(mask >> (number - 1) & 1)


def runs(pid: int, program: str) -> bool:
    """
    Whether a process runs a program of that name by now.
    """
    try:
        return Path(f"/proc/{pid}/comm").read_text() == program + "\n"
    except OSError:
        return False


class ChildTests(LiveProcessTestCase):
    """
    A child is started as the leader of a session, and read to the end.
    """

    async def test_own_pid(self) -> None:
        """
        The pid is the model's own, and it leads a session and group of its own.
        """
        process = self.shell("echo me=$$; exec sleep 1000")
        await process.ensure_ready()
        text = await self.output.when_written("\n")
        self.assertEqual(process.pid, pid_in(text, "me"))
        entry = read_entry(pid_in(text, "me"))
        assert entry is not None
        self.assertEqual((entry.group, entry.session), (entry.pid, entry.pid))
        self.assertEqual(entry.parent, os.getpid())
        await process.stop()

    async def test_both_outputs(self) -> None:
        """
        Standard output and standard error both arrive; its input is empty.
        """
        process = self.shell("cat; echo one; echo two >&2; sleep 1000")
        await process.ensure_ready()
        await self.output.when_written("one")
        await self.output.when_written("two")
        await process.stop()

    async def test_last_words(self) -> None:
        """
        What a process writes last before it crashes is never lost.
        """
        process = self.shell(
            "echo loading; echo 'CUDA out of memory' >&2; exit 3", check="/health"
        )
        for _ in range(30):
            error = await self.failure_of(process.ensure_ready())
            self.assertIn("exited with status 3", error.reason)
            self.assertIn("CUDA out of memory", error.output)
            process.forgive()
            await process.stop()

    async def test_last_words_behind_a_held_pipe(self) -> None:
        """
        Nor are they where a child of its own holds the pipe; that is ended.
        """
        process = self.shell(
            "sleep 1000 & echo child=$!; echo 'the end'; exit 3", check="/health"
        )
        error = await self.failure_of(process.ensure_ready())
        self.assertIn("the end", error.output)
        await process.stop()
        self.assertFalse(is_alive(pid_in(error.output, "child")))

    async def test_missing_program(self) -> None:
        """
        A program that is not there, or is none, is named.
        """
        for command, words in [
            ("no-such-program-anywhere", "there is no program 'no-such-program"),
            ("/no/such/program", "there is no program /no/such/program"),
            ("/etc/passwd", "may not be executed"),
            ("/etc", "is a folder"),
        ]:
            waiter = self.process(command).ensure_ready()
            error = await self.failure_of(waiter)
            self.assertIn(words, error.reason)

    async def test_nothing_leaks(self) -> None:
        """
        A hundred starts and stops leave no descriptor open.
        """
        process = self.process("sleep", "1000")
        open_before = 0
        for number in range(100):
            if number == 3:
                open_before = len(os.listdir("/dev/fd"))
            await process.ensure_ready()
            await process.stop()
        # The reactor's threads may be looking at something.
        await self.until(lambda: len(os.listdir("/dev/fd")) <= open_before)
        # Its children are all waited for, but for the watchdog.
        if sys.platform == "linux":
            path = Path(f"/proc/self/task/{os.getpid()}/children")
            if path.exists():
                children = {int(pid) for pid in path.read_text().split()}
                self.assertEqual(children & {self.watch.pid}, {self.watch.pid})


class StopTests(LiveProcessTestCase):
    """
    A stop leaves nothing of a model alive.
    """

    async def stop(self, process: ModelProcess, text: str, grace: float = 10.0) -> None:
        """
        Stop it; the process that it wrote the pid of must be gone then.
        """
        pid = pid_in(text, "child")
        self.addCleanup(kill, [pid])
        self.assertTrue(is_alive(pid))
        await process.stop(grace)
        self.assertFalse(is_alive(pid))
        self.assertIs(process.state, ProcessState.STOPPED)

    async def test_group(self) -> None:
        """
        A child in its group ends with it.
        """
        process = self.shell("sleep 1000 & echo child=$!; wait")
        await process.ensure_ready()
        await self.stop(process, await self.output.when_written("\n"))

    @on_linux
    async def test_own_session(self) -> None:
        """
        So does one in a session of its own.
        """
        process = self.shell("setsid sleep 1000 & echo child=$!; wait")
        await process.ensure_ready()
        await self.stop(process, await self.output.when_written("\n"))

    @on_linux
    async def test_wiped_environment(self) -> None:
        """
        So does one that has wiped its environment as well.
        """
        process = self.shell("setsid env -i sleep 1000 & echo child=$!; wait")
        await process.ensure_ready()
        await self.stop(process, await self.output.when_written("\n"))

    @on_linux
    async def test_wiped_orphan(self) -> None:
        """
        So does one that has wiped its environment, and whose parent was dead before
        anybody looked.
        """
        process = self.shell(
            "(setsid env -i sh -c 'echo child=$$; exec sleep 1000' &); sleep 1000"
        )
        await process.ensure_ready()
        await self.stop(process, await self.output.when_written("\n"))

    @on_linux
    async def test_orphan(self) -> None:
        """
        So does one whose parent is long dead, by its cookie.
        """
        process = self.shell(
            "(setsid sh -c 'echo child=$$; exec sleep 1000' &); sleep 1000"
        )
        await process.ensure_ready()
        await self.stop(process, await self.output.when_written("\n"))

    async def test_wrapper(self) -> None:
        """
        A wrapper may end at once: its server, deaf to SIGTERM, is waited for, and
        killed at the end of the grace.
        """
        python = shlex.join([sys.executable, "-S", "-c", STUBBORN])
        process = self.shell(f"{python} & echo child=$!; wait")
        await process.ensure_ready()
        text = await self.output.when_written("deaf")
        await self.stop(process, text, 0.3)

    async def test_crash(self) -> None:
        """
        What a crash leaves is killed.
        """
        process = self.shell("sleep 1000 & echo child=$!; sleep 0.2; kill -9 $$")
        await process.ensure_ready()
        text = await self.output.when_written("\n")
        pid = pid_in(text, "child")
        self.addCleanup(kill, [pid])
        await process.when_not_ready()
        await self.until(lambda: process.state is ProcessState.STOPPED)
        self.assertFalse(is_alive(pid))

    async def test_stop_command(self) -> None:
        """
        A stop command gets the model's pid, no cookie, and its output is kept.
        """
        process = self.process(
            "sleep",
            "1000",
            stop_command=(
                "sh",
                "-c",
                "echo cookie=$LLAMASWAP_COOKIE, pid=${PID}; kill ${PID}",
            ),
        )
        await process.ensure_ready()
        pid = process.pid
        await process.stop()
        await self.output.when_written(f"cookie=, pid={pid}\n")

    async def test_bad_stop_command(self) -> None:
        """
        One that is missing, or fails, does not cost the grace.
        """
        for command in (("no-such-program",), ("false",)):
            process = self.process("sleep", "1000", stop_command=command)
            await process.ensure_ready()
            await process.stop(50.0)

    async def test_hung_stop_command(self) -> None:
        """
        A hung one is killed with the model.
        """
        process = self.process(
            "sleep",
            "1000",
            stop_command=("sh", "-c", "echo child=$$; exec sleep 1000"),
        )
        await process.ensure_ready()
        stopped = process.stop(LIMIT)
        pid = pid_in(await self.output.when_written("\n"), "child")
        # Now that its shell has begun, the grace ends soon.
        await process.stop(0.3)
        await stopped
        await self.until(lambda: not is_alive(pid))


@on_linux
class WatchdogTests(LiveProcessTestCase):
    """
    When the daemon is killed, nothing of its models lives on.
    """

    #: A child in the group; one in a session of its own; one of those with its
    #: environment wiped; and an orphan.
    SCRIPT = (
        "sleep 1001 & "
        "setsid sleep 1002 & "
        "setsid env -i sleep 1003 & "
        "(setsid sleep 1004 &) ; "
        "wait"
    )

    async def daemon(self, *arguments: str) -> tuple[int, int, int]:
        """
        Start a daemon.

        :returns: its pid, its watchdog's, and its model's.
        """
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.live.processes", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        line = process.stdout.readline()
        daemon, watchdog, model = (int(word) for word in line.split())
        self.addCleanup(self.end_daemon, process, watchdog, model)
        self.daemon_process = process
        return daemon, watchdog, model

    async def end_daemon(
        self, daemon: subprocess.Popen[bytes], watchdog: int, model: int
    ) -> None:
        """
        Kill a daemon; its watchdog cleans up, or else we do.
        """
        daemon.kill()
        daemon.wait()
        try:
            await self.until_dead([watchdog])
        finally:
            kill([watchdog, model])

    async def family(self, model: int, size: int) -> list[int]:
        """
        The pids of a model's family, once all of it is there.
        """
        # While a program is being replaced by another, it shows no environment.
        await self.until(lambda: bool(read_cookie(model)))
        entry, cookie = read_entry(model), read_cookie(model)
        assert entry is not None
        assert cookie is not None
        kin = Kin(model, entry.started, cookie)
        pids: list[int] = []

        def all_there() -> bool:
            pids[:] = [found.pid for found in kin.living(read_table())]
            # The model itself, and no shell any more that has started one of them.
            sleeping = sum(runs(pid, "sleep") for pid in pids)
            return sleeping == size == len(pids) - 1

        await self.until(all_there)
        self.addCleanup(kill, list(pids))
        return pids

    async def test_daemon_killed(self) -> None:
        """
        Killed with SIGKILL, five times over, the daemon leaves nothing, children
        with sessions of their own and wiped environments included; that takes less
        than two seconds.
        """
        took = []
        for _ in range(5):
            daemon, watchdog, model = await self.daemon(f"sh -c {self.SCRIPT!r}")
            pids = await self.family(model, 4)
            os.kill(daemon, signal.SIGKILL)
            self.daemon_process.wait()
            began = time.monotonic()
            await self.until_dead([*pids, watchdog])
            took.append(time.monotonic() - began)
        # A machine that is busy may stall amid some.
        self.assertLess(statistics.median(took), 2.0)

    async def test_stop_command(self) -> None:
        """
        The watchdog runs the stop command, and gives it its time.
        """
        mark = Path(self.mktemp()).absolute()
        daemon, _, model = await self.daemon(
            "sleep 1000", f"sh -c 'sleep 0.2; echo ${{PID}} > {mark}; kill ${{PID}}'"
        )
        os.kill(daemon, signal.SIGKILL)
        await self.until(lambda: not is_alive(model))
        self.assertEqual(mark.read_text(), f"{model}\n")

    async def test_watchdog_is_deaf(self) -> None:
        """
        The watchdog is in no group of the daemon's, and polite signals do not end
        it.
        """
        daemon, watchdog, model = await self.daemon("sleep 1000")
        entry = read_entry(watchdog)
        assert entry is not None
        self.assertEqual(entry.session, watchdog)
        await self.until(lambda: ignores(watchdog, signal.SIGHUP))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(watchdog, number)
        os.kill(daemon, signal.SIGKILL)
        await self.until(lambda: not is_alive(model))

    async def test_watchdog_killed(self) -> None:
        """
        A watchdog that is killed is replaced, and the new one knows all.
        """
        process = self.shell("setsid env -i sleep 1000 & echo child=$!; wait")
        await process.ensure_ready()
        await self.output.when_written("\n")
        first = self.watch.pid
        assert first is not None
        await self.wait(1.0)
        os.kill(first, signal.SIGKILL)
        await self.until(lambda: self.watch.pid not in (first, None))
        await process.stop()

    async def test_leftovers(self) -> None:
        """
        Where the watchdog was killed as well, the next daemon cleans up.
        """
        daemon, watchdog, model = await self.daemon(f"sh -c {self.SCRIPT!r}")
        pids = await self.family(model, 4)
        # Else it would start another.
        os.kill(daemon, signal.SIGSTOP)
        await self.until(
            lambda: psutil.Process(daemon).status() == psutil.STATUS_STOPPED
        )
        os.kill(watchdog, signal.SIGKILL)
        os.kill(daemon, signal.SIGKILL)
        self.daemon_process.wait()
        self.assertTrue(is_alive(model))
        killed = kill_leftovers()
        self.assertFalse(any(map(is_alive, pids)))
        self.assertEqual(set(killed), set(pids))

    async def test_watchdog_at_work(self) -> None:
        """
        A dead daemon's watchdog that runs a stop command is left to its work.
        """
        mark = Path(self.mktemp()).absolute()
        daemon, watchdog, model = await self.daemon(
            "sleep 1000", f"sh -c 'sleep 0.5; echo ended > {mark}; kill ${{PID}}'"
        )
        os.kill(daemon, signal.SIGKILL)
        self.daemon_process.wait()
        self.assertEqual(kill_leftovers(), [])
        self.assertFalse(is_alive(model))
        self.assertEqual(mark.read_text(), "ended\n")
        await self.until_dead([watchdog])

    async def test_living_daemon(self) -> None:
        """
        What a living daemon has is spared.
        """
        _, _, model = await self.daemon("sleep 1000")
        self.assertEqual(kill_leftovers(), [])
        self.assertTrue(is_alive(model))
