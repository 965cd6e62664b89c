"""
Tests for `llamaswap_tw.web.inference`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone

from llamaswap_tw.errors import ConcurrencyLimit
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.proxy.agent import Agent
from llamaswap_tw.proxy.peers import PeerLeases
from llamaswap_tw.routing.directory import Directory
from llamaswap_tw.web.endpoints import model_routes
from llamaswap_tw.web.front import Front
from llamaswap_tw.web.inference import Inference
from tests.activity.recording import Records

from .support import Connection, Response, configured

JSON = {"Content-Type": "application/json"}
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=xyz"}
MIB = 1024 * 1024


def form(*fields: tuple[str, bytes]) -> bytes:
    """
    A multipart form; a field whose name ends in ``.bin`` is a file.
    """
    parts = []
    for name, value in fields:
        file = '; filename="f"' if name.endswith(".bin") else ""
        head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"{file}'
        parts.append(head.encode() + b"\r\n\r\n" + value + b"\r\n")
    return b"".join([*parts, b"--xyz--\r\n"])


class Answer:
    """
    A model's answer, driven by hand.
    """

    code = 200
    phrase = b"OK"
    raw_headers = [(b"Content-Type", b"application/json")]
    length: int | None = None
    trailers: list[tuple[bytes, bytes]] = []
    aborted = False
    paused = False

    def deliverBody(self, protocol: Any) -> None:
        self.protocol = protocol
        protocol.makeConnection(self)

    def deliver(self, data: bytes) -> None:
        self.protocol.dataReceived(data)
        self.protocol.data_delivered()

    def end(self) -> None:
        self.protocol.connectionLost(Failure(ResponseDone()))

    def abort(self) -> None:
        self.aborted = True

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def stopProducing(self) -> None:
        pass


class Model:
    """
    Gives out leases on itself, and remembers what is sent up to it.
    """

    base_url = "http://localhost:5800"

    queued_for = 0.0

    load_time = 0.0

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: list[Deferred[Any]] = []
        self.sent: list[tuple[bytes, bytes, dict[bytes, bytes], Any]] = []
        self.answers: list[Deferred[Any]] = []
        self.released = 0
        self.cancelled = 0

    @property
    def client(self) -> Model:
        return self

    @property
    def model_id(self) -> str:
        return self.asked[-1]

    def acquire(
        self, model_id: str, on_position: Callable[[int], None] | None = None
    ) -> Deferred[Any]:
        self.asked.append(model_id)
        self.waiting.append(Deferred(self._cancel))
        return self.waiting[-1]

    def when_not_ready(self, model_id: str) -> Deferred[None]:
        return Deferred()

    def request(
        self, method: bytes, url: bytes, headers: Any, body: Any, inform: Any
    ) -> Deferred[Any]:
        self.sent.append((method, url, dict(headers), body))
        self.answers.append(Deferred(self._cancel))
        return self.answers[-1]

    def release(self) -> None:
        self.released += 1

    def _cancel(self, waiting: Deferred[Any]) -> None:
        self.cancelled += 1


class Threads:
    """
    Threads whose work is done when a test says so.
    """

    def __init__(self) -> None:
        self.jobs: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def run(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        fired: Deferred[Any] = Deferred()
        self.jobs.append((fired, lambda: function(*args)))
        return fired

    def step(self) -> None:
        fired, job = self.jobs.pop(0)
        try:
            result = job()
        except Exception:
            fired.errback(Failure())
        else:
            fired.callback(result)

    def work(self) -> None:
        while self.jobs:
            self.step()


class InferenceTestCase(SynchronousTestCase):
    """
    A client of a daemon with some models.
    """

    config = configured()

    def setUp(self) -> None:
        self.model = Model()
        self.threads = Threads()
        self.clock = Clock()
        self.records = Records(self.clock)
        self.states = dict.fromkeys(self.config.models, ProcessState.STOPPED)
        self.directory = Directory(self.config, lambda model: self.states[model])
        self.connect()

    def connect(self) -> None:
        # To these, the same model answers as if it were a peer.
        peers: Any = {
            name: PeerLeases(peer, cast(Agent, self.model))
            for name, peer in self.config.peers.items()
        }
        self.inference = Inference(
            self.clock,
            self.config,
            self.directory,
            self.model,
            peers,
            self.threads.run,
            self.records.recorder,
        )
        front = Front(
            self.inference,
            model_routes(),
            lambda request: request.respond(200, [], b"other"),
        )
        self.connection = Connection(front.route, 64 * MIB, 4096, self.threads.run)

    def grant(self) -> Answer:
        """
        The model takes the request; its answer may come now.
        """
        answer = Answer()
        self.model.waiting[-1].callback(self.model)
        return answer

    def asked_for(self, method: str, path: str, *args: Any) -> str:
        """
        Which model a request is taken to ask for.
        """
        self.connect()
        self.connection.ask(method, path, *args)
        self.threads.work()
        self.assertEqual(self.connection.received(), b"")
        return self.model.asked[-1]

    def refusal(self, method: str, path: str, *args: Any) -> tuple[int, str, str]:
        """
        The status, message and code that a request is refused with.
        """
        self.connect()
        self.connection.ask(method, path, *args)
        self.threads.work()
        response = self.connection.response()
        error = json.loads(response.body)["error"]
        return response.status, error["message"], error["code"]


class ModelNameTests(InferenceTestCase):
    """
    Where a request says which model it wants.
    """

    def test_json(self) -> None:
        """
        In a JSON body, whatever the path.
        """
        for path in model_routes():
            if b"POST" in model_routes()[path].methods:
                asked = self.asked_for(
                    "POST", path.decode(), JSON, b'{"model": "llama"}'
                )
                self.assertEqual((path, asked), (path, "llama"))

    def test_json_by_first_character(self) -> None:
        """
        A body that begins with a brace is JSON whatever its type says; blanks
        and a byte order mark before it are read over.
        """
        for headers in ({}, URLENCODED, MULTIPART, {"Content-Type": "text/plain"}):
            for before in (b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"):
                asked = self.asked_for(
                    "POST", "/v1/completions", headers, before + b'{"model":"llama"}'
                )
                self.assertEqual(asked, "llama")

    def test_names(self) -> None:
        """
        An alias, an id with a slash and an id beyond ASCII are names.
        """
        for name, model in (
            ("llama-alias", "llama"),
            ("org/alias", "llama"),
            ("org/model", "org/model"),
            ("zébra", "zébra"),
        ):
            body = json.dumps({"model": name}).encode()
            self.assertEqual(self.asked_for("POST", "/rerank", JSON, body), model)
            raw = json.dumps({"model": name}, ensure_ascii=False).encode()
            self.assertEqual(self.asked_for("POST", "/rerank", JSON, raw), model)

    def test_repeated_key(self) -> None:
        """
        Of a key that is repeated the last counts, as in every JSON parser.
        """
        body = b'{"model":"hidden","model":"llama"}'
        self.assertEqual(self.asked_for("POST", "/infill", JSON, body), "llama")

    def test_forms(self) -> None:
        """
        In a form, urlencoded or multipart, on every path.
        """
        for path in ("/v1/audio/transcriptions", "/v1/chat/completions"):
            asked = self.asked_for(
                "POST", path, URLENCODED, b"a=1&model=org%2Fmodel&stream=true"
            )
            self.assertEqual(asked, "org/model")
            body = form(("f.bin", b"\0\xff{"), ("model", b"llama"))
            self.assertEqual(self.asked_for("POST", path, MULTIPART, body), "llama")

    def test_query(self) -> None:
        """
        In the query, with GET and HEAD, and with a POST whose body is empty or
        neither JSON nor a form.
        """
        for method, path in (
            ("GET", "/props?model=llama"),
            ("HEAD", "/sdapi/v1/loras?x=1&model=llama"),
            ("GET", "/v1/audio/voices?model=llama"),
            ("POST", "/v1/audio/voices?model=llama"),
        ):
            self.assertEqual(self.asked_for(method, path), "llama")
        wav = {"Content-Type": "audio/wav"}
        for headers in (wav, {}):
            asked = self.asked_for(
                "POST", "/v1/audio/transcriptions?model=llama", headers, b"RIFF\0"
            )
            self.assertEqual(asked, "llama")

    def test_large(self) -> None:
        """
        A large body is looked into in a thread, one beyond memory on disk.
        """
        for size in (2 * MIB, 40 * MIB):
            body = b'{"x":"%b","model":"llama"}' % (b"x" * size)
            self.assertEqual(
                self.asked_for("POST", "/v1/completions", JSON, body), "llama"
            )
            body = form(("f.bin", b"x" * size), ("model", b"llama"))
            self.assertEqual(
                self.asked_for("POST", "/v1/images/edits", MULTIPART, body), "llama"
            )
            asked = self.asked_for(
                "POST", "/v1/images/edits?model=llama", {}, b"x" * size
            )
            self.assertEqual(asked, "llama")
        self.connection.leave()
        self.threads.work()

    def test_large_and_malformed(self) -> None:
        """
        A large body that is malformed is refused like a small one.
        """
        status, message, _ = self.refusal(
            "POST", "/v1/completions", JSON, b'{"x":"%b"' % (b"x" * 2 * MIB)
        )
        self.assertEqual(status, 400)
        self.assertIn("offset 2097159", message)

    def test_client_leaves_while_looked_into(self) -> None:
        """
        A client that leaves while its body is looked into asks for no model.
        """
        for size in (2 * MIB, 40 * MIB):
            self.connect()
            body = b'{"x":"%b","model":"llama"}' % (b"x" * size)
            self.connection.ask("POST", "/v1/completions", JSON, body)
            self.connection.leave()
            self.threads.work()
        self.assertEqual(self.model.asked, [])


class RefusalTests(InferenceTestCase):
    """
    What is no request for one of our models is told so.
    """

    def test_none_named(self) -> None:
        """
        404 where no model is named, or none in words.
        """
        for body in (b"{}", b"[]", b'{"model":5}', b'{"model":""}', b'{"model":null}'):
            status, message, code = self.refusal("POST", "/v1/completions", JSON, body)
            self.assertEqual((body, status), (body, 404))
            self.assertEqual(message, "no model id could be identified")
            self.assertEqual(code, "not_found")
        for args in (
            ("POST", "/v1/completions"),
            ("GET", "/props"),
            ("GET", "/props?model="),
            ("POST", "/v1/images/edits", MULTIPART, form(("a", b"1"))),
            ("POST", "/v1/images/edits", URLENCODED, b"a=1"),
            ("POST", "/v1/images/edits", {}, b"model=llama"),
        ):
            self.assertEqual(self.refusal(*args)[0], 404)

    def test_unknown(self) -> None:
        """
        404 for a model that is not ours, with the ids that look like it.
        """
        status, message, code = self.refusal(
            "POST", "/v1/completions", JSON, b'{"model":"lama"}'
        )
        self.assertEqual((status, code), (404, "model_not_found"))
        self.assertIn("'lama'", message)
        self.assertIn("llama", message.partition("did you mean")[2])
        self.assertEqual(self.model.asked, [])

    def test_malformed(self) -> None:
        """
        400 for JSON that is none, with the offset, and for a broken form.
        """
        status, message, code = self.refusal(
            "POST", "/v1/completions", JSON, b'{"model": llama}'
        )
        self.assertEqual((status, code), (400, "bad_request"))
        self.assertIn("offset 10", message)
        for headers in (MULTIPART, {"Content-Type": "multipart/form-data"}):
            status, _, _ = self.refusal("POST", "/v1/images/edits", headers, b"nope")
            self.assertEqual(status, 400)

    def test_method(self) -> None:
        """
        405 for another method, with those that are possible.
        """
        for method, path, allowed in (
            ("GET", "/v1/chat/completions", "POST"),
            ("PATCH", "/v1/chat/completions", "POST"),
            ("DELETE", "/props?model=llama", "GET, HEAD"),
            ("PUT", "/v1/audio/voices", "POST, GET, HEAD"),
        ):
            self.connect()
            self.connection.ask(method, path)
            response = self.connection.response()
            self.assertEqual((path, response.status), (path, 405))
            self.assertEqual(response.headers["allow"], allowed)
            self.assertEqual(json.loads(response.body)["src"], "llama-swap")

    def test_text(self) -> None:
        """
        A client that prefers text is told in text, but for 429: that is JSON
        and says when to try again.
        """
        self.connection.ask("GET", "/props", {"Accept": "text/plain"})
        self.assertEqual(
            self.connection.response().body,
            b"llama-swap: no model id could be identified\n",
        )
        self.connection.ask("GET", "/props?model=llama", {"Accept": "text/plain"})
        self.model.waiting[0].errback(ConcurrencyLimit("llama", 10))
        response = self.connection.response()
        self.assertEqual(response.status, 429)
        self.assertEqual(response.headers["content-type"], "application/json")
        self.assertEqual(response.headers["retry-after"], "1")

    def test_several_lines(self) -> None:
        """
        What a client prefers may stand in several lines, which are one list.
        """
        text, json_type = b"Accept: text/plain\r\n", b"Accept: application/json\r\n"
        for lines, expected in (
            (text + json_type, "text/plain; charset=utf-8"),
            (json_type + text, "application/json"),
        ):
            self.connect()
            self.connection.send(
                b"GET /props HTTP/1.1\r\nHost: h\r\n" + lines + b"\r\n"
            )
            response = self.connection.response()
            self.assertEqual(response.headers["content-type"], expected)

    def test_connection_lives_on(self) -> None:
        """
        After a refusal the connection takes the next request.
        """
        self.connection.ask("POST", "/v1/completions", JSON, b"{}")
        self.assertEqual(self.connection.response().status, 404)
        self.connection.ask("POST", "/v1/completions", JSON, b'{"model":"llama"}')
        self.assertEqual(self.model.asked, ["llama"])


class RelayedTests(InferenceTestCase):
    """
    What goes up, and what comes back.
    """

    def test_goes_up(self) -> None:
        """
        Method, path, query and body go up byte for byte.
        """
        body = b' {"model" : "llama", "x": 1e400 }\n'
        self.connection.ask("POST", "/v1/chat/completions?b=%2f+%20&b=2&a", JSON, body)
        self.grant()
        method, url, headers, sent = self.model.sent[0]
        self.assertEqual(method, b"POST")
        self.assertEqual(
            url, b"http://localhost:5800/v1/chat/completions?b=%2f+%20&b=2&a"
        )
        self.assertEqual(sent, body)
        self.assertEqual(headers[b"Host"], b"h")
        self.assertEqual(headers[b"X-Forwarded-For"], b"192.168.1.1")

    def test_rewritten_path(self) -> None:
        """
        The paths that go up as another do; an empty query stays one.
        """
        for path, sent in (
            ("/v/chat/completions", b"/chat/completions"),
            ("/audioapi/v1/tasks/run", b"/v1/tasks/run"),
            ("/v1/completions?", b"/v1/completions?"),
        ):
            self.connect()
            self.connection.ask("POST", path, JSON, b'{"model":"llama"}')
            self.grant()
            self.assertEqual(self.model.sent[-1][1], b"http://localhost:5800" + sent)

    def test_comes_back(self) -> None:
        """
        Each chunk is sent as it comes; then the connection takes the next
        request.
        """
        self.connection.ask("POST", "/v1/completions", JSON, b'{"model":"llama"}')
        answer = self.grant()
        self.model.answers[0].callback(answer)
        answer.deliver(b"one")
        response = Response(self.connection.received())
        self.assertEqual((response.status, response.body), (200, b"3\r\none\r\n"))
        answer.deliver(b"two")
        self.assertEqual(self.connection.received(), b"3\r\ntwo\r\n")
        self.assertEqual(self.model.released, 0)
        answer.end()
        self.assertEqual(self.connection.received(), b"0\r\n\r\n")
        self.assertEqual(self.model.released, 1)

    def test_slow_client(self) -> None:
        """
        While the client is slow the model is paused.
        """
        self.connection.ask("POST", "/v1/completions", JSON, b'{"model":"llama"}')
        answer = self.grant()
        self.model.answers[0].callback(answer)
        self.connection.channel.pauseProducing()
        self.assertTrue(answer.paused)
        self.connection.channel.resumeProducing()
        self.assertFalse(answer.paused)

    def test_client_leaves(self) -> None:
        """
        A client that leaves, while it waits, before the head or in the stream,
        leaves nothing behind.
        """
        for stage in range(3):
            self.model = Model()
            self.connect()
            self.connection.ask("POST", "/v1/completions", JSON, b'{"model":"llama"}')
            answer = Answer()
            if stage > 0:
                self.model.waiting[0].callback(self.model)
            if stage > 1:
                self.model.answers[0].callback(answer)
            self.connection.leave()
            self.assertEqual(self.model.cancelled, 0 if stage == 2 else 1)
            self.assertEqual(answer.aborted, stage == 2)
            self.assertEqual(self.model.released, 0 if stage == 0 else 1)

    def test_pipelined(self) -> None:
        """
        A request that comes while another is relayed waits for its turn, in
        whatever pieces, and is not lost.
        """
        self.connection.ask("POST", "/v1/completions", JSON, b'{"model":"llama"}')
        answer = self.grant()
        self.model.answers[0].callback(answer)
        second = (
            b"POST /v1/completions HTTP/1.1\r\nHost: h\r\n"
            b'Content-Length: 21\r\n\r\n{"model":"'
        )
        self.connection.send(second[:30])
        self.connection.send(second[30:])
        self.assertEqual(self.model.asked, ["llama"])
        answer.deliver(b"one")
        answer.end()
        self.assertTrue(self.connection.received().endswith(b"0\r\n\r\n"))
        self.assertEqual(self.model.asked, ["llama"])
        self.connection.send(b'org/model"}')
        self.assertEqual(self.model.asked, ["llama", "org/model"])

    def test_broken_off(self) -> None:
        """
        An answer that breaks off is seen as truncated.
        """
        self.connection.ask("POST", "/v1/completions", JSON, b'{"model":"llama"}')
        answer = self.grant()
        self.model.answers[0].callback(answer)
        answer.deliver(b"one")
        answer.protocol.connectionLost(connectionDone)
        self.assertFalse(self.connection.received().endswith(b"0\r\n\r\n"))
        self.assertTrue(self.connection.transport.disconnecting)
