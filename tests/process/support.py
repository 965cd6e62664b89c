"""
A model's process among fakes.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from llamaswap_tw.errors import RequestError
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.process.launch import Launch, Policy
from llamaswap_tw.process.model import ModelProcess

from .fakes import FakeFamily, FakeLauncher, FakeOutput, FakeProber

STOPPED = ProcessState.STOPPED
STARTING = ProcessState.STARTING
READY = ProcessState.READY
STOPPING = ProcessState.STOPPING
SHUTDOWN = ProcessState.SHUTDOWN

LAUNCH = Launch(("server",), proxy="http://127.0.0.1:5800")


POLICY = Policy()


@implementer(ILogObserver)
class Recorder:
    """
    Keeps what is logged.
    """

    def __init__(self) -> None:
        self.events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        self.events.append(event)


def events_of(test: SynchronousTestCase) -> list[LogEvent]:
    """
    What is logged from now on, until the test ends.
    """
    recorder = Recorder()
    globalLogPublisher.addObserver(recorder)
    test.addCleanup(globalLogPublisher.removeObserver, recorder)
    return recorder.events


class ProcessTestCase(SynchronousTestCase):
    """
    What tests of a model's process share.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.launcher = FakeLauncher(self.clock)
        self.prober = FakeProber()
        self.output = FakeOutput()
        self.seen: list[tuple[ProcessState, RequestError | None]] = []
        self.make()

    def make(self, launch: Launch = LAUNCH, policy: Policy = POLICY) -> ModelProcess:
        """
        Another process, in place of the one there was.
        """
        self.process = ModelProcess(
            self.clock,
            "m",
            launch,
            policy,
            self.launcher,
            self.prober,
            self.output,
            self.observe,
        )
        return self.process

    def observe(
        self, model: str, state: ProcessState, error: RequestError | None
    ) -> None:
        assert model == "m"
        assert self.process.state is state
        self.seen.append((state, error))

    def states(self) -> list[ProcessState]:
        """
        The states that it was in, one after the other.
        """
        return [state for state, _ in self.seen]

    def bring_up(self) -> FakeFamily:
        """
        Start it; it becomes ready.
        """
        ready = self.process.ensure_ready()
        self.prober.ready()
        self.successResultOf(ready)
        return self.launcher.family

    def fail_start(self, status: int = 1) -> Deferred[None]:
        """
        Start it; it exits.
        """
        waiter = self.process.ensure_ready()
        self.launcher.family.tell_exit(status)
        return waiter

    def assert_quiet(self, state: ProcessState = STOPPED) -> None:
        """
        It is down, and no timer is left.
        """
        self.assertIs(self.process.state, state)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for family in self.launcher.families:
            self.assertTrue(family.forgotten)
