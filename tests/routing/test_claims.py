"""
Tests for `llamaswap_tw.routing.claims`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.routing.claims import claim, is_held
from llamaswap_tw.routing.matrix.link import link
from llamaswap_tw.routing.matrix.planner import MatrixPlanner

from .test_fifo_machine import ignore


class ClaimTests(SynchronousTestCase):
    """
    An overdue ticket waits for the same models, while that is of use.
    """

    def setUp(self) -> None:
        sets = {"all": "a & b & c", "one": "d & a", "two": "d & b & c", "out": "e & b"}
        self.planner = MatrixPlanner(link(sets, {}, "abcde"), {}, ignore)

    def _claim(self, running: str, earlier: str | None) -> str:
        before = None if earlier is None else frozenset(earlier)
        return "".join(sorted(claim(self.planner, "d", {*running}, before)))

    def _is_held(self, model: str, running: str, evict: str = "") -> bool:
        claims = {"d": frozenset("a")}
        return is_held(self.planner, claims, model, {*evict}, {*running})

    def test_first(self) -> None:
        """
        It waits for what the planner chooses.
        """
        self.assertEqual(self._claim("ab", None), "b")
        self.assertEqual(self._claim("abc", None), "a")

    def test_stays(self) -> None:
        """
        It goes on to do so though the planner would choose others by now, but for
        what has stopped.
        """
        self.assertEqual(self._claim("ab", "a"), "a")
        self.assertEqual(self._claim("ab", "ac"), "a")

    def test_less(self) -> None:
        """
        It waits for fewer where those are enough.
        """
        self.assertEqual(self._claim("ab", "ab"), "b")
        self.assertEqual(self._claim("bc", "a"), "")

    def test_no_longer_suffices(self) -> None:
        """
        It chooses anew where what it waits for is not enough.
        """
        self.assertEqual(self._claim("abe", "a"), "be")

    def test_running_itself(self) -> None:
        """
        What it wants may still be running.
        """
        self.assertEqual(self._claim("abd", "a"), "a")

    def test_held(self) -> None:
        """
        A model is held that is claimed, that would stop the one that is waited for,
        or that would leave that one no room.
        """
        self.assertTrue(self._is_held("a", "ab"))
        self.assertTrue(self._is_held("b", "ad", "d"))
        self.assertTrue(self._is_held("e", "ab", "a"))

    def test_not_held(self) -> None:
        """
        A model is not held by those who want it, nor where it runs beside what is
        waited for or will.
        """
        self.assertFalse(self._is_held("d", "ab"))
        self.assertFalse(self._is_held("b", "ab"))
        self.assertFalse(self._is_held("c", "ab"))
