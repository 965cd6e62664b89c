"""
The simulator's command line.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True)
class Options:
    """
    What the simulator is to do; the times are in seconds.

    Each field is a flag of the same name, whose help says what it does.
    """

    port: int
    host: str = "127.0.0.1"
    model: str = "simulated"
    load_time: float = 0.5
    tokens_per_second: float = 0.0
    fail_start: str | None = None
    never_ready: bool = False
    hang_health: bool = False
    die_after: float | None = None
    ignore_sigterm: bool = False
    stop_time: float = 0.0
    child: bool = False
    log_lines: int = 0
    wipe_environment: bool = False
    quiet: bool = False


class _Parser(argparse.ArgumentParser):
    """
    Tells of a mistake in one line and ends with status 1, as model servers do.
    """

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"{self.prog}: error: {message}\n")


def _port(text: str) -> int:
    """
    :raises argparse.ArgumentTypeError: unless it is a TCP port or 0.
    """
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535")
    return int(text)


def _amount(text: str) -> float:
    """
    :raises argparse.ArgumentTypeError: unless it is a number, 0 or more.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (value >= 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 0 or more")
    return value


def _count(text: str) -> int:
    """
    :raises argparse.ArgumentTypeError: unless it is a whole number, 0 or more.
    """
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """
    The parser of the command line; its destinations are `Options`' fields.
    """
    result = _Parser(
        prog="llamaswap_tw.simulator",
        description="A model server that pretends: it looks like llama-server.",
        allow_abbrev=False,
    )
    add = result.add_argument
    add(
        "--port",
        type=_port,
        required=True,
        help="the TCP port to listen on; 0 for any free one, told in the log",
    )
    add("--host", default=Options.host, help="the address to listen on (%(default)s)")
    add(
        "--model",
        metavar="NAME",
        default=Options.model,
        help="the model's name, which its answers give too (%(default)s)",
    )
    add(
        "--load-time",
        metavar="S",
        type=_amount,
        default=Options.load_time,
        help="seconds from listening to being ready (%(default)s)",
    )
    add(
        "--tokens-per-second",
        metavar="N",
        type=_amount,
        default=Options.tokens_per_second,
        help="how fast it generates; 0 for all at once (%(default)s)",
    )
    add(
        "--fail-start",
        metavar="MESSAGE",
        default=None,
        help="after the load time write MESSAGE to stderr and exit with status 1",
    )
    add("--never-ready", action="store_true", help="load for ever")
    add(
        "--hang-health",
        action="store_true",
        help="take requests for /health while loading, but answer them only "
        "once it is ready",
    )
    add(
        "--die-after",
        metavar="S",
        type=_amount,
        default=None,
        help="crash with status 1 this many seconds after being ready",
    )
    add("--ignore-sigterm", action="store_true", help="do not end on SIGTERM")
    add(
        "--stop-time",
        metavar="S",
        type=_amount,
        default=Options.stop_time,
        help="seconds from SIGTERM to the end (%(default)s)",
    )
    add(
        "--child",
        action="store_true",
        help="start a child that sleeps in a session of its own and outlives the "
        "simulator; its pid is logged, and shown by GET /simulator/pids",
    )
    add(
        "--log-lines",
        metavar="N",
        type=_count,
        default=Options.log_lines,
        help="write this many further lines to the log while loading (%(default)s)",
    )
    add(
        "--wipe-environment",
        action="store_true",
        help="leave nothing to read in /proc/PID/environ, as programs do that "
        "set their process title; its child's is empty too",
    )
    add("--quiet", action="store_true", help="log no line for each request")
    return result


def parse(arguments: Sequence[str] | None = None) -> Options:
    """
    Read a command line.

    :param arguments: without the program's name; by default the process's own.
    :raises SystemExit: with status 1 after one line on stderr, or after
        ``--help``.
    """
    return Options(**vars(parser().parse_args(arguments)))
