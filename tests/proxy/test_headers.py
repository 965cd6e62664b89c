"""
Tests for `llamaswap_tw.proxy.headers`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from llamaswap_tw.proxy.headers import (
    peer_headers,
    request_headers,
    response_headers,
    uncompressed,
)

Fields = dict[bytes, list[bytes]]


class RequestHeadersTests(SynchronousTestCase):
    """
    What a client sent goes up, as far as it is for the model.
    """

    def sent(self, fields: Fields, secure: bool = False) -> dict[bytes, list[bytes]]:
        raw = Headers(fields).getAllRawHeaders()
        sent: dict[bytes, list[bytes]] = {}
        for name, value in request_headers(raw, b"10.0.0.9", secure):
            sent.setdefault(name, []).append(value)
        return sent

    def test_hop_by_hop(self) -> None:
        """
        Headers of the hop stay behind, those that ``Connection`` names too.
        """
        sent = self.sent(
            {
                b"Connection": [b"keep-alive, X-Mine"],
                b"Keep-Alive": [b"1"],
                b"TE": [b"trailers"],
                b"Transfer-Encoding": [b"chunked"],
                b"Content-Length": [b"3"],
                b"Expect": [b"100-continue"],
                b"Proxy-Authorization": [b"x"],
                b"Upgrade": [b"h2c"],
                b"X-Mine": [b"1"],
                b"X-Other": [b"1", b"2"],
                b"Host": [b"front"],
            }
        )
        self.assertEqual(
            set(sent),
            {
                *(b"X-Other", b"Host"),
                *(b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host"),
            },
        )
        self.assertEqual(sent[b"X-Other"], [b"1", b"2"])
        self.assertEqual(sent[b"Host"], [b"front"])

    def test_connection_cannot_take_host(self) -> None:
        """
        A header without which the message is another one passes.
        """
        sent = self.sent(
            {b"Connection": [b"host, content-type"], b"Host": [b"h"]}
            | {b"Content-Type": [b"a/b"]}
        )
        self.assertEqual(sent[b"Host"], [b"h"])
        self.assertEqual(sent[b"Content-Type"], [b"a/b"])

    def test_forwarded(self) -> None:
        """
        The client's address is told, behind those that came with the request.
        """
        sent = self.sent({b"Host": [b"front:1"]}, secure=True)
        self.assertEqual(sent[b"X-Forwarded-For"], [b"10.0.0.9"])
        self.assertEqual(sent[b"X-Forwarded-Proto"], [b"https"])
        self.assertEqual(sent[b"X-Forwarded-Host"], [b"front:1"])
        sent = self.sent(
            {
                b"Host": [b"127.0.0.1"],
                b"X-Forwarded-For": [b"1.2.3.4", b"5.6.7.8"],
                b"X-Forwarded-Proto": [b"https"],
                b"X-Forwarded-Host": [b"public.example"],
            }
        )
        self.assertEqual(sent[b"X-Forwarded-For"], [b"1.2.3.4, 5.6.7.8, 10.0.0.9"])
        self.assertEqual(sent[b"X-Forwarded-Proto"], [b"https"])
        self.assertEqual(sent[b"X-Forwarded-Host"], [b"public.example"])

    def test_forwarded_by_unix_socket(self) -> None:
        """
        A front that comes by a UNIX socket has no address: what it tells is passed
        on as it is, and nothing where it tells nothing.
        """
        headers = [(b"X-Forwarded-For", [b"1.2.3.4"])]
        sent = dict(request_headers(headers, b"", False))
        self.assertEqual(sent[b"X-Forwarded-For"], b"1.2.3.4")
        self.assertNotIn(b"X-Forwarded-For", dict(request_headers([], b"", False)))

    def test_accept_encoding(self) -> None:
        """
        Only codings that the daemon can read are asked for.
        """
        for asked, cut in [
            (b"gzip, deflate, br, zstd", b"gzip, deflate"),
            (b"br;q=1.0, gzip;q=0.8, *;q=0.1", b"gzip;q=0.8"),
            (b"br", b"identity"),
            (b"identity", b"identity"),
        ]:
            sent = self.sent({b"Accept-Encoding": [asked]})
            self.assertEqual(sent[b"Accept-Encoding"], [cut])
        self.assertNotIn(b"Accept-Encoding", self.sent({}))


class PeerHeadersTests(SynchronousTestCase):
    """
    What a client sent goes up to a peer, as far as it is a stranger's business.
    """

    KEYS = (
        (b"authorization", [b"Bearer ours"]),
        (b"X-Api-Key", [b"ours", b"ours too"]),
    )

    def test_as_they_came(self) -> None:
        """
        Order, case and repetition stay; headers of the hop, and whatever tells of
        the way to here, stay behind; ``Host`` is the peer's.
        """
        self.assertEqual(
            peer_headers(
                [
                    (b"x-b", [b"1", b"2"]),
                    (b"HOST", [b"front"]),
                    (b"Connection", [b"close, X-Mine, Host"]),
                    (b"X-Mine", [b"1"]),
                    (b"Proxy-Authorization", [b"x"]),
                    (b"Content-Length", [b"3"]),
                    (b"Expect", [b"100-continue"]),
                    (b"X-Forwarded-For", [b"1.2.3.4"]),
                    (b"x-forwarded-proto", [b"https"]),
                    (b"X-Forwarded-Whatever", [b"a"]),
                    (b"accept-Encoding", [b"br, gzip"]),
                    (b"Content-Type", [b"a/b"]),
                    *self.KEYS,
                ],
                b"peer:81",
                "",
                False,
            ),
            [
                (b"Host", b"peer:81"),
                (b"x-b", b"1"),
                (b"x-b", b"2"),
                (b"accept-Encoding", b"gzip"),
                (b"Content-Type", b"a/b"),
                (b"authorization", b"Bearer ours"),
                (b"X-Api-Key", b"ours"),
                (b"X-Api-Key", b"ours too"),
            ],
        )

    def test_keys(self) -> None:
        """
        A key with which a client came to us goes no further, and the peer's own
        takes the place of any.
        """
        host = (b"Host", b"h")
        theirs = [(b"Authorization", b"Bearer k\xc3\xa9"), (b"x-api-key", b"k\xc3\xa9")]
        for key, we_ask, sent in (
            ("", True, []),
            ("k\xe9", True, theirs),
            ("k\xe9", False, theirs),
        ):
            self.assertEqual(peer_headers(self.KEYS, b"h", key, we_ask), [host, *sent])

    def test_connection_cannot_take_key(self) -> None:
        """
        A client cannot have the peer's key left out.
        """
        fields = [(b"Connection", [b"authorization, x-api-key"]), *self.KEYS]
        sent = peer_headers(fields, b"h", "k", True)
        self.assertIn((b"x-api-key", b"k"), sent)


class ResponseHeadersTests(SynchronousTestCase):
    """
    What a model sent goes back, as far as it is for the client.
    """

    def test_as_they_came(self) -> None:
        """
        Order, case and repetition stay.
        """
        headers = [
            (b"x-b", b"1"),
            (b"Connection", b"X-Hop, close"),
            (b"X-Hop", b"1"),
            (b"Content-Length", b"5"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Set-Cookie", b"a"),
            (b"set-cookie", b"b"),
        ]
        self.assertEqual(
            response_headers(headers),
            ([(b"x-b", b"1"), (b"Set-Cookie", b"a"), (b"set-cookie", b"b")], False),
        )

    def test_event_stream(self) -> None:
        """
        A front is told not to hold an event stream back.
        """
        sent, is_event_stream = response_headers(
            [
                (b"content-type", b"Text/Event-Stream; charset=utf-8"),
                (b"x-accel-buffering", b"yes"),
            ]
        )
        self.assertTrue(is_event_stream)
        self.assertEqual(sent[1:], [(b"X-Accel-Buffering", b"no")])


class UncompressedTests(SynchronousTestCase):
    """
    An answer can be asked for in no coding.
    """

    def test_uncompressed(self) -> None:
        """
        Of the headers that go up only the codings are others.
        """
        self.assertEqual(
            uncompressed([(b"Host", b"h"), (b"accept-encoding", b"gzip, deflate")]),
            [(b"Host", b"h"), (b"accept-encoding", b"identity")],
        )
