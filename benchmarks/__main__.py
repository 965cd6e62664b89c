"""
``python -m benchmarks [NAME …] [--json FILE]``: measure, and print a table.

Exit status: 0 where every bound is kept, 1 where nothing could be measured or a
benchmark broke, 3 where a bound was missed.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from .figures import Figure, as_json, table
from .machine import Bystanders, describe
from .measure import (
    Benchmark,
    Lab,
    activity,
    gone,
    matrix,
    memory,
    observability,
    orphans,
    page,
    requests,
    shutdown,
    startup,
    streams,
    swap,
)
from .native import CannotBuild, build

_BENCHMARKS: dict[str, Benchmark] = {
    "swap": swap.measure,
    "requests": requests.measure,
    "streams": streams.measure,
    "gone": gone.measure,
    "memory": memory.measure,
    "startup": startup.measure,
    "orphans": orphans.measure,
    "shutdown": shutdown.measure,
    "matrix": matrix.measure,
    "activity": activity.measure,
    "observability": observability.measure,
    "page": page.measure,
}

_DEFAULT_JSON = Path(__file__).parent / "results.json"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure the daemon, on loopback."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(_BENCHMARKS)}; all of them by default",
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=_DEFAULT_JSON,
        metavar="FILE",
        help="where the figures go [default: %(default)s]",
    )
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in _BENCHMARKS:
            parser.error(f"no benchmark {name!r}; there are {', '.join(_BENCHMARKS)}")
    return options


def _end(number: int, frame: FrameType | None) -> NoReturn:
    # An exception, so that everything that was started is ended.
    raise SystemExit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """
    :param arguments: the command line.
    :returns: the exit status.
    """
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _end)
    try:
        native = build()
    except CannotBuild as e:
        print(e, file=sys.stderr)
        return 1
    machine = describe()
    print(", ".join(f"{key} {value}" for key, value in machine.items()), flush=True)
    results: dict[str, object] = {}
    broken = missed = False
    for name in options.names or _BENCHMARKS:
        began = time.monotonic()
        bystanders = Bystanders()
        figures: list[Figure] = []
        with tempfile.TemporaryDirectory(prefix="llamaswap-benchmark-") as folder:
            try:
                for figure in _BENCHMARKS[name](Lab(native, Path(folder))):
                    figures.append(figure)
            except Exception:
                # The others may still tell something.
                broken = True
                traceback.print_exc()
        seconds = time.monotonic() - began
        others = bystanders.cores()
        title = f"{name} ({seconds:.0f} s, others used {others:.2f} cores)"
        print("\n" + table(title, figures), flush=True)
        missed = missed or any(figure.verdict == "MISSED" for figure in figures)
        results[name] = {
            "seconds": round(seconds, 1),
            "cores_used_by_others": round(others, 3),
            "figures": [as_json(figure) for figure in figures],
        }
        options.json.write_text(
            json.dumps({"machine": machine, "benchmarks": results}, indent=2) + "\n"
        )
    return 1 if broken else 3 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
