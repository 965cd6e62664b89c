"""
The loading state, as OpenAI's own client sees it.
"""

from __future__ import annotations

import time
from typing import Any

import openai

from .support import (
    Daemon,
    LiveTestCase,
    chat_body,
    events,
    simulator,
    undisturbed,
    wait_for,
)

CONFIG = f"""
sendLoadingState: true
models:
  slow: {{cmd: "{simulator("--model slow --load-time 2.5")}"}}
  other: {{cmd: "{simulator("--model other --load-time 0.3 --tokens-per-second 10")}"}}
  broken: {{cmd: "{simulator("--load-time 0.3 --fail-start no-memory-left")}"}}
  limited:
    cmd: {simulator("--load-time 0.5")}
    concurrencyLimit: 1
    queueLimit: 1
"""


class LoadingTests(LiveTestCase):
    """
    A daemon whose models take their time to load.
    """

    def setUp(self) -> None:
        self.running: Daemon = self.daemon(CONFIG)
        self.client = openai.OpenAI(
            base_url=self.running.url + "/v1", api_key="none", max_retries=0
        )
        self.addCleanup(self.client.close)

    def stream(self, model: str) -> Any:
        """
        What the client gives for a stream of chat.
        """
        return self.client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "Hello"}],
            max_tokens=8,
            stream=True,
        )

    def read(self, stream: Any) -> tuple[str, str, list[float]]:
        """
        Read a stream to its end.

        :returns: what was told of the loading, what the model said, and when each
            piece of the former came.
        """
        reasoning, content, times = "", "", []
        for chunk in stream:
            for choice in chunk.choices:
                told = getattr(choice.delta, "reasoning_content", None)
                if told:
                    self.assertEqual(content, "")
                    reasoning += told
                    times.append(time.monotonic())
                content += choice.delta.content or ""
        return reasoning, content, times

    def test_loads(self) -> None:
        """
        The stream begins at once, shows life while the model loads, and goes on with
        what the model says; of a model that is ready it tells nothing.
        """
        undisturbed(self.loads, self.unload)

    def unload(self) -> None:
        self.assertEqual(self.running.ask("GET", "/unload").status, 200)

    def loads(self) -> None:
        began = time.monotonic()
        reasoning, content, times = self.read(self.stream("slow"))
        self.assertIn("Loading model 'slow'", reasoning)
        self.assertRegex(reasoning, r"Ready after ([2-9]|\d\d+)\.\d s\n")
        self.assertIn("slow", content)
        self.assertLess(times[0] - began, 1.5)
        self.assertGreater(times[-1] - times[0], 2.0)
        self.assertGreaterEqual(reasoning.count("."), 3)
        reasoning, content, _ = self.read(self.stream("slow"))
        self.assertEqual(reasoning, "")
        self.assertIn("slow", content)

    def test_queues(self) -> None:
        """
        One that waits until another model is done is told its place, and then that
        it is its turn.
        """
        # Until its client has what it waits for.
        body = chat_body("other", stream=True, max_tokens=100_000)
        with self.running.asking("POST", "/v1/chat/completions", body) as response:
            next(
                event
                for event in events(response)
                if "reasoning_content" not in event["choices"][0]["delta"]
            )
            waiting = self.stream("slow")
            reasoning = ""
            for chunk in waiting:
                reasoning += getattr(chunk.choices[0].delta, "reasoning_content", "")
                break
            self.assertIn("place 1 in the queue", reasoning)
        reasoning, content, _ = self.read(waiting)
        self.assertIn("Starting it now", reasoning)
        self.assertIn("slow", content)

    def test_fails(self) -> None:
        """
        A load that fails is the client's own exception, with our words and what the
        model's process wrote; once the model is backing off, which is known at once,
        it is the exception of that status.
        """
        for _ in range(20):
            try:
                stream = self.stream("broken")
            except openai.InternalServerError as e:
                self.assertEqual(e.status_code, 503)
                self.assertIn("several times", str(e))
                break
            with self.assertRaises(openai.APIError) as caught:
                self.read(stream)
            self.assertIn("model 'broken' did not start", caught.exception.message)
            self.assertIn("no-memory-left", caught.exception.message)
        else:
            self.fail("it was never backing off")

    def test_ends(self) -> None:
        """
        The failure is an event among events, and the stream ends as such.
        """
        body = chat_body("broken", stream=True)
        with self.running.asking("POST", "/v1/chat/completions", body) as response:
            self.assertEqual(response.status, 200)
            self.assertEqual(response.headers["Content-Type"], "text/event-stream")
            *_, error, last = events(response)
        self.assertEqual(error["error"]["code"], "bad_gateway")
        self.assertEqual(last, "[DONE]")

    def test_limit(self) -> None:
        """
        One too many is refused with 429 before anything is streamed.
        """
        # On a machine that stalls the first are over before the third comes.
        undisturbed(self.limit, self.unload)

    def limit(self) -> None:
        body = chat_body("limited", stream=True)
        path = "/v1/chat/completions"
        with (
            self.running.asking("POST", path, body) as first,
            self.running.asking("POST", path, body) as second,
        ):
            self.assertEqual((first.status, second.status), (200, 200))
            with self.assertRaises(openai.RateLimitError) as caught:
                self.stream("limited")
            self.assertEqual(caught.exception.code, "concurrency_limit")
            for response in (first, second):
                self.assertEqual(list(events(response))[-1], "[DONE]")

    def test_client_leaves(self) -> None:
        """
        A client that leaves while its model loads is forgotten: its place is free
        for the next.
        """
        body = chat_body("limited", stream=True)
        for _ in range(6):
            with self.running.asking("POST", "/v1/chat/completions", body) as response:
                self.assertEqual(response.status, 200)

        def served() -> bool:
            return self.running.chat("limited", max_tokens=1).status == 200

        wait_for(served, "a place")
