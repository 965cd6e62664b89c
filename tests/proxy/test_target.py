"""
Tests for `llamaswap_tw.proxy.target`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.proxy.target import authority_of, target_url


class TargetURLTests(SynchronousTestCase):
    """
    A request's path is put behind its model's base URL.
    """

    def test_table(self) -> None:
        """
        A path of the base comes first, a query of the base too, and nothing is
        decoded or encoded but raw bytes from 0x80 on.
        """
        table = [
            ("http://localhost:5800", b"/v1/x", None, b"http://localhost:5800/v1/x"),
            ("http://localhost:5800", b"/v1/x", b"", b"http://localhost:5800/v1/x?"),
            ("http://h:1/", b"/x", b"a=1", b"http://h:1/x?a=1"),
            ("http://h/api/", b"/x", None, b"http://h/api/x"),
            ("http://h/api?k=v", b"/x", b"a=1", b"http://h/api/x?k=v&a=1"),
            ("http://h?k=v", b"/x", None, b"http://h/x?k=v"),
            ("http://h?k=v", b"/x", b"", b"http://h/x?k=v"),
            ("http://h", b"/a%2Fb%zz", b"q=%20+%C3", b"http://h/a%2Fb%zz?q=%20+%C3"),
            ("http://h", b"/\xc3\xa9", b"\xff", b"http://h/%C3%A9?%FF"),
        ]
        for base, path, query, url in table:
            self.assertEqual(target_url(base, path, query), url)


class AuthorityTests(SynchronousTestCase):
    """
    What ``Host`` says to a server is in its base URL.
    """

    def test_table(self) -> None:
        """
        It is host and port as they stand there, and nothing of what is around them.
        """
        for url, authority in (
            ("http://Box:81/a@b", b"Box:81"),
            ("https://u:p@box?k=v", b"box"),
            ("http://u@v@[::1]:8#x", b"[::1]:8"),
        ):
            self.assertEqual(authority_of(url), authority)
