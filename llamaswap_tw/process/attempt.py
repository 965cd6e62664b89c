"""
One attempt to start a model, from the command to the first healthy answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..errors import StartFailed
from ..interfaces import IOutput, IProber
from .child import CannotLaunch
from .interfaces import IFamily, ILauncher
from .launch import NO_CHECK, Launch, Policy
from .ports import OURSELVES

#: How much of its last output a failure quotes, in bytes.
QUOTED = 2048


class Report(Protocol):
    """
    Who is told how it goes.
    """

    def spawned(self, family: IFamily) -> None:
        """
        The child runs.
        """

    def became_ready(self) -> None:
        """
        The model answers.
        """

    def could_not_launch(self, error: StartFailed) -> None:
        """
        There is no child.
        """

    def gave_up(self, error: StartFailed) -> None:
        """
        The child runs, and does not become ready in time.
        """

    def exited(self, family: IFamily, how: str) -> None:
        """
        The child is dead, now or at any time later.
        """


@dataclass(eq=False)
class Attempt:
    """
    One attempt.

    :ivar clock: measures the start.
    :ivar model_id: the model.
    :ivar launch: what to start.
    :ivar policy: how long it may take.
    :ivar launcher: starts it.
    :ivar prober: asks whether it is ready.
    :ivar output: takes what it writes.
    :ivar report: told how it goes.
    """

    clock: IReactorTime
    model_id: str
    launch: Launch
    policy: Policy
    launcher: ILauncher
    prober: IProber
    output: IOutput
    report: Report

    _family: IFamily | None = None
    _began: float = 0.0
    _waiting: Deferred[Any] | None = None
    _deadline: IDelayedCall | None = None
    _last_answer: str = "none"
    _begun: bool = False
    _over: bool = False
    _log = Logger()

    def begin(self) -> None:
        """
        Begin, unless it has begun.
        """
        if self._begun:
            return
        self._begun = True
        self._began = self.clock.seconds()
        if not self.launch.command:
            self._cannot(
                "it has no cmd; give it one, or start its server yourself and name "
                "it as a peer"
            )
            return
        self._wait_for(self.launcher.cleaned(), self._check_port)

    def abandon(self) -> None:
        """
        Do nothing more.  The child, where there is one, is left to whoever was
        told of it.
        """
        self._over = True
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        if self._waiting is not None:
            self._waiting.cancel()

    def reconfigure(self, policy: Policy) -> None:
        """
        It may take another time from now on.
        """
        self.policy = policy
        if self._deadline is not None and self._deadline.active():
            left = policy.health_check_timeout - self.lasted
            self._deadline.reset(max(0.0, left))

    def failure(self, reason: str) -> StartFailed:
        """
        A failure of this start, with what the process wrote last.
        """
        return StartFailed(self.model_id, reason, self.output.tail(QUOTED))

    @property
    def lasted(self) -> float:
        """
        Seconds since it began.
        """
        return self.clock.seconds() - self._began

    def _wait_for(self, waiting: Deferred[Any], proceed: Callable[[Any], None]) -> None:
        self._waiting = waiting
        waiting.addCallback(self._unless_over, proceed).addErrback(self._broken)

    def _unless_over(self, result: Any, proceed: Callable[[Any], None]) -> None:
        if not self._over:
            proceed(result)

    def _broken(self, reason: Failure) -> None:
        if self._over or reason.check(CancelledError):
            return
        self._log.failure("starting model {model}", reason, model=self.model_id)
        message = f"an error in the server: {reason.getErrorMessage()}"
        if self._family is None:
            self._cannot(message)
        else:
            self.report.gave_up(self.failure(message))

    def _cannot(self, reason: str) -> None:
        self._over = True
        self.report.could_not_launch(StartFailed(self.model_id, reason))

    def _check_port(self, _: object) -> None:
        if self.launch.port is None:
            self._spawn(None)
        else:
            self._wait_for(self.launcher.taken(self.launch.port), self._spawn)

    def _spawn(self, holder: str | None) -> None:
        if holder is not None:
            way_out = "" if holder == OURSELVES else "end that, or "
            self._cannot(
                f"its port {self.launch.port} is in use by {holder}; {way_out}choose "
                "another startPort"
            )
            return
        self.output.began()
        self._began = self.clock.seconds()
        early: list[str] = []

        def on_exit(how: str) -> None:
            if self._family is None:
                early.append(how)
            else:
                self.report.exited(self._family, how)

        try:
            family = self.launcher.start(
                self.launch, self.policy.unload_timeout, self.output.write, on_exit
            )
        except CannotLaunch as e:
            self._cannot(str(e))
            return
        self._family = family
        self.report.spawned(family)
        if early:
            self.report.exited(family, early[0])
        elif self.launch.check_endpoint == NO_CHECK:
            self.report.became_ready()
        else:
            self._deadline = self.clock.callLater(
                self.policy.health_check_timeout, self._too_late
            )
            url = _probe_url(self.launch.proxy, self.launch.check_endpoint)
            self._wait_for(
                self.prober.when_ready(url, self._met),
                lambda _: self.report.became_ready(),
            )

    def _met(self, answer: str) -> None:
        self._last_answer = answer

    def _too_late(self) -> None:
        self.report.gave_up(
            self.failure(
                f"not healthy after {self.policy.health_check_timeout:g} s, "
                f"last answer: {self._last_answer}"
            )
        )


def _probe_url(proxy: str, endpoint: str) -> str:
    """
    Where to ask.

    :param proxy: where the model's server listens; a path in it comes first.
    :param endpoint: the path to ask, perhaps with a query.
    """
    base = urlsplit(proxy)
    path, _, query = endpoint.partition("?")
    if not path.startswith("/"):
        path = "/" + path
    queries = "&".join(part for part in (base.query, query) if part)
    return urlunsplit(
        (base.scheme, base.netloc, base.path.rstrip("/") + path, queries, "")
    )
