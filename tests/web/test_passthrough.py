"""
Tests for `llamaswap_tw.web.passthrough`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.proxy.agent import Agent
from llamaswap_tw.proxy.peers import PeerLeases
from llamaswap_tw.routing.directory import Directory
from llamaswap_tw.web.front import Front
from llamaswap_tw.web.passthrough import Passthrough
from tests.activity.recording import Records

from .support import Connection, Response, configured
from .test_inference import MIB, Answer, Model, Threads

CONFIG = """
upstream: {ignorePaths: ['\\.css$', '^/no load/[[:alpha:]]+$']}
models:
  llama:
    cmd: serve --port ${PORT}
    aliases: [org/alias]
    useModelName: inner
    filters: {setParams: {temperature: 1}}
  org: {cmd: "serve --port ${PORT}"}
  org/model: {cmd: "serve --port ${PORT}"}
  org/model/v1: {cmd: "serve --port ${PORT}"}
  "odd//name": {cmd: "serve --port ${PORT}"}
  zébra: {cmd: "serve --port ${PORT}"}
  quiet: {cmd: "serve --port ${PORT}", compat: {ignoreWebsockets: true}}
  comfyui_auto: {cmd: "serve --port ${PORT}"}
selectors:
  auto: {strategy: pin, targets: [llama]}
peers:
  far: {proxy: "http://far.example:8080/base", apiKey: its-key, models: [org/big]}
profiles:
  work: {pins: {best: llama, org: "", llama: org/model}}
"""

WEBSOCKET = {"Connection": "keep-alive, UPGRADE", "Upgrade": "WebSocket"}


class Router(Model):
    """
    Gives out leases as `Model` does, where a test says so at once, and knows the
    state of each model.
    """

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, ProcessState] = {}
        self.forgiven: list[str] = []
        self.uncounted_leases = 0

    def uncounted(self, model_id: str) -> Any:
        if self.states.get(model_id) is not ProcessState.READY:
            return None
        self.uncounted_leases += 1
        return self

    def acquire(self, model_id: str, on_position: Any = None) -> Deferred[Any]:
        asked = super().acquire(model_id, on_position)
        if self.states.get(model_id) is ProcessState.READY:
            asked.callback(self)
        return asked

    def process(self, model_id: str) -> Any:
        router = self

        class Process:
            state = router.states.get(model_id, ProcessState.STOPPED)

            def forgive(self) -> None:
                router.forgiven.append(model_id)

        return Process()


class PassthroughTestCase(SynchronousTestCase):
    """
    A client of a daemon with some models.
    """

    config = configured(CONFIG)

    def setUp(self) -> None:
        self.clock = Clock()
        self.records = Records(self.clock)
        self.router = Router()
        self.directory = Directory(self.config, lambda _: ProcessState.STOPPED)
        peers: Any = {
            name: PeerLeases(peer, cast(Agent, self.router))
            for name, peer in self.config.peers.items()
        }
        router: Any = self.router
        self.passthrough = Passthrough(
            self.clock,
            self.config,
            self.directory,
            router,
            peers,
            self.records.recorder,
        )
        no_inference: Any = None
        self.front = Front(
            no_inference,
            {},
            lambda request: request.respond(200, [], b"other"),
            self.passthrough.routes(),
        )

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        """
        A new client asks.
        """
        self.threads = Threads()
        self.connection = Connection(self.front.route, 64 * MIB, 4096, self.threads.run)
        self.connection.ask(method, path, headers, body)
        self.threads.work()

    def answer(self, *args: Any) -> Response:
        """
        What it is answered at once.
        """
        self.ask(*args)
        return self.connection.response()

    def refusal(self, *args: Any) -> tuple[int, str]:
        """
        The status and message that it is refused with.
        """
        response = self.answer(*args)
        return response.status, json.loads(response.body)["error"]["message"]

    def sent(self, *args: Any) -> tuple[str, str]:
        """
        The model that is asked, loaded where it must be, and the URL that goes up.
        """
        self.ask(*args)
        self.assertEqual(self.connection.received(), b"")
        if not self.router.waiting[-1].called:
            self.router.waiting[-1].callback(self.router)
        return self.router.asked[-1], self.router.sent[-1][1].decode()

    def be_ready(self, *models: str) -> None:
        """
        These are ready from now on.
        """
        self.router.states.update(dict.fromkeys(models, ProcessState.READY))


class PathTests(PassthroughTestCase):
    """
    Which model a path leads to, and what goes up.
    """

    def test_names(self) -> None:
        """
        The longest name wins; a slash in it may be percent-encoded, and the rest of
        the path goes up byte for byte.
        """
        base = self.router.base_url
        for path, model, rest in (
            ("llama/", "llama", "/"),
            (
                "llama/v1/a%2fb/%C3%A9%ff?x=%20&y",
                "llama",
                "/v1/a%2fb/%C3%A9%ff?x=%20&y",
            ),
            ("org/alias/x", "llama", "/x"),
            ("org/alias/x?", "llama", "/x?"),
            ("org/x", "org", "/x"),
            ("org%2Fx/model", "", ""),
            ("org/model/v2", "org/model", "/v2"),
            ("org/model/v1/", "org/model/v1", "/"),
            ("org/model/v1/x", "org/model/v1", "/x"),
            ("org%2Fmodel/v1/x", "org/model/v1", "/x"),
            ("org%2fmodel%2Fv1/x", "org/model/v1", "/x"),
            ("odd%2F%2Fname/x", "odd//name", "/x"),
            ("z%C3%A9bra/../../x", "zébra", "/../../x"),
        ):
            with self.subTest(path=path):
                if not model:
                    self.assertEqual(self.refusal(f"/upstream/{path}")[0], 404)
                    continue
                self.assertEqual(
                    self.sent(f"/upstream/{path}"), (model, f"{base}{rest}")
                )

    def test_method_and_body(self) -> None:
        """
        Any method goes up, and a body as it came: no filter changes it.
        """
        body = b'{"model": "x",  "temperature": 0}'
        for method in ("POST", "PUT", "PATCH", "DELETE", "PROPFIND"):
            self.sent("/upstream/llama/v1/x", method, {}, body)
            sent = self.router.sent[-1]
            self.assertEqual((sent[0], sent[3]), (method.encode(), body))

    def test_large_body(self) -> None:
        """
        A body that is too large for memory goes up from its file.
        """
        self.sent("/upstream/llama/x", "POST", {}, b"x" * (33 * MIB))
        self.assertEqual(self.router.sent[-1][3].length, 33 * MIB)
        self.connection.leave()
        self.threads.work()

    def test_answer(self) -> None:
        """
        The answer comes back as it comes.
        """
        self.sent("/upstream/llama/x")
        answer = Answer()
        self.router.answers[-1].callback(answer)
        answer.deliver(b"some")
        answer.end()
        self.assertIn(b"some", self.connection.response().body)
        self.assertEqual(self.router.released, 1)

    def test_unknown(self) -> None:
        """
        A name that stands for nothing is refused with those that look like it, and a
        selector with its targets; no name at all is, too.
        """
        for path, words in (
            ("lama/x", "'lama' is not known here; did you mean llama?"),
            ("lama", "'lama' is not known here; did you mean llama?"),
            ("%ff/x", "is not known here"),
            ("auto/x", "'auto' is a selector"),
            ("", "no model id"),
            ("x" * 3000 + "/y", "is not known here"),
            ("x/" * 1000, "model 'x' is not known here"),
        ):
            with self.subTest(path=path[:20]):
                status, message = self.refusal(f"/upstream/{path}")
                self.assertEqual(status, 404)
                self.assertIn(words, message)

    def test_unknown_recorded(self) -> None:
        """
        A request to a model that there is not is recorded, with the path that it would
        have had; one to a selector is not, for that names no model.
        """
        for name in ("lama", "%ff", "auto"):
            self.answer(f"/upstream/{name}/v1/x?y", "POST", {}, b"{}")
        rows = self.records.rows
        self.assertEqual(
            [(row.model, row.req_path, row.resp_status_code) for row in rows],
            [("lama", "/v1/x", 404), ("\ufffd", "/v1/x", 404)],
        )

    def test_profile(self) -> None:
        """
        The pins of the active profile apply.
        """
        self.directory.profiles.activate("work")
        self.assertEqual(self.sent("/upstream/best/x")[0], "llama")
        self.assertEqual(self.sent("/upstream/llama/x")[0], "org/model")
        status, message = self.refusal("/upstream/org/x")
        self.assertEqual(status, 404)
        self.assertIn("disabled", message)

    def test_peer(self) -> None:
        """
        A peer's model is asked there, with the peer's key, WebSockets too.
        """
        for more in ({}, WEBSOCKET):
            self.ask("/upstream/far/org/big/v1/x?y", "GET", more)
            _, url, headers, _ = self.router.sent[-1]
            self.assertEqual(url, b"http://far.example:8080/base/v1/x?y")
            self.assertEqual(headers[b"Host"], b"far.example:8080")
            self.assertEqual(headers[b"x-api-key"], b"its-key")
            self.assertEqual(b"Upgrade" in headers, bool(more))
        self.assertEqual(self.router.asked, [])

    def test_reconfigured(self) -> None:
        """
        Another configuration's rules hold.
        """
        self.assertEqual(self.refusal("/upstream/llama/a.css")[0], 409)
        other = configured(CONFIG.replace("css", "txt"))
        self.directory.reconfigured(other)
        self.passthrough.reconfigure(other)
        self.assertEqual(self.sent("/upstream/llama/a.css")[0], "llama")
        self.assertEqual(self.refusal("/upstream/llama/a.txt")[0], 409)


class RedirectTests(PassthroughTestCase):
    """
    Where a path is not quite right.
    """

    def test_slash(self) -> None:
        """
        A model without a path is redirected to its root, by path alone, with its
        query; a method with a body keeps it.
        """
        for path, location in (
            ("/upstream/llama", "/upstream/llama/"),
            ("/upstream/llama?a=%2F&b", "/upstream/llama/?a=%2F&b"),
            ("/upstream/llama?", "/upstream/llama/?"),
            ("/upstream/org%2Fmodel", "/upstream/org%2Fmodel/"),
            ("/upstream/org/model", "/upstream/org/model/"),
            ("http://evil.example/upstream/llama", "/upstream/llama/"),
            ("/comfyui", "/comfyui/"),
            ("/comfyui?x", "/comfyui/?x"),
        ):
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
                response = self.answer(path, method)
                code = 301 if method in ("GET", "HEAD") else 308
                self.assertEqual(response.status, code)
                self.assertEqual(response.headers["location"], location)
        self.assertEqual(self.router.asked, [])

    def test_clean(self) -> None:
        """
        Two slashes are one: the client is told so.
        """
        for path, location in (
            ("/upstream/llama//x///y?a//b", "/upstream/llama/x/y?a//b"),
            ("/upstream//llama/x", "/upstream/llama/x"),
            ("//upstream/llama/x", "/upstream/llama/x"),
            ("/comfyui//x", "/comfyui/x"),
            ("/comfyui//x?", "/comfyui/x?"),
        ):
            response = self.answer(path, "POST")
            self.assertEqual(response.status, 307)
            self.assertEqual(response.headers["location"], location)

    def test_models(self) -> None:
        """
        ``/upstream`` itself leads to the page with the models.
        """
        response = self.answer("/upstream")
        self.assertEqual(response.status, 302)
        self.assertEqual(response.headers["location"], "/ui/models")
        response = self.answer("/upstream", "POST")
        self.assertEqual(response.status, 405)
        self.assertEqual(response.headers["allow"], "GET, HEAD")

    def test_others(self) -> None:
        """
        What only begins like it is somebody else's.
        """
        for path in ("/upstreams/llama/x", "/comfyui_auto/x", "/upstream%2Fllama/x"):
            self.assertEqual(self.answer(path).body, b"other")


class LoadTests(PassthroughTestCase):
    """
    What loads a model.
    """

    def test_ignored_paths(self) -> None:
        """
        A path that ``ignorePaths`` matches, as a client means it, loads nothing, and
        goes up where the model is ready.
        """
        for path in ("a.css", "x/a%2ecss", "no%20load/abc", "a.css?x=y"):
            status, message = self.refusal(f"/upstream/llama/{path}")
            self.assertEqual(status, 409)
            self.assertIn("ignorePaths", message)
        self.assertEqual(self.router.asked, [])
        self.be_ready("llama")
        self.assertEqual(self.sent("/upstream/llama/x/a%2ecss")[0], "llama")
        for path in ("a.css/b", "x?a.css", "no%20load/abc1"):
            self.assertEqual(self.sent(f"/upstream/org/{path}")[0], "org")

    def test_forgives(self) -> None:
        """
        A GET of its root, which is what a button sends, lets a model that failed try
        again at once; nothing else does.
        """
        for method, path in (
            ("GET", "llama/x"),
            ("POST", "llama/"),
            ("HEAD", "llama/"),
            ("GET", "llama"),
            ("GET", "far/org/big/"),
        ):
            self.ask(f"/upstream/{path}", method)
        self.assertEqual(self.router.forgiven, [])
        self.ask("/upstream/llama/?x")
        self.assertEqual(self.router.forgiven, ["llama"])
        self.be_ready("org")
        self.ask("/upstream/org/")
        self.assertEqual(self.router.forgiven, ["llama"])

    def test_comfyui(self) -> None:
        """
        ComfyUI's root loads it, and what is below it does not.
        """
        status, message = self.refusal("/comfyui/queue")
        self.assertEqual(status, 409)
        self.assertIn("/comfyui/ alone", message)
        model, url = self.sent("/comfyui/?x", "POST")
        self.assertEqual(model, "comfyui_auto")
        self.assertEqual(url, self.router.base_url + "/?x")
        self.be_ready("comfyui_auto")
        self.assertEqual(
            self.sent("/comfyui/api/x%20y")[1], self.router.base_url + "/api/x%20y"
        )

    def test_no_comfyui(self) -> None:
        """
        Without its model there is nothing there.
        """
        self.directory.reconfigured(configured())
        for path in ("/comfyui/", "/comfyui/x"):
            self.assertEqual(self.refusal(path)[0], 404)


class WebSocketTests(PassthroughTestCase):
    """
    Requests for WebSockets.
    """

    def headers(self, *args: Any) -> dict[bytes, bytes]:
        """
        The headers that go up.
        """
        self.sent(*args)
        headers: dict[bytes, bytes] = self.router.sent[-1][2]
        return headers

    def test_asks(self) -> None:
        """
        One goes up with what it needs, whatever the case of its tokens.
        """
        more = {**WEBSOCKET, "Sec-WebSocket-Key": "k", "Sec-WebSocket-Version": "13"}
        headers = self.headers("/upstream/llama/ws", "GET", more)
        self.assertEqual(headers[b"Connection"], b"Upgrade")
        self.assertEqual(headers[b"Upgrade"], b"websocket")
        self.assertEqual(headers[b"Sec-Websocket-Key"], b"k")
        self.assertEqual(headers[b"Sec-Websocket-Version"], b"13")

    def test_does_not_ask(self) -> None:
        """
        What lacks a part of it is a request as any other.
        """
        for method, more in (
            ("POST", WEBSOCKET),
            ("GET", {"Connection": "upgrade"}),
            ("GET", {"Upgrade": "websocket"}),
            ("GET", {"Connection": "upgrade", "Upgrade": "h2c"}),
            ("GET", {"Connection": "close", "Upgrade": "websocket"}),
        ):
            headers = self.headers("/upstream/llama/ws", method, more)
            self.assertNotIn(b"Upgrade", headers)
            self.assertNotIn(b"Connection", headers)

    def test_counted(self) -> None:
        """
        It loads its model, and is given a lease.
        """
        self.headers("/upstream/llama/ws", "GET", WEBSOCKET)
        self.assertEqual(self.router.asked, ["llama"])
        self.assertEqual(self.router.uncounted_leases, 0)

    def test_ignored(self) -> None:
        """
        Where they are ignored it loads nothing, and takes no lease.
        """
        for path, model in (
            ("/upstream/quiet/ws", "quiet"),
            ("/comfyui/ws", "comfyui_auto"),
            ("/comfyui/", "comfyui_auto"),
        ):
            status, message = self.refusal(path, "GET", WEBSOCKET)
            self.assertEqual(status, 409)
            self.assertIn("ignoreWebsockets", message)
            self.be_ready(model)
            self.ask(path, "GET", WEBSOCKET)
            self.assertIn(b"Upgrade", self.router.sent[-1][2])
            self.router.states.clear()
        self.assertEqual(self.router.asked, [])
        # Other requests of theirs count.
        self.assertEqual(self.sent("/upstream/quiet/x")[0], "quiet")

    def test_ignored_path(self) -> None:
        """
        ``ignorePaths`` holds for these too.
        """
        self.assertEqual(
            self.refusal("/upstream/llama/a.css", "GET", WEBSOCKET)[0], 409
        )
