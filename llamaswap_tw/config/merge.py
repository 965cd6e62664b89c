"""
Several files' trees → one.
"""

from __future__ import annotations

from collections.abc import Iterable

from .errors import Mark, Problems
from .nodes import Entry, ListNode, MapNode, Node, ScalarNode, is_null, joined, kind_of

#: Where each key belongs to one file.
_ONE_FILE = frozenset(
    {
        ("models",),
        ("groups",),
        ("profiles",),
        ("selectors",),
        ("peers",),
        ("matrix",),
        ("routing", "router", "settings", "groups"),
        ("routing", "router", "settings", "matrix"),
    }
)


def merge(trees: Iterable[MapNode], problems: Problems) -> MapNode | None:
    """
    Make one tree.

    :param trees: in the order of their files.
    :param problems: takes what does not fit together.
    :returns: `None` where there are none.
    """
    whole: MapNode | None = None
    for tree in trees:
        whole = tree if whole is None else _mappings(whole, tree, (), "", problems)
    return whole


def _mappings(
    first: MapNode,
    second: MapNode,
    keys: tuple[str, ...],
    path: str,
    problems: Problems,
) -> MapNode:
    """
    :param keys: the way to both, and as a path for messages.
    """
    entries = dict(first.entries)
    for name, (key, value) in second.entries.items():
        below = joined(path, key)
        if name not in entries:
            entries[name] = Entry(key, value)
        elif keys in _ONE_FILE:
            problems.error(
                key.mark,
                below,
                f"is in {_where(entries[name].key.mark)} already; it can be in one "
                "file only",
            )
        elif not keys and name.startswith("x-"):
            # A home for anchors, which are each file's own.
            continue
        else:
            entries[name] = _entries(
                entries[name], Entry(key, value), (*keys, name), below, problems
            )
    return MapNode(first.mark, entries)


def _entries(
    first: Entry, second: Entry, keys: tuple[str, ...], path: str, problems: Problems
) -> Entry:
    a, b = first.value, second.value
    if _is_broken(b) or is_null(b):
        return first
    if _is_broken(a) or is_null(a):
        return second
    if isinstance(a, MapNode) and isinstance(b, MapNode):
        return first._replace(value=_mappings(a, b, keys, path, problems))
    if isinstance(a, ListNode) and isinstance(b, ListNode):
        return first._replace(value=ListNode(a.mark, a.items + b.items))
    where = _where(first.key.mark)
    if not (isinstance(a, ScalarNode) and isinstance(b, ScalarNode)):
        problems.error(
            second.key.mark,
            path,
            f"is {kind_of(b)} here, but {kind_of(a)} in {where}; it must be the same "
            "in all files",
        )
    elif not _are_equal(a, b):
        problems.error(
            second.key.mark,
            path,
            f"has another value in {where}; it can be in several files only with the "
            "same value",
        )
    return first


def _is_broken(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.broken


def _are_equal(a: ScalarNode, b: ScalarNode) -> bool:
    # 5 and 5.0 are; "5" and 5, or 1 and true, are not.
    numbers = [
        isinstance(node.value, int | float) and not isinstance(node.value, bool)
        for node in (a, b)
    ]
    if numbers[0] != numbers[1] or (
        type(a.value) is not type(b.value) and not all(numbers)
    ):
        return False
    return a.value == b.value or a.text == b.text


def _where(mark: Mark) -> str:
    return f"{mark.file}:{mark.line}"
