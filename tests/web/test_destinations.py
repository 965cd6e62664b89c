"""
Tests for `llamaswap_tw.web.inference`: where requests go, and as what.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from llamaswap_tw.errors import (
    ConcurrencyLimit,
    ModelNotFound,
    QueueTimeout,
    UpstreamUnreachable,
)
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.proxy.body import RequestBody
from llamaswap_tw.proxy.failures import BrokenOff, Refused
from llamaswap_tw.routing.names import LocalModel
from llamaswap_tw.web import request

from .support import Connection, configured
from .test_inference import (
    JSON,
    MIB,
    MULTIPART,
    URLENCODED,
    Answer,
    InferenceTestCase,
    Threads,
    form,
)

CONFIG = """
groups: {together: {swap: false, members: [one, two]}}
models:
  one: {cmd: "serve --port ${PORT}", aliases: [uno]}
  two: {cmd: "serve --port ${PORT}"}
  renamed: {cmd: "serve --port ${PORT}", useModelName: the-real-one}
  filtered:
    cmd: serve --port ${PORT}
    useModelName: the-real-one
    aliases: [plain]
    filters:
      stripParams: "top_k, options.seed"
      setParams: {temperature: 0.5}
      setParamsByID:
        hot: {temperature: 2}
        picky: {"no.place": 1}
selectors:
  auto: {strategy: spillover, targets: [one, two]}
  fussy: {strategy: spillover, targets: [picky]}
  chosen: {strategy: pin, targets: [hot]}
  away: {strategy: spillover, targets: [far/org/big]}
peers:
  far:
    proxy: http://far.example:8080/base
    apiKey: its-key
    models: [org/big]
    filters: {setParams: {temperature: 0.1}}
  near: {proxy: "http://near.example", models: [plain-one]}
profiles:
  work: {pins: {best: hot, gone: "", some: auto, one: far/org/big}}
"""


class _Sink:
    """
    Takes what a producer sends.
    """

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


class DestinationsTestCase(InferenceTestCase):
    """
    A client of a daemon with selectors, profiles and peers.
    """

    config = configured(CONFIG)

    def setUp(self) -> None:
        # To fill megabytes by the dozen takes its time.
        soon_on_disk = partial(RequestBody, memory_limit=3 * MIB)
        self.patch(request, "RequestBody", soon_on_disk)
        super().setUp()

    def post(self, body: bytes, headers: Any = JSON, path: str = "/infill") -> None:
        self.connection.ask("POST", path, headers, body)

    def chat(self, model: str, **more: Any) -> None:
        self.post(json.dumps({"model": model, **more}).encode())

    def sent(self) -> bytes:
        """
        The body that goes up; the model is granted first where one of ours waits.
        """
        self.threads.work()
        if self.model.waiting and not self.model.waiting[-1].called:
            self.grant()
        body = self.model.sent[-1][3]
        if isinstance(body, bytes):
            return body
        sink = _Sink()
        done = body.startProducing(sink)
        self.threads.work()
        self.successResultOf(done)
        self.assertEqual(len(sink.data), body.length)
        return sink.data

    def sent_for(self, *args: Any) -> bytes:
        """
        The body that goes up for another.
        """
        self.connect()
        self.post(*args)
        return self.sent()

    def reserved(self, model: str = "one") -> int:
        return self.directory.selectors.reserved(LocalModel(model))


class NamesTests(DestinationsTestCase):
    """
    Which model is taken.
    """

    def test_selector(self) -> None:
        """
        A selector's requests go to its targets.
        """
        for expected in ("one", "two", "one"):
            self.assertEqual(
                self.asked_for("POST", "/infill", JSON, b'{"model":"auto"}'), expected
            )

    def test_query(self) -> None:
        """
        It may be asked for in a query too.
        """
        self.assertEqual(self.asked_for("GET", "/props?model=auto"), "one")
        self.assertEqual(self.reserved(), 1)

    def test_profile(self) -> None:
        """
        The active profile's pins come first; one that disables its id is 404.
        """
        self.directory.profiles.activate("work")
        self.assertEqual(
            self.asked_for("POST", "/infill", JSON, b'{"model":"best"}'), "filtered"
        )
        self.assertEqual(
            self.asked_for("POST", "/infill", JSON, b'{"model":"some"}'), "one"
        )
        status, message, code = self.refusal(
            "POST", "/infill", JSON, b'{"model":"gone"}'
        )
        self.assertEqual((status, code), (404, "model_not_found"))
        self.assertIn("'work'", message)

    def test_reload(self) -> None:
        """
        After a reload requests go by what holds then.
        """
        self.chat("renamed")
        self.assertEqual(json.loads(self.sent())["model"], "the-real-one")
        self.config = configured(CONFIG.replace("the-real-one", "another"))
        self.directory.reconfigured(self.config)
        self.inference.reconfigure(self.config)
        renewed = self.connection
        self.connection = Connection(
            renewed.site.route, 64 * MIB, 4096, self.threads.run
        )
        self.chat("renamed")
        self.assertEqual(json.loads(self.sent())["model"], "another")

    def test_no_target(self) -> None:
        """
        503 where every target of a selector is being stopped.
        """
        self.states.update(one=ProcessState.STOPPING, two=ProcessState.STOPPING)
        self.chat("auto")
        response = self.connection.response()
        self.assertEqual(response.status, 503)
        self.assertEqual(response.headers["retry-after"], "1")
        self.assertEqual(self.model.asked, [])


class FilterTests(DestinationsTestCase):
    """
    What is changed in a body on its way to a model of ours.
    """

    def test_unchanged(self) -> None:
        """
        Without filters it goes up as it came, by an alias and by a selector too.
        """
        for name in ("one", "uno", "auto"):
            body = b' { "model" : "%b", "n": 1.0e2 }' % name.encode()
            self.assertEqual(self.sent_for(body), body)

    def test_model_name(self) -> None:
        """
        With ``useModelName`` the model's name is another; all else keeps its bytes.
        """
        self.assertEqual(
            self.sent_for(b' { "model" : "renamed", "n": 1.0e2 }'),
            b' { "model" : "the-real-one", "n": 1.0e2 }',
        )

    def test_parameters(self) -> None:
        """
        Parameters are taken out and set, by the id that was asked for too, after
        profile and selector.
        """
        self.directory.profiles.activate("work")
        for name, temperature in (
            ("filtered", 0.5),
            ("plain", 0.5),
            ("hot", 2),
            ("best", 2),
            ("chosen", 2),
        ):
            body = {"model": name, "top_k": 4, "options": {"seed": 1, "n": 2}}
            sent = json.loads(self.sent_for(json.dumps(body).encode()))
            expected = {
                "model": "the-real-one",
                "options": {"n": 2},
                "temperature": temperature,
            }
            self.assertEqual((name, sent), (name, expected))

    def test_forms(self) -> None:
        """
        In forms the model's name is changed alone, and files keep their bytes.
        """
        self.assertEqual(
            self.sent_for(b"top_k=1&model=filtered&x=%20+", URLENCODED),
            b"top_k=1&model=the-real-one&x=%20+",
        )
        file = ("f.bin", b"\0\xff\r\n--xy{model")
        more = ("top_k", b"1")
        self.assertEqual(
            self.sent_for(form(file, ("model", b"filtered"), more), MULTIPART),
            form(file, ("model", b"the-real-one"), more),
        )

    def test_other_bodies(self) -> None:
        """
        What is neither JSON nor a form goes up as it came, and so does the query.
        """
        self.post(b"RIFF\0", {}, "/infill?model=filtered")
        self.assertEqual(self.sent(), b"RIFF\0")
        self.assertTrue(self.model.sent[-1][1].endswith(b"/infill?model=filtered"))

    def test_compressed(self) -> None:
        """
        A compressed body goes up as it is where the query names the model and nothing
        is to be changed; else it is refused, and the client told what would do.
        """
        headers = {**JSON, "Content-Encoding": "gzip"}
        self.post(b"\x1f\x8b", headers, "/infill?model=one")
        self.assertEqual(self.sent(), b"\x1f\x8b")
        for path in ("/infill?model=renamed", "/infill"):
            self.connect()
            self.post(b"\x1f\x8b", headers, path)
            response = self.connection.response()
            self.assertEqual((path, response.status), (path, 415))
            self.assertEqual(response.headers["accept-encoding"], "identity")
        headers["Content-Encoding"] = "Identity"
        body = b'{"model": "one"}'
        self.assertEqual(self.sent_for(body, headers), body)

    def test_large(self) -> None:
        """
        A large body is changed in a thread, one beyond memory on disk.
        """
        for size in (2 * MIB, 4 * MIB):
            text = b"x" * size
            self.assertEqual(
                self.sent_for(b'{"x":"%b","model":"renamed"}' % text),
                b'{"x":"%b","model":"the-real-one"}' % text,
            )
            in_memory = isinstance(self.model.sent[-1][3], bytes)
            self.assertEqual(in_memory, size < 3 * MIB)
            file = ("f.bin", text)
            self.assertEqual(
                self.sent_for(form(file, ("model", b"filtered")), MULTIPART),
                form(file, ("model", b"the-real-one")),
            )
            self.connection.leave()
            self.threads.work()

    def test_large_waits_for_threads(self) -> None:
        """
        Neither to look into a large body nor to change it holds up the others.
        """
        self.post(b'{"x":"%b","model":"renamed"}' % (b"x" * 2 * MIB))
        for _ in range(2):
            self.assertEqual(self.model.asked, [])
            self.threads.step()
        self.assertEqual(self.model.asked, ["renamed"])
        self.assertEqual(self.threads.jobs, [])

    def test_impossible(self) -> None:
        """
        400 where a parameter that is to be set has no place in the body.
        """
        body = b'{"x":"%b","no":[],"model":"picky"}'
        for size in (0, 2 * MIB, 4 * MIB):
            status, message, code = self.refusal(
                "POST", "/infill", JSON, body % (b"x" * size)
            )
            self.assertEqual((size, status, code), (size, 400, "bad_request"))
            self.assertIn("'place'", message)
            self.threads.work()
        self.assertEqual(self.model.asked, [])


class PeerTests(DestinationsTestCase):
    """
    What goes to a peer.
    """

    def url(self) -> bytes:
        url: bytes = self.model.sent[-1][1]
        return url

    def test_at_once(self) -> None:
        """
        A request for a peer's model goes up to it without a lease of ours.
        """
        self.chat("near/plain-one")
        self.assertEqual(self.model.asked, [])
        self.assertEqual(self.url(), b"http://near.example/infill")
        answer = Answer()
        self.model.answers[0].callback(answer)
        answer.deliver(b"one")
        answer.end()
        response = self.connection.response()
        self.assertEqual((response.status, response.body[:8]), (200, b"3\r\none\r\n"))

    def test_headers(self) -> None:
        """
        It gets its own Host and key, and none of what is told to our models.
        """
        headers = {"Authorization": "Bearer mine", "X-Forwarded-For": "10.0.0.1"}
        self.post(b'{"model":"org/big"}', {**JSON, **headers})
        sent = {name.lower(): value for name, value in self.model.sent[0][2].items()}
        self.assertEqual(sent[b"host"], b"far.example:8080")
        self.assertEqual(sent[b"authorization"], b"Bearer its-key")
        self.assertEqual(sent[b"x-api-key"], b"its-key")
        self.assertEqual([name for name in sent if b"forwarded" in name], [])

    def test_clients_key(self) -> None:
        """
        What a client authenticates to us with stays here; where we ask for no key it
        passes.
        """
        for keys, passed in ((("ours",), None), ((), b"Bearer ours")):
            self.config = replace(self.config, api_keys=keys)
            self.connect()
            self.post(
                b'{"model":"plain-one"}', {**JSON, "Authorization": "Bearer ours"}
            )
            self.assertEqual(self.model.sent[-1][2].get(b"Authorization"), passed)

    def test_name_in_json(self) -> None:
        """
        The name in the body becomes the peer's own, by whatever name it was asked
        for; its filters are applied.
        """
        self.directory.profiles.activate("work")
        for name in ("far/org/big", "org/big", "away", "one"):
            sent = self.sent_for(b'{"a": 1.0, "model":"%b"}' % name.encode())
            self.assertEqual(
                json.loads(sent), {"a": 1.0, "model": "org/big", "temperature": 0.1}
            )
            self.assertEqual(self.url(), b"http://far.example:8080/base/infill")
        self.assertEqual(
            self.sent_for(b' {"model" : "near/plain-one"}'), b' {"model" : "plain-one"}'
        )

    def test_name_in_form(self) -> None:
        """
        The name in a form becomes the peer's own; files keep their bytes.
        """
        self.assertEqual(
            self.sent_for(b"a=%20&model=far%2Forg%2Fbig", URLENCODED),
            b"a=%20&model=org%2Fbig",
        )
        file = ("f.bin", b"\0\xff\r\n--xy")
        self.assertEqual(
            self.sent_for(form(file, ("model", b"far/org/big")), MULTIPART),
            form(file, ("model", b"org/big")),
        )

    def test_name_in_query(self) -> None:
        """
        The name in a query becomes the peer's own, with GET and beside a body that
        cannot name it; all else keeps its bytes.
        """
        query = "?b=%2f+&model=far/org/big&a"
        sent = b"?b=%2f+&model=org%2Fbig&a"
        for method in ("GET", "HEAD"):
            self.connect()
            self.connection.ask(method, "/props" + query)
            self.assertEqual(self.url(), b"http://far.example:8080/base/props" + sent)
        self.assertEqual(self.sent_for(b"RIFF\0", {}, "/infill" + query), b"RIFF\0")
        self.assertEqual(self.url(), b"http://far.example:8080/base/infill" + sent)

    def test_large(self) -> None:
        """
        A large body is changed in a thread, one beyond memory on disk.
        """
        for size in (2 * MIB, 4 * MIB):
            text = b"x" * size
            self.assertEqual(
                self.sent_for(b'{"x":"%b","model":"near/plain-one"}' % text),
                b'{"x":"%b","model":"plain-one"}' % text,
            )
            self.connection.leave()
            self.threads.work()

    def test_unreachable(self) -> None:
        """
        502 with the reason where it cannot be reached.
        """
        self.chat("near/plain-one")
        self.model.answers[0].errback(UpstreamUnreachable("nobody listens there"))
        response = self.connection.response()
        self.assertEqual(response.status, 502)
        self.assertIn(b"nobody listens there", response.body)

    def test_refused_twice(self) -> None:
        """
        One that refuses is asked once more, then it is 502.
        """
        self.chat("near/plain-one")
        self.model.answers[0].errback(Refused("near.example:80"))
        self.model.answers[1].errback(Refused("near.example:80"))
        self.assertEqual(self.connection.response().status, 502)


class ReservationTests(DestinationsTestCase):
    """
    What a selector reserves is free again, however the request ends.
    """

    def begin(self) -> None:
        """
        A request that has reserved.
        """
        self.chat("auto")
        self.assertEqual(self.reserved(), 1)

    def go_up(self) -> None:
        """
        A request that has gone up.
        """
        self.begin()
        self.grant()

    def stream(self) -> Answer:
        """
        A request whose answer has begun.
        """
        self.begin()
        answer = self.grant()
        self.model.answers[0].callback(answer)
        answer.deliver(b"one")
        self.assertEqual(self.reserved(), 1)
        return answer

    def test_answered(self) -> None:
        """
        It is answered.
        """
        self.stream().end()
        self.assertEqual(self.reserved(), 0)
        self.begin()

    def test_empty_answer(self) -> None:
        """
        It is answered without a body, or was a HEAD.
        """
        for method in ("GET", "HEAD"):
            self.connection.ask(method, "/props?model=auto")
            self.assertEqual(self.reserved(), 1)
            answer = self.grant()
            answer.length = 0
            self.model.answers[-1].callback(answer)
            answer.end()
            self.assertEqual(self.reserved(), 0)

    def test_refused(self) -> None:
        """
        Its model has too many, makes it wait too long, fails to load, is gone by
        now, or fails in a way that nobody foresaw.
        """
        for error, status in (
            (ConcurrencyLimit("one", 10), 429),
            (QueueTimeout("one", 5.0), 503),
            (UpstreamUnreachable("exited with status 7"), 502),
            (ModelNotFound("one"), 404),
            (RuntimeError("oops"), 500),
        ):
            self.connect()
            self.begin()
            self.model.waiting[-1].errback(error)
            self.assertEqual(self.connection.response().status, status)
            self.assertEqual(self.reserved(), 0)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_acquire_raises(self) -> None:
        """
        A mistake of ours.
        """

        def broken(model_id: str, on_position: Any = None) -> Any:
            raise RuntimeError("oops")

        self.patch(self.model, "acquire", broken)
        self.chat("auto")
        self.assertEqual(self.connection.response().status, 500)
        self.assertEqual(self.reserved(), 0)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_model_refuses(self) -> None:
        """
        Nobody listens there, neither at first nor later; between the two it stays.
        """
        self.begin()
        self.grant()
        self.model.answers[0].errback(Refused("localhost:5800"))
        self.assertEqual(self.reserved(), 1)
        self.clock.advance(1.0)
        self.grant()
        self.model.answers[1].errback(Refused("localhost:5800"))
        self.assertEqual(self.connection.response().status, 502)
        self.assertEqual(self.reserved(), 0)

    def test_model_dies(self) -> None:
        """
        The model is gone before its head.
        """
        self.begin()
        self.grant()
        self.model.answers[0].errback(BrokenOff("was gone"))
        self.assertEqual(self.connection.response().status, 502)
        self.assertEqual(self.reserved(), 0)

    def test_cut(self) -> None:
        """
        The answer breaks off.
        """
        self.stream().protocol.connectionLost(Failure(ConnectionLost()))
        self.assertTrue(self.connection.transport.disconnecting)
        self.connection.channel.connectionLost(connectionDone)
        self.assertEqual(self.reserved(), 0)

    def test_client_leaves(self) -> None:
        """
        The client leaves: while it waits, before the head, in the stream.
        """
        stages: tuple[Callable[[], Any], ...] = (
            self.begin,
            self.go_up,
            self.stream,
        )
        for stage in stages:
            self.setUp()
            stage()
            self.connection.leave()
            self.assertEqual(self.reserved(), 0)

    def test_client_leaves_between_attempts(self) -> None:
        """
        The client leaves while it is to be seen whether the model is dead.
        """
        self.begin()
        self.grant()
        self.model.answers[0].errback(Refused("localhost:5800"))
        self.connection.leave()
        self.assertEqual(self.reserved(), 0)
        self.clock.advance(1.0)
        self.assertEqual(len(self.model.asked), 1)

    def test_client_leaves_while_body_is_changed(self) -> None:
        """
        The client leaves while its body is changed in a thread.
        """
        for size in (2 * MIB, 4 * MIB):
            self.setUp()
            self.post(b'{"x":"%b","model":"fussy"}' % (b"x" * size))
            while not self.reserved("filtered"):
                self.threads.step()
            self.assertNotEqual(self.threads.jobs, [])
            self.connection.leave()
            self.assertEqual(self.reserved("filtered"), 0)
            self.threads.work()
            self.assertEqual(self.model.asked, [])

    def test_body_cannot_be_changed(self) -> None:
        """
        A filter cannot be applied.
        """
        body = b'{"x":"%b","no":[],"model":"fussy"}'
        for size in (0, 2 * MIB, 4 * MIB):
            self.connect()
            self.post(body % (b"x" * size))
            self.threads.work()
            self.assertEqual(self.connection.response().status, 400)
            self.assertEqual(self.reserved("filtered"), 0)
            self.threads.work()

    def test_thread_fails(self) -> None:
        """
        The thread that is to change its body fails.
        """
        self.post(b'{"x":"%b","model":"fussy"}' % (b"x" * 2 * MIB))
        self.threads.step()
        self.assertEqual(self.reserved("filtered"), 1)
        fired, _ = self.threads.jobs.pop()
        fired.errback(OSError("no thread"))
        self.assertEqual(self.connection.response().status, 500)
        self.assertEqual(self.reserved("filtered"), 0)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_too_large(self) -> None:
        """
        Its body is too large: nothing is reserved, whether its length was told or
        not.
        """
        limit = 1000
        for told in (True, False):
            connection = Connection(
                self.connection.site.route, limit, 4096, Threads().run
            )
            body = b'{"model":"auto","x":"%b"}' % (b"x" * limit)
            framing = (
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                if told
                else b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n"
                % (len(body), body)
            )
            connection.send(b"POST /infill HTTP/1.1\r\nHost: h\r\n" + framing)
            self.assertEqual(connection.response().status, 413)
            self.assertEqual(self.reserved(), 0)
        self.assertEqual(self.model.asked, [])

    def test_once(self) -> None:
        """
        It is freed once: one that has ended takes nothing from the others.
        """
        self.states["one"] = ProcessState.READY
        self.states["two"] = ProcessState.STOPPING
        self.stream().end()
        answered = self.connection
        self.connect()
        self.begin()
        answered.leave()
        self.assertEqual(self.reserved(), 1)

    def test_peer(self) -> None:
        """
        What is reserved on a peer's model too.
        """
        target = self.config.peer_models["far/org/big"]
        self.chat("away")
        self.assertEqual(self.directory.selectors.reserved(target), 1)
        self.model.answers[0].errback(UpstreamUnreachable("down"))
        self.assertEqual(self.connection.response().status, 502)
        self.assertEqual(self.directory.selectors.reserved(target), 0)
