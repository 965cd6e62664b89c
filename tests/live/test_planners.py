"""
Planners, ours and an installed package's, in a running daemon.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

from .support import (
    Daemon,
    LiveTestCase,
    Program,
    simulator,
    twistd,
    undisturbed,
)

_EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "recent-planner"

#: A plugin that cannot be imported, one that cannot be used, and one that fails in
#: use.
_BROKEN = """\
import no_such_module_anywhere
"""
_FAILING = """\
from twisted.plugin import IPlugin
from zope.interface import implementer

from llamaswap_tw.interfaces import ISwapPlanner, ISwapPlannerFactory


@implementer(ISwapPlanner)
class Failing:
    def evictions_for(self, target, running):
        if target == "b":
            raise RuntimeError("no idea what to stop")
        return []

    def swap_started(self, target, running):
        raise RuntimeError("not in the mood")


@implementer(IPlugin, ISwapPlannerFactory)
class Factory:
    name = "failing"

    def fromConfig(self, settings, models):
        return Failing()


@implementer(IPlugin, ISwapPlannerFactory)
class Nameless:
    name = ""


failing = Factory()
nameless = Nameless()
"""


def models(ids: str) -> str:
    """
    Some models that load at once.
    """
    return "models:\n" + "".join(
        f"  {model}:\n    cmd: {simulator('--load-time 0 --model', model)}\n"
        for model in ids
    )


class PluginTests(LiveTestCase):
    """
    A package brings a planner along.
    """

    def installed_example(self) -> Path:
        """
        A folder that the example of the documentation is installed into.
        """
        folder = self.folder()
        # pip builds beside the source, which is not to be littered.
        source = folder / "source"
        shutil.copytree(_EXAMPLE, source)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index"),
                *("--no-deps", "--no-build-isolation", "--target"),
                *(str(folder / "site"), str(source)),
            ],
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return folder / "site"

    def with_plugins(self, config: str, path: Path) -> Daemon:
        """
        A daemon that finds what is installed at ``path``.
        """
        daemon = Daemon(self.folder(), config, environment={"PYTHONPATH": str(path)})
        self.addCleanup(daemon.end)
        daemon.wait_until_listening()
        return daemon

    def test_example(self) -> None:
        """
        The planner of the documentation keeps as many models as it is told, and
        those that were loaded last.
        """
        site = self.installed_example()
        config = models("abc") + (
            "routing: {router: {use: recent, settings: {recent: {keep: 2}}}}\n"
        )
        daemon = self.with_plugins(config, site)
        for model in "abca":
            self.assertEqual(daemon.chat(model).status, 200)
        self.assertEqual(daemon.running(), {"a": "ready", "c": "ready"})
        checked = Program(
            [*twistd(), "--config", str(daemon.config), "--check"],
            self.folder(),
            {"PYTHONPATH": str(site)},
        )
        self.addCleanup(checked.end)
        self.assertEqual(checked.wait(), 0, checked.errors)
        self.assertIn("recent (in use)", checked.output)

    def test_bad_settings(self) -> None:
        """
        What a planner says of its settings is told as any mistake of the file.
        """
        site = self.installed_example()
        folder = self.folder()
        config = folder / "config.yaml"
        config.write_text(
            "routing: {router: {use: recent, settings: {recent: {keep: no}}}}\n"
        )
        program = Program(
            [*twistd(), "--config", str(config)], folder, {"PYTHONPATH": str(site)}
        )
        self.addCleanup(program.end)
        self.assertEqual(program.wait(), 1)
        self.assertIn("routing.router.settings.recent: ", program.errors)
        self.assertIn("keep must be a whole number", program.errors)
        self.assertNotIn("Traceback", program.errors)

    def test_failing(self) -> None:
        """
        Plugins that cannot be imported, or fail in use, are named, and cost
        nobody but the request that they failed for.
        """
        folder = self.folder()
        plugins = folder / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "broken_plugin.py").write_text(_BROKEN)
        (plugins / "failing_plugin.py").write_text(_FAILING)
        daemon = self.with_plugins(
            models("ab") + "routing: {router: {use: failing}}\n", folder
        )
        daemon.wait_for_output("no_such_module_anywhere")
        daemon.wait_for_output("failing_plugin.nameless")
        for _ in range(2):
            self.assertEqual(daemon.chat("a").status, 200)
            answer = daemon.chat("b")
            self.assertEqual(answer.status, 500)
            self.assertIn("no idea what to stop", answer.error)
            self.assertIn("failing", answer.error)
        log = daemon.ask("GET", "/logs").body
        self.assertIn(b"not in the mood", log)
        # twistd itself, which looks for plugins too, tells of one by a traceback.
        self.assertNotIn(b"Traceback", log.partition(b"listening on")[2])


class MatrixTests(LiveTestCase):
    """
    The matrix, in a running daemon.
    """

    def test_choice(self) -> None:
        """
        Models of one set run together; of several sets, the one is chosen that
        costs least, and the log says why.
        """
        daemon = self.daemon(
            models("abcd")
            + "matrix:\n"
            + "  evict_costs: {a: 9}\n"
            + "  sets: {first: b & c, second: a & (c | d)}\n"
        )
        for model in "ac":
            self.assertEqual(daemon.chat(model).status, 200)
        self.assertEqual(daemon.running(), {"a": "ready", "c": "ready"})
        # With a costs 1 (c goes); b alone would cost 9.
        self.assertEqual(daemon.chat("d").status, 200)
        self.assertEqual(daemon.running(), {"a": "ready", "d": "ready"})
        log = daemon.ask("GET", "/logs").body.decode()
        self.assertIn("swap to d: set 'second'", log)
        self.assertIn("stops c; cost 1", log)
        self.assertEqual(daemon.chat("b").status, 200)
        self.assertEqual(daemon.running(), {"b": "ready"})

    def test_loads_at_once(self) -> None:
        """
        Two models that may run together load at the same time.
        """
        # On a machine that stalls one may ask when the other has loaded.
        undisturbed(self.load_at_once)

    def load_at_once(self) -> None:
        daemon = self.daemon(
            "models:\n"
            + "".join(
                f"  {model}:\n    cmd: {simulator('--load-time 1 --model', model)}\n"
                for model in "ab"
            )
            + "matrix: {sets: {both: a & b}}\n"
        )
        threads = [
            threading.Thread(target=daemon.chat, args=(model,)) for model in "ab"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(daemon.running(), {"a": "ready", "b": "ready"})
        log = daemon.ask("GET", "/logs").body.decode()
        begun = [line for line in log.splitlines() if ": starting: " in line]
        ready = log.index(": ready after")
        self.assertEqual(len(begun), 2)
        self.assertLess(log.index(begun[1]), ready)

    def test_many(self) -> None:
        """
        A hundred and twenty models in twelve groups of ten alternatives load, and
        are chosen from, in a moment.
        """
        ids = [f"m{number:03d}" for number in range(120)]
        groups = " & ".join(
            "(" + " | ".join(ids[start : start + 10]) + ")"
            for start in range(0, 120, 10)
        )
        command = simulator("--load-time 0 --model")
        daemon = self.daemon(
            "models:\n"
            + "".join(f"  {model}:\n    cmd: {command} {model}\n" for model in ids)
            + f"matrix: {{sets: {{all: '{groups}'}}}}\n"
        )
        for model in ("m000", "m010", "m020", "m001"):
            self.assertEqual(daemon.chat(model).status, 200)
        self.assertEqual(
            daemon.running(), {"m001": "ready", "m010": "ready", "m020": "ready"}
        )
