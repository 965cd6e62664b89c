"""
The built web page's files, as a browser may keep them.

The build puts each file beside its compressed forms, under a name that holds a hash of
it, and lists them all in ``manifest.json``.  What is not listed is not there: no path
from outside ever meets the file system.

Sources: RFC 9110, 8.8.3 and 13.1.2 for entity tags, 12.5.3 for encodings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from .weights import weighed

#: Where the build leaves them.
FOLDER = Path(__file__).with_name("static")

_INDEX = "index.html"
_MANIFEST = "manifest.json"

#: Below it, a file that changes has another name.
_HASHED = "assets/"

#: In the order in which they are taken, with what they add to a file's name.
_SUFFIXES = {b"br": ".br", b"gzip": ".gz"}

#: Nothing of another origin, and nothing within the markup.
_POLICY = b"; ".join(
    [
        b"default-src 'none'",
        b"script-src 'self'",
        b"style-src 'self'",
        b"img-src 'self' data: blob:",
        b"media-src 'self' blob:",
        b"font-src 'self'",
        b"connect-src 'self'",
        b"worker-src 'self'",
        b"form-action 'self'",
        b"base-uri 'none'",
        b"frame-ancestors 'none'",
    ]
)

_TAG = re.compile(rb'(?:W/)?"([^"]*)"|\*')

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Answer:
    """
    How a request for a file is answered.

    :ivar status: 200, or 304 for what the client has already.
    :ivar headers: without ``Content-Length``.
    :ivar body: to send; empty with 304.
    """

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class _File:
    """
    A line of the manifest.
    """

    content_type: bytes
    tag: bytes
    encodings: Sequence[bytes]


class Build:
    """
    A folder that the build has filled, or will.

    All methods read files: they are for threads.  Nothing is held in memory but the
    list of files.

    :param folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: tuple[tuple[int, int], dict[str, _File]] | None = None

    def index(
        self, accept_encoding: bytes | None, if_none_match: bytes | None
    ) -> Answer | None:
        """
        The page itself.

        :param accept_encoding: the request's header, or `None`; so is the other.
        :returns: `None` where it was not built.
        """
        return self.answer(_INDEX, accept_encoding, if_none_match)

    def answer(
        self, name: str, accept_encoding: bytes | None, if_none_match: bytes | None
    ) -> Answer | None:
        """
        One of its files.

        :param name: its path in the folder, as a client wrote it.
        :param accept_encoding: the request's header, or `None`; so is the other.
        :returns: `None` where there is no such file.
        """
        file = self._files().get(name)
        if file is None:
            return None
        encoding = negotiate(accept_encoding, file.encodings)
        # Each form has a tag of its own: they are not the same bytes.
        tag = file.tag if encoding is None else file.tag + b"-" + encoding
        headers: Headers = [
            (b"ETag", b'"%b"' % tag),
            (b"Vary", b"Accept-Encoding"),
            (
                b"Cache-Control",
                b"public, max-age=31536000, immutable"
                if name.startswith(_HASHED)
                else b"no-cache",
            ),
            (b"X-Content-Type-Options", b"nosniff"),
            (b"Content-Security-Policy", _POLICY),
            (b"Referrer-Policy", b"same-origin"),
        ]
        if if_none_match is not None and _matches(if_none_match, tag):
            return Answer(304, headers, b"")
        headers.append((b"Content-Type", file.content_type))
        suffix = ""
        if encoding is not None:
            suffix = _SUFFIXES[encoding]
            headers.append((b"Content-Encoding", encoding))
        try:
            body = (self._folder / (name + suffix)).read_bytes()
        except OSError:
            # It is being built anew.
            return None
        return Answer(200, headers, body)

    def _files(self) -> dict[str, _File]:
        """
        What there is, read again when it was built again.
        """
        path = self._folder / _MANIFEST
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            known = self._known
            if known is None or known[0] != stamp:
                known = (stamp, _files_of(orjson.loads(path.read_bytes())))
                self._known = known
        except (OSError, orjson.JSONDecodeError):
            return {}
        return known[1]


def negotiate(accept: bytes | None, offered: Sequence[bytes]) -> bytes | None:
    """
    Choose an encoding.

    :param accept: the request's ``Accept-Encoding``, or `None`.
    :param offered: what there is beside the file as it is, any of ``br`` and ``gzip``.
    :returns: `None` for the file as it is.
    """
    qualities = dict(weighed(accept or b""))
    others = qualities.get(b"*", 0.0)
    # Not named, it is as good as any other; we would rather send less.
    as_it_is = qualities.get(b"identity", 0.0)
    best: bytes | None = None
    for encoding in _SUFFIXES:
        quality = qualities.get(encoding, others)
        if encoding in offered and quality > 0 and quality >= as_it_is:
            best, as_it_is = encoding, quality + 1e-9
    return best


def _matches(if_none_match: bytes, tag: bytes) -> bool:
    """
    Whether a client has what bears a tag.
    """
    return any(
        match[0] == b"*" or match[1] == tag for match in _TAG.finditer(if_none_match)
    )


def _files_of(manifest: Any) -> dict[str, _File]:
    return {
        name: _File(
            line["type"].encode(),
            line["etag"].encode(),
            [encoding.encode() for encoding in line["encodings"]],
        )
        for name, line in manifest["files"].items()
    }
