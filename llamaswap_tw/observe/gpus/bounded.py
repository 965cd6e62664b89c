"""
A program whose answer is awaited for a while, and no longer.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

#: Those that run; the thread that waits for one may not live to see its end.
_running: set[subprocess.Popen[bytes]] = set()


@atexit.register
def _end_all() -> None:
    for process in tuple(_running):
        _kill(process)


def run_bounded(command: Sequence[str], limit: float) -> bytes:
    """
    Run a program and read what it prints.  Blocks: call it in a thread.

    :param command: its path and its arguments.
    :param limit: seconds that it may take.
    :returns: what it wrote to standard output.
    :raises OSError: if it cannot be run.
    :raises subprocess.SubprocessError: if it fails, or takes too long; it and its
        children are killed then.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _running.add(process)
    try:
        output, _ = process.communicate(timeout=limit)
    except BaseException:
        _kill(process)
        assert process.stdout is not None
        process.stdout.close()
        # One that hangs in its driver does not even die: it is not waited for.
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
        raise
    finally:
        _running.discard(process)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return output


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
