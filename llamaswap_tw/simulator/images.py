"""
Images of one colour, real PNGs.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import zlib
from typing import TYPE_CHECKING

import orjson

from .exchange import Exchange
from .forms import form_of

if TYPE_CHECKING:
    from .server import Simulator

_MOST_PIXELS = 2048
_MOST_IMAGES = 10


def png(prompt: str, width: int, height: int) -> bytes:
    """
    An image of the colour that stands for the prompt.

    :param width: in pixels.
    :param height: in pixels.
    """

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    colour = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[:3]
    rows = (b"\0" + colour * width) * height
    # Eight bits a channel, RGB, nothing special.
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 1))
        + chunk(b"IEND", b"")
    )


def _encoded(prompt: str, width: int, height: int) -> str:
    size = [min(max(side, 1), _MOST_PIXELS) for side in (width, height)]
    return base64.b64encode(png(prompt, *size)).decode()


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) else default


def _openai(
    simulator: Simulator, exchange: Exchange, prompt: str, size: str, n: int
) -> None:
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", size)
    width, height = map(int, match.groups()) if match else (16, 16)
    image = _encoded(prompt, width, height)
    count = min(max(n, 1), _MOST_IMAGES)
    exchange.answer_json(
        {"created": simulator.wall_time(), "data": [{"b64_json": image}] * count}
    )


def generations(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/images/generations``.
    """
    asked = exchange.asked
    prompt, size = str(asked.get("prompt", "")), str(asked.get("size", ""))
    _openai(simulator, exchange, prompt, size, _number(asked.get("n"), 1))


def edits(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/v1/images/edits``, a form.
    """
    fields, _ = form_of(exchange)
    n = fields.get("n", "1")
    _openai(
        simulator,
        exchange,
        fields.get("prompt", ""),
        fields.get("size", ""),
        int(n) if n.isdecimal() else 1,
    )


def txt2img(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/sdapi/v1/txt2img`` and ``img2img``.
    """
    asked = exchange.asked
    prompt = str(asked.get("prompt", ""))
    width, height = _number(asked.get("width"), 16), _number(asked.get("height"), 16)
    info = {"prompt": prompt, "sd_model_name": simulator.name}
    exchange.answer_json(
        {
            "images": [_encoded(prompt, width, height)],
            "parameters": {"prompt": prompt, "width": width, "height": height},
            "info": orjson.dumps(info).decode(),
        }
    )


def loras(simulator: Simulator, exchange: Exchange) -> None:
    """
    Answer ``/sdapi/v1/loras``.
    """
    name = f"{simulator.name}-lora"
    exchange.answer_json([{"name": name, "path": f"/simulated/{name}.safetensors"}])
