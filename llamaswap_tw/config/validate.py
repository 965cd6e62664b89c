"""
The tree against the schema: its values, or every mistake in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from .errors import Problems
from .fields import BROKEN, OURS, Section
from .file_schema import File, RouterSettings, SchedulerSettings
from .nodes import MapNode, Node, ScalarNode, joined, locate, without

#: How many unknown keys are compared with the known ones: that takes long.
_MOST_HINTS = 100

#: In these, what plugins are called is a key as well.
_OPEN = (RouterSettings, SchedulerSettings)


class _Below(NamedTuple):
    """
    The sections below a key.

    :ivar many: whether there is one for each entry of a mapping or list.
    """

    section: type[Section]
    many: bool


def validate(root: MapNode, problems: Problems) -> File:
    """
    Read the whole tree.

    :param root: with its macros expanded.
    :param problems: takes what is wrong.
    :returns: the values; what was wrong has its default.
    """
    _Unknown(problems).keys(File, root, "")
    tree: Node = root
    while True:
        try:
            return File.model_validate(tree)
        except ValidationError as e:
            mistakes = e.errors(include_url=False, include_input=False)
        for mistake in mistakes:
            if mistake["type"] != BROKEN:
                mark, path = locate(root, mistake["loc"])
                problems.error(mark, path, _message(mistake))
        before, tree = tree, without(tree, [mistake["loc"] for mistake in mistakes])
        if tree is before:
            raise AssertionError(f"no way to go on without {mistakes[0]['loc']}")


def _message(mistake: Mapping[str, Any]) -> str:
    context = mistake.get("ctx", {})
    if mistake["type"] == OURS:
        return str(context["said"])
    match mistake["type"]:
        case "literal_error":
            return f"must be one of {context['expected'].replace(' or ', ', ')}"
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
    raise AssertionError(mistake["type"])


class _Unknown:
    """
    Warns about keys that are not known.
    """

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._hints = _MOST_HINTS

    def keys(self, section: type[Section], node: Node, path: str) -> None:
        """
        Look at a section and those below it.
        """
        if not isinstance(node, MapNode):
            return
        known = keys_of(section)
        for key, value in node.entries.values():
            below = known.get(key.text)
            if key.text not in known:
                # At the top, x-something is a home for anchors.
                at_home = section is File and key.text.startswith("x-")
                if section not in _OPEN and not at_home:
                    self._problems.warn(
                        key.mark, joined(path, key), self._message(key, known)
                    )
            elif below is not None and not below.many:
                self.keys(below.section, value, joined(path, key))
            elif below is not None and isinstance(value, MapNode):
                for inner, item in value.entries.values():
                    self.keys(below.section, item, joined(joined(path, key), inner))

    def _message(self, key: ScalarNode, known: Mapping[str, object]) -> str:
        if key.secret or self._hints <= 0:
            return "unknown key"
        self._hints -= 1
        lower = {name.lower(): name for name in known}
        near = get_close_matches(key.text.lower()[:100], lower, n=1)
        return "unknown key" + (f", did you mean {lower[near[0]]}?" if near else "")


@cache
def keys_of(section: type[Section]) -> Mapping[str, _Below | None]:
    """
    The keys that a section knows, each with the sections below it.
    """
    return {
        field.alias or to_camel(name): _below(field.annotation, many=False)
        for name, field in section.model_fields.items()
    }


def _below(annotation: Any, many: bool) -> _Below | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return _Below(annotation, many)
    many = many or getattr(annotation, "__origin__", None) is dict
    for inner in get_args(annotation):
        found = _below(inner, many)
        if found is not None:
            return found
    return None
