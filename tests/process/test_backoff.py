"""
Tests for `llamaswap_tw.process.backoff`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import StartFailed
from llamaswap_tw.process.backoff import BackOff

ERROR = StartFailed("m", "it exited with status 1", "the last words")


class BackOffTests(SynchronousTestCase):
    """
    Starts that fail in a row are spaced out.
    """

    def setUp(self) -> None:
        self.backoff = BackOff("m")

    def retry_after(self, now: float) -> int:
        """
        For how many seconds it is refused; 0 where it is not.
        """
        refusal = self.backoff.refusal(now)
        if refusal is None:
            return 0
        self.assertIn(ERROR.reason, refusal.message)
        self.assertIn(ERROR.output, refusal.message)
        assert refusal.retry_after is not None
        return refusal.retry_after

    def test_doubles(self) -> None:
        """
        Three failures bring a rest of 1 s, each further one twice the last, up to
        a minute.
        """
        now, rests = 0.0, []
        for _ in range(12):
            self.backoff.failed(now, ERROR)
            rests.append(self.retry_after(now))
            now += rests[-1]
            self.assertEqual(self.retry_after(now), 0)
        self.assertEqual(rests, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60])

    def test_within_a_minute(self) -> None:
        """
        Three failures that take longer than a minute bring none.
        """
        for now in (0.0, 31.0, 62.0):
            self.backoff.failed(now, ERROR)
        self.assertEqual(self.retry_after(62.0), 0)
        self.backoff.failed(90.0, ERROR)
        self.assertEqual(self.retry_after(90.0), 1)

    def test_exactly_a_minute(self) -> None:
        """
        A minute exactly is within a minute.
        """
        for now in (0.0, 30.0, 60.0):
            self.backoff.failed(now, ERROR)
        self.assertEqual(self.retry_after(60.0), 1)

    def test_rounded_up(self) -> None:
        """
        Who waits for as long as it was told is not refused again.
        """
        for _ in range(3):
            self.backoff.failed(0.0, ERROR)
        self.assertEqual(self.retry_after(0.01), 1)
        self.assertEqual(self.retry_after(1.0), 0)

    def test_forgiven(self) -> None:
        """
        Forgiven, it begins anew.
        """
        for _ in range(5):
            self.backoff.failed(0.0, ERROR)
        self.backoff.forgive()
        self.assertEqual(self.retry_after(0.0), 0)
        self.backoff.failed(0.0, ERROR)
        self.backoff.failed(0.0, ERROR)
        self.assertEqual(self.retry_after(0.0), 0)
        self.backoff.failed(0.0, ERROR)
        self.assertEqual(self.retry_after(0.0), 1)

    def test_long_ago(self) -> None:
        """
        A failure more than a minute after the last rest begins a row of its own.
        """
        for _ in range(4):
            self.backoff.failed(0.0, ERROR)
        self.backoff.failed(2.0 + 60.1, ERROR)
        self.assertEqual(self.retry_after(62.1), 0)

    def test_rest(self) -> None:
        """
        The end of a rest is known while it lasts.
        """
        self.assertIsNone(self.backoff.rests_until(0.0))
        for _ in range(3):
            self.backoff.failed(5.0, ERROR)
        self.assertEqual(self.backoff.rests_until(5.5), 6.0)
        self.assertIsNone(self.backoff.rests_until(6.0))
