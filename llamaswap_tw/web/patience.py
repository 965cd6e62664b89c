"""
How long a connection waits for its client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from math import inf

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime


class Awaited(Enum):
    """
    What a client owes.
    """

    #: Nothing: its request is being answered, which may take any time.
    NOTHING = "nothing"
    #: Another request, or a first one.
    REQUEST = "request"
    #: The rest of a head, counted from its beginning.
    HEAD = "head"
    #: More of a body, counted from the last that came.
    BODY = "body"


class Patience:
    """
    One timer for a connection.  It looks again when it fires, rather than
    being moved with each request: this is told of twice a request.

    :param clock: measures.
    :param limits: seconds for each of what is awaited; 0 for no limit.
    :param expired: told what was awaited in vain.
    :ivar awaited: what the client owes at this moment.
    """

    __slots__ = ("_clock", "_due", "_expired", "_limits", "_since", "_timer", "awaited")

    def __init__(
        self,
        clock: IReactorTime,
        limits: Mapping[Awaited, float],
        expired: Callable[[Awaited], None],
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._expired = expired
        self._since = 0.0
        self._due = inf
        self._timer: IDelayedCall | None = None
        self.awaited = Awaited.NOTHING

    def wait_for(self, awaited: Awaited) -> None:
        """
        Begin to wait, from now on.
        """
        self.awaited = awaited
        limit = self._limits.get(awaited)
        if limit:
            self._since = now = self._clock.seconds()
            if now + limit < self._due:
                self._set(now + limit)

    def stop(self) -> None:
        """
        The connection is gone.
        """
        self.awaited = Awaited.NOTHING
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _set(self, due: float) -> None:
        self._due = due
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._clock.callLater(
            max(0.0, due - self._clock.seconds()), self._look
        )

    def _look(self) -> None:
        self._due = inf
        limit = self._limits.get(self.awaited)
        if not limit:
            return
        due = self._since + limit
        if due > self._clock.seconds():
            self._set(due)
            return
        expired, self.awaited = self.awaited, Awaited.NOTHING
        self._expired(expired)


class BodySource:
    """
    Lets whoever stores a body pause the client; it owes nothing meanwhile.

    :param transport: the client's.
    :param patience: with which it is waited for.
    :param resumed: called when it is to send again.
    :ivar paused: whether it is not to.
    """

    paused = False

    def __init__(
        self,
        transport: IPushProducer,
        patience: Patience,
        resumed: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._patience = patience
        self._resumed = resumed

    def pauseProducing(self) -> None:
        """
        The disk is slow.
        """
        self.paused = True
        if self._patience.awaited is Awaited.BODY:
            self._patience.awaited = Awaited.NOTHING
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        It has caught up.
        """
        self.paused = False
        self._transport.resumeProducing()
        self._resumed()
