"""
Metrics with something in all of them, and the program that checks them.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.exposition import expose
from llamaswap_tw.observe.machine import Now
from llamaswap_tw.observe.metrics import EXIT_REASONS, SWAP_RESULTS, Gauges, Metrics

from .gpus.fakes import reading
from .test_history import READING

PROMTOOL = shutil.which("promtool")
NO_PROMTOOL = "promtool is not installed (Debian's package prometheus has it)"

#: A name that needs all the escaping that there is.
ODD = 'a "model"\\with\nall'


def gauges() -> Gauges:
    """
    What is asked when somebody looks.
    """
    return Gauges(
        lambda: {"a": 2, "org/b": 0},
        lambda: {"a": 0, "org/b": 7},
        lambda: {"a": "ready", "org/b": "starting"},
        lambda: Now(READING, [reading(0), reading(1)]),
    )


def full_metrics() -> Metrics:
    """
    Counts of everything that is counted.
    """
    metrics = Metrics(("a", "org/b", ODD), ("/v1/chat/completions",))
    for model in ("a", "org/b", ODD):
        metrics.request_ended(model, "/v1/chat/completions", 200)
        metrics.request_ended(model, "/v1/chat/completions", 503)
        metrics.queued(model, 0.2)
        metrics.first_byte(model, 0.3)
        metrics.tokens(model, 10, 20, 5)
        for result in SWAP_RESULTS:
            metrics.swap_ended(model, result, 3.5 if result == "ready" else None)
        metrics.evicted(model)
        for reason in EXIT_REASONS:
            metrics.process_exited(model, reason)
    metrics.request_ended("who?", "/where?", 404)
    metrics.swap_forced()
    return metrics


def full_exposition(accept: str = "") -> str:
    """
    Every series, as Prometheus reads it.
    """
    return expose(full_metrics().snapshot(gauges()), accept)[1].decode()


def series(exposition: str) -> dict[str, float]:
    """
    The values by the series' names and labels.
    """
    lines = [line for line in exposition.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (x.rpartition(" ") for x in lines)}


class PromtoolTestCase(SynchronousTestCase):
    """
    Asks Prometheus' own tool.
    """

    if PROMTOOL is None:
        skip = NO_PROMTOOL

    def promtool(
        self, *arguments: str, stdin: str = "", folder: Path | None = None
    ) -> str:
        """
        Run it; it must have no complaint.

        :returns: what it printed.
        """
        command: Sequence[str] = [PROMTOOL or "promtool", *arguments]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, cwd=folder
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # What it does not like about names is no failure to it.
        self.assertEqual(done.stderr, "")
        return done.stdout
