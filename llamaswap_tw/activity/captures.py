"""
Captures: whole requests and responses, the latest of them, within a budget.

All that is held counts: what is kept, compressed, and what is on its way, as it came.
The latter may take just under half of the budget; what is kept makes room for it, the
oldest first.  Once that share is taken, bodies that go on are cut where they are, and
requests that begin are not captured.  A body longer than a tenth of the budget is cut
there.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import orjson
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import InThread
from .headers import RawHeaders
from .taken import Body, Taken, pack, pack_all, unpack

_log = Logger()

#: What a capture takes beside its headers and bodies, in bytes.
OVERHEAD = 1024

#: Room for the headers of a response is lent before they come, so that a capture is
#: not lost half way.
_RESPONSE_HEADERS = 1024

#: Room for a body that comes in pieces is lent in such ones, in bytes, once it has
#: this size: a stream has many chunks.
_LOAN = 16 * 1024

#: How much is compressed at once, in bytes as it came.
_AT_ONCE = 256 * 1024

#: The last two segments of paths whose request or response body is not kept: sound
#: and pictures would take the room of all else.
_WITHOUT_REQUEST = frozenset(
    ["audio/transcriptions", "audio/voices", "images/edits", "v1/img2img"]
)
_WITHOUT_RESPONSE = frozenset(["audio/speech", "images/generations", "images/edits"])
_SDAPI = "/sdapi/"


class _Part:
    """
    A body that is being captured.

    :ivar limit: how much of it may be kept.
    :ivar data: what is kept; `None` where nothing is.
    :ivar room: how much more of it has room that was lent already.
    :ivar size: how much has come.
    """

    __slots__ = ("data", "is_cut", "limit", "room", "size")

    def __init__(self, limit: int, kept: bool) -> None:
        self.limit = limit
        self.data: bytes | bytearray | None = b"" if kept else None
        self.is_cut = False
        self.room = 0
        self.size = 0

    def forget(self) -> None:
        self.data = None
        self.room = 0

    def body(self) -> Body:
        return Body(self.data, self.size)


class Capture:
    """
    A request that is being captured.  It ends with `keep` or `drop`: until then what
    it holds is not there for others.
    """

    __slots__ = (
        "_captures",
        "_held",
        "_is_lost",
        "_is_over",
        "_keeps_response",
        "_path",
        "_request",
        "_request_headers",
        "_response",
        "_response_headers",
    )

    def __init__(
        self, captures: Captures, limit: int, req_path: str, req_headers: RawHeaders
    ) -> None:
        keeps_request, self._keeps_response = _kept_of(req_path)
        self._captures = captures
        self._path = req_path
        self._request_headers = req_headers
        self._response_headers: RawHeaders = ()
        #: What was lent to it, in bytes.
        self._held = 0
        self._is_lost = False
        self._is_over = False
        self._request = _Part(limit, keeps_request)
        self._response = _Part(limit, False)
        self._take_room(OVERHEAD + _RESPONSE_HEADERS + _size_of(req_headers))

    def request_data(self, data: bytes) -> None:
        """
        More of the request's body.
        """
        self._take(self._request, data)

    def request_elsewhere(self, size: int) -> None:
        """
        The request's body is in no memory: it is cut before its first byte.

        :param size: how long it is, in bytes.
        """
        self._request.is_cut = True
        self._request.size = size

    def response_head(self, code: int, headers: RawHeaders) -> None:
        """
        The response begins.

        :param code: its status; the body of one that failed is not kept.
        :param headers: its headers.
        """
        self._response_headers = headers
        self._take_room(_size_of(headers) - _RESPONSE_HEADERS)
        if self._keeps_response and 200 <= code < 300 and not self._is_lost:
            self._response.data = b""

    def response_data(self, data: bytes) -> None:
        """
        More of the response's body.
        """
        # As in `_take`: this is called for each chunk of a stream.
        part = self._response
        size = len(data)
        if 0 < size <= part.room:
            part.room -= size
            part.size += size
            part.data += data  # type: ignore[operator]  # there is room in it
        else:
            self._take(part, data)

    def keep(self, row_id: int) -> None:
        """
        The request is over: what has come is kept.

        :param row_id: the id of its row.
        """
        if self._is_over:
            return
        if self._is_lost:
            self.drop()
            return
        taken = Taken(
            self._path,
            self._request_headers,
            self._request.body(),
            self._response_headers,
            self._response.body(),
        )
        self._captures.keep(row_id, taken, self._held)
        self._end()

    def drop(self) -> None:
        """
        The request is over, and nothing of it is kept.
        """
        if not self._is_over:
            self._captures.give_back(self._held)
            self._end()

    def _end(self) -> None:
        self._is_over = True
        self._request.forget()
        self._response.forget()

    def _take(self, part: _Part, data: bytes) -> None:
        size = len(data)
        part.size += size
        held = part.data
        # What follows on a cut cannot be joined to what came before it.
        if held is None or part.is_cut or not size:
            return
        if size > part.room:
            left = part.limit - len(held)
            wanted = min(max(size, min(_LOAN, len(held))), left) - part.room
            lent = self._captures.lend(wanted)
            self._held += lent
            part.room += lent
            if part.room < size:
                part.is_cut = True
                data = data[: part.room]
        part.room -= len(data)
        if not held:
            # Most bodies come whole: not copied.
            part.data = data
            return
        if isinstance(held, bytes):
            part.data = held = bytearray(held)
        held += data

    def _take_room(self, wanted: int) -> None:
        """
        Take what there has to be, or all is lost.
        """
        if wanted <= 0:
            return
        lent = self._captures.lend(wanted)
        self._held += lent
        if lent < wanted:
            self._is_lost = True
            self._request.forget()
            self._response.forget()


class Captures:
    """
    The captures that there are.

    :param clock: for the next turn of the reactor.
    :param budget: how much they may take, in bytes; 0 for no captures.
    :param in_thread: runs a function in a thread.
    """

    def __init__(self, clock: IReactorTime, budget: int, in_thread: InThread) -> None:
        self._clock = clock
        self._budget = budget
        self._in_thread = in_thread
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._kept_size = 0
        self._lent = 0
        #: Those that are over and not compressed yet, and what each was lent.
        self._waiting: dict[int, tuple[Taken, int]] = {}
        self._order: deque[int] = deque()
        self._is_packing = False

    @property
    def enabled(self) -> bool:
        """
        Whether there is a budget.
        """
        return self._budget > 0

    @property
    def size(self) -> int:
        """
        What all of them take, in bytes.
        """
        # Bodies that grow are given more memory than they need, by an eighth.
        return self._kept_size + self._lent + self._lent // 8

    def reconfigure(self, budget: int) -> None:
        """
        Another budget holds from now on, also for what is kept.

        :param budget: in bytes.
        """
        self._budget = budget
        self._make_room()

    def __contains__(self, row_id: object) -> bool:
        return self.enabled and (row_id in self._kept or row_id in self._waiting)

    def start(
        self,
        req_path: str,
        req_headers: RawHeaders,
        body: bytes | None,
        size: int | None = None,
    ) -> Capture:
        """
        Begin to capture a request.

        :param req_path: the path that goes up; some have bodies that are not kept.
        :param req_headers: its headers, names in any case.
        :param body: its body; `None` where it comes by `Capture.request_data`, or
            not at all.
        :param size: how long a body is that does not come, in bytes.
        """
        capture = Capture(self, self._budget // 10, req_path, req_headers)
        if body:
            capture.request_data(body)
        elif size:
            capture.request_elsewhere(size)
        return capture

    def get(self, row_id: int) -> Deferred[dict[str, Any] | None]:
        """
        Look a capture up.

        :returns: fires with its fields, bodies in base64, or with `None` where there
            is none.
        """
        return self._read(row_id, unpack)

    def get_json(self, row_id: int) -> Deferred[bytes | None]:
        """
        The same as JSON, which is made in the thread too.
        """
        return self._read(row_id, _unpack_to_json)

    def _read(self, row_id: int, read: Callable[[int, bytes], Any]) -> Deferred[Any]:
        if row_id not in self:
            return succeed(None)
        packed = self._kept.get(row_id)
        if packed is not None:
            return self._in_thread(read, row_id, packed)
        taken, _ = self._waiting[row_id]
        return self._in_thread(lambda: read(row_id, pack(taken)))

    # For `Capture`.

    def lend(self, wanted: int) -> int:
        """
        Lend room to a capture.

        :param wanted: how much, in bytes.
        :returns: how much it gets, which may be less.
        """
        lent = min(wanted, self._budget * 4 // 9 - self._lent)
        if lent <= 0:
            return 0
        self._lent += lent
        if self.size > self._budget:
            self._make_room()
        return lent

    def give_back(self, lent: int) -> None:
        """
        What was lent is free again.
        """
        self._lent -= lent

    def keep(self, row_id: int, taken: Taken, lent: int) -> None:
        """
        Keep what was captured.

        :param lent: what it was lent; given back once it is compressed.
        """
        self._waiting[row_id] = (taken, lent)
        self._order.append(row_id)
        if not self._is_packing:
            self._is_packing = True
            # Rows are written many at a time: by then all of them are here.
            self._clock.callLater(0, self._pack_next)

    def _pack_next(self) -> None:
        """
        Compress the oldest of those that wait: many small ones at a time, for a change
        of threads costs more than they do, but large ones alone, for each takes memory.
        """
        row_ids: list[int] = []
        held = 0
        while self._order and (not row_ids or held < _AT_ONCE):
            row_ids.append(self._order.popleft())
            # Not what is lent for what it will take beside that.
            held += self._waiting[row_ids[-1]][1] - OVERHEAD - _RESPONSE_HEADERS
        self._is_packing = bool(row_ids)
        if row_ids:
            taken = [self._waiting[row_id][0] for row_id in row_ids]
            self._in_thread(pack_all, taken).addBoth(self._packed, row_ids)

    def _packed(self, packed: list[bytes] | Failure, row_ids: list[int]) -> None:
        for row_id in row_ids:
            _, lent = self._waiting.pop(row_id)
            self.give_back(lent)
        if isinstance(packed, Failure):
            _log.failure("compressing captures", packed)
        else:
            self._kept.update(zip(row_ids, packed, strict=True))
            self._kept_size += sum(map(len, packed)) + OVERHEAD * len(packed)
            self._make_room()
        self._pack_next()

    def _make_room(self) -> None:
        while self._kept and self.size > self._budget:
            _, packed = self._kept.popitem(last=False)
            self._kept_size -= len(packed) + OVERHEAD


@lru_cache(64)
def _kept_of(req_path: str) -> tuple[bool, bool]:
    """
    :returns: whether the request's body is kept, and whether the response's is.
    """
    path = unquote(req_path).rstrip("/")
    tail = "/".join(path.split("/")[-2:])
    keeps_response = _SDAPI not in path and tail not in _WITHOUT_RESPONSE
    return tail not in _WITHOUT_REQUEST, keeps_response


def _unpack_to_json(row_id: int, packed: bytes) -> bytes:
    return orjson.dumps(unpack(row_id, packed))


def _size_of(headers: RawHeaders) -> int:
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
    return size
