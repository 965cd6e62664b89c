"""
Tests for several files: `llamaswap_tw.config.merge` and
`llamaswap_tw.config.sources`.
"""

from __future__ import annotations

import os
from typing import Any

from llamaswap_tw.config import sources
from llamaswap_tw.config.errors import ConfigError, Problems
from llamaswap_tw.config.load import load_files
from llamaswap_tw.config.merge import merge
from llamaswap_tw.config.nodes import MapNode, plain
from llamaswap_tw.config.parse import parse
from llamaswap_tw.config.schema import Config

from .support import ConfigTestCase

#: Two files, and what they mean together.
MERGED: list[tuple[str, str, Any]] = [
    ("a: 1", "b: 2", {"a": 1, "b": 2}),
    ("a: 1", "a: 1", {"a": 1}),
    ("a: 5", "a: 5.0", {"a": 5}),
    ("a: x", "a: 'x'", {"a": "x"}),
    ("a: ~", "a: 1", {"a": 1}),
    ("a: 1", "a:", {"a": 1}),
    ("a: ~", "a: [1]", {"a": [1]}),
    ("a: {b: 1}", "a: ~", {"a": {"b": 1}}),
    ("a: [1, 2]", "a: [2, 3]", {"a": [1, 2, 2, 3]}),
    ("a: {b: {c: 1}}", "a: {b: {d: 2}}", {"a": {"b": {"c": 1, "d": 2}}}),
    ("a: {b: [1]}", "a: {b: [2], c: 3}", {"a": {"b": [1, 2], "c": 3}}),
    ("models: {a: {x: 1}}", "models: {b: 1}", {"models": {"a": {"x": 1}, "b": 1}}),
    ("x-c: {a: 1}", "x-c: [2]", {"x-c": {"a": 1}}),
    ("a: .nan", "a: .nan", None),
]

#: Two files, and the report.
REFUSED: list[tuple[str, str, str]] = [
    ("a: 1", "\na: 2", "2: a: has another value in one:1;"),
    ("a: 1", "a: '1'", "1: a: has another value in one:1;"),
    ("a: 1", "a: true", "1: a: has another value in one:1;"),
    ("\na: {b: 1}", "a:\n  b: 2", "2: a.b: has another value in one:2;"),
    ("a: 1", "a: [1]", "1: a: is a list here, but a whole number in one:1;"),
    ("a: {}", "a: x", "1: a: is text here, but a mapping in one:1;"),
    ("a: {b: []}", "a: {b: {}}", "1: a.b: is a mapping here, but a list in one:1;"),
    *(
        (f"{key}: {{m: {{}}}}", f"{key}: {{m: {{}}}}", f"1: {key}.m: is in one:1 alr")
        for key in ("models", "groups", "profiles", "selectors", "peers", "matrix")
    ),
    (
        "routing: {router: {settings: {groups: {g: {}}}}}",
        "routing: {router: {settings: {groups: {g: {}}}}}",
        "1: routing.router.settings.groups.g: is in one:1 already",
    ),
    (
        "routing: {router: {settings: {matrix: {sets: {}}}}}",
        "routing: {router: {settings: {matrix: {sets: {}}}}}",
        "1: routing.router.settings.matrix.sets: is in one:1 already",
    ),
]


def merged(one: str, two: str) -> Any:
    """
    What two files mean together.
    """
    problems = Problems()
    trees = [parse(one, "one", problems), parse(two, "two", problems)]
    whole = merge([tree for tree in trees if isinstance(tree, MapNode)], problems)
    problems.check()
    return plain(whole)


class MergeTests(ConfigTestCase):
    """
    Trees become one.
    """

    def test_merged(self) -> None:
        """
        Mappings merge, lists are joined, equal values are fine, null yields.
        """
        for one, two, expected in MERGED:
            found = merged(one, two)
            if expected is not None:
                self.assertEqual(found, expected, (one, two))

    def test_refused(self) -> None:
        """
        What does not fit together is an error that names both files.
        """
        for one, two, words in REFUSED:
            report = str(self.assertRaises(ConfigError, merged, one, two))
            self.assertEqual(len(report.splitlines()), 1, report)
            self.assertTrue(report.startswith(f"two:{words}"), report)

    def test_secrets(self) -> None:
        """
        Values that differ are not told.
        """
        report = self.assertRaises(
            ConfigError,
            merged,
            "peers: {p: 1}\na: {apiKey: geheim}",
            "peers: {q: 1}\na: {apiKey: heimlich}",
        )
        self.assertNotIn("heim", str(report))


class FilesTests(ConfigTestCase):
    """
    Files are found, read and loaded as one.
    """

    def setUp(self) -> None:
        self.folder = self.mktemp()
        os.makedirs(self.folder)

    def write(self, name: str, text: str) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def directory(self, config: str | None = None, **environ: str) -> Config:
        return load_files(config, self.folder, environ)

    def refused(self, config: str | None, directory: str | None) -> list[str]:
        error = self.assertRaises(ConfigError, load_files, config, directory, {})
        return str(error).splitlines()

    def test_order(self) -> None:
        """
        The file comes first, then those of the directory by name; others and
        hidden ones do not count.
        """
        config = os.path.join(self.mktemp())
        with open(config, "w") as file:
            file.write("apiKeys: [first]")
        self.write("b.yml", "apiKeys: [b]")
        self.write("c.yaml", "apiKeys: [c]")
        self.write("a.yaml", "apiKeys: [a]")
        self.write(".d.yaml", "apiKeys: [d]")
        self.write("e.json", "apiKeys: [e]")
        os.mkdir(os.path.join(self.folder, "f.yaml"))
        loaded = self.directory(config)
        self.assertEqual(loaded.api_keys, ("first", "a", "b", "c"))
        self.assertEqual(
            [os.path.basename(path) for path in loaded.sources[1:]],
            ["a.yaml", "b.yml", "c.yaml", os.path.basename(self.folder)],
        )
        self.assertEqual(loaded.sources[0], config)

    def test_across_files(self) -> None:
        """
        Names, macros and ports of one file hold in the others.
        """
        self.write("a.yaml", "macros: {s: 'srv ${PORT}'}\nstartPort: 9000\n")
        self.write("b.yaml", "models: {m: {cmd: '${s}'}}\n")
        self.write("c.yaml", "groups: {g: {members: [m]}}\nmodels: {n: {cmd: '${s}'}}")
        loaded = self.directory()
        self.assertEqual([m.port for m in loaded.models.values()], [9000, 9001])
        self.assertEqual(loaded.groups["g"].members, ("m",))
        self.assertEqual(loaded.warnings, ())

    def test_empty(self) -> None:
        """
        Empty files are skipped, and a directory without any is told.
        """
        self.assertIn("has no *.yml or *.yaml", self.directory().warnings[0])
        self.write("a.yaml", "# nothing\n")
        self.write("b.yaml", "")
        loaded = self.directory()
        self.assertEqual((loaded.warnings, dict(loaded.models)), ((), {}))

    def test_twice(self) -> None:
        """
        The same file twice is an error, however it is spelt.
        """
        path = self.write("a.yaml", "")
        spelt = os.path.join(self.folder, "..", os.path.basename(self.folder), "a.yaml")
        for config in (path, os.path.abspath(path), spelt):
            (line,) = self.refused(config, self.folder)
            self.assertIn("a.yaml: is the same file as", line)
        os.symlink("a.yaml", os.path.join(self.folder, "b.yaml"))
        (line,) = self.refused(None, self.folder)
        self.assertIn("b.yaml: is the same file as", line)

    def test_nothing(self) -> None:
        """
        Without a file and a directory there is one line that says what to give.
        """
        (line,) = self.refused(None, None)
        self.assertIn("--config, a directory with --config-dir, or both", line)

    def test_unreadable(self) -> None:
        """
        Each source that cannot be read is a line, and the rest is read.
        """
        os.symlink("/nowhere/at/all", os.path.join(self.folder, "a.yaml"))
        self.write("b.yaml", "startPort: 0\nhooks: {on_startup: {preload: [x]}}")
        lines = self.refused("/nowhere/c.yaml", self.folder)
        self.assertEqual(len(lines), 3, lines)
        self.assertIn("a.yaml: cannot be read: No such file", lines[1])
        self.assertIn("/nowhere/c.yaml: cannot be read: No such file", lines[0])
        self.assertIn("b.yaml:1: startPort: must be at least 1", lines[2])
        for path in ("/nowhere/at/all", "/dev/null", "a\0b"):
            (line,) = self.refused(None, path)
            self.assertIn("cannot be read", line)
        for paths in (("", None), (None, "")):
            self.assertEqual(
                self.refused(*paths), ["'': cannot be read: No such file or directory"]
            )

    def test_pipes(self) -> None:
        """
        A pipe is read whole, and one from which nothing comes is an error, not a wait
        for ever.
        """
        path = os.path.join(self.folder, "a.yaml")
        os.mkfifo(path)
        # Of whoever opens it for both, no open waits.
        pipe = os.open(path, os.O_RDWR)
        try:
            self.patch(sources, "_PIPE_PATIENCE", 0.01)
            (line,) = self.refused(path, None)
            self.assertIn("a.yaml: cannot be read: nothing came from it in", line)
        finally:
            os.close(pipe)
        for text in (b"maxRequestBody: 7\n", b""):
            reader, writer = os.pipe()
            try:
                os.write(writer, text)
                os.close(writer)
                name = f"/dev/fd/{reader}"
                if text:
                    loaded = load_files(name, None, {})
                    self.assertEqual(loaded.max_request_body, 7)
                else:
                    (line,) = self.refused(name, None)
                    self.assertIn("it is a pipe, and nothing came from it", line)
            finally:
                os.close(reader)

    def test_part_broken(self) -> None:
        """
        A file that cannot be parsed does not hide the mistakes of another, nor is
        what it should have declared complained about.
        """
        self.write("a.yaml", "macros: {s: x}\nmodels: {m: [")
        self.write(
            "b.yaml",
            "models:\n  n: {cmd: '${s} ${PORT}', ttl: x}\ngroups: {g: {members: [m]}}\n"
            "selectors: {s: {strategy: pin, targets: [m]}}\n"
            "profiles: {p: {pins: {a: m}}}\n",
        )
        lines = self.refused(None, self.folder)
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("a.yaml:3: not valid YAML", lines[0])
        self.assertIn("b.yaml:2: models.n.ttl: must be a whole number", lines[1])

    def test_names(self) -> None:
        """
        Names that are no UTF-8 or have line breaks load, and stay on one line.
        """
        name = os.path.join(os.fsencode(self.folder), b"\xff\n.yaml")
        with open(name, "wb") as file:
            file.write(b"zzz: 1")
        (warning,) = self.directory().warnings
        self.assertIn("\\xff\\n.yaml:1: zzz: unknown key", warning)
        warning.encode()

    def test_planners(self) -> None:
        """
        A planner that was offered can be used, and its settings are kept.
        """
        path = self.write(
            "a.yaml",
            "routing: {router: {use: mine, settings: {mine: {a: [1, x]}}}}",
        )
        loaded = load_files(path, None, {}, ("group", "mine"))
        self.assertEqual(loaded.planner, "mine")
        self.assertEqual(loaded.planner_settings, {"a": [1, "x"]})
        self.assertEqual(loaded.warnings, ())
