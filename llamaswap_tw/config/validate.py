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
from .nodes import MapNode, Node, joined, locate, without

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
    _unknown_keys(File, root, "", problems)
    tree: Node = root
    while True:
        try:
            return File.model_validate(tree)
        except ValidationError as e:
            mistakes = e.errors(include_url=False, include_input=False)
        for mistake in mistakes:
            keys = mistake["loc"]
            if mistake["type"] != BROKEN:
                mark, path = locate(root, keys)
                problems.error(mark, path, _message(mistake))
            before, tree = tree, without(tree, keys)
            if tree is before and mistake is mistakes[0]:
                raise AssertionError(f"no way to go on without {keys}")


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


def _unknown_keys(
    section: type[Section], node: Node, path: str, problems: Problems
) -> None:
    if not isinstance(node, MapNode):
        return
    known = keys_of(section)
    for key, value in node.entries.values():
        below = known.get(key.text)
        if key.text not in known:
            # At the top, x-something is a home for anchors.
            at_home = section is File and key.text.startswith("x-")
            if section not in _OPEN and not at_home:
                problems.warn(
                    key.mark, joined(path, key), _unknown(key.text, key.secret, known)
                )
        elif below is not None and not below.many:
            _unknown_keys(below.section, value, joined(path, key), problems)
        elif below is not None and isinstance(value, MapNode):
            for inner, item in value.entries.values():
                _unknown_keys(
                    below.section, item, joined(joined(path, key), inner), problems
                )


def _unknown(name: str, secret: bool, known: Mapping[str, object]) -> str:
    lower = {key.lower(): key for key in known}
    near = [] if secret else get_close_matches(name.lower()[:100], lower, n=1)
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
