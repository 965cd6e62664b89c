"""
Tests for `llamaswap_tw.routing.turns`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.routing.turns import Turns


class TurnsTests(SynchronousTestCase):
    """
    Events are handled one at a time, effects after them.
    """

    def setUp(self) -> None:
        self.turns = Turns()
        self.log: list[str] = []

    def test_order(self) -> None:
        """
        Effects come after the event that decided on them, and before an event
        that one of them brings about.
        """

        def handle(name: str) -> None:
            self.turns.effect(self.act, f"{name}1")
            self.turns.effect(self.act, f"{name}2")
            self.log.append(name)

        self.reaction = handle
        self.turns.event(handle, "a")
        self.assertEqual(self.log, ["a", "a1", "a2", "b", "b1", "b2"])

    def act(self, name: str) -> None:
        self.log.append(name)
        if name == "a1":
            self.turns.event(self.reaction, "b")

    def test_raises(self) -> None:
        """
        What one raises hinders no other, and is raised in the end.
        """

        def broken() -> None:
            raise KeyError("broken")

        def handle() -> None:
            self.turns.effect(broken)
            self.turns.effect(self.act, "after")
            self.turns.event(self.act, "next")

        self.assertRaises(KeyError, self.turns.event, handle)
        self.assertEqual(self.log, ["after", "next"])
        self.turns.event(self.act, "later")
        self.assertEqual(self.log[-1], "later")

    def test_several_raise(self) -> None:
        """
        Nothing of what several raised is lost.
        """

        def broken() -> None:
            raise KeyError("broken")

        def handle() -> None:
            self.turns.effect(broken)
            raise ValueError("too")

        group = self.assertRaises(ExceptionGroup, self.turns.event, handle)
        self.assertEqual(
            [type(e) for e in group.exceptions],
            [ValueError, KeyError],
        )
