"""
Tests for `llamaswap_tw.proxy.forward`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.proxy.failures import ConnectFailed
from llamaswap_tw.proxy.forward import ForwardProxies, ForwardProxy
from llamaswap_tw.proxy.origin import Origin

HTTP = "http://squid:3128"
HTTPS = "http://tunnels:3129"


def via(url: bytes, **environ: str) -> ForwardProxy | None:
    """
    The proxy through which a server is asked.
    """
    return ForwardProxies(environ).for_origin(Origin.from_url(url))


class ForwardProxiesTests(SynchronousTestCase):
    """
    The environment says through which proxy a server is asked.
    """

    def test_by_scheme(self) -> None:
        """
        Each scheme has its own variable, and the lower-case name counts first,
        also where it is empty.
        """
        self.assertIsNone(via(b"http://gpu"))
        both = {"HTTP_PROXY": HTTP, "HTTPS_PROXY": HTTPS}
        self.assertEqual(via(b"http://gpu", **both), ForwardProxy("squid", 3128))
        self.assertEqual(via(b"https://gpu", **both), ForwardProxy("tunnels", 3129))
        self.assertIsNone(via(b"https://gpu", HTTP_PROXY=HTTP, ALL_PROXY=HTTP))
        self.assertIsNone(via(b"http://gpu", http_proxy="", **both))
        lower = via(b"http://gpu", http_proxy=HTTPS, **both)
        self.assertEqual(lower, ForwardProxy("tunnels", 3129))

    def test_loopback(self) -> None:
        """
        What is on this machine is never asked through a proxy.
        """
        for host in (
            *(b"localhost", b"LocalHost.", b"127.0.0.1", b"127.8.9.1", b"[::1]"),
            *(b"0.0.0.0", b"[::]", b"[::ffff:127.0.0.1]"),
        ):
            self.assertIsNone(via(b"http://" + host + b":8080", HTTP_PROXY=HTTP))

    def test_no_proxy(self) -> None:
        """
        ``NO_PROXY`` names hosts, domains, addresses and networks, with a port or
        without.
        """
        for entries, url, exempt in (
            ("*", b"http://gpu", True),
            ("a, *", b"http://gpu", True),
            ("gpu", b"http://GPU.", True),
            ("Example.com", b"http://a.example.com", True),
            ("example.com", b"http://example.com", True),
            ("example.com", b"http://myexample.com", False),
            (".example.com", b"http://a.example.com", True),
            (".example.com", b"http://example.com", False),
            ("*.example.com", b"http://a.example.com", True),
            ("gpu:80", b"http://gpu", True),
            ("gpu:81", b"http://gpu", False),
            ("10.0.0.0/8", b"http://10.1.2.3:8080", True),
            ("10.0.0.0/8", b"http://11.1.2.3", False),
            ("10.0.0.0/99", b"http://10.1.2.3", False),
            ("10.1.2.3", b"http://10.1.2.3", True),
            ("10.1.2.3:81", b"http://10.1.2.3:80", False),
            ("fd00::/8", b"http://[fd00::1]:80", True),
            ("fd00::1", b"http://[fd00::1]:80", True),
            ("[fd00::1]:80", b"http://[fd00::1]", True),
            ("[fd00::1]:81", b"http://[fd00::1]", False),
            ("0.3", b"http://10.0.0.3", False),
            (" ,, ", b"http://gpu", False),
        ):
            found = via(url, HTTP_PROXY=HTTP, NO_PROXY=entries)
            self.assertEqual(found is None, exempt, (entries, url))
        self.assertIsNone(via(b"http://gpu", HTTP_PROXY=HTTP, no_proxy="gpu"))

    def test_urls(self) -> None:
        """
        A proxy is given as a URL or as host and port, and with user and password,
        which are not shown.
        """
        for url, proxy in (
            ("squid", ForwardProxy("squid", 80)),
            ("squid:8080/", ForwardProxy("squid", 8080)),
            ("HTTP://[fd00::2]:1", ForwardProxy("fd00::2", 1)),
            ("http://u@h:1", ForwardProxy("h", 1, b"Basic dTo=")),
            ("u:p%40%C3%A9@h:1", ForwardProxy("h", 1, b"Basic dTpwQMOp")),
        ):
            self.assertEqual(via(b"http://gpu", HTTP_PROXY=url), proxy)
        shown = via(b"http://gpu", HTTP_PROXY="http://u:p@h:1")
        self.assertEqual(str(shown), "the proxy h port 1")
        self.assertNotIn("Basic", repr(shown))

    def test_nonsense(self) -> None:
        """
        What is no proxy that we know is an error that names the variable and shows
        no password.
        """
        for url in (
            *("socks5://u:p@h:1", "https://u:p@h:1", "http://u:p@", "u:p@h:port"),
            *("http://[u:p@h", "http://u:p\udcff@h:1", "u:p@h:99999"),
        ):
            with self.assertRaises(ConnectFailed) as raised:
                via(b"https://gpu", https_proxy=url)
            self.assertEqual(
                str(raised.exception),
                "cannot be asked through the proxy that https_proxy names: only "
                "http://host:port is known",
            )
