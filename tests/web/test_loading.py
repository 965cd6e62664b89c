"""
Tests for `llamaswap_tw.web.inference`: which requests are told that their model is
loading.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, succeed

from llamaswap_tw.errors import ConcurrencyLimit, StartFailed

from .support import Response, configured
from .test_inference import JSON, URLENCODED, Answer, InferenceTestCase, Model

CONFIG = """
sendLoadingState: true
models:
  told: {cmd: "serve --port ${PORT}", aliases: [also-told]}
  untold: {cmd: "serve --port ${PORT}", sendLoadingState: false}
  whole:
    cmd: serve --port ${PORT}
    filters:
      setParams: {stream: false}
      setParamsByID: {streamed: {stream: true}}
    aliases: [streamed]
  stripped: {cmd: "serve --port ${PORT}", filters: {stripParams: "stream, a.stream"}}
  untouched: {cmd: "serve --port ${PORT}", useModelName: x}
peers:
  far: {proxy: "http://far.example", models: [big]}
"""

CHAT = "/v1/chat/completions"


class Loading(Model):
    """
    A model that has to be loaded.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ready = False

    def acquire(self, model_id: str, on_position: Any = None) -> Deferred[Any]:
        waiting = super().acquire(model_id)
        if on_position is not None:
            on_position(0)
        return waiting

    def when_not_ready(self, model_id: str) -> Deferred[None]:
        return Deferred() if self.ready else succeed(None)


class LoadingTests(InferenceTestCase):
    """
    A stream of chat can tell that its model is loading.
    """

    config = configured(CONFIG)

    model: Loading

    def setUp(self) -> None:
        super().setUp()
        self.begin()

    def begin(self) -> None:
        """
        Another model, another connection.
        """
        self.model = Loading()
        self.connect()

    def ask(self, model: str, path: str = CHAT, **more: Any) -> Response | None:
        """
        What has come, if anything, while the model is loaded.
        """
        self.begin()
        body = json.dumps({"model": model, "stream": True, **more}).encode()
        self.connection.ask("POST", path, JSON, body)
        return self.come()

    def come(self) -> Response | None:
        """
        What has come since this was last asked.
        """
        self.threads.work()
        self.clock.advance(0)
        data = self.connection.received()
        return Response(data) if data else None

    def test_stream(self) -> None:
        """
        The head, the lines and the model's own stream are one response, and then
        the connection takes the next request.
        """
        response = self.ask("also-told")
        assert response is not None
        self.assertEqual(response.status, 200)
        self.assertEqual(response.headers["content-type"], "text/event-stream")
        self.assertEqual(response.headers["cache-control"], "no-cache")
        self.assertEqual(response.headers["x-accel-buffering"], "no")
        line = (
            b'data: {"choices":[{"delta":'
            b'{"reasoning_content":"Loading model \'told\'"}}]}\n\n'
        )
        self.assertEqual(response.body, b"%x\r\n%b\r\n" % (len(line), line))
        self.clock.advance(1.0)
        self.assertIn(b'"."', self.connection.received())
        answer = self.grant()
        answer.raw_headers = [(b"Content-Type", b"text/event-stream")]
        self.model.answers[0].callback(answer)
        self.assertIn(b"Ready after 1.0 s", self.connection.received())
        answer.deliver(b"data: 1\n\n")
        self.assertEqual(self.connection.received(), b"9\r\ndata: 1\n\n\r\n")
        answer.end()
        self.assertEqual(self.connection.received(), b"0\r\n\r\n")
        self.assertEqual(self.model.released, 1)
        self.connection.ask("GET", "/other")
        self.assertEqual(self.connection.response().status, 200)

    def test_which(self) -> None:
        """
        It is both paths of chat, only of models that are to tell it, and only where
        what goes up asks for a stream.
        """
        for told, model, path, more in (
            (True, "told", CHAT, {}),
            (True, "told", "/v/chat/completions", {}),
            (True, "untouched", CHAT, {}),
            (True, "streamed", CHAT, {"stream": False}),
            (False, "told", "/v1/completions", {}),
            (False, "told", "/v1/messages", {}),
            (False, "told", CHAT, {"stream": False}),
            (False, "untold", CHAT, {}),
            (False, "whole", CHAT, {}),
            (False, "stripped", CHAT, {}),
        ):
            response = self.ask(model, path, **more)
            self.assertEqual((model, path, response is not None), (model, path, told))

    def test_large(self) -> None:
        """
        Large bodies, changed and unchanged, are no other case.
        """
        for model in ("told", "streamed"):
            self.assertIsNotNone(self.ask(model, x="x" * 2_000_000))

    def test_form(self) -> None:
        """
        A form asks for a stream in words.
        """
        self.connection.ask("POST", CHAT, URLENCODED, b"model=told&stream=true")
        self.assertIsNotNone(self.come())

    def test_ready(self) -> None:
        """
        Of a model that is ready nothing is told.
        """
        self.model.ready = True
        body = b'{"model":"told","stream":true}'
        self.connection.ask("POST", CHAT, JSON, body)
        self.assertIsNone(self.come())
        answer = self.grant()
        self.model.answers[0].callback(answer)
        answer.deliver(b"{}")
        self.assertEqual(
            self.connection.response().headers["content-type"], "application/json"
        )

    def test_peer(self) -> None:
        """
        A peer's models are loaded by the peer.
        """
        self.begin()
        self.connection.ask("POST", CHAT, JSON, b'{"model":"big","stream":true}')
        self.assertIsNone(self.come())
        self.assertEqual(self.model.asked, [])
        self.assertEqual(len(self.model.sent), 1)

    def test_no_coding(self) -> None:
        """
        What follows on the lines is asked for without a content coding.
        """
        for model, coding in (("told", b"identity"), ("untold", b"gzip")):
            self.begin()
            body = json.dumps({"model": model, "stream": True}).encode()
            self.connection.ask("POST", CHAT, {"Accept-Encoding": "gzip"}, body)
            self.grant()
            headers = self.model.sent[0][2]
            self.assertEqual(headers[b"Accept-Encoding"], coding)

    def test_refused_at_once(self) -> None:
        """
        What is refused before anything is told has a status of its own.
        """
        body = b'{"model":"told","stream":true}'
        self.connection.ask("POST", CHAT, JSON, body)
        self.model.waiting[0].errback(ConcurrencyLimit("told", 10))
        response = self.connection.response()
        self.assertEqual(response.status, 429)
        self.assertEqual(response.headers["retry-after"], "1")

    def test_load_fails(self) -> None:
        """
        A load that fails ends the stream; the connection lives on.
        """
        self.ask("told")
        self.model.waiting[0].errback(StartFailed("told", "exited with status 1"))
        data = self.connection.received()
        self.assertIn(b'data: {"error":{"message":"model \'told\' did not', data)
        self.assertTrue(data.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"))
        self.connection.ask("GET", "/other")
        self.assertEqual(self.connection.response().status, 200)

    def test_http_1_0(self) -> None:
        """
        To a client of HTTP/1.0 the end of the connection is the end of the stream.
        """
        body = b'{"model":"told","stream":true}'
        self.connection.send(
            b"POST %b HTTP/1.0\r\nContent-Length: %d\r\n\r\n%b"
            % (CHAT.encode(), len(body), body)
        )
        response = self.come()
        assert response is not None
        self.assertTrue(response.body.startswith(b"data: "))
        self.assertEqual(response.headers["connection"], "close")
        self.model.waiting[0].errback(StartFailed("told", "exited with status 1"))
        self.assertTrue(self.connection.received().endswith(b"data: [DONE]\n\n"))
        self.assertTrue(self.connection.transport.disconnecting)

    def test_slow_client(self) -> None:
        """
        A client that does not read is told nothing more; then the model is paused.
        """
        self.ask("told")
        self.connection.channel.pauseProducing()
        self.clock.pump([1.0] * 10)
        self.assertEqual(self.connection.received(), b"")
        answer = self.grant()
        answer.raw_headers = [(b"Content-Type", b"text/event-stream")]
        self.model.answers[0].callback(answer)
        self.assertTrue(answer.paused)

    def test_client_leaves(self) -> None:
        """
        A client that leaves while it is told leaves nothing behind.
        """
        self.ask("told")
        self.connection.leave()
        self.assertEqual(self.model.cancelled, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_answers_whole(self) -> None:
        """
        A model that answers with something that is no stream is told of as an
        error.
        """
        self.ask("told")
        answer = self.grant()
        self.assertIsInstance(answer, Answer)
        self.model.answers[0].callback(answer)
        answer.deliver(b"{}")
        answer.end()
        data = self.connection.received()
        self.assertIn(b"answered 200 OK, and not with a stream", data)
        self.assertTrue(data.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"))
        self.assertEqual(self.model.released, 1)
