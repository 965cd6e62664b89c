"""
Tests for `llamaswap_tw.activity.headers`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.activity.headers import REDACTED, readable_headers


class ReadableHeadersTests(SynchronousTestCase):
    """
    Headers as people may see them.
    """

    def test_secrets(self) -> None:
        """
        What holds a secret has no value, however its name is written.
        """
        names = (
            *(b"Authorization", b"proxy-authorization", b"COOKIE", b"Set-Cookie"),
            b"X-Api-Key",
        )
        found = readable_headers((name, b"s3cret") for name in names)
        self.assertEqual(found, {name.decode(): REDACTED for name in names})

    def test_repeated(self) -> None:
        """
        Headers of one name are one, and bytes that are no text do no harm.
        """
        found = readable_headers([(b"A", b"1"), (b"B", b"\xff"), (b"A", b"2")])
        self.assertEqual(found, {"A": "1, 2", "B": "\ufffd"})

    def test_spelled_twice(self) -> None:
        """
        The case of a name makes no other header of it.
        """
        pairs = [(b"X-A", b"1"), (b"x-a", b"2"), (b"Cookie", b"a"), (b"cookie", b"b")]
        self.assertEqual(readable_headers(pairs), {"X-A": "1, 2", "Cookie": REDACTED})

    def test_repeated_secret(self) -> None:
        """
        A second secret of one name does not come through either.
        """
        pairs = [(b"Cookie", b"a"), (b"Cookie", b"b")]
        self.assertEqual(readable_headers(pairs), {"Cookie": REDACTED})
