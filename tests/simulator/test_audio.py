"""
Tests for `llamaswap_tw.simulator.audio` and its forms.
"""

from __future__ import annotations

import io
import logging
import wave

from .support import Answer, SimulatorTestCase


class SpeechTests(SimulatorTestCase):
    """
    ``/v1/audio/speech``.
    """

    def test_wav(self) -> None:
        """
        The answer is a WAV file that plays a tenth of a second for each word.
        """
        answer = self.post("/v1/audio/speech", input="three short words")
        self.assertEqual(answer.headers["Content-Type"], "audio/wav")
        with wave.open(io.BytesIO(answer.body)) as file:
            self.assertEqual(file.getnframes() / file.getframerate(), 0.3)
            self.assertEqual((file.getnchannels(), file.getsampwidth()), (1, 2))
            self.assertNotEqual(set(file.readframes(1000)), {0})

    def test_pcm(self) -> None:
        """
        The samples alone can be had.
        """
        speech = "/v1/audio/speech"
        whole = self.post(speech, input="a word")
        alone = self.post(speech, input="a word", response_format="pcm")
        self.assertEqual(alone.headers["Content-Type"], "audio/pcm")
        self.assertEqual(whole.body[44:], alone.body)

    def test_voices(self) -> None:
        """
        The voices are listed for both methods.
        """
        voices = self.get("/v1/audio/voices").json["voices"]
        self.assertIn("alto", voices)
        self.assertEqual(self.post("/v1/audio/voices").json["voices"], voices)

    def test_task(self) -> None:
        """
        A task is done.
        """
        self.assertEqual(self.post("/v1/tasks/run").json["status"], "completed")


class TranscriptionTests(SimulatorTestCase):
    """
    ``/v1/audio/transcriptions``.
    """

    def transcribe(self, content: bytes | None = None, **fields: str) -> Answer:
        if content is None:
            content = self.post("/v1/audio/speech", input="two words").body
        file = ("file", "speech.wav", content)
        return self.post_form("/v1/audio/transcriptions", fields, file)

    def test_json(self) -> None:
        """
        The text tells the file's name, size and length.
        """
        text = self.transcribe().json["text"]
        expected = "alice here: speech.wav has 9644 bytes and plays for 0.2 seconds."
        self.assertEqual(text, expected)

    def test_bytes(self) -> None:
        """
        A file that is no WAV is taken byte for byte too.
        """
        text = self.transcribe(bytes(range(256)) + b"\r\n--\r\n").json["text"]
        self.assertIn("has 262 bytes and plays for 0.0 seconds", text)

    def test_formats(self) -> None:
        """
        Text, subtitles and the long JSON are there too.
        """
        self.assertTrue(
            self.transcribe(response_format="text").body.startswith(b"alice here")
        )
        srt = self.transcribe(response_format="srt").body
        self.assertIn(b"00:00:00,000 --> 00:00:00,200", srt)
        vtt = self.transcribe(response_format="vtt").body
        self.assertIn(b"WEBVTT\n\n00:00:00.000 --> 00:00:00.200", vtt)
        verbose = self.transcribe(response_format="verbose_json").json
        self.assertEqual(verbose["duration"], 0.2)

    def test_stream(self) -> None:
        """
        A stream has a delta, then the whole text.
        """
        names = [name for name, _ in self.transcribe(stream="true").events]
        self.assertEqual(names, ["transcript.text.delta", "transcript.text.done"])

    def test_no_file(self) -> None:
        """
        No file, no form, or a broken one is a 400.
        """
        # The parser of forms warns of the broken one.
        logging.disable(logging.WARNING)
        self.addCleanup(logging.disable, logging.NOTSET)
        path = "/v1/audio/transcriptions"
        self.assertEqual(self.post_form(path, {"model": "a"}, None).status, 400)
        self.assertEqual(self.post(path, file="x").status, 400)
        client = self.client()
        content_type = ("Content-Type", "multipart/form-data; boundary=b")
        client.send("POST", path, b"nothing of the kind", (content_type,))
        self.assertEqual(client.answer().status, 400)
        client = self.client()
        content_type = ("Content-Type", "application/x-www-form-urlencoded")
        client.send("POST", path, b"file=x", (content_type,))
        self.assertEqual(client.answer().json["error"]["code"], 400)
