"""
Tests for `llamaswap_tw.web.ui`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.web.front import Front
from llamaswap_tw.web.static import Build
from llamaswap_tw.web.ui import Ui
from tests.web.pages import SCRIPT, build

from .support import Connection, Response, configured, in_thread


class UiTests(SynchronousTestCase):
    """
    A browser, and a daemon whose page was built.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        build(self.folder)
        self.thread: Callable[..., Deferred[Any]] = in_thread
        config = configured()
        self.router = mock.Mock()
        self.router.states.return_value = dict.fromkeys(
            config.models, ProcessState.STOPPED
        )
        directory = mock.Mock()
        directory.profiles.active = None
        self.ui = Ui(
            config,
            directory,
            self.router,
            Build(self.folder),
            lambda *args: self.thread(*args),
        )
        front = Front(mock.Mock(), {}, self.ui.render, rooms=self.ui.rooms())
        self.connection = Connection(front.route)

    def get(self, path: str, method: str = "GET", **headers: str) -> Response:
        self.connection.ask(
            method,
            path,
            {name.replace("_", "-"): value for name, value in headers.items()},
        )
        return self.connection.response()

    def test_views(self) -> None:
        """
        Every view's path gives the index; a model's name may hold dots and slashes.
        """
        for path in (
            *("/ui/", "/ui/models", "/ui/activity?model=a", "/ui/whatever/there"),
            *("/ui/models/qwen2.5", "/ui/models/org%2Fa.b", "/ui/models/org/a.gguf"),
            *("/ui/logs/qwen2.5", "/ui/playground/chat", "/ui/index.html"),
        ):
            response = self.get(path)
            self.assertEqual((path, response.status), (path, 200))
            self.assertEqual(response.body, b"index")
            self.assertEqual(response.headers["content-type"], "text/html")
            self.assertEqual(response.headers["cache-control"], "no-cache")
            self.assertIn(
                "script-src 'self'", response.headers["content-security-policy"]
            )

    def test_files(self) -> None:
        """
        A file comes in the form that the browser takes, with its length, and not
        twice.
        """
        response = self.get(f"/ui/{SCRIPT}", Accept_Encoding="gzip, deflate, br")
        self.assertEqual(response.body, b"script by brotli")
        self.assertEqual(response.headers["content-encoding"], "br")
        self.assertEqual(response.headers["content-length"], "16")
        again = self.get(
            f"/ui/{SCRIPT}",
            Accept_Encoding="br",
            If_None_Match=response.headers["etag"],
        )
        self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(again.headers["etag"], response.headers["etag"])
        self.assertNotIn("content-encoding", again.headers)

    def test_head(self) -> None:
        """
        HEAD tells the same, and sends nothing.
        """
        for path in ("/ui/", f"/ui/{SCRIPT}", "/favicon.ico"):
            gotten = self.get(path)
            response = self.get(path, "HEAD")
            self.assertEqual((response.status, response.body), (200, b""))
            self.assertEqual(response.headers["content-length"], str(len(gotten.body)))

    def test_missing(self) -> None:
        """
        A file that is not there is 404, never the index: a script must not be HTML.
        """
        for path in ("/ui/assets/gone-12.js", "/ui/app.js", "/ui/..%2Fui.py"):
            response = self.get(path)
            self.assertEqual((path, response.status), (path, 404))
            self.assertEqual(json.loads(response.body)["error"]["code"], "not_found")

    def test_plain(self) -> None:
        """
        The plain page is there beside the other, and in place of it where that was
        not built; a browser does nothing with it but show it and send its forms.
        """
        plain = self.get("/ui/plain")
        self.assertIn(b"<table>", plain.body)
        style = re.search(rb"<style>(.*?)</style>", plain.body, re.S)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1]).digest()).decode()
        policy = plain.headers["content-security-policy"]
        self.assertIn(f"style-src 'sha256-{digest}'", policy)
        self.assertIn("form-action 'self'", policy)
        (self.folder / "manifest.json").unlink()
        for path in ("/ui/", "/ui/models"):
            self.assertEqual(self.get(path).body, plain.body)

    def test_icon(self) -> None:
        """
        There is an icon, which browsers ask for by themselves.
        """
        response = self.get("/favicon.ico")
        self.assertEqual(response.headers["content-type"], "image/svg+xml")
        self.assertTrue(response.body.startswith(b"<svg"))

    def test_reads_in_threads(self) -> None:
        """
        Files are read in threads, and a client that leaves meanwhile harms nobody.
        """
        waiting: Deferred[Any] = Deferred()
        work: list[Any] = []

        def thread(*args: Any) -> Deferred[Any]:
            work.append(args)
            return waiting

        self.thread = thread
        self.connection.ask("GET", "/ui/")
        self.assertEqual(self.connection.received(), b"")
        self.assertEqual(len(work), 1)
        self.connection.leave()
        waiting.callback(None)
        self.assertEqual(self.flushLoggedErrors(), [])
