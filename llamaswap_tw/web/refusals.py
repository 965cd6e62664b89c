"""
What a connection is refused with before there is a whole request.
"""

from __future__ import annotations

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


class MalformedRequest(RequestError):
    """
    The bytes are not a request of HTTP/1.
    """

    status = 400


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
            f"the request's {part} did not come within the {seconds:g} s of {key}"
        )
