"""
Tests for `llamaswap_tw.config.parse` and `llamaswap_tw.config.scalars`.
"""

from __future__ import annotations

import math
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.errors import ConfigError, Problems
from llamaswap_tw.config.nodes import plain
from llamaswap_tw.config.parse import parse
from llamaswap_tw.config.scalars import go_text

#: As yaml.v3 reads them into an ``any``; timestamps stay text.
SCALARS: list[tuple[str, Any]] = [
    ("true", True),
    ("TRUE", True),
    ("False", False),
    ("tRue", "tRue"),
    ("yes", "yes"),
    ("off", "off"),
    ("y", "y"),
    ("null", None),
    ("~", None),
    ("", None),
    ("Null", None),
    ("nUll", "nUll"),
    ("0", 0),
    ("-0", 0),
    ("+12", 12),
    ("017", 15),
    ("0o17", 15),
    ("-017", -15),
    ("08", 8.0),
    ("0x1F", 31),
    ("-0x1f", -31),
    ("0b101", 5),
    ("0b12", "0b12"),
    ("1_000", 1000),
    ("0x_ff", 255),
    ("_1", "_1"),
    ("18446744073709551615", 18446744073709551615),
    ("18446744073709551616", 18446744073709551616.0),
    ("-9223372036854775808", -9223372036854775808),
    ("0xfffffffffffffffff", "0xfffffffffffffffff"),
    ("1e-3", 0.001),
    ("1E3", 1000.0),
    ("1.", 1.0),
    (".5", 0.5),
    ("-.5", -0.5),
    ("1_0.5", 10.5),
    ("1e400", "1e400"),
    ("9" * 5000, "9" * 5000),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    ("inf", "inf"),
    ("1e", "1e"),
    ("1.2.3", "1.2.3"),
    ("12:30:45", "12:30:45"),
    ("2024-01-02", "2024-01-02"),
    ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
    ("'12'", "12"),
    ('"true"', "true"),
    ("!!str 12", "12"),
    ("!!int '12'", 12),
    ("!!float 12", 12.0),
    ("!mine 12", "12"),
    ("١٢", "١٢"),
    ("=", "="),
]

DOCUMENTS: list[tuple[str, Any]] = [
    ("a: 1\n---\na: 2\n", {"a": 1}),
    ("a: 1\n---\n[", {"a": 1}),
    ("1: a\ntrue: b\n", {"1": "a", "true": "b"}),
    ("a: &x [1, {b: 2}]\nc: *x\n", {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}),
    ("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n", {"a": 1, "b": 3}),
    ("x: &x {a: 1}\ny: {a: 2, <<: *x}\n", {"a": 2}),
    ("x: &x {a: 1}\nz: &z {a: 2, b: 3}\ny: {<<: [*x, *z]}\n", {"a": 1, "b": 3}),
    ("y: {'<<': 1}\n", {"<<": 1}),
    ("y: {<<: {a: 1}, c: <<}\n", {"a": 1, "c": "<<"}),
]

BAD: list[tuple[str, str, str]] = [
    ("a: 1\nb: 2\na: 3\n", "3", "a: this key is repeated"),
    ("m:\n  a: 1\n  a: 3\n", "3", "m.a: this key is repeated; it is in line 2"),
    ("a:\n  - [b: 1\n", "3", "not valid YAML"),
    ("a: b: c\n", "1", "not valid YAML"),
    ("\ta: 1\n", "1", "not valid YAML"),
    ("a:\n\tb: 1\n", "2", "it is a tab; indent with spaces"),
    ("a: @x\n", "1", "put a value that begins with it in quotes"),
    ("a:\n- `x\n", "2", "put a value that begins with it in quotes"),
    ("a: &x\n  - *x\n", "2", "inside what it stands for"),
    ("a: *x\n", "1", "*x stands for nothing"),
    ("a:\n  ? [1]\n  : 2\n", "2", "a key must be a single value, not a list"),
    ("a:\n  <<: 3\n", "2", "only a mapping, or a list of mappings"),
    ("a: !!int x\n", "1", "a: the tag !!int does not fit"),
    ("a: !!binary aGk=\n", "1", "the tag !!binary does not fit"),
    ("a: \x01\n", "1", "control characters are not allowed"),
    ("[" * 101, "1", "nested more than 100 levels"),
    ("[" * 100_000, "1", "nested more than 100 levels"),
    ("{a: " * 200, "1", "nested more than 100 levels"),
    (
        "a: &a0 [1, 2]\n"
        + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
        "",
        "more than 200000 values",
    ),
    (
        "a: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 120)),
        "",
        "nested more than 100 levels",
    ),
]


def read(text: str) -> Any:
    """
    What a text means.
    """
    problems = Problems()
    node = parse(text, "c.yaml", problems)
    problems.check()
    return plain(node)


class ParseTests(SynchronousTestCase):
    """
    YAML is read as Go's yaml.v3 reads it.
    """

    def test_scalars(self) -> None:
        """
        Each scalar has the value and the type that Go gives it.
        """
        for text, expected in SCALARS:
            value = read(f"a: {text}\n")["a"]
            self.assertEqual((type(value), value), (type(expected), expected), text)

    def test_not_a_number(self) -> None:
        """
        There is a number that is none.
        """
        self.assertTrue(math.isnan(read("a: .nan\n")["a"]))

    def test_documents(self) -> None:
        """
        Keys are text, only the first document counts, and aliases and merges
        are followed.
        """
        for text, expected in DOCUMENTS:
            found = read(text)
            self.assertEqual(found.get("y", found), expected, text)

    def test_merge_order(self) -> None:
        """
        What is merged in stands where the merge stands.
        """
        found = read("x: &x {a: 1, b: 2}\ny: {c: 0, <<: *x, d: 4}\n")["y"]
        self.assertEqual(list(found), ["c", "a", "b", "d"])

    def test_bad(self) -> None:
        """
        What cannot be read is an error with its line.
        """
        for text, line, words in BAD:
            report = str(self.assertRaises(ConfigError, read, text))
            self.assertIn(words, report, text[:100])
            if line:
                self.assertTrue(report.startswith(f"c.yaml:{line}: "), report)

    def test_go_text(self) -> None:
        """
        Inside a text, values look as Go's %v writes them.
        """
        texts: list[tuple[str | int | float | bool, str]] = [
            (True, "true"),
            (4096, "4096"),
            (0.7, "0.7"),
            (-0.5, "-0.5"),
            (100000.0, "100000"),
            (1e6, "1e+06"),
            (123456789.0, "1.23456789e+08"),
            (0.0001, "0.0001"),
            (1e-5, "1e-05"),
            (1e300, "1e+300"),
            (0.0, "0"),
            (math.inf, "+Inf"),
            (-math.inf, "-Inf"),
            (math.nan, "NaN"),
            ("x", "x"),
        ]
        for value, text in texts:
            self.assertEqual(go_text(value), text)
