"""
What a long history costs.
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

#: Rows, and whether the bounds are for so many.
_SIZES = ((10_000, True), (100_000, False))

_LIMIT = 300.0


def measure(lab: Lab) -> Iterator[Figure]:
    """
    Fill a file with rows and ask for them, in a process of its own with the store and
    a reactor, while more rows come.
    """
    for count, bound in _SIZES:
        result = subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.history"),
                *(str(lab.folder / f"{count}.db"), str(count)),
            ],
            stdout=subprocess.PIPE,
            text=True,
            timeout=_LIMIT,
            env=environment(),
            check=True,
        )
        found = json.loads(result.stdout)
        rows = f"{count:,} rows"
        yield Figure(f"{rows}, written", found.pop("rows"), "/s")
        yield Figure(f"{rows}, pause while written", found.pop("pause"), "ms")
        for name, figures in found.items():
            worst = at_most(50) if bound and "busy" not in name else None
            yield Figure(f"{rows}, {name}, p50", median(figures["taken"]), "ms")
            yield Figure(f"{rows}, {name}, worst", max(figures["taken"]), "ms", worst)
        pause = max(
            figures["pause"] for name, figures in found.items() if "busy" not in name
        )
        longest = at_most(20) if bound else None
        yield Figure(f"{rows}, longest pause while read", pause, "ms", longest)
