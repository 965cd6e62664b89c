"""
Selectors, profiles, peers and preloading, as clients of a real daemon meet them.
"""

from __future__ import annotations

import hashlib
import http.client
import itertools
import json
import signal
import sys
from typing import Any
from urllib.parse import urlsplit

from .support import (
    Answer,
    Daemon,
    LiveTestCase,
    Program,
    chat_body,
    free_ports,
    simulator,
    simulator_says,
    wait_for,
)
from .test_reload import Clients

TOGETHER = "groups: {together: {swap: false, members: [one, two, three]}}\n"


def models(*names: str) -> str:
    """
    The lines of some models that load in a moment.
    """
    return "models:\n" + "".join(
        f"  {name}: {{cmd: '{simulator('--load-time 0.1 --model', name)}'}}\n"
        for name in names
    )


def speaker(answer: Answer) -> str:
    """
    The model that has given an answer.
    """
    content = answer.json["choices"][0]["message"]["content"]
    (name,) = (name for name in ("one", "two", "three") if name in content)
    return name


def stats(daemon: Daemon, model: str) -> Any:
    """
    What a running model has counted.
    """
    for entry in daemon.ask("GET", "/running").json["running"]:
        if entry["model"] == model:
            port = urlsplit(entry["proxy"]).port
            assert port is not None
            return simulator_says(port, "/simulator/stats")
    raise AssertionError(f"{model} does not run")


class RoutingTestCase(LiveTestCase):
    """
    Keeps requests waiting for their answers.
    """

    def hold(
        self, daemon: Daemon, name: str, target: str
    ) -> http.client.HTTPConnection:
        """
        A request that stays in flight until its connection is closed.

        :param name: whom it asks for.
        :param target: the model that must get it.
        """
        before = 0
        if daemon.running().get(target) == "ready":
            before = stats(daemon, target)["in_flight"]
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port)
        self.addCleanup(connection.close)
        body = json.dumps(chat_body(name, simulator={"hang": True}))
        connection.request("POST", "/v1/chat/completions", body)
        wait_for(
            lambda: (
                daemon.running().get(target) == "ready"
                and stats(daemon, target)["in_flight"] > before
            ),
            f"{target} to get a request",
        )
        return connection

    def let_go(
        self, daemon: Daemon, model: str, *held: http.client.HTTPConnection
    ) -> None:
        """
        The clients of some requests of a model leave.
        """
        left = stats(daemon, model)["in_flight"] - len(held)
        for connection in held:
            connection.close()
        wait_for(
            lambda: stats(daemon, model)["in_flight"] == left, "requests to be gone"
        )


class SelectorTests(RoutingTestCase):
    """
    A selector chooses among its targets by what they do at the moment.
    """

    def test_spillover(self) -> None:
        """
        A spillover fills one target, spills over to the next, takes the least busy
        when all are full, and keeps to what is loaded when there is room again.
        """
        daemon = self.daemon(
            "selectors:\n  auto:\n    strategy: spillover\n"
            "    targets: [one, two]\n    settings: {spillover: 2}\n"
            + TOGETHER
            + models("one", "two", "three")
        )
        # It fills.
        first = self.hold(daemon, "auto", "one")
        second = self.hold(daemon, "auto", "one")
        self.assertEqual(daemon.running(), {"one": "ready"})
        # It spills.
        third = self.hold(daemon, "auto", "two")
        self.assertEqual(daemon.running(), {"one": "ready", "two": "ready"})
        fourth = self.hold(daemon, "auto", "two")
        fifth = self.hold(daemon, "auto", "one")
        sixth = self.hold(daemon, "auto", "two")
        self.let_go(daemon, "one", first, second)
        self.assertEqual(speaker(daemon.chat("auto")), "one")
        self.let_go(daemon, "two", third, fourth, sixth)
        self.assertEqual(speaker(daemon.chat("auto")), "two")
        # It rests: with room in one, the other stays cold.
        self.let_go(daemon, "one", fifth)
        self.assertEqual(daemon.ask("POST", "/api/models/unload/two").status, 200)
        for _ in range(5):
            self.assertEqual(speaker(daemon.chat("auto")), "one")
        self.assertEqual(daemon.running(), {"one": "ready"})
        listed = daemon.ask("GET", "/v1/models/auto").json
        self.assertEqual(listed["status"]["value"], "loaded")
        self.assertEqual(listed["meta"]["llamaswap"]["type"], "selector")

    def test_warm(self) -> None:
        """
        Warm takes what is ready, and the first target when nothing is.
        """
        daemon = self.daemon(
            "selectors: {auto: {strategy: warm, targets: [one, two]}}\n"
            + models("one", "two")
        )
        self.assertEqual(speaker(daemon.chat("auto")), "one")
        self.assertEqual(daemon.chat("two").status, 200)
        self.assertEqual(speaker(daemon.chat("auto")), "two")
        self.assertEqual(daemon.running(), {"two": "ready"})
        self.assertEqual(daemon.ask("GET", "/unload").status, 200)
        self.assertEqual(speaker(daemon.chat("auto")), "one")

    def test_pin(self) -> None:
        """
        Pin takes the first target though another is ready.
        """
        daemon = self.daemon(
            "selectors: {auto: {strategy: pin, targets: [two, one]}}\n"
            + models("one", "two")
        )
        self.assertEqual(daemon.chat("one").status, 200)
        self.assertEqual(speaker(daemon.chat("auto")), "two")


class ProfileTests(RoutingTestCase):
    """
    Profiles are switched at run time.
    """

    def activate(self, daemon: Daemon, name: str | None) -> None:
        answer = daemon.ask("PUT", "/api/profiles/active", {"name": name})
        self.assertEqual((answer.status, answer.json), (200, {"active": name}))

    def test_under_load(self) -> None:
        """
        While clients ask for an id without a pause its pin is switched, and no
        request fails; each new request meets the pin of the moment.
        """
        daemon = self.daemon(
            "profiles:\n  first: {pins: {best: one}}\n  second: {pins: {best: two}}\n"
            + TOGETHER
            + models("one", "two", "three")
        )
        self.assertEqual(daemon.chat("best").status, 404)
        self.activate(daemon, "first")
        clients = Clients(lambda: daemon.chat("best", max_tokens=2), 4)

        def wait_for_clients(count: int) -> None:
            wait_for(lambda: clients.asked >= count, "the clients")

        try:
            for turn in range(30):
                name, model = ("first", "one") if turn % 2 else ("second", "two")
                self.activate(daemon, name)
                self.assertEqual(speaker(daemon.chat("best")), model)
                wait_for_clients(clients.asked + 4)
        finally:
            clients.end()
        self.assertEqual(clients.failures, [])
        for model in ("one", "two"):
            self.assertGreater(stats(daemon, model)["begun"], 30)
        self.activate(daemon, None)
        self.assertEqual(daemon.chat("best").status, 404)

    def test_reload(self) -> None:
        """
        A reload begins without a profile.
        """
        config = "profiles: {first: {pins: {best: one}}}\n" + models("one")
        daemon = self.daemon(config)
        self.activate(daemon, "first")
        self.assertEqual(daemon.chat("best").status, 200)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(
            lambda: daemon.ask("GET", "/api/profiles").json["active"] is None,
            "the reload",
        )
        self.assertEqual(daemon.chat("best").status, 404)


class PeerTests(RoutingTestCase):
    """
    Requests for other servers' models.
    """

    def peer(self) -> int:
        """
        The port of another server, which has a model ``sim``.
        """
        port = free_ports(1)
        command = [sys.executable, "-m", "llamaswap_tw.simulator", "--model", "sim"]
        program = Program(
            [*command, "--load-time", "0", "--port", str(port)], self.folder()
        )
        self.addCleanup(program.end)

        def answers() -> bool:
            try:
                simulator_says(port, "/simulator/stats")
            except OSError:
                return False
            return True

        wait_for(answers, "the peer")
        return port

    def far(self, port: int, more: str = "") -> str:
        """
        The lines of a peer ``far``.
        """
        return (
            f"peers:\n  far:\n    proxy: http://127.0.0.1:{port}\n"
            f"    models: [sim]\n{more}" + models("one")
        )

    def echo(self, daemon: Daemon, model: str, **headers: str) -> dict[str, Any]:
        """
        A request as the model has got it, its headers by their names in lower case.
        """
        body = json.dumps({"model": model, "simulator": {"echo": True}}).encode()
        answer = daemon.ask("POST", "/v1/chat/completions?a=%2f", body, headers)
        self.assertEqual(answer.status, 200, answer.body)
        echoed: dict[str, Any] = answer.json
        echoed["headers"] = {name.lower(): value for name, value in echoed["headers"]}
        return echoed

    def test_goes_up(self) -> None:
        """
        A peer gets its own key, its own Host and its own name for the model, and
        nothing of what the client said of itself.
        """
        port = self.peer()
        daemon = self.daemon(self.far(port, "    apiKey: its-key\n"))
        for name in ("far/sim", "sim"):
            echoed = self.echo(
                daemon,
                name,
                **{"Authorization": "Bearer the-client's", "x-api-key": "as well"},
                **{"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Prefix": "/x"},
                **{"X-Other": "stays"},
            )
            sent = json.dumps({"model": "sim", "simulator": {"echo": True}}).encode()
            self.assertEqual(echoed["path"], "/v1/chat/completions?a=%2f")
            self.assertEqual(
                echoed["body"],
                {"sha256": hashlib.sha256(sent).hexdigest(), "length": len(sent)},
            )
            headers = echoed["headers"]
            self.assertEqual(headers["authorization"], "Bearer its-key")
            self.assertEqual(headers["x-api-key"], "its-key")
            self.assertEqual(headers["host"], f"127.0.0.1:{port}")
            self.assertEqual(headers["x-other"], "stays")
            self.assertEqual([one for one in headers if "x-forwarded" in one], [])
        # It takes no part in scheduling, and is listed.
        self.assertEqual(daemon.running(), {})
        listed = daemon.ask("GET", "/v1/models/far%2Fsim").json
        self.assertEqual(listed["meta"]["llamaswap"]["peerID"], "far")

    def test_client_leaves(self) -> None:
        """
        A client that leaves ends its request at the peer.
        """
        port = self.peer()
        daemon = self.daemon(self.far(port, "    apiKey: its-key\n"))
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port)
        body = json.dumps(chat_body("sim", simulator={"hang": True}))
        connection.request("POST", "/v1/chat/completions", body)

        def seen() -> Any:
            return simulator_says(port, "/simulator/stats")

        wait_for(lambda: seen()["in_flight"] == 1, "the peer to get it")
        connection.close()
        wait_for(lambda: seen()["cancelled"] == 1, "the peer to be left")

    def test_another_daemon(self) -> None:
        """
        A peer can be another daemon, which loads the model; who asks for what is not
        there is told by it.
        """
        other = self.daemon(models("one"))
        daemon = self.daemon(
            f"peers: {{far: {{proxy: '{other.url}', models: [one, gone]}}}}\n"
            + models("two")
        )
        answer = daemon.chat("far/one")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(speaker(answer), "one")
        self.assertEqual(other.running(), {"one": "ready"})
        self.assertEqual(daemon.running(), {})
        answer = daemon.chat("far/gone")
        self.assertEqual(answer.status, 404)
        self.assertIn("'gone'", answer.error)

    def test_keys(self) -> None:
        """
        Each daemon has a key of its own: the client's opens ours, ours opens the
        other, and the client's does not get there.
        """
        other = self.daemon("apiKeys: [theirs]\n" + models("one"))
        peers = "".join(
            f"  {name}: {{proxy: '{other.url}', models: [one], apiKey: {key}}}\n"
            for name, key in (("far", "theirs"), ("wrong", "nope"))
        )
        config = f"apiKeys: [ours, theirs]\npeers:\n{peers}"
        daemon = self.daemon(config + models("two"))
        for key, name, status in (
            ("ours", "far/one", 200),
            ("theirs", "far/one", 200),
            ("theirs", "wrong/one", 401),
            ("nope", "far/one", 401),
        ):
            headers = {"Authorization": f"Bearer {key}", "x-api-key": key}
            answer = daemon.ask(
                "POST", "/v1/chat/completions", chat_body(name), headers
            )
            self.assertEqual((key, name, answer.status), (key, name, status))

    def test_down(self) -> None:
        """
        One where nobody listens is 502 with the reason.
        """
        port = free_ports(1)
        daemon = self.daemon(self.far(port))
        answer = daemon.chat("far/sim")
        self.assertEqual(answer.status, 502)
        self.assertIn("far", answer.error)
        self.assertIn(str(port), answer.error)

    def test_slow(self) -> None:
        """
        One that does not begin to answer within ``responseHeader`` is 504, and is
        left; one that is in time is not.
        """
        port = self.peer()
        daemon = self.daemon(self.far(port, "    timeouts: {responseHeader: 1}\n"))
        answer = daemon.chat("far/sim", simulator={"hang": True})
        self.assertEqual(answer.status, 504)
        self.assertIn("far", answer.error)
        wait_for(
            lambda: simulator_says(port, "/simulator/stats")["cancelled"] == 1,
            "the peer to be left",
        )
        # On a machine that stalls one may be late as well.
        wait_for(lambda: daemon.chat("far/sim").status == 200, "one that is in time")

    def test_refuses(self) -> None:
        """
        What it refuses with is passed on.
        """
        daemon = self.daemon(self.far(self.peer()))
        answer = daemon.chat("far/sim", simulator={"status": 418})
        self.assertEqual(answer.status, 418)
        self.assertIn("418", answer.error)

    def test_cuts(self) -> None:
        """
        What it breaks off is seen as truncated, be it a stream or not.
        """
        daemon = self.daemon(self.far(self.peer()))
        for stream in (True, False):
            body = chat_body("far/sim", stream=stream, cut_after=3)
            with daemon.asking("POST", "/v1/chat/completions", body) as response:
                self.assertEqual(response.status, 200)
                with self.assertRaises(http.client.IncompleteRead) as caught:
                    response.read()
            self.assertNotIn(b"[DONE]", caught.exception.partial)
            self.assertEqual(b"event: error" in caught.exception.partial, stream)
        self.assertEqual(daemon.chat("far/sim").status, 200)


class PreloadTests(RoutingTestCase):
    """
    Models are loaded before anybody asks for them.
    """

    def config(self, *names: str) -> str:
        hook = f"hooks: {{on_startup: {{preload: [{', '.join(names)}]}}}}\n"
        return hook + TOGETHER + models("one", "two", "three")

    def test_preload(self) -> None:
        """
        Those that are named are loaded at start-up, and on a reload those that are
        named for the first time; one that was unloaded since is left alone.
        """
        daemon = self.daemon(self.config("two", "one"))
        wait_for(lambda: daemon.running() == {"one": "ready", "two": "ready"}, "both")
        log = daemon.ask("GET", "/logs").body
        self.assertLess(log.index(b"two: starting"), log.index(b"one: starting"))
        self.assertEqual(daemon.ask("POST", "/api/models/unload/two").status, 200)
        self.assertEqual(daemon.running(), {"one": "ready"})
        text = self.config("two", "three", "one")
        daemon.config.write_text(f"startPort: {daemon.start_port}\n{text}")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(
            lambda: daemon.running() == {"one": "ready", "three": "ready"}, "the third"
        )

    def test_failure(self) -> None:
        """
        One that fails is told, and the next one is loaded.
        """
        broken = simulator("--load-time 0", "--fail-start nope")
        daemon = self.daemon(
            "hooks: {on_startup: {preload: [broken, one]}}\n"
            + models("one")
            + f"  broken: {{cmd: '{broken}'}}\n"
        )
        wait_for(lambda: daemon.running() == {"one": "ready"}, "the next one")
        wait_for(lambda: "preload: broken: " in daemon.output, "the line of the log")


class FilterTests(RoutingTestCase):
    """
    What models of ours are told.
    """

    def test_model_name(self) -> None:
        """
        With ``useModelName`` a model is asked by that name, in JSON and in a form of
        any size, and all else is as it came.
        """
        daemon = self.daemon(
            "models:\n  one:\n    useModelName: inner\n    cmd: "
            + simulator("--load-time 0")
        )
        echo = {"X-Simulator": '{"echo": true}'}
        form = {**echo, "Content-Type": "multipart/form-data; boundary=xyz"}

        def json_of(name: bytes, filling: bytes) -> bytes:
            return b' {"x": "%b", "model" : "%b", "n": 1.0e2}' % (filling, name)

        def form_of(name: bytes, filling: bytes) -> bytes:
            return (
                b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a"'
                b"\r\n\r\n\0\xff%b\r\n--xyz\r\nContent-Disposition: form-data; "
                b'name="model"\r\n\r\n%b\r\n--xyz--\r\n' % (filling, name)
            )

        sizes = (0, 2 * 1024**2, 40 * 1024**2)
        kinds = (
            ("/v1/chat/completions", echo, json_of),
            ("/v1/audio/transcriptions", form, form_of),
        )
        for size, (path, headers, made) in itertools.product(sizes, kinds):
            filling = b"x" * size
            answer = daemon.ask("POST", path, made(b"one", filling), headers)
            self.assertEqual(answer.status, 200, answer.body)
            expected = made(b"inner", filling)
            self.assertEqual(
                answer.json["body"],
                {
                    "sha256": hashlib.sha256(expected).hexdigest(),
                    "length": len(expected),
                },
            )
