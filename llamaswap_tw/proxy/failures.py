"""
What can go wrong on the way to a model's server and back, and what the client
is told of it.
"""

from __future__ import annotations

from twisted.logger import Logger
from twisted.python.failure import Failure

from ..errors import RequestError, UpstreamTimeout, UpstreamUnreachable

_log = Logger()


class UpstreamFailure(Exception):
    """
    A request got no response, or not all of it.  The message is a predicate:
    what follows on the model's name.

    :ivar subject: what it follows on instead, where it is not the model that
        failed; or ``""``.
    """

    subject = ""


class ConnectFailed(UpstreamFailure):
    """
    There is no connection, so nothing was sent.
    """


class Refused(ConnectFailed):
    """
    Nobody listens there.
    """


class HeadTimeout(UpstreamFailure):
    """
    The response did not begin within ``responseHeader``.
    """


class BrokenOff(UpstreamFailure):
    """
    The connection ended before the response was whole.
    """


class Malformed(UpstreamFailure):
    """
    What came back is no HTTP/1 that could be relayed.
    """


def as_request_error(model_id: str, reason: Failure) -> RequestError:
    """
    What the client is told where there is no response to relay.

    :param model_id: the model that was asked.
    :param reason: why its client's request failed.
    :returns: 504 where the time ran out, 502 for all else that is upstream's;
        an error of the request's own as it is; else 500, and it is logged.
    """
    error = reason.value
    if isinstance(error, RequestError):
        return error
    if isinstance(error, UpstreamFailure):
        message = f"{error.subject or f'model {model_id!r}'} {error}"
        if isinstance(error, HeadTimeout):
            return UpstreamTimeout(message)
        return UpstreamUnreachable(message)
    _log.failure("sending a request up to model {model}", reason, model=model_id)
    return RequestError("an error in the server; its log has more")
