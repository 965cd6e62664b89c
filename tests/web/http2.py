"""
A client that speaks HTTP/2 to a site, over a transport in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import RequestError
from llamaswap_tw.web.http2_channel import Http2Channel
from llamaswap_tw.web.request import Request
from llamaswap_tw.web.site import Site

from .support import HalfCloseableTransport, in_thread


class Seen:
    """
    What a client has seen of one stream.

    :ivar informed: the interim responses.
    :ivar headers: of the response, by name; empty before it began.
    :ivar body: what has come of it.
    :ivar trailers: what came behind it.
    :ivar ended: whether it is whole.
    :ivar reset: the code that it was reset with, or `None`.
    """

    def __init__(self) -> None:
        self.informed: list[dict[str, str]] = []
        self.headers: dict[str, str] = {}
        self.body = b""
        self.trailers: dict[str, str] = {}
        self.ended = False
        self.reset: int | None = None

    @property
    def status(self) -> int:
        """
        The response's status.
        """
        return int(self.headers[":status"])


class Connection2:
    """
    One client's connection to a site.

    :param route: is given the requests.
    :param max_body: the largest body taken.
    :param max_head: the largest head taken.
    :param thread: stands in for threads.
    :param refusal: as `Site` takes it.
    :ivar h2: the client's side.
    :ivar seen: by the number of a stream.
    :ivar goodbye: the code that the connection was ended with, or `None`.
    :ivar reads: whether the client acknowledges what it gets, so that more comes.
    """

    def __init__(
        self,
        route: Callable[[Request], None],
        max_body: int = 1000,
        max_head: int = 2000,
        thread: Callable[..., Deferred[Any]] = in_thread,
        refusal: Callable[[Request], RequestError | None] = lambda _: None,
    ) -> None:
        self.clock = MemoryReactorClock()
        self.site = Site(
            self.clock, route, thread, max_body, max_head, 30.0, 60.0, refusal
        )
        self.channel = Http2Channel(self.site)
        self.transport = HalfCloseableTransport()
        self.h2 = H2Connection(
            H2Configuration(
                validate_outbound_headers=False, normalize_outbound_headers=False
            )
        )
        self.seen: dict[int, Seen] = {}
        self.goodbye: int | None = None
        self.reads = True
        self.channel.makeConnection(self.transport)
        self.h2.initiate_connection()
        self.exchange()

    def exchange(self) -> None:
        """
        Let both sides send until neither has more to say.
        """
        while True:
            to_server = self.h2.data_to_send()
            if to_server:
                self.channel.dataReceived(to_server)
            to_client = self.transport.value()
            self.transport.clear()
            if to_client:
                for event in self.h2.receive_data(to_client):
                    self._take(event)
            if not (to_server or to_client):
                return

    def _take(self, event: Event) -> None:
        if isinstance(event, ConnectionTerminated):
            assert event.error_code is not None
            self.goodbye = int(event.error_code)
            return
        seen = self.seen.setdefault(getattr(event, "stream_id", 0) or 0, Seen())
        if isinstance(event, ResponseReceived):
            seen.headers = _dict(event.headers)
        elif isinstance(event, InformationalResponseReceived):
            seen.informed.append(_dict(event.headers))
        elif isinstance(event, TrailersReceived):
            seen.trailers = _dict(event.headers)
        elif isinstance(event, DataReceived):
            seen.body += event.data or b""
            if self.reads and event.flow_controlled_length:
                self.h2.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id
                )
        elif isinstance(event, StreamEnded):
            seen.ended = True
        elif isinstance(event, StreamReset):
            seen.reset = int(event.error_code)

    def begin(
        self,
        method: str = "GET",
        path: str = "/x",
        headers: Mapping[str, str] | None = None,
        ended: bool = True,
    ) -> int:
        """
        Send a request's head.

        :param ended: whether that is all of it.
        :returns: its stream's number.
        """
        stream_id = self.h2.get_next_available_stream_id()
        fields = [
            (":method", method),
            (":scheme", "https"),
            (":authority", "h"),
            (":path", path),
            *(headers or {}).items(),
        ]
        self.seen[stream_id] = Seen()
        self.h2.send_headers(stream_id, fields, end_stream=ended)
        self.exchange()
        return stream_id

    def ask(
        self,
        method: str = "GET",
        path: str = "/x",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Seen:
        """
        Send a request.

        :returns: what is seen of its response, now and later.
        """
        stream_id = self.begin(method, path, headers, not body)
        if body:
            self.send(stream_id, body, True)
        return self.seen[stream_id]

    def send(self, stream_id: int, data: bytes, ended: bool = False) -> None:
        """
        Send a piece of a body.
        """
        self.h2.send_data(stream_id, data, end_stream=ended)
        self.exchange()

    def read_on(self, size: int, *stream_ids: int) -> None:
        """
        Take more of some streams, and so of the connection.
        """
        self.h2.increment_flow_control_window(size * len(stream_ids))
        for stream_id in stream_ids:
            self.h2.increment_flow_control_window(size, stream_id)
        self.exchange()

    def leave(self) -> None:
        """
        The client is gone.
        """
        self.channel.connectionLost(Failure(ConnectionError("gone")))


def _dict(headers: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}


class Http2TestCase(SynchronousTestCase):
    """
    A connection whose requests are kept for the test.
    """

    def setUp(self) -> None:
        self.requests: list[Request] = []
        self.connect()

    def connect(self, **more: Any) -> None:
        self.connection = Connection2(self.requests.append, **more)

    def begin(self, *args: Any, **named: Any) -> tuple[Request, int]:
        """
        A request that has come, and its stream.
        """
        stream_id = self.connection.begin(*args, **named)
        return self.requests[-1], stream_id
