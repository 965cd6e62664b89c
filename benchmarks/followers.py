"""
Clients that follow something without an end: events, a log.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Sequence
from types import TracebackType

_LOOPBACK = "127.0.0.1"

#: What one that does not read is sent before it is left alone, in bytes.
_SMALL = 4096

#: Large enough that what is sent in one go is read in one.
_BUFFER = 1024 * 1024

_TIMEOUT = 10.0


class Followers:
    """
    Some of them, for the time of a ``with``; all follow when it begins.

    :param port: whom they ask, on loopback.
    :param paths: what each of them follows.
    :param stalled: whether they read nothing but the head of their response.
    :ivar received: how many bytes were read by all of them.
    """

    def __init__(
        self, port: int, paths: Sequence[str], *, stalled: bool = False
    ) -> None:
        self._port = port
        self._paths = paths
        self._stalled = stalled
        self._sockets: list[socket.socket] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._drain)
        self.received = 0

    def __enter__(self) -> Followers:
        try:
            for path in self._paths:
                self._sockets.append(self._follow(path))
        except BaseException:
            self._close()
            raise
        if not self._stalled:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if not self._stalled:
            self._thread.join()
        self._close()

    def _close(self) -> None:
        for each in self._sockets:
            each.close()

    def _follow(self, path: str) -> socket.socket:
        found = socket.socket()
        found.settimeout(_TIMEOUT)
        if self._stalled:
            # Before it connects, or the system takes megabytes for it.
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
        found.connect((_LOOPBACK, self._port))
        found.sendall(f"GET {path} HTTP/1.1\r\nHost: {_LOOPBACK}\r\n\r\n".encode())
        status = found.recv(_SMALL).partition(b"\r\n")[0]
        if status != b"HTTP/1.1 200 OK":
            found.close()
            raise ConnectionError(f"{path}: {status!r}")
        return found

    def _drain(self) -> None:
        buffer = bytearray(_BUFFER)
        with selectors.DefaultSelector() as selector:
            for each in self._sockets:
                each.setblocking(False)
                selector.register(each, selectors.EVENT_READ, each)
            while not self._over.is_set():
                for key, _ in selector.select(0.05):
                    size = key.data.recv_into(buffer)
                    self.received += size
                    if not size:
                        selector.unregister(key.data)
