"""
A model server of WebSockets, for the tests: ``python -m tests.live.sockets PORT``.

``/echo…`` sends back what comes, ``/flood…`` sends without end; any other path is
answered with 418, ``/health`` with 200, and ``/seen`` tells what has come so far.
With ``half`` behind the port it is a server that, but for ``/health``, switches
protocols and, once the client has ended, says how much has come; at ``/slow`` it first
rests until somebody else asks for ``/go``.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from http import HTTPStatus
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

#: What is sent by ``/flood``, a message.
PIECE = b"x" * 65536


class _Seen:
    """
    What has come.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.headers: dict[str, str] = {}
        self.flooded = 0
        self.open = 0


_seen = _Seen()

#: Whether what rests may go on.
_go = threading.Event()


def _plain(connection: ServerConnection, request: Any) -> Any:
    """
    Answer what asks for no WebSocket, or for one that there is not.
    """
    path = request.path
    if path == "/health":
        return connection.respond(HTTPStatus.OK, "OK\n")
    if path == "/seen":
        return connection.respond(HTTPStatus.OK, json.dumps(vars(_seen)))
    _seen.paths.append(path)
    _seen.headers = {name.lower(): value for name, value in request.headers.raw_items()}
    if path.startswith(("/echo", "/flood")):
        return None
    return connection.respond(HTTPStatus.IM_A_TEAPOT, f"{path}\n")


def _converse(connection: ServerConnection) -> None:
    assert connection.request is not None
    _seen.open += 1
    try:
        if connection.request.path.startswith("/flood"):
            while True:
                connection.send(PIECE)
                _seen.flooded += len(PIECE)
        for message in connection:
            connection.send(message)
    except ConnectionClosed:
        pass
    finally:
        _seen.open -= 1


class _Half(socketserver.StreamRequestHandler):
    """
    One connection of the other kind of server.
    """

    def handle(self) -> None:
        first = self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        if b" /health " in first:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
            return
        if b" /go " in first:
            _go.set()
            return
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        if b" /slow " in first:
            # A model that does not read: who sends has to wait.
            _go.wait()
        count = 0
        while piece := self.rfile.read1(65536):
            count += len(piece)
        self.wfile.write(b"%d bytes came" % count)


def main() -> None:
    """
    Serve, until killed.
    """
    port = int(sys.argv[1])
    if sys.argv[2:] == ["half"]:
        with socketserver.ThreadingTCPServer(("127.0.0.1", port), _Half) as half:
            half.serve_forever()
    with serve(
        _converse,
        "127.0.0.1",
        port,
        process_request=_plain,
        compression=None,
        max_size=None,
    ) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
