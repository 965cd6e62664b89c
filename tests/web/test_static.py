"""
Tests for `llamaswap_tw.web.static`.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.web.static import Answer, Build, negotiate
from tests.web.pages import SCRIPT, build


class NegotiationTests(SynchronousTestCase):
    """
    `negotiate`.
    """

    def test_choices(self) -> None:
        """
        The smallest form that a client wants as much as any other is taken.
        """
        both = [b"br", b"gzip"]
        for accept, expected in (
            (None, None),
            (b"", None),
            (b"identity", None),
            (b"gzip", b"gzip"),
            (b"gzip, deflate, br, zstd", b"br"),
            (b"GZIP;q=1.0, BR;q=0.5", b"gzip"),
            (b"br;q=0, gzip", b"gzip"),
            (b"br;q=0.0,gzip;q=0", None),
            (b"*", b"br"),
            (b"*;q=0.1, br;q=0", b"gzip"),
            (b"identity, br;q=0.5", None),
            (b"identity;q=0.5, br;q=0.5", b"br"),
            (b"br;q=x, gzip ; q=0.2", b"gzip"),
            (b",,;;q=, deflate", None),
        ):
            self.assertEqual((accept, negotiate(accept, both)), (accept, expected))

    def test_offered(self) -> None:
        """
        What there is not is not taken.
        """
        self.assertEqual(negotiate(b"br, gzip", [b"gzip"]), b"gzip")
        self.assertIsNone(negotiate(b"br, gzip", []))


class BuildTests(SynchronousTestCase):
    """
    `Build` over a folder.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        build(self.folder)
        self.build = Build(self.folder)

    def get(
        self, name: str, accept: bytes | None = None, match: bytes | None = None
    ) -> Answer:
        answer = self.build.answer(name, accept, match)
        assert answer is not None
        return answer

    def test_forms(self) -> None:
        """
        Each form of a file is sent as it was built, and said to be what it is.
        """
        for accept, encoding, body in (
            (None, None, b"script"),
            (b"gzip", b"gzip", b"script by gzip"),
            (b"gzip, br", b"br", b"script by brotli"),
        ):
            answer = self.get(SCRIPT, accept)
            headers = dict(answer.headers)
            self.assertEqual((answer.status, answer.body), (200, body))
            self.assertEqual(headers.get(b"Content-Encoding"), encoding)
            self.assertEqual(headers[b"Content-Type"], b"text/javascript")
            self.assertEqual(headers[b"Vary"], b"Accept-Encoding")
            self.assertEqual(headers[b"X-Content-Type-Options"], b"nosniff")

    def test_caching(self) -> None:
        """
        What has a hash in its name is kept for good; the index is asked for again.
        """
        self.assertIn(
            (b"Cache-Control", b"public, max-age=31536000, immutable"),
            self.get(SCRIPT).headers,
        )
        index = self.build.index(None, None)
        assert index is not None
        self.assertIn((b"Cache-Control", b"no-cache"), index.headers)

    def test_tags(self) -> None:
        """
        A client that has a form is not sent it again; one that has another form is.
        """
        for accept in (None, b"gzip", b"br"):
            tag = dict(self.get("index.html", accept).headers)[b"ETag"]
            for match in (tag, b"W/" + tag, b'"other", ' + tag, b"*"):
                answer = self.get("index.html", accept, match)
                self.assertEqual((answer.status, answer.body), (304, b""))
                self.assertEqual(dict(answer.headers)[b"ETag"], tag)
            for match in (b'"other"', b"", tag[:-2] + b'"', tag.strip(b'"')):
                self.assertEqual(self.get("index.html", accept, match).status, 200)
        plain = dict(self.get("index.html").headers)[b"ETag"]
        self.assertEqual(self.get("index.html", b"br", plain).status, 200)

    def test_policy(self) -> None:
        """
        The page may fetch from us alone, and run nothing that is within it.
        """
        policy = dict(self.get("index.html").headers)[b"Content-Security-Policy"]
        rules = dict(rule.split(b" ", 1) for rule in policy.split(b"; "))
        self.assertEqual(rules[b"default-src"], b"'none'")
        self.assertEqual(rules[b"frame-ancestors"], b"'none'")
        for name in (b"script-src", b"style-src", b"connect-src"):
            self.assertEqual(rules[name], b"'self'")
        for unsafe in (b"unsafe", b"http", b"*"):
            self.assertNotIn(unsafe, policy)

    def test_nothing_else(self) -> None:
        """
        What the build has not listed is not there, wherever a path leads.
        """
        (self.folder / "secret").write_text("secret")
        for name in (
            *("secret", "../secret", "assets/../secret", "manifest.json", "", "/"),
            *(SCRIPT + ".br", str(self.folder / "secret"), "assets", "a\0b"),
        ):
            self.assertIsNone(self.build.answer(name, b"br", None), name)

    def test_not_built(self) -> None:
        """
        Without a build, or with half of one, there is nothing.
        """
        build_of_nothing = Build(self.folder / "none")
        self.assertIsNone(build_of_nothing.index(None, None))
        (self.folder / "index.html").unlink()
        self.assertIsNone(self.build.index(None, None))
        (self.folder / "manifest.json").write_text("{")
        self.assertIsNone(self.build.answer(SCRIPT, None, None))

    def test_built_again(self) -> None:
        """
        Another build holds at once.
        """
        self.get(SCRIPT)
        build(self.folder, index=b"another")
        os.utime(self.folder / "manifest.json", (1, 1))
        index = self.build.index(None, None)
        assert index is not None
        self.assertEqual(index.body, b"another")
