"""
A request and its response as a capture has them, packed and unpacked.

All of this takes time, and is called in threads.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from .headers import RawHeaders, readable_headers

if TYPE_CHECKING:
    from zstandard import ZstdCompressor

#: Of JSON of a few hundred bytes a higher one makes no less, and takes longer.
_LEVEL = 1

#: So much is joined and compressed in one go, in bytes.
_SMALL = 16 * 1024


class Body(NamedTuple):
    """
    A body as far as it is kept.

    :ivar data: it, or its beginning; `None` where it is not kept.
    :ivar size: all of it, in bytes.
    """

    data: bytes | bytearray | None
    size: int


class Taken(NamedTuple):
    """
    A request and its response, at their end.
    """

    req_path: str
    req_headers: RawHeaders
    req_body: Body
    resp_headers: RawHeaders
    resp_body: Body


def pack(taken: Taken) -> bytes:
    """
    Compress it.
    """
    (packed,) = pack_all([taken])
    return packed


def pack_all(taken: Sequence[Taken]) -> list[bytes]:
    """
    Compress some, each for itself.  To make what compresses takes longer than it takes
    for a small one, and to let go of Python's lock beside a busy reactor longer still:
    small ones share the one and the other.
    """
    # Imported on first use: few daemons capture anything in their first second.
    from zstandard import ZstdCompressor

    compressor = ZstdCompressor(level=_LEVEL)
    packed: list[bytes] = []
    small: list[bytes | bytearray | memoryview[int]] = []
    for each in taken:
        pieces = _pieces(each)
        size = sum(map(len, pieces))
        if size <= _SMALL:
            small.append(b"".join(pieces))
            continue
        packed += _compressed(compressor, small)
        small.clear()
        # Told how much comes, it takes no more memory than that needs.
        packer = compressor.compressobj(size=size)
        packed.append(b"".join([*map(packer.compress, pieces), packer.flush()]))
    return packed + _compressed(compressor, small)


def _compressed(
    compressor: ZstdCompressor, small: list[bytes | bytearray | memoryview[int]]
) -> list[bytes]:
    if len(small) < 2:
        return [compressor.compress(each) for each in small]
    segments = compressor.multi_compress_to_buffer(small)
    return [segments[i].tobytes() for i in range(len(segments))]


def _pieces(taken: Taken) -> list[bytes | bytearray]:
    bodies = (taken.req_body, taken.resp_body)
    about = orjson.dumps(
        [
            taken.req_path.encode("utf-8", "replace").decode(),
            readable_headers(taken.req_headers),
            readable_headers(taken.resp_headers),
            [None if body.data is None else len(body.data) for body in bodies],
            [body.size for body in bodies],
        ]
    )
    return [about, b"\n", *(body.data or b"" for body in bodies)]


def unpack(row_id: int, packed: bytes) -> dict[str, Any]:
    """
    :returns: the fields of a capture, as the API gives them.
    """
    from zstandard import ZstdDecompressor

    whole = ZstdDecompressor().decompress(packed)
    end = whole.index(b"\n")
    data = memoryview(whole)
    path, req_headers, resp_headers, kept, sizes = orjson.loads(data[:end])
    bodies: list[str | None] = []
    start = end + 1
    for length in kept:
        body = None
        if length is not None:
            body = b64encode(data[start : start + length]).decode()
            start += length
        bodies.append(body)
    cut = [k is not None and k < size for k, size in zip(kept, sizes, strict=True)]
    return {
        "id": row_id,
        "req_path": path,
        "req_headers": req_headers,
        "req_body": bodies[0],
        "req_body_size": sizes[0],
        "req_body_truncated": cut[0],
        "resp_headers": resp_headers,
        "resp_body": bodies[1],
        "resp_body_size": sizes[1],
        "resp_body_truncated": cut[1],
    }
