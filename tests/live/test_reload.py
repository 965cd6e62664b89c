"""
Reloads of a real daemon, under load.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

import tests

from .following import Follower
from .support import (
    PATIENCE,
    Daemon,
    LiveTestCase,
    chat_body,
    events,
    is_alive,
    simulator,
    wait_for,
)

_FOLDER = Path(tests.__file__).parent.parent

SERVED = f"  served:\n    cmd: {simulator('--model served --load-time 0')}\n"

#: All that are named so run beside each other.
TOGETHER = "groups: {g: {swap: false, members: [%s]}}\n"


def model(name: str, *flags: str, more: str = "") -> str:
    """
    The lines of a model.
    """
    cmd = simulator("--load-time 0 --model", name, *flags)
    return f"  {name}:\n    cmd: {cmd}\n{more}"


def holder(name: str, more: str = "") -> str:
    """
    The lines of a model whose answers go on until they are let go.
    """
    cmd = f"{sys.executable} -m tests.live.parrot ${{PORT}} {name}"
    return f"  {name}:\n    cmd: {cmd}\n    env: ['PYTHONPATH={_FOLDER}']\n{more}"


class ReloadTestCase(LiveTestCase):
    """
    Changes a daemon's configuration.
    """

    def write(self, daemon: Daemon, text: str) -> None:
        """
        Replace the file, as editors do.
        """
        draft = daemon.config.with_name("draft")
        draft.write_text(f"startPort: {daemon.start_port}\n{text}")
        draft.replace(daemon.config)

    def wait_for_line(self, daemon: Daemon, text: str, count: int) -> None:
        wait_for(lambda: daemon.output.count(text) >= count, f"{count} times {text!r}")

    def reload(
        self,
        daemon: Daemon,
        text: str,
        expected: str = "the configuration was reloaded",
    ) -> None:
        """
        Replace the file, send SIGHUP, and wait until it is told what came of it.
        """
        self.write(daemon, text)
        before = daemon.output.count(expected)
        daemon.process.send_signal(signal.SIGHUP)
        self.wait_for_line(daemon, expected, before + 1)

    def pid_of(self, daemon: Daemon, name: str) -> int:
        """
        The pid of the process that bears a model's name.
        """
        found = []
        for pid in daemon.model_pids():
            # Another one may end at this moment.
            with contextlib.suppress(psutil.NoSuchProcess):
                if name in psutil.Process(pid).cmdline():
                    found.append(pid)
        (pid,) = found
        return pid

    def held(
        self, daemon: Daemon, name: str
    ) -> tuple[list[Any], threading.Thread, Callable[[], None]]:
        """
        A request for a `holder` whose answer is under way, until it is let go.

        :returns: what has come, as of `streaming`; what reads it; and what lets it go.
        """
        (running,) = (
            entry
            for entry in self.loaded(daemon, name)["running"]
            if entry["model"] == name
        )
        port = int(running["proxy"].rpartition(":")[2])
        seen, thread = self.streaming(
            daemon, name, 1, messages=[{"role": "user", "content": "begun\n+++\nover"}]
        )

        def let_go() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", "/go")
            # With its answer gone a model may be stopped before this one comes.
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection.getresponse().read()
            connection.close()

        # Also where the test fails.
        self.addCleanup(self._let_go_anyway, thread, let_go)
        return seen, thread, let_go

    def _let_go_anyway(
        self, thread: threading.Thread, let_go: Callable[[], None]
    ) -> None:
        if thread.is_alive():
            with contextlib.suppress(OSError):
                let_go()

    def loaded(self, daemon: Daemon, name: str) -> Any:
        """
        Load a model.

        :returns: what runs then.
        """
        self.assertEqual(daemon.chat(name).status, 200)
        return daemon.ask("GET", "/running").json

    def streaming(
        self, daemon: Daemon, name: str, tokens: int, **more: Any
    ) -> tuple[list[Any], threading.Thread]:
        """
        A request whose answer is under way; it tells of its end by ``"[DONE]"``.
        """
        seen: list[Any] = []
        body = {**chat_body(name, stream=True, max_tokens=tokens), **more}

        def read() -> None:
            with daemon.asking("POST", "/v1/chat/completions", body) as response:
                try:
                    seen.extend(events(response))
                except http.client.HTTPException as e:
                    seen.append(e)

        thread = threading.Thread(target=read)
        thread.start()
        wait_for(lambda: seen, "the first event")
        return seen, thread


class Clients:
    """
    Clients that ask in parallel, again and again.

    :ivar failures: what was answered but 200.
    """

    def __init__(self, ask: Callable[[], Any], count: int) -> None:
        self._ask = ask
        self._over = False
        self.failures: list[Any] = []
        self.asked = 0
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._over:
            try:
                answer = self._ask()
            except (OSError, http.client.HTTPException) as e:
                self.failures.append(e)
                continue
            self.asked += 1
            if answer.status != 200:
                self.failures.append((answer.status, answer.body))

    def end(self) -> None:
        self._over = True
        for thread in self._threads:
            thread.join()


class UnderLoadTests(ReloadTestCase):
    """
    What a reload does not change, it does not disturb.
    """

    def test_adds_and_drops(self) -> None:
        """
        Under 8 parallel clients a hundred reloads that add and drop other models,
        some of which run, fail no request, never restart the served model, and
        leak neither memory nor descriptors.
        """

        def config(turn: int) -> str:
            members = ["served"] + (["other"] if turn % 2 else [])
            others = "".join(model(f"m{turn}x{i}") for i in range(5))
            other = model("other") if turn % 2 else ""
            return (
                f"logLevel: {'info' if turn % 3 else 'debug'}\n"
                + TOGETHER % ", ".join(members)
                + f"models:\n{SERVED}{other}{others}"
            )

        daemon = self.daemon(config(1))
        daemon.chat("served")
        pid = self.pid_of(daemon, "served")
        process = psutil.Process(daemon.pid)
        descriptors = process.num_fds()
        clients = Clients(lambda: daemon.chat("served", max_tokens=2), 8)
        self.addCleanup(clients.end)
        for turn in range(2, 102):
            if turn % 10 == 0:
                self.assertEqual(daemon.chat("other").status, 200)
            self.reload(daemon, config(turn))
            if turn == 31:
                memory = process.memory_info().rss
        grown = process.memory_info().rss - memory
        clients.end()
        self.assertEqual(clients.failures, [])
        self.assertGreater(clients.asked, 100)
        self.assertEqual(self.pid_of(daemon, "served"), pid)
        self.assertLess(grown, 5_000_000)
        self.reload(daemon, config(2))
        wait_for(lambda: daemon.model_pids() == {pid}, "the others to be gone")
        # The eight have each left a free connection to the model, at the most.
        wait_for(lambda: process.num_fds() <= descriptors + 8, "the descriptors")
        self.assertNotIn("Traceback", daemon.output + daemon.errors)

    def test_settings_at_once(self) -> None:
        """
        What does not change the launch holds at once, and the process keeps its
        requests: a ttl, an alias, a limit, a log level, the largest body.
        """
        daemon = self.daemon("logLevel: info\nmodels:\n" + holder("m"))
        seen, thread, let_go = self.held(daemon, "m")
        pid = self.pid_of(daemon, "m")
        self.reload(
            daemon,
            "logToStdout: both\nmaxRequestBody: 1KiB\nhealthCheckTimeout: 60\n"
            "groups: {g: {members: [m]}}\nmodels:\n"
            + holder(
                "m",
                more="    ttl: 1\n    aliases: [em]\n    concurrencyLimit: 1\n"
                "    timeouts: {connect: 7}\n    name: Em\n",
            ),
        )
        self.assertEqual(daemon.chat("em").status, 429)
        large = daemon.ask("POST", "/v1/chat/completions", {"model": "m" * 2000})
        self.assertEqual(large.status, 413)
        self.assertEqual(self.pid_of(daemon, "m"), pid)
        let_go()
        thread.join()
        self.assertEqual(seen[-1], "[DONE]")
        wait_for(lambda: daemon.running() == {}, "the new ttl")
        self.assertNotIn("Traceback", daemon.output)


class DrainTests(ReloadTestCase):
    """
    What a reload changes ends with its requests.
    """

    def test_changed(self) -> None:
        """
        A changed model finishes what it serves; who asks meanwhile waits and is
        answered by the new one, on the same port.
        """
        daemon = self.daemon("models:\n" + holder("m"))
        seen, thread, let_go = self.held(daemon, "m")
        old = self.pid_of(daemon, "m")
        self.reload(daemon, "models:\n" + model("m", "--tokens-per-second 1000"))
        clients = Clients(lambda: daemon.chat("m", max_tokens=2), 4)
        self.addCleanup(clients.end)
        self.assertEqual(daemon.running(), {"m": "stopping"})
        self.assertEqual(self.pid_of(daemon, "m"), old)
        let_go()
        thread.join()
        self.assertEqual(seen[-1], "[DONE]")
        wait_for(lambda: clients.asked > 10, "the new one")
        clients.end()
        self.assertEqual(clients.failures, [])
        self.assertNotEqual(self.pid_of(daemon, "m"), old)
        self.assertFalse(is_alive(old))

    def test_removed_and_back(self) -> None:
        """
        A removed model finishes what it serves and is unknown to others; added
        again meanwhile, those wait and get the new one.
        """
        both = "models:\n" + SERVED + holder("m")
        daemon = self.daemon(both)
        seen, thread, let_go = self.held(daemon, "m")
        old = self.pid_of(daemon, "m")
        self.reload(daemon, "models:\n" + SERVED)
        self.assertEqual(daemon.chat("m").status, 404)
        listed = daemon.ask("GET", "/v1/models").json["data"]
        self.assertEqual([record["id"] for record in listed], ["served"])
        self.assertTrue(is_alive(old))
        self.reload(daemon, both)
        follower = Follower(daemon)
        self.addCleanup(follower.end)
        clients = Clients(lambda: daemon.chat("m"), 1)
        self.addCleanup(clients.end)
        follower.wait("queue", lambda queue: queue["total"] == 1, "it to wait")
        let_go()
        thread.join()
        self.assertEqual(seen[-1], "[DONE]")
        wait_for(lambda: clients.asked, "the new one")
        clients.end()
        self.assertEqual(clients.failures, [])
        self.assertNotEqual(self.pid_of(daemon, "m"), old)
        self.reload(daemon, "models:\n" + SERVED)
        wait_for(lambda: daemon.model_pids() == set(), "the model's end")

    def test_port_of_a_draining_one(self) -> None:
        """
        The port of a model that drains is given to no other, not even by a later
        reload and though its new command wants none.
        """
        daemon = self.daemon("models:\n" + holder("m"))
        _, thread, let_go = self.held(daemon, "m")
        fixed = "  m: {cmd: sleep 1000, proxy: 'http://127.0.0.1:1'}\n"
        self.reload(daemon, f"models:\n{fixed}")
        self.reload(daemon, TOGETHER % "m, one" + f"models:\n{fixed}" + model("one"))
        self.assertEqual(daemon.chat("one").status, 200)
        self.assertTrue(thread.is_alive())
        arguments = psutil.Process(self.pid_of(daemon, "one")).cmdline()
        self.assertIn(str(daemon.start_port + 1), arguments)
        let_go()
        thread.join()

    def test_while_starting(self) -> None:
        """
        A model that is changed while it starts is started anew, and whoever waits
        for it is answered.
        """
        daemon = self.daemon("models:\n" + model("m", "--load-time 600"))
        answers: list[int] = []
        thread = threading.Thread(
            target=lambda: answers.append(daemon.chat("m").status)
        )
        thread.start()
        wait_for(lambda: daemon.running() == {"m": "starting"}, "the start")
        self.reload(daemon, "models:\n" + model("m"))
        thread.join()
        self.assertEqual(answers, [200])

    def test_rest_is_forgotten(self) -> None:
        """
        A model that rests after failures is tried again after a reload.
        """
        bad = model("m", "--fail-start oh")
        daemon = self.daemon("models:\n" + bad)
        # Each rest is twice the one before: a test that stalls misses some.
        for _ in range(8):
            status = daemon.chat("m").status
            if status != 502:
                break
        self.assertEqual(status, 503)
        self.reload(daemon, "models:\n" + bad)
        self.assertEqual(daemon.chat("m").status, 502)

    def test_shutdown(self) -> None:
        """
        A daemon that is asked to end while one drains, and to reload, ends in
        order.
        """
        daemon = self.daemon("models:\n" + holder("m"))
        seen, thread, let_go = self.held(daemon, "m")
        self.reload(daemon, "models:\n" + SERVED)
        daemon.process.terminate()
        daemon.wait_for_output("shutting down")
        self.write(daemon, "models: {}")
        daemon.process.send_signal(signal.SIGHUP)
        let_go()
        self.assertEqual(daemon.wait(), 0, daemon.output)
        thread.join()
        self.assertEqual(seen[-1], "[DONE]")
        self.assertNotIn("Traceback", daemon.output + daemon.errors)


class FileTests(ReloadTestCase):
    """
    What makes a reload, and what does not.
    """

    def test_broken(self) -> None:
        """
        A file with mistakes changes nothing, and the log has all of them.
        """
        daemon = self.daemon("models:\n" + SERVED)
        daemon.chat("served")
        pid = self.pid_of(daemon, "served")
        self.reload(daemon, "models: 5\nstartPort: 0\n", "models: must be")
        for line in (
            "[ERROR] the configuration does not load; the one before still holds",
            f"[ERROR] {daemon.config}:2: models: ",
            f"[ERROR] {daemon.config}:3: startPort: ",
        ):
            daemon.wait_for_output(line)
        self.reload(daemon, "a: [", "[ERROR] the configuration does not load")
        self.assertEqual(daemon.chat("served").status, 200)
        self.assertEqual(self.pid_of(daemon, "served"), pid)
        self.assertNotIn("Traceback", daemon.output)

    def test_many_at_once(self) -> None:
        """
        Signals in quick succession end in the state of the last file.
        """
        daemon = self.daemon("models: {}")
        for turn in range(20):
            self.write(daemon, f"models:\n{model(f'm{turn}')}")
            daemon.process.send_signal(signal.SIGHUP)
            # Close enough for one to come while another is carried out.
            time.sleep(0.002)
        wait_for(lambda: daemon.chat("m19").status == 200, "the last file")
        self.assertEqual(daemon.running(), {"m19": "ready"})

    def test_before_it_listens(self) -> None:
        """
        A SIGHUP that comes while the daemon starts neither ends it nor is lost.
        """
        daemon = Daemon(self.folder(), "models: {}")
        self.addCleanup(daemon.end)
        status = Path(f"/proc/{daemon.pid}/status")

        def catches() -> bool:
            caught = re.search(r"SigCgt:\s*(\w+)", status.read_text())
            return caught is not None and bool(int(caught[1], 16) & 1)

        wait_for(catches, "it to take SIGHUP")
        for _ in range(5):
            os.kill(daemon.pid, signal.SIGHUP)
        daemon.wait_until_listening()
        self.wait_for_line(daemon, "the configuration was reloaded", 1)
        self.assertIsNone(daemon.process.poll())

    def watched(self, text: str, options: Sequence[str] = ()) -> Daemon:
        return self.daemon(text, ["--watch-config", *options])

    def test_watch(self) -> None:
        """
        With ``--watch-config`` a file that is replaced is loaded.  One that is
        moved away is no change.
        """
        daemon = self.watched("models:\n" + SERVED)
        daemon.chat("served")
        pid = self.pid_of(daemon, "served")
        moved = daemon.config.rename(daemon.config.with_name("moved"))
        # At least one look, which come every two seconds, finds it gone.
        time.sleep(2.5)
        moved.rename(daemon.config)
        self.write(daemon, "models:\n" + SERVED + model("m"))
        self.wait_for_line(daemon, "the configuration was reloaded: added m", 1)
        self.assertNotIn("[ERROR]", daemon.output)
        self.assertEqual(self.pid_of(daemon, "served"), pid)

    def test_watch_directory(self) -> None:
        """
        A file that comes into ``--config-dir`` is loaded, one that goes is
        dropped, and an emptied directory is no change.
        """
        folder = self.folder()
        one, two = folder / "one.yaml", folder / "two.yml"
        one.write_text("models:\n" + model("one"))
        daemon = self.watched("logLevel: info", ["--config-dir", str(folder)])
        # Whole at once: no look may find the half of it.
        draft = folder / "draft"
        draft.write_text("models:\n" + model("two"))
        draft.replace(two)
        self.wait_for_line(daemon, "the configuration was reloaded: added two", 1)
        one.unlink()
        self.wait_for_line(daemon, "the configuration was reloaded: removed one", 1)
        two.unlink()
        # Three looks, and none of them may act: there is nothing to wait for.
        time.sleep(7)
        self.assertEqual(daemon.output.count("was reloaded"), 2)
        self.assertEqual(daemon.chat("two").status, 200)
