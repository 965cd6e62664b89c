"""
How long a model's server may take for what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config.schema import Timeouts as Configured


@dataclass(frozen=True, slots=True)
class Timeouts:
    """
    All in seconds; 0 is no limit.

    :ivar connect: to establish a TCP connection.
    :ivar keepalive: between the kernel's signs of life on a silent connection.
    :ivar response_header: from a request that is sent up whole to the head of
        its response.
    :ivar tls_handshake: for the TLS handshake.
    :ivar idle_conn: that a connection is kept for the next request.
    """

    connect: float = 30.0
    keepalive: float = 30.0
    response_header: float = 0.0
    tls_handshake: float = 10.0
    idle_conn: float = 90.0

    @classmethod
    def of(cls, configured: Configured) -> Timeouts:
        """
        :param configured: those of a model or a peer in the configuration.
        """
        return cls(
            connect=configured.connect,
            keepalive=configured.keepalive,
            response_header=configured.response_header,
            tls_handshake=configured.tls_handshake,
            idle_conn=configured.idle_conn,
        )
