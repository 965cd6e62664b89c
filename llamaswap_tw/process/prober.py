"""
Asks a model's server whether it is ready, early and often.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from ..interfaces import IProber

#: A probe that is not answered after so many seconds is given up.
_HANGS = 5.0

#: The wait before the next probe: this part of the time since the start, within
#: these bounds in seconds.
_PART = 0.002
_SHORTEST = 0.02
_LONGEST = 0.25

#: Asks a URL; fires with the status of its answer.
Ask = Callable[[bytes], "Deferred[int]"]


@implementer(IProber)
class HttpProber:
    """
    Probes over HTTP.

    :param clock: spaces the probes.
    :param ask: asks a URL once; fires with the answer's status.
    """

    def __init__(self, clock: IReactorTime, ask: Ask) -> None:
        self._clock = clock
        self._ask = ask

    def when_ready(self, url: str, met: Callable[[str], None]) -> Deferred[None]:
        """
        Ask again and again until the server answers 200.
        """
        return _Probing(self._clock, self._ask, url.encode(), met).begin()


class _Probing:
    """
    The probes of one start.
    """

    def __init__(
        self, clock: IReactorTime, ask: Ask, url: bytes, met: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self._ask = ask
        self._url = url
        self._met = met
        self._began = clock.seconds()
        self._probe: Deferred[int] | None = None
        self._next: IDelayedCall | None = None
        self._done: Deferred[None] = Deferred(self._cancelled)

    def begin(self) -> Deferred[None]:
        self._send()
        return self._done

    def _send(self) -> None:
        probe = self._probe = maybeDeferred(self._ask, self._url)
        probe.addTimeout(_HANGS, self._clock)
        probe.addCallbacks(self._answered, self._failed)

    def _answered(self, status: int) -> None:
        if self._done.called:
            return
        if status == HTTPStatus.OK:
            self._done.callback(None)
            return
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = ""
        self._wait(f"{status} {phrase}".rstrip())

    def _failed(self, reason: Failure) -> None:
        if self._done.called:
            return
        if reason.check(DeferredTimeout, CancelledError):
            self._wait(f"none within {_HANGS:g} s")
        else:
            self._wait(reason.getErrorMessage())

    def _wait(self, answer: str) -> None:
        self._met(answer)
        since = self._clock.seconds() - self._began
        wait = min(_LONGEST, max(_SHORTEST, since * _PART))
        self._next = self._clock.callLater(wait, self._send)

    def _cancelled(self, done: Deferred[None]) -> None:
        # ``done`` counts as called only after this: mark what follows as late.
        done.errback(CancelledError())
        if self._next is not None and self._next.active():
            self._next.cancel()
        if self._probe is not None:
            self._probe.cancel()
