"""
Tests for `llamaswap_tw.service`: reloads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import formatEvent
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw import records, service
from llamaswap_tw.config.load import NO_PORTS, load_files
from llamaswap_tw.config.schema import Config
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.observe.logs import Logs
from llamaswap_tw.planners import Planners
from llamaswap_tw.service import LlamaSwapService
from tests.process.fakes import FakeProcess
from tests.process.support import events_of


class Reactor(MemoryReactorClock):
    """
    A reactor whose threads do their work at once, and whose processes are none.
    """

    def spawnProcess(
        self, processProtocol: Any, executable: str, args: Any, **how: Any
    ) -> FakeProcess:
        process = FakeProcess(processProtocol, args, 2**22 + 1, **how)
        processProtocol.makeConnection(process)
        return process

    def getThreadPool(self) -> Any:
        return self

    def callInThreadWithCallback(
        self, done: Callable[[bool, Any], None], work: Any, *args: Any, **kwargs: Any
    ) -> None:
        done(True, work(*args, **kwargs))

    def callFromThread(self, call: Any, *args: Any, **kwargs: Any) -> None:
        call(*args, **kwargs)


class ServiceTestCase(SynchronousTestCase):
    """
    A daemon that listens nowhere, and its file.
    """

    def setUp(self) -> None:
        # The garbage of trial is none of the daemon's business.
        self.patch(service, "gc", mock.Mock())
        # It looks for GPUs in a thread.
        self.machine = mock.Mock()
        self.patch(records, "Machine", self.machine)
        self.path = self.mktemp()
        self.reactor = Reactor()
        self.logged = events_of(self)
        self.held: list[Mapping[str, int]] = []
        self.told: list[Config] = []

    def start(self, text: str) -> None:
        self.write(text)
        config = load_files(self.path, None, {})
        self.logs = Logs(config.models, config.log_to_stdout, lambda _: None)
        self.daemon = LlamaSwapService(
            self.reactor,
            config,
            [],
            self.logs,
            self.load,
            Planners(),
            None,
            None,
            self.told.append,
        )
        self.daemon.startService()
        self.router = self.daemon._parts.router

    def write(self, text: str) -> None:
        with open(self.path, "w") as file:
            file.write(text)

    def load(self, held_ports: Mapping[str, int] = NO_PORTS) -> Config:
        self.held.append(held_ports)
        return load_files(self.path, None, os.environ, held_ports=held_ports)

    def reload(self, text: str) -> None:
        """
        Reload, of a file with this text.
        """
        self.write(text)
        self.daemon.reload()

    def assert_holds(self, *models: str) -> None:
        """
        These are the models, everywhere, and nothing is left of others.
        """
        self.assertEqual(set(self.router.models), set(models))
        self.assertEqual(set(self.daemon._clients), set(models))
        self.assertEqual(set(self.daemon._config.models), set(models))
        for model in models:
            self.assertIs(self.router._clients[model], self.daemon._clients[model][1])


def models(*names: str, cmd: str = "x ${PORT}") -> str:
    """
    A file with some models.
    """
    return "models:\n" + "".join(f"  {name}: {{cmd: '{cmd}'}}\n" for name in names)


class ReloadTests(ServiceTestCase):
    """
    A reload makes the file hold.
    """

    def test_models(self) -> None:
        """
        Those that are new are there, and those that are gone are not; what is
        told of it names them.
        """
        self.start(models("a", "b"))
        same = self.router.process("b")
        self.reload(models("b", "c"))
        self.assert_holds("b", "c")
        self.assertIs(self.router.process("b"), same)
        self.reload(models("b", "c", cmd="y ${PORT}"))
        told = [formatEvent(event) for event in self.logged]
        self.assertIn("the configuration was reloaded: added c; removed a", told)
        self.assertIn("the configuration was reloaded: changed b, c", told)
        self.assertEqual(len(self.told), 2)

    def test_ports(self) -> None:
        """
        Each model keeps its port, and none that is still in use is given away.
        """
        self.start(models("b", "d"))
        self.reload(models("a", "b", "c", "d"))
        self.assertEqual(self.held[-1], {"b": 5800, "d": 5801})
        self.assertEqual(
            self.router.held_ports(), {"b": 5800, "d": 5801, "a": 5802, "c": 5803}
        )
        # One that is removed while it serves.
        core: Any = self.router._processes["b"]
        core._core.state = ProcessState.READY
        core.retire = mock.Mock()
        self.reload(models("a", "c", "d"))
        self.reload(models("a", "aa", "c", "d"))
        self.assertEqual(self.held[-1]["b"], 5800)
        self.assertEqual(self.router.held_ports()["aa"], 5804)

    def test_settings(self) -> None:
        """
        What is no model's is passed on to whoever minds it.
        """
        self.start(models("a"))
        self.reload(
            "maxRequestBody: 7KiB\nlogToStdout: both\nlogLevel: debug\n"
            "server: {headTimeout: 3s}\nhealthCheckTimeout: 33\n" + models("a")
        )
        parts = self.daemon._parts
        self.assertEqual(parts.site.max_body, 7 * 1024)
        self.assertIn(3.0, parts.site.limits.values())
        self.assertEqual(self.router._swap_grace, 33.0)
        self.assertEqual(self.told[-1].log_level, "debug")
        self.logs.upstream.write(b"a line of a model's\n")
        self.assertIn(b"a line of a model's", self.logs.combined.history())

    def test_client(self) -> None:
        """
        A model has another client where its timeouts are others, and only then.
        """
        self.start(models("a"))
        before = self.daemon._clients["a"][1]
        self.reload(models("a", "b"))
        self.assertIs(self.daemon._clients["a"][1], before)
        self.reload("models: {a: {cmd: 'x ${PORT}', timeouts: {connect: 3}}}")
        self.assertIsNot(self.daemon._clients["a"][1], before)
        self.assert_holds("a")

    def test_logs(self) -> None:
        """
        The log of a model that is there lasts, and that of one that is gone does
        not.
        """
        self.start(models("a", "b"))
        kept = self.logs.output_of("a")
        self.reload(models("a"))
        self.reload(models("a"))
        self.assertIs(self.logs.output_of("a"), kept)
        self.assertRaises(KeyError, self.logs.output_of, "b")

    def test_broken_file(self) -> None:
        """
        A file with mistakes changes nothing.
        """
        self.start(models("a"))
        self.reload("models: 5\n")
        self.assert_holds("a")
        self.assertEqual(self.told, [])

    def test_broken_half_way(self) -> None:
        """
        A mistake of ours is logged, wherever it is, and the next reload makes up
        for it: as if that one had never been.
        """
        for name in ("change", "add", "reconfigured"):
            self.start(models("a", "b"))
            whole = getattr(self.router, name)
            setattr(self.router, name, mock.Mock(side_effect=ZeroDivisionError))
            self.reload(models("b", "c"))
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            setattr(self.router, name, whole)
            self.assertEqual(set(self.daemon._config.models), {"a", "b"})
            self.reload(models("b", "d"))
            self.assert_holds("b", "d")

    def test_many(self) -> None:
        """
        A hundred reloads leave no timer and nothing of models that are gone.
        """
        self.start(models("a"))
        timers = len(self.reactor.getDelayedCalls())
        for turn in range(100):
            self.reload(models("a", *(f"m{turn}x{i}" for i in range(3))))
        self.reload(models("a"))
        self.reload(models("a"))
        self.assert_holds("a")
        self.assertEqual(set(self.logs._outputs), {"a"})
        self.assertEqual(len(self.reactor.getDelayedCalls()), timers)
        for kept in (self.router._leaving, self.router._loaded, self.router._swaps):
            self.assertFalse(kept)
        self.assertEqual(self.daemon._parts.records._metrics._models, {"a"})

    def test_machine(self) -> None:
        """
        The machine is sampled as often as the new file says.
        """
        self.start(models("a"))
        machine = self.machine.return_value
        machine.start.assert_called_once_with()
        self.reload("performance: {every: 1m}\n" + models("a"))
        machine.reconfigure.assert_called_once_with(60.0)
        self.reload("performance: {disabled: true}\n" + models("a"))
        machine.reconfigure.assert_called_with(None)
