"""
What a connection is refused with before there is a whole request.
"""

from __future__ import annotations

from ..durations import spoken
from ..errors import RequestError


class HeadTooLarge(RequestError):
    """
    The request line and headers exceed ``server.maxHeaderBytes``.
    """

    status = 431

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the request's head is larger than the {limit} bytes that "
            "server.maxHeaderBytes allows"
        )


class TargetTooLong(RequestError):
    """
    The request line alone exceeds ``server.maxHeaderBytes``.
    """

    status = 414

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the request's target is longer than the {limit} bytes that "
            "server.maxHeaderBytes allows"
        )


class TooManyHeaders(RequestError):
    """
    The request has more headers than anybody needs.
    """

    status = 431

    def __init__(self, limit: int) -> None:
        super().__init__(f"the request has more than {limit} headers")


class HeaderNameTooLong(RequestError):
    """
    A header has a longer name than anybody gives one.
    """

    status = 431

    def __init__(self, limit: int) -> None:
        super().__init__(f"a header's name is longer than {limit} bytes")


class MalformedRequest(RequestError):
    """
    The bytes are not a request.
    """

    status = 400


class UnsupportedVersion(RequestError):
    """
    The request is in a version of HTTP that is not spoken here.

    :param version: such as ``2.0``.
    """

    status = 505

    def __init__(self, version: str) -> None:
        super().__init__(f"HTTP/{version} is not spoken here, HTTP/1.1 is")


class NotImplementedHere(RequestError):
    """
    The request asks for a part of HTTP that the daemon does not have.
    """

    status = 501


class ExpectationFailed(RequestError):
    """
    The client expects something of which nothing is known.
    """

    status = 417

    def __init__(self) -> None:
        super().__init__("no Expect but 100-continue can be met")


class RequestTimeout(RequestError):
    """
    A request stopped coming before it was whole.

    :param part: of the request.
    :param key: of the configuration, that sets the limit.
    :param seconds: the limit.
    """

    status = 408

    def __init__(self, part: str, key: str, seconds: float) -> None:
        super().__init__(
            f"the request's {part} did not come within the {spoken(seconds)} of {key}"
        )
