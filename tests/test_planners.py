"""
Tests for `llamaswap_tw.planners`.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from itertools import repeat
from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from twisted.plugin import IPlugin
from twisted.python.filepath import FilePath
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

import twisted.plugins
from llamaswap_tw.config.errors import ConfigError
from llamaswap_tw.config.schema import Config, GroupSettings, Model
from llamaswap_tw.errors import PlannerFailed
from llamaswap_tw.interfaces import ISwapPlanner, ISwapPlannerFactory
from llamaswap_tw.planners import (
    GroupPlannerFactory,
    GuardedPlanner,
    MatrixPlannerFactory,
    Planners,
)


@implementer(ISwapPlanner)
class Stubborn:
    """
    Answers as it is told.
    """

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Collection[str]]] = []

    def evictions_for(self, target: str, running: Collection[str]) -> Sequence[str]:
        self.asked.append((target, running))
        if isinstance(self.answer, BaseException):
            raise self.answer
        answer: Sequence[str] = self.answer
        return answer

    def swap_started(self, target: str, running: Collection[str]) -> None:
        if isinstance(self.answer, BaseException):
            raise self.answer


@implementer(IPlugin, ISwapPlannerFactory)
class StubbornFactory:
    """
    Makes them, unless its settings are an exception, or what to make.
    """

    name = "stubborn"

    def fromConfig(self, settings: Any, models: Sequence[str]) -> ISwapPlanner:
        if isinstance(settings, BaseException):
            raise settings
        planner: ISwapPlanner = settings or Stubborn(["b"])
        return planner


@implementer(IPlugin, ISwapPlannerFactory)
class Usurper(StubbornFactory):
    """
    Calls itself as ours are called.
    """

    name = "group"


class PlannersTests(SynchronousTestCase):
    """
    Planners are found, and made out of a configuration.
    """

    def test_ours(self) -> None:
        """
        Ours are found as any package's are.
        """
        planners = Planners()
        self.assertEqual(planners.names, ("group", "matrix"))
        self.assertEqual(planners.complaints, [])
        for factory in (GroupPlannerFactory(), MatrixPlannerFactory()):
            verifyObject(ISwapPlannerFactory, factory)
            verifyObject(IPlugin, factory)

    def test_group(self) -> None:
        """
        The group planner goes by the configuration's groups.
        """
        config = Config(
            models={model: Model(model) for model in "abc"},
            groups={"g": GroupSettings(swap=False, members=("a", "b"))},
        )
        planner = Planners().make(config)
        self.assertEqual(list(planner.evictions_for("a", {"b", "c"})), ["c"])

    def with_plugin(self, *factories: ISwapPlannerFactory) -> Planners:
        found = [(f"package.{number}", each) for number, each in enumerate(factories)]
        self.patch(Planners, "_plugins", lambda _: iter(found))
        return Planners()

    def test_package(self) -> None:
        """
        A package's planner is made with its settings, and guarded.
        """
        planners = self.with_plugin(StubbornFactory())
        self.assertIn("stubborn", planners.names)
        planner = planners.make(Config(planner="stubborn"))
        self.assertIsInstance(planner, GuardedPlanner)

    def test_same_name(self) -> None:
        """
        Of two with one name, the second is complained about.
        """
        planners = self.with_plugin(StubbornFactory(), StubbornFactory())
        (complaint,) = planners.complaints
        self.assertIn("package.1", complaint)
        self.assertIn("stubborn", complaint)

    def test_our_names(self) -> None:
        """
        A package's planner cannot take the name of one of ours, though it be found
        before it.
        """
        planners = self.with_plugin(Usurper(), GroupPlannerFactory())
        (complaint,) = planners.complaints
        self.assertIn("package.0", complaint)
        self.assertNotIsInstance(planners.make(Config()), GuardedPlanner)

    def test_no_planner(self) -> None:
        """
        A package that makes something else than a planner is told of at once, not
        with each request.
        """
        planners = self.with_plugin(StubbornFactory())
        for made in ("planner", object()):
            config = Config(
                planner="stubborn", planner_settings=made, sources=("config.yaml",)
            )
            error = self.assertRaises(ConfigError, planners.make, config)
            self.assertIn(
                "config.yaml: routing.router.use: the planner 'stubborn' cannot be "
                f"used: its fromConfig returned {type(made).__name__}, which has no ",
                str(error),
            )

    def test_exits(self) -> None:
        """
        One that would end the program is told of as one that raises.
        """
        planners = self.with_plugin(StubbornFactory())
        config = Config(planner="stubborn", planner_settings=SystemExit("no licence"))
        error = self.assertRaises(ConfigError, planners.make, config)
        self.assertIn("'stubborn' cannot use this: no licence", str(error))

    def test_bad_settings(self) -> None:
        """
        Settings that a planner cannot use are a mistake of the configuration.
        """
        planners = self.with_plugin(StubbornFactory())
        config = Config(
            planner="stubborn",
            planner_settings=ValueError("keep is missing"),
            sources=("config.yaml",),
        )
        error = self.assertRaises(ConfigError, planners.make, config)
        self.assertEqual(
            str(error),
            "config.yaml: routing.router.settings.stubborn: the planner 'stubborn' "
            "cannot use this: keep is missing",
        )


class ModuleTests(SynchronousTestCase):
    """
    Modules of packages are looked at, and told of where they are no good.
    """

    def with_module(self, text: str) -> Planners:
        folder = FilePath(self.mktemp())
        folder.makedirs()
        # Another name each time: what was imported stays so.
        self.name = f"planner_{uuid4().hex}"
        folder.child(f"{self.name}.py").setContent(text.encode())
        path = [folder.path, *twisted.plugins.__path__]
        self.patch(twisted.plugins, "__path__", path)
        self.addCleanup(sys.modules.pop, f"twisted.plugins.{self.name}", None)
        return Planners()

    def test_instance(self) -> None:
        """
        An instance is a planner, and the class beside it no mistake.
        """
        planners = self.with_module(
            "from tests.test_planners import StubbornFactory\nf = StubbornFactory()\n"
        )
        self.assertEqual(planners.complaints, [])
        self.assertEqual(planners.names, ("group", "matrix", "stubborn"))

    def test_class(self) -> None:
        """
        Of a class without an instance it is said what it lacks.
        """
        planners = self.with_module("from tests.test_planners import StubbornFactory\n")
        self.assertEqual(
            planners.complaints,
            [
                f"planner twisted.plugins.{self.name}.StubbornFactory: is a class; a "
                "plugin is an instance of one"
            ],
        )

    def test_import(self) -> None:
        """
        One that cannot be imported is named with the reason, and one that would end
        the program too.
        """
        for text, reason in (
            ("import nowhere_at_all", "ModuleNotFoundError: No module named"),
            ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ):
            complaints = self.with_module(text).complaints
            self.assertIn(
                f"the plugin twisted.plugins.{self.name} cannot be imported: {reason}",
                "\n".join(complaints),
            )


class GuardedPlannerTests(SynchronousTestCase):
    """
    Another's planner costs at most the request that it was asked for.
    """

    def guarded(self, answer: Any) -> GuardedPlanner:
        self.planner = Stubborn(answer)
        guarded = GuardedPlanner("stubborn", self.planner, "abc")
        verifyObject(ISwapPlanner, guarded)
        return guarded

    def test_passes(self) -> None:
        """
        Its answer passes, in order, and what runs cannot be changed by it.
        """
        running = {"a", "c", "b"}
        guarded = self.guarded({"c", "b"})
        self.assertEqual(guarded.evictions_for("a", running), ["b", "c"])
        self.assertEqual(self.planner.asked, [("a", frozenset(running))])

    def test_gone(self) -> None:
        """
        A model that a reload took away makes way, and the planner does not hear
        of it.
        """
        guarded = self.guarded({"b"})
        self.assertEqual(guarded.evictions_for("a", {"b", "gone"}), ["b", "gone"])
        self.assertEqual(guarded.evictions_for("a", {"a", "b", "gone"}), ["b"])
        self.assertEqual(
            {name for _, names in self.planner.asked for name in names}, {"a", "b"}
        )

    def test_fails(self) -> None:
        """
        What it raises is an error that names it, and so is an answer in vain; the log
        has it too.
        """
        for answer, told in (
            (RuntimeError("dizzy"), "RuntimeError: dizzy"),
            (["a"], "would stop 'a'"),
            (["x", "b"], "would stop 'x'"),
            (None, "returned NoneType, not a list of models"),
            (5, "returned int, not"),
            ("b", "returned str, not"),
            (Deferred(), "returned Deferred, not"),
            (repeat("b"), "returned repeat, not"),
            (["x", 5], "would stop 'x', 5 for 'a'"),
            ([["b"]], "TypeError: unhashable"),
            (SystemExit(3), "SystemExit: 3"),
        ):
            with capturedLogs() as events:
                error = self.assertRaises(
                    PlannerFailed, self.guarded(answer).evictions_for, "a", {"a", "b"}
                )
            self.assertEqual([formatEvent(event) for event in events], [error.message])
            self.assertIn("'stubborn'", error.message)
            self.assertIn(told, error.message)
            self.assertEqual(error.status, 500)

    def test_swap_started_fails(self) -> None:
        """
        What it raises when a swap begins is logged, and the swap goes on.
        """
        for answer in (RuntimeError("dizzy"), SystemExit("dizzy")):
            with capturedLogs() as events:
                self.guarded(answer).swap_started("a", set())
            self.assertEqual(
                [formatEvent(event) for event in events],
                [
                    "planner stubborn: swap_started failed: "
                    f"{type(answer).__name__}: dizzy"
                ],
            )
