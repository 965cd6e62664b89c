"""
Speech that beeps, transcriptions that measure, and voices.
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from .exchange import EVENTS, Exchange
from .forms import form_of
from .generate import event

if TYPE_CHECKING:
    from .server import Simulator

_RATE = 24_000
_BEEP_SECONDS = 0.1
_MOST_BEEPS = 100
_VOICES = ("alto", "bass", "tenor")


@lru_cache(maxsize=64)
def _beep(pitch: int) -> bytes:
    """
    A tone that swells and fades.

    :param pitch: in Hz.
    """
    count = int(_RATE * _BEEP_SECONDS)
    samples = [
        int(
            12_000
            * math.sin(math.pi * i / count)
            * math.sin(2 * math.pi * pitch * i / _RATE)
        )
        for i in range(count)
    ]
    return struct.pack(f"<{count}h", *samples)


def pcm(text: str) -> bytes:
    """
    A beep for each word, the longer the word the higher; 16 bits, mono.
    """
    words = text.split()[:_MOST_BEEPS] or [""]
    return b"".join(_beep(220 + 40 * min(len(word), 20)) for word in words)


def wav(samples: bytes) -> bytes:
    """
    Put samples into a WAV file.
    """
    form = struct.pack("<IHHIIHH", 16, 1, 1, _RATE, _RATE * 2, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(samples))
        + b"WAVEfmt "
        + form
        + b"data"
        + struct.pack("<I", len(samples))
        + samples
    )


def speech(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/audio/speech``: a WAV whatever format is asked for, as many local
    servers do; only ``pcm`` is given without its header.
    """
    samples = pcm(str(exchange.asked.get("input", "")))
    if exchange.asked.get("response_format") == "pcm":
        exchange.answer(samples, b"audio/pcm")
    else:
        exchange.answer(wav(samples), b"audio/wav")


def _seconds(content: bytes) -> float:
    """
    How long a WAV file plays; of other files nobody knows, so 0.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE" or len(content) < 44:
        return 0.0
    bytes_a_second: int = struct.unpack_from("<I", content, 28)[0]
    return (len(content) - 44) / bytes_a_second if bytes_a_second else 0.0


def _clock_time(seconds: float, point: str) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02d}:{minutes:02d}:{rest:06.3f}".replace(".", point)


def transcriptions(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/audio/transcriptions``, a form with a ``file``.
    """
    fields, files = form_of(exchange)
    file = files.get("file")
    if file is None:
        exchange.refuse(400, "invalid_request_error", "the form has no file")
        return
    seconds = _seconds(file.content)
    text = (
        f"{simulator.name} here: {file.name} has {len(file.content)} bytes "
        f"and plays for {seconds:.1f} seconds."
    )
    shape = fields.get("response_format", "json")
    if fields.get("stream") == "true":
        delta = event({"type": "transcript.text.delta", "delta": text, "logprobs": []})
        done = event({"type": "transcript.text.done", "text": text, "logprobs": []})
        exchange.answer(delta + done, EVENTS)
    elif shape == "text":
        exchange.answer(text.encode() + b"\n", b"text/plain; charset=utf-8")
    elif shape == "srt":
        times = f"{_clock_time(0, ',')} --> {_clock_time(seconds, ',')}"
        exchange.answer(f"1\n{times}\n{text}\n\n".encode(), b"application/x-subrip")
    elif shape == "vtt":
        times = f"{_clock_time(0, '.')} --> {_clock_time(seconds, '.')}"
        exchange.answer(f"WEBVTT\n\n{times}\n{text}\n\n".encode(), b"text/vtt")
    elif shape == "verbose_json":
        segment = {"id": 0, "start": 0.0, "end": seconds, "text": text}
        exchange.answer_json(
            {
                "task": "transcribe",
                "language": "english",
                "duration": seconds,
                "text": text,
                "segments": [segment],
            }
        )
    else:
        exchange.answer_json({"text": text})


def voices(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/audio/voices``.
    """
    exchange.answer_json({"voices": _VOICES})


def run_task(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/tasks/run``.
    """
    exchange.answer_json({"status": "completed", "model": simulator.name})
