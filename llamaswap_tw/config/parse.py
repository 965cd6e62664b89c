"""
A source's text → a tree of nodes, as Go's ``yaml.v3`` reads it.

YAML's events are taken one by one, with a stack of our own: a hostile file
meets a limit on depth and on what its aliases expand to before it fills the
stack or the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from .errors import Mark, Problems
from .nodes import Entry, ListNode, MapNode, Node, ScalarNode, joined, kind_of
from .scalars import plain_value, tagged_value

#: libyaml's parser where PyYAML was built with it: twenty times as fast.
LOADER: Any = getattr(yaml, "CLoader", yaml.Loader)

#: How deep lists and mappings may be nested, aliases expanded.
DEPTH_LIMIT = 100

#: How many values there may be, aliases expanded.
NODE_LIMIT = 200_000

_MERGE = "<<"

#: What libyaml (0.2.6 and later) says at its own limit of 1000 levels: it reads a line
#: ahead of its events, so that it can meet its limit before we are told of ours.
_LIBRARY_TOO_DEEP = "exceeded maximum nesting depth"


class _Hopeless(Exception):
    """
    The rest of the source cannot be read; the reason was noted.
    """


class _Measured(NamedTuple):
    """
    A node, and what it expands to.
    """

    node: Node
    size: int
    depth: int


@dataclass
class _Frame:
    """
    A list or mapping that is not yet at its end.
    """

    mark: Mark
    is_map: bool
    anchor: str | None
    nodes: list[Node] = field(default_factory=list)
    merges: set[int] = field(default_factory=set)
    size: int = 1
    depth: int = 1


def _advice(problem: str, text: str, at: Any) -> str:
    """
    The way out of a mistake of which the library's words tell little.

    :param problem: these words.
    :param at: where it found it, or `None`.
    """
    if at is None or "cannot start any token" not in problem:
        return ""
    line = "".join(text.splitlines()[at.line : at.line + 1])
    if line[at.column : at.column + 1] == "\t":
        return ": it is a tab; indent with spaces"
    return ": put a value that begins with it in quotes"


class _Parser:
    def __init__(
        self,
        file: str,
        problems: Problems,
        secrets: Mapping[int, Sequence[tuple[int, int]]],
        hole: str,
    ) -> None:
        self._file = file
        self._hole = hole
        self._secrets = secrets
        self._problems = problems
        self._anchors: dict[str, _Measured | None] = {}
        self._frames: list[_Frame] = []

    def parse(self, text: str) -> Node | None:
        """
        :returns: the first document, or `None` where there is none.
        """
        root: Node | None = None
        for event in self._events(text):
            if isinstance(event, yaml.DocumentEndEvent):
                break
            whole = self._take(event)
            if whole is None:
                continue
            if not self._frames:
                root = whole.node
                continue
            frame = self._frames[-1]
            frame.nodes.append(whole.node)
            frame.size += whole.size
            frame.depth = max(frame.depth, whole.depth + 1)
            if frame.size > NODE_LIMIT:
                self._give_up(
                    frame.mark,
                    f"more than {NODE_LIMIT} values, with all aliases expanded",
                )
            if len(self._frames) - 1 + frame.depth > DEPTH_LIMIT:
                self._too_deep(frame.mark)
        return root

    def _events(self, text: str) -> Iterator[Any]:
        try:
            yield from yaml.parse(text, Loader=LOADER)
        except yaml.MarkedYAMLError as e:
            at = e.problem_mark or e.context_mark
            said = ", ".join(part for part in (e.context, e.problem) if part)
            said += _advice(said, text, at)
            mark = Mark(self._file, 0 if at is None else at.line + 1)
            if e.problem == _LIBRARY_TOO_DEEP:
                self._too_deep(mark)
            self._give_up(mark, f"not valid YAML: {said}")
        except yaml.reader.ReaderError as e:
            before = text.encode()[: e.position].decode("utf-8", "ignore")
            self._give_up(
                Mark(self._file, before.count("\n") + 1), f"not valid YAML: {e.reason}"
            )

    def _give_up(self, mark: Mark, message: str) -> None:
        self._problems.error(mark, "", message)
        raise _Hopeless

    def _too_deep(self, mark: Mark) -> None:
        self._give_up(mark, f"nested more than {DEPTH_LIMIT} levels deep")

    def _take(self, event: Any) -> _Measured | None:
        """
        :returns: the node that is complete with this event.
        """
        if isinstance(event, yaml.ScalarEvent):
            whole = _Measured(self._scalar(event), 1, 1)
            if event.anchor:
                self._anchors[event.anchor] = whole
            return whole
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if isinstance(event, yaml.CollectionStartEvent):
            is_map = isinstance(event, yaml.MappingStartEvent)
            self._frames.append(_Frame(self._mark(event), is_map, event.anchor))
            if event.anchor:
                self._anchors[event.anchor] = None
            if len(self._frames) > DEPTH_LIMIT:
                self._too_deep(self._mark(event))
            return None
        if isinstance(event, yaml.CollectionEndEvent):
            frame = self._frames.pop()
            node: Node = (
                self._mapping(frame)
                if frame.is_map
                else ListNode(frame.mark, tuple(frame.nodes))
            )
            whole = _Measured(node, frame.size, frame.depth)
            if frame.anchor:
                self._anchors[frame.anchor] = whole
            return whole
        return None

    def _mark(self, event: Any) -> Mark:
        return Mark(self._file, event.start_mark.line + 1)

    def _alias(self, event: Any) -> _Measured:
        whole = self._anchors.get(event.anchor)
        if whole is None:
            mark = self._mark(event)
            # The name may come from the environment.
            name = "" if self._is_secret(event) else f" *{event.anchor}"
            self._give_up(
                mark,
                f"the alias{name} is inside what it stands for"
                if event.anchor in self._anchors
                else f"the alias{name} stands for nothing; its anchor (&) must come "
                "before it",
            )
        assert whole is not None
        return whole

    def _is_secret(self, event: Any) -> bool:
        """
        Whether any of it may come from the environment; what touches that may too.
        """
        start, end = event.start_mark, event.end_mark
        begins, ends = (start.line, start.column), (end.line, end.column)
        return any(
            (line, first - 1) <= ends and (line, behind + 1) >= begins
            for line in range(start.line, end.line + 1)
            for first, behind in self._secrets.get(line + 1, ())
        )

    def _scalar(self, event: Any) -> ScalarNode:
        mark, text = self._mark(event), event.value
        secret = bool(self._secrets) and self._is_secret(event)
        tag = event.tag
        if self._hole and self._hole in text:
            return ScalarNode(mark, text, text, secret, broken=True)
        if tag is None and not event.style:
            if self._frames and text == _MERGE:
                frame = self._frames[-1]
                if frame.is_map and len(frame.nodes) % 2 == 0:
                    frame.merges.add(len(frame.nodes))
            return ScalarNode(mark, text, plain_value(text), secret)
        if tag is None:
            return ScalarNode(mark, text, text, secret)
        try:
            return ScalarNode(mark, text, tagged_value(tag, text), secret)
        except ValueError as e:
            shown = "" if secret else f" !!{e}"
            self._problems.error(
                mark, self._path(), f"the tag{shown} does not fit this value"
            )
            return ScalarNode(mark, text, text, secret, broken=True)

    def _path(self) -> str:
        """
        The path of the value that comes next.
        """
        path = ""
        for frame in self._frames:
            if not frame.is_map:
                path += f"[{len(frame.nodes)}]"
            elif len(frame.nodes) % 2:
                key = frame.nodes[-1]
                if isinstance(key, ScalarNode):
                    path = joined(path, key)
        return path

    def _mapping(self, frame: _Frame) -> MapNode:
        pairs = list(zip(frame.nodes[::2], frame.nodes[1::2], strict=True))
        entries: dict[str, Entry] = {}
        own: dict[str, int] = {}
        for number, (key, value) in enumerate(pairs):
            if not isinstance(key, ScalarNode):
                self._problems.error(
                    key.mark,
                    self._path(),
                    f"a key must be a single value, not {kind_of(key)}",
                )
            elif key.text in own:
                self._problems.error(
                    key.mark,
                    joined(self._path(), key),
                    f"this key is repeated; it is in line {own[key.text]} already",
                )
            else:
                own[key.text] = key.mark.line
                if 2 * number in frame.merges:
                    for entry in self._merged(value):
                        entries.setdefault(entry.key.text, entry)
                else:
                    entries[key.text] = Entry(key, value)
        return MapNode(frame.mark, entries)

    def _merged(self, value: Node) -> Iterator[Entry]:
        for source in value.items if isinstance(value, ListNode) else (value,):
            if isinstance(source, MapNode):
                yield from source.entries.values()
            else:
                self._problems.error(
                    value.mark,
                    joined(self._path(), ScalarNode(value.mark, _MERGE, _MERGE)),
                    "only a mapping, or a list of mappings, can be merged in, not "
                    f"{kind_of(source)}",
                )


def parse(
    text: str,
    file: str,
    problems: Problems,
    secrets: Mapping[int, Sequence[tuple[int, int]]] | None = None,
    hole: str = "",
) -> Node | None:
    """
    Read a source.

    :param text: YAML; only its first document counts.
    :param file: its name, for messages.
    :param problems: takes what is wrong with it.
    :param secrets: by line, the columns whose values no message may show.
    :param hole: what is in values that were complained about already.
    :returns: the tree; `None` where it is empty or cannot be read on.
    """
    try:
        return _Parser(file, problems, secrets or {}, hole).parse(text)
    except _Hopeless:
        return None
