"""
A model server that answers oddly, for the tests: ``python -m tests.live.odd PORT``.

``/health`` is answered as ever; ``/early`` with two interim responses before the
answer, ``/many`` with a hundred; ``/dated`` with a date of its own; any other path
with a response that has nothing but a length.
"""

from __future__ import annotations

import socketserver
import sys

_PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

_ANSWERS = {
    b"/early": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 102 Processing\r\n\r\n" + _PLAIN
    ),
    b"/many": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100 + _PLAIN,
    b"/dated": b"HTTP/1.1 200 OK\r\ndate: long ago\r\nContent-Length: 2\r\n\r\nhi",
}


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while line := self.rfile.readline():
            path = line.split()[1]
            length = 0
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            self.rfile.read(length)
            self.wfile.write(_ANSWERS.get(path, _PLAIN))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with _Server(("127.0.0.1", int(sys.argv[1])), _Handler) as server:
        server.serve_forever()
