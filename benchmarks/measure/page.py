"""
How soon the web page answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from ..daemon import environment
from ..figures import Figure, at_most
from . import Lab

_LIMIT = 300.0

#: In milliseconds.
_BOUND = at_most(100)


def measure(lab: Lab) -> Iterator[Figure]:
    """
    Click on the links of all pages, and sort and turn the activity, in a real browser:
    with 10,000 rows of activity, 60 models, and one that writes 2 MB of log a second.
    """
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.clicks"],
        stdout=subprocess.PIPE,
        text=True,
        timeout=_LIMIT,
        env=environment(),
        check=True,
    )
    for what, taken in json.loads(result.stdout).items():
        yield Figure(f"click → {what}, p50", median(taken), "ms", _BOUND)
        yield Figure(f"click → {what}, worst", max(taken), "ms")
