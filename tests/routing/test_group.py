"""
Tests for `llamaswap_tw.routing.group`.
"""

from __future__ import annotations

from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.routing.group import Group, GroupPlanner


class GroupPlannerTests(SynchronousTestCase):
    """
    Groups say what must stop.
    """

    def test_table(self) -> None:
        """
        A model stops its group's others where that swaps, and other groups'
        where its own is exclusive and theirs is not persistent.
        """
        flags = (False, True)
        for swap, exclusive, persistent, other_persistent in product(flags, repeat=4):
            # What the other group itself does to others has no say in it.
            for other_swap, other_exclusive in product(flags, repeat=2):
                planner = GroupPlanner(
                    {
                        "g": Group(swap, exclusive, persistent, ("a", "b")),
                        "h": Group(
                            other_swap, other_exclusive, other_persistent, ("c", "d")
                        ),
                    },
                    "abcd",
                )
                expected = ["b"] if swap else []
                if exclusive and not other_persistent:
                    expected += ["c", "d"]
                self.assertEqual(
                    list(planner.evictions_for("a", {"d", "c", "b", "a"})), expected
                )

    def test_default(self) -> None:
        """
        Models in no group stop one another, and those of other groups.
        """
        planner = GroupPlanner({"g": Group(members=("c",))}, "abc")
        self.assertEqual(planner.evictions_for("a", ["c", "b"]), ["b", "c"])
        self.assertEqual(planner.evictions_for("c", ["a", "b"]), ["a", "b"])

    def test_nothing_runs(self) -> None:
        """
        Where nothing else runs nothing stops; the target never does.
        """
        planner = GroupPlanner({}, "ab")
        for running in ([], ["a"]):
            self.assertEqual(list(planner.evictions_for("a", running)), [])

    def test_pure(self) -> None:
        """
        Planning changes nothing that it is given, and says the same again.
        """
        planner = GroupPlanner({}, "abc")
        running = {"c", "b"}
        first = planner.evictions_for("a", running)
        planner.swap_started("a", running)
        self.assertEqual(planner.evictions_for("a", running), first)
        self.assertEqual(running, {"c", "b"})

    def test_member_twice(self) -> None:
        """
        A model that is a member twice, in two groups or in one, is an error
        that names it.
        """
        for groups in (
            {"g": Group(members=("a", "b")), "h": Group(members=("b",))},
            {"g": Group(members=("b", "b"))},
        ):
            error = self.assertRaises(ValueError, GroupPlanner, groups, "ab")
            self.assertIn("'b' is already a member", str(error))
