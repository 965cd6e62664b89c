"""
Tests for `llamaswap_tw.simulator.images`.
"""

from __future__ import annotations

import base64
import struct
import zlib

from .support import SimulatorTestCase


class ImageTests(SimulatorTestCase):
    """
    Images are PNGs.
    """

    def assert_png(self, encoded: str, width: int, height: int) -> None:
        """
        Fail unless it is one, whole, and of that size.
        """
        data = base64.b64decode(encoded)
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        at, kinds, pixels = 8, [], b""
        while at < len(data):
            (length,) = struct.unpack_from(">I", data, at)
            kind = data[at + 4 : at + 8]
            content = data[at + 8 : at + 8 + length]
            (check,) = struct.unpack_from(">I", data, at + 8 + length)
            self.assertEqual(check, zlib.crc32(kind + content))
            if kind == b"IHDR":
                self.assertEqual(struct.unpack(">II", content[:8]), (width, height))
            elif kind == b"IDAT":
                pixels = zlib.decompress(content)
            kinds.append(kind)
            at += 12 + length
        self.assertEqual(kinds, [b"IHDR", b"IDAT", b"IEND"])
        self.assertEqual(len(pixels), height * (1 + 3 * width))

    def test_generations(self) -> None:
        """
        As many images as asked for, of the size asked for.
        """
        path = "/v1/images/generations"
        value = self.post(path, prompt="a cat", n=2, size="32x8").json
        self.assertEqual(len(value["data"]), 2)
        for image in value["data"]:
            self.assert_png(image["b64_json"], 32, 8)

    def test_edits(self) -> None:
        """
        An edit is a form with the image.
        """
        file = ("image", "cat.png", b"not looked at")
        fields = {"prompt": "a dog", "size": "8x8"}
        value = self.post_form("/v1/images/edits", fields, file).json
        self.assert_png(value["data"][0]["b64_json"], 8, 8)

    def test_stable_diffusion(self) -> None:
        """
        Stable Diffusion's endpoints answer in their own shape.
        """
        for path in ("/sdapi/v1/txt2img", "/sdapi/v1/img2img"):
            value = self.post(path, prompt="a cat", width=24).json
            self.assert_png(value["images"][0], 24, 16)
        self.assertEqual(self.get("/sdapi/v1/loras").json[0]["name"], "alice-lora")
