"""
Tests for `llamaswap_tw.web.documents`.
"""

from __future__ import annotations

import json
from datetime import date
from types import MappingProxyType

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.web.documents import dumped


class DumpedTests(SynchronousTestCase):
    """
    A document as JSON.
    """

    def test_any(self) -> None:
        """
        Whatever a file or a client can give is written, and read as it was.
        """
        for document in (
            {"a": [1, 2.5, None, True, "ü"]},
            {"beyond 64 bits": 2**70},
            {"lone surrogate": "\ud800"},
        ):
            self.assertEqual(json.loads(dumped(document)), document)

    def test_others(self) -> None:
        """
        What JSON has not is written as what comes nearest, beside the strangest too.
        """
        for more in ("", "\ud800"):
            document = {
                1: date(2026, 1, 31),
                "m": MappingProxyType({"a": 1}),
                "x": more,
            }
            self.assertEqual(
                json.loads(dumped(document)),
                {"1": "2026-01-31", "m": {"a": 1}, "x": more},
            )
