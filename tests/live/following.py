"""
Clients that follow a daemon's events or its logs.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from .support import PATIENCE, Daemon, wait_for

#: What comes on connecting, in this order.
FIRST = (
    *("logData", "logData", "modelStatus", "uiConfig", "profileChanged"),
    *("inflight", "queue"),
)


class Follower:
    """
    Follows a daemon's events in a thread.

    :param daemon: whose.
    :ivar events: the type and data of each event so far.
    :ivar times: when each came, in seconds of the monotonic clock.
    :ivar is_whole: whether the stream has ended as HTTP says; `None` until it has.
    """

    def __init__(
        self, daemon: Daemon, headers: Mapping[str, str] | None = None
    ) -> None:
        self.events: list[tuple[str, Any]] = []
        self.times: list[float] = []
        self.is_whole: bool | None = None
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", daemon.port, timeout=PATIENCE
        )
        self._connection.request("GET", "/api/events", headers=dict(headers or {}))
        self._response = self._connection.getresponse()
        assert self._response.status == 200
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        is_whole = False
        try:
            for line in self._response:
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    self.times.append(time.monotonic())
                    self.events.append((event["type"], json.loads(event["data"])))
            # A body in chunks that breaks off looks like its end to this reader.
            is_whole = self._response.chunk_left is None
        except (OSError, ValueError, http.client.HTTPException):
            pass
        self.is_whole = is_whole

    def of(self, kind: str, since: int = 0) -> list[Any]:
        """
        The data of all events of a kind.

        :param since: but for so many of all events at the beginning.
        """
        return [data for found, data in self.events[since:] if found == kind]

    def wait(
        self, kind: str, wanted: Callable[[Any], Any], what: str, since: int = 0
    ) -> Any:
        """
        Wait for an event.

        :returns: its data.
        """

        def found() -> Any:
            return [data for data in self.of(kind, since) if wanted(data)]

        return wait_for(found, what)[0]

    def settled(self) -> int:
        """
        Wait until all has come that comes on connecting.

        :returns: how many events that are.
        """
        wait_for(lambda: len(self.events) >= len(FIRST), "the first events")
        return len(FIRST)

    def states(self, model: str) -> list[str]:
        """
        The states that a model was told to be in, without repetition.
        """
        found: list[str] = []
        for models in self.of("modelStatus"):
            for record in models:
                if record["id"] == model and found[-1:] != [record["state"]]:
                    found.append(record["state"])
        return found

    def log(self, source: str) -> str:
        """
        What was told of a log.
        """
        logs = self.of("logData")
        return "".join(data["data"] for data in logs if data["source"] == source)

    def join(self) -> None:
        """
        Wait for the end of the stream.
        """
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def end(self) -> None:
        """
        Follow no more.
        """
        sock = self._connection.sock
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._connection.close()


class Stalled:
    """
    A client that asks for a stream, and does not read it until it is told to.

    :param daemon: whose.
    :param path: of the stream.
    """

    def __init__(self, daemon: Daemon, path: str) -> None:
        self._socket = socket.socket()
        # As little as may be waits here, and not in the daemon.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(("127.0.0.1", daemon.port))
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self.data = bytearray()

    def read_until(self, wanted: Callable[[bytearray], Any], what: str) -> None:
        """
        Read on until something has come.
        """
        until = time.monotonic() + PATIENCE
        while not wanted(self.data):
            if time.monotonic() > until:
                raise AssertionError(f"waited in vain for {what}")
            piece = self._socket.recv(256 * 1024)
            if not piece:
                raise AssertionError(f"the stream ended before {what}")
            self.data += piece

    def end(self) -> None:
        """
        Leave.
        """
        self._socket.close()
