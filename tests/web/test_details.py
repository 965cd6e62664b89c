"""
Tests for `llamaswap_tw.web.details`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw import __version__
from llamaswap_tw.config.schema import Config
from llamaswap_tw.errors import ModelNotFound
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.observe.timeline import Timeline
from llamaswap_tw.routing.router import Queued
from llamaswap_tw.web.details import PATHS, Details, model_details, settings_of
from llamaswap_tw.web.resource import json_of
from llamaswap_tw.web.status import model_status, queue_status

from .support import Connection, Response, configured, in_thread

CONFIG = """
apiKeys: [sk-of-ours]
startPort: 7000
captureBuffer: 7
models:
  llama:
    cmd: serve --port ${PORT} --api-key sk-of-ours --hf-token hf_secret -a ${MODEL_ID}
    cmdStop: "stop ${PID} -H 'X-Api-Key: other' http://localhost:${PORT}/stop"
    aliases: [alias, org/alias]
    env: [HF_TOKEN=hf_secret, MODE=fast]
    name: A llama
    description: Woolly
    ttl: 60
    unloadTimeout: 3
    concurrencyLimit: 4
    useModelName: gguf
    metadata: {legs: 4}
    capabilities: {in: [text, image], out: [text], tools: true, context: 4096}
    filters:
      stripParams: top_k, top_p
      setParams: {api_key: hf_secret, n: 1}
    timeouts: {connect: 5}
  plain:
    cmd: serve --port ${PORT}
groups:
  pets: {swap: false, members: [llama]}
peers:
  far: {proxy: "https://me:pw@far", apiKey: sk-of-far, models: [big]}
"""

MATRIX = """
models:
  a: {cmd: "serve --port ${PORT}"}
  b: {cmd: "serve --port ${PORT}"}
  c: {cmd: "serve --port ${PORT}"}
matrix:
  sets: {one: a & b, two: +one | c}
"""


class ModelTests(SynchronousTestCase):
    """
    All that is configured of a model.
    """

    def details(self, name: str, text: str = CONFIG) -> dict[str, Any]:
        config = configured(text)

        class _Request:
            def setHeader(self, name: bytes, value: bytes) -> None:
                pass

        # As a client gets it.
        document = model_details(config, name)
        found: dict[str, Any] = json.loads(json_of(_Request(), document))  # type: ignore[arg-type]  # only its headers are set
        return found

    def test_whole(self) -> None:
        """
        Every field is effective, and in the form that is documented.
        """
        self.assertEqual(
            self.details("llama"),
            {
                "id": "llama",
                "name": "A llama",
                "description": "Woolly",
                "aliases": ["alias", "org/alias"],
                "cmd": "serve --port 7000 --api-key … --hf-token … -a llama",
                "cmd_stop": "stop ${PID} -H 'X-Api-Key: …' http://localhost:7000/stop",
                "env": {"HF_TOKEN": "…", "MODE": "fast"},
                "proxy": "http://localhost:7000",
                "port": 7000,
                "check_endpoint": "/health",
                "ttl": 60,
                "unload_timeout": 3,
                "concurrency_limit": 4,
                "queue_limit": 0,
                "queue_timeout": None,
                "priority": 0,
                "unlisted": False,
                "use_model_name": "gguf",
                "send_loading_state": False,
                "ignore_websockets": False,
                "capabilities": {
                    "architecture": {
                        "input_modalities": ["text", "image"],
                        "output_modalities": ["text"],
                        "modality": "text+image->text",
                    },
                    "capabilities": {"vision": True, "function_calling": True},
                    "supported_parameters": ["tools", "tool_choice"],
                    "context_length": 4096,
                },
                "groups": [
                    {
                        "id": "pets",
                        "swap": False,
                        "exclusive": True,
                        "persistent": False,
                        "members": ["llama"],
                    }
                ],
                "sets": [],
                "filters": {
                    "strip_params": ["top_k", "top_p"],
                    "set_params": {"api_key": "…", "n": 1},
                    "set_params_by_id": {},
                },
                "timeouts": {
                    "connect": 5.0,
                    "keepalive": 30.0,
                    "response_header": 0.0,
                    "tls_handshake": 10.0,
                    "expect_continue": 1.0,
                    "idle_conn": 90.0,
                },
                "metadata": {"legs": 4},
            },
        )

    def test_alias(self) -> None:
        """
        An alias stands for its model.
        """
        self.assertEqual(self.details("org/alias"), self.details("llama"))

    def test_little(self) -> None:
        """
        A model of which little is said has what holds then.
        """
        details = self.details("plain")
        for field, value in (
            *(("cmd_stop", None), ("capabilities", None), ("groups", [])),
            *(("env", {}), ("metadata", {}), ("concurrency_limit", 10)),
        ):
            self.assertEqual((field, details[field]), (field, value))

    def test_sets(self) -> None:
        """
        The sets that name a model are told, also where they do by another set.
        """
        one = {"name": "one", "text": "a & b"}
        two = {"name": "two", "text": "+one | c"}
        for model, sets in (("a", [one, two]), ("b", [one, two]), ("c", [two])):
            details = self.details(model, MATRIX)
            self.assertEqual((details["sets"], details["groups"]), (sets, []))

    def test_unknown(self) -> None:
        """
        What is no model of ours is not found, and one that looks like it is named.
        """
        error = self.assertRaises(ModelNotFound, self.details, "lama")
        self.assertIn("llama", error.message)
        self.assertRaises(ModelNotFound, self.details, "far/big")


class RoutesTests(SynchronousTestCase):
    """
    The settings and the last hour, as clients get them.
    """

    def setUp(self) -> None:
        self.config: Config = configured(CONFIG)
        self.now = 1_700_000_000.0
        self.timeline = Timeline(lambda: self.now)
        self.details = Details(
            lambda: self.config,
            self.timeline,
            ["127.0.0.1:8080", "unix:/run/x"],
            self.now,
            in_thread,
        )

    def ask(self, path: str, method: str = "GET") -> Response:
        self.assertIn(path.partition("?")[0].encode(), PATHS)
        connection = Connection(
            lambda request: request.enter_resource(self.details.render)
        )
        connection.ask(method, path)
        return connection.response()

    def test_settings(self) -> None:
        """
        What holds for all models is told, by the configuration of that moment; of
        keys there is the number alone.
        """
        response = self.ask("/api/settings")
        self.assertEqual(response.headers["content-type"], "application/json")
        self.assertNotIn(b"sk-of", response.body)
        settings = json.loads(response.body)
        for name, value in (
            ("version", __version__),
            ("start_time", "2023-11-14T22:13:20.000Z"),
            ("listen", ["127.0.0.1:8080", "unix:/run/x"]),
            ("config_path", self.config.sources[0]),
            ("models", 2),
            ("peers", 1),
            ("api_keys", 1),
            ("planner", "group"),
            ("health_check_timeout", 120),
            ("log_level", "info"),
            ("capture_buffer", 7),
            ("store_path", None),
            ("max_request_body", 1024**3),
            ("session_id", ["X-Session-ID", "X-Litellm-Session-Id"]),
        ):
            self.assertEqual((name, settings[name]), (name, value))
        self.config = configured(MATRIX)
        self.assertEqual(json.loads(self.ask("/api/settings").body)["models"], 3)

    def test_settings_without_a_file(self) -> None:
        """
        Where nothing says what the configuration came from, there is no path.
        """
        self.config = Config()
        settings = json.loads(self.ask("/api/settings").body)
        self.assertEqual(
            (settings["config_path"], settings["config_paths"]), (None, [])
        )

    def test_timeline(self) -> None:
        """
        The last hour is told, or what came since a moment.
        """
        self.timeline.state_changed("llama", ProcessState.STARTING, None)
        self.now += 10
        self.timeline.busy("llama", True)
        told = json.loads(self.ask("/api/timeline").body)
        self.assertEqual(told["now"], "2023-11-14T22:13:30.000Z")
        self.assertEqual([event["state"] for event in told["events"]], ["starting"])
        self.assertEqual([one["model"] for one in told["served"]], ["llama"])
        for since in ("2023-11-14T22:13:25Z", "2023-11-14T23:13:25%2B01:00"):
            told = json.loads(self.ask(f"/api/timeline?since={since}").body)
            self.assertEqual((told["events"], len(told["served"])), ([], 1))
        told = json.loads(self.ask("/api/timeline?since=").body)
        self.assertEqual(len(told["events"]), 1)

    def test_no_time(self) -> None:
        """
        What is no time is refused.
        """
        for since in ("yesterday", "2023-11-14", "1700000000", "2023-99-14T00:00:00Z"):
            response = self.ask(f"/api/timeline?since={since}")
            self.assertEqual((since, response.status), (since, 400))

    def test_methods(self) -> None:
        """
        Nothing can be set here.
        """
        for path in PATHS:
            self.assertEqual(self.ask(path.decode(), "POST").status, 405)


class DocumentationTests(SynchronousTestCase):
    """
    What is told is documented.
    """

    def test_fields(self) -> None:
        """
        Every field of a model's configuration, of the settings, of where a model
        stands, of who waits and of the last hour is named on the page for it.
        """
        page = Path(__file__).parents[2] / "docs" / "observability.rst"
        told = set(re.findall(r"``([^`]+)``", page.read_text(encoding="utf-8")))
        config = configured(CONFIG)
        details = model_details(config, "llama")
        status = model_status(config, {})[0]
        view = Timeline(lambda: 0.0).since(None)
        queue = queue_status([Queued(Deferred(), "a", 0.0, 1, ())], (), 0.0)
        for document in (
            details,
            *(details[name] for name in ("filters", "timeouts", "capabilities")),
            *details["groups"],
            *model_details(configured(MATRIX), "a")["sets"],
            settings_of(config, [], 0.0),
            status,
            dict.fromkeys(("message", "code", "at", "retry_at", "log")),
            view.as_json(),
            queue,
            *queue["waiting"],
        ):
            self.assertEqual(document.keys() - told, set())
