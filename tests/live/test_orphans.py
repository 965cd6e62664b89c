"""
Nothing outlives the daemon, however it ends.
"""

from __future__ import annotations

import os
import signal
import sys

from .support import (
    Daemon,
    LiveTestCase,
    is_alive,
    simulator,
    simulator_says,
    wait_for,
)

CONFIG = f"""
models:
  m: {{cmd: "{simulator("--load-time 0 --child")}"}}
  wiped: {{cmd: "{simulator("--load-time 0 --child --wipe-environment")}"}}
"""


class OrphanTests(LiveTestCase):
    """
    A daemon that is killed takes its models along, and their children.
    """

    #: The promise is two seconds; a machine that is busy with other tests gets
    #: more.
    SOON = 10.0

    def processes(self, daemon: Daemon, model: str) -> set[int]:
        """
        The pids of a model and its child, which leads a session of its own.
        """
        answer = daemon.chat(model)
        self.assertEqual(answer.status, 200, answer.body)
        (running,) = daemon.ask("GET", "/running").json["running"]
        port = int(running["proxy"].rpartition(":")[2])
        pids = simulator_says(port, "/simulator/pids")
        found = {pids["pid"], *pids["children"]}
        self.assertEqual(len(found), 2)
        self.assertTrue(all(map(is_alive, found)))
        daemon.descendants |= found
        return found

    def assert_gone(self, pids: set[int]) -> None:
        wait_for(
            lambda: not any(map(is_alive, pids)), "the models' end", limit=self.SOON
        )

    def test_killed(self) -> None:
        """
        SIGKILL leaves nothing behind, whatever the model's environment says.
        """
        for model in ("m", "wiped"):
            daemon = self.daemon(CONFIG)
            pids = self.processes(daemon, model)
            daemon.process.kill()
            self.assert_gone(pids)

    def test_lost(self) -> None:
        """
        SIGKILL leaves nothing behind that forked twice, leads a session of its own
        and has wiped its environment; and a swap does not.
        """
        file = self.folder() / "pid"
        script = self.folder() / "lose.sh"
        script.write_text(
            f"(setsid env -i sh -c 'echo $$ > {file}; exec sleep 1000' &)\n"
            'exec "$@"\n'
        )
        daemon = self.daemon(
            f"""
models:
  m: {{cmd: "{simulator("--load-time 0")}"}}
  loses: {{cmd: "sh {script} {simulator("--load-time 0")}"}}
"""
        )
        for end in (lambda: daemon.chat("m"), daemon.process.kill):
            file.unlink(missing_ok=True)
            self.assertEqual(daemon.chat("loses").status, 200)
            wait_for(lambda: file.exists() and file.read_text().strip(), "its child")
            lost = int(file.read_text())
            daemon.descendants.add(lost)
            self.assertTrue(is_alive(lost))
            end()
            self.assert_gone({lost})

    def test_swapped(self) -> None:
        """
        A swap stops the whole family, and so does an end in order.
        """
        daemon = self.daemon(CONFIG)
        first = self.processes(daemon, "m")
        second = self.processes(daemon, "wiped")
        self.assert_gone(first)
        daemon.process.terminate()
        self.assertEqual(daemon.wait(), 0)
        self.assert_gone(second)

    def test_crashed_model(self) -> None:
        """
        What a crash leaves is ended.
        """
        daemon = self.daemon(CONFIG)
        pids = self.processes(daemon, "m")
        (model,) = (
            pid for pid in pids if os.getsid(pid) == pid and self.is_leader(daemon, pid)
        )
        os.kill(model, signal.SIGKILL)
        self.assert_gone(pids)

    def is_leader(self, daemon: Daemon, pid: int) -> bool:
        with open(f"/proc/{pid}/stat") as file:
            parent = int(file.read().rpartition(")")[2].split()[1])
        return parent == daemon.pid

    def test_stop_command(self) -> None:
        """
        A stop command is run with the model's pid, by a swap and also when the
        daemon is killed.
        """
        for kill in (False, True):
            folder = self.folder()
            told = folder / "told"
            stop = folder / "stop.py"
            stop.write_text(
                "import os, pathlib, sys\n"
                f"pathlib.Path({str(told)!r}).write_text(sys.argv[1])\n"
                "os.kill(int(sys.argv[1]), 15)\n"
            )
            daemon = self.daemon(
                f"models:\n  m:\n    cmd: {simulator('--load-time 0')}\n"
                f"    cmdStop: {sys.executable} {stop} ${{PID}}\n"
            )
            self.assertEqual(daemon.chat("m").status, 200)
            pids = daemon.model_pids()
            if kill:
                daemon.process.kill()
            else:
                self.assertEqual(daemon.ask("GET", "/unload").status, 200)
            self.assert_gone(pids)
            self.assertIn(told.read_text().strip(), map(str, pids))
