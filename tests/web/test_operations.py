"""
Tests for `llamaswap_tw.web.operations` and `llamaswap_tw.web.page`.
"""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock
from urllib.parse import quote

from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.schema import Config, Model
from llamaswap_tw.interfaces import IEffects, IScheduler, ProcessState
from llamaswap_tw.observe.logs import Logs
from llamaswap_tw.proxy.forward import ForwardProxies
from llamaswap_tw.proxy.peers import Peers
from llamaswap_tw.routing.directory import Directory
from llamaswap_tw.routing.fifo import FifoScheduler
from llamaswap_tw.routing.group import GroupPlanner
from llamaswap_tw.routing.limits import Limits
from llamaswap_tw.routing.router import Router
from llamaswap_tw.web.endpoints import model_routes
from llamaswap_tw.web.front import Front
from llamaswap_tw.web.inference import Inference
from llamaswap_tw.web.logs import LogReaders
from llamaswap_tw.web.operations import Operations
from llamaswap_tw.web.page import page
from llamaswap_tw.web.static import Build
from llamaswap_tw.web.ui import Ui
from tests.activity.recording import Records
from tests.routing.processes import FakeProcess

from .support import Connection, Response, configured, in_thread

#: No page was built there.
NOWHERE = Path("/nowhere")

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

#: Every path that answers GET.
GOTTEN = (
    *("/", "/ui", "/ui/", "/ui/models", "/ui/plain", "/health", "/wol-health"),
    *("/v1/models", "/models", "/v1/models/org/model", "/running", "/unload"),
    *("/logs", "/api/profiles"),
    *("/logs/stream", "/logs/stream/proxy", "/logs/stream/llama"),
)


class OperationsTestCase(SynchronousTestCase):
    """
    A client of a daemon with some models.
    """

    def setUp(self) -> None:
        self.build(configured())

    def build(self, config: Config) -> None:
        self.config = config
        clock = Clock()
        self.processes: dict[str, FakeProcess] = {}
        self.router = Router(clock, 120.0, self.make_scheduler)
        for model in config.models:
            process = FakeProcess(model, self.router.state_changed)
            self.processes[model] = process
            self.router.add(process, mock.Mock())
        self.logs = Logs(config.models, "both", lambda data: None)
        self.readers = LogReaders()
        self.directory = Directory(config, self.router.state_of)
        operations = Operations(
            config, self.directory, self.router, self.logs, self.readers, 1234
        )
        inference = Inference(
            clock,
            config,
            self.directory,
            self.router,
            Peers(MemoryReactorClock(), ForwardProxies({})),
            in_thread,
            Records(clock).recorder,
        )
        ui = Ui(config, self.directory, self.router, Build(NOWHERE), in_thread)
        front = Front(inference, model_routes(), operations.render, rooms=ui.rooms())
        self.route = front.route
        self.connection = Connection(self.route)

    def make_scheduler(self, effects: IEffects) -> IScheduler:
        models = self.config.models
        scheduler: IScheduler = FifoScheduler(
            effects,
            GroupPlanner({}, models),
            dict.fromkeys(models, Limits(1)),
            {},
            None,
        )
        return scheduler

    def answer(self, *args: Any) -> Response:
        """
        What a client of its own is answered at once.
        """
        self.connection = Connection(self.route)
        self.connection.ask(*args)
        return self.connection.response()

    def load(self, model: str) -> None:
        self.router.acquire(model).addCallback(lambda lease: lease.release())
        if self.processes[model].state is ProcessState.STARTING:
            self.processes[model].become_ready()


class RoutesTests(OperationsTestCase):
    """
    What stands at which path.
    """

    def test_health(self) -> None:
        """
        Both health endpoints say OK.
        """
        for path in ("/health", "/wol-health"):
            response = self.answer("GET", path)
            self.assertEqual((response.status, response.body), (200, b"OK"))

    def test_models(self) -> None:
        """
        The models are listed at both paths.
        """
        for path in ("/v1/models", "/models"):
            response = self.answer("GET", path)
            self.assertEqual(response.headers["content-type"], "application/json")
            listed = json.loads(response.body)
            self.assertEqual(
                [record["id"] for record in listed["data"]],
                ["llama", "org/model", "zébra"],
            )
            self.assertEqual(listed["data"][0]["created"], 1234)

    def test_model(self) -> None:
        """
        One model's record is that of the list, by its id, slashes and all that is
        beyond ASCII percent-encoded or not.
        """
        listed = json.loads(self.answer("GET", "/v1/models").body)["data"]
        records = {record["id"]: record for record in listed}
        for name, model in (
            ("llama", "llama"),
            ("org/model", "org/model"),
            ("org%2Fmodel", "org/model"),
            ("org%2fmodel", "org/model"),
            ("z%C3%A9bra", "zébra"),
            ("zébra", "zébra"),
        ):
            response = self.answer("GET", f"/v1/models/{name}")
            self.assertEqual(response.headers["content-type"], "application/json")
            self.assertEqual(json.loads(response.body), records[model])

    def test_details(self) -> None:
        """
        All of a model's configuration is at its id or an alias, slashes encoded or not;
        for what is no model there is nothing, and the way to load one is none.
        """
        for name, model in (
            *(("llama", "llama"), ("org/alias", "llama"), ("org%2Fmodel", "org/model")),
            *(("z%C3%A9bra", "zébra"), ("hidden", "hidden")),
        ):
            response = self.answer("GET", f"/api/models/{name}")
            self.assertEqual((name, response.status), (name, 200))
            self.assertEqual(json.loads(response.body)["id"], model)
        self.assertEqual(
            json.loads(self.answer("GET", "/api/models/llama").body)["ttl"], 60
        )
        for name, status in (("nobody", 404), ("load/llama", 405), ("unload", 405)):
            response = self.answer("GET", f"/api/models/{name}")
            self.assertEqual((name, response.status), (name, status))

    def test_details_of_odd_names(self) -> None:
        """
        A model that is called as a way of ours has details too.
        """
        self.build(
            configured(
                "models: {unload: {cmd: 'x ${PORT}'}, load/x: {cmd: 'x ${PORT}'}}"
            )
        )
        for model in ("unload", "load/x"):
            response = self.answer("GET", f"/api/models/{model}")
            self.assertEqual(response.status, 200)

    def test_model_unlisted(self) -> None:
        """
        Who knows the name of a model that is not listed, or an alias, is told.
        """
        for name in ("hidden", "org/alias", "org%2Falias"):
            response = self.answer("GET", f"/v1/models/{name}")
            self.assertEqual(response.status, 200)
            self.assertEqual(json.loads(response.body)["id"], name.replace("%2F", "/"))

    def test_model_unknown(self) -> None:
        """
        404 for a model that is not there, with those that look like it and are
        listed.
        """
        for name, hint in (("lama", "llama"), ("org/modell", "org/model")):
            response = self.answer("GET", f"/v1/models/{name}")
            self.assertEqual(response.status, 404)
            error = json.loads(response.body)["error"]
            self.assertEqual(error["code"], "model_not_found")
            self.assertIn(hint, error["message"].partition("did you mean")[2])
        response = self.answer("GET", "/v1/models/hiddem")
        self.assertNotIn(b"hidden", response.body)

    def test_odd_metadata(self) -> None:
        """
        Metadata of any kind that YAML has is listed.
        """
        odd = {1: "a", "b": 2**70, "c": ({"d": float("inf")},)}
        self.build(Config(models={"a": Model("a", metadata=MappingProxyType(odd))}))
        (record,) = json.loads(self.answer("GET", "/v1/models").body)["data"]
        metadata = record["meta"]["llamaswap"]
        self.assertEqual(metadata["1"], "a")
        self.assertEqual(metadata["b"], 2**70)

    def test_running(self) -> None:
        """
        What runs is told, with its state.
        """
        self.load("org/model")
        running = json.loads(self.answer("GET", "/running").body)["running"]
        self.assertEqual(
            [(one["model"], one["state"]) for one in running],
            [("org/model", "ready")],
        )

    def test_nothing_there(self) -> None:
        """
        404 in the envelope, whatever the path.
        """
        for path in (
            *("/nope", "/v1/models/", "/health/x", "/ui/app.js", "/logs/"),
            *("/api/models/load/", "/%00", "/api", "/logs/stream/"),
        ):
            response = self.answer("GET", path)
            self.assertEqual((path, response.status), (path, 404))
            error = json.loads(response.body)
            self.assertEqual(error["src"], "llama-swap")
            self.assertEqual(error["error"]["code"], "not_found")
        response = self.answer("GET", "/<b>", {"Accept": "text/html"})
        self.assertEqual(response.headers["content-type"], "text/plain; charset=utf-8")

    def test_methods(self) -> None:
        """
        Another method is 405 in the envelope, with those that are possible.
        """
        for method, path, allowed in (
            ("POST", "/health", {"GET", "HEAD"}),
            ("PATCH", "/v1/models", {"GET", "HEAD"}),
            ("DELETE", "/v1/models/org/model", {"GET", "HEAD"}),
            ("PUT", "/api/profiles", {"GET", "HEAD"}),
            ("GET", "/api/profiles/active", {"PUT"}),
            ("POST", "/api/profiles/active", {"PUT"}),
            ("DELETE", "/ui/", {"GET", "HEAD"}),
            ("GET", "/api/models/unload", {"POST"}),
            ("GET", "/api/models/load/a/b", {"POST"}),
            ("BREW", "/logs/stream/llama", {"GET", "HEAD"}),
        ):
            response = self.answer(method, path)
            self.assertEqual((path, response.status), (path, 405))
            self.assertEqual(set(response.headers["allow"].split(", ")), allowed)
            self.assertEqual(json.loads(response.body)["src"], "llama-swap")

    def test_head(self) -> None:
        """
        HEAD is answered like GET, to an end, without the body and with its
        length.
        """
        self.logs.proxy.write(b"a line\n")
        for path in GOTTEN:
            gotten = self.answer("GET", path)
            self.connection.leave()
            response = self.answer("HEAD", path)
            self.assertEqual((path, response.body), (path, b""))
            self.assertEqual(response.status, gotten.status)
            if "stream" not in path:
                self.assertEqual(
                    response.headers["content-length"], str(len(gotten.body))
                )
            self.connection.ask("GET", "/health")
            self.assertEqual(self.connection.response().body, b"OK")

    def test_odd_hosts(self) -> None:
        """
        A Host of any kind is fine where it is one.
        """
        for host in (b"a..b", b"%ff:", b"[::1]:80", b"x" * 300, b""):
            connection = Connection(self.route)
            connection.send(b"GET /health HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
            self.assertEqual((host, connection.response().status), (host, 200))

    def test_http_1_0(self) -> None:
        """
        HTTP/1.0 is answered, and the connection closed.
        """
        for headers in (b"", b"Connection: keep-alive\r\n"):
            connection = Connection(self.route)
            connection.send(b"GET /health HTTP/1.0\r\n%b\r\n" % headers)
            self.assertEqual(connection.response().body, b"OK")
            self.assertTrue(connection.transport.disconnecting)

    def test_broken(self) -> None:
        """
        A mistake of ours is a 500 in the envelope, without what happened.
        """
        self.router._processes.clear()
        response = self.answer("GET", "/v1/models")
        self.assertEqual(response.status, 500)
        self.assertEqual(json.loads(response.body)["src"], "llama-swap")
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)


class ProfilesTests(OperationsTestCase):
    """
    Profiles are told and switched.
    """

    def setUp(self) -> None:
        self.build(
            configured(
                """
models:
  small: {cmd: "serve --port ${PORT}"}
  large: {cmd: "serve --port ${PORT}"}
profiles:
  work: {description: For work, pins: {best: large, small: ""}}
  home: {pins: {best: small}}
"""
            )
        )

    def activate(self, body: bytes) -> Response:
        return self.answer("PUT", "/api/profiles/active", {}, body)

    def test_told(self) -> None:
        """
        All are told with their pins, one that disables its id as an empty one, and
        which of them is active: none at first.
        """
        told = json.loads(self.answer("GET", "/api/profiles").body)
        self.assertEqual(
            told,
            {
                "active": None,
                "profiles": [
                    {
                        "id": "work",
                        "description": "For work",
                        "pins": {"best": "large", "small": ""},
                    },
                    {"id": "home", "description": "", "pins": {"best": "small"}},
                ],
            },
        )

    def test_switched(self) -> None:
        """
        From one to another and to none; whatever is asked for after that meets the
        new one.
        """
        for name in ("work", "home", None, "home", "home"):
            response = self.activate(json.dumps({"name": name}).encode())
            self.assertEqual(response.status, 200)
            self.assertEqual(json.loads(response.body), {"active": name})
            told = json.loads(self.answer("GET", "/api/profiles").body)
            self.assertEqual(told["active"], name)
            listed = json.loads(self.answer("GET", "/v1/models").body)["data"]
            ids = [record["id"] for record in listed]
            self.assertEqual("best" in ids, name is not None)

    def test_bad(self) -> None:
        """
        400 for a body that names none, and nothing is switched.
        """
        self.activate(b'{"name": "work"}')
        for body in (
            *(b"", b"{", b"null", b"[]", b'"home"', b"{}", b'{"Name":"home"}'),
            *(b'{"name":5}', b'{"name":["home"]}', b'{"name":false}', b"\xff"),
        ):
            response = self.activate(body)
            self.assertEqual((body, response.status), (body, 400))
            error = json.loads(response.body)["error"]
            self.assertEqual(error["code"], "bad_request")
        self.assertEqual(self.directory.profiles.active, "work")

    def test_unknown(self) -> None:
        """
        404 for a profile that is not there, with those that look like it, and
        nothing is switched.
        """
        self.activate(b'{"name": "work"}')
        for name in ("wrk", "", "best"):
            response = self.activate(json.dumps({"name": name}).encode())
            self.assertEqual((name, response.status), (name, 404))
        self.assertIn(b"did you mean work", self.activate(b'{"name":"wrk"}').body)
        self.assertEqual(self.directory.profiles.active, "work")

    def test_page(self) -> None:
        """
        The page tells which one is active.
        """
        self.assertNotIn(b"Profile:", self.answer("GET", "/ui/").body)
        self.activate(b'{"name": "work"}')
        self.assertIn(b"Profile: work", self.answer("GET", "/ui/").body)

    def test_pins_are_for_requests(self) -> None:
        """
        A model is loaded and unloaded by its own names, whatever the profile says.
        """
        self.activate(b'{"name": "work"}')
        self.connection.ask("POST", "/api/models/load/small")
        self.processes["small"].become_ready()
        self.assertEqual(self.connection.response().status, 200)
        response = self.answer("POST", "/api/models/load/best")
        self.assertEqual(response.status, 404)
        self.assertIn(b"server's own", response.body)


class UnloadTests(OperationsTestCase):
    """
    Unloading.
    """

    def test_all(self) -> None:
        """
        Both ways answer once all is down.
        """
        for method, path, body in (
            ("GET", "/unload", b"OK"),
            ("POST", "/api/models/unload", b'{"msg":"ok"}'),
        ):
            self.load("llama")
            self.connection = Connection(self.route)
            self.connection.ask(method, path)
            self.assertEqual(self.connection.received(), b"")
            self.processes["llama"].finish_stop()
            self.assertEqual(self.connection.response().body, body)

    def test_one(self) -> None:
        """
        One is unloaded by its id or an alias, slashes and all that is beyond
        ASCII percent-encoded or not.
        """
        for model, names in (
            ("llama", ("llama", "llama-alias", "org/alias", "org%2Falias")),
            ("org/model", ("org/model", "org%2Fmodel", "org%2fmodel")),
            ("zébra", ("z%C3%A9bra", "zébra")),
            ("hidden", ("hidden",)),
        ):
            for name in names:
                self.load(model)
                self.connection = Connection(self.route)
                self.connection.ask("POST", f"/api/models/unload/{name}")
                process = self.processes[model]
                self.assertEqual((name, process.state), (name, ProcessState.STOPPING))
                process.finish_stop()
                self.assertEqual(self.connection.response().body, b"OK")

    def test_stopped(self) -> None:
        """
        One that is down is unloaded.
        """
        self.assertEqual(self.answer("POST", "/api/models/unload/llama").status, 200)

    def test_unknown(self) -> None:
        """
        404 for one that is not ours.
        """
        for action in ("load", "unload"):
            response = self.answer("POST", f"/api/models/{action}/lama")
            self.assertEqual(response.status, 404)
            error = json.loads(response.body)["error"]
            self.assertEqual(error["code"], "model_not_found")
            self.assertIn("llama", error["message"].partition("did you mean")[2])

    def test_not_ours(self) -> None:
        """
        404 for what can be asked for but is no model of ours.
        """
        self.build(
            configured(
                """
models:
  small: {cmd: "serve --port ${PORT}"}
selectors:
  auto: {strategy: pin, targets: [small]}
peers:
  far: {proxy: "http://far.example", models: [big]}
"""
            )
        )
        for name in ("auto", "far/big", "far%2Fbig", "big"):
            for action in ("load", "unload"):
                response = self.answer("POST", f"/api/models/{action}/{name}")
                self.assertEqual((name, response.status), (name, 404))
                self.assertIn(b"no model of this server's own", response.body)
            self.assertEqual(self.answer("GET", f"/logs/stream/{name}").status, 400)

    def test_client_leaves(self) -> None:
        """
        The models go down though nobody waits for it any more.
        """
        self.load("llama")
        self.connection = Connection(self.route)
        self.connection.ask("GET", "/unload")
        self.connection.leave()
        self.processes["llama"].finish_stop()
        self.assertEqual(self.processes["llama"].state, ProcessState.STOPPED)


class LoadTests(OperationsTestCase):
    """
    Loading.
    """

    def test_load(self) -> None:
        """
        A load answers when the model is ready, and forgives its failures; the
        model is idle then.
        """
        self.connection.ask("POST", "/api/models/load/org/alias")
        process = self.processes["llama"]
        self.assertEqual(process.forgiven, 1)
        self.assertEqual(self.connection.received(), b"")
        process.become_ready()
        self.assertEqual(self.connection.response().body, b"OK")
        self.assertEqual(process.in_flight, 0)

    def test_ready(self) -> None:
        """
        One that is ready is answered at once, though it is busy.
        """
        self.router.acquire("llama")
        self.processes["llama"].become_ready()
        self.assertEqual(self.answer("POST", "/api/models/load/llama").body, b"OK")

    def test_failure(self) -> None:
        """
        A load that fails is told with its reason.
        """
        self.connection.ask("POST", "/api/models/load/llama")
        self.processes["llama"].fail("exited with status 7")
        response = self.connection.response()
        self.assertEqual(response.status, 502)
        self.assertIn(b"exited with status 7", response.body)

    def test_client_leaves(self) -> None:
        """
        A client that leaves keeps no lease; the load goes on.
        """
        self.connection.ask("POST", "/api/models/load/llama")
        self.connection.leave()
        process = self.processes["llama"]
        process.become_ready()
        self.assertEqual(process.in_flight, 0)
        self.successResultOf(self.router.acquire("llama"))


class _Forms(HTMLParser):
    """
    What a page links to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "action"):
                self.targets.append(value)


class PageTests(OperationsTestCase):
    """
    The page for people.
    """

    def test_redirects(self) -> None:
        """
        The root leads to the page.
        """
        response = self.answer("GET", "/")
        self.assertEqual((response.status, response.headers["location"]), (302, "/ui"))
        response = self.answer("GET", "/ui")
        self.assertEqual((response.status, response.headers["location"]), (307, "/ui/"))

    def test_page(self) -> None:
        """
        It tells each listed model and its state, without a script; so do paths
        below it without an extension.
        """
        self.load("llama")
        for path in ("/ui/", "/ui/models", "/ui/a.b/c", "/ui/plain"):
            response = self.answer("GET", path, BROWSER)
            self.assertEqual(
                response.headers["content-type"], "text/html; charset=utf-8"
            )
            text = response.body.decode()
            for shown in ("llama", "Big &amp; woolly", "ready", "zébra", "stopped"):
                self.assertIn(shown, text)
            self.assertNotIn("hidden", text)
            parser = _Forms()
            parser.feed(text)
            self.assertNotIn("script", parser.tags)

    def test_targets(self) -> None:
        """
        All that it leads to is there, for the model that it stands beside.
        """
        parser = _Forms()
        parser.feed(self.answer("GET", "/ui/").body.decode())
        self.assertIn("/api/models/load/org%2Fmodel", parser.targets)
        self.assertIn("/logs/stream/z%C3%A9bra", parser.targets)
        # Another module's route, which is not here; this fails where it is not linked.
        parser.targets.remove("/metrics")
        for target in parser.targets:
            method = "POST" if target.startswith("/api") else "GET"
            self.connection = Connection(self.route)
            self.connection.ask(method, target, BROWSER)
            received = self.connection.received()
            if received:
                self.assertIn(Response(received).status, (200, 303))
            else:
                # It waits for a model.
                self.assertEqual(method, "POST")
            self.connection.leave()

    def test_escaped(self) -> None:
        """
        Whatever a model is called, it is text on the page.
        """
        odd = "<script>&\"'/{}%"
        config = Config(models={odd: Model(odd, name=odd, description=odd)})
        text = page(config, {odd: ProcessState.STOPPED}, odd).decode()
        parser = _Forms()
        parser.feed(text)
        self.assertNotIn("script", parser.tags)
        self.assertIn(f"/api/models/load/{quote(odd, safe='')}", parser.targets)

    def test_buttons(self) -> None:
        """
        Who pressed a button is led back to the page.
        """
        for path in (
            *("/api/models/load/llama", "/api/models/unload/llama"),
            "/api/models/unload",
        ):
            self.load("llama")
            self.connection = Connection(self.route)
            self.connection.ask("POST", path, BROWSER)
            if "unload" in path:
                self.processes["llama"].finish_stop()
            response = self.connection.response()
            self.assertEqual((path, response.status), (path, 303))
            self.assertEqual(response.headers["location"], "/ui/plain")

    def test_button_fails(self) -> None:
        """
        A failure is told as text.
        """
        self.connection.ask("POST", "/api/models/load/llama", BROWSER)
        self.processes["llama"].fail("exited with status 7")
        self.assertIn(b"llama-swap: ", self.connection.response().body)


class HistoryTests(OperationsTestCase):
    """
    The logs as a text.
    """

    def test_history(self) -> None:
        """
        ``/logs`` is the combined log; browsers are led to the page.
        """
        self.logs.proxy.write(b"ours\n")
        self.logs.output_of("llama").write(b"the model's\n")
        for headers in ({}, {"Accept": "*/*"}, {"Accept": "text/plain, text/html"}):
            response = self.answer("GET", "/logs", headers)
            self.assertEqual(response.body, b"ours\nthe model's\n")
        response = self.answer("GET", "/logs", BROWSER)
        self.assertEqual((response.status, response.headers["location"]), (302, "/ui/"))

    def test_streams(self) -> None:
        """
        Each log has its stream: by name, by a model's id or alias, with
        slashes percent-encoded or not.
        """
        self.logs.proxy.write(b"ours\n")
        self.logs.output_of("llama").write(b"llama's\n")
        self.logs.output_of("org/model").write(b"org's\n")
        for name, body in (
            ("", b"ours\nllama's\norg's\n"),
            ("/proxy", b"ours\n"),
            ("/upstream", b"llama's\norg's\n"),
            ("/llama", b"llama's\n"),
            ("/org%2Falias", b"llama's\n"),
            ("/org/model", b"org's\n"),
            ("/org%2fmodel", b"org's\n"),
        ):
            response = self.answer("GET", f"/logs/stream{name}")
            self.assertEqual(
                (name, response.body), (name, b"%x\r\n%b\r\n" % (len(body), body))
            )
            response = self.answer("GET", f"/logs/stream{name}?no-history")
            self.assertEqual((name, response.body), (name, b""))

    def test_unknown(self) -> None:
        """
        400 for a log that is not there.
        """
        for name in ("lama", "a%2Fb", "%3Cb%3E"):
            response = self.answer("GET", f"/logs/stream/{name}")
            self.assertEqual(response.status, 400)
            self.assertIn(
                "there is no log", json.loads(response.body)["error"]["message"]
            )

    def test_ends(self) -> None:
        """
        A stream that ends is whole, and its connection takes the next request;
        one whose client left is forgotten.
        """
        self.connection.ask("GET", "/logs/stream/proxy")
        gone = Connection(self.route)
        gone.ask("GET", "/logs/stream/proxy")
        gone.leave()
        self.logs.proxy.write(b"more\n")
        self.readers.end_all()
        self.assertTrue(
            self.connection.received().endswith(b"5\r\nmore\n\r\n0\r\n\r\n")
        )
        self.connection.ask("GET", "/health")
        self.assertEqual(self.connection.response().body, b"OK")
        self.readers.end_all()
