"""
Tests for `llamaswap_tw.routing.profiles`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.schema import Profile
from llamaswap_tw.errors import NotFound
from llamaswap_tw.routing.profiles import Pin, Profiles


class ProfileTests(SynchronousTestCase):
    """
    One profile is active, or none.
    """

    def setUp(self) -> None:
        self.profiles = Profiles(
            {
                "work": Profile("work", "by day", {"chat": "big", "toy": None}),
                "home": Profile("home", "", {"toy": "small"}),
            }
        )
        self.told: list[str | None] = []
        self.profiles.observers.append(self.told.append)

    def test_none_at_first(self) -> None:
        """
        It begins with none, which pins nothing.
        """
        self.assertIsNone(self.profiles.active)
        self.assertIsNone(self.profiles.pin_of("chat"))

    def test_pins(self) -> None:
        """
        The active profile's pins hold, and no other's.
        """
        self.profiles.activate("work")
        self.assertEqual(self.profiles.pin_of("chat"), "big")
        self.assertIs(self.profiles.pin_of("toy"), Pin.DISABLED)
        self.assertIsNone(self.profiles.pin_of("big"))
        self.profiles.activate("home")
        self.assertIsNone(self.profiles.pin_of("chat"))
        self.assertEqual(self.profiles.pin_of("toy"), "small")
        self.profiles.activate(None)
        self.assertIsNone(self.profiles.pin_of("toy"))

    def test_unknown(self) -> None:
        """
        A profile that does not exist is not found, with the one that was meant, and
        the active one stays.
        """
        self.profiles.activate("work")
        for name, hint in (("wrok", "; did you mean work?"), ("", ""), ("x", "")):
            error = self.assertRaises(NotFound, self.profiles.activate, name)
            self.assertEqual(str(error), f"there is no profile {name!r}{hint}")
            self.assertEqual(error.status, 404)
        self.assertEqual(self.profiles.active, "work")
        self.assertEqual(self.profiles.pin_of("chat"), "big")
        self.assertEqual(self.told, ["work"])

    def test_observers(self) -> None:
        """
        Observers are told of each change, once, when it holds already.
        """
        seen: list[object] = []
        self.profiles.observers.append(
            lambda active: seen.append(self.profiles.pin_of("chat"))
        )
        for name in ("work", "work", "home", None, None, "work"):
            self.profiles.activate(name)
        self.assertEqual(self.told, ["work", "home", None, "work"])
        self.assertEqual(seen, ["big", None, None, "big"])

    def test_observer_leaves(self) -> None:
        """
        An observer may take itself off while it is told, and the others are told.
        """

        def once(active: str | None) -> None:
            self.told.append("once")
            self.profiles.observers.remove(once)

        self.profiles.observers.insert(0, once)
        self.profiles.activate("work")
        self.profiles.activate("home")
        self.assertEqual(self.told, ["once", "work", "home"])

    def test_json(self) -> None:
        """
        The API shows all of them, in the file's order, and an id that is disabled as
        pinned to nothing.
        """
        shown = [
            {
                "id": "work",
                "description": "by day",
                "pins": {"chat": "big", "toy": ""},
            },
            {"id": "home", "description": "", "pins": {"toy": "small"}},
        ]
        self.assertEqual(self.profiles.as_json(), {"active": None, "profiles": shown})
        self.profiles.activate("home")
        self.assertEqual(self.profiles.as_json(), {"active": "home", "profiles": shown})

    def test_reconfigured(self) -> None:
        """
        With another configuration none is active, though there be one of the same
        name, and observers are told even where none was.
        """
        changed = Profile("work", "", {"chat": "huge"})
        self.profiles.activate("work")
        self.profiles.reconfigured({"work": changed})
        self.assertIsNone(self.profiles.active)
        self.assertIsNone(self.profiles.pin_of("chat"))
        self.profiles.reconfigured({"work": changed})
        self.assertEqual(self.told, ["work", None, None])
        self.profiles.activate("work")
        self.assertEqual(self.profiles.pin_of("chat"), "huge")
        self.assertRaises(NotFound, self.profiles.activate, "home")
