"""
Who has a port.
"""

from __future__ import annotations

import errno
import os
import socket

#: Who listens where we do.
OURSELVES = "this daemon itself"


def is_taken(port: int) -> bool:
    """
    Whether something listens on a port of this machine, on any address.

    :param port: its number.
    """
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                # Else a connection in TIME_WAIT would count as somebody.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        except OSError as e:
            if e.errno == errno.EADDRINUSE:
                return True
    return False


def holder_of(port: int) -> str | None:
    """
    Words for who listens on a port, or `None` where nobody does after all: what
    is left of a closed connection may have it, or a listener that ended just now.
    Reads the tables of all processes: call it in a thread.

    :param port: its number.
    """
    # Imported on first use: it is only needed when something is wrong.
    import psutil

    try:
        holders = {
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
            and connection.laddr
            and connection.laddr.port == port
        }
    except (psutil.Error, OSError):
        # Not everywhere may everybody read it.
        holders = {None}
    if not holders:
        return None
    named = sorted(pid for pid in holders if pid)
    if os.getpid() in named:
        return OURSELVES
    if not named:
        return "a process that cannot be seen from here"
    try:
        return f"process {named[0]} ({psutil.Process(named[0]).name()})"
    except (psutil.Error, OSError):
        return f"process {named[0]}"
