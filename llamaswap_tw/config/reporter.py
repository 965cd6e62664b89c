"""
Where things are in the tree, and complaints about them.
"""

from __future__ import annotations

from .errors import Problems
from .nodes import (
    ListNode,
    MapNode,
    Node,
    Place,
    ScalarNode,
    is_null,
    locate,
    quoted,
    shown,
)


class Reporter:
    """
    Complains about values by the way to them: keys, and indices of lists.

    :param root: the whole tree, with its macros expanded.
    :param problems: takes what is wrong.
    """

    def __init__(self, root: MapNode, problems: Problems) -> None:
        self.root = root
        self.problems = problems

    def place(self, *keys: str | int) -> Place:
        """
        The line and the path of a value.
        """
        return locate(self.root, keys)

    def error(self, message: str, *keys: str | int, doubtful: bool = False) -> None:
        """
        Note what makes the configuration unusable.

        :param doubtful: whether it is only wrong if everything was read.
        """
        self.problems.error(*self.place(*keys), message, doubtful=doubtful)

    def warn(self, message: str, *keys: str | int, doubtful: bool = False) -> None:
        """
        Note what is odd, but harmless.

        :param doubtful: whether it is only odd if everything was read.
        """
        self.problems.warn(*self.place(*keys), message, doubtful=doubtful)

    def node(self, *keys: str | int) -> Node | None:
        """
        What is there, or `None`.
        """
        node: Node | None = self.root
        for key in keys:
            if isinstance(key, int):
                if not isinstance(node, ListNode) or key >= len(node.items):
                    return None
                node = node.items[key]
            elif isinstance(node, MapNode) and key in node.entries:
                node = node.entries[key].value
            else:
                return None
        return node

    def given(self, *keys: str | int) -> bool:
        """
        Whether there is anything, be it of use or not.
        """
        node = self.node(*keys)
        return node is not None and not is_null(node)

    def keys(self, *keys: str | int) -> tuple[str, ...]:
        """
        The keys of a mapping, also those whose values are of no use.
        """
        node = self.node(*keys)
        return tuple(node.entries) if isinstance(node, MapNode) else ()

    def length(self, *keys: str | int) -> int:
        """
        How many items a list has, also those that are of no use.
        """
        node = self.node(*keys)
        return len(node.items) if isinstance(node, ListNode) else 0

    def is_mapping(self, *keys: str | int) -> bool:
        """
        Whether it is a mapping, or absent.
        """
        return not self.given(*keys) or isinstance(self.node(*keys), MapNode)

    def is_lost(self, *keys: str | int) -> bool:
        """
        Whether something is there, but no list where one is wanted; that was
        complained about.
        """
        return self.given(*keys) and not isinstance(self.node(*keys), ListNode)

    def text(self, *keys: str | int) -> str:
        """
        A scalar for a message: quoted, on one line, without secrets.
        """
        node = self.node(*keys)
        return quoted(node) if isinstance(node, ScalarNode) else ""

    def is_secret(self, *keys: str | int) -> bool:
        """
        Whether the value may come from the environment.
        """
        node = self.node(*keys)
        return isinstance(node, ScalarNode) and node.secret

    def key(self, *keys: str) -> str:
        """
        The last of these keys for a message, without secrets.
        """
        parent = self.node(*keys[:-1])
        if isinstance(parent, MapNode) and keys[-1] in parent.entries:
            return shown(parent.entries[keys[-1]].key)
        return repr(keys[-1])

    def quoted_key(self, *keys: str) -> str:
        """
        The same, in quotes.
        """
        parent = self.node(*keys[:-1])
        if isinstance(parent, MapNode) and keys[-1] in parent.entries:
            return quoted(parent.entries[keys[-1]].key)
        return repr(keys[-1])
