"""
Answers made of tokens, whole or as a stream, in whatever shape an API wants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import orjson
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from .exchange import EVENTS, JSON, Exchange
from .text import Generation, Script, tokens_in, tokens_wanted

if TYPE_CHECKING:
    from .server import Simulator


class Shape(Protocol):
    """
    How an API puts a generation into JSON and into events.
    """

    def whole(self, generation: Generation) -> dict[str, Any]:
        """
        The answer that is not streamed.
        """

    def opening(self, generation: Generation) -> bytes:
        """
        The events before the first token; may be none.
        """

    def token(self, generation: Generation, index: int) -> bytes:
        """
        The event of one token.
        """

    def closing(self, generation: Generation) -> bytes:
        """
        The events after the last token.
        """


def data(value: Any) -> bytes:
    """
    An event without a name.
    """
    return b"data: " + orjson.dumps(value) + b"\n\n"


def event(value: dict[str, Any]) -> bytes:
    """
    An event that is named by its ``type``.
    """
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), orjson.dumps(value))


def generate(
    simulator: Simulator,
    exchange: Exchange,
    prompt: Any,
    shape: Shape,
    script: Script | None = None,
) -> None:
    """
    Answer a request with generated tokens.

    :param prompt: as `tokens_in` takes it.
    :param shape: the API's.
    :param script: what is said, whole, whatever the request's limit; or `None` for
        what the model always says.
    """
    asked, provoked = exchange.asked, exchange.provoked
    tokens, limited = tokens_wanted(asked)
    if script is not None:
        tokens, limited = len(script), False
    generation = Generation(
        model=simulator.name,
        vocabulary=simulator.vocabulary if script is None else script,
        prompt_tokens=max(1, tokens_in(prompt)),
        tokens=tokens,
        limited=limited,
        arrived=exchange.arrived,
        began=simulator.clock.seconds(),
        stamped=bool(provoked.get("stamp")),
    )
    rate = float(provoked.get("tokens_per_second", simulator.rate))
    cut_after = provoked.get("cut_after")
    if asked.get("stream"):
        Stream(simulator, exchange, generation, shape, rate, cut_after).start()
        return

    def finish(now: float) -> None:
        if exchange.gone:
            return
        generation.ended = now
        body = orjson.dumps(shape.whole(generation))
        if cut_after is None:
            exchange.answer(body)
        else:
            exchange.begin(JSON, length=len(body))
            exchange.send(body[:cut_after])
            exchange.cut()

    if rate and tokens:
        simulator.pacer.at(generation.began + tokens / rate, finish)
    else:
        finish(generation.began)


@implementer(IPushProducer)
class Stream:
    """
    Sends tokens at a steady rate, or as fast as the client takes them.

    :param rate: tokens a second; 0 for no wait.
    :param cut_after: the number of tokens after which it breaks off, or `None`.
    """

    def __init__(
        self,
        simulator: Simulator,
        exchange: Exchange,
        generation: Generation,
        shape: Shape,
        rate: float,
        cut_after: int | None,
    ) -> None:
        self._clock = simulator.clock
        self._pacer = simulator.pacer
        self._exchange = exchange
        self._generation = generation
        self._shape = shape
        self._rate = rate
        self._cut_after = cut_after
        self._limit = generation.tokens
        if cut_after is not None:
            self._limit = min(cut_after, generation.tokens)
        self._sent = 0
        self._paused = False
        self._scheduled = False
        # The first token of those that are sent in time, and when it was due.
        self._base = 0
        self._base_time = generation.began

    def start(self) -> None:
        """
        Send the head, and the first token when its time has come.
        """
        exchange = self._exchange
        exchange.begin(EVENTS)
        exchange.registerProducer(self, True)
        exchange.send(self._shape.opening(self._generation))
        self._go_on()

    def pauseProducing(self) -> None:
        """
        The client is slow.
        """
        self._paused = True

    def resumeProducing(self) -> None:
        """
        The client has read what there was.
        """
        if self._paused:
            self._paused = False
            # No catching up: a model that could not send did not run either.
            self._base, self._base_time = self._sent, self._clock.seconds()
            self._go_on()

    def stopProducing(self) -> None:
        """
        The client is gone.
        """
        self._paused = True

    def _go_on(self) -> None:
        if not self._rate:
            while self._sent < self._limit and not self._paused:
                self._exchange.send(self._shape.token(self._generation, self._sent))
                self._sent += 1
        if self._sent < self._limit:
            if self._rate and not self._paused and not self._scheduled:
                self._scheduled = True
                self._pacer.at(self._base_time + 1 / self._rate, self._due)
        elif not self._paused:
            self._finish(self._clock.seconds())

    def _due(self, now: float) -> float | None:
        if self._paused or self._exchange.gone:
            self._scheduled = False
            return None
        self._exchange.send_now(self._shape.token(self._generation, self._sent))
        self._sent += 1
        if self._sent >= self._limit:
            self._finish(now)
            return None
        return self._base_time + (self._sent - self._base + 1) / self._rate

    def _finish(self, now: float) -> None:
        exchange = self._exchange
        self._generation.ended = now
        exchange.unregisterProducer()
        if self._cut_after is not None:
            exchange.cut()
            return
        exchange.send(self._shape.closing(self._generation))
        exchange.end()
