"""
Tests for `llamaswap_tw.activity.usage` and what it is made of.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.activity.row import Tokens
from llamaswap_tw.activity.scan import MOST_HELD, Scanner
from llamaswap_tw.activity.tally import Tally
from llamaswap_tw.activity.usage import Usage, UsageReader

from ..support import EXAMPLES
from .references import documents_of_stream, expected

STREAM = b"text/event-stream"
JSON = b"application/json"

_EXAMPLES = settings(max_examples=EXAMPLES // 4, deadline=None)

#: What may stand where a number is expected.
_anything: st.SearchStrategy[Any] = st.one_of(
    st.integers(0, 5000),
    st.floats(0.001, 5000),
    st.sampled_from([None, True, "12", -1, -0.5, 10**15, 2**70, 1e300, [], {}, 0]),
)


def _of(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, _anything))


_cached = st.one_of(_anything, _of("cached_tokens"))
_usages = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            (
                *("prompt_tokens", "input_tokens", "completion_tokens"),
                *("output_tokens", "cache_read_input_tokens", "total_tokens"),
            ),
            _anything,
        ),
        "input_tokens_details": _cached,
        "prompt_tokens_details": _cached,
    },
)
_timings = _of(
    *("prompt_n", "predicted_n", "prompt_per_second", "predicted_per_second"),
    *("cache_n", "draft_n", "draft_n_accepted", "prompt_ms", "predicted_ms"),
)
_metrics = st.fixed_dictionaries(
    {},
    optional={
        "time_to_first_token_ms": _anything,
        "mean_itl_ms": _anything,
        "speculative_decoding": st.one_of(
            _anything, _of("num_draft_tokens", "num_accepted_draft_tokens")
        ),
    },
)
_texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            '"usage":{"prompt_tokens":9}',
            '{"usage": {"prompt_tokens": 9}}',
            *("\\", '\\"', '"', "}}]]", "data: {", "\n\n", "\u00e9\u4e2d"),
        ]
    ),
)
_nested = st.recursive(
    st.one_of(st.none(), st.integers(), st.floats(0, 1), _texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.sampled_from(["usage", "timings", "message"]), _texts),
            inner,
            max_size=3,
        ),
        st.fixed_dictionaries({"usage": _usages, "x": inner}),
    ),
    max_leaves=8,
)
_told: dict[str, st.SearchStrategy[Any]] = {
    "usage": st.one_of(_usages, _nested),
    "timings": st.one_of(_timings, _nested),
    "metrics": st.one_of(_metrics, _nested),
    "message": st.one_of(st.fixed_dictionaries({"usage": _usages}), _nested),
    "response": st.one_of(
        st.fixed_dictionaries({"usage": _usages, "id": _nested}), _nested
    ),
}


@st.composite
def _documents(draw: st.DrawFn) -> dict[str, Any]:
    others = st.dictionaries(
        st.sampled_from(["choices", "id", "", "usag", "usage\n", "a" * 40, 'x"']),
        _nested,
        max_size=4,
    )
    members = {**draw(st.fixed_dictionaries({}, optional=_told)), **draw(others)}
    return {key: members[key] for key in draw(st.permutations(list(members)))}


@st.composite
def _written(draw: st.DrawFn, value: Any) -> bytes:
    """
    A value as somebody may write it.
    """
    text = json.dumps(
        value,
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, None, 0, 1])),
        separators=draw(st.sampled_from([None, (",", ":"), (" ,\t", " : ")])),
    )
    return text.encode("utf-8", "surrogatepass")


@st.composite
def _streams(draw: st.DrawFn) -> bytes:
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    stream = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    for document in draw(st.lists(_documents(), max_size=5)):
        stream += draw(
            st.sampled_from(
                [b"", b": ping\n\n", b"event: message\n", b"data\n\n", b"id: 1\n\n\n"]
            )
        ).replace(b"\n", end)
        written = draw(_written(document))
        # An indented document is data of many lines.
        colon = draw(st.sampled_from([b"data:", b"data: "]))
        for line in written.split(b"\n"):
            stream += colon + line + end
        # A line feed alone would be the rest of a line's end that is a CR.
        other = end if end == b"\r" else b"\n"
        stream += draw(st.sampled_from([end, end * 2, other, b"retry: 1" + end * 2]))
    return stream + draw(st.sampled_from([b"", b"data: [DONE]" + end * 2]))


@st.composite
def _split(draw: st.DrawFn, data: bytes) -> list[bytes]:
    if draw(st.integers(0, 3)) == 0:
        size = draw(st.sampled_from([1, 2, 3, 7]))
        return [data[at : at + size] for at in range(0, len(data), size)]
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=8))
    places = [0, *sorted(cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


def _raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(data) + deflater.flush()


def _members(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(data[half:]) + bytes(5)


_CODINGS: dict[bytes, list[Callable[[bytes], bytes]]] = {
    b"gzip": [gzip.compress, _members],
    b"X-GZip": [gzip.compress],
    b"deflate": [zlib.compress, _raw_deflate],
    b"identity, deflate": [zlib.compress],
}


def read(
    pieces: list[bytes],
    media: bytes = JSON,
    *,
    code: int = 200,
    path: bytes = b"/v1/chat/completions",
    coding: bytes | None = None,
    duration_ms: int = 0,
) -> Usage:
    """
    What is read out of a response.
    """
    reader = UsageReader(path)
    headers = [(b"Content-Type", media)]
    if coding is not None:
        headers.append((b"content-encoding", coding))
    reader.begin(code, headers)
    for piece in pieces:
        reader.feed(piece)
    return reader.finish(duration_ms)


class AnySplitTests(SynchronousTestCase):
    """
    Wherever a response is cut, the same is read out of it as out of all of it.
    """

    @_EXAMPLES
    @given(st.data())
    def test_stream(self, data: st.DataObject) -> None:
        """
        An event stream, with all that such streams may have.
        """
        stream = data.draw(_streams())
        pieces = data.draw(_split(stream))
        usage = read(pieces, STREAM)
        tokens, least = expected(documents_of_stream(stream))
        self.assertEqual(usage, Usage(tokens, least, ""))

    @_EXAMPLES
    @given(st.data())
    def test_document(self, data: st.DataObject) -> None:
        """
        A document, or more of them that follow one another.
        """
        documents = data.draw(st.lists(_documents(), min_size=1, max_size=3))
        body = data.draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\n "]))
        for document in documents:
            body += data.draw(_written(document)) + b"\n"
        usage = read(data.draw(_split(body)))
        tokens, least = expected(documents)
        self.assertEqual(usage, Usage(tokens, least, ""))

    @_EXAMPLES
    @given(st.data())
    def test_array(self, data: st.DataObject) -> None:
        """
        Of an array the last element counts where it answers ``/infill``, and nothing
        does elsewhere.
        """
        array = data.draw(st.lists(st.one_of(_documents(), _nested), max_size=4))
        pieces = data.draw(_split(data.draw(_written(array))))
        tokens, least = expected([array], infill=True)
        self.assertEqual(read(pieces, path=b"/infill"), Usage(tokens, least, ""))
        self.assertEqual(read(pieces), Usage(Tokens(), 0, ""))

    @_EXAMPLES
    @given(st.data())
    def test_compressed(self, data: st.DataObject) -> None:
        """
        Either of them, compressed.
        """
        coding = data.draw(st.sampled_from(sorted(_CODINGS)))
        compress = data.draw(st.sampled_from(_CODINGS[coding]))
        media = data.draw(st.sampled_from([STREAM, JSON]))
        if media == STREAM:
            body = data.draw(_streams())
            documents = documents_of_stream(body)
        else:
            documents = [data.draw(_documents())]
            body = data.draw(_written(documents[0]))
        pieces = data.draw(_split(compress(body)))
        tokens, least = expected(documents)
        usage = read(pieces, media, coding=coding)
        self.assertEqual(usage, Usage(tokens, least, ""))

    @_EXAMPLES
    @given(st.data())
    def test_garbage(self, data: st.DataObject) -> None:
        """
        Nothing that comes raises, or is held, or is logged.
        """
        part = st.one_of(
            st.binary(max_size=20),
            st.sampled_from(
                [
                    *(b'{"usage":{', b'"prompt_tokens":', b"data:", b"\r", b"\n\n"),
                    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"data: {"),
                    *(b"\xef\xbb\xbf", b'{"error":', b'"timings":{"prompt_n":NaN}'),
                    *(b"\x1f\x8b\x08", b"x\x9c", b"1e999", b"9" * 5000),
                ]
            ),
        )
        parts = data.draw(st.lists(part, max_size=20))
        for media in (STREAM, JSON, b""):
            for coding in (None, b"gzip", b"deflate", b"br"):
                for code in (200, 500):
                    read(parts, media, code=code, coding=coding, path=b"/infill")
        self.assertEqual(self.flushLoggedErrors(), [])


class TokensTests(SynchronousTestCase):
    """
    What the dialects tell.
    """

    def test_openai(self) -> None:
        """
        The usage of OpenAI's chat; what it does not tell is -1.
        """
        usage = {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 4},
        }
        told = read([json.dumps({"choices": [], "usage": usage}).encode()])
        self.assertEqual(told.tokens, Tokens(4, -1, -1, 11, 7, -1.0, -1.0))

    def test_nothing(self) -> None:
        """
        Where nothing is told, all is 0.
        """
        for body in (b"{}", b'{"usage":null}', b'{"usage":{}}', b"", b"hello"):
            self.assertEqual(read([body]), Usage(Tokens(), 0, ""))

    def test_anthropic(self) -> None:
        """
        Anthropic tells the input at the beginning and the output at the end.
        """
        stream = (
            b"event: message_start\n"
            b'data: {"type":"message_start","message":{"usage":{"input_tokens":25,'
            b'"cache_read_input_tokens":3,"output_tokens":1}}}\n\n'
            b"event: message_delta\n"
            b'data: {"type":"message_delta","usage":{"output_tokens":15}}\n\n'
        )
        told = read([stream], STREAM)
        self.assertEqual(told.tokens, Tokens(3, -1, -1, 25, 15, -1.0, -1.0))

    def test_responses(self) -> None:
        """
        OpenAI's responses tell it within the response.
        """
        usage = {
            "input_tokens": 5,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 6,
        }
        event = {"type": "response.completed", "response": {"usage": usage}}
        told = read([b"data: " + json.dumps(event).encode() + b"\n\n"], STREAM)
        self.assertEqual(told.tokens, Tokens(0, -1, -1, 5, 6, -1.0, -1.0))

    def test_llama(self) -> None:
        """
        llama.cpp's timings count more than a usage, and for the duration.
        """
        timings = {
            "cache_n": 2,
            "prompt_n": 9,
            "prompt_ms": 10.25,
            "prompt_per_second": 878.0,
            "predicted_n": 4,
            "predicted_ms": 20.5,
            "predicted_per_second": 195.1,
            "draft_n": 8,
            "draft_n_accepted": 0,
        }
        usage = {"prompt_tokens": 11, "completion_tokens": 5}
        body = json.dumps({"usage": usage, "timings": timings}).encode()
        told = read([body], duration_ms=3)
        self.assertEqual(told.tokens, Tokens(2, 8, 0, 9, 4, 878.0, 195.1))
        self.assertEqual(told.duration_ms, 31)
        self.assertEqual(read([body], duration_ms=40).duration_ms, 40)

    def test_vllm(self) -> None:
        """
        vLLM's metrics give the speeds.
        """
        document = {
            "usage": {
                "prompt_tokens": 30,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 10},
            },
            "metrics": {
                "time_to_first_token_ms": 50.0,
                "mean_itl_ms": 8.0,
                "speculative_decoding": {
                    "num_draft_tokens": 6,
                    "num_accepted_draft_tokens": 5,
                },
            },
        }
        told = read([json.dumps(document).encode()])
        self.assertEqual(told.tokens, Tokens(10, 6, 5, 30, 5, 400.0, 125.0))

    def test_last_positive(self) -> None:
        """
        Of each number the last positive one counts.
        """
        stream = b"".join(
            b'data: {"usage":{"prompt_tokens":%d,"completion_tokens":%d}}\n\n' % pair
            for pair in ((12, 1), (12, 2), (0, 3), (0, 0))
        )
        told = read([stream], STREAM)
        self.assertEqual((told.tokens.input_tokens, told.tokens.output_tokens), (12, 3))

    def test_without_end(self) -> None:
        """
        An event behind which nothing comes counts, and so does what is cut off.
        """
        event = b'data: {"usage":{"prompt_tokens":12}}'
        for end in (b"", b"\n", b"\r\n"):
            told = read([event + end], STREAM)
            self.assertEqual(told.tokens.input_tokens, 12)
        told = read([b'{"usage":{"prompt_tokens":12},"choices":[{"mess'])
        self.assertEqual(told.tokens.input_tokens, 12)

    def test_infill(self) -> None:
        """
        The last element of an array counts for ``/infill``, and none before it.
        """
        one = b'{"timings":{"prompt_n":%d}}'
        for array, tokens in (
            (b"[%b,%b]" % (one % 1, one % 2), 2),
            (b"[%b,{}]" % (one % 1), 0),
            (b"[%b,5]" % (one % 1), 0),
            (b"[%b,[%b]]" % (one % 1, one % 2), 0),
            (b"[[%b],%b]" % (one % 1, one % 2), 2),
            (b"[]%b" % (one % 1), 1),
            (one % 3, 3),
        ):
            for size in (1, len(array)):
                pieces = [array[at : at + size] for at in range(0, len(array), size)]
                told = read(pieces, path=b"/infill")
                self.assertEqual(told.tokens.input_tokens, tokens, array)

    def test_equal_keys(self) -> None:
        """
        Of equal keys the last one counts, whatever it is.
        """
        first = b'{"usage":{"prompt_tokens":12},"response":{"usage":{"input_tokens":9}}'
        for last, tokens in (
            (b'"usage":{"prompt_tokens":3},"response":1}', 3),
            (b'"usage":null,"response":{"usage":[]}}', 0),
        ):
            body = first + b"," + last
            for pieces in ([body], [body[:20], body[20:]]):
                self.assertEqual(read(pieces).tokens.input_tokens, tokens)
            event = b"\n\ndata: " + body + b"\n\n"
            for pieces in ([event], [event[:20], event[20:]]):
                self.assertEqual(read(pieces, STREAM).tokens.input_tokens, tokens)

    def test_lines_of_data(self) -> None:
        """
        A line's end within an event stands between what is before and behind it.
        """
        stream = b'\n\ndata: {"usage":{"prompt_tokens":1\ndata:%b}}\n\n'
        self.assertEqual(read([stream % b"2"], STREAM).tokens, Tokens())
        self.assertEqual(read([stream % b" "], STREAM).tokens.input_tokens, 1)

    def test_opaque(self) -> None:
        """
        Nothing is looked for in sound, pictures, and codings that are not known.
        """
        body = [b'{"usage":{"prompt_tokens":12}}']
        for media in (b"audio/mpeg", b"Image/PNG", b"application/octet-stream"):
            self.assertEqual(read(body, media).tokens, Tokens())
        for coding in (b"br", b"gzip, gzip"):
            self.assertEqual(read(body, coding=coding).tokens, Tokens())
        self.assertEqual(read(body, b"").tokens.input_tokens, 12)

    def test_no_response(self) -> None:
        """
        A request that was never answered has no tokens.
        """
        reader = UsageReader(b"/v1/chat/completions")
        reader.feed(b"stray")
        self.assertEqual(reader.finish(7), Usage(Tokens(), 7, ""))


class BoundsTests(SynchronousTestCase):
    """
    What is large is neither held, nor does it take long.
    """

    def test_large_documents(self) -> None:
        """
        The usage behind megabytes of numbers, pictures, text or nesting is found.
        """
        for large in (
            [[0.25] * 1000] * 500,
            "iVBORw0KGgo" * 200_000,
            'say "hi"\\\n' * 100_000,
            [{"token": '"', "top": [{"x": [1]}, {}]}] * 20_000,
        ):
            document = {"data": large, "usage": {"prompt_tokens": 12}}
            body = json.dumps(document).encode()
            pieces = [body[at : at + 5000] for at in range(0, len(body), 5000)]
            self.assertEqual(read(pieces).tokens.input_tokens, 12)
            event = [b"data: ", *pieces, b"\n\n"]
            self.assertEqual(read(event, STREAM).tokens.input_tokens, 12)

    def test_large_event(self) -> None:
        """
        An event that comes whole may be large too.
        """
        document = {"response": {"usage": {"input_tokens": 12}, "x": "y" * 10**6}}
        event = b"data: " + json.dumps(document).encode() + b"\n\n"
        self.assertEqual(read([b"\n\n", event], STREAM).tokens.input_tokens, 12)

    def test_endless(self) -> None:
        """
        Of a line, a key or a value without end next to nothing is held.
        """
        for begin in (b"data: ", b": ", b"", b'data: {"usage":{"a":"', b'data: {"'):
            reader = UsageReader(b"/")
            reader.begin(200, [(b"Content-Type", STREAM)])
            reader.feed(begin)
            for _ in range(100):
                reader.feed(b"x" * 10_000)
            self.assertLess(_held_by(reader), 3 * MOST_HELD)

    def test_deep(self) -> None:
        """
        Nesting beyond use is passed over, or is no usage.
        """
        deep = b"[" * 50_000 + b"]" * 50_000
        body = b'{"a":%b,"usage":{"prompt_tokens":12,"b":1}}' % deep
        self.assertEqual(read([body]).tokens.input_tokens, 12)
        body = b'{"usage":{"prompt_tokens":12,"b":%b}}' % deep[25_000:-25_000]
        self.assertEqual(read([body]).tokens, Tokens())

    def test_many_members(self) -> None:
        """
        So are members of all kinds, however many.
        """
        member = b'"a":1 ,"b":"c" , "d" : [1, 2],"e":{},"f":{"g":[{}]},"":null,'
        body = b"{" + member * 2000 + b'"usage":{"prompt_tokens":12}}'
        for size in (len(body), 997):
            pieces = [body[at : at + size] for at in range(0, len(body), size)]
            self.assertEqual(read(pieces).tokens.input_tokens, 12)

    def test_decompressed_to_the_end(self) -> None:
        """
        What the decompressor still has when all input was taken comes out too.
        """
        for length in range(65536 - 3, 65536 + 600):
            with patch.object(Scanner, "feed", autospec=True) as fed:
                read([_raw_deflate(b" " * length)], coding=b"deflate")
            came = sum(len(call.args[1]) for call in fed.call_args_list)
            self.assertEqual(came, length)

    def test_bomb(self) -> None:
        """
        What becomes far more than it was is given up.
        """
        filler = b" " * 20_000_000
        body = gzip.compress(b'{"usage":{"prompt_tokens":12},"a":1' + filler + b"}")
        with patch.object(Scanner, "feed", autospec=True) as fed:
            read([body, body], coding=b"gzip")
        self.assertLess(sum(len(call.args[1]) for call in fed.call_args_list), 3e6)

    def test_many_gzip_members(self) -> None:
        """
        So are members without end that hold nothing.
        """
        reader = UsageReader(b"/")
        reader.begin(200, [(b"Content-Encoding", b"gzip")])
        with patch("zlib.decompressobj", wraps=zlib.decompressobj) as made:
            reader.feed(gzip.compress(b"") * 1000)
            reader.feed(gzip.compress(b"") * 1000)
        self.assertLess(made.call_count, 100)

    def test_broken(self) -> None:
        """
        What was told before data that is broken counts.
        """
        deflater = zlib.compressobj()
        stream = b'data: {"usage":{"prompt_tokens":12}}\n\n'
        sent = deflater.compress(stream) + deflater.flush(zlib.Z_SYNC_FLUSH)
        told = read([sent, b"\xff" * 20, sent], STREAM, coding=b"deflate")
        self.assertEqual(told.tokens.input_tokens, 12)

    def test_mistake_of_ours(self) -> None:
        """
        Even a mistake in the reading does not reach whoever passes the response on.
        """
        with patch.object(Tally, "take", side_effect=RuntimeError):
            read([b'{"usage":{"prompt_tokens":12}} ', b"{}"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


def _held_by(reader: UsageReader) -> int:
    """
    The bytes in a reader's scanner and lines.
    """
    size = 0
    for part in (reader._scanner, reader._events):
        assert part is not None
        for name in type(part).__slots__:
            value = getattr(part, name)
            for piece in value if isinstance(value, list) else [value]:
                size += len(piece) if isinstance(piece, bytes) else 0
    return size


class ErrorTests(SynchronousTestCase):
    """
    What is told of a request that failed.
    """

    def error(self, document: Any, code: int = 500, media: bytes = JSON) -> str:
        body = (
            document if isinstance(document, bytes) else json.dumps(document).encode()
        )
        pieces = [body[at : at + 3] for at in range(0, len(body), 3)]
        told = read(pieces, media, code=code)
        self.assertEqual(told.tokens, Tokens())
        self.assertEqual(read([body], media, code=code), told)
        return told.error

    def test_places(self) -> None:
        """
        The text is looked for in the places where servers put it, in order.
        """
        for document, text in (
            ({"error": {"message": "a"}, "message": "b"}, "a"),
            ({"message": "b", "error": "a", "detail": "c"}, "a"),
            ({"detail": "c", "message": "b"}, "b"),
            ({"detail": "c"}, "c"),
            ({"error": {"code": 5}, "message": "b"}, "b"),
            ({"error": "", "detail": "c"}, "c"),
            ({"detail": [{"loc": ["body"]}]}, '[{"loc":["body"]}]'),
            ({"error": {"code": 5}}, '{"code":5}'),
        ):
            self.assertEqual(self.error(document), text)

    def test_status_text(self) -> None:
        """
        Where there is none, the status has to do.
        """
        for body in (b"", b"oops", b"<html>", {"error": 5}, {"a": "b"}, [1], {}):
            self.assertEqual(self.error(body), "Internal Server Error")
        self.assertEqual(self.error({"error": {}}, 404), "Not Found")
        self.assertEqual(self.error(b"", 599), "status 599")
        self.assertEqual(self.error(b"", 499), "Client Closed Request")

    def test_other_than_200(self) -> None:
        """
        Every status but 200 has one, and 200 has none.
        """
        self.assertEqual(self.error(b"", 201), "Created")
        self.assertEqual(read([b'{"error":"a"}']).error, "")

    def test_stream(self) -> None:
        """
        It may be the first event of a stream.
        """
        body = (
            b'event: error\ndata: {"error":{"message":"a"}}\n\ndata: {"error":"b"}\n\n'
        )
        self.assertEqual(self.error(body, media=STREAM), "a")

    def test_tidy(self) -> None:
        """
        It is one line of 500 characters at most, that any file takes.
        """
        self.assertEqual(self.error({"error": "x" * 600}), "x" * 500)
        self.assertEqual(self.error({"error": "\x1b[1m a\r\n\tb\x00\x85"}), "[1m a b")
        self.assertEqual(self.error(b'{"error":"a\\ud800"}'), "a?")

    def test_compressed(self) -> None:
        """
        It may be compressed.
        """
        body = gzip.compress(b'{"error":"a"}')
        self.assertEqual(read([body], code=500, coding=b"gzip").error, "a")
