"""
Tests for `llamaswap_tw.process.model`: what is told of a process to who watches it.
"""

from __future__ import annotations

from llamaswap_tw.errors import BackingOff, StartFailed
from llamaswap_tw.process.launch import Launch, Policy
from llamaswap_tw.process.model import ModelProcess

from .support import LAUNCH, POLICY, READY, ProcessTestCase


class WatchedTests(ProcessTestCase):
    """
    Who watches a process knows what it is about.
    """

    def setUp(self) -> None:
        self.busy: list[bool] = []
        super().setUp()

    def make(self, launch: Launch = LAUNCH, policy: Policy = POLICY) -> ModelProcess:
        self.process = ModelProcess(
            self.clock,
            "m",
            launch,
            policy,
            self.launcher,
            self.prober,
            self.output,
            self.observe,
            lambda model, busy: self.busy.append(busy),
        )
        return self.process

    def test_busy(self) -> None:
        """
        The first request that it has and the end of the last are told, and none
        between them.
        """
        self.bring_up()
        self.assertEqual(self.busy, [])
        for _ in range(3):
            self.process.request_began()
        self.assertEqual(self.busy, [True])
        for _ in range(3):
            self.assertEqual(self.busy, [True])
            self.process.request_ended()
        self.assertEqual(self.busy, [True, False])
        self.process.request_began()
        self.assertEqual(self.busy, [True, False, True])

    def test_dies_busy(self) -> None:
        """
        One that dies is busy until those that it was serving know of it.
        """
        self.bring_up()
        self.process.request_began()
        self.launcher.family.tell_exit(1)
        self.assertEqual(self.busy, [True])
        self.process.request_ended()
        self.assertEqual(self.busy, [True, False])

    def test_kin(self) -> None:
        """
        Its processes can be found from its start until the last of them is gone.
        """
        self.assertIsNone(self.process.kin)
        family = self.bring_up()
        self.assertIs(self.process.kin, family.kin)
        self.process.stop()
        family.tell_exit()
        self.assertIsNone(self.process.kin)

    def test_retry(self) -> None:
        """
        While it rests from its failures it is known until when; a person's wish ends
        that.
        """
        for _ in range(3):
            self.assertIsNone(self.process.retry_at)
            self.failureResultOf(self.fail_start(), StartFailed)
        self.clock.advance(0.25)
        self.assertEqual(self.process.retry_at, 1.0)
        self.failureResultOf(self.process.ensure_ready(), BackingOff)
        self.clock.advance(0.75)
        self.assertIsNone(self.process.retry_at)
        self.failureResultOf(self.fail_start(), StartFailed)
        self.assertEqual(self.process.retry_at, 3.0)
        self.process.forgive()
        self.assertIsNone(self.process.retry_at)
        self.bring_up()
        self.assertIs(self.process.state, READY)
