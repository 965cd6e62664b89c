"""
Tests for `llamaswap_tw.proxy.filters`: which filters, on which kind of body.
"""

from __future__ import annotations

import tempfile
from io import BytesIO
from typing import IO

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.schema import Filters as Rules
from llamaswap_tw.config.schema import Model, Peer
from llamaswap_tw.errors import BadRequest
from llamaswap_tw.proxy.filters import (
    NO_FILTERS,
    BodyKind,
    Filters,
    filters_of,
    filters_of_peer,
    kind_of,
    rewrite_body,
    rewrite_file,
)
from llamaswap_tw.proxy.filters.forms import rewrite_query, rewrite_urlencoded

RULES = Rules(("seed",), {"top_k": 1}, {"a:high": {"effort": "high"}})

MULTIPART = b"multipart/form-data; boundary=xYz"

FORM = (
    b'--xYz\r\nContent-Disposition: form-data; name="model"\r\n\r\nasked\r\n--xYz--\r\n'
)


class RulesTests(SynchronousTestCase):
    """
    A model's filters are those of its configuration.
    """

    def test_model(self) -> None:
        """
        What is set by id depends on the id that was asked for.
        """
        model = Model("a", use_model_name="own", filters=RULES)
        self.assertEqual(
            filters_of(model, "a:high"),
            Filters("own", ("seed",), {"top_k": 1}, {"effort": "high"}),
        )
        self.assertEqual(
            filters_of(model, "a"), Filters("own", ("seed",), {"top_k": 1})
        )

    def test_peer(self) -> None:
        """
        A peer's model goes up by its own name, with the peer's filters.
        """
        peer = Peer("p", "http://p", filters=RULES)
        self.assertEqual(
            filters_of_peer(peer, "a", "p/a"), Filters("a", ("seed",), {"top_k": 1})
        )

    def test_streams(self) -> None:
        """
        A body asks for a stream as it came, unless that is set or stripped.
        """
        for filters, asked, streams in (
            (NO_FILTERS, True, True),
            (NO_FILTERS, False, False),
            (Filters(strip=("a.stream", "x")), True, True),
            (Filters(strip=("stream",)), True, False),
            (Filters(strip=("stream",), set={"stream": True}), False, True),
            (Filters(set={"stream": True}, set_by_id={"stream": False}), True, False),
            (Filters(set={"stream": 1}), True, False),
        ):
            self.assertEqual((filters, filters.streams(asked)), (filters, streams))

    def test_empty(self) -> None:
        """
        A model without filters has none, and every body goes up as it came.
        """
        none = filters_of(Model("a"), "a")
        self.assertTrue(none.is_empty)
        self.assertTrue(NO_FILTERS.is_empty)
        self.assertFalse(Filters("a").is_empty)
        self.assertFalse(Filters(strip=("a",)).is_empty)
        body = b'{"model":  "a"}'
        self.assertIs(rewrite_body(body, b"application/json", none), body)
        target = BytesIO()
        self.assertFalse(rewrite_file(BytesIO(body), target, b"", none))
        self.assertEqual(target.getvalue(), b"")


def on_disk(body: bytes) -> IO[bytes]:
    """
    A file with that in it.
    """
    file = tempfile.TemporaryFile()
    file.write(body)
    file.seek(0)
    return file


class KindTests(SynchronousTestCase):
    """
    Each kind of body has its way.
    """

    def test_kinds(self) -> None:
        """
        What begins with a brace is JSON, whatever its Content-Type says.
        """
        self.assertIs(kind_of(b"\xef\xbb\xbf \n{", b"text/plain"), BodyKind.JSON)
        self.assertIs(kind_of(b"[", b"application/json; x=y"), BodyKind.JSON)
        self.assertIs(kind_of(b"[", b"application/a+json"), BodyKind.JSON)
        self.assertIs(kind_of(b"--", b"Multipart/Form-Data"), BodyKind.MULTIPART)
        self.assertIs(
            kind_of(b"a=b", b"application/x-www-form-urlencoded"), BodyKind.URLENCODED
        )
        self.assertIs(kind_of(b"RIFF", b"audio/wav"), BodyKind.OTHER)

    cases = (
        (b'{"model":"asked","seed":1}', b"", b'{"model":"own"}'),
        (
            b"seed=1&model=asked",
            b"application/x-www-form-urlencoded",
            b"seed=1&model=own",
        ),
        (FORM, MULTIPART, FORM.replace(b"asked", b"own")),
        (b"RIFF", b"audio/wav", b"RIFF"),
    )

    def test_body(self) -> None:
        """
        Of forms only the model's name is changed, of others nothing.
        """
        filters = Filters("own", ("seed",))
        for body, content_type, expected in self.cases:
            self.assertEqual(rewrite_body(body, content_type, filters), expected)
            with on_disk(body) as source, BytesIO() as target:
                changed = rewrite_file(source, target, content_type, filters)
                self.assertEqual(changed, expected != body)
                self.assertEqual(target.getvalue(), expected if changed else b"")

    def test_no_name(self) -> None:
        """
        Where the model's name stays, a form stays as it is.
        """
        filters = Filters(None, ("seed",), {"a": 1})
        for body, content_type, _ in self.cases[1:]:
            self.assertIs(rewrite_body(body, content_type, filters), body)
            with on_disk(body) as source:
                self.assertFalse(rewrite_file(source, BytesIO(), content_type, filters))

    def test_nothing_changed(self) -> None:
        """
        A file in which nothing is to be changed is not written anew.
        """
        for body in (b'{"a": 1}', b" [1]", '{"a": 1}'.encode("utf-16-le")):
            with on_disk(body) as source, BytesIO() as target:
                content_type, filters = b"application/json", Filters(strip=("b",))
                self.assertFalse(rewrite_file(source, target, content_type, filters))
                self.assertEqual(target.getvalue(), b"")

    def test_file_as_memory(self) -> None:
        """
        A document on disk is changed as one in memory is, in every encoding.
        """
        filters = Filters("own", ("a.b", "c"), {"d.-1": 7, "e": {"f": None}})
        text = (
            ' \n{"model":"x", "a": {"b": 1, "z": 1e400}, "c":[], "d": [1], '
            '"é":"\\ud800"} '
        )
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32-be"):
            body = text.encode(encoding)
            with on_disk(body) as source, BytesIO() as target:
                self.assertTrue(
                    rewrite_file(source, target, b"application/json", filters)
                )
                self.assertEqual(
                    target.getvalue(), rewrite_body(body, b"application/json", filters)
                )

    def test_broken_file(self) -> None:
        """
        One that is no JSON is refused, and nothing written.
        """
        with on_disk(b'{"a": 1') as source, BytesIO() as target:
            with self.assertRaises(BadRequest):
                rewrite_file(source, target, b"", Filters(strip=("a",)))
            self.assertEqual(target.getvalue(), b"")

    def test_empty_body(self) -> None:
        """
        No body stays none.
        """
        self.assertEqual(rewrite_body(b"", b"application/json", Filters("a")), b"")


class UrlencodedTests(SynchronousTestCase):
    """
    In an urlencoded form, or a query, the model's name is replaced.
    """

    def test_replaced(self) -> None:
        """
        Every field of that name is, however it is written; all else keeps its
        bytes.
        """
        self.assertEqual(
            rewrite_query(b"a=%7e+%7E&&b&m%6fdel=x&models=y&model=z=z;&c=", "p/ä & b"),
            b"a=%7e+%7E&&b&m%6fdel=p%2F%C3%A4%20%26%20b&models=y"
            b"&model=p%2F%C3%A4%20%26%20b&c=",
        )

    def test_same(self) -> None:
        """
        Where nothing changes, the very same bytes are returned.
        """
        for data in (b"", b"a=b&model=x", b"a%ff=%zz"):
            self.assertIs(rewrite_urlencoded(data, "x"), data)
