"""
What a model's configuration says about its process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Stands in a stop command for the model's own pid.
PID_MACRO = "${PID}"

#: As ``checkEndpoint``: ready once it runs.
NO_CHECK = "none"


@dataclass(frozen=True)
class Launch:
    """
    How a process is started and stopped; a change of it means another process.

    :ivar command: the program and its arguments; empty where there is none.
    :ivar stop_command: run in place of SIGTERM, with `PID_MACRO` in it; empty
        for SIGTERM.
    :ivar environment: added to the daemon's own.
    :ivar proxy: the URL where its server listens.
    :ivar check_endpoint: the path that answers 200 once it is ready, or
        `NO_CHECK`.
    :ivar port: the port that we assigned to it, or `None`.
    """

    command: tuple[str, ...]
    stop_command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    proxy: str = ""
    check_endpoint: str = "/health"
    port: int | None = None


@dataclass(frozen=True)
class Policy:
    """
    What may change about a process while it runs.

    :ivar health_check_timeout: seconds that a start may take.
    :ivar unload_timeout: seconds from the polite request to stop to the kill.
    :ivar ttl: seconds without a request after which it is stopped; 0 for never.
    """

    health_check_timeout: float = 120.0
    unload_timeout: float = 10.0
    ttl: float = 0.0
