"""
Imports go down only.
"""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

PURE = (
    "llamaswap_tw.config.load",
    "llamaswap_tw.durations",
    "llamaswap_tw.errors",
    "llamaswap_tw.interfaces",
    "llamaswap_tw.observe.past",
    "llamaswap_tw.observe.timeline",
    "llamaswap_tw.routing.claims",
    "llamaswap_tw.routing.directory",
    "llamaswap_tw.routing.fifo",
    "llamaswap_tw.routing.group",
    "llamaswap_tw.routing.matrix.link",
    "llamaswap_tw.routing.matrix.planner",
    "llamaswap_tw.routing.matrix.together",
    "llamaswap_tw.routing.reasons",
)

#: What a pure module may not bring along.
FOREIGN = (
    "klein",
    "llamaswap_tw.process",
    "llamaswap_tw.proxy",
    "llamaswap_tw.service",
    "llamaswap_tw.web",
    "twisted",
)


class ImportTests(SynchronousTestCase):
    """
    The pure parts know nobody above them.
    """

    def test_pure(self) -> None:
        """
        Configuration, planner and scheduler import neither Twisted nor what
        stands above them.
        """
        code = f"import sys, {', '.join(PURE)}\nprint(*sys.modules)"
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        found = [
            module for module in result.stdout.split() if module.startswith(FOREIGN)
        ]
        self.assertEqual(found, [])

    def test_configuration_is_lowest(self) -> None:
        """
        The configuration does not import the routing either.
        """
        code = "import sys, llamaswap_tw.config.load\nprint(*sys.modules)"
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        self.assertNotIn("llamaswap_tw.routing", result.stdout.split())

    def test_http2_is_late(self) -> None:
        """
        A daemon has no HTTP/2 in memory before a client speaks it; whoever wants
        Twisted's can have it all the same.
        """
        code = (
            "import sys, llamaswap_tw.tap\n"
            "print(*sys.modules)\n"
            "import twisted.web._http2"
        )
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        found = set(result.stdout.split()) & {"h2", "hpack", "hyperframe", "priority"}
        self.assertEqual(found, set())
