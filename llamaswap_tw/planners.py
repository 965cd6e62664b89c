"""
The planners that there are: ours, and those that installed packages offer as
plugins of Twisted's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from twisted.logger import Logger
from twisted.plugin import IPlugin
from twisted.python.modules import getModule
from zope.interface import implementer

import twisted.plugins

from .config.errors import ConfigError, Mark, Problem
from .config.schema import Config, MatrixSettings
from .errors import PlannerFailed
from .interfaces import ISwapPlanner, ISwapPlannerFactory

_log = Logger()

#: What Twisted's own plugin modules begin with: none of them has a planner.
_TWISTEDS_OWN = ("twisted_", "cred_")

#: What a package's planner may raise: one that calls ``sys.exit`` ends nothing.
_FAILURES = (Exception, SystemExit)


@implementer(IPlugin, ISwapPlannerFactory)
class GroupPlannerFactory:
    """
    Makes our planner by groups.
    """

    name = "group"

    def fromConfig(self, settings: Any, models: Sequence[str]) -> ISwapPlanner:
        """
        Make it.

        :param settings: id → `GroupSettings`, as the configuration has resolved
            them.
        """
        from .routing.group import Group, GroupPlanner

        groups = {
            name: Group(group.swap, group.exclusive, group.persistent, group.members)
            for name, group in settings.items()
        }
        planner: ISwapPlanner = GroupPlanner(groups, models)
        return planner


@implementer(IPlugin, ISwapPlannerFactory)
class MatrixPlannerFactory:
    """
    Makes our planner by sets.
    """

    name = "matrix"

    def fromConfig(self, settings: Any, models: Sequence[str]) -> ISwapPlanner:
        """
        Make it.

        :param settings: `MatrixSettings`, as the configuration has resolved them.
        """
        # Only a configuration with sets needs it.
        from .routing.matrix.planner import MatrixPlanner

        matrix: MatrixSettings = settings

        def tell(line: str) -> None:
            _log.info("{line}", line=line)

        planner: ISwapPlanner = MatrixPlanner(matrix.sets, matrix.costs, tell)
        return planner


@implementer(ISwapPlanner)
class GuardedPlanner:
    """
    A planner of somebody else's.  What it raises, or answers in vain, costs the
    request that it was asked for, and no other.

    It hears of models that the configuration has, and of no other: one that a reload
    took away and that is not down yet makes way without being asked about.

    :param name: the planner's name.
    :param planner: the planner.
    :param models: the ids of all models.
    """

    def __init__(self, name: str, planner: ISwapPlanner, models: Sequence[str]) -> None:
        self._name = name
        self._planner = planner
        self._models = frozenset(models)

    def evictions_for(self, target: str, running: Collection[str]) -> Sequence[str]:
        """
        What must stop before ``target`` may run.

        :raises PlannerFailed: if it raises, or names what does not run.
        """
        known = self._models.intersection(running)
        others = known - {target}
        try:
            answer = self._planner.evictions_for(target, known)
            # A Deferred is one of those that are no collections; it yields itself
            # without end.
            if isinstance(answer, str) or not isinstance(answer, Collection):
                raise TypeError(
                    f"evictions_for returned {type(answer).__name__}, not a list of "
                    "models"
                )
            found = set(answer)
        except _FAILURES as e:
            raise self._failed(f"{type(e).__name__}: {e}")
        if not found <= others:
            strangers = ", ".join(sorted(map(repr, found - others)))
            raise self._failed(
                f"it would stop {strangers} for {target!r}; that cannot be"
            )
        if target not in running:
            found.update(set(running) - known)
        return sorted(found)

    def swap_started(self, target: str, running: Collection[str]) -> None:
        """
        A swap begins.
        """
        try:
            self._planner.swap_started(target, self._models.intersection(running))
        except _FAILURES as e:
            _log.error(
                "planner {name}: swap_started failed: {kind}: {error}",
                name=self._name,
                kind=type(e).__name__,
                error=e,
            )

    def _failed(self, reason: str) -> PlannerFailed:
        error = PlannerFailed(self._name, reason)
        _log.error("{error}", error=error)
        return error


def _is_factory_class(value: object) -> bool:
    return isinstance(value, type) and all(
        interface.implementedBy(value) for interface in (IPlugin, ISwapPlannerFactory)
    )


class Planners:
    """
    All planners that can be used.

    :ivar complaints: why a package's plugin cannot, a line each.
    """

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self._factories: dict[str, ISwapPlannerFactory] = {}
        ours = (GroupPlannerFactory, MatrixPlannerFactory)
        # Ours are the first, in whatever order the modules are found: a package's
        # cannot take their names.
        for where, factory in sorted(
            self._plugins(), key=lambda found: not isinstance(found[1], ours)
        ):
            self._take(where, factory)

    @property
    def names(self) -> tuple[str, ...]:
        """
        Their names; ours are the first.
        """
        ours = (GroupPlannerFactory.name, MatrixPlannerFactory.name)
        return (*ours, *sorted(self._factories.keys() - set(ours)))

    def make(self, config: Config) -> ISwapPlanner:
        """
        Make the planner that a configuration uses.

        :raises ConfigError: if it cannot use its settings.
        """
        name = config.planner
        factory = self._factories[name]
        models = tuple(config.models)
        if isinstance(factory, GroupPlannerFactory):
            return factory.fromConfig(config.groups, models)
        if isinstance(factory, MatrixPlannerFactory):
            return factory.fromConfig(config.matrix or MatrixSettings(), models)
        whole = Mark(config.sources[0] if config.sources else "configuration", 0)
        try:
            planner = factory.fromConfig(config.planner_settings, models)
        except _FAILURES as e:
            path = f"routing.router.settings.{name}"
            reason = str(e) or type(e).__name__
            told = f"the planner {name!r} cannot use this: {reason}"
            raise ConfigError([Problem(whole, path, told)])
        for method in ISwapPlanner.names():
            if not callable(getattr(planner, method, None)):
                told = (
                    f"the planner {name!r} cannot be used: its fromConfig returned "
                    f"{type(planner).__name__}, which has no {method}"
                )
                raise ConfigError([Problem(whole, "routing.router.use", told)])
        guarded: ISwapPlanner = GuardedPlanner(name, planner, models)
        return guarded

    def _plugins(self) -> Iterator[tuple[str, Any]]:
        """
        What stands in plugin modules and says that it makes planners, with its
        full name.

        Not by `twisted.plugin.getPlugins`: a module that cannot be imported it
        tells of by a traceback.
        """
        for module in getModule(twisted.plugins.__name__).iterModules():
            name = module.name.rpartition(".")[2]
            if name.startswith(_TWISTEDS_OWN):
                continue
            try:
                loaded = module.load()
            except _FAILURES as e:
                self.complaints.append(
                    f"the plugin {module.name} cannot be imported: "
                    f"{type(e).__name__}: {e}"
                )
                continue
            values = vars(loaded)
            for attribute, value in sorted(values.items()):
                where = f"{module.name}.{attribute}"
                if IPlugin(value, None) and ISwapPlannerFactory(value, None):
                    yield where, value
                elif _is_factory_class(value) and not any(
                    isinstance(other, value) for other in values.values()
                ):
                    self.complaints.append(
                        f"planner {where}: is a class; a plugin is an instance of one"
                    )

    def _take(self, where: str, factory: ISwapPlannerFactory) -> None:
        try:
            name = factory.name
            if not isinstance(name, str) or not name:
                raise ValueError("it has no name")
        except Exception as e:
            self.complaints.append(f"planner {where}: {type(e).__name__}: {e}")
            return
        if name in self._factories:
            self.complaints.append(f"planner {where}: there is a {name!r} already")
            return
        self._factories[name] = factory
