"""
A bare ``twisted.web`` server that answers a constant, as a yardstick:
``python -m benchmarks.bare PORT``.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

#: As large as the native model server's small answer.
_ANSWER = (
    b'{"id":"chatcmpl-benchmark","object":"chat.completion","created":1700000000,'
    b'"model":"benchmark","choices":[{"index":0,"message":{"role":"assistant",'
    b'"content":"A benchmark."},"finish_reason":"stop"}],"usage":{'
    b'"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}}'
)


class Constant(Resource):
    """
    Answers every request alike.
    """

    isLeaf = True

    def render_POST(self, request: Request) -> bytes:
        """
        Answer.
        """
        request.setHeader(b"content-type", b"application/json; charset=utf-8")
        return _ANSWER


def main() -> None:
    """
    Serve until killed.
    """
    loop: Any = reactor
    loop.listenTCP(int(sys.argv[1]), Site(Constant()), interface="127.0.0.1")
    loop.run()


if __name__ == "__main__":
    main()
