"""
Every route is documented, with an example, and nothing is that does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple, cast

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw import web
from llamaswap_tw.web.endpoints import model_routes
from llamaswap_tw.web.passthrough import Passthrough

_DOCS = Path(__file__).parents[1] / "docs"

#: Where routes have entries of their own.
_PAGES = ("http.rst", "observability.rst")

#: An entry: its routes, one a line, and all that is indented below them.
_ENTRY = re.compile(
    r"^\.\. describe:: (\S.*\n(?: {14}\S.*\n)*)((?: {3}.*\n|\n)*)", re.M
)

_EXAMPLE = re.compile(r"\bcurl\b[^\n]*?http://127\.0\.0\.1:8080(/[^\s\"'?]*)")

_PLACEHOLDER = re.compile(r"<[^>]*>")

#: What goes to a model as it comes has no table of routes.
_PASSTHROUGH = (
    *("GET /upstream", "ANY /upstream/<>", "ANY /upstream/<>/<>"),
    *("ANY /comfyui", "ANY /comfyui/<>"),
)


class Entry(NamedTuple):
    """
    What a page says of some routes.
    """

    routes: list[str]
    text: str


def entries() -> Iterator[Entry]:
    """
    All that are documented.
    """
    for page in _PAGES:
        path = _DOCS / page
        if path.exists():
            for match in _ENTRY.finditer(path.read_text(encoding="utf-8")):
                yield Entry([line.strip() for line in match[1].splitlines()], match[2])


def plain(route: str) -> str:
    """
    A route whatever its placeholders are called.
    """
    return _PLACEHOLDER.sub("<>", route)


def existing() -> set[str]:
    """
    All routes that there are: a method, a blank, a path.
    """
    found = set(_PASSTHROUGH)
    for path, route in model_routes().items():
        found |= {f"{method.decode()} {path.decode()}" for method in route.methods}
    for app in _apps():
        for rule in app.url_map.iter_rules():
            found |= {f"{method} {plain(rule.rule)}" for method in rule.methods}
    # Every GET route answers these too.
    return {route for route in found if not route.startswith(("HEAD ", "OPTIONS "))}


def _apps() -> Iterator[Any]:
    """
    Every Klein app of the daemon's; to import them installs a reactor.
    """
    for module in iter_modules(web.__path__, web.__name__ + "."):
        import_module(module.name)
    resource = import_module("llamaswap_tw.web.resource")
    kinds = list(resource.Resource.__subclasses__())
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith(web.__name__ + "."):
            yield cast(Any, kind).app


class RouteTests(SynchronousTestCase):
    """
    The pages about HTTP and the daemon say the same.
    """

    maxDiff = None

    def test_documented(self) -> None:
        """
        Every route has an entry, in one place, and every entry is one of a route.
        """
        documented = [plain(route) for entry in entries() for route in entry.routes]
        self.assertEqual(sorted(documented), sorted(existing()))

    def test_examples(self) -> None:
        """
        Every entry has an example for one of its routes, and no other.
        """
        for entry in entries():
            asked = _EXAMPLE.findall(entry.text)
            self.assertTrue(asked, entry.routes)
            paths = [
                re.compile(_PLACEHOLDER.sub("[^?]+", route.partition(" ")[2]))
                for route in entry.routes
            ]
            for path in asked:
                self.assertTrue(
                    any(route.fullmatch(path) for route in paths), (path, entry.routes)
                )

    def test_found(self) -> None:
        """
        The entries and apps are really found: else the others could not fail.
        """
        self.assertGreater(len(list(entries())), 20)
        self.assertIn("GET /running", existing())
        self.assertIn("POST /api/models/load/<>", existing())
        straight = object.__new__(Passthrough).routes()
        self.assertEqual(
            {route.split("/")[1].encode() for route in _PASSTHROUGH},
            {path.removeprefix(b"/") for path in straight},
        )
