"""
Tests for `llamaswap_tw.errors`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import ModelNotFound, QueueTimeout


class ModelNotFoundTests(SynchronousTestCase):
    """
    A name that is not known is told back, with those that are.
    """

    def test_nearest(self) -> None:
        """
        The nearest known names are offered.
        """
        message = ModelNotFound("alise", ["alice", "alias"]).message
        self.assertIn("'alise'", message)
        self.assertIn("did you mean alice or alias?", message)

    def test_book(self) -> None:
        """
        Of a name as long as a book, only the beginning comes back.
        """
        message = ModelNotFound("x" * 1_000_000).message
        self.assertIn("'xxx", message)
        self.assertLess(len(message), 300)


class QueueTimeoutTests(SynchronousTestCase):
    """
    Who has waited for too long is told for how long.
    """

    def test_rounded(self) -> None:
        """
        What floats make of a limit is not to be seen.
        """
        since = 1_700_000_000.3
        message = QueueTimeout("m", since + 0.1 - since).message
        self.assertIn("waited 100 ms for model 'm'", message)
