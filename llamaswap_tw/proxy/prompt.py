"""
Writing to a socket in the turn of the reactor in which the data came.

`twisted.internet.abstract.FileDescriptor.write` only buffers: it asks the
reactor to watch the socket for writing, sends in the reactor's next turn, and
asks it to stop watching.  That is two ``epoll_ctl`` calls and a turn's delay
for each chunk of a stream, where the socket nearly always has room at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.interfaces import ITransport
from twisted.internet.tcp import Connection


def _send_now(connection: Connection, data: bytes) -> None:
    if connection.disconnecting or not connection.connected:
        return
    if connection._tempDataLen or connection.dataBuffer:
        connection.write(data)
        return
    try:
        sent = connection.socket.send(data)
    except OSError:
        # No room, or the connection is lost.  That the reactor finds out by its
        # own attempt, so that it closes the connection as it always does.
        connection.write(data)
        return
    if sent < len(data):
        # What remains counts as buffered: past the transport's limit it
        # pauses the producer.
        connection.write(data[sent:])


def prompt_writer(transport: ITransport) -> Callable[[bytes], None]:
    """
    The quickest way to write to a transport.

    :param transport: a connected transport of any kind.
    :returns: a callable that takes bytes, sends at once what a plain TCP
        socket takes and buffers the rest; for TLS and others, its ``write``.
    """
    if isinstance(transport, Connection) and not transport.TLS:
        return partial(_send_now, transport)
    write: Callable[[bytes], None] = transport.write
    return write
