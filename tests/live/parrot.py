"""
A model server that says what it is told, for the tests of the web page: ``python -m
tests.live.parrot PORT [LINE...]``.

The lines go to its log when it starts.  A chat's answer is the last message of the
user: what stands in it before a line ``---`` is its reasoning.  A system prompt goes
before the answer, and each picture is told by its type and size.  What
stands after a line ``+++`` is said only once somebody asks for ``/go``.  The message
``settings`` is answered with the rest of the request, as JSON; ``log BYTES RATE`` has
so much written to the log, in lines, at so many bytes a second, or all at once with 0.
With ``PARROT_PACE`` in the environment, a number of seconds, it answers piece by piece.
``/`` is a page of its own.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Seconds from one piece of a stream to the next.
_PACE = float(os.environ.get("PARROT_PACE", 0))

#: Whether what is held back may be said.
_go = threading.Event()

#: How many characters a piece of a stream has: whatever is markup, it is torn.
_PIECE = 7


def _told(content: Any) -> str:
    """
    A message's text, and what is to be said of its pictures.
    """
    if isinstance(content, str):
        return content
    told = []
    for part in content:
        if part["type"] == "text":
            told.append(part["text"])
        else:
            head, _, data = part["image_url"]["url"].partition(",")
            kind = head.removeprefix("data:").removesuffix(";base64")
            told.append(f"a picture: {kind}, {len(base64.b64decode(data))} bytes")
    return "\n\n".join(told)


def answer_to(asked: dict[str, Any]) -> tuple[str, str]:
    """
    What is said to a request.

    :returns: the reasoning, and the answer.
    """
    messages = asked["messages"]
    reasoning, line, text = _told(messages[-1]["content"]).rpartition("\n---\n")
    if text == "settings":
        settings = {name: asked[name] for name in asked if name != "messages"}
        text = f"```json\n{json.dumps(settings, sort_keys=True)}\n```"
    systems = [_told(one["content"]) for one in messages if one["role"] == "system"]
    return reasoning if line else "", " ".join([*systems, text])


def write_log(size: int, rate: int) -> None:
    """
    Write numbered lines to the log, and then that it is over.

    :param size: of them all, in bytes.
    :param rate: how many bytes a second; 0 for as many as are taken.
    """
    began, written, number = time.monotonic(), 0, 0
    while written < size:
        piece = "".join(
            f"{number + i:8} \x1b[3{i % 8}mtoken\x1b[0m {'x' * 60}\n"
            for i in range(100)
        )
        written += sys.stdout.write(piece)
        sys.stdout.flush()
        number += 100
        if rate:
            time.sleep(max(0.0, began + written / rate - time.monotonic()))
    # Again and again: what a reader is too slow for, it loses.
    for _ in range(20):
        print("the log is over", flush=True)
        time.sleep(1)


def _pieces(name: str, text: str) -> Iterator[dict[str, Any]]:
    for start in range(0, len(text), _PIECE):
        yield {name: text[start : start + _PIECE]}


def _events(*deltas: dict[str, Any], reason: str | None = None) -> bytes:
    choices = [
        {"index": 0, "delta": delta, "finish_reason": reason} for delta in deltas
    ]
    lines = [json.dumps({"choices": [choice]}) for choice in choices]
    return "".join(f"data: {line}\n\n" for line in lines).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self, kind: str, body: bytes, held: bytes = b"") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + len(held)))
        self.end_headers()
        if _PACE:
            for line in body.splitlines(keepends=True):
                self.wfile.write(line)
                time.sleep(_PACE if line.startswith(b"data") else 0)
        else:
            self.wfile.write(body)
        if held:
            _go.wait()
            self.wfile.write(held)

    def do_GET(self) -> None:
        if self.path == "/go":
            _go.set()
        self._answer(
            "text/html", b"<!doctype html><title>The parrot's own page</title>"
        )

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reasoning, text = answer_to(asked)
        word, *numbers = text.split()
        if word == "log":
            threading.Thread(target=write_log, args=map(int, numbers)).start()
        text, _, held = text.partition("\n+++\n")
        _go.clear()
        begin = _events(
            {"role": "assistant"},
            *_pieces("reasoning_content", reasoning),
            *_pieces("content", text),
        )
        rest = _events(*_pieces("content", held)) if held else b""
        end = _events({}, reason="stop") + b"data: [DONE]\n\n"
        if held:
            self._answer("text/event-stream", begin, rest + end)
        else:
            self._answer("text/event-stream", begin + end)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    for told in sys.argv[2:]:
        print(told.encode().decode("unicode_escape"), flush=True)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
