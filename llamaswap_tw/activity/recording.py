"""
One request to a model, watched on its way: what its row says, and what others see of
it while it is in flight, is gathered here as it passes.

Like `proxy.loading` this stands on both sides of a relay, which knows nothing of it:
its wait for a lease tells how long that was, and what it answers is counted, looked
into for token usage, and captured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from twisted.web.http_headers import Headers
from zope.interface import implementer

from ..errors import CLIENT_GONE, RequestCancelled, RequestError
from ..interfaces import IDownstream, ISwitchingDownstream
from .inflight import Entry
from .row import Row, Tokens
from .usage import UsageReader
from .waits import NotedLeases

if TYPE_CHECKING:
    from ..proxy.relay import Leases
    from .captures import Capture
    from .recorder import Recorder

#: The longest error message of a row, in characters.
_LONGEST_ERROR = 500

_BROKE_OFF = "the model broke off in the middle of its answer"


class Client(Protocol):
    """
    As much of a client's request as is used here.

    :ivar method: the HTTP method.
    :ivar requestHeaders: its headers.
    :ivar refused: the error that was the whole answer to it, if one was.
    :ivar refused_with: the headers and the body that it was told with.
    """

    method: bytes
    requestHeaders: Headers
    refused: RequestError | None
    refused_with: tuple[Sequence[tuple[bytes, bytes]], bytes]

    @property
    def remote_ip(self) -> str:
        """
        Who asks.
        """

    def at_end(self, ended: Callable[[], None]) -> None:
        """
        :param ended: called once when the response has ended, however.
        """


class Cancellable(Protocol):
    """
    What carries the request: the relay.
    """

    def cancel(self, error: RequestError) -> None:
        """
        End it at both sides.
        """


@implementer(ISwitchingDownstream)
class Recording:
    """
    Watches one request, and is its relay's downstream.

    :param recorder: told when it is over.
    :param client: the client's request.
    :param usage: finds the tokens in the response; `None` where no row is kept.
    :param released: called first when it is over, where there is something to do.
    :ivar entry: the request among those in flight.
    :ivar capture: takes the bodies, where they are captured.
    """

    __slots__ = (
        "_began",
        "_client",
        "_code",
        "_downstream",
        "_ending",
        "_feed",
        "_first_byte",
        "_over",
        "_recorder",
        "_refused",
        "_relay",
        "_released",
        "_wait",
        "capture",
        "entry",
        "usage",
    )

    def __init__(
        self,
        recorder: Recorder,
        client: Client,
        usage: UsageReader | None,
        released: Callable[[], None] | None,
    ) -> None:
        self._recorder = recorder
        self._client = client
        self._released = released
        self.usage = usage
        self.entry: Entry
        self.capture: Capture | None = None
        self._began = recorder.seconds()
        self._feed: Callable[[bytes], None] | None = None
        self._downstream: Any = None
        self._relay: Cancellable | None = None
        self._code: int | None = None
        self._first_byte: float | None = None
        self._wait: NotedLeases | None = None
        self._refused: RequestError | None = None
        #: What went wrong with the model's answer, nothing where it was whole; `None`
        #: before its end, and where nobody waited for that.
        self._ending: str | None = None
        self._over = False

    # How it is put around a relay.

    def leases(self, leases: Leases) -> NotedLeases:
        """
        :param leases: where the request's lease comes from.
        :returns: the same, and what waiting for it took is noted.
        """
        recorder = self._recorder
        self._wait = wait = NotedLeases(
            leases, self.entry, recorder.seconds, recorder.waited
        )
        return wait

    def around(self, downstream: IDownstream) -> Recording:
        """
        :param downstream: whom the relay is to answer.
        :returns: this, to stand between the two.
        """
        self._downstream = downstream
        return self

    def start(self, relay: Any) -> None:
        """
        Start a relay, unless it was cancelled already; it can be from now on.
        """
        if self._refused is not None:
            # While its body was still being looked into.
            self._downstream.refuse(self._refused)
            return
        self._relay = relay
        relay.start()

    def cancel(self) -> None:
        """
        Somebody wants it to end.
        """
        self._refused = error = RequestCancelled()
        if self._relay is not None:
            self._relay.cancel(error)

    # What the relay answers.

    @property
    def on_gone(self) -> Callable[[], None] | None:
        """
        As `IDownstream.on_gone`.
        """
        gone: Callable[[], None] | None = self._downstream.on_gone
        return gone

    @on_gone.setter
    def on_gone(self, gone: Callable[[], None] | None) -> None:
        self._downstream.on_gone = gone

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """
        As `IDownstream.registerProducer`.
        """
        self._downstream.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        As `IDownstream.unregisterProducer`.
        """
        self._downstream.unregisterProducer()

    def inform(
        self, code: int, phrase: bytes, headers: Sequence[tuple[bytes, bytes]]
    ) -> None:
        """
        As `IDownstream.inform`.
        """
        self._downstream.inform(code, phrase, headers)

    def begin(
        self,
        code: int,
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        length: int | None,
    ) -> None:
        """
        The head of the response is there.
        """
        self._answered(code, headers)
        self._downstream.begin(code, phrase, headers, length)

    def _answered(self, code: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._code = code
        self.entry.answered(headers)
        usage = self.usage
        if usage is not None:
            usage.begin(code, headers)
            self._feed = usage.feed
        if self.capture is not None:
            self.capture.response_head(code, headers)

    def send(self, data: bytes) -> None:
        """
        A piece of the body.
        """
        if self._first_byte is None:
            self._first_byte = waited = self._recorder.seconds() - self._began
            self._recorder.first_byte(self.entry.model, waited)
        self.entry.resp_bytes += len(data)
        feed = self._feed
        if feed is not None:
            feed(data)
        capture = self.capture
        if capture is not None:
            capture.response_data(data)
        self._downstream.send(data)

    def flush(self) -> None:
        """
        As `IDownstream.flush`.
        """
        self._downstream.flush()

    def end(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """
        The response is whole.
        """
        self._ending = ""
        self._downstream.end(trailers)

    def cut(self) -> None:
        """
        The response will never be whole.
        """
        self._ending = _BROKE_OFF
        self._downstream.cut()

    def refuse(self, error: RequestError) -> None:
        """
        There is no response of the model.
        """
        self._refused = error
        self._downstream.refuse(error)

    def switch(
        self,
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        successor: object,
        close: Callable[[], None] | None,
    ) -> bytes:
        """
        As `ISwitchingDownstream.switch`.
        """
        self._answered(101, headers)
        early: bytes = self._downstream.switch(phrase, headers, successor, close)
        return early

    # How it ends.

    def ended(self) -> None:
        """
        The request is over, however.  Once is enough.
        """
        if not self._over:
            self._over = True
            # It has this one as its downstream: see `Entry.removed`.
            self._relay = None
            if self._released is not None:
                self._released()
            if self._code is None and self.capture is not None:
                # It was answered behind this one's back, where it was answered.
                headers, body = self._client.refused_with
                self.capture.response_head(self.status, headers)
                self.capture.response_data(body)
            self._recorder.over(self)

    @property
    def status(self) -> int:
        """
        What became of it, as an HTTP status.
        """
        if self._code is not None:
            return self._code
        refused = self._refused or self._client.refused
        return CLIENT_GONE if refused is None else refused.status

    def row(self, timestamp: float) -> Row:
        """
        What is kept of it.

        :param timestamp: when it ended, in seconds since the epoch.
        """
        duration_ms = round((self._recorder.seconds() - self._began) * 1000)
        tokens, error, content_type = Tokens(), self._failure(), b""
        if self._code is None:
            for name, value in self._client.refused_with[0]:
                if name.lower() == b"content-type":
                    content_type = value
        elif self.usage is not None:
            content_type = self.usage.content_type
            found = self.usage.finish(duration_ms)
            tokens, duration_ms = found.tokens, found.duration_ms
            error = error or found.error
        return Row(
            timestamp=timestamp,
            model=self.entry.model,
            req_path=self.entry.req_path,
            resp_content_type=content_type.decode("latin-1"),
            resp_status_code=self.status,
            tokens=tokens,
            duration_ms=duration_ms,
            error_msg=error[:_LONGEST_ERROR],
            metadata=self._metadata(),
        )

    def _failure(self) -> str:
        """
        What went wrong on our side, or the client's.
        """
        refused = self._refused or self._client.refused
        if refused is not None:
            return str(refused)
        if self._ending is not None:
            return self._ending
        when = "before there was an answer" if self._code is None else "before its end"
        return f"the client left {when}"

    def _metadata(self) -> Mapping[str, str]:
        metadata = dict(self.entry.metadata)
        wait = self._wait
        if wait is not None:
            waited = wait.queued_for
            if waited is not None:
                metadata["queue_ms"] = str(round(waited * 1000))
            if wait.load_time:
                metadata["load_ms"] = str(round(wait.load_time * 1000))
        if self._first_byte is not None:
            metadata["ttft_ms"] = str(round(self._first_byte * 1000))
        return metadata
