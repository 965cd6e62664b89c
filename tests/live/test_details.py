"""
What is told of models while a real daemon runs them: in events, and beside them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psutil

from .following import Follower
from .support import (
    PATIENCE,
    LiveTestCase,
    chat_body,
    simulator,
    undisturbed,
    wait_for,
)

CONFIG = f"""
apiKeys: [sk-of-ours]
models:
  a:
    cmd: {simulator("--load-time", "0.3", "--tokens-per-second", "50")}
    env: [HF_TOKEN=hf_secret]
    ttl: 600
  b:
    cmd: {simulator("--model", "sk-of-ours")}
  idle:
    cmd: {simulator()}
    ttl: 3
  broken:
    proxy: http://127.0.0.1:9
    cmd: sh -c "echo no such model; exit 3"
"""

KEY = {"Authorization": "Bearer sk-of-ours"}


class DetailsFollower(Follower):
    """
    Keeps all that was told, so that nothing is missed that lasts for a moment.
    """

    def told(self, model: str) -> list[dict[str, Any]]:
        """
        What each event said of a model.
        """
        return [
            record
            for records in self.of("modelStatus")
            for record in records
            if record["id"] == model
        ]

    def model(self, model: str) -> dict[str, Any]:
        """
        What the last event said of a model; nothing before the first.
        """
        return next(iter(reversed(self.told(model))), {})

    def wait_for_model(
        self, model: str, wanted: Callable[[dict[str, Any]], Any], what: str
    ) -> dict[str, Any]:
        """
        Wait until a model was told to be so.

        :returns: what was told of it then.
        """
        found: list[dict[str, Any]] = wait_for(
            lambda: [record for record in self.told(model) if wanted(record)], what
        )
        return found[0]

    def waiting(self) -> list[dict[str, Any]]:
        """
        Who waits, by the last event.
        """
        queues = self.of("queue")
        found: list[dict[str, Any]] = queues[-1]["waiting"] if queues else []
        return found


class ToldTests(LiveTestCase):
    """
    Somebody follows, and asks for the rest.
    """

    def setUp(self) -> None:
        self.server = self.daemon(CONFIG)
        self.follower = DetailsFollower(self.server, KEY)
        self.addCleanup(self.follower.end)

    def get(self, path: str) -> Any:
        answer = self.server.ask("GET", path, headers=KEY)
        self.assertEqual((path, answer.status), (path, 200))
        return answer.json

    def chat(self, model: str, **more: Any) -> int:
        body = chat_body(model, **more)
        return self.server.ask("POST", "/v1/chat/completions", body, KEY).status

    @contextmanager
    def held(self, model: str) -> Iterator[None]:
        """
        A stream that goes on for as long as the block.
        """
        body = chat_body(model, stream=True, max_tokens=100_000)
        with self.server.asking("POST", "/v1/chat/completions", body, KEY) as response:
            self.assertTrue(response.read(1))
            yield

    def test_life(self) -> None:
        """
        A model that was loaded tells how long that took, when it is unloaded, and
        what memory it takes; and why the one before it had to go.
        """
        self.assertEqual(self.chat("a"), 200)
        (pid,) = self.server.model_pids()
        real = psutil.Process(pid).memory_info().rss
        # While it starts it takes less.
        status = self.follower.wait_for_model(
            "a",
            lambda told: (
                told["state"] == "ready"
                and abs((told["memory_bytes"] or 0) - real) < real / 2
            ),
            "the memory to be told",
        )
        self.assertGreaterEqual(status["load_seconds"][0], 0.3)
        self.assertIsNone(status["failure"])
        self.follower.wait_for_model(
            "a", lambda told: told["unload_at"], "the end of its TTL"
        )
        self.assertEqual(self.chat("b"), 200)
        hour = self.get("/api/timeline")
        told = [(one["model"], one["state"], one["reason"]) for one in hour["events"]]
        self.assertEqual(
            told,
            [
                ("a", "starting", None),
                ("a", "ready", None),
                ("a", "stopping", "to make way for b"),
                ("a", "stopped", None),
                ("b", "starting", None),
                ("b", "ready", None),
            ],
        )
        self.assertEqual([one["model"] for one in hour["served"]], ["a", "b"])
        since = self.get(f"/api/timeline?since={hour['now']}")
        self.assertEqual(since["events"], [])

    def test_idle(self) -> None:
        """
        A model that nobody asks for is unloaded when it was told to be, which is no
        failure, and the reason is known.
        """
        # It is told once a second: a machine that stalls may tell of the end alone.
        ends = undisturbed(self.idle_end)
        metrics = self.server.ask("GET", "/metrics", headers=KEY).body.decode()
        self.assertIn(
            f'process_exits_total{{model="idle",reason="stopped"}} {ends}.0', metrics
        )

    def idle_end(self) -> int:
        """
        Load it, and let it be.

        :returns: how often it has come to its end by then.
        """
        before = len(self.follower.told("idle"))
        ended = len(self.idle_ends())
        self.assertEqual(self.chat("idle"), 200)
        stopping = wait_for(lambda: self.idle_ends()[ended:], "that end to come")[0]
        self.assertEqual(stopping["reason"], "no request for 3 s")

        def told_of() -> list[dict[str, Any]]:
            told = self.follower.told("idle")[before:]
            loaded = any(record["state"] != "stopped" for record in told)
            return told if loaded and told[-1]["state"] == "stopped" else []

        records = wait_for(told_of, "it to be down")
        self.assertIsNone(records[-1]["failure"])
        moments = [record["unload_at"] for record in records if record["unload_at"]]
        self.assertTrue(moments, "it was not told when it would be unloaded")
        late = datetime.fromisoformat(stopping["at"]) - datetime.fromisoformat(
            moments[-1]
        )
        self.assertGreater(late.total_seconds(), -0.01)
        return ended + 1

    def idle_ends(self) -> list[dict[str, Any]]:
        """
        Where in the timeline it was about to be stopped.
        """
        events = self.get("/api/timeline")["events"]
        return [
            one
            for one in events
            if (one["model"], one["state"]) == ("idle", "stopping")
        ]

    def test_failure(self) -> None:
        """
        A model that does not start is told with its last words, and when it may be
        tried again.
        """
        for _ in range(3):
            self.assertEqual(self.chat("broken"), 502)
        status = self.follower.wait_for_model(
            "broken",
            lambda told: (
                told["state"] == "stopped" and (told["failure"] or {}).get("retry_at")
            ),
            "the failure to be told",
        )
        self.assertIn("status 3", status["failure"]["message"])
        self.assertEqual(status["failure"]["log"], "no such model")
        events = self.get("/api/timeline")["events"]
        self.assertIn("status 3", " ".join(one["reason"] or "" for one in events))

    def test_queue(self) -> None:
        """
        Who waits is told with the id under which it is in flight, and on whose account,
        until it waits no more.
        """
        with self.held("a"):
            asked = threading.Thread(target=self.chat, args=("b",))
            asked.start()
            self.addCleanup(asked.join, PATIENCE)
            (one,) = wait_for(
                lambda: [one for one in self.follower.waiting() if one["model"] == "b"],
                "somebody who waits",
            )
            self.assertEqual((one["position"], one["behind"]), (1, ["a"]))
            wait_for(
                lambda: self.follower.model("a").get("in_flight") == 1,
                "the request that is served to be told",
            )
            self.assertEqual(self.follower.model("b")["state"], "stopped")
            cancelled = self.server.ask(
                "POST", f"/api/inflight/{one['id']}/cancel", headers=KEY
            )
            self.assertEqual(cancelled.status, 200)
            wait_for(lambda: not self.follower.waiting(), "nobody to wait")
            asked.join(PATIENCE)
            self.assertFalse(asked.is_alive())

    def test_details(self) -> None:
        """
        A model's configuration and the daemon's settings are told without secrets, and
        not without a key.
        """
        details = self.get("/api/models/b")
        self.assertNotIn("hf_secret", self.get("/api/models/a")["env"]["HF_TOKEN"])
        self.assertEqual(details["port"], self.server.start_port + 1)
        self.assertTrue(details["cmd"].endswith(f"--port {details['port']} --model …"))
        settings = self.get("/api/settings")
        self.assertEqual(settings["listen"], [f"127.0.0.1:{self.server.port}"])
        self.assertEqual(settings["config_path"], str(self.server.config))
        self.assertEqual(settings["models"], 4)
        for path in ("/api/models/a", "/api/settings", "/api/timeline"):
            self.assertEqual(self.server.ask("GET", path).status, 401)
