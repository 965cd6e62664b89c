"""
What the routes that reach no model share: one Klein app a room, how it refuses, and
the forms of its answers.

Importing Klein installs a reactor: import this module once there is one.
"""

from __future__ import annotations

from typing import Any, ClassVar

from klein import Klein
from twisted.logger import Logger
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as NoSuchMethod

from ..errors import BadRequest, MethodNotAllowed, NotFound, RequestError
from ..observe.moments import parse_moment
from .documents import dumped
from .envelope import prefers_html, render_error
from .request import Request

_log = Logger()

_TEXT = b"text/plain; charset=utf-8"


def new_app() -> Klein:
    """
    :returns: an app for a class attribute, which answers every exception as JSON.
    """
    app = Klein()
    # A model's id may hold two slashes in a row; `front` has seen to the path's.
    app.url_map.merge_slashes = False

    @app.handle_errors(RequestError)
    def refuse(self: Any, request: Any, failure: Any) -> bytes:
        return _error(request, failure.value)

    @app.handle_errors(NoSuchMethod)
    def no_such_method(self: Any, request: Any, failure: Any) -> bytes:
        allowed = sorted(failure.value.valid_methods or ())
        method = request.method.decode("ascii", "replace")
        return _error(request, MethodNotAllowed(method, allowed))

    @app.handle_errors(HTTPException)
    def no_such_path(self: Any, request: Any, failure: Any) -> bytes:
        path = request.path.decode("utf-8", "replace")
        return _error(request, NotFound(f"there is nothing at {path}"))

    @app.handle_errors(Exception)
    def broken(self: Any, request: Any, failure: Any) -> bytes:
        _log.failure("answering {path!r}", failure, path=request.path)
        return _error(request, RequestError("an error in the server; its log has more"))

    return app


class Resource:
    """
    Routes that stand together.

    :cvar app: made by `new_app`; its routes are the class's methods.
    """

    app: ClassVar[Klein]

    def __init__(self) -> None:
        self._resource = self.app.resource()

    def render(self, request: Request) -> None:
        """
        Answer a request.
        """
        request.render(self._resource)


def moment_of(request: Request, name: str) -> float | None:
    """
    Read a moment in a query.

    :param name: of the argument; the last of that name counts.
    :returns: seconds since the epoch, or `None` where it is left out or empty.
    :raises BadRequest: if it is no moment.
    """
    values = request.args.get(name.encode(), [b""])
    text = values[-1].decode("utf-8", "replace")
    if not text:
        return None
    try:
        return float(parse_moment(text))
    except ValueError as e:
        raise BadRequest(f"{name}: {text[:100]!r} is no moment: {e}")


def from_page(request: Request) -> bool:
    """
    Whether a person with a browser asks.
    """
    return prefers_html(request.accept)


def redirect(request: Request, code: int, location: bytes) -> bytes:
    """
    Answer with another place.
    """
    request.setResponseCode(code)
    request.setHeader(b"Location", location)
    return text(request, b"")


def text(request: Request, body: bytes) -> bytes:
    """
    Answer with a text.
    """
    return whole(request, _TEXT, body)


def json_of(request: Request, document: Any) -> bytes:
    """
    Answer with a document.
    """
    return whole(request, b"application/json", dumped(document))


def whole(request: Request, content_type: bytes, body: bytes) -> bytes:
    """
    Answer in one piece.
    """
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    return body


def _error(request: Request, error: RequestError) -> bytes:
    headers, body = render_error(error, request.accept)
    request.setResponseCode(error.status)
    for name, value in headers:
        request.setHeader(name, value)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    return body
