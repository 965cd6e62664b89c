"""
A polite end while a stream runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..daemon import Model
from ..figures import Figure, exactly
from ..native import result_of
from . import Lab

_STREAMS, _RATE, _CHUNKS = 8, 50, 100


def measure(lab: Lab) -> Iterator[Figure]:
    """
    SIGTERM in the middle of a few streams.
    """
    with lab.daemon(Model("m", ("--children",))) as daemon:
        daemon.load("m")
        client = lab.native.start_streams(
            daemon.port, "m", _STREAMS, _RATE, _CHUNKS, tag="last"
        )
        try:
            daemon.stamps.wait_for("request", "last")
            time.sleep(0.5)
            daemon.terminate()
            asked = time.monotonic()
            result = result_of(client.communicate(timeout=40)[0])
            over = time.monotonic()
            status = daemon.wait()
            ended = time.monotonic()
        finally:
            client.kill()
            client.wait()
        left = len(daemon.model_processes())
    yield Figure(
        "SIGTERM with streams running: whole", result["whole"], "", exactly(_STREAMS)
    )
    yield Figure("chunks", result["received"], "", exactly(_STREAMS * _CHUNKS))
    yield Figure("SIGTERM → the streams' end", over - asked, "s")
    yield Figure("the streams' end → exit", ended - over, "s")
    yield Figure("exit status", status, "", exactly(0))
    yield Figure("processes left", left, "", exactly(0))
