"""
Tests for `llamaswap_tw.config.check` and `llamaswap_tw.config.json_schema`.
"""

from __future__ import annotations

import json
from typing import Any

from llamaswap_tw.config.check import summary
from llamaswap_tw.config.json_schema import schema

from .support import ConfigTestCase


class SummaryTests(ConfigTestCase):
    """
    A configuration is told in a few lines.
    """

    def test_groups(self) -> None:
        """
        Each model has a line with its port, group and ttl.
        """
        config = self.load("""
            models:
              a: {cmd: "x ${PORT}", ttl: 60}
              longer: {cmd: "x ${PORT}"}
              r: {cmd: x, proxy: "http://h"}
            groups: {g: {members: [a]}}
            """)
        self.assertEqual(
            summary(config).splitlines(),
            [
                "a       port 5800  group g          ttl 60 s",
                "longer  port 5801  group (default)  ttl never",
                "r       port -     group (default)  ttl never",
                "planners: group (in use), matrix",
            ],
        )

    def test_matrix(self) -> None:
        """
        With a matrix, each model's sets are told.
        """
        config = self.load("""
            models:
              a: {cmd: "x ${PORT}"}
              b: {cmd: "x ${PORT}"}
              c: {cmd: "x ${PORT}"}
            matrix: {sets: {one: a & b, two: +one | a}}
            """)
        self.assertEqual(
            summary(config, ("group", "matrix", "mine")).splitlines(),
            [
                "a  port 5800  sets one, two       ttl never",
                "b  port 5801  sets one, two       ttl never",
                "c  port 5802  no set, runs alone  ttl never",
                "planners: group, matrix (in use), mine",
            ],
        )

    def test_nothing(self) -> None:
        """
        Without models, that is told.
        """
        self.assertEqual(summary(self.load("")).splitlines()[0], "no models")


class SchemaTests(ConfigTestCase):
    """
    The format is told as a JSON Schema.
    """

    def setUp(self) -> None:
        self.schema = schema()

    def at(self, *keys: str) -> Any:
        """
        What is said of a key.
        """
        part: Any = self.schema
        for key in keys:
            if "$ref" in part:
                part = self.schema["$defs"][part["$ref"].rpartition("/")[2]]
            part = part["properties"][key] if key else part["additionalProperties"]
        return part

    def test_bounds(self) -> None:
        """
        What is at least or at most a number is told in the schema's words.
        """
        port = self.at("startPort")
        self.assertEqual(
            port["anyOf"][0], {"type": "integer", "minimum": 1, "maximum": 65535}
        )
        self.assertEqual(port["default"], 5800)
        self.assertEqual(self.at("models", "", "ttl")["anyOf"][0]["minimum"], -1)
        cost = self.at("routing", "router", "settings", "matrix", "evict_costs")
        self.assertEqual(cost["additionalProperties"]["anyOf"][0]["minimum"], 1)
        text = json.dumps(self.schema)
        self.assertNotIn('"ge"', text)
        self.assertNotIn('"le"', text)

    def test_names(self) -> None:
        """
        Keys have the names that they have in a file.
        """
        self.assertIn("globalTTL", self.schema["properties"])
        for key in ("in", "out"):
            self.at("models", "", "capabilities", key)
        self.at("models", "", "filters", "setParamsByID")
        self.at("hooks", "on_startup", "preload")

    def test_values(self) -> None:
        """
        Macros, null, numbers as text, and words for booleans are allowed, as they
        are in a file.
        """
        self.assertEqual(
            self.at("models", "", "name")["type"],
            ["string", "number", "boolean", "null"],
        )
        self.assertIn({"$ref": "#/$defs/Macro"}, self.at("globalTTL")["anyOf"])
        self.assertEqual(len(self.at("sendLoadingState")["anyOf"]), 4)
        self.assertEqual(self.at("performance", "every")["default"], "5s")
        self.assertEqual(self.at("apiKeys")["type"], ["array", "null"])
        strategy = self.at("selectors", "", "strategy")["anyOf"][0]
        self.assertEqual(strategy["enum"], ["pin", "warm", "spillover"])

    def test_required(self) -> None:
        """
        What must be given is told.
        """
        for section, keys in [
            ("PeerSection", ["proxy", "models"]),
            ("SelectorSection", ["strategy", "targets"]),
            ("ProfileSection", ["pins"]),
        ]:
            self.assertEqual(self.schema["$defs"][section]["required"], keys)

    def test_described(self) -> None:
        """
        Every key has a description, and every reference leads somewhere.
        """
        sections = [self.schema, *self.schema["$defs"].values()]
        for section in sections:
            for name, part in section.get("properties", {}).items():
                self.assertIn("description", part, name)
        text = json.dumps(self.schema)
        for reference in text.split('"#/$defs/')[1:]:
            self.assertIn(reference.partition('"')[0], self.schema["$defs"])
