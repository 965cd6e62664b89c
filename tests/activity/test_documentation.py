"""
The documentation knows every field of the activity and of its statistics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.activity.database import Memory
from llamaswap_tw.activity.query import SORT_KEYS, Query, select
from llamaswap_tw.activity.statistics import statistics

from .support import row

PAGE = Path(__file__).parents[2] / "docs" / "observability.rst"

_LITERAL = re.compile(r"``(\S+?)``")


def fields_of(document: Any) -> Iterator[str]:
    """
    Every name in a document, however deep.
    """
    if isinstance(document, dict):
        for name, value in document.items():
            yield name
            yield from fields_of(value)
    elif isinstance(document, list):
        for value in document:
            yield from fields_of(value)


def told_in(section: str) -> set[str]:
    """
    What stands in double backquotes in a section of the page.
    """
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^{section}\n-+\n(.*?)(^[^\n]+\n---+\n|\Z)", text, re.S | re.M)
    assert found is not None, section
    return set(_LITERAL.findall(found[1]))


class DocumentationTests(SynchronousTestCase):
    """
    ``docs/observability.rst``.
    """

    def setUp(self) -> None:
        self.database = Memory(10)
        self.database.open()
        self.addCleanup(self.database.close)
        self.database.write([row(prompt_per_second=1.0, tokens_per_second=1.0)])

    def test_activity(self) -> None:
        """
        Every field of a page and its rows is there, and every parameter with what it
        may be.
        """
        page = self.database.read(lambda found: select(found, Query()), bool)
        told = told_in("Activity")
        fields = {*fields_of(orjson.loads(page.as_json(bool)))}
        self.assertGreater(len(fields), 20)
        self.assertEqual(fields - told, set())
        parameters = {*Query.__dataclass_fields__} - {"models", "descending"}
        self.assertEqual({*parameters, "model", "order", "asc", "desc"} - told, set())
        self.assertEqual({*SORT_KEYS} - told, set())

    def test_statistics(self) -> None:
        """
        So is every field of the statistics.
        """
        found = self.database.read(lambda found: statistics(found, []), bool)
        fields = {*fields_of(found)}
        self.assertEqual(len(fields), 13)
        self.assertEqual(fields - told_in("Statistics"), set())
