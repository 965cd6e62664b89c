"""
What can go wrong with a request, with the HTTP status, type and code that
tell it.  ``web.envelope`` is the one place that renders these.

This module imports nothing of Twisted: the pure parts use it too.
"""

from __future__ import annotations

from collections.abc import Sequence

from .durations import spoken

#: status → (type, code), from the error table of llama-swap's HTTP surface.
_BY_STATUS: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "bad_request"),
    401: ("authentication_error", "unauthorized"),
    403: ("authentication_error", "forbidden"),
    404: ("invalid_request_error", "not_found"),
    409: ("invalid_request_error", "conflict"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    502: ("server_error", "bad_gateway"),
    503: ("server_error", "service_unavailable"),
    504: ("server_error", "gateway_timeout"),
}

#: The status of a request whose client left before there was one, in logs and rows:
#: nginx's own number for that.
CLIENT_GONE = 499

#: How much of a name that a client made up is told back.
_SHOWN = 200


def type_and_code(status: int) -> tuple[str, str]:
    """
    The ``type`` and ``code`` of an error envelope.

    :param status: an HTTP status of 400 or more.
    :returns: both, from the table; ``invalid_request`` for the other 4xx and
        ``internal_error`` for the other 5xx.
    """
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if status < 500:
        return ("invalid_request_error", "invalid_request")
    return ("server_error", "internal_error")


class RequestError(Exception):
    """
    A request that is answered with an error.

    :param message: what went wrong and the way out, for the user to read.
    :ivar status: the HTTP status.
    :ivar type: the envelope's ``type``.
    :ivar code: the envelope's ``code``.
    :ivar retry_after: seconds for ``Retry-After``, or `None` for no header.
    """

    status: int = 500
    code: str = ""
    retry_after: int | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.type, code = type_and_code(self.status)
        self.code = self.code or code

    def as_json(self) -> dict[str, str | None]:
        """
        The ``error`` object that OpenAI's clients read.
        """
        return {
            # What a client sent may be part of it, and need not be encodable.
            "message": self.message.encode("utf-8", "replace").decode(),
            "type": self.type,
            "param": None,
            "code": self.code,
        }


class BadRequest(RequestError):
    """
    The request itself makes no sense: malformed JSON, a broken form.
    """

    status = 400


class Unauthorized(RequestError):
    """
    The client offers no key that opens.
    """

    status = 401

    def __init__(self) -> None:
        super().__init__(
            "a key is needed: send one of apiKeys as Authorization: Bearer, as the "
            "password of Authorization: Basic, or as x-api-key"
        )


class Misdirected(RequestError):
    """
    The request is for a host name that we do not answer to.

    :param host: the name.
    """

    status = 421

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host!r} is not answered to here: allowedHosts does not name it"
        )


class ForeignPage(RequestError):
    """
    A web page of another origin asks for what is for our own page only.

    :param path: what it asks for.
    """

    status = 403

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is not for web pages of other origins, and Sec-Fetch-Site or "
            "Origin says that one asks for it; a proxy in front must pass Host on, or "
            "set X-Forwarded-Host"
        )


class NoModelNamed(RequestError):
    """
    The request names no model, in any of the places where it could.
    """

    status = 404


class ModelNotFound(RequestError):
    """
    The model that the request names does not exist.

    :param model: the name as asked.
    :param nearest: known ids that look like it, best first.
    """

    status = 404
    code = "model_not_found"

    def __init__(self, model: str, nearest: Sequence[str] = ()) -> None:
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        # Who sends a book for a name need not get it back.
        shown = model if len(model) <= _SHOWN else model[:_SHOWN] + "…"
        super().__init__(f"model {shown!r} is not known here{hint}")


class NotFound(RequestError):
    """
    There is nothing at this path.
    """

    status = 404


class MethodNotAllowed(RequestError):
    """
    The path exists, but not for this method.

    :param allowed: the methods that do, for the ``Allow`` header.
    """

    status = 405

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(
            f"{method} is not possible here; allowed: {', '.join(allowed)}"
        )
        self.allowed = tuple(allowed)


class BodyTooLarge(RequestError):
    """
    The request's body exceeds ``maxRequestBody``.

    :param limit: the largest body taken, in bytes.
    """

    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the request body is larger than the {limit} bytes that "
            "maxRequestBody allows"
        )


class UnknownCoding(RequestError):
    """
    The body is compressed, and would have to be read or changed.
    """

    status = 415

    def __init__(self) -> None:
        super().__init__(
            "a body with a Content-Encoding goes up as it is: no model is found in it, "
            "and no filter changes it; send it as it is without"
        )


class BodyNotStored(RequestError):
    """
    A body too large for memory could not be written to disk.
    """

    status = 507


class ModelNotReady(RequestError):
    """
    The request is one that loads no model, and its model is not loaded.

    :param model: its id.
    :param because: why it loads none.
    """

    status = 409

    def __init__(self, model: str, because: str) -> None:
        super().__init__(
            f"model {model!r} is not ready, and this request does not load it: "
            f"{because}"
        )


class ConcurrencyLimit(RequestError):
    """
    The model has as many requests, waiting and served, as it may have.
    """

    status = 429
    code = "concurrency_limit"
    retry_after = 1

    def __init__(self, model: str, limit: int) -> None:
        super().__init__(
            f"model {model!r} already has {limit} requests, which is its limit; "
            "try again, or raise its concurrencyLimit or queueLimit"
        )


class QueueTimeout(RequestError):
    """
    The request waited for as long as the model's ``queueTimeout`` allows.
    """

    status = 503
    code = "queue_timeout"
    retry_after = 1

    def __init__(self, model: str, seconds: float) -> None:
        super().__init__(
            f"the request waited {spoken(seconds)} for model {model!r}, "
            "which is its queueTimeout"
        )


class ModelUnloaded(RequestError):
    """
    The model was unloaded while the request waited for it.
    """

    status = 503
    retry_after = 1

    def __init__(self, model: str) -> None:
        super().__init__(f"model {model!r} was unloaded while the request waited")


class ModelIdle(ModelUnloaded):
    """
    The model was unloaded since nobody asked for it.  No request is answered with
    this: it says why the model stopped.

    :param ttl: for how long, in seconds.
    """

    def __init__(self, model: str, ttl: float) -> None:
        RequestError.__init__(self, f"no request for {ttl:g} s")
        self.model = model


class ShuttingDown(RequestError):
    """
    The daemon is about to exit and takes no more requests.
    """

    status = 503

    def __init__(self) -> None:
        super().__init__("the server is shutting down")


class StartFailed(RequestError):
    """
    The model's process did not become ready.

    :param model: its id.
    :param reason: what happened: an exit status, a signal, a timeout.
    :param output: the last lines that the process wrote, or ``""``.
    """

    status = 502

    def __init__(self, model: str, reason: str, output: str = "") -> None:
        text = f"model {model!r} did not start: {reason}"
        if output:
            text += f"; its last output:\n{output}"
        super().__init__(text)
        self.model = model
        self.reason = reason
        self.output = output


class BackingOff(RequestError):
    """
    The model failed to start again and again; it rests before the next try.

    :param model: its id.
    :param seconds: until it may be tried again.
    :param last: what went wrong the last time.
    """

    status = 503

    def __init__(self, model: str, seconds: float, last: StartFailed) -> None:
        self.retry_after = max(1, int(-(-seconds // 1)))
        text = (
            f"model {model!r} failed to start several times in a row and is not "
            f"tried again for {self.retry_after} s; last time: {last.reason}"
        )
        if last.output:
            text += f"; its last output:\n{last.output}"
        super().__init__(text)


class RequestCancelled(RequestError):
    """
    Somebody ended a request while it was on its way.
    """

    # A client library tries again after 409 and every 5xx, which is not what whoever
    # ended it wants.
    status = CLIENT_GONE
    code = "request_cancelled"

    def __init__(self) -> None:
        super().__init__("the request was cancelled by an operator")


class UpstreamUnreachable(RequestError):
    """
    The model's server could not be reached, or broke off before its answer.
    """

    status = 502


class NoStream(RequestError):
    """
    The model's server answered with something else where only a stream can follow.

    :param model: its id.
    :param status: the HTTP status that it answered with; where that is one of an
        error, it is this error's too.
    :param phrase: what the server called it.
    :param answer: the beginning of what it said, or ``""``.
    """

    status = 502

    def __init__(self, model: str, status: int, phrase: str, answer: str) -> None:
        if status >= 400:
            self.status = status
        said = f"; its answer:\n{answer}" if answer else ""
        super().__init__(
            f"model {model!r} answered {f'{status} {phrase}'.strip()}, and not with "
            f"a stream{said}"
        )


class UpstreamTimeout(RequestError):
    """
    The model's server did not begin its answer in time.
    """

    status = 504


class PlannerFailed(RequestError):
    """
    A planner that an installed package brought along has failed.

    :param planner: its name.
    :param reason: how.
    """

    status = 500

    def __init__(self, planner: str, reason: str) -> None:
        super().__init__(f"the planner {planner!r} failed: {reason}")


class ActivityUnreadable(RequestError):
    """
    What is kept of the activity cannot be read now.

    :param reason: why.
    """

    status = 503
    retry_after = 1

    def __init__(self, reason: str) -> None:
        super().__init__(f"the activity cannot be read now: {reason}")
