"""
The scripts of the documentation, with the clients that people use.
"""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any

from .support import (
    LiveTestCase,
    Program,
    chat_body,
    simulator,
    simulator_says,
    wait_for,
)

_SCRIPTS = Path(__file__).parents[2] / "docs" / "examples" / "clients"

KEY = "the-right-key"

CONFIG = f"""
apiKeys: [{KEY}]
models:
  alice: {{cmd: "{simulator("--model alice --load-time 0.1")}"}}
  busy: {{cmd: "{simulator("--load-time 0")}", concurrencyLimit: 1}}
  full:
    cmd: "{simulator("--load-time 0")}"
    concurrencyLimit: 1
    queueLimit: 5
    queueTimeout: 100ms
routing:
  router:
    settings:
      groups:
        together: {{swap: false, members: [alice, busy, full]}}
"""

#: There is nobody: whoever asks for something that is not on loopback fails.
_NO_WAY_OUT = {
    **dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"
    ),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
}

_TEXT = "alice here: I only pretend to be a model, but this stream is real."
_RESULT = "alice here: 17 degrees in Paris"


class ClientTests(LiveTestCase):
    """
    Each script passes, and each failure is the library's own exception.
    """

    def setUp(self) -> None:
        self.running = self.daemon(CONFIG)
        for number, model in enumerate(("busy", "full"), 1):
            # Loaded first: to wait for a load takes longer than one may wait.
            wait_for(partial(self.load, model), f"{model} to load")
            self.occupy(model, self.running.start_port + number)

    def load(self, model: str) -> bool:
        """
        Load a model.

        :returns: whether it is.
        """
        answer = self.running.ask(
            "POST",
            f"/api/models/load/{model}",
            headers={"Authorization": f"Bearer {KEY}"},
        )
        return answer.status == 200

    def occupy(self, model: str, port: int) -> None:
        """
        Keep a model busy, until the test is over.

        :param port: its own.
        """
        body = json.dumps(chat_body(model, simulator={"hang": True})).encode()
        client = socket.create_connection(("127.0.0.1", self.running.port))
        self.addCleanup(client.close)
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
            % (KEY.encode(), len(body), body)
        )

        def occupied() -> bool:
            try:
                stats = simulator_says(port, "/simulator/stats")
            except ConnectionError:
                return False
            return bool(stats["in_flight"] == 1)

        wait_for(occupied, "the request")

    def script(self, name: str) -> dict[str, Any]:
        """
        What a script told, by its steps; its failures, in their order.
        """
        started = Program(
            [
                *(sys.executable, str(_SCRIPTS / f"{name}_client.py")),
                *("--base-url", self.running.url, "--key", KEY, "--model", "alice"),
                *("--wrong-key", "wrong", "--failing", "carol", "busy", "full"),
            ],
            self.folder(),
            _NO_WAY_OUT,
        )
        self.addCleanup(started.end)
        self.assertEqual(started.wait(), 0, started.errors)
        told: dict[str, Any] = {"failures": []}
        for line in started.output.splitlines():
            found = json.loads(line)
            step = found.pop("step")
            if step == "failure":
                told["failures"].append(found)
            else:
                self.assertNotIn(step, told)
                told[step] = found
        return told

    def assert_passes(self, name: str, busy: str, embeddings: bool = True) -> None:
        """
        A script goes through every step.

        :param busy: its class of a 503.
        :param embeddings: whether it has some.
        """
        if importlib.util.find_spec(name) is None:
            self.skipTest(f"{name} is not installed")
        told = self.script(name.removesuffix("_openai"))
        self.assertEqual(told["models"]["ids"], ["alice", "busy", "full"])
        for step in ("chat", "stream"):
            # Anthropic's wants a limit, up to which the model goes on.
            self.assertEqual(told[step]["text"][: len(_TEXT)], _TEXT)
            self.assertGreaterEqual(told[step]["tokens"], 16)
        self.assertGreater(told["stream"]["pieces"], 10)
        self.assertEqual(told["tools"]["text"], _RESULT)
        self.assertEqual(told["streamed tools"]["text"], _RESULT)
        if embeddings:
            self.assertEqual(told["embeddings"], {"sizes": [64, 64]})
        self.assertEqual(
            [(failure["kind"], failure["status"]) for failure in told["failures"]],
            [
                ("AuthenticationError", 401),
                ("NotFoundError", 404),
                ("RateLimitError", 429),
                (busy, 503),
            ],
        )
        _, unknown, busy_one, full = (one["message"] for one in told["failures"])
        self.assertIn("carol", unknown)
        self.assertIn("busy", busy_one)
        self.assertIn("queueTimeout", full)

    def test_openai(self) -> None:
        """
        OpenAI's.
        """
        self.assert_passes("openai", "InternalServerError")

    def test_anthropic(self) -> None:
        """
        Anthropic's.
        """
        self.assert_passes("anthropic", "ServiceUnavailableError", embeddings=False)

    def test_litellm(self) -> None:
        """
        LiteLLM.
        """
        self.assert_passes("litellm", "ServiceUnavailableError")

    def test_langchain(self) -> None:
        """
        LangChain.
        """
        self.assert_passes("langchain_openai", "InternalServerError")
