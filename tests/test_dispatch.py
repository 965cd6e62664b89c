"""
Tests for `llamaswap_tw.dispatch`.
"""

from __future__ import annotations

from twisted.python import log
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw import dispatch


class CallPlainlyTests(SynchronousTestCase):
    """
    What the reactor calls is called, and cannot break it.
    """

    def test_calls(self) -> None:
        """
        It is called with what is for it.
        """

        def add(one: int, other: int = 0) -> int:
            return one + other

        self.assertEqual(dispatch.call_plainly(None, add, 1, other=2), 3)

    def test_raises(self) -> None:
        """
        What it raises is logged, and goes no further.
        """
        self.assertIsNone(dispatch.call_plainly(None, divmod, 1, 0))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_interrupt(self) -> None:
        """
        Only an interrupt passes.
        """

        def interrupt() -> None:
            raise KeyboardInterrupt

        self.assertRaises(KeyboardInterrupt, dispatch.call_plainly, None, interrupt)

    def test_install(self) -> None:
        """
        It stands where the reactor looks for it.
        """
        self.patch(log, "callWithLogger", log.callWithLogger)
        dispatch.install()
        self.assertIs(log.callWithLogger, dispatch.call_plainly)
