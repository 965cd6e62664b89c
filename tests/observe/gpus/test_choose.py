"""
Tests for `llamaswap_tw.observe.gpus.choose`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.gpus.choose import open_gpus
from llamaswap_tw.observe.gpus.reading import IGpuReader

from .fakes import FakeReader, reading


def nothing() -> IGpuReader | None:
    """
    Knows of none.
    """
    return None


def broken() -> IGpuReader | None:
    """
    Fails as nobody expects.
    """
    raise ZeroDivisionError("a mistake")


class ChooseTests(SynchronousTestCase):
    """
    The first that knows of a GPU is asked from then on.
    """

    def test_first(self) -> None:
        """
        One that knows of none is passed over, and so is one that fails.
        """
        first, second = FakeReader(reading(0)), FakeReader(reading(1))
        chosen = open_gpus((nothing, broken, lambda: first, lambda: second))
        self.assertIs(chosen, first)

    def test_none(self) -> None:
        """
        Where nobody knows of any, there are none.
        """
        self.assertIsNone(open_gpus((nothing, nothing)))

    def test_broken(self) -> None:
        """
        Where nobody knows of any and one failed, that is not lost.
        """
        self.assertRaises(ZeroDivisionError, open_gpus, (broken, nothing))
