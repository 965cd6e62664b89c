"""
The documentation knows every field and every series.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.exposition import HELP
from llamaswap_tw.observe.gpus.reading import Accelerator
from llamaswap_tw.observe.hardware import read_hardware
from llamaswap_tw.observe.history import (
    gpu_stats,
    pack_gpus,
    pack_system,
    system_stats,
)
from llamaswap_tw.observe.metrics import EXIT_REASONS, SWAP_RESULTS, TOKEN_KINDS

from .gpus.fakes import reading
from .metrics_support import full_exposition
from .test_history import READING

PAGE = Path(__file__).parents[2] / "docs" / "observability.rst"

_LITERAL = re.compile(r"``([^`]+)``")
_LABEL = re.compile(r'[{,](\w+)="')


def fields(document: Any) -> Iterator[str]:
    """
    The name of every field of a document, and of what is in it.
    """
    if isinstance(document, dict):
        for name, value in document.items():
            yield name
            yield from fields(value)
    elif isinstance(document, list):
        for value in document:
            yield from fields(value)


class DocumentationTests(SynchronousTestCase):
    """
    The page about observability.
    """

    def setUp(self) -> None:
        self.text = PAGE.read_text(encoding="utf-8")

    def section(self, title: str) -> set[str]:
        """
        What is written as it is typed in a section.
        """
        _, found, rest = self.text.partition(f"\n{title}\n{'-' * len(title)}\n")
        self.assertTrue(found, title)
        return set(_LITERAL.findall(re.split(r"\n\S.*\n-{4,}\n", rest)[0]))

    def test_performance(self) -> None:
        """
        Every field of the samples.
        """
        samples = [
            *system_stats([(0.0, *pack_system(READING))]),
            *gpu_stats([(0.0, *pack_gpus([reading(0)]))]),
        ]
        known = {*fields(samples), "sys_stats", "gpu_stats"}
        self.assertEqual(known - self.section("Machine"), set())

    def test_hardware(self) -> None:
        """
        Every field of the description.
        """
        accelerators = [Accelerator(0, "A maker").as_json()]
        document = {**read_hardware(0.0), "accelerators": accelerators}
        self.assertEqual(set(fields(document)) - self.section("Hardware"), set())

    def test_metrics(self) -> None:
        """
        Every series with its labels, and what these may be where that is fixed.
        """
        literals = self.section("Metrics")
        exposition = full_exposition()
        ours = re.findall(r"^# TYPE (\S+)", exposition, re.M)
        self.assertEqual({*ours, *HELP} - literals, set())
        labels = set(_LABEL.findall(exposition)) - {"le"}
        self.assertEqual(labels - literals, set())
        fixed = {*SWAP_RESULTS, *EXIT_REASONS, *TOKEN_KINDS, "recv", "sent", "other"}
        self.assertEqual(fixed - literals, set())

    def test_no_others(self) -> None:
        """
        Nothing is said of series that there are not.
        """
        named = re.findall(r"\b(?:llamaswap|process)_[a-z_]+\b", self.text)
        known = set(re.findall(r"^# TYPE (\S+)", full_exposition(), re.M))
        self.assertEqual(set(named) - known, set())
