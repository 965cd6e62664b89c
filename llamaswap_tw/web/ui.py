"""
The web page: its files, and the plain page for where it was not built and for
browsers without script.

Importing Klein installs a reactor: import this module once there is one.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from ..config.schema import Config
from ..errors import NotFound
from ..interfaces import InThread
from ..routing.directory import Directory
from ..routing.router import Router
from .page import POLICY, page
from .request import Request
from .resource import Resource, new_app, redirect, whole
from .static import Answer, Build

#: Below these a path goes on with a name, which may well hold a dot.
_NAMED = frozenset(["models", "logs", "playground"])

#: Two models that change places.
_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    b'<rect width="32" height="32" rx="7" fill="#1a5fb4"/>'
    b'<path d="M8 12h14m-5-5 5 5-5 5M24 20H10m5-5-5 5 5 5" fill="none" stroke="#fff" '
    b'stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/></svg>'
)


class Ui(Resource):
    """
    What is below ``/ui``, and the icon.

    :param config: what is configured.
    :param directory: knows which profile is active.
    :param router: knows where each model's process stands.
    :param build: the page's files.
    :param in_thread: calls a function in a thread.
    """

    app = new_app()

    def __init__(
        self,
        config: Config,
        directory: Directory,
        router: Router,
        build: Build,
        in_thread: InThread,
    ) -> None:
        super().__init__()
        self._config = config
        self._directory = directory
        self._router = router
        self._build = build
        self._in_thread = in_thread

    def rooms(self) -> dict[bytes, Callable[[Request], None]]:
        """
        Where it stands, for `web.front`.
        """
        return {b"/ui": self.render, b"/favicon.ico": self.render}

    def reconfigure(self, config: Config) -> None:
        """
        Another configuration holds from now on.
        """
        self._config = config

    @app.route("/favicon.ico", methods=["GET"])
    def _icon(self, request: Request) -> bytes:
        request.setHeader(b"Cache-Control", b"public, max-age=86400")
        return whole(request, b"image/svg+xml", _ICON)

    @app.route("/ui", methods=["GET"])
    def _without_slash(self, request: Request) -> bytes:
        return redirect(request, 307, b"/ui/")

    @app.route("/ui/", methods=["GET"])
    async def _index(self, request: Request) -> bytes:
        answer = await self._read(request, self._build.index)
        return self._plain(request) if answer is None else _send(request, answer)

    @app.route("/ui/plain", methods=["GET"])
    def _plain(self, request: Request) -> bytes:
        active = self._directory.profiles.active
        html = page(self._config, self._router.states(), active)
        request.setHeader(b"Cache-Control", b"no-store")
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        request.setHeader(b"Content-Security-Policy", POLICY)
        request.setHeader(b"Referrer-Policy", b"same-origin")
        return whole(request, b"text/html; charset=utf-8", html)

    @app.route("/ui/<path:rest>", methods=["GET"])
    async def _below(self, request: Request, rest: str) -> bytes:
        answer = await self._read(request, self._build.answer, rest)
        if answer is not None:
            return _send(request, answer)
        if "." in rest.rpartition("/")[2] and rest.partition("/")[0] not in _NAMED:
            raise NotFound(f"there is nothing at /ui/{rest}")
        return await self._index(request)

    def _read(
        self, request: Request, read: Callable[..., Answer | None], *args: str
    ) -> Deferred[Answer | None]:
        return self._in_thread(
            read,
            *args,
            request.getHeader(b"accept-encoding"),
            request.getHeader(b"if-none-match"),
        )


def _send(request: Request, answer: Answer) -> bytes:
    request.setResponseCode(answer.status)
    for name, value in answer.headers:
        request.setHeader(name, value)
    if answer.status != 304:
        request.setHeader(b"Content-Length", b"%d" % len(answer.body))
    return answer.body
