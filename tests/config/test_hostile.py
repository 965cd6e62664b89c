"""
Whatever is in the files, there is a configuration or a report without secrets.
"""

from __future__ import annotations

import os
import random

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaswap_tw.config.check import summary
from llamaswap_tw.config.errors import ConfigError
from llamaswap_tw.config.fields import Section
from llamaswap_tw.config.file_schema import File
from llamaswap_tw.config.load import load_files
from llamaswap_tw.config.validate import keys_of

from .support import ConfigTestCase

SECRET = "geheim-7"
ENVIRON = {"S": SECRET, "T": "5"}

#: Valid, with everything that refers to something; secrets in each of the places
#: where they belong.
GOOD = """\
macros: {srv: "srv --port ${PORT}", t: 60}
apiKeys: ["${env.S}", geheim-7]
globalTTL: ${env.T}
models:
  a: {cmd: "${srv}", aliases: [al], env: ["K=geheim-7"], ttl: "${t}"}
  b: &b
    cmd: "${srv} --key ${env.S}"
    filters: {setParamsByID: {b-think: {x: 1}}}
  c: {<<: *b, filters: {stripParams: x}}
matrix:
  vars: {v: a}
  evict_costs: {v: 3, b: 2}
  sets:
    one: v & (b | c)
    two: +one | c
selectors:
  s: {strategy: spillover, targets: [al, b], settings: {spillover: 2}}
profiles:
  p: {pins: {x: s, y: ~, z: r/m}}
peers:
  r: {proxy: "http://r", apiKey: geheim-7, models: [m, n]}
hooks: {on_startup: {preload: [a]}}
"""

#: What is put into it.
PIECES = [
    *("", "[", "]", "{", "}", ": ", ",", "\n", "- ", "&b ", "*b", "<<: ", "~", "#"),
    *("${PORT}", "${env.S}", "${env.NO}", "${no}", "${PID}", "1e999", "!!int ", "'"),
    *('"', "\t", "|\n", "? ", "9" * 50, "-1", "x", "+", "&", "|", "(", ")", "\0"),
    *("\ufeff", "\x85", "\ud7ff", "---\n", "%YAML 9\n", "r/m", "geheim-7"),
]


def known_names() -> list[str]:
    """
    Every name of a key.
    """
    names: set[str] = {"x", "a", ""}
    waiting: list[type[Section]] = [File]
    while waiting:
        for name, below in keys_of(waiting.pop()).items():
            names.add(name)
            if below is not None:
                waiting.append(below.section)
    return sorted(names)


class HostileTests(ConfigTestCase):
    """
    No file is too odd.
    """

    def setUp(self) -> None:
        self.folder = self.mktemp()
        os.makedirs(self.folder)

    def attempt(self, *files: bytes) -> None:
        """
        Load these files: a configuration or a report, and no secret in it.
        """
        for number, data in enumerate(files):
            with open(os.path.join(self.folder, f"{number}.yaml"), "wb") as file:
                file.write(data)
        try:
            config = load_files(None, self.folder, ENVIRON)
        except ConfigError as e:
            report = str(e)
            self.assertTrue(report)
            for line in report.split("\n"):
                self.assertTrue(line.startswith(self.folder), line)
        else:
            report = "\n".join(config.warnings)
            self.assertTrue(summary(config))
        # What somebody wrote into a key's place is a key.
        if not any(SECRET.encode() in data for data in files):
            self.assertNotIn(SECRET, report)

    def test_good(self) -> None:
        """
        What is changed below is valid, and tells no secret when it is shown.
        """
        config = self.load(GOOD, **ENVIRON)
        self.assertEqual(config.warnings, ())
        self.assertEqual(config.planner, "matrix")
        self.assertNotIn(SECRET, summary(config))

    def test_mutated(self) -> None:
        """
        A good file with pieces replaced gives no traceback, nor do two of them.
        """
        text = GOOD.replace(SECRET, "hidden")
        edits = st.lists(
            st.tuples(
                st.integers(0, len(text)), st.integers(0, 20), st.sampled_from(PIECES)
            ),
            max_size=3,
        )

        @settings(deadline=None, max_examples=250, database=None)
        @given(edits, edits)
        def run(
            one: list[tuple[int, int, str]], two: list[tuple[int, int, str]]
        ) -> None:
            files = []
            for edit in (one, two):
                changed = text
                for at, length, piece in edit:
                    changed = changed[:at] + piece + changed[at + length :]
                files.append(changed.encode())
            self.attempt(*files)

        run()

    def test_secrets(self) -> None:
        """
        A value from the environment is not told, wherever it is used.
        """
        places = [n for n, character in enumerate(GOOD) if character in " :,[{\"'"]

        @settings(deadline=None, max_examples=250, database=None)
        @given(st.sampled_from(places), st.integers(0, 12))
        def run(at: int, length: int) -> None:
            text = GOOD.replace(SECRET, "hidden")
            self.attempt(
                f"{text[: at + 1]}${{env.S}}{text[at + 1 + length :]}".encode()
            )

        run()

    def test_random_trees(self) -> None:
        """
        Known keys in any place, with values of any shape, give no traceback.
        """
        names = st.sampled_from([*known_names(), *("a", "b", "s", "p", "r")])
        scalars = st.sampled_from(
            [
                *(None, True, 0, -1, 1.5, "", " ", "a", "b", "al", "r/m", "x y", "5s"),
                *("${PORT}", "${t}", "${no}", "a & b", "+one", "http://h", "pin"),
                *("spillover", "matrix", "group", 10**30, float("inf")),
            ]
        )
        values = st.recursive(
            scalars,
            lambda below: (
                st.lists(below, max_size=3) | st.dictionaries(names, below, max_size=4)
            ),
            max_leaves=20,
        )

        @settings(deadline=None, max_examples=250, database=None)
        @given(st.dictionaries(names, values, max_size=6))
        def run(tree: dict[str, object]) -> None:
            self.attempt(yaml.safe_dump(tree).encode())

        run()

    def test_ten_megabytes(self) -> None:
        """
        Large files are read, or refused, in bounded time.
        """
        size = 10_000_000
        rng = random.Random(1)
        for data in (
            bytes(size),
            rng.randbytes(size),
            b"x: " + b"y" * size,
            b"[" * size,
            b"- " * (size // 2),
            b"#" * size,
            b"\n" * size,
            b"a: &a [" + b"*a," * (size // 3),
        ):
            self.attempt(data)

    def test_billion_laughs(self) -> None:
        """
        Aliases, macros and sets that pile up are refused, or stay small.
        """
        aliases = "x0: &x0 [1]\n" + "".join(
            f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 30)
        )
        macros = "macros:\n  m0: xxxxxxxxxx\n" + "".join(
            f"  m{n}: {f'${{m{n - 1}}}' * 9}\n" for n in range(1, 30)
        )
        sets = (
            "models: {a: {cmd: '${PORT}'}, b: {cmd: '${PORT}'}}\n"
            "selectors: {s: {strategy: spillover, targets: [a, b]}}\n"
            "matrix:\n  sets:\n    s0: a | b\n"
        ) + "".join(
            f"    s{n}: {' & '.join([f'+s{n - 1}'] * 9)}\n" for n in range(1, 300)
        )
        for text, words in [
            (aliases, "more than 200000 values"),
            (macros + "logTimeFormat: ${m29}\n", "more than 64 MiB"),
        ]:
            self.assertIn(words, "\n".join(self.report(text)))
        # Nine choices among a and b have both.
        self.assertEqual(self.load(sets).warnings, ())
