"""
Tests for `llamaswap_tw.simulator.options`.
"""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.simulator.options import Options, parse, parser

#: A flag with its value, and what it sets.
_FLAGS: list[tuple[list[str], str, Any]] = [
    (["--host", "::1"], "host", "::1"),
    (["--model", "bob"], "model", "bob"),
    (["--load-time", "1.5"], "load_time", 1.5),
    (["--tokens-per-second", "40"], "tokens_per_second", 40.0),
    (["--fail-start", "no memory"], "fail_start", "no memory"),
    (["--never-ready"], "never_ready", True),
    (["--hang-health"], "hang_health", True),
    (["--die-after", "2"], "die_after", 2.0),
    (["--ignore-sigterm"], "ignore_sigterm", True),
    (["--stop-time", "0.25"], "stop_time", 0.25),
    (["--child"], "child", True),
    (["--log-lines", "100"], "log_lines", 100),
    (["--wipe-environment"], "wipe_environment", True),
    (["--quiet"], "quiet", True),
]

_MISTAKES = [
    [],
    ["--port", "65536"],
    ["--port", "-1"],
    ["--port", "http"],
    ["--port", "1", "--load-time", "soon"],
    ["--port", "1", "--load-time", "-1"],
    ["--port", "1", "--load-time", "nan"],
    ["--port", "1", "--tokens-per-second", "inf"],
    ["--port", "1", "--log-lines", "1.5"],
    ["--port", "1", "--load", "1"],
    ["--port", "1", "more"],
]


class OptionsTests(SynchronousTestCase):
    """
    The command line is read.
    """

    def test_defaults(self) -> None:
        """
        The port alone is enough, and the other flags are as the dataclass says.
        """
        self.assertEqual(parse(["--port", "8000"]), Options(port=8000))

    def test_flags(self) -> None:
        """
        Each flag sets its field and nothing else.
        """
        for arguments, name, value in _FLAGS:
            expected = Options(**{"port": 1, name: value})
            self.assertEqual(parse(["--port", "1", *arguments]), expected, name)

    def test_every_field(self) -> None:
        """
        Every field has a flag here, and every flag has a help text.
        """
        names = {field.name for field in fields(Options)}
        self.assertEqual({name for _, name, _ in _FLAGS} | {"port"}, names)
        for action in parser()._actions:
            self.assertTrue(action.help, action.dest)

    def test_mistakes(self) -> None:
        """
        A mistake is told in one line on stderr and ends with status 1.
        """
        for arguments in _MISTAKES:
            said = io.StringIO()
            with redirect_stderr(said):
                error = self.assertRaises(SystemExit, parse, arguments)
            self.assertEqual(error.code, 1, arguments)
            self.assertEqual(said.getvalue().count("\n"), 1, arguments)
            self.assertIn("error: ", said.getvalue())

    def test_help(self) -> None:
        """
        The help can be rendered, with status 0.
        """
        said = io.StringIO()
        with redirect_stdout(said):
            error = self.assertRaises(SystemExit, parse, ["--help"])
        self.assertEqual(error.code, 0)
        self.assertIn("--wipe-environment", said.getvalue())
