"""
Tests for `llamaswap_tw.proxy.filters.multipart`.
"""

from __future__ import annotations

from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import BadRequest
from llamaswap_tw.proxy.filters.multipart import (
    rewrite_multipart,
    rewrite_multipart_file,
)
from llamaswap_tw.proxy.naming import asked_in_multipart

from .test_naming import form

CONTENT_TYPE = b"multipart/form-data; boundary=xYz"

#: What may stand in a file: pieces of boundaries, broken off or too long.
contents = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"-", b"--", b"--xYz", b"\r\n--xY", b"\r\n--xYzz", b"x"]
    )
    | st.binary(max_size=6),
    max_size=6,
).map(b"".join)


def is_content(content: bytes) -> bool:
    """
    Whether this holds no boundary.
    """
    return not any(
        b"\r\n--xYz" + end in b"\r\n" + content + b"\r\n--xYz"
        for end in (b"\r\n", b"--", b" ", b"\t")
    )


class MultipartTests(SynchronousTestCase):
    """
    The model's name is replaced in a form, and nothing else.
    """

    def test_replaced(self) -> None:
        """
        Files keep their bytes, also those that hold boundaries of other forms
        and other models' names; each field of that name is replaced.
        """
        inner = form((b'name="model"', b"old"), boundary=b"xYzz")
        file = b"RIFF" + inner + bytes(range(256)) * 3000
        parts = [
            (b'name="file"; filename="model"', file),
            (b'name="model"; filename="m"', b"old"),
            (b'name="file2"; filename="; name=\\"model\\""', b"old"),
            (b'name="other"', b"old"),
        ]

        def body(name: bytes) -> bytes:
            model = (b'name="model"', name)
            whole = form(parts[0], model, *parts[1:], model)
            # A prologue and an epilogue, a part with more headers, and another
            # way of writing one.
            plain = b'Content-Disposition: form-data; name="model"\r\n\r\n'
            head, _, tail = whole.rpartition(plain)
            other = b"X-Y: z\r\ncontent-disposition: form-data;name=model\r\n\r\n"
            return b"\r\n%b%b%b\r\nold" % (head, other, tail)

        self.assertEqual(
            rewrite_multipart(body(b"old"), CONTENT_TYPE, "né"),
            body("né".encode()),
        )

    def test_none(self) -> None:
        """
        A form without that field is returned as it is.
        """
        body = form((b'name="x"', b"model"), (b'name="model"; filename="x"', b"model"))
        self.assertIs(rewrite_multipart(body, CONTENT_TYPE, "new"), body)
        target = BytesIO()
        self.assertFalse(
            rewrite_multipart_file(BytesIO(body), target, CONTENT_TYPE, "new")
        )
        self.assertEqual(target.getvalue(), b"")

    def test_quoted_boundary(self) -> None:
        """
        A strange boundary is understood.
        """
        boundary = b"--'()+_,-./:=? z"
        content_type = b'multipart/form-data; charset=utf-8; boundary="%b"' % boundary
        self.assertEqual(
            rewrite_multipart(
                form((b'name="model"', b"old"), boundary=boundary), content_type, "new"
            ),
            form((b'name="model"', b"new"), boundary=boundary),
        )

    def test_broken(self) -> None:
        """
        A form without a boundary, or with another, is refused.
        """
        self.assertRaises(
            BadRequest, rewrite_multipart, b"", b"multipart/form-data", "new"
        )
        self.assertRaises(
            BadRequest, rewrite_multipart, b"--other\r\n\r\n", CONTENT_TYPE, "new"
        )

    @given(
        contents.filter(is_content),
        contents.filter(is_content).filter(bool),
        contents.filter(is_content),
        st.integers(1, 40),
    )
    def test_any_form(
        self, before: bytes, model: bytes, after: bytes, read_size: int
    ) -> None:
        """
        Whatever the files and the name hold, and wherever a read ends, the
        name is replaced and the files keep their bytes.
        """

        def body(name: bytes) -> bytes:
            return form(
                (b'name="file"; filename="a"', before),
                (b'name="model"', name),
                (b'name="file"; filename="b"', after),
            )

        target = BytesIO()
        self.assertTrue(
            rewrite_multipart_file(
                BytesIO(body(model)), target, CONTENT_TYPE, "new", read_size
            )
        )
        self.assertEqual(target.getvalue(), body(b"new"))

    @given(st.lists(contents, max_size=6).map(b"--xYz\r\n".join), st.integers(1, 40))
    def test_any_bytes(self, body: bytes, read_size: int) -> None:
        """
        Any bytes are rewritten, left alone or refused.
        """
        target = BytesIO()
        try:
            rewrite_multipart_file(
                BytesIO(body), target, CONTENT_TYPE, "new", read_size
            )
        except BadRequest:
            self.assertEqual(target.getvalue(), b"")

    def test_agrees_with_naming(self) -> None:
        """
        A form that asked for a model asks for the new one.
        """
        body = form((b'name="file"; filename="model"', b"x"), (b'name="model"', b"old"))
        rewritten = rewrite_multipart(body, CONTENT_TYPE, "new")
        asked = asked_in_multipart(CONTENT_TYPE, BytesIO(rewritten))
        self.assertEqual(asked.model, "new")
