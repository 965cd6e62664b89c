"""
Tests for `llamaswap_tw.proxy.filters.json_body`, and of what it is made.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import BadRequest
from llamaswap_tw.proxy.filters import Filters
from llamaswap_tw.proxy.filters import json_body as json_body_module
from llamaswap_tw.proxy.filters.json_body import rewrite_json
from llamaswap_tw.proxy.filters.paths import parse_path

#: Keys that meet: the model's own, escaped and not, and some to strip and set.
keys = st.sampled_from(
    ["model", "mod", "a", "b", "a.b", "0", "-1", '"', '"model"', "\\", "é", ""]
) | st.text(max_size=3)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(['"model":"x"', '\\"model": "', "model", "\\", "]}"])
    | st.text('\\"', min_size=60, max_size=100)
)

values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=12,
)

blanks = st.sampled_from(["", " ", "\n\t", "\r\n  "])


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """
    A value as JSON, with blanks, escapes and equal keys as they may come.
    """

    def blank() -> str:
        return draw(blanks)

    if isinstance(value, dict):
        members = []
        for key, member in value.items():
            if draw(st.integers(0, 7)) == 0:
                # An earlier one of the same key, which does not count.
                members.append((key, draw(scalars)))
            members.append((key, member))
        return (
            "{"
            + ",".join(
                f"{blank()}{draw(written(key))}{blank()}:"
                f"{blank()}{draw(written(member))}{blank()}"
                for key, member in members
            )
            + f"{'' if members else blank()}}}"
        )
    if isinstance(value, list):
        items = ",".join(f"{blank()}{draw(written(item))}{blank()}" for item in value)
        return f"[{items}{'' if value else blank()}]"
    if isinstance(value, str) and draw(st.integers(0, 3)) == 0:
        units = value.encode("utf-16-be", "surrogatepass")
        pairs = (units[at : at + 2].hex() for at in range(0, len(units), 2))
        return '"' + "".join(f"\\u{pair}" for pair in pairs) + '"'
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


objects = st.dictionaries(keys, values, max_size=5)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """
    A JSON object as a client may write it.
    """
    text = draw(blanks) + draw(written(draw(objects))) + draw(blanks)
    return text.encode("utf-8", "surrogatepass")


def same(data: bytes) -> Any:
    """
    Something that is equal for documents of the same values in the same order:
    numbers as they were written.
    """
    return json.loads(
        data,
        object_pairs_hook=lambda pairs: list(dict(pairs).items()),
        parse_int=lambda text: ("number", text),
        parse_float=lambda text: ("number", text),
        parse_constant=lambda text: ("number", text),
    )


class ModelTests(SynchronousTestCase):
    """
    The model's name is replaced, and nothing else.
    """

    def assert_renamed(self, body: bytes, expected: bytes) -> None:
        self.assertEqual(rewrite_json(body, Filters("new")), expected)

    def test_plain(self) -> None:
        """
        All other bytes are as they were, blanks and escapes too.
        """
        self.assert_renamed(
            b' {"a": [1.0, 1e40, "\\u0041\xc3\xa9"] ,\n "model" : "old" , "b":0.10}\n',
            b' {"a": [1.0, 1e40, "\\u0041\xc3\xa9"] ,\n "model" : "new" , "b":0.10}\n',
        )

    def test_not_so_plain(self) -> None:
        """
        Also where others are named so, the key or the name has escapes, or the
        document has what some parsers refuse.
        """
        for before, after in (
            (b'{"x": {"model": "old"}, "model": "', b'", "y": "model"}'),
            (b'{"x": "\\"model\\": \\"old\\"", "model": "', b'"}'),
            (b'{"mod\\u0065l": "', b'", "y": {"model": "old"}}'),
            (b'{"x": NaN, "y": "\\ud800", "z": %b, "model": "' % (b"9" * 5000), b'"}'),
            (b'\xef\xbb\xbf{"model": "', b'"}'),
            (b'{"model": "', b'", "x": %b1%b}' % (b"[" * 2000, b"]" * 2000)),
        ):
            self.assert_renamed(before + b"old" + after, before + b"new" + after)
        self.assert_renamed(b'{"model":"\\"old"}', b'{"model":"new"}')
        self.assert_renamed(b'{"model":3}', b'{"model":"new"}')
        self.assert_renamed(
            b'{"model":"a","b":1,"model":"c"}', b'{"model":"new","b":1}'
        )

    def test_only_nested(self) -> None:
        """
        A ``model`` deeper in is none; the document gets one.
        """
        self.assert_renamed(
            b'{"x":{"model":"old"}}', b'{"x":{"model":"old"},"model":"new"}'
        )
        self.assert_renamed(b"{ }", b'{"model":"new"}')

    def test_same(self) -> None:
        """
        Where it has that name already, the very same bytes are returned.
        """
        for body in (b'{"model": "new"}', b'{"model": "new" , "x":{"model": "y"}}'):
            self.assertIs(rewrite_json(body, Filters("new")), body)

    def test_no_object(self) -> None:
        """
        What is no object is returned as it is.
        """
        for body in (b'["model"]', b'"model"', b"3", b" "):
            self.assertIs(rewrite_json(body, Filters("new", ("a",), {"b": 1})), body)

    def test_names(self) -> None:
        """
        Any name arrives as it is configured.
        """
        for name in ('a"b\\', "é/😀", "\ud800"):
            body = rewrite_json(b'{"model": "old"}', Filters(name))
            self.assertEqual(json.loads(body), {"model": name})

    def test_other_encodings(self) -> None:
        """
        What came in UTF-16 or UTF-32 goes up so.
        """
        for encoding in ("utf-16", "utf-16-be", "utf-32-le"):
            body = '{"model": "old", "x": "é"}'.encode(encoding)
            self.assert_renamed(body, '{"model": "new", "x": "é"}'.encode(encoding))
            self.assertIs(rewrite_json(body, Filters("old")), body)
        self.assertRaises(BadRequest, rewrite_json, b'{\0"', Filters("old"))

    @given(documents())
    @example(b'{"a":"\\\\","model":"x"}')
    @example(b'{"a":{"model":"x"},"":""}')
    def test_any_document(self, body: bytes) -> None:
        """
        In any document the model is renamed and all else keeps value and place.
        """
        expected = dict(same(body)) | {"model": "new"}
        self.assertEqual(
            dict(same(rewrite_json(body, Filters("new")))),
            expected,
        )
        self.assertEqual(
            [key for key, _ in same(rewrite_json(body, Filters("new")))],
            list(expected),
        )

    @given(documents())
    def test_large(self, body: bytes) -> None:
        """
        Large documents, which are not parsed again, are treated alike.
        """
        expected = rewrite_json(body, Filters("new"))
        self.patch(json_body_module, "_QUICK_LIMIT", 0)
        self.assertEqual(same(rewrite_json(body, Filters("new"))), same(expected))

    @given(st.binary(max_size=60) | st.text('{}[]":,\\ a1', max_size=30))
    def test_any_bytes(self, body: bytes | str) -> None:
        """
        Any bytes are rewritten, left alone, or refused.
        """
        data = body.encode() if isinstance(body, str) else body
        for start in (b"", b'{"a":'):
            try:
                rewrite_json(start + data, Filters("x", ("a",), {"a.b": 1}))
            except BadRequest:
                pass


class ParameterTests(SynchronousTestCase):
    """
    Parameters are taken out and set by their paths.
    """

    def assert_stripped(self, body: bytes, path: str, expected: bytes) -> None:
        rewritten = rewrite_json(body, Filters(strip=(path,)))
        self.assertEqual(rewritten, expected)
        if expected == body:
            self.assertIs(rewritten, body)

    def assert_set(self, body: bytes, path: str, value: Any, expected: bytes) -> None:
        rewritten = rewrite_json(body, Filters(set={path: value}))
        self.assertEqual(rewritten, expected)
        if expected == body:
            self.assertIs(rewritten, body)

    def test_strip(self) -> None:
        """
        What stands at a path is taken out; what is not there is no mistake.
        """
        body = b'{"a": {"b": 1, "c": 1.0}, "a.b": [1, 2, 3], "0": {"-1": 4}}'
        for path, expected in (
            ("a", b'{ "a.b": [1, 2, 3], "0": {"-1": 4}}'),
            ("a.b", b'{"a": { "c": 1.0}, "a.b": [1, 2, 3], "0": {"-1": 4}}'),
            (r"a\.b", b'{"a": {"b": 1, "c": 1.0}, "0": {"-1": 4}}'),
            (r"a\.b.0", body.replace(b"[1, 2, 3]", b"[ 2, 3]")),
            (r"a\.b.-1", body.replace(b"[1, 2, 3]", b"[1, 2]")),
            ("0.-1", body.replace(b'{"-1": 4}', b"{}")),
            (r"a\.b.3", body),
            (r"a\.b.-2", body),
            (r"a\.b.01", body),
            (r"a\.b.x", body),
            (r"a\.b.0.x", body),
            ("a.b.c", body),
            ("a.x", body),
            ("x.y", body),
        ):
            self.assert_stripped(body, path, expected)
        self.assert_stripped(b'{"a":[]}', "a.-1", b'{"a":[]}')
        self.assert_stripped(b'{"a":[{"b":1,"c":2}]}', "a.-1.b", b'{"a":[{"c":2}]}')

    def test_set(self) -> None:
        """
        What stands at a path is replaced, and what is missing is made.
        """
        for body, path, value, expected in (
            (b'{"a": 1, "b":2}', "a", 2.5, b'{"a": 2.5, "b":2}'),
            (b'{"a": 1 }', "a", 1, b'{"a": 1 }'),
            (b"{}", "a", [None, {"b": True}], b'{"a":[null,{"b":true}]}'),
            (b'{"a":{"x":1.0}}', "a.b.c", "d", b'{"a":{"x":1.0,"b":{"c":"d"}}}'),
            (b'{"a":null}', "a.b", 1, b'{"a":{"b":1}}'),
            (b'{"a":"x"}', "a.b", 1, b'{"a":{"b":1}}'),
            (b'{"a":[1,2]}', "a.1", 3, b'{"a":[1,3]}'),
            (b'{"a":[1,2]}', "a.1", 2, b'{"a":[1,2]}'),
            (b'{"a":[1,2]}', "a.-1", 3, b'{"a":[1,2,3]}'),
            (b'{"a":[1,2]}', "a.4", 3, b'{"a":[1,2,null,null,3]}'),
            (b'{"a":[{"b":1}]}', "a.-1.b", 2, b'{"a":[{"b":1},{"b":2}]}'),
            (b'{"a":[{"b":1}]}', "a.0.b", 2, b'{"a":[{"b":2}]}'),
            (b"{}", "stop.-1", "x", b'{"stop":["x"]}'),
            (b'{"stop":"y"}', "stop.-1", "x", b'{"stop":["x"]}'),
            (b'{"a":{}}', "a.0", 1, b'{"a":{"0":1}}'),
            (b'{"a":{}}', "a.-1", 1, b'{"a":{"-1":1}}'),
            (b"{}", r"a\.b", 1, b'{"a.b":1}'),
            (b"{}", "a", 2**70, b'{"a":%d}' % 2**70),
            (b"{}", "a", "é", '{"a":"é"}'.encode()),
            (b"{}", "a", float("inf"), b'{"a":null}'),
        ):
            self.assert_set(body, path, value, expected)

    def test_no_place(self) -> None:
        """
        An array where a key is to be set is the client's mistake, and so is
        one that is shorter by far than the index.
        """
        for path in ("a.b", "a.b.c", "a.-2", "a.5000"):
            error = self.assertRaises(
                BadRequest, rewrite_json, b'{"a":[1]}', Filters(set={path: 1})
            )
            self.assertIn("array", error.message)

    def test_model_is_protected(self) -> None:
        """
        By no path is ``model`` stripped or set, nor anything in it; others of
        that name are.
        """
        body = b'{"model":"a"}'
        for path in ("model", "model.x", "model.-1"):
            self.assert_stripped(body, path, body)
            self.assert_set(body, path, 1, body)
        self.assert_stripped(b'{"x":{"model":1}}', "x.model", b'{"x":{}}')
        self.assert_set(body, r"model\.x", 1, b'{"model":"a","model.x":1}')

    def test_order(self) -> None:
        """
        First the name, then what is stripped, then what is set, then what is
        set by the id, which may build on it.
        """
        filters = Filters(
            "new", ("a", "b"), {"a": {"x": 1}, "c": 1}, {"c": 2, "a.y": 2}
        )
        self.assertEqual(
            rewrite_json(b'{"a":0,"model":"old","b":0,"d":0.10}', filters),
            b'{"model":"new","d":0.10,"a":{"x":1,"y":2},"c":2}',
        )

    def test_several_in_array(self) -> None:
        """
        Each path is looked up in what the ones before it left.
        """
        self.assertEqual(
            rewrite_json(b'{"a":[0,1,2,3]}', Filters(strip=("a.0", "a.0", "a.-1"))),
            b'{"a":[2]}',
        )

    def test_values_kept(self) -> None:
        """
        Beside what is changed, numbers beyond any range, their way of writing,
        escapes and order stay.
        """
        kept = (
            b'"i": 123456789012345678901234567890, "f": 0.10, "e": 1E400, "z": -0, '
            b'"s": "\\ud800\\/\\u00e9\xc3\xa9", "n": NaN, "": {"b": 1, "a": 2.50}'
        )
        self.assertEqual(
            rewrite_json(b'{"x": 1, %b}' % kept, Filters(set={"x": 2, "y": 3})),
            b'{"x": 2, %b,"y":3}' % kept,
        )

    @given(objects, st.data())
    def test_any_document(self, document: dict[str, Any], data: st.DataObject) -> None:
        """
        In any document one key is stripped, another set, one set beneath a
        third, and all else keeps value and place.
        """
        document.pop("set", None)
        document.pop("deep", None)
        document["deep"] = {"x": 0, "y": data.draw(values)}
        body = data.draw(written(document)).encode("utf-8", "surrogatepass")
        expected = dict(same(body))
        expected.pop("a", None)
        expected["set"] = "é"
        expected["deep"] = [("x", "z"), *expected["deep"][1:]]
        rewritten = rewrite_json(
            body, Filters(None, ("a",), {"set": "é"}, {"deep.x": "z"})
        )
        self.assertEqual(same(rewritten), list(expected.items()))


class PathTests(SynchronousTestCase):
    """
    A path is taken apart at its dots.
    """

    def test_segments(self) -> None:
        """
        An escaped dot is part of a key, and so is any other backslash.
        """
        for text, segments in (
            ("a", ("a",)),
            ("a.b.0", ("a", "b", "0")),
            (r"a\.b.c", ("a.b", "c")),
            (r"a\\.b", ("a\\", "b")),
            (r"a\b", (r"a\b",)),
            ("a..b", ("a", "", "b")),
            ("a\\", ("a\\",)),
            ("é\n.x", ("é\n", "x")),
        ):
            self.assertEqual(parse_path(text), segments)
