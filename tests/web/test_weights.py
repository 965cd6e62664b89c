"""
Tests for `llamaswap_tw.web.weights`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.web.weights import weighed


class WeighedTests(SynchronousTestCase):
    """
    What a client takes, and how gladly.
    """

    def test_weights(self) -> None:
        """
        Names keep their order, whatever their case, blanks and other parameters.
        """
        self.assertEqual(
            weighed(b"Text/HTML;level=1;Q=0.5 , br ;q=0,*/*;q=x"),
            [(b"text/html", 0.5), (b"br", 0.0), (b"*/*", 0.0)],
        )

    def test_nothing(self) -> None:
        """
        Where there is nothing, there is no name either.
        """
        self.assertEqual(weighed(b""), [(b"", 1.0)])
