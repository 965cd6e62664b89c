"""
Tests for `llamaswap_tw.web.cors`.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import BodyTooLarge, ConcurrencyLimit, ModelNotFound
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.web.auth import KeyRing
from llamaswap_tw.web.cors import Cors
from llamaswap_tw.web.endpoints import model_routes
from llamaswap_tw.web.request import Request

from .support import Connection, Response
from .test_operations import OperationsTestCase

#: A page of somebody else's, as a browser over HTTPS, or to loopback, tells of it,
#: and as one over plain HTTP does.
CROSS_SITE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
SAME_SITE = {"Origin": "https://x.example", "Sec-Fetch-Site": "same-site"}
PLAIN = {"Origin": "http://evil.example"}
IMAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
FOREIGN = (CROSS_SITE, SAME_SITE, PLAIN, IMAGE, {"Origin": "null"})

LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

SHARED = (
    *("/v1/chat/completions", "/rerank", "/props?model=x", "/sdapi/v1/txt2img"),
    *("/v1/models", "/models", "/v1/models/a/b", "/v1/nothing", "/v/embeddings"),
    *("/upstream/a", "/upstream/a/b?c", "http://h/v1/models", "//v1//models"),
)

#: Of one origin only; some are shared or harmless at first glance.
OWN = (
    *("/ui", "/ui/", "/ui/models", "/running", "/unload", "/logs", "/logs/stream/a"),
    *("/api/models/unload", "/api/models/load/a", "/api/profiles/active"),
    *("/api/version", "/api/inflight/1/cancel", "/upstream", "/metrics", "/nothing"),
    *("/comfyui", "/comfyui/", "/comfyui/ws?/v1/models", "/health/x", "/models/"),
    *("//api/models/unload", "http://h/unload", "/%75nload"),
)

HARMLESS = ("/", "/health", "/wol-health", "/health?x", "http://h", "//health")

METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"


class CorsTestCase(SynchronousTestCase):
    """
    A site that answers 200 to all that it may answer.
    """

    origins: tuple[str, ...] = ("*",)
    model_headers: tuple[tuple[bytes, bytes], ...] = ()

    def setUp(self) -> None:
        self.cors = Cors(self.origins, model_routes())

    def route(self, request: Request) -> None:
        request.respond(200, self.model_headers, b"")

    def connect(self) -> Connection:
        connection = Connection(self.route)
        connection.site.refusal = self.cors.refusal
        return connection

    def raw(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        connection = self.connect()
        connection.ask(method, path, headers)
        return connection.received()

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Response:
        return Response(self.raw(method, path, headers))

    def allowed(self, method: str, path: str, origin: str) -> str | None:
        """
        Which origin may read the answer.
        """
        response = self.answer(method, path, {"Origin": origin})
        self.assertEqual(response.status, 200)
        return response.headers.get("access-control-allow-origin")


class WebSocketTests(CorsTestCase):
    """
    WebSockets, whose answers browsers let every page read.
    """

    origins = ("https://mine.example",)

    def status(self, origin: str, **more: str) -> int:
        headers = {"Connection": "Upgrade", "Upgrade": "websocket", **more}
        if origin:
            headers["Origin"] = origin
        return self.answer("GET", "/upstream/a/ws", headers).status

    def test_narrowed(self) -> None:
        """
        A page whose origin may not use models may not open one; one that may, our
        own, and a program may.
        """
        self.assertEqual(self.status("https://evil.example"), 403)
        self.assertEqual(self.status("null"), 403)
        for origin in ("https://mine.example", "http://h", ""):
            self.assertEqual(self.status(origin), 200)
        self.assertEqual(
            self.status("https://evil.example", **{"Sec-Fetch-Site": "cross-site"}), 403
        )

    def test_everybody(self) -> None:
        """
        Where every page may use models, every page may open one.
        """
        self.cors.reconfigure(["*"])
        self.assertEqual(self.status("https://evil.example"), 200)


class SameOriginTests(CorsTestCase):
    """
    What is for our own page, and for programs.
    """

    def check(self, path: str, method: str, headers: Mapping[str, str]) -> int:
        return self.answer(method, path, headers).status

    def test_foreign(self) -> None:
        """
        A page of another origin may do nothing, nor ask whether it may.
        """
        for path in OWN:
            for headers in FOREIGN:
                for method in ("GET", "POST", "PUT", "OPTIONS"):
                    response = self.answer(method, path, headers)
                    self.assertEqual(
                        (method, path, headers, response.status),
                        (method, path, headers, 403),
                    )
                    self.assertNotIn("access-control-allow-origin", response.headers)

    def test_refusal(self) -> None:
        """
        The error says why, and its code is that of the status.
        """
        response = self.answer("POST", "/api/models/unload", CROSS_SITE)
        self.assertIn(b'"code":"forbidden"', response.body)
        self.assertIn(b"/api/models/unload is not for web pages", response.body)

    def test_shared(self) -> None:
        """
        Models, listings, and what tells nothing are not refused.
        """
        for path in (*SHARED, *HARMLESS):
            for headers in FOREIGN:
                for method in ("GET", "POST", "OPTIONS"):
                    self.assertEqual(
                        (method, path, headers, self.check(path, method, headers)),
                        (method, path, headers, 200),
                    )

    def test_fine(self) -> None:
        """
        Our own page, a user who types the address, and programs may do all.
        """
        for headers in (
            {},
            {"Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "none"},
            # It knows better than we do what the Host once was.
            {"Sec-Fetch-Site": "same-origin", "Origin": "https://front.example"},
            {"Origin": "http://h"},
            {"Origin": "http://H:80"},
        ):
            for path in OWN:
                for method in ("GET", "POST", "OPTIONS"):
                    self.assertEqual(
                        (path, headers, self.check(path, method, headers)),
                        (path, headers, 200),
                    )

    def test_links(self) -> None:
        """
        A link on another page may be followed; its form may not be sent.
        """
        for method, status in (
            *(("GET", 200), ("HEAD", 200), ("POST", 403), ("OPTIONS", 403)),
        ):
            self.assertEqual(
                (method, self.check("/unload", method, LINK)), (method, status)
            )
        self.assertEqual(
            self.check("/logs", "GET", {**LINK, "Sec-Fetch-Mode": "websocket"}), 403
        )

    def test_host(self) -> None:
        """
        Without Sec-Fetch-Site the origin must be the name that was asked, which a
        front tells in X-Forwarded-Host.
        """
        for origin, host, forwarded, status in (
            ("http://gpu:8080", "gpu:8080", "", 200),
            ("http://GPU:8080", "gpu:8080", "", 200),
            ("http://gpu:8081", "gpu:8080", "", 403),
            ("http://gpu", "gpu:8080", "", 403),
            ("https://gpu", "gpu:443", "", 200),
            ("https://gpu", "gpu", "", 200),
            ("https://gpu", "gpu:80", "", 403),
            ("http://[::1]:8080", "[::1]:8080", "", 200),
            ("https://front", "inner:8080", "", 403),
            ("https://front", "inner:8080", "front", 200),
            ("https://front:8443", "inner:8080", "front:8443, middle", 200),
            ("https://evil", "inner:8080", "front", 403),
            ("https://front", "front", "other", 200),
            ("chrome-extension://gpu", "gpu", "", 403),
            ("http://", "", "", 403),
            ("null", "null", "", 403),
        ):
            lines = [f"POST /running HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}"]
            if forwarded:
                lines.append(f"X-Forwarded-Host: {forwarded}")
            connection = self.connect()
            connection.send("\r\n".join([*lines, "", ""]).encode())
            self.assertEqual(
                (origin, host, forwarded, connection.response().status),
                (origin, host, forwarded, status),
            )

    def test_odd_sites(self) -> None:
        """
        What Sec-Fetch-Site says beyond the standard counts as nothing, and one
        foreign site among many is foreign.
        """
        for site, origin, status in (
            *(("", "http://h", 200), ("", "http://evil", 403)),
            *(("elsewhere", "http://h", 200), ("elsewhere", "http://evil", 403)),
            *(("same-origin, cross-site", "http://h", 403),),
            *(("Cross-Site", "http://h", 403), ("Same-Origin", "http://evil", 200)),
        ):
            headers = {"Sec-Fetch-Site": site, "Origin": origin}
            self.assertEqual(
                (headers, self.check("/running", "GET", headers)), (headers, status)
            )

    def test_no_host(self) -> None:
        """
        An origin without a host to compare it with is foreign.
        """
        connection = self.connect()
        connection.send(b"GET /running HTTP/1.0\r\nOrigin: http://h\r\n\r\n")
        self.assertEqual(connection.response().status, 403)


class ResponseTests(CorsTestCase):
    """
    Who may read the responses of models and listings.
    """

    def test_everybody(self) -> None:
        """
        Pages of every origin may, unless some are configured; the listing names
        the one that asks.
        """
        for path in SHARED:
            for method in ("GET", "POST"):
                may = self.allowed(method, path, "https://a.example")
                listing = path in ("/v1/models", "http://h/v1/models", "//v1//models")
                expected = "https://a.example" if listing else "*"
                self.assertEqual((path, may), (path, expected))
        self.assertEqual(self.allowed("GET", "/v1/models", "null"), "null")
        response = self.answer("GET", "/v1/models?x", {"Origin": "http://a"})
        self.assertEqual(response.headers["vary"], "Origin")

    def test_programs(self) -> None:
        """
        Who names no origin is told nothing of them.
        """
        for path in SHARED:
            self.assertNotIn(b"Access-Control", self.raw("GET", path, {}))

    def test_others(self) -> None:
        """
        Nothing lets a page read what is for our own.
        """
        for path in ("/health", "/", "/running"):
            headers = {"Origin": "http://h"}
            self.assertNotIn(b"Access-Control", self.raw("GET", path, headers))

    def test_configured(self) -> None:
        """
        Where origins are configured, each is named to itself, and others are told
        nothing.
        """
        self.cors.reconfigure(
            ["https://a.example", "HTTP://B.example:80", "http://c:3000", "null"]
        )
        for origin, may in (
            *(("https://a.example", True), ("http://b.example", True)),
            *(("http://c:3000", True), ("null", True), ("http://c", False)),
            *(("http://a.example", False), ("https://a.example.evil", False)),
            *(("https://xa.example", False), ("", False), ("*", False)),
        ):
            for path in SHARED:
                allowed = self.allowed("GET", path, origin)
                self.assertEqual(
                    (path, origin, allowed), (path, origin, origin if may else None)
                )
        response = self.answer("POST", "/v1/completions", {"Origin": "http://other"})
        self.assertEqual(response.headers["vary"], "Origin")

    def test_nobody(self) -> None:
        """
        Without any origin, no page may; a ``*`` among them is for all.
        """
        self.cors.reconfigure([])
        self.assertIsNone(self.allowed("GET", "/v1/models", "https://a.example"))
        self.cors.reconfigure(["http://b", "*"])
        self.assertEqual(self.allowed("GET", "/props", "https://a.example"), "*")

    def test_model_has_some(self) -> None:
        """
        Where the model's response says too who may read it, ours is said, once.
        """
        self.model_headers = (
            (b"access-control-allow-ORIGIN", b"https://model.example"),
            (b"Access-Control-Allow-Credentials", b"true"),
            (b"Access-Control-Expose-Headers", b"X-Time"),
            (b"X-Time", b"3"),
        )
        raw = self.raw("POST", "/v1/completions", PLAIN).lower()
        self.assertEqual(raw.count(b"access-control-allow-origin: *\r\n"), 1)
        self.assertEqual(raw.count(b"access-control-allow"), 1)
        self.assertEqual(raw.count(b"access-control-expose-headers: x-time\r\n"), 1)
        self.assertEqual(raw.count(b"\r\nx-time: 3\r\n"), 1)
        self.cors.reconfigure(["https://a.example"])
        raw = self.raw("POST", "/v1/completions", PLAIN).lower()
        self.assertNotIn(b"access-control-allow", raw)

    def test_as_it_comes(self) -> None:
        """
        Where no origin is named, a model's response passes as it comes.
        """
        self.model_headers = ((b"Access-Control-Allow-Origin", b"*"),)
        raw = self.raw("POST", "/v1/completions", {})
        self.assertEqual(raw.count(b"\r\nAccess-Control-Allow-Origin: *\r\n"), 1)


class PreflightTests(CorsTestCase):
    """
    What a browser is told before a page's request.
    """

    def preflight(self, path: str = "/v1/models", **headers: str) -> Mapping[str, str]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.answer("OPTIONS", path, sent)
        return {
            name: value
            for name, value in response.headers.items()
            if name.startswith("access-control")
        }

    def test_usual(self) -> None:
        """
        Every page may send what it usually sends, anywhere that it may ask for.
        """
        for path in (*SHARED, *HARMLESS, "/running"):
            for headers in ({}, {"Origin": "http://h"}):
                self.assertEqual(
                    self.preflight(path, **headers),
                    {
                        "access-control-allow-origin": "*",
                        "access-control-allow-methods": METHODS,
                        "access-control-allow-headers": "Content-Type, Authorization, "
                        "Accept, X-Requested-With",
                        "access-control-max-age": "86400",
                    },
                )

    def test_headers(self) -> None:
        """
        The headers that it asks for are allowed, but for names that are none.
        """
        usual = "Content-Type, Authorization, Accept, X-Requested-With"
        for wanted, allowed in (
            ("x-api-key", "x-api-key"),
            ("X-Api-Key,content-type ,  x-a", "X-Api-Key, content-type, x-a"),
            ("a b, x-ok, é, c:d, ,e\tf, <g>", "x-ok"),
            ("!#$%&'*+-.^_`|~09azAZ", "!#$%&'*+-.^_`|~09azAZ"),
            ("", usual),
            ("(no), [token]", usual),
        ):
            headers = self.preflight(
                Origin="http://a", Access_Control_Request_Headers=wanted
            )
            self.assertEqual(
                (wanted, headers["access-control-allow-headers"]), (wanted, allowed)
            )

    def test_configured(self) -> None:
        """
        Where origins are configured, they alone are told something.
        """
        self.cors.reconfigure(["https://a.example"])
        headers = self.preflight("/v1/completions", Origin="https://a.example")
        self.assertEqual(headers["access-control-allow-origin"], "https://a.example")
        self.assertEqual(headers["access-control-allow-methods"], METHODS)
        for path in SHARED:
            self.assertEqual(self.preflight(path, Origin="https://b.example"), {})


class WholeTests(OperationsTestCase):
    """
    Requests to all of the routes.
    """

    origins: tuple[str, ...] = ("*",)

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        keys: tuple[str, ...] = (),
    ) -> Response:
        self.send(method, path, headers, body, keys)
        return self.connection.response()

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        keys: tuple[str, ...] = (),
    ) -> None:
        self.connection = Connection(self.route)
        cors, ring = Cors(self.origins, model_routes()), KeyRing(keys)
        self.connection.site.refusal = lambda request: (
            cors.refusal(request) or ring.refusal(request)
        )
        self.connection.ask(method, path, headers, body)

    def assertReadable(self, response: Response, status: int) -> None:
        self.assertEqual(response.status, status)
        self.assertEqual(
            response.headers["access-control-allow-origin"], "https://evil.example"
        )

    def test_errors(self) -> None:
        """
        A page that may read an answer may read an error, whoever found it.
        """
        self.origins = ("https://evil.example",)
        big = b"{" + b" " * 1000
        chat = "/v1/chat/completions"
        for method, path, body, keys, status in (
            ("POST", chat, b"{}", ("k",), 401),
            ("GET", "/v1/models", b"", ("k",), 401),
            ("POST", chat, big, (), BodyTooLarge.status),
            ("POST", chat, b'{"model": "nobody"}', (), ModelNotFound.status),
            ("POST", chat, b"{", (), 400),
            ("GET", chat, b"", (), 405),
            ("DELETE", "/v1/models", b"", (), 405),
            ("GET", "/v1/models/nobody", b"", (), 404),
            ("GET", "/v1/nothing", b"", (), 404),
            ("GET", "/v1//models", b"", (), 307),
            ("GET", "/v1/models/llama", b"", (), 200),
            ("HEAD", "/models", b"", (), 200),
        ):
            response = self.ask(method, path, CROSS_SITE, body, keys)
            self.assertReadable(response, status)

    def test_limit(self) -> None:
        """
        So may it that there are too many requests.
        """
        self.origins = ("https://evil.example",)
        self.router.acquire("llama")
        body = b'{"model": "llama"}'
        response = self.ask("POST", "/v1/completions", CROSS_SITE, body)
        self.assertReadable(response, ConcurrencyLimit.status)

    def test_preflight_without_key(self) -> None:
        """
        A preflight bears no key; a foreign page's is refused all the same.
        """
        response = self.ask("OPTIONS", "/v1/completions", CROSS_SITE, b"", ("k",))
        self.assertEqual((response.status, response.body), (204, b""))
        self.assertEqual(response.headers["access-control-allow-origin"], "*")
        self.assertNotIn("content-length", response.headers)
        response = self.ask("OPTIONS", "/api/profiles", CROSS_SITE, b"", ("k",))
        self.assertEqual(response.status, 403)

    def test_our_page(self) -> None:
        """
        The buttons on our page work, and those of a copy elsewhere do nothing.
        """
        path = "/api/models/unload/llama"
        accept = {"Accept": "text/html"}
        ours = {"Origin": "http://h", "Sec-Fetch-Site": "same-origin"}
        self.load("llama")
        for foreign in FOREIGN:
            self.assertEqual(self.ask("POST", path, {**accept, **foreign}).status, 403)
        process = self.processes["llama"]
        self.assertIs(process.state, ProcessState.READY)
        self.send("POST", path, {**accept, **ours, "Sec-Fetch-Mode": "navigate"})
        process.finish_stop()
        response = self.connection.response()
        self.assertEqual(
            (response.status, response.headers["location"]), (303, "/ui/plain")
        )
