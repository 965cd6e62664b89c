"""
The loading state: a client that waits for a stream of chat is told so in the
stream itself.

Both sides of a relay are wrapped.  On the one side a wait for a model tells what
becomes of it; on the other the client, once it has been told something, gets the
model's answer as the rest of that same response, whatever it turns out to be.
The relay between the two knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import orjson
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import NoStream, RequestError
from ..interfaces import IDownstream
from .relay import Leases

_log = Logger()

#: Seconds between two signs of life: often enough that, for all that may delay
#: one, they are never more than a second apart.
_LIFE_INTERVAL = 0.8

#: How much of an answer that is no stream is kept, in bytes, to tell the client.
_KEPT = 64 * 1024

#: How much of it is quoted, in characters, where it is no error object.
_QUOTED = 1000

_HEAD = [
    (b"Content-Type", b"text/event-stream"),
    (b"Cache-Control", b"no-cache"),
    (b"X-Accel-Buffering", b"no"),
]

_DONE = b"data: [DONE]\n\n"


class _Stage(Enum):
    """
    How far the response to a client has come.
    """

    UNTOUCHED = "nothing of ours was sent"
    TOLD = "the head, and lines that tell of the loading"
    STREAM = "the model's own stream follows on that"
    REJECTED = "the model answers with something else"
    OVER = "an error was its end"


@implementer(IDownstream, IPushProducer)
class LoadingDownstream:
    """
    The client's side of a request that may wait for its model.

    Until something was told, all goes to the client as it comes.  After that the
    head is sent, so what would need another becomes an error in the stream.

    :param downstream: the client's side itself.
    :param model_id: the model that the request is for.
    """

    __slots__ = (
        "__weakref__",
        "_answer",
        "_answered",
        "_downstream",
        "_model_id",
        "_paused",
        "_producer",
        "_stage",
    )

    def __init__(self, downstream: IDownstream, model_id: str) -> None:
        self._downstream = downstream
        self._model_id = model_id
        self._stage = _Stage.UNTOUCHED
        # From the first line to the end the client's producer is this, so that a
        # client that is slow at first, or no longer, is seen to be so all the way.
        self._paused = False
        self._producer: Any = None
        # Where the answer is no stream: its status, and what came of it.
        self._answered = (0, "")
        self._answer = b""

    @property
    def on_gone(self) -> Callable[[], None] | None:
        """
        As `IDownstream.on_gone`.
        """
        return self._downstream.on_gone

    @on_gone.setter
    def on_gone(self, gone: Callable[[], None] | None) -> None:
        self._downstream.on_gone = gone

    # While the model is waited for.

    def open(self) -> None:
        """
        Something is going to be told: send the head, unless it was sent for an
        earlier wait.
        """
        if self._stage is _Stage.UNTOUCHED:
            self._stage = _Stage.TOLD
            self._downstream.begin(200, b"OK", _HEAD, None)
            self._downstream.registerProducer(self, True)

    def tell(self, text: str) -> None:
        """
        Tell the client something, unless it does not read.
        """
        if not self._paused:
            self._send_text(text)
            self._downstream.flush()

    def close(self, text: str) -> None:
        """
        The model is there.

        :param text: the last that is told of the wait for it.
        """
        self._send_text(text)
        self._downstream.flush()

    def _send_text(self, text: str) -> None:
        delta = {"reasoning_content": text}
        self._downstream.send(_event({"choices": [{"delta": delta}]}))

    # As the client's producer.

    def pauseProducing(self) -> None:
        """
        The client is slow.
        """
        self._paused = True
        if self._producer is not None:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        """
        It reads on.
        """
        self._paused = False
        if self._producer is not None:
            self._producer.resumeProducing()

    def stopProducing(self) -> None:
        """
        It is gone, which is told by `on_gone` too.
        """
        if self._producer is not None:
            self._producer.stopProducing()

    # What the relay answers.

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """
        As `IDownstream.registerProducer`.
        """
        if self._stage is _Stage.UNTOUCHED:
            self._downstream.registerProducer(producer, streaming)
            return
        self._producer = producer
        if self._paused:
            self._producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """
        As `IDownstream.unregisterProducer`: what follows is the end.
        """
        self._producer = None
        self._downstream.unregisterProducer()

    def inform(
        self, code: int, phrase: bytes, headers: Sequence[tuple[bytes, bytes]]
    ) -> None:
        """
        Pass on an interim response; behind the head there is no place for one.
        """
        if self._stage is _Stage.UNTOUCHED:
            self._downstream.inform(code, phrase, headers)

    def begin(
        self,
        code: int,
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        length: int | None,
    ) -> None:
        """
        The model answers.
        """
        if self._stage is _Stage.UNTOUCHED:
            self._downstream.begin(code, phrase, headers, length)
        elif code == 200 and _is_plain_stream(headers):
            self._stage = _Stage.STREAM
        else:
            self._stage = _Stage.REJECTED
            self._answered = (code, phrase.decode("ascii", "replace"))

    def send(self, data: bytes) -> None:
        """
        A piece of the model's answer.
        """
        if self._stage is _Stage.REJECTED:
            self._answer += data
            if len(self._answer) > _KEPT:
                self._drop_rest()
        elif self._stage is not _Stage.OVER:
            self._downstream.send(data)

    def flush(self) -> None:
        """
        As `IDownstream.flush`.
        """
        if self._stage is not _Stage.OVER:
            self._downstream.flush()

    def end(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """
        The model's answer is whole.
        """
        if self._stage is _Stage.REJECTED:
            self._end_with(self._rejection())
        else:
            self._downstream.end(trailers)

    def cut(self) -> None:
        """
        The model's answer will never be whole.
        """
        if self._stage is _Stage.REJECTED:
            self._end_with(self._rejection())
        else:
            self._downstream.cut()

    def refuse(self, error: RequestError) -> None:
        """
        There is no answer of the model.
        """
        if self._stage is _Stage.UNTOUCHED:
            self._downstream.refuse(error)
        else:
            self._downstream.unregisterProducer()
            self._end_with(error.as_json())

    def _drop_rest(self) -> None:
        """
        Want no more of an answer that is not passed on.  To the relay that is a
        client that leaves.
        """
        gone = self._downstream.on_gone
        self.unregisterProducer()
        if gone is not None:
            gone()
        self._end_with(self._rejection())

    def _end_with(self, error: object) -> None:
        self._stage = _Stage.OVER
        self._downstream.send(_event({"error": error}) + _DONE)
        self._downstream.end()

    def _rejection(self) -> object:
        """
        The error that the model itself tells, or ours that quotes it.
        """
        try:
            document = orjson.loads(self._answer)
        except orjson.JSONDecodeError:
            document = None
        if isinstance(document, dict) and isinstance(document.get("error"), dict):
            return document["error"]
        code, phrase = self._answered
        quoted = self._answer.decode("utf-8", "replace").strip()[:_QUOTED]
        return NoStream(self._model_id, code, phrase, quoted).as_json()


class LoadingLeases:
    """
    Where leases come from for a request whose client is told of the wait.

    :param clock: for the signs of life.
    :param leases: where they come from.
    :param client: is told.
    """

    __slots__ = ("_client", "_clock", "_leases")

    def __init__(
        self, clock: IReactorTime, leases: Leases, client: LoadingDownstream
    ) -> None:
        self._clock = clock
        self._leases = leases
        self._client = client

    def acquire(
        self, model_id: str, on_position: Callable[[int], None] | None = None
    ) -> Deferred[Any]:
        """
        Ask for a model, and tell what becomes of it.

        :param on_position: of no use: it is the client that is told.
        :returns: as `Leases.acquire`.
        """
        return _Wait(self._clock, self._leases, self._client, model_id).begin()

    def when_not_ready(self, model_id: str) -> Deferred[None]:
        """
        As `Leases.when_not_ready`.
        """
        return self._leases.when_not_ready(model_id)


class _Wait:
    """
    One wait for a model.
    """

    __slots__ = (
        "_client",
        "_clock",
        "_decided",
        "_leases",
        "_life",
        "_model_id",
        "_not_ready",
        "_position",
        "_since",
    )

    def __init__(
        self,
        clock: IReactorTime,
        leases: Leases,
        client: LoadingDownstream,
        model_id: str,
    ) -> None:
        self._clock = clock
        self._leases = leases
        self._client = client
        self._model_id = model_id
        self._since = clock.seconds()
        self._position = 0
        self._decided: IDelayedCall | None = None
        self._not_ready: Deferred[None] | None = None
        self._life: LoopingCall | None = None

    def begin(self) -> Deferred[Any]:
        """
        Ask for the model.
        """
        granted = self._leases.acquire(self._model_id, self._placed)
        return granted.addBoth(self._over)

    def _placed(self, position: int) -> None:
        """
        The request waits: the scheduler has not refused it.
        """
        self._position = position
        if self._life is not None:
            self._client.tell(
                f"\nPlace {position} in the queue" if position else "\nStarting it now"
            )
        elif self._decided is None:
            # The scheduler may be about to refuse it all the same: what it begins
            # for it may fail at once, as with a model that is backing off.
            self._decided = self._clock.callLater(0, self._waits)

    def _waits(self) -> None:
        """
        It really waits.  Where its model is ready, it does so for a free slot, and
        nothing is loaded; but that may change.
        """
        self._not_ready = self._leases.when_not_ready(self._model_id)
        self._not_ready.addCallbacks(self._tell, self._swallow_cancelled)
        self._not_ready.addErrback(self._broken)

    def _tell(self, _: object) -> None:
        self._client.open()
        place = f", place {self._position} in the queue" if self._position else ""
        self._client.tell(f"Loading model {self._model_id!r}{place}")
        self._life = life = LoopingCall(self._client.tell, ".")
        life.clock = self._clock
        life.start(_LIFE_INTERVAL, now=False).addErrback(self._broken)

    def _swallow_cancelled(self, reason: Failure) -> None:
        reason.trap(CancelledError)

    def _broken(self, reason: Failure) -> None:
        _log.failure(
            "telling that model {model} is loading", reason, model=self._model_id
        )

    def _over(self, result: Any) -> Any:
        """
        Granted, refused, or the client is gone.
        """
        if self._decided is not None and self._decided.active():
            self._decided.cancel()
        if self._not_ready is not None:
            self._not_ready.cancel()
        life, self._life = self._life, None
        if life is None:
            return result
        life.stop()
        if not isinstance(result, Failure):
            seconds = self._clock.seconds() - self._since
            self._client.close(f"\nReady after {seconds:.1f} s\n\n")
        return result


def with_loading_state(
    clock: IReactorTime, leases: Leases, downstream: IDownstream, model_id: str
) -> tuple[LoadingLeases, LoadingDownstream]:
    """
    Let a request's client be told that its model is loading.

    :param clock: for the signs of life.
    :param leases: where the model comes from.
    :param downstream: the client's side.
    :param model_id: the model that the request is for.
    :returns: what a relay takes in place of ``leases`` and ``downstream``.
    """
    client = LoadingDownstream(downstream, model_id)
    return LoadingLeases(clock, leases, client), client


def _event(document: object) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(document)


def _is_plain_stream(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """
    Whether a body is events that can follow on ours.
    """
    is_stream = False
    for name, value in headers:
        low = name.lower()
        if low == b"content-type":
            is_stream = value[:17].lower() == b"text/event-stream"
        elif low == b"content-encoding" and value.strip().lower() != b"identity":
            return False
    return is_stream
