"""
Tests for `llamaswap_tw.routing.matrix.planner`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.interfaces import ISwapPlanner
from llamaswap_tw.routing.matrix.link import link
from llamaswap_tw.routing.matrix.planner import MatrixPlanner


class MatrixPlannerTests(SynchronousTestCase):
    """
    Sets say what must stop.
    """

    def setUp(self) -> None:
        sets = {"pair": "a & (b | c)", "trio": "+pair & d"}
        self.log: list[str] = []
        self.planner = MatrixPlanner(link(sets, {}, "abcdz"), {"c": 5}, self.log.append)

    def test_interface(self) -> None:
        """
        It is a planner.
        """
        verifyObject(ISwapPlanner, self.planner)

    def test_evictions(self) -> None:
        """
        It stops what is outside of the best set, in sorted order.
        """
        self.assertEqual(list(self.planner.evictions_for("a", ["b", "c"])), ["b"])
        self.assertEqual(
            list(self.planner.evictions_for("d", ["z", "c", "b"])), ["b", "z"]
        )
        self.assertEqual(list(self.planner.evictions_for("b", {"a", "d"})), [])

    def test_runs_already(self) -> None:
        """
        For a model that runs nothing stops, whatever runs beside it.
        """
        self.assertEqual(list(self.planner.evictions_for("z", {"z", "a"})), [])

    def test_nothing_runs(self) -> None:
        """
        Where nothing runs nothing stops.
        """
        self.assertEqual(list(self.planner.evictions_for("z", ())), [])

    def test_in_no_set(self) -> None:
        """
        A model in no set has everybody stopped.
        """
        self.assertEqual(list(self.planner.evictions_for("z", {"b", "a"})), ["a", "b"])

    def test_pure(self) -> None:
        """
        Planning says nothing, changes nothing that it is given, and comes to the
        same again.
        """
        running = {"c", "b"}
        first = self.planner.evictions_for("a", running)
        self.assertEqual(self.planner.evictions_for("a", running), first)
        self.assertEqual(running, {"c", "b"})
        self.assertEqual(self.log, [])

    def test_log(self) -> None:
        """
        The start of a swap is told once: model, set, expression, what stops and
        what that costs.
        """
        self.planner.swap_started("d", {"c", "z", "b"})
        self.assertEqual(
            self.log, ["swap to d: set 'trio' (+pair & d); stops b, z; cost 2"]
        )

    def test_log_without_set(self) -> None:
        """
        Of a model in no set, or one that has not stopped yet, that is told.
        """
        self.planner.swap_started("z", {"a"})
        self.planner.swap_started("a", {"a", "b"})
        self.planner.swap_started("b", ())
        self.assertEqual(
            self.log,
            [
                "swap to z: in no set, runs alone; stops a; cost 1",
                "swap to a: it has not stopped yet; stops nothing; cost 0",
                "swap to b: set 'pair' (a & (b | c)); stops nothing; cost 0",
            ],
        )
