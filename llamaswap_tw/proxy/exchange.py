"""
Whom a connection to a model's server serves: what it needs of the request that
it carries, of who opened it, and of who keeps it in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer

from .headers import RawHeaders

if TYPE_CHECKING:
    from .connection import Connection
    from .response import UpstreamResponse


class Exchange(Protocol):
    """
    A request and what is to become of it, as a connection sees it.
    """

    head: bytes
    is_head: bool
    body: bytes | IBodyProducer

    def informed(self, code: int, phrase: bytes, headers: RawHeaders) -> None:
        """
        An interim response came.
        """

    def answered(self, response: UpstreamResponse) -> None:
        """
        The head of the response came.
        """

    def failed(self, reason: Failure) -> None:
        """
        There will be no response.
        """

    def closed_on(self, reason: Failure) -> None:
        """
        The server closed a connection that had been used before, without a
        byte in answer: it may have had enough of it just then.
        """


class Owner(Protocol):
    """
    Whoever made the connection.
    """

    def opened(self, connection: Connection) -> None:
        """
        It is ready for its first request.
        """

    def handshaking(self, connection: Connection) -> None:
        """
        It is connected, and now there is a TLS handshake.
        """

    def not_opened(self, reason: Failure) -> None:
        """
        The TLS handshake failed.
        """


class Idle(Protocol):
    """
    Keeps connections for the next request.
    """

    def put(self, connection: Connection, limit: float | None) -> None:
        """
        This one is free.

        :param limit: for how many seconds the server says it keeps it, or
            `None`.
        """

    def gone(self, connection: Connection) -> None:
        """
        A free connection is of no use any more.
        """
