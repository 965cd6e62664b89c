"""
h2, with limits of ours.
"""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings

#: How much of a body a client may send ahead of its being taken, in bytes, and how
#: much of all bodies together ahead of its being read.
STREAM_WINDOW = 512 * 1024
CONNECTION_WINDOW = 2 * STREAM_WINDOW

#: How many requests of one client are answered at once.
_MOST_STREAMS = 128

#: The window that HTTP/2 begins with, in bytes.
_FIRST_WINDOW = 65_535

#: A head that is larger than ``server.maxHeaderBytes`` gets an answer up to this
#: many bytes more; one that is larger than that ends the connection.
_ANSWERABLE = 256 * 1024


class _Machine(H2Connection):
    """
    h2's connection, which remembers fewer streams that are over: they are a matter
    of 100 bytes each, of connections that live for days.
    """

    MAX_CLOSED_STREAMS = 1024


def make_machine(max_head: int) -> H2Connection:
    """
    The machine of a server's connection, which has its first frames ready.

    :param max_head: the largest head taken, in bytes.
    """
    # What goes out is checked in `http2`: h2 would notice only once a head is half
    # compressed, and so the connection lost.
    machine = _Machine(
        H2Configuration(
            client_side=False,
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
    )
    machine.local_settings = Settings(
        client=False,
        initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: _MOST_STREAMS,
            SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            SettingCodes.MAX_HEADER_LIST_SIZE: max_head,
        },
    )
    machine.decoder.max_header_list_size = max_head + _ANSWERABLE
    machine.initiate_connection()
    machine.increment_flow_control_window(CONNECTION_WINDOW - _FIRST_WINDOW)
    return machine
