"""
A model server that writes much to its log, for the tests: ``python -m
tests.live.talkative PORT BYTES``, so many bytes a second.  Asked for ``/last`` it
writes five megabytes, and its last words.
"""

from __future__ import annotations

import http.server
import os
import sys
import threading
import time

_LINE = b"slot update_slots: id  0 | task 7 | " + b"x" * 63 + b"\n"

#: Pieces a second.
_PIECES = 50


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/last":
            sys.stdout.buffer.write(_LINE * (5_000_000 // len(_LINE)))
            sys.stdout.buffer.write(b"the end\n")
            sys.stdout.buffer.flush()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, *_: object) -> None:
        """
        There is enough.
        """


def _talk(rate: int) -> None:
    piece = _LINE * (rate // _PIECES // len(_LINE))
    due = time.monotonic()
    while True:
        os.write(1, piece)
        due += 1 / _PIECES
        time.sleep(max(0.0, due - time.monotonic()))


def main() -> None:
    """
    Serve and talk, until killed.
    """
    port, rate = map(int, sys.argv[1:])
    if rate:
        threading.Thread(target=_talk, args=(rate,), daemon=True).start()
    http.server.ThreadingHTTPServer(("127.0.0.1", port), _Handler).serve_forever()


if __name__ == "__main__":
    main()
