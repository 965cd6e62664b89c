"""
Tests for `llamaswap_tw.proxy.naming`.
"""

from __future__ import annotations

import json
from io import BytesIO
from tempfile import TemporaryFile

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import BadRequest
from llamaswap_tw.proxy.naming import (
    Asked,
    asked_in_json,
    asked_in_json_file,
    asked_in_multipart,
    asked_in_query,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=10,
)


class JSONTests(SynchronousTestCase):
    """
    A JSON body names its model by a key.
    """

    def test_model_and_stream(self) -> None:
        """
        Both keys are found, wherever they stand.
        """
        self.assertEqual(
            asked_in_json(b'{"messages": [], "stream": true, "model": "a/b"}'),
            Asked("a/b", True),
        )

    def test_none(self) -> None:
        """
        What is not a name is none: no key, another type, the empty text, a
        document that is no object; and ``stream`` is true or it is not.
        """
        for body in (b"{}", b'{"model": 3}', b'{"model": ""}', b"[]", b'"model"'):
            self.assertEqual(asked_in_json(body), Asked(None, False))
        self.assertEqual(
            asked_in_json(b'{"model": "a", "stream": "true"}'), Asked("a", False)
        )

    def test_what_others_accept(self) -> None:
        """
        A number out of range, a lone surrogate or NaN is the model's concern.
        """
        for value in (b"1e400", b'"\\ud800"', b"NaN", b"-Infinity", b"9" * 400):
            body = b'{"model": "a", "x": %b}' % value
            self.assertEqual(asked_in_json(body).model, "a")

    def test_malformed(self) -> None:
        """
        The offset of a mistake is told.
        """
        error = self.assertRaises(BadRequest, asked_in_json, b'{"model": "a",}')
        self.assertIn("offset 14", error.message)
        error = self.assertRaises(BadRequest, asked_in_json, b'{"model": "\xff"}')
        self.assertIn("offset 11", error.message)
        self.assertRaises(BadRequest, asked_in_json, b"")
        self.assertRaises(BadRequest, asked_in_json, b"[" * 200_000)
        self.assertRaises(BadRequest, asked_in_json, b'{"a": %b}' % (b"9" * 5000))

    @given(st.dictionaries(st.text(), json_values, max_size=4), st.text(min_size=1))
    def test_any_document(self, document: dict[str, object], model: str) -> None:
        """
        Whatever else is in a document, its model is found.
        """
        document["model"] = model
        self.assertEqual(asked_in_json(json.dumps(document).encode()).model, model)

    @given(st.binary(max_size=60))
    def test_any_bytes(self, body: bytes) -> None:
        """
        Any bytes are understood or refused.
        """
        try:
            asked_in_json(body)
        except BadRequest:
            pass


class JSONFileTests(SynchronousTestCase):
    """
    A JSON body on disk names its model as one in memory does.
    """

    def asked(self, body: bytes) -> Asked:
        with TemporaryFile() as file:
            file.write(body)
            file.flush()
            return asked_in_json_file(file)

    @given(
        st.dictionaries(st.text(), json_values, max_size=4),
        st.text(min_size=1) | st.none(),
        st.booleans() | st.text(),
        st.sampled_from(["utf-8", "utf-8-sig"]),
    )
    def test_any_document(
        self, document: dict[str, object], model: str | None, stream: object, code: str
    ) -> None:
        """
        The same is found, whatever else is in the document.
        """
        document["model"], document["stream"] = model, stream
        body = json.dumps(document, indent=1).encode(code)
        self.assertEqual(self.asked(body), asked_in_json(body))

    def test_no_object(self) -> None:
        """
        A document that is no object asks for nothing.
        """
        for body in (b"[1]", b' "model"', b"{}", b" { } "):
            self.assertEqual(self.asked(body), Asked(None, False))

    def test_twice(self) -> None:
        """
        Of equal keys the last one counts.
        """
        body = b'{"model": "a", "mod\\u0065l": "b"}'
        self.assertEqual(self.asked(body), Asked("b", False))

    def test_malformed(self) -> None:
        """
        The offset of a mistake is told, as far as it is seen.
        """
        for body, offset in (
            (b'{"model": "a",}', 14),
            (b'{"model": "a"} x', 15),
            (b'{"model": "a"', 13),
            (b'{"model": a"}', 11),
        ):
            error = self.assertRaises(BadRequest, self.asked, body)
            self.assertIn(f"offset {offset}", error.message)
        self.assertRaises(BadRequest, self.asked, b'{"model": 1.2.3}')

    @given(st.binary(min_size=1, max_size=60))
    def test_any_bytes(self, body: bytes) -> None:
        """
        Any bytes are understood or refused.
        """
        for data in (body, b"{" + body):
            try:
                self.asked(data)
            except BadRequest:
                pass


class QueryTests(SynchronousTestCase):
    """
    A query names its model by a field.
    """

    def test_query(self) -> None:
        """
        Percent-encoding and plus signs are undone, and the first value counts.
        """
        self.assertEqual(
            asked_in_query(b"stream=true&model=a%2Fb+c&model=d"), Asked("a/b c", True)
        )
        self.assertEqual(asked_in_query(b""), Asked())
        self.assertEqual(asked_in_query(b"model="), Asked())

    def test_too_many(self) -> None:
        """
        A query of thousands of fields is refused.
        """
        self.assertRaises(BadRequest, asked_in_query, b"a=1&" * 2000)


def form(*parts: tuple[bytes, bytes], boundary: bytes = b"xYz") -> bytes:
    """
    A multipart body of parts, each a disposition's parameters and a content.
    """
    return (
        b"".join(
            b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n"
            % (boundary, parameters, content)
            for parameters, content in parts
        )
        + b"--%b--\r\n" % boundary
    )


class MultipartTests(SynchronousTestCase):
    """
    A form names its model by a field.
    """

    content_type = b"multipart/form-data; boundary=xYz"

    def asked(self, body: bytes) -> Asked:
        return asked_in_multipart(self.content_type, BytesIO(body))

    def test_fields(self) -> None:
        """
        Fields are found before and after files, whatever the files hold.
        """
        file = b"RIFF\r\n--xY\r\n--xYzz" + bytes(range(256)) * 1000
        body = form(
            (b'name="file"; filename="model"', file),
            (b'name="model"', b"whisper"),
            (b'name="stream"', b"true"),
        )
        self.assertEqual(self.asked(body), Asked("whisper", True))

    def test_file_is_no_field(self) -> None:
        """
        A file named ``model`` is a file.
        """
        body = form((b'name="model"; filename="x"', b"whisper"))
        self.assertEqual(self.asked(body), Asked())

    def test_first_counts(self) -> None:
        """
        Of two fields of one name the first counts.
        """
        body = form((b'name="model"', b"a"), (b'name="model"', b"b"))
        self.assertEqual(self.asked(body).model, "a")

    def test_broken(self) -> None:
        """
        A form without a boundary, or with another, is refused.
        """
        self.assertRaises(
            BadRequest, asked_in_multipart, b"multipart/form-data", BytesIO(b"")
        )
        self.assertRaises(BadRequest, self.asked, b"--other\r\n\r\n")
        # The end of a form may be missing, but not that of the name.
        body = form((b'name="model"', b"whisper"), (b'name="a"', b"b"))
        self.assertRaises(BadRequest, self.asked, body[: body.index(b"sper")])
        self.assertEqual(self.asked(body[:-20]), Asked("whisper"))

    def test_long_name(self) -> None:
        """
        A field that is no name by its length is refused.
        """
        body = form((b'name="model"', b"a" * 100_000))
        self.assertRaises(BadRequest, self.asked, body)

    @given(st.binary(max_size=80))
    def test_any_bytes(self, body: bytes) -> None:
        """
        Any bytes are understood or refused.
        """
        try:
            self.asked(body)
        except BadRequest:
            pass
