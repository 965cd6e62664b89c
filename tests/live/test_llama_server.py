"""
The main job on real input: two models under a real llama-server, swapped by
OpenAI's client, through nginx.
"""

from __future__ import annotations

import openai

from .llama_server import find_llama_server, why_not, write_tiny_model
from .nginx import NGINX, Nginx
from .support import LiveTestCase, chat_body

# Random weights may end an answer with its first token, or say bytes that are no
# text; sixteen letters leave no room for that.
_LETTERS = "root ::= [a-e]{16}"


class LlamaServerTests(LiveTestCase):
    """
    A real llama-server is loaded, asked, swapped and ended.
    """

    if why_not() is not None:
        skip = why_not()

    def setUp(self) -> None:
        folder = self.folder()
        server = find_llama_server()
        models = []
        for seed, name in enumerate(("tiny", "other")):
            write_tiny_model(folder / f"{name}.gguf", seed)
            models.append(
                f"  {name}:\n    cmd: |\n      {server} --host 127.0.0.1\n"
                f"      --port ${{PORT}} -m {folder}/{name}.gguf -c 512 -t 1\n"
            )
        self.behind = self.daemon("models:\n" + "".join(models))

    def swap(self, url: str) -> None:
        """
        Ask both models, whole and streamed.
        """
        client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0)
        self.addCleanup(client.close)
        for model in ("tiny", "other", "tiny"):
            whole = client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": "Hello"}],
                max_tokens=16,
                extra_body={"grammar": _LETTERS},
            )
            assert whole.usage is not None
            self.assertEqual(whole.usage.completion_tokens, 16)
            self.assertRegex(whole.choices[0].message.content or "", "^[a-e]{16}$")
            self.assertEqual(self.behind.running(), {model: "ready"})
            chunks = list(
                client.chat.completions.create(
                    model=model,
                    messages=[{"role": "user", "content": "Hello"}],
                    max_tokens=16,
                    stream=True,
                    extra_body={"grammar": _LETTERS},
                )
            )
            self.assertGreater(len(chunks), 1)
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            self.assertRegex(text, "^[a-e]{16}$")
            self.assertIsNotNone(chunks[-1].choices[0].finish_reason)

    def test_swap(self) -> None:
        """
        Both models answer in turn, whole and streamed.
        """
        self.swap(self.behind.url)
        answer = self.behind.chat("tiny", max_tokens=4, grammar=_LETTERS)
        self.assertIn("predicted_per_second", answer.json["timings"])
        self.assertEqual(len(self.behind.model_pids()), 1)

    def test_swap_through_nginx(self) -> None:
        """
        The same through nginx, with ``proxy_buffering on``.
        """
        if NGINX is None:
            self.skipTest("nginx is not installed")
        nginx = Nginx(self.folder(), self.behind.port)
        self.addCleanup(nginx.end)
        nginx.wait_until_listening()
        self.swap(nginx.url)

    def test_errors_pass(self) -> None:
        """
        What the server refuses arrives as it said it.
        """
        answer = self.behind.chat("tiny", messages="no list")
        self.assertGreaterEqual(answer.status, 400)
        self.assertIn("error", answer.json)
        whole = self.behind.ask(
            "POST", "/v1/completions", {**chat_body("tiny"), "prompt": "a"}
        )
        self.assertEqual(whole.status, 200)

    def test_ends(self) -> None:
        """
        It ends with the daemon, at once.
        """
        self.behind.chat("tiny", max_tokens=1)
        self.behind.process.terminate()
        self.assertEqual(self.behind.wait(), 0)
        self.assertEqual(self.behind.model_pids(), set())
