"""
The daemon as its users meet it: a command, a configuration, curl.
"""

from __future__ import annotations

import http.client
import json
import os
import selectors
import signal
import socket
import sys
import threading
from datetime import datetime
from functools import partial
from pathlib import Path

from llamaswap_tw import __version__

from .following import Follower
from .support import (
    PATIENCE,
    Daemon,
    LiveTestCase,
    Program,
    chat_body,
    events,
    free_ports,
    is_alive,
    listens,
    simulator,
    twistd,
    wait_for,
)

TWO_MODELS = f"""
models:
  alice:
    cmd: {simulator("--model alice --load-time 0.1")}
    aliases: [ally]
    metadata: {{size: 7}}
  bob:
    cmd: {simulator("--model bob --load-time 0.1")}
    name: Bob
"""


#: An end that waits for nobody comes within so many seconds, on a machine however
#: busy; one that waits for what runs takes half a minute.
AT_ONCE = 20.0


class CommandLineTests(LiveTestCase):
    """
    What is wrong with a command is said in a line.
    """

    def refused(self, *options: str) -> str:
        program = Program([*twistd(), *options], self.folder())
        self.addCleanup(program.end)
        self.assertEqual(program.wait(), 1)
        self.assertNotIn("Traceback", program.errors + program.output)
        return program.errors

    def test_version(self) -> None:
        """
        The versions are told, and nothing is started.
        """
        for option in ("--version", "-version"):
            program = Program([*twistd(), option], self.folder())
            self.addCleanup(program.end)
            self.assertEqual(program.wait(), 0)
            self.assertIn(__version__, program.output)

    def test_bad_options(self) -> None:
        """
        A bad option is one line that names it.
        """
        for options, word in (
            (("--confg", "x"), "confg"),
            ((), "--config"),
            (("--config", "/nonexistent/config.yaml"), "/nonexistent/config.yaml"),
            (("--config", os.devnull, "--listen", "127.0.0.1:99999"), "99999"),
        ):
            errors = self.refused(*options)
            self.assertIn(word, errors)
            self.assertEqual(errors.count("\n"), 1, errors)

    def test_bad_config(self) -> None:
        """
        Each mistake is a line with the file, the line and the path.
        """
        folder = self.folder()
        config = folder / "config.yaml"
        config.write_text("models:\n  a:\n    cmd: x\n    ttl: soon\nstartPort: 0\n")
        errors = self.refused("--config", str(config))
        self.assertIn(f"{config}:4: models.a.ttl: ", errors)
        self.assertIn(f"{config}:5: startPort: ", errors)

    def test_address_in_use(self) -> None:
        """
        An address in use is one line, and nothing is left running.
        """
        folder = self.folder()
        config = folder / "config.yaml"
        config.write_text("models: {}\n")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            errors = self.refused("--config", str(config), "-listen", address)
        self.assertIn(address, errors)
        self.assertIn("in use", errors)
        self.assertEqual(errors.count("\n"), 1, errors)


class SwapTests(LiveTestCase):
    """
    Models are started when they are asked for, and stopped for one another.
    """

    def test_swap(self) -> None:
        """
        Two models answer in turn through one port, one process at a time.
        """
        daemon = self.daemon(TWO_MODELS)
        self.assertEqual(daemon.running(), {})
        for model in ("alice", "bob", "ally"):
            answer = daemon.chat(model)
            self.assertEqual(answer.status, 200, answer.body)
            name = {"ally": "alice"}.get(model, model)
            self.assertIn(name, answer.json["choices"][0]["message"]["content"])
            self.assertEqual(daemon.running(), {name: "ready"})
        self.assertEqual(len(daemon.model_pids()), 1)

    def test_listing(self) -> None:
        """
        The models are listed with names, states and metadata.
        """
        daemon = self.daemon(TWO_MODELS)
        daemon.chat("alice")
        listed = daemon.ask("GET", "/v1/models").json["data"]
        self.assertEqual([record["id"] for record in listed], ["alice", "bob"])
        self.assertEqual(
            [record["status"]["value"] for record in listed], ["loaded", "unloaded"]
        )
        self.assertEqual(listed[0]["meta"]["llamaswap"]["size"], 7)
        self.assertEqual(listed[1]["name"], "Bob")

    def test_unload(self) -> None:
        """
        An unloaded model is down when the call returns.
        """
        daemon = self.daemon(TWO_MODELS)
        for method, path in (
            ("GET", "/unload"),
            ("POST", "/api/models/unload"),
            ("POST", "/api/models/unload/ally"),
        ):
            self.assertEqual(daemon.chat("alice").status, 200)
            self.assertEqual(len(daemon.model_pids()), 1)
            self.assertEqual(daemon.ask(method, path).status, 200)
            self.assertEqual(daemon.model_pids(), set())
            self.assertEqual(daemon.running(), {})

    def sent(self, daemon: Daemon, body: object) -> socket.socket:
        """
        A client that has asked a model something, and waits.
        """
        data = json.dumps(body).encode()
        client = socket.create_connection(("127.0.0.1", daemon.port))
        self.addCleanup(client.close)
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(data), data)
        )
        return client

    def test_order(self) -> None:
        """
        A B C A B C A B C, all waiting, are served a a a b b b c c c by three
        loads.
        """
        daemon = self.daemon(
            "models:\n"
            + "".join(
                f"  {model}:\n    cmd: {simulator('--load-time 0.2 --model', model)}\n"
                for model in "abcz"
            )
        )
        hold = self.sent(daemon, chat_body("z", simulator={"delay_head": 60}))
        wait_for(lambda: daemon.running() == {"z": "ready"}, "z to be ready")
        waiting = selectors.DefaultSelector()
        self.addCleanup(waiting.close)
        follower = Follower(daemon)
        self.addCleanup(follower.end)
        for number, model in enumerate("abcabcabc", 1):
            client = self.sent(daemon, chat_body(model, max_tokens=1))
            waiting.register(client, selectors.EVENT_READ, model)
            wait_for(partial(waits, follower, number), f"{number} of them to wait")
        hold.close()
        served: list[str] = []
        while waiting.get_map():
            answered = waiting.select(PATIENCE)
            self.assertTrue(answered, served)
            for key, _ in answered:
                waiting.unregister(key.fileobj)
                served.append(key.data)
        self.assertEqual("".join(served), "aaabbbccc")
        log = daemon.ask("GET", "/logs").body
        self.assertEqual(log.count(b": starting: "), 4)

    def test_unknown(self) -> None:
        """
        An unknown model is named, with the nearest that are known.
        """
        daemon = self.daemon(TWO_MODELS)
        answer = daemon.chat("alise")
        self.assertEqual(answer.status, 404)
        self.assertEqual(answer.json["error"]["code"], "model_not_found")
        self.assertIn("alise", answer.error)
        self.assertIn("alice", answer.error)


class FailureTests(LiveTestCase):
    """
    What goes wrong is told to whoever asked.
    """

    def test_fails_to_start(self) -> None:
        """
        What the process wrote last reaches the user, and after three failures
        the model rests.
        """
        daemon = self.daemon(
            "models:\n  broken:\n    cmd: "
            + simulator("--load-time 0", "--fail-start 'CUDA out of memory'")
        )
        failures = 0
        while (answer := daemon.chat("broken")).status != 503:
            self.assertEqual(answer.status, 502)
            self.assertIn("exited with status 1", answer.error)
            self.assertIn("CUDA out of memory", answer.error)
            failures += 1
            # A machine that stalls is late for a rest of a second, not for each.
            self.assertLess(failures, 8)
        self.assertGreaterEqual(failures, 3)
        rest = 2 ** (failures - 3)
        self.assertIn(int(answer.headers["Retry-After"]), range(1, rest + 1))
        self.assertIn("CUDA out of memory", answer.error)
        # A person who loads it by hand gets another try.
        answer = daemon.ask("POST", "/api/models/load/broken")
        self.assertEqual(answer.status, 502)

    def test_missing_program(self) -> None:
        """
        A command that is not there is named.
        """
        daemon = self.daemon("models:\n  m:\n    cmd: llama-sever --port ${PORT}\n")
        answer = daemon.chat("m")
        self.assertEqual(answer.status, 502)
        self.assertIn("llama-sever", answer.error)

    def test_foreign_port(self) -> None:
        """
        A stranger on the model's port is named, and answers nothing.
        """
        daemon = self.daemon(TWO_MODELS)
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", daemon.start_port))
            stranger.listen()
            answer = daemon.chat("alice")
            self.assertEqual(answer.status, 502)
            self.assertIn(str(daemon.start_port), answer.error)
            self.assertIn(str(os.getpid()), answer.error)
        self.assertEqual(daemon.chat("alice").status, 200)

    def test_killed_model(self) -> None:
        """
        A model that is killed is noticed, and started again when asked for.
        """
        daemon = self.daemon(TWO_MODELS)
        daemon.chat("alice")
        (pid,) = daemon.model_pids()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: daemon.running() == {}, "the daemon to notice")
        answer = daemon.chat("alice")
        self.assertEqual(answer.status, 200)
        self.assertNotEqual(daemon.model_pids(), {pid})

    def test_killed_in_the_middle(self) -> None:
        """
        A stream whose model is killed ends with an error event, and not as if
        it were whole.
        """
        daemon = self.daemon(
            "models:\n  slow:\n    cmd: "
            + simulator("--load-time 0", "--tokens-per-second 20")
        )
        body = chat_body("slow", stream=True, max_tokens=1000)
        with daemon.asking("POST", "/v1/chat/completions", body) as response:
            while b"content" not in (line := response.readline()):
                self.assertTrue(line)
            (pid,) = daemon.model_pids()
            os.kill(pid, signal.SIGKILL)
            with self.assertRaises(http.client.IncompleteRead) as caught:
                response.read()
        self.assertIn(b"event: error\n", caught.exception.partial)
        self.assertNotIn(b"[DONE]", caught.exception.partial)

    def test_ttl(self) -> None:
        """
        A model that nobody asks for is unloaded after its TTL.
        """
        daemon = self.daemon(
            f"models:\n  brief:\n    ttl: 1\n    cmd: {simulator('--load-time 0')}\n"
        )
        self.assertEqual(daemon.chat("brief").status, 200)
        wait_for(lambda: daemon.running() == {}, "the TTL")
        told = daemon.ask("GET", "/api/timeline").json["events"]
        self.assertEqual(
            [(one["state"], one["reason"]) for one in told],
            [
                ("starting", None),
                ("ready", None),
                ("stopping", "no request for 1 s"),
                ("stopped", None),
            ],
        )
        ready, stopping = (datetime.fromisoformat(one["at"]) for one in told[1:3])
        self.assertGreater((stopping - ready).total_seconds(), 0.99)


class ShutdownTests(LiveTestCase):
    """
    The daemon ends in order.
    """

    CONFIG = "models:\n  slow:\n    cmd: " + simulator(
        "--load-time 0", "--tokens-per-second 20"
    )

    def streaming(
        self, daemon: Daemon, tokens: int
    ) -> tuple[list[object], threading.Thread]:
        seen: list[object] = []
        body = chat_body("slow", stream=True, max_tokens=tokens)

        def read() -> None:
            with daemon.asking("POST", "/v1/chat/completions", body) as response:
                seen.extend(events(response))

        thread = threading.Thread(target=read)
        thread.start()
        wait_for(lambda: daemon.running() == {"slow": "ready"}, "the model")
        wait_for(lambda: seen, "the first event")
        return seen, thread

    def test_stream_ends_whole(self) -> None:
        """
        On SIGTERM and SIGINT a running stream ends whole, then the daemon ends
        with status 0, and nothing is left of it.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.daemon(self.CONFIG)
            seen: list[object] = []
            seen, thread = self.streaming(daemon, 30)
            pids = daemon.model_pids()
            daemon.process.send_signal(number)
            self.assertEqual(daemon.wait(), 0, daemon.output)
            thread.join()
            self.assertEqual(seen[-1], "[DONE]")
            self.assertEqual([pid for pid in pids if is_alive(pid)], [])
            self.assertNotIn("Traceback", daemon.output + daemon.errors)

    def test_second_signal(self) -> None:
        """
        A second signal ends it at once, and the watchdog ends the models.
        """
        daemon = self.daemon(self.CONFIG)
        _, thread = self.streaming(daemon, 2000)
        pids = daemon.model_pids()
        daemon.process.terminate()
        wait_for(lambda: "shutting down" in daemon.output, "the first signal")
        daemon.process.terminate()
        self.assertNotEqual(daemon.wait(AT_ONCE), 0)
        thread.join()
        wait_for(lambda: not any(map(is_alive, pids)), "the models' end")

    def test_log_stream_ends(self) -> None:
        """
        Who follows a log does not hold the daemon up.
        """
        daemon = self.daemon(self.CONFIG)
        with daemon.asking("GET", "/logs/stream") as response:
            response.readline()
            daemon.process.terminate()
            self.assertEqual(daemon.wait(AT_ONCE), 0)
            response.read()


class ConfigTests(LiveTestCase):
    """
    What the project ships runs as it is.
    """

    def test_shipped_config(self) -> None:
        """
        The configuration in the project's folder swaps its two models.
        """
        shipped = Path(__file__).parents[2] / "config.yaml"
        text = shipped.read_text()
        # The daemon's own interpreter, where ``python3`` is another one.
        daemon = self.daemon(text.replace("python3 -m", f"{sys.executable} -m"))
        for model in ("alice", "bob"):
            self.assertEqual(daemon.chat(model).status, 200)
            self.assertEqual(daemon.running(), {model: "ready"})

    def test_log(self) -> None:
        """
        A line of the log has a level and nothing before it; the simulator's own
        lines are in the model's log.
        """
        daemon = self.daemon(TWO_MODELS)
        daemon.chat("alice")
        for line in daemon.ask("GET", "/logs").body.decode().splitlines():
            self.assertRegex(line, r"^\[(DEBUG|INFO|WARN|ERROR)\] ")
        daemon.wait_for_output("[INFO] listening on")
        with daemon.asking("GET", "/logs/stream/ally") as response:
            self.assertIn(b"listening", response.readline() + response.readline())


def waits(follower: Follower, count: int) -> bool:
    """
    Whether it was told that so many wait.
    """
    return any(queue["total"] == count for queue in follower.of("queue"))


class PortTests(LiveTestCase):
    """
    Where it listens.
    """

    def test_several_addresses(self) -> None:
        """
        ``--listen`` may be given more than once, a UNIX socket among them.
        """
        folder = self.folder()
        other = free_ports(1)
        daemon = self.daemon(
            TWO_MODELS,
            ["--listen", str(other), "-l", f"unix:{folder}/socket"],
        )
        for family, address in (
            (socket.AF_INET, ("127.0.0.1", other)),
            (socket.AF_UNIX, f"{folder}/socket"),
        ):
            # It begins to listen on one after the other.
            wait_for(partial(listens, family, address), f"it to listen on {address}")
            with socket.socket(family) as client:
                client.settimeout(PATIENCE)
                client.connect(address)
                client.sendall(b"GET /running HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: client.recv(1000), b""))
            self.assertEqual(
                json.loads(answer.partition(b"\r\n\r\n")[2]), {"running": []}
            )
        self.assertEqual(daemon.running(), {})
