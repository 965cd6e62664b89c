"""
Web pages of other origins, as their browsers ask for them.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping

from .support import Daemon, LiveTestCase, chat_body, simulator, wait_for

ORIGIN = "https://chat.example"
PAGE = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
KEY = {"Authorization": "Bearer k"}

#: A model server that says itself who may read its answers.
SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", self.headers["Origin"] or "*")
        self.send_header("Access-Control-Allow-Credentials", "true")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class CorsTests(LiveTestCase):
    """
    What a page may do, through a daemon that asks for keys.
    """

    def started(self) -> Daemon:
        server = self.folder() / "server.py"
        server.write_text(SERVER)
        return self.daemon(
            "apiKeys: [k]\nmodels:\n"
            f"  one:\n    cmd: {simulator('--load-time 0')}\n"
            f"  own:\n    cmd: {sys.executable} {server} ${{PORT}}\n"
            "    checkEndpoint: /\n"
        )

    def chat(
        self, daemon: Daemon, model: str, headers: Mapping[str, str]
    ) -> tuple[int, list[str]]:
        """
        A status, and each value of the header that lets a page read it.
        """
        asking = daemon.asking(
            "POST", "/v1/chat/completions", chat_body(model, max_tokens=1), headers
        )
        with asking as response:
            allowed = response.headers.get_all("Access-Control-Allow-Origin") or []
            response.read()
            return response.status, allowed

    def test_page(self) -> None:
        """
        A page asks first, without a key, then may chat and read every answer; what
        is for our own page is closed to it, and open to programs.
        """
        daemon = self.started()
        wanted = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        answer = daemon.ask("OPTIONS", "/v1/chat/completions", None, {**PAGE, **wanted})
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
        self.assertEqual(
            answer.headers["Access-Control-Allow-Headers"],
            "authorization, content-type",
        )
        for model, headers, status in (
            *(("one", KEY, 200), ("own", KEY, 200), ("none", KEY, 404)),
            ("one", {}, 401),
        ):
            self.assertEqual(
                self.chat(daemon, model, {**PAGE, **headers}), (status, ["*"])
            )
        listing = daemon.ask("GET", "/v1/models", None, {**PAGE, **KEY})
        self.assertEqual(listing.headers["Access-Control-Allow-Origin"], ORIGIN)

        running = daemon.ask("GET", "/running", None, KEY).body
        for method, path in (
            *(("POST", "/api/models/unload"), ("GET", "/unload"), ("GET", "/logs")),
            *(("OPTIONS", "/api/models/unload"), ("POST", "/api/models/load/own")),
        ):
            answer = daemon.ask(method, path, None, {**PAGE, **KEY})
            self.assertEqual((path, answer.status), (path, 403))
        self.assertEqual(daemon.ask("GET", "/running", None, KEY).body, running)

        form = {
            **KEY,
            "Accept": "text/html",
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": daemon.url,
        }
        for more in ({"Sec-Fetch-Site": "same-origin"}, {}):
            answer = daemon.ask("POST", "/api/models/unload/one", b"", {**form, **more})
            self.assertEqual(answer.status, 303)
        self.assertEqual(daemon.ask("GET", "/unload", None, KEY).body, b"OK")

    def test_configured(self) -> None:
        """
        Origins that are configured hold from the next reload on, whatever a model
        says.
        """
        daemon = self.started()
        headers = {**PAGE, **KEY}
        self.assertEqual(self.chat(daemon, "own", headers), (200, ["*"]))
        text = daemon.config.read_text()
        other = "https://other.example"
        daemon.config.write_text(f"{text}cors: {{origins: ['{other}']}}\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(
            lambda: self.chat(daemon, "own", headers) == (200, []), "the new origins"
        )
        headers["Origin"] = other
        self.assertEqual(self.chat(daemon, "own", headers), (200, [other]))
        self.assertEqual(self.chat(daemon, "none", headers), (404, [other]))
