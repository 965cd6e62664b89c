"""
Which headers pass, in either direction, and which are added.

Sources: RFC 9110, 7.6.1 for what belongs to one hop alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RawHeaders = list[tuple[bytes, bytes]]

#: Headers of one hop, lower case.
_HOP_BY_HOP = frozenset(
    [
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
    ]
)

#: Sent up, these are replaced by what the agent finds out about the body; and
#: the body has arrived whole, so there is nothing left to expect.
_NOT_SENT_UP = _HOP_BY_HOP | {b"content-length", b"expect", b"trailer"}

#: Sent back, the length is the response's own.
_NOT_SENT_BACK = _HOP_BY_HOP | {b"content-length"}

#: Where clients put a key.
_KEYS = frozenset([b"authorization", b"x-api-key"])

#: Content codings that the daemon can read itself.
_READABLE_CODINGS = frozenset([b"gzip", b"x-gzip", b"deflate", b"identity"])


def request_headers(
    headers: Iterable[tuple[bytes, Sequence[bytes]]], peer: bytes, secure: bool
) -> RawHeaders:
    """
    The headers that go up to a local model.

    :param headers: the client's, as `Headers.getAllRawHeaders` gives them.
    :param peer: the client's address, or ``b""`` where it has none: a front that
        comes by a UNIX socket.
    :param secure: whether the client came over TLS.
    :returns: end-to-end headers, ``Host`` as the client sent it, with
        ``X-Forwarded-For`` extended and ``-Proto`` and ``-Host`` set where no
        front before us has set them.
    """
    sent: RawHeaders = []
    forwarded_for = peer
    proto = b"https" if secure else b"http"
    host: bytes | None = None
    forwarded_host: bytes | None = None
    dropped: frozenset[bytes] = _NOT_SENT_UP
    for name, values in headers:
        low = name.lower()
        if low == b"connection":
            dropped = dropped | _named_in(values)
        elif low == b"x-forwarded-for":
            forwarded_for = b", ".join([*values, peer] if peer else values)
        elif low == b"x-forwarded-proto":
            proto = values[-1]
        elif low == b"x-forwarded-host":
            forwarded_host = values[-1]
        elif low == b"accept-encoding":
            sent.append((name, _readable(values)))
        elif low == b"host":
            host = values[-1]
            sent.append((name, host))
        elif low not in _NOT_SENT_UP:
            for value in values:
                sent.append((name, value))
    if dropped is not _NOT_SENT_UP:
        sent = [pair for pair in sent if pair[0].lower() not in dropped]
    if forwarded_for:
        sent.append((b"X-Forwarded-For", forwarded_for))
    sent.append((b"X-Forwarded-Proto", proto))
    if forwarded_host is None:
        forwarded_host = host
    if forwarded_host is not None:
        sent.append((b"X-Forwarded-Host", forwarded_host))
    return sent


def peer_headers(
    headers: Iterable[tuple[bytes, Sequence[bytes]]],
    peer_host: bytes,
    api_key: str,
    we_ask_for_keys: bool,
) -> RawHeaders:
    """
    The headers that go up to a peer.

    :param headers: the client's, as `Headers.getAllRawHeaders` gives them.
    :param peer_host: the peer's name and port.
    :param api_key: the key that the peer wants, or ``""``.
    :param we_ask_for_keys: whether the client's key is one of ours, which is
        nobody else's business.
    :returns: end-to-end headers in their order and case, without any that tells
        of the way to here.
    """
    sent: RawHeaders = [(b"Host", peer_host)]
    dropped: frozenset[bytes] = _NOT_SENT_UP | {b"host"}
    if we_ask_for_keys or api_key:
        dropped = dropped | _KEYS
    named: frozenset[bytes] = frozenset()
    for name, values in headers:
        low = name.lower()
        if low == b"connection":
            named = named | _named_in(values)
        elif low == b"accept-encoding":
            sent.append((name, _readable(values)))
        elif low not in dropped and not low.startswith(b"x-forwarded-"):
            for value in values:
                sent.append((name, value))
    if named:
        sent = [pair for pair in sent if pair[0].lower() not in named]
    if api_key:
        key = api_key.encode("utf-8")
        sent.append((b"Authorization", b"Bearer " + key))
        sent.append((b"x-api-key", key))
    return sent


def uncompressed(headers: RawHeaders) -> RawHeaders:
    """
    The same headers for a request whose answer may have to follow on bytes that
    are in no coding.

    :param headers: those that would go up.
    """
    return [
        (name, b"identity" if name.lower() == b"accept-encoding" else value)
        for name, value in headers
    ]


def response_headers(headers: RawHeaders) -> tuple[RawHeaders, bool]:
    """
    The headers that go back to the client.

    :param headers: the model's, in the order and case in which they came.
    :returns: the end-to-end ones, without ``Content-Length``, and whether the
        body is a ``text/event-stream``; to such a one ``X-Accel-Buffering:
        no`` is added, so that nginx lets it flow.
    """
    sent: RawHeaders = []
    is_event_stream = False
    named: frozenset[bytes] = frozenset()
    for pair in headers:
        low = pair[0].lower()
        if low in _NOT_SENT_BACK:
            if low == b"connection":
                named = named | _named_in([pair[1]])
            continue
        if low == b"content-type":
            is_event_stream = pair[1][:17].lower() == b"text/event-stream"
        sent.append(pair)
    if named:
        sent = [pair for pair in sent if pair[0].lower() not in named]
    if is_event_stream:
        sent = [pair for pair in sent if pair[0].lower() != b"x-accel-buffering"]
        sent.append((b"X-Accel-Buffering", b"no"))
    return sent, is_event_stream


def _named_in(values: Iterable[bytes]) -> frozenset[bytes]:
    """
    The headers that ``Connection`` says belong to this hop.  Some must pass
    whatever it says: to lose them would change what the message means.
    """
    names = {token.strip().lower() for value in values for token in value.split(b",")}
    return frozenset(names - {b"", b"close", b"keep-alive", b"host", b"content-type"})


def _readable(values: Sequence[bytes]) -> bytes:
    """
    ``Accept-Encoding`` cut to the codings that the daemon can read.
    """
    kept = [
        token.strip()
        for value in values
        for token in value.split(b",")
        if token.split(b";", 1)[0].strip().lower() in _READABLE_CODINGS
    ]
    return b", ".join(kept) or b"identity"
