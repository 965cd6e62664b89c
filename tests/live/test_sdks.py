"""
The clients that people use: OpenAI's and Anthropic's own.
"""

from __future__ import annotations

import io

import anthropic
import openai

from .support import LiveTestCase, simulator

CONFIG = f"""
models:
  alice: {{cmd: "{simulator("--model alice --load-time 0.1")}"}}
  bob: {{cmd: "{simulator("--model bob --load-time 0.1")}"}}
"""


class OpenAITests(LiveTestCase):
    """
    OpenAI's client, pointed at the daemon.
    """

    def setUp(self) -> None:
        self.client = openai.OpenAI(
            base_url=self.daemon(CONFIG).url + "/v1", api_key="none", max_retries=0
        )
        self.addCleanup(self.client.close)

    def test_chat(self) -> None:
        """
        Both models answer, whole and streamed, with usage.
        """
        for model in ("alice", "bob"):
            whole = self.client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "Hello"}]
            )
            text = whole.choices[0].message.content or ""
            self.assertIn(model, text)
            assert whole.usage is not None
            self.assertGreater(whole.usage.completion_tokens, 0)
            pieces = []
            usage = None
            for chunk in self.client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": "Hello"}],
                stream=True,
                stream_options={"include_usage": True},
            ):
                usage = chunk.usage or usage
                pieces += [choice.delta.content or "" for choice in chunk.choices]
            self.assertGreater(len(pieces), 3)
            self.assertIn(model, "".join(pieces))
            self.assertIsNotNone(usage)

    def test_others(self) -> None:
        """
        Listings, completions, responses, embeddings, speech and transcriptions.
        """
        self.assertEqual(
            [model.id for model in self.client.models.list()], ["alice", "bob"]
        )
        completion = self.client.completions.create(model="alice", prompt="Hello")
        self.assertIn("alice", completion.choices[0].text)
        response = self.client.responses.create(model="alice", input="Hello")
        self.assertIn("alice", response.output_text)
        kinds = {
            event.type
            for event in self.client.responses.create(
                model="alice", input="Hello", stream=True
            )
        }
        self.assertIn("response.completed", kinds)
        embedded = self.client.embeddings.create(model="alice", input=["a", "b"])
        self.assertEqual(len(embedded.data), 2)
        speech = self.client.audio.speech.create(
            model="alice", voice="alloy", input="Hello", response_format="wav"
        )
        self.assertEqual(speech.content[:4], b"RIFF")
        heard = self.client.audio.transcriptions.create(
            model="bob", file=("hello.wav", io.BytesIO(speech.content))
        )
        self.assertTrue(heard.text)

    def test_errors(self) -> None:
        """
        Errors arrive as the client's own exceptions, with our words.
        """
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.chat.completions.create(model="carol", messages=[])
        self.assertEqual(caught.exception.code, "model_not_found")
        self.assertIn("carol", str(caught.exception))


class AnthropicTests(LiveTestCase):
    """
    Anthropic's client, pointed at the daemon.
    """

    def setUp(self) -> None:
        self.client = anthropic.Anthropic(
            base_url=self.daemon(CONFIG).url, api_key="none", max_retries=0
        )
        self.addCleanup(self.client.close)

    def test_messages(self) -> None:
        """
        A message comes whole and streamed, and its tokens are counted.
        """
        for model in ("alice", "bob"):
            whole = self.client.messages.create(
                model=model,
                max_tokens=32,
                messages=[{"role": "user", "content": "Hello"}],
            )
            self.assertIn(model, getattr(whole.content[0], "text", ""))
            with self.client.messages.stream(
                model=model,
                max_tokens=32,
                messages=[{"role": "user", "content": "Hello"}],
            ) as stream:
                self.assertIn(model, "".join(stream.text_stream))
        counted = self.client.messages.count_tokens(
            model="alice", messages=[{"role": "user", "content": "Hello"}]
        )
        self.assertGreater(counted.input_tokens, 0)

    def test_errors(self) -> None:
        """
        Errors arrive as the client's own exceptions, with our words.
        """
        with self.assertRaises(anthropic.NotFoundError) as caught:
            self.client.messages.create(
                model="carol",
                max_tokens=1,
                messages=[{"role": "user", "content": "Hello"}],
            )
        self.assertIn("carol", str(caught.exception))
