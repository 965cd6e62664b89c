"""
Tests for `llamaswap_tw.web.front`.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import BadRequest
from llamaswap_tw.web.endpoints import ModelRoute, model_routes
from llamaswap_tw.web.front import Front
from llamaswap_tw.web.request import Request

from .support import DATE, Connection


class Inference:
    """
    Remembers what it was to serve.
    """

    def __init__(self) -> None:
        self.served: list[tuple[Request, ModelRoute]] = []

    def serve(self, request: Request, route: ModelRoute) -> None:
        self.served.append((request, route))


class FrontTests(SynchronousTestCase):
    """
    Who answers which path.
    """

    def setUp(self) -> None:
        self.inference = Inference()
        self.others: list[Request] = []
        self.front = Front(
            self.inference,  # type: ignore[arg-type]  # as much of it as is used
            model_routes(),
            self.others.append,
        )
        self.connection = Connection(self.front.route)

    def test_model_endpoint(self) -> None:
        """
        The endpoints that reach a model are found by their exact path, with
        any query.
        """
        self.connection.ask("POST", "/v1/chat/completions?a=%20b")
        request, route = self.inference.served[0]
        self.assertEqual(route.sent_up, b"/v1/chat/completions")
        self.assertEqual(request.query, b"a=%20b")

    def test_other(self) -> None:
        """
        All else is for the other routes: what they need is on the request.
        """
        self.connection.ask("GET", "/logs/stream/a%2Fb%C3%A9?no-history&x=1")
        request = self.others[0]
        self.assertEqual(request.postpath, [b"logs", b"stream", "a/bé".encode()])
        self.assertEqual(request.args, {b"no-history": [b""], b"x": [b"1"]})
        self.assertEqual(request.getHeader("host"), "h")

    def test_room(self) -> None:
        """
        A room has what is at and below its first segment, or its first two, and
        nothing whose name only begins like that.
        """
        rendered: list[tuple[str, bytes]] = []

        def room(name: str) -> Callable[[Request], None]:
            def render(request: Request) -> None:
                rendered.append((name, request.path))
                request.respond(204, [], b"")

            return render

        rooms = {b"/metrics": room("m"), b"/api/captures": room("c")}
        self.front = Front(
            self.inference,  # type: ignore[arg-type]  # as much of it as is used
            model_routes(),
            room("other"),
            rooms=rooms,
        )
        paths = {
            "m": (b"/metrics", b"/metrics/x"),
            "c": (b"/api/captures", b"/api/captures/", b"/api/captures/1/2"),
            "other": (b"/metricsx", b"/api", b"/api/capture", b"/api/x/captures"),
        }
        connection = Connection(self.front.route)
        asked = [(name, path) for name in paths for path in paths[name]]
        for _, path in asked:
            connection.ask("GET", path.decode() + "?a=/b")
        self.assertEqual(rendered, asked)

    def test_query_of_any_bytes(self) -> None:
        """
        A query's arguments are taken byte for byte, whatever they are.
        """
        self.connection.ask("GET", "/running?%C3%A9=%FF&%FE&%C3%A9=a+b%00")
        request = self.others[0]
        self.assertEqual(
            request.args, {"é".encode(): [b"\xff", b"a b\0"], b"\xfe": [b""]}
        )

    def test_absolute(self) -> None:
        """
        A request for an absolute URL is one for its path.
        """
        self.connection.ask("POST", "http://h:80/v1/completions?x")
        request, route = self.inference.served[0]
        self.assertEqual(route.sent_up, b"/v1/completions")
        self.assertEqual((request.path, request.query), (b"/v1/completions", b"x"))
        for target in ("HTTPS://h", "http://h?q"):
            self.connection = Connection(self.connection.site.route)
            self.connection.ask("GET", target)
            self.assertEqual(self.others[-1].path, b"/")

    def test_lower_case(self) -> None:
        """
        A method in lower case is another one than that in upper case.
        """
        self.connection.ask("get", "/running")
        self.assertEqual(self.connection.response().status, 501)
        self.assertEqual(self.others, [])

    def test_double_slashes(self) -> None:
        """
        A path with ``//`` is sent to the clean one on this host, query and
        percent-encoding kept.
        """
        for path, location in (
            ("//v1//models?a=//b", "/v1/models?a=//b"),
            ("//evil.example/", "/evil.example/"),
            ("/upstream//a///b%2F%2Fc", "/upstream/a/b%2F%2Fc"),
            ("http://h//health", "/health"),
        ):
            self.connection.ask("POST", path)
            response = self.connection.response()
            self.assertEqual((path, response.status), (path, 307))
            self.assertEqual(response.headers["location"], location)
        self.assertEqual(self.others, [])

    def test_options(self) -> None:
        """
        A browser's question is answered at any path, and without a body.
        """
        for target in ("/v1/completions", "//v1/models", "/nothing", "*"):
            self.connection.ask("OPTIONS", target)
            self.assertEqual(
                self.connection.received(),
                b"HTTP/1.1 204 No Content\r\n" + DATE + b"\r\n",
            )
        self.connection.ask("OPTIONS", "/running", {}, b"{}")
        self.assertEqual(self.connection.response().status, 204)
        self.assertEqual((self.others, self.inference.served), ([], []))

    def test_bad_targets(self) -> None:
        """
        A path that is no UTF-8, and a target that is neither a path nor a URL,
        are 400 without a traceback.
        """
        for target in ("/health%FF", "health", "*", "h:443"):
            connection = Connection(self.front.route)
            connection.ask("GET", target)
            response = connection.response()
            self.assertEqual((target, response.status), (target, 400))
            self.assertEqual(json.loads(response.body)["src"], "llama-swap")

    def test_raw_bytes(self) -> None:
        """
        Bytes from 0x80 on in a path are taken as if percent-encoded.
        """
        self.connection.ask("GET", "/logs/stream/zébra")
        self.assertEqual(self.others[0].path, b"/logs/stream/z%C3%A9bra")

    def test_too_large(self) -> None:
        """
        A body on disk is for models only.
        """
        self.connection.ask("GET", "/health")
        request = self.others[0]

        class OnDisk:
            in_memory = None

            def close(self) -> None:
                pass

        request.body = OnDisk()  # type: ignore[assignment]  # as much as is used
        self.assertRaises(BadRequest, request.enter_resource, self.others.append)


class ModelRoutesTests(SynchronousTestCase):
    """
    The endpoints that reach a model.
    """

    def test_rewritten(self) -> None:
        """
        Some paths go up as another; all others as they are.
        """
        routes = model_routes()
        rewritten = {
            path: route.sent_up
            for path, route in routes.items()
            if path != route.sent_up
        }
        self.assertEqual(
            rewritten,
            {
                b"/audioapi/v1/tasks/run": b"/v1/tasks/run",
                b"/v/chat/completions": b"/chat/completions",
                b"/v/responses": b"/responses",
                b"/v/completions": b"/completions",
                b"/v/messages": b"/messages",
                b"/v/messages/count_tokens": b"/messages/count_tokens",
                b"/v/embeddings": b"/embeddings",
                b"/v/rerank": b"/rerank",
                b"/v/reranking": b"/reranking",
            },
        )

    def test_methods(self) -> None:
        """
        What is asked with GET is asked with HEAD too.
        """
        routes = model_routes()
        gotten = {path for path, route in routes.items() if b"GET" in route.methods}
        self.assertEqual(gotten, {b"/v1/audio/voices", b"/sdapi/v1/loras", b"/props"})
        for path in gotten:
            self.assertIn(b"HEAD", routes[path].methods)
        posted = {path for path, route in routes.items() if b"POST" in route.methods}
        self.assertEqual(routes.keys() - posted, {b"/sdapi/v1/loras", b"/props"})
        self.assertEqual(len(posted), 28)
