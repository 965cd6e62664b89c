"""
A request and its response as a capture has them, packed and unpacked.

All of this takes time, and is called in threads.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import orjson

from .headers import RawHeaders, readable_headers


@dataclass(frozen=True, slots=True)
class Body:
    """
    A body as far as it is kept.

    :ivar data: it, or its beginning; `None` where it is not kept.
    :ivar size: all of it, in bytes.
    """

    data: bytes | bytearray | None
    size: int


@dataclass(frozen=True, slots=True)
class Taken:
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
    # Imported on first use: few daemons capture anything in their first second.
    from zstandard import ZstdCompressor

    bodies = (taken.req_body, taken.resp_body)
    kept = [None if body.data is None else len(body.data) for body in bodies]
    sizes = [body.size for body in bodies]
    about = orjson.dumps(
        [
            taken.req_path.encode("utf-8", "replace").decode(),
            readable_headers(taken.req_headers),
            readable_headers(taken.resp_headers),
            kept,
            sizes,
        ]
    )
    pieces = [about, b"\n", *(body.data or b"" for body in bodies)]
    # Told how much comes, it takes no more memory than that needs.
    packer = ZstdCompressor().compressobj(size=sum(map(len, pieces)))
    return b"".join([*map(packer.compress, pieces), packer.flush()])


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
