"""
Tests for `llamaswap_tw.simulator.vectors`.
"""

from __future__ import annotations

import base64
import struct
from typing import Any

from .support import SimulatorTestCase


class EmbeddingTests(SimulatorTestCase):
    """
    ``/v1/embeddings``.
    """

    def embed(self, given: Any, **fields: Any) -> list[Any]:
        value = self.post("/v1/embeddings", input=given, **fields).json
        data = value["data"]
        self.assertEqual([d["index"] for d in data], list(range(len(data))))
        return [d["embedding"] for d in data]

    def test_unit(self) -> None:
        """
        Each input has a vector of length 1, always the same one.
        """
        one, two = self.embed(["one", "two"])
        self.assertAlmostEqual(sum(x * x for x in one), 1.0)
        self.assertNotEqual(one, two)
        self.assertEqual(self.embed("one"), [one])

    def test_numbers(self) -> None:
        """
        Token numbers are one input, lists of them are several.
        """
        self.assertEqual(len(self.embed([1, 2, 3])), 1)
        self.assertEqual(len(self.embed([[1, 2], [3]])), 2)

    def test_base64(self) -> None:
        """
        In base64 the vector is the same, as 32-bit floats.
        """
        (plain,) = self.embed("one", dimensions=8)
        (encoded,) = self.embed("one", dimensions=8, encoding_format="base64")
        values = struct.unpack("<8f", base64.b64decode(encoded))
        for value, expected in zip(values, plain, strict=True):
            self.assertAlmostEqual(value, expected, places=6)

    def test_dimensions(self) -> None:
        """
        Impossible dimensions are a 400.
        """
        for dimensions in (0, -1, 10**9, "many"):
            answer = self.post("/v1/embeddings", input="x", dimensions=dimensions)
            self.assertEqual(answer.status, 400)


class RerankTests(SimulatorTestCase):
    """
    ``/v1/rerank`` and its other names.
    """

    def test_order(self) -> None:
        """
        The document with most of the query's words is first; no more than asked for
        are given.
        """
        for path in ("/rerank", "/v1/rerank", "/reranking", "/v1/reranking"):
            documents = ["nothing", {"text": "Blue and red"}, "red"]
            value = self.post(path, query="red blue", documents=documents, top_n=2)
            results = [
                (r["index"], r["relevance_score"]) for r in value.json["results"]
            ]
            self.assertEqual(results, [(1, 1.0), (2, 0.5)], path)

    def test_incomplete(self) -> None:
        """
        Without a query or documents it is a 400.
        """
        self.assertEqual(self.post("/v1/rerank", query="x").status, 400)
        self.assertEqual(self.post("/v1/rerank", documents=[]).status, 400)
