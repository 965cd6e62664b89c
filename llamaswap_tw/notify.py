"""
Telling a service manager how the daemon is: systemd, or what does as it does.

Source: sd_notify(3).  Where nobody asks, nothing is told.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping

from twisted.logger import Logger

_log = Logger()

_SOCKET = "NOTIFY_SOCKET"

#: How long a message may take to be taken, in seconds.  It is a small datagram to a
#: queue of the kernel's, and to lose the first one would make the start a failure.
_PATIENCE = 1.0


class Notifier:
    """
    Tells whoever started the daemon.

    :param environ: of the process.  What names the socket is taken out of it: the
        models are others' business, and some would tell of themselves.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        address = environ.pop(_SOCKET, "")
        # A name without a file is written with an @ where the kernel has a zero.
        self._address = "\0" + address[1:] if address[:1] == "@" else address
        self._stopping = False

    def ready(self) -> None:
        """
        It has started, or has loaded the configuration again.
        """
        if not self._stopping:
            self._tell("READY=1")

    def reloading(self) -> None:
        """
        It begins to load the configuration again; `ready` ends that.
        """
        if not self._stopping:
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self._tell(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """
        It begins to stop; nothing is told after that.
        """
        if not self._stopping:
            self._stopping = True
            self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
                told.settimeout(_PATIENCE)
                told.sendto(message.encode(), os.fsencode(self._address))
        except (OSError, ValueError) as e:
            # Models can be served without it.
            _log.warn(
                "cannot tell the service manager {news}: {reason}",
                news=message.partition("\n")[0],
                reason=getattr(e, "strerror", None) or e,
            )
