"""
Hostile requests, and what is answered to each.

Where the answer is not a matter of taste it is that of RFC 9110 and 9112; what these
leave open is decided for the safe side: what two servers may read differently is
refused, and its connection is closed.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: As ``server.maxHeaderBytes`` of the daemon that is asked.
MAX_HEAD = 64 * 1024

#: As its ``maxRequestBody``.
MAX_BODY = 48 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A response that is expected.

    :ivar status: its number.
    :ivar code: of the error in its JSON, or `None` where that does not matter.
    :ivar headers: values of some headers, by their names in lower case; `None` for
        one that must not be there.
    :ivar says: what is in its body.
    :ivar bodiless: whether it has none, whatever its length says.
    """

    status: int
    code: str | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    says: bytes = b""
    bodiless: bool = False


@dataclass(frozen=True, slots=True)
class Hostile:
    """
    What a client sends.

    :ivar name: what is hostile about it.
    :ivar sent: what it sends, one piece after the other.
    :ivar answers: all that it gets.
    :ivar is_open: whether the connection takes another request then; else it is
        closed.
    :ivar ends: whether the client ends its side once all is sent.
    """

    name: str
    sent: Sequence[bytes]
    answers: Sequence[Answer]
    is_open: bool = False
    ends: bool = False


BAD = Answer(
    400, "bad_request", {"connection": "close", "content-type": "application/json"}
)
LARGE_HEAD = Answer(431, "invalid_request", {"connection": "close"})
LONG_TARGET = Answer(414, "invalid_request", {"connection": "close"})
LARGE_BODY = Answer(413, "invalid_request", {"connection": "close"})
OTHER_VERSION = Answer(505, "internal_error", {"connection": "close"})
UNKNOWN_CODING = Answer(501, "internal_error", {"connection": "close"})
MISREAD = Answer(400, "bad_request", {"connection": None})
NO_MODEL = Answer(404, "not_found", {"connection": None})
UNKNOWN_MODEL = Answer(404, "model_not_found", {"connection": None})
NOTHING_THERE = Answer(404, "not_found", {"connection": None})
FINE = Answer(200, None, {"connection": None})
OK = Answer(200, None, {"connection": None}, b"OK")
TOLD = Answer(200, None, {"connection": None}, b'"choices"')

_HOST = b"Host: h\r\n"
_GET = b"GET /health HTTP/1.1\r\n" + _HOST
_CHAT = b"POST /v1/chat/completions HTTP/1.1\r\n" + _HOST
_JSON = b"Content-Type: application/json\r\n"

#: What a model is asked where all is fine.
_ASKED = b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"Hi"}]}'

#: A request that must never be taken for one: it stands in a body, or behind it.
_SMUGGLED = b"GET /v1/models HTTP/1.1\r\nHost: smuggled\r\n\r\n"


def _get(*headers: bytes, line: bytes = b"GET /health HTTP/1.1") -> bytes:
    return b"\r\n".join([line, b"Host: h", *headers, b"", b""])


def _target(target: bytes, method: bytes = b"GET") -> bytes:
    return _get(line=b"%b %b HTTP/1.1" % (method, target))


def _post(
    body: bytes,
    *headers: bytes,
    path: bytes = b"/v1/chat/completions",
    content_type: bytes = b"application/json",
) -> bytes:
    return (
        _get(
            b"Content-Type: " + content_type,
            b"Content-Length: %d" % len(body),
            *headers,
            line=b"POST %b HTTP/1.1" % path,
        )
        + body
    )


def _coded(value: bytes, body: bytes = b"") -> bytes:
    """
    A request whose body is in a transfer coding.
    """
    body = body or b"%x\r\n%b\r\n0\r\n\r\n" % (len(_ASKED), _ASKED)
    return _CHAT + _JSON + b"Transfer-Encoding:" + value + b"\r\n\r\n" + body


def _chunks(data: bytes) -> bytes:
    return _coded(b" chunked", data)


def _form(
    body: bytes, content_type: bytes = b"multipart/form-data; boundary=b"
) -> bytes:
    return _post(body, path=b"/v1/audio/transcriptions", content_type=content_type)


def _field(name: bytes, value: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (
        name,
        value,
    )


def _file(data: bytes) -> bytes:
    return (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        b"%b\r\n" % data
    )


HEADS = [
    Hostile("too many headers", [_GET + b"A: b\r\n" * 600 + b"\r\n"], [LARGE_HEAD]),
    Hostile("100,000 headers", [_GET + b"A:\r\n" * 100_000], [LARGE_HEAD]),
    Hostile("a header's name of 300 bytes", [_get(b"x" * 300 + b": 1")], [LARGE_HEAD]),
    Hostile("a header's name of 60 kB", [_get(b"x" * 60_000 + b": 1")], [LARGE_HEAD]),
    Hostile("a header of 70 kB", [_get(b"A: " + b"x" * 70_000)], [LARGE_HEAD]),
    Hostile(
        "headers of 70 kB together",
        [_get(*(b"A%d: " % n + b"x" * 700 for n in range(100)))],
        [LARGE_HEAD],
    ),
    Hostile(
        "a header without end", [_GET + b"A: ", *[b"x" * 20_000] * 4], [LARGE_HEAD]
    ),
    Hostile("a long request line", [_target(b"/" + b"x" * 70_000)], [LONG_TARGET]),
    Hostile(
        "a request line without end", [b"GET /", *[b"x" * 20_000] * 4], [LONG_TARGET]
    ),
    Hostile("a method without end", [b"x" * 70_000], [LONG_TARGET]),
    Hostile("blank before colon", [_get(b"A : b")], [BAD]),
    Hostile("tab before colon", [_get(b"Content-Length\t: 3") + b"abc"], [BAD]),
    Hostile("a name that is no token", [_get(b"A(b): c")], [BAD]),
    Hostile("a name beyond ASCII", [_get(b"\xc3\xa9: c")], [BAD]),
    Hostile("an empty name", [_get(b": c")], [BAD]),
    Hostile("no colon", [_get(b"nonsense")], [BAD]),
    Hostile("NUL in a value", [_get(b"A: b\0c")], [BAD]),
    Hostile("NUL in a name", [_get(b"A\0: b")], [BAD]),
    Hostile("CR in a value", [_get(b"A: b\rC: d")], [BAD]),
    Hostile("CR as end of line", [b"GET /health HTTP/1.1\rHost: h\r\r"], [], ends=True),
    Hostile("LF in a value", [_get(b"A: b\nC: d")], [BAD]),
    Hostile("LF as end of lines", [b"GET /health HTTP/1.1\nHost: h\n\n"], [BAD]),
    Hostile("LF at the end", [_GET, b"\n"], [BAD]),
    Hostile("a folded header", [_get(b"A: b", b" c")], [BAD]),
    Hostile("a header folded by a tab", [_get(b"A: b", b"\tc")], [BAD]),
    Hostile(
        "a fold before the first", [b"GET /health HTTP/1.1\r\n Host: h\r\n\r\n"], [BAD]
    ),
    Hostile("an empty line before", [b"\r\n" + _get()], [OK], is_open=True),
    Hostile("empty lines before", [b"\r\n" * 3 + _get()], [BAD]),
    Hostile(
        "byte by byte", [bytes([byte]) for byte in _get(b"A: b")], [OK], is_open=True
    ),
    Hostile("TLS on a port without", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"], [BAD]),
    Hostile("SSH", [b"SSH-2.0-OpenSSH_9.2\r\n"], [BAD]),
    Hostile("zeros", [b"\0" * 1000 + b"\r\n\r\n"], [BAD]),
]

VERSIONS = [
    Hostile("HTTP/0.9", [b"GET /health\r\n"], [BAD]),
    Hostile(
        "HTTP/1.0",
        [b"GET /health HTTP/1.0\r\n\r\n"],
        [Answer(200, None, {"connection": "close"}, b"OK")],
    ),
    Hostile("HTTP/1.2", [_get(line=b"GET /health HTTP/1.2")], [OK], is_open=True),
    Hostile("HTTP/2 in clear", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], [OTHER_VERSION]),
    Hostile("HTTP/3.0", [_get(line=b"GET /health HTTP/3.0")], [OTHER_VERSION]),
    Hostile("HTTP/1.10", [_get(line=b"GET /health HTTP/1.10")], [BAD]),
    Hostile("http/1.1", [_get(line=b"GET /health http/1.1")], [BAD]),
    Hostile("HTTP/1.1 and a blank", [_get(line=b"GET /health HTTP/1.1 ")], [BAD]),
    Hostile(
        "an offer of HTTP/2",
        [
            _get(
                b"Connection: Upgrade, HTTP2-Settings",
                b"Upgrade: h2c",
                b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
            )
        ],
        [Answer(200, None, {"upgrade": None}, b"OK")],
        is_open=True,
    ),
    Hostile(
        "an upgrade to nonsense",
        [_get(b"Connection: upgrade", b"Upgrade: \x80/\xff, websocket")],
        [Answer(200, None, {"upgrade": None}, b"OK")],
        is_open=True,
    ),
    Hostile(
        "an upgrade of a chat",
        [_post(_ASKED, b"Connection: upgrade", b"Upgrade: websocket")],
        [TOLD],
        is_open=True,
    ),
]

METHODS = [
    Hostile(
        "a method in lower case",
        [_target(b"/health", b"get")],
        [Answer(501, "internal_error", {"connection": None})],
        is_open=True,
    ),
    Hostile(
        "an unknown method",
        [_target(b"/v1/chat/completions", b"BREW")],
        [Answer(405, "invalid_request", {"allow": "POST"})],
        is_open=True,
    ),
    Hostile(
        "TRACE",
        [_get(b"Authorization: secret", line=b"TRACE /health HTTP/1.1")],
        [Answer(405, "invalid_request", {"allow": "GET, HEAD"})],
        is_open=True,
    ),
    Hostile("CONNECT", [_target(b"h:443", b"CONNECT")], [UNKNOWN_CODING]),
    Hostile(
        "CONNECT to a model",
        [_target(b"/upstream/m/x", b"CONNECT") + _SMUGGLED],
        [UNKNOWN_CODING],
    ),
    Hostile(
        "OPTIONS of all",
        [_target(b"*", b"OPTIONS")],
        [Answer(204, None, {"content-length": None, "connection": None})],
        is_open=True,
    ),
    Hostile("GET of all", [_target(b"*")], [BAD]),
    Hostile("a method that is no token", [_target(b"/health", b"G@T")], [BAD]),
    Hostile("no method", [b" /health HTTP/1.1\r\n" + _HOST + b"\r\n"], [BAD]),
    Hostile(
        "HEAD with a body",
        [_get(b"Content-Length: 5", line=b"HEAD /health HTTP/1.1") + b"hello"],
        [Answer(200, None, {"content-length": "2"}, bodiless=True)],
        is_open=True,
    ),
    Hostile(
        "HEAD of what is not there",
        [_get(line=b"HEAD /nothing HTTP/1.1")],
        [Answer(404, bodiless=True)],
        is_open=True,
    ),
    Hostile(
        "GET with a body that is a request",
        [_get(b"Content-Length: %d" % len(_SMUGGLED)) + _SMUGGLED],
        [OK],
        is_open=True,
    ),
    Hostile(
        "GET of a chat, with a body",
        [
            _get(
                b"Content-Length: %d" % len(_SMUGGLED),
                line=b"GET /v1/chat/completions HTTP/1.1",
            )
            + _SMUGGLED
        ],
        [Answer(405, "invalid_request", {"allow": "POST"})],
        is_open=True,
    ),
]

HOSTS = [
    Hostile("no Host", [b"GET /health HTTP/1.1\r\n\r\n"], [BAD]),
    Hostile("two Hosts", [_get(b"Host: evil")], [BAD]),
    Hostile("the same Host twice", [_get(b"Host: h")], [BAD]),
    *(
        Hostile(
            f"the Host {host!r}",
            [b"GET /health HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"],
            [BAD],
        )
        for host in (
            *(b"h/x", b"u@h", b"a b", b"h:port", b"[::1", b"h\xff", b"h, evil"),
            b"http://h",
        )
    ),
    Hostile(
        "an empty Host", [b"GET /health HTTP/1.1\r\nHost:\r\n\r\n"], [OK], is_open=True
    ),
    Hostile("a URL", [_target(b"http://h/health")], [OK], is_open=True),
    Hostile(
        "a URL of another host", [_target(b"HTTP://other:1/health")], [OK], is_open=True
    ),
    Hostile("a URL with a user", [_target(b"http://u:p@h/health")], [BAD]),
    Hostile("a URL without a host", [_target(b"http:///health")], [BAD]),
    Hostile("a URL of another scheme", [_target(b"file:///etc/passwd")], [BAD]),
    Hostile("a URL, and no Host", [b"GET http://h/health HTTP/1.1\r\n\r\n"], [BAD]),
]

TARGETS = [
    Hostile("a blank in the target", [_target(b"/health x")], [BAD]),
    Hostile("two blanks", [_get(line=b"GET  /health HTTP/1.1")], [BAD]),
    Hostile("a tab", [_get(line=b"GET\t/health HTTP/1.1")], [BAD]),
    Hostile("no target", [_get(line=b"GET HTTP/1.1")], [BAD]),
    Hostile("DEL in the target", [_target(b"/health\x7f")], [BAD]),
    Hostile("a fragment", [_target(b"/health#x")], [BAD]),
    Hostile("no slash", [_target(b"health")], [BAD]),
    Hostile("raw bytes", [_target(b"/caf\xc3\xa9")], [NOTHING_THERE], is_open=True),
    Hostile(
        "raw bytes that are no UTF-8", [_target(b"/caf\xe9")], [MISREAD], is_open=True
    ),
    Hostile("%FF", [_target(b"/%FF")], [MISREAD], is_open=True),
    Hostile("%00", [_target(b"/v1/models/%00")], [UNKNOWN_MODEL], is_open=True),
    Hostile("%zz", [_target(b"/%zz%")], [NOTHING_THERE], is_open=True),
    Hostile(
        "%0d%0a", [_target(b"/a%0d%0aSet-Cookie:x")], [NOTHING_THERE], is_open=True
    ),
    Hostile(
        "segments of dots", [_target(b"/v1/../health")], [NOTHING_THERE], is_open=True
    ),
    Hostile("dots to a file", [_target(b"/ui/../../etc/passwd")], [FINE], is_open=True),
    Hostile(
        "dots to a file, encoded",
        [_target(b"/ui/%2e%2e/%2e%2e/config.yaml")],
        [NOTHING_THERE],
        is_open=True,
    ),
    Hostile(
        "two slashes",
        [_target(b"//evil.example//x?y=//z")],
        [Answer(307, None, {"location": "/evil.example/x?y=//z"})],
        is_open=True,
    ),
    Hostile(
        "two slashes below upstream",
        [_target(b"/upstream/m//x")],
        [Answer(307, None, {"location": "/upstream/m/x"})],
        is_open=True,
    ),
    Hostile(
        "a line break in a redirect",
        [_target(b"/upstream/m?a=%0d%0aX:y")],
        [Answer(301, None, {"location": "/upstream/m/?a=%0d%0aX:y", "x": None})],
        is_open=True,
    ),
    Hostile(
        "many segments",
        [_target(b"/upstream" + b"/x" * 20_000)],
        [UNKNOWN_MODEL],
        is_open=True,
    ),
    Hostile(
        "a query of 2000 fields",
        [_target(b"/props?" + b"a&" * 2000)],
        [MISREAD],
        is_open=True,
    ),
    Hostile(
        "a query of 2000 values",
        [_target(b"/props?" + b"a=b&" * 2000)],
        [MISREAD],
        is_open=True,
    ),
    Hostile("a range", [_get(b"Range: bytes=0-0,-1,5-3")], [OK], is_open=True),
    Hostile(
        "an Accept of nonsense",
        [
            _get(
                b"Accept: text/html;q=\xff;;,,,text/plain;q=nan",
                line=b"GET /x HTTP/1.1",
            )
        ],
        [Answer(404)],
        is_open=True,
    ),
]

LENGTHS = [
    Hostile(
        "a length, and chunks",
        [_coded(b" chunked\r\nContent-Length: 4")],
        [BAD],
    ),
    Hostile(
        "chunks, and a length before",
        [
            _CHAT
            + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            + _SMUGGLED
        ],
        [BAD],
    ),
    *(
        Hostile(
            f"the lengths {', '.join(values)}",
            [
                _CHAT
                + b"".join(
                    b"Content-Length: %b\r\n" % v.encode("latin-1") for v in values
                )
                + b"\r\n"
                + _SMUGGLED
            ],
            [BAD],
        )
        for values in (
            *(("3", "4"), ("3", "3"), ("3, 3",), ("-1",), ("+3",), ("0x3",), ("",)),
            *(("3 3",), ("3;",), ("1e3",), ("\xb2",), ("3.0",), ("1_0",)),
        )
    ),
    Hostile(
        "a length of 1000 digits",
        [_CHAT + b"Content-Length: " + b"9" * 1000 + b"\r\n\r\n"],
        [LARGE_BODY],
    ),
    Hostile(
        "a body over the limit, with a request in it",
        [_CHAT + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1), _SMUGGLED * 2],
        [LARGE_BODY],
    ),
    Hostile(
        "a refused body with a request in it",
        [_post(_SMUGGLED, path=b"/v1/models")],
        [Answer(405, "invalid_request", {"allow": "GET, HEAD"})],
        is_open=True,
    ),
    Hostile(
        "a body for what is not there, with a request in it",
        [_post(_SMUGGLED, path=b"/nothing")],
        [NOTHING_THERE],
        is_open=True,
    ),
    Hostile(
        "less than announced, then the end",
        [_CHAT + b"Content-Length: 100\r\n\r\n", _SMUGGLED],
        [],
        ends=True,
    ),
    Hostile("half a head, then the end", [_GET], [], ends=True),
    Hostile("no length", [_CHAT + _JSON + b"\r\n"], [NO_MODEL], is_open=True),
    Hostile("tab before the value", [_coded(b"\tchunked\t ")], [TOLD], is_open=True),
    Hostile("CHUNKED", [_coded(b" CHUNKED")], [TOLD], is_open=True),
    *(
        Hostile(f"the coding {value!r}", [_coded(value)], [BAD])
        for value in (
            *(b"chunked, identity", b"xchunked", b"identity", b"", b"chunked\x0b"),
            *(b"chunked;q=1", b"gzip", b"\r\n chunked", b'"chunked"', b",chunked,"),
            *(b"chunked\r\nTransfer-Encoding: chunked", b"chunked, chunked"),
            b"chunked\r\nTransfer-Encoding: identity",
        )
    ),
    Hostile("the coding gzip, chunked", [_coded(b"gzip, chunked")], [UNKNOWN_CODING]),
    Hostile(
        "chunks of an HTTP/1.0 client",
        [
            b"POST /v1/chat/completions HTTP/1.0\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _SMUGGLED
        ],
        [BAD],
    ),
    Hostile(
        "Transfer_Encoding",
        [_post(_ASKED, b"Transfer_Encoding: chunked")],
        [TOLD],
        is_open=True,
    ),
]

CHUNKS = [
    *(
        Hostile(f"the chunk {data!r}", [_chunks(data)], [BAD])
        for data in (
            *(b"xyz\r\n", b"-1\r\n\r\n", b"+3\r\nabc\r\n", b"0x3\r\nabc\r\n"),
            *(b" 3\r\nabc\r\n", b"3 \r\nabc\r\n", b"\r\n\r\n", b";a=b\r\n\r\n"),
            *(b"3\r\nabcd\r\n0\r\n\r\n", b"3\nabc\n0\n\n\r\n", b"3\r\nabc0\r\n\r\n"),
            *(b"1_0\r\n", b"3;a\0b\r\nabc\r\n", b"3;a=\nb\r\nabc\r\n"),
        )
    ),
    Hostile("a size line without end", [_chunks(b"0" * 5000)], [BAD]),
    Hostile("an extension of 5 kB", [_chunks(b"3;a=" + b"x" * 5000)], [BAD]),
    Hostile(
        "extensions",
        [_chunks(b'%x;a="b";c\r\n%b\r\n0;z\r\n\r\n' % (len(_ASKED), _ASKED))],
        [TOLD],
        is_open=True,
    ),
    Hostile(
        "trailers",
        [
            _chunks(
                b"%x\r\n%b\r\n0\r\nContent-Length: 3\r\nHost: evil\r\n\r\n"
                % (len(_ASKED), _ASKED)
            )
        ],
        [TOLD],
        is_open=True,
    ),
    Hostile("trailers of 70 kB", [_chunks(b"0\r\n" + b"A: b\r\n" * 12_000)], [BAD]),
    Hostile("a chunk of 2^260", [_chunks(b"F" * 65 + b"\r\nabc")], [], ends=True),
    Hostile(
        "chunks byte by byte",
        [
            _CHAT + b"Transfer-Encoding: chunked\r\n\r\n",
            *(b"1\r\n%c\r\n" % byte for byte in _ASKED),
            b"0\r\n\r\n",
        ],
        [TOLD],
        is_open=True,
    ),
    Hostile(
        "a request behind the last chunk",
        [_coded(b" chunked") + _get()],
        [TOLD, OK],
        is_open=True,
    ),
]

EXPECT = [
    Hostile(
        "what it need not wait for",
        [_post(_ASKED, b"Expect: 100-continue")],
        [Answer(100), TOLD],
        is_open=True,
    ),
    Hostile(
        "in another case, and piece by piece",
        [
            _CHAT + b"Expect: 100-Continue\r\n",
            b"Content-Length: %d\r\n\r\n" % len(_ASKED),
            _ASKED,
        ],
        [Answer(100), TOLD],
        is_open=True,
    ),
    Hostile(
        "to go on, with too much",
        [_CHAT + b"Content-Length: 999999999\r\nExpect: 100-continue\r\n\r\n"],
        [LARGE_BODY],
    ),
    Hostile(
        "to go on, with nothing",
        [_get(b"Expect: 100-continue")],
        [OK],
        is_open=True,
    ),
    Hostile(
        "something else",
        [_post(_SMUGGLED, b"Expect: a miracle")],
        [Answer(417, "invalid_request", {"connection": "close"})],
    ),
    Hostile(
        "something else too",
        [_post(_SMUGGLED, b"Expect: 100-continue, x")],
        [Answer(417, "invalid_request", {"connection": "close"})],
    ),
]

PIPELINES = [
    Hostile("ten requests", [_get() * 10], [OK] * 10, is_open=True),
    Hostile(
        "ten of all kinds, cut anywhere",
        [
            data[start : start + 97]
            for data in [
                (_post(_ASKED) + _target(b"/v1/models/m") + _get()) * 3 + _get()
            ]
            for start in range(0, len(data), 97)
        ],
        [*[TOLD, FINE, OK] * 3, OK],
        is_open=True,
    ),
    Hostile(
        "an invalid second one",
        [_post(_ASKED) + b"GET /health\r\n\r\n" + _get()],
        [TOLD, BAD],
    ),
    Hostile(
        "a second one without Host",
        [_get() + b"GET /health HTTP/1.1\r\n\r\n" + _get()],
        [OK, BAD],
    ),
    Hostile(
        "a refused body between two",
        [_get() + _post(_SMUGGLED, path=b"/nothing") + _get()],
        [OK, NOTHING_THERE, OK],
        is_open=True,
    ),
    Hostile(
        "a body over the limit between two",
        [_get() + _CHAT + b"Content-Length: 99999999\r\n\r\n" + _SMUGGLED],
        [OK, LARGE_BODY],
    ),
    Hostile(
        "one behind the last",
        [_get(b"Connection: close") + _SMUGGLED],
        [Answer(200, None, {"connection": "close"}, b"OK")],
    ),
    Hostile(
        "behind a request that was no WebSocket's",
        [_get(b"Connection: upgrade", b"Upgrade: websocket") + _get()],
        [OK, OK],
        is_open=True,
    ),
]


def _deep(levels: int) -> bytes:
    return b'{"model":"m","x":%b%b}' % (b"[" * levels, b"]" * levels)


JSON = [
    Hostile("10,000 levels", [_post(_deep(10_000))], [MISREAD], is_open=True),
    Hostile("5 million levels", [_post(_deep(5_000_000))], [MISREAD], is_open=True),
    Hostile(
        "levels that never close", [_post(b'{"a":' * 200_000)], [MISREAD], is_open=True
    ),
    Hostile(
        "numbers beyond all",
        [_post(b'{"x":1e99999,"y":-1E-99999,"z":%b,' % (b"9" * 4000) + _ASKED[1:])],
        [TOLD],
        is_open=True,
    ),
    Hostile(
        "a number of 100,000 digits",
        [_post(b'{"x":%b,' % (b"9" * 100_000) + _ASKED[1:])],
        [MISREAD],
        is_open=True,
    ),
    Hostile(
        "NaN", [_post(b'{"x":NaN,"y":-Infinity,' + _ASKED[1:])], [TOLD], is_open=True
    ),
    Hostile(
        "half a surrogate",
        [_post(b'{"x":"\\ud800",' + _ASKED[1:])],
        [TOLD],
        is_open=True,
    ),
    Hostile(
        "half a surrogate for a model",
        [_post(b'{"model":"\\udfff"}')],
        [UNKNOWN_MODEL],
        is_open=True,
    ),
    Hostile(
        "two models",
        [_post(b'{"model":"m","model":"x"}')],
        [UNKNOWN_MODEL],
        is_open=True,
    ),
    Hostile(
        "two models, the last known",
        [_post(b'{"model":"x",' + _ASKED[1:])],
        [TOLD],
        is_open=True,
    ),
    Hostile(
        "a model with an escaped key",
        [_post(b'{"m\\u006fdel":"x"}')],
        [UNKNOWN_MODEL],
        is_open=True,
    ),
    Hostile(
        "a byte order mark",
        [_post(b"\xef\xbb\xbf" + b'{"model":"x"}')],
        [UNKNOWN_MODEL],
        is_open=True,
    ),
    *(
        Hostile(
            f"the model {model}",
            [_post(b'{"model":%b}' % model.encode())],
            [NO_MODEL],
            is_open=True,
        )
        for model in ("5", "null", "true", "[]", '{"m":"m"}', '""')
    ),
    Hostile(
        "a model of 100 kB",
        [_post(b'{"model":"%b"}' % (b"m" * 100_000))],
        [UNKNOWN_MODEL],
        is_open=True,
    ),
    Hostile(
        "a model of control characters",
        [_post(b'{"model":"m\\u0000\\r\\nX: y\\u001b[2J"}')],
        [UNKNOWN_MODEL],
        is_open=True,
    ),
    Hostile(
        "raw control characters", [_post(b'{"model":"a\nb"}')], [MISREAD], is_open=True
    ),
    Hostile("no UTF-8", [_post(b'{"model":"\xff"}')], [MISREAD], is_open=True),
    Hostile("half a document", [_post(_ASKED[:-1])], [MISREAD], is_open=True),
    Hostile("more behind it", [_post(_ASKED + b"x")], [MISREAD], is_open=True),
    *(
        Hostile(f"the document {data!r}", [_post(data)], [NO_MODEL], is_open=True)
        for data in (b"[]", b"5", b'"m"', b"null", b"{}")
    ),
    Hostile("a blank document", [_post(b" \n ")], [MISREAD], is_open=True),
    Hostile(
        "31 MB before the model",
        [_post(b'{"x":"%b",' % (b"x" * (31 * 1024 * 1024)) + _ASKED[1:])],
        [TOLD],
        is_open=True,
    ),
    Hostile(
        "41 MB without an end",
        [_post(b'{"model":"m","x":"' + b"x" * (41 * 1024 * 1024))],
        [MISREAD],
        is_open=True,
    ),
    Hostile(
        "a gzip body",
        [_post(gzip.compress(_ASKED), b"Content-Encoding: gzip")],
        [Answer(415, "invalid_request", {"accept-encoding": "identity"})],
        is_open=True,
    ),
    Hostile(
        "an identity body",
        [_post(_ASKED, b"Content-Encoding: Identity")],
        [TOLD],
        is_open=True,
    ),
]

FORMS = [
    Hostile(
        "no boundary", [_form(b"x", b"multipart/form-data")], [MISREAD], is_open=True
    ),
    Hostile(
        "an empty boundary",
        [_form(b"x", b"multipart/form-data; boundary=")],
        [MISREAD],
        is_open=True,
    ),
    Hostile(
        "a boundary of 100 kB",
        [_form(b"x", b"multipart/form-data; boundary=" + b"b" * 50_000)],
        [MISREAD],
        is_open=True,
    ),
    Hostile("no form", [_form(b"nonsense")], [MISREAD], is_open=True),
    Hostile("no end", [_form(_field(b"model", b"m"))], [MISREAD], is_open=True),
    Hostile(
        "a part's head without end",
        [_form(b"--b\r\n" + b"A: b\r\n" * 100_000)],
        [MISREAD],
        is_open=True,
    ),
    Hostile(
        "a part's header without end",
        [_form(b"--b\r\nA: " + b"x" * 1_000_000)],
        [MISREAD],
        is_open=True,
    ),
    Hostile(
        "10,000 parts",
        [_form(_field(b"a", b"b") * 10_000 + _field(b"model", b"x") + b"--b--\r\n")],
        [UNKNOWN_MODEL],
        is_open=True,
    ),
    Hostile(
        "its boundary in a file",
        [
            _form(
                _file(b"\r\n--bb\r\n --b--\r\n--" * 1000)
                + _field(b"model", b"x")
                + b"--b--\r\n"
            )
        ],
        [UNKNOWN_MODEL],
        is_open=True,
    ),
    Hostile(
        "a model of 100 kB",
        [_form(_field(b"model", b"m" * 100_000) + b"--b--\r\n")],
        [MISREAD],
        is_open=True,
    ),
    Hostile("no model", [_form(_file(b"x") + b"--b--\r\n")], [NO_MODEL], is_open=True),
    Hostile("nothing", [_form(b"--b--\r\n")], [NO_MODEL], is_open=True),
    Hostile(
        "100,000 pairs",
        [_form(b"a=b&" * 100_000, b"application/x-www-form-urlencoded")],
        [MISREAD],
        is_open=True,
    ),
    Hostile(
        "pairs of nonsense",
        [_form(b"&&==%%%&model&\xff=\0", b"application/x-www-form-urlencoded")],
        [NO_MODEL],
        is_open=True,
    ),
    Hostile(
        "bytes of no kind",
        [_form(bytes(range(256)), b"\xff")],
        [NO_MODEL],
        is_open=True,
    ),
]

UPSTREAM = [
    Hostile(
        "interim responses",
        [_target(b"/upstream/odd/early")],
        [Answer(103, None, {"link": "</a>"}), Answer(102), Answer(200, says=b"hi")],
        is_open=True,
    ),
    Hostile(
        "interim responses to HTTP/1.0",
        [b"GET /upstream/odd/early HTTP/1.0\r\n\r\n"],
        [Answer(200, says=b"hi")],
    ),
    Hostile(
        "a hundred interim responses",
        [_target(b"/upstream/odd/many")],
        [*[Answer(103)] * 100, Answer(200, says=b"hi")],
        is_open=True,
    ),
    Hostile(
        "a date of its own",
        [_target(b"/upstream/odd/dated")],
        [Answer(200, None, {"date": "long ago"}, b"hi")],
        is_open=True,
    ),
]

CORPUS: Mapping[str, Sequence[Hostile]] = {
    "heads": HEADS,
    "versions": VERSIONS,
    "methods": METHODS,
    "hosts": HOSTS,
    "targets": TARGETS,
    "lengths": LENGTHS,
    "chunks": CHUNKS,
    "expect": EXPECT,
    "pipelines": PIPELINES,
    "json": JSON,
    "forms": FORMS,
    "upstream": UPSTREAM,
}
