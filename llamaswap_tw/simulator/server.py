"""
The server: which request is answered by what.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from itertools import count

import orjson
from twisted.internet.interfaces import IReactorTime
from twisted.web.http import HTTPFactory, Request

from . import (
    anthropic,
    audio,
    images,
    llamacpp,
    openai,
    provoke,
    responses,
    vectors,
)
from .exchange import Channel, Exchange
from .pace import Pacer
from .stats import Stats
from .text import Vocabulary

#: Answers a request.
Endpoint = Callable[["Simulator", Exchange], None]


def _both(*paths: str) -> tuple[str, ...]:
    """
    Paths with and without the version before them.
    """
    return tuple(f"{version}/{path}" for path in paths for version in ("/v1", ""))


_POSTED: Mapping[tuple[str, ...], Endpoint] = {
    _both("chat/completions"): openai.chat,
    _both("completions"): openai.completions,
    _both("responses"): responses.responses,
    _both("messages"): anthropic.messages,
    _both("messages/count_tokens"): anthropic.count_tokens,
    _both("embeddings"): vectors.embeddings,
    _both("rerank", "reranking"): vectors.rerank,
    ("/completion",): llamacpp.completion,
    ("/infill",): llamacpp.infill,
    ("/v1/audio/speech",): audio.speech,
    ("/v1/audio/transcriptions",): audio.transcriptions,
    ("/v1/audio/voices",): audio.voices,
    ("/v1/tasks/run",): audio.run_task,
    ("/v1/images/generations",): images.generations,
    ("/v1/images/edits",): images.edits,
    ("/sdapi/v1/txt2img", "/sdapi/v1/img2img"): images.txt2img,
}

_GOTTEN: Mapping[tuple[str, ...], Endpoint] = {
    _both("models"): llamacpp.models,
    ("/props",): llamacpp.props,
    ("/slots",): llamacpp.slots,
    ("/v1/audio/voices",): audio.voices,
    ("/sdapi/v1/loras",): images.loras,
}

#: Answered while loading too, whatever the method.
_PROVOKED: Mapping[bytes, Endpoint] = {
    b"/simulator/bytes": provoke.send_bytes,
    b"/simulator/cut": provoke.send_and_cut,
    b"/simulator/status": provoke.send_status,
    b"/simulator/echo": provoke.echo,
}

#: The same, and not counted.
_SHOWN: Mapping[bytes, Endpoint] = {
    b"/simulator/stats": provoke.show_stats,
    b"/simulator/pids": provoke.show_pids,
}

_HEALTH = (b"/health", b"/v1/health")


def _by_request() -> dict[tuple[bytes, bytes], Endpoint]:
    routes: dict[tuple[bytes, bytes], Endpoint] = {}
    for methods, table in (((b"POST",), _POSTED), ((b"GET", b"HEAD"), _GOTTEN)):
        for paths, endpoint in table.items():
            for path in paths:
                for method in methods:
                    routes[method, path.encode()] = endpoint
    return routes


class Simulator(HTTPFactory):
    """
    The server, which loads, and then answers.

    :param clock: all the time that it takes is this clock's.
    :param name: the model's name.
    :param rate: tokens a second; 0 for all at once.
    :param hang_health: whether a question for its health is answered only when
        it is ready.
    :param log: told each request in a line, or `None`.
    :param wall_clock: tells the time, in seconds since 1970.
    :ivar loaded: whether it is ready.
    :ivar pid: its own process.
    :ivar children: the pids of its children.
    """

    protocol = Channel  # type: ignore[assignment]  # without its HTTP/2 switch

    def __init__(
        self,
        clock: IReactorTime,
        name: str = "simulated",
        rate: float = 0.0,
        *,
        hang_health: bool = False,
        log: Callable[[str], None] | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        # A client's idle connection lasts: nobody else ends it.
        super().__init__(timeout=None, reactor=clock)  # type: ignore[arg-type]  # may be None
        self.clock = clock
        self.name = name
        self.rate = rate
        self.vocabulary = Vocabulary(name)
        self.pacer = Pacer(clock)
        self.stats = Stats(wall_clock)
        self.loaded = False
        self.pid = os.getpid()
        self.children: list[int] = []
        self._hang_health = hang_health
        self._log_line = log
        self._wall_clock = wall_clock
        self._routes = _by_request()
        self._waiting: list[Exchange] = []
        self._ids = count(1)
        self._id_prefix = os.urandom(8).hex()

    def startFactory(self) -> None:
        """
        Keep no access log of Twisted's.
        """

    def stopFactory(self) -> None:
        """
        There is nothing to close.
        """

    def log(self, request: Request) -> None:
        """
        A request was answered.
        """
        if self._log_line is not None:
            # As in the log of llama-server.
            self._log_line(
                f"request: {request.method.decode('latin-1')} "
                f"{request.uri.decode('latin-1')} "
                f"{request.client.host} {request.code}"
            )

    def wall_time(self) -> int:
        """
        Seconds since 1970.
        """
        return int(self._wall_clock())

    def new_id(self, prefix: str) -> str:
        """
        An id that no other answer has.
        """
        return f"{prefix}{self._id_prefix}{next(self._ids):08x}"

    def load(self) -> None:
        """
        It is ready from now on.
        """
        self.loaded = True
        waiting, self._waiting = self._waiting, []
        for exchange in waiting:
            self._answer_health(exchange)

    def ended(self, exchange: Exchange) -> None:
        """
        A request was answered, broken off or left.
        """
        if exchange.counted:
            self.stats.finished(exchange.outcome)

    def serve(self, exchange: Exchange) -> None:
        """
        Answer a request.
        """
        exchange.arrived = self.clock.seconds()
        path = exchange.path
        if path in _HEALTH:
            if self._hang_health and not self.loaded:
                self._waiting.append(exchange)
            else:
                self._answer_health(exchange)
            return
        if path in _SHOWN:
            _SHOWN[path](self, exchange)
            return
        exchange.counted = True
        self.stats.began()
        if path in _PROVOKED:
            self._try(_PROVOKED[path], exchange)
        elif not self.loaded:
            self._still_loading(exchange)
        else:
            self._serve_model(exchange)

    def _serve_model(self, exchange: Exchange) -> None:
        try:
            exchange.asked = _asked(exchange)
        except ValueError as error:
            exchange.refuse(400, "invalid_request_error", f"malformed JSON: {error}")
            return
        exchange.provoked = provoke.provocation(exchange)
        delay = exchange.provoked.get("delay_head")
        if delay:
            self.clock.callLater(delay, self._dispatch, exchange)
        else:
            self._dispatch(exchange)

    def _dispatch(self, exchange: Exchange) -> None:
        if exchange.gone or provoke.provoke(self, exchange):
            return
        endpoint = self._routes.get((exchange.method, exchange.path))
        if endpoint is None:
            exchange.refuse(404, "not_found_error", "File Not Found")
        else:
            self._try(endpoint, exchange)

    def _try(self, endpoint: Endpoint, exchange: Exchange) -> None:
        try:
            endpoint(self, exchange)
        except (ValueError, orjson.JSONEncodeError) as error:
            exchange.refuse(400, "invalid_request_error", str(error))

    def _answer_health(self, exchange: Exchange) -> None:
        if self.loaded:
            exchange.answer_json({"status": "ok"})
        else:
            self._still_loading(exchange)

    def _still_loading(self, exchange: Exchange) -> None:
        exchange.refuse(503, "unavailable_error", "Loading model")


def _asked(exchange: Exchange) -> dict[str, object]:
    """
    The object in a request's body; empty where it has none.

    :raises ValueError: if it begins like one and is none.
    """
    if exchange.method != b"POST":
        return {}
    exchange.content.seek(0)
    if not exchange.content.read(256).lstrip().startswith(b"{"):
        return {}
    body = exchange.body()
    value: dict[str, object]
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        # Lone surrogates and numbers beyond a float are JSON too.
        value = json.loads(body)
    return value
