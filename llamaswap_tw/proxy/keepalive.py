"""
TCP's own signs of life.
"""

from __future__ import annotations

import socket
from typing import Any


def keep_alive(transport: Any, seconds: int) -> None:
    """
    Let the kernel find out whether a silent connection still leads anywhere.

    :param transport: a TCP connection, perhaps with TLS over it.
    :param seconds: until its first sign of life, and between them.
    """
    transport.setTcpKeepAlive(True)
    handle = getattr(transport, "socket", None)
    if handle is None:
        return
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        if hasattr(socket, name):
            handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)
