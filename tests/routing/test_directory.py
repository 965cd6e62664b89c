"""
Tests for `llamaswap_tw.routing.directory`.
"""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.schema import PeerModel
from llamaswap_tw.errors import ModelNotFound
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.routing.directory import Directory
from llamaswap_tw.routing.names import Found, LocalModel, Target
from llamaswap_tw.routing.refusals import (
    ModelDisabled,
    NoTargetLeft,
    SelectorNotUsable,
)

from .directories import States, make_config, selector

FAR = PeerModel("far", "big")
BARE = PeerModel("far", "only-there")

CONFIG = make_config(
    {"small": ["mini", "toy"], "large": [], "shadow/y": [], "hidden": ["secret-one"]},
    selectors=[
        selector("auto", "warm", ["small", "large"]),
        selector("first", "pin", ["mini", "large"]),
        selector("away", "pin", ["far/big"]),
        selector("both", "spillover", ["large", "far/big"]),
        selector("secret-two", "pin", ["small"], unlisted=True),
        # Nobody has it as a qualified name: the bare one yields.
        selector("only-there-too", "pin", ["small"]),
    ],
    profiles={
        "work": {
            "small": "large",
            "large": "small",
            "mini": None,
            "auto": "far/big",
            "virtual": "first",
            "next": "virtual",
            "only-there": "toy",
        }
    },
    peers={
        "far/big": FAR,
        "far/only-there": BARE,
        "only-there": BARE,
        "small": PeerModel("far", "small"),
        "toy": PeerModel("far", "toy"),
        "only-there-too": PeerModel("far", "only-there-too"),
        # Two have it, so that it is nobody's by its bare name.
        "far/twice": PeerModel("far", "twice"),
        "near/twice": PeerModel("near", "twice"),
    },
    unlisted=["hidden"],
)

SMALL, LARGE = LocalModel("small"), LocalModel("large")


class DirectoryTests(SynchronousTestCase):
    """
    A name leads to one model.
    """

    def setUp(self) -> None:
        self.states = States()
        self.directory = Directory(CONFIG, self.states.__getitem__)

    def _leads(self, found: Found, target: Target, asked: str) -> None:
        self.assertEqual((found.target, found.asked), (target, asked), found)

    def test_names(self) -> None:
        """
        Selectors come before ids and aliases, those before the names of peers'
        models; what was asked for is known after the selector.
        """
        rows: list[tuple[str, Target, str]] = [
            ("small", SMALL, "small"),
            ("mini", SMALL, "mini"),
            ("toy", SMALL, "toy"),
            ("shadow/y", LocalModel("shadow/y"), "shadow/y"),
            ("hidden", LocalModel("hidden"), "hidden"),
            ("far/big", FAR, "far/big"),
            ("only-there", BARE, "only-there"),
            ("far/only-there", BARE, "far/only-there"),
            ("auto", SMALL, "small"),
            ("first", SMALL, "mini"),
            ("away", FAR, "far/big"),
            ("both", LARGE, "large"),
            ("only-there-too", SMALL, "small"),
        ]
        for name, target, asked in rows:
            self._leads(self.directory.find(name), target, asked)
            self.assertIn(name, self.directory)

    def test_pins(self) -> None:
        """
        The active profile comes first: over ids, aliases, selectors and peers'
        models, and for names that are nothing else; what it leads to is not pinned
        again.
        """
        rows: list[tuple[str, Target, str]] = [
            ("small", LARGE, "large"),
            ("large", SMALL, "small"),
            ("auto", FAR, "far/big"),
            ("virtual", SMALL, "mini"),
            ("only-there", SMALL, "toy"),
            ("toy", SMALL, "toy"),
            ("first", SMALL, "mini"),
        ]
        self.assertNotIn("virtual", self.directory)
        self.directory.profiles.activate("work")
        for name, target, asked in rows:
            self._leads(self.directory.find(name), target, asked)
        for name in ("virtual", "mini"):
            self.assertIn(name, self.directory)
        self.assertRaises(ModelNotFound, self.directory.find, "next")
        self.directory.profiles.activate(None)
        self._leads(self.directory.find("small"), SMALL, "small")
        self.assertRaises(ModelNotFound, self.directory.find, "virtual")

    def test_disabled(self) -> None:
        """
        An id pinned to nothing is not there while the profile is active, though it be
        the target of a selector.
        """
        self.directory.profiles.activate("work")
        for find in (self.directory.find, self.directory.find_upstream):
            error = self.assertRaises(ModelDisabled, find, "mini")
            self.assertEqual((error.status, error.code), (404, "model_not_found"))
            self.assertEqual(
                str(error),
                "model 'mini' is disabled by the profile 'work', which is active",
            )
        self._leads(self.directory.find("first"), SMALL, "mini")
        self.directory.profiles.activate(None)
        self._leads(self.directory.find("mini"), SMALL, "mini")

    def test_upstream(self) -> None:
        """
        Below /upstream pins apply and selectors are refused, also those that a pin
        leads to.
        """
        find = self.directory.find_upstream
        self._leads(find("mini"), SMALL, "mini")
        self._leads(find("far/big"), FAR, "far/big")
        error = self.assertRaises(SelectorNotUsable, find, "first")
        self.assertEqual(error.status, 404)
        self.assertIn("one of its targets: mini, large", str(error))
        self.directory.profiles.activate("work")
        self._leads(find("small"), LARGE, "large")
        self._leads(find("auto"), FAR, "far/big")
        error = self.assertRaises(SelectorNotUsable, find, "virtual")
        self.assertIn("'first' is a selector", str(error))

    def _hints(self, name: str, upstream: bool = False) -> list[str]:
        find = self.directory.find_upstream if upstream else self.directory.find
        error = self.assertRaises(ModelNotFound, find, name)
        self.assertEqual((error.status, error.code), (404, "model_not_found"))
        # Of a long one, the beginning.
        self.assertIn(repr(name[:100])[:-1], str(error))
        found = re.search(r"; did you mean (.*)\?$", str(error))
        return found[1].split(" or ") if found else []

    def test_nearest(self) -> None:
        """
        An unknown name is answered with names of any kind that look like it, best
        first and whatever their case, but for those that are not listed.
        """
        for name, hints in (
            ("smal", ["small"]),
            ("MINY", ["mini"]),
            ("autto", ["auto"]),
            ("far/bigg", ["far/big"]),
            ("firsst", ["first"]),
            ("only-ther", ["only-there", "only-there-too", "far/only-there"]),
            ("hiddem", []),
            ("secret", []),
            ("q", []),
            ("", []),
            ("small" * 100, []),
        ):
            self.assertEqual(self._hints(name), hints, name)

    def test_ambiguous(self) -> None:
        """
        A bare name that several peers have is answered with the names that tell them
        apart, and no others.
        """
        self.assertEqual(self._hints("twice"), ["far/twice", "near/twice"])

    def test_nearest_usable(self) -> None:
        """
        No name is offered that would not do: a selector below /upstream, an id that
        the profile disables; one that it adds is.
        """
        self.assertEqual(self._hints("autto", upstream=True), [])
        self.assertEqual(self._hints("virtul"), [])
        self.directory.profiles.activate("work")
        self.assertEqual(self._hints("miny"), [])
        self.assertEqual(self._hints("virtul"), ["virtual"])

    def test_selector_reserves(self) -> None:
        """
        What a selector reserves is free again when what was found is released, by
        whatever name it was found.
        """
        self.directory.profiles.activate("work")
        found = self.directory.find("both")
        self.assertEqual(self.directory.selectors.reserved(LARGE), 1)
        self._leads(self.directory.find("both"), FAR, "far/big")
        found.release()
        found.release()
        self.assertEqual(self.directory.selectors.reserved(LARGE), 0)
        self.assertEqual(self.directory.selectors.reserved(FAR), 1)

    def test_nothing_reserved(self) -> None:
        """
        A request for a model by its own name counts for no selector.
        """
        for name in ("large", "far/big", "auto", "away"):
            found = self.directory.find(name)
            for target in (SMALL, LARGE, FAR):
                self.assertEqual(self.directory.selectors.reserved(target), 0)
            found.release()
            found.release()

    def test_no_target(self) -> None:
        """
        A selector without a target that can take a request says so.
        """
        config = make_config(
            {"small": []}, selectors=[selector("s", "spillover", ["small"])]
        )
        directory = Directory(config, self.states.__getitem__)
        self.states["small"] = ProcessState.STOPPING
        error = self.assertRaises(NoTargetLeft, directory.find, "s")
        self.assertEqual((error.status, error.retry_after), (503, 1))
        self.assertIn("'s'", str(error))

    def test_reconfigured(self) -> None:
        """
        With another configuration its names hold, no profile is active, and who is
        told of that finds the new names.
        """
        self.directory.profiles.activate("work")
        found = self.directory.find("both")
        seen: list[object] = []
        self.directory.profiles.observers.append(
            lambda active: seen.append(self.directory.find("both").target)
        )
        self.directory.reconfigured(
            make_config(
                {"large": ["mini"], "both": []},
                selectors=[selector("only", "spillover", ["large"])],
                profiles={"work": {"large": "both"}},
            )
        )
        self.assertEqual(seen, [LocalModel("both")])
        self._leads(self.directory.find("mini"), LARGE, "mini")
        for name in ("small", "auto", "far/big", "only-there"):
            self.assertNotIn(name, self.directory)
            self.assertRaises(ModelNotFound, self.directory.find, name)
        self.assertEqual(self.directory.selectors.reserved(LARGE), 1)
        found.release()
        self.assertEqual(self.directory.selectors.reserved(LARGE), 0)

    def test_bad_configuration(self) -> None:
        """
        A selector whose target is nothing is a mistake of who calls, after which all
        is as before.
        """
        config = make_config({"a": []}, selectors=[selector("s", "pin", ["nothing"])])
        error = self.assertRaises(ValueError, self.directory.reconfigured, config)
        self.assertEqual(str(error), "selector 's': there is no model 'nothing'")
        self._leads(self.directory.find("auto"), SMALL, "small")
        self.assertNotIn("a", self.directory)

    def test_repr(self) -> None:
        """
        What was found can be read in a log.
        """
        self.assertEqual(
            repr(self.directory.find("mini")),
            "<Found LocalModel(id='small') asked for as 'mini'>",
        )
