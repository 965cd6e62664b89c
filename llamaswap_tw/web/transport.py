"""
What the connections of both HTTPs want of a transport.
"""

from __future__ import annotations

from typing import Any

from twisted.protocols.policies import ProtocolWrapper

#: How long a client may go on sending what nobody reads any more, in seconds,
#: so that it gets to the answer that says so.
LINGER = 2.0

#: How long a client may take to read the end of what would never end by itself, in
#: seconds, when the daemon does.
LAST_READ = 2.0


def peer_of(transport: Any) -> bytes:
    """
    A client's address, or ``b""`` where it has none.
    """
    # A socket that takes both families shows IPv4 clients as IPv6 ones.
    host: str = getattr(transport.getPeer(), "host", "")
    return host.removeprefix("::ffff:").encode("ascii", "replace")


def beneath(transport: Any) -> Any:
    """
    What carries the bytes of a connection: for one with TLS, which would wait, for
    ever, for its client to agree to an end, the connection beneath it.
    """
    return transport.transport if isinstance(transport, ProtocolWrapper) else transport
