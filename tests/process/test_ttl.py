"""
Tests for `llamaswap_tw.process.machine`: the TTL.
"""

from __future__ import annotations

from llamaswap_tw.errors import ModelIdle
from llamaswap_tw.process.launch import Policy

from .support import LAUNCH, READY, STOPPING, ProcessTestCase


class TtlTests(ProcessTestCase):
    """
    A process that nobody asks for is stopped.
    """

    def setUp(self) -> None:
        super().setUp()
        self.make(LAUNCH, Policy(ttl=60.0))

    def test_since_ready(self) -> None:
        """
        The time runs from the moment it is ready.
        """
        waiter = self.process.ensure_ready()
        self.clock.advance(50.0)
        self.prober.ready()
        self.successResultOf(waiter)
        self.clock.advance(59.9)
        self.assertIs(self.process.state, READY)
        self.clock.advance(0.1)
        self.assertIs(self.process.state, STOPPING)
        _, why = self.seen[-1]
        assert isinstance(why, ModelIdle)
        self.assertEqual(why.message, "no request for 60 s")
        self.launcher.family.tell_exit()
        self.assert_quiet()

    def test_since_last_request(self) -> None:
        """
        The time runs anew from the end of the last request.
        """
        self.bring_up()
        for _ in range(3):
            self.clock.advance(40.0)
            self.process.request_began()
            self.clock.advance(0.5)
            self.process.request_ended()
        self.clock.pump([1.0] * 59)
        self.assertIs(self.process.state, READY)
        self.clock.advance(1.0)
        self.assertIs(self.process.state, STOPPING)

    def test_in_flight(self) -> None:
        """
        A request in flight holds it, for however long.
        """
        self.bring_up()
        self.process.request_began()
        self.process.request_began()
        self.process.request_ended()
        self.clock.pump([30.0] * 20)
        self.assertIs(self.process.state, READY)
        self.process.request_ended()
        self.clock.pump([1.0] * 59)
        self.assertIs(self.process.state, READY)
        self.clock.advance(1.0)
        self.assertIs(self.process.state, STOPPING)

    def test_never(self) -> None:
        """
        Without a TTL it stays.
        """
        self.make(LAUNCH, Policy(ttl=0.0))
        self.bring_up()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_starts_again(self) -> None:
        """
        Each start has the whole time.
        """
        self.bring_up()
        self.clock.advance(60.0)
        self.launcher.family.tell_exit()
        self.bring_up()
        self.clock.advance(59.0)
        self.assertIs(self.process.state, READY)

    def test_told(self) -> None:
        """
        When it will be stopped is known while it is ready and idle, by the
        configuration of that moment.
        """
        self.assertIsNone(self.process.unload_at)
        self.clock.advance(5.0)
        self.bring_up()
        self.assertEqual(self.process.unload_at, 65.0)
        self.clock.advance(10.0)
        self.process.request_began()
        self.assertIsNone(self.process.unload_at)
        self.clock.advance(10.0)
        self.process.request_ended()
        self.assertEqual(self.process.unload_at, 85.0)
        self.process.reconfigure(LAUNCH, Policy(ttl=7.0))
        self.assertEqual(self.process.unload_at, 32.0)
        self.process.reconfigure(LAUNCH, Policy(ttl=0.0))
        self.assertIsNone(self.process.unload_at)
        self.process.stop()
        self.assertIsNone(self.process.unload_at)
