"""
The native program that is the load in front of the daemon and the model server
behind it: built from ``load/*.c``, and driven from here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .sockets import wait_until_listening

_HERE = Path(__file__).parent
_SOURCES = _HERE / "load"
_BUILT = _HERE / "_build"

#: What a client prints at its end.
Result = dict[str, float]


class CannotBuild(Exception):
    """
    The program cannot be had; the message is for the user.
    """


def build() -> Native:
    """
    Build the program, unless it was built from this very source.

    :raises CannotBuild: where there is no compiler, or it fails.
    """
    if not sys.platform.startswith("linux"):
        raise CannotBuild("the benchmarks need Linux: their load is made with epoll")
    sources = sorted(_SOURCES.glob("*.[ch]"))
    source = b"".join(path.read_bytes() for path in sources)
    program = _BUILT / f"bench-{hashlib.sha256(source).hexdigest()[:12]}"
    if program.exists():
        return Native(program)
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotBuild(
            "no C compiler found: the benchmarks build their load generator; "
            "install gcc or clang"
        )
    _BUILT.mkdir(exist_ok=True)
    command = [compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-o", str(program)]
    command += [str(path) for path in sources if path.suffix == ".c"]
    outcome = subprocess.run(command, capture_output=True, text=True)
    if outcome.returncode != 0:
        raise CannotBuild(f"the load generator does not build:\n{outcome.stderr}")
    return Native(program)


class Native:
    """
    Runs the program.

    :ivar program: where it is.
    """

    def __init__(self, program: Path) -> None:
        self.program = program

    def requests(
        self, port: int, model: str, connections: int, seconds: float
    ) -> Result:
        """
        Small requests, each connection sending its next when it has its answer.

        :param port: whom to ask, on loopback.
        :param connections: kept open all the time.
        :returns: ``requests``, ``errors``, ``unanswered``, ``per_second``,
            ``p50_ms``, ``p90_ms``, ``p99_ms``.
        """
        return self._run(
            seconds + 10,
            "requests",
            *_options(port=port, model=model, connections=connections),
            *_options(seconds=seconds),
        )

    def streams(
        self,
        port: int,
        model: str,
        streams: int,
        rate: float,
        chunks: int,
        tag: str = "",
    ) -> Result:
        """
        Event streams, all begun at once.

        :param port: whom to ask, on loopback.
        :param rate: events a second in each.
        :param chunks: events in each.
        :param tag: for the model server's log.
        :returns: ``expected``, ``received``, ``disordered``, ``whole``, ``errors``,
            ``rate`` (a stream's, in the mean), ``p50_ms``, ``p99_ms``, ``max_ms``
            from sent to received; ``steady_p50_ms``, ``steady_p99_ms`` without
            what was sent before every stream had begun; ``head_p50_ms``,
            ``head_p99_ms`` from the request to the response's first line.
        """
        arguments = _streams(port, model, streams, rate, chunks, tag)
        return self._run(chunks / rate + 30, *arguments)

    def start_streams(
        self,
        port: int,
        model: str,
        streams: int,
        rate: float,
        chunks: int,
        tag: str = "",
    ) -> subprocess.Popen[str]:
        """
        As `streams`, but return at once; what it prints is the result.
        """
        return self._popen(*_streams(port, model, streams, rate, chunks, tag))

    def fetch(
        self,
        port: int,
        model: str,
        size: int,
        *,
        tag: str = "",
        stall_after: int = 0,
        stall: float = 0.0,
        rate: float = 0.0,
        leave: bool = False,
    ) -> subprocess.Popen[str]:
        """
        Ask for one large answer.

        :param size: its bytes.
        :param stall_after: stop reading after so many bytes.
        :param stall: for so many seconds.
        :param rate: then read so many bytes a second; 0 for as fast as they come.
        :param leave: close after the stall.
        :returns: the process; it prints ``stalled``, ``reading`` and ``left`` with
            their times, then its result.
        """
        options = _options(port=port, model=model, bytes=size, tag=tag, stall=stall)
        options += _options(stall_after=stall_after, rate=rate)
        return self._popen("fetch", *options, *(["--leave"] if leave else []))

    @contextmanager
    def serve(self, port: int) -> Iterator[None]:
        """
        Run a model server that is ready at once, for the time of a ``with``.
        """
        with subprocess.Popen(
            [str(self.program), "serve", "--port", str(port), "--name", "direct"]
        ) as process:
            try:
                wait_until_listening(port, 5.0)
                yield
            finally:
                process.kill()

    def _popen(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.program), *arguments], stdout=subprocess.PIPE, text=True
        )

    def _run(self, timeout: float, *arguments: str) -> Result:
        outcome = subprocess.run(
            [str(self.program), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            timeout=timeout,
            check=True,
        )
        return result_of(outcome.stdout)


def result_of(printed: str) -> Result:
    """
    :param printed: all that a client printed.
    :returns: its last line, which is the result.
    """
    result: Result = json.loads(printed.strip().rpartition("\n")[2])
    return result


def _options(**values: object) -> list[str]:
    options: list[str] = []
    for name, value in values.items():
        options += ["--" + name.replace("_", "-"), str(value)]
    return options


def _streams(
    port: int, model: str, streams: int, rate: float, chunks: int, tag: str
) -> list[str]:
    options = _options(port=port, model=model, streams=streams)
    return ["streams", *options, *_options(rate=rate, chunks=chunks, tag=tag)]
