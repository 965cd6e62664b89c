"""
Macros: what ``${NAME}`` stands for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import NamedTuple, TypeAlias

from .errors import Problems
from .nodes import MapNode, Node, ScalarNode, is_null, joined, kind_of, quoted
from .scalars import go_text

#: What a macro can be.
MacroValue: TypeAlias = "str | int | float | bool"

#: Names that are not for the user to define.
RESERVED = ("PID", "PORT", "MODEL_ID")

_LONGEST_NAME = 63

#: How many unknown names are compared with the known ones: that takes long.
_MOST_HINTS = 40

#: How many characters all expansions together may come to.
BUDGET = 64 * 1024 * 1024

_NAME = re.compile(r"[a-zA-Z0-9_-]+")

#: A use of a macro; one of the environment is left only where it is not set.
_USE = re.compile(r"\$\{([a-zA-Z0-9_-]+|env\.[a-zA-Z_][a-zA-Z0-9_]*)\}")


class Macro(NamedTuple):
    """
    A macro as it was declared.

    :ivar node: its value.
    :ivar stands: it may use the macros that are seen before this place.
    :ivar seen: its place for those that use it.
    :ivar hidden: whether its name may come from the environment.
    """

    node: ScalarNode
    stands: int
    seen: int
    hidden: bool


class _Expanded(NamedTuple):
    """
    A value with its macros expanded.

    :ivar secret: whether a value from the environment went into it.
    :ivar missing: for each name that is not known, the macro that it was in.
    """

    value: MacroValue
    secret: bool = False
    missing: tuple[tuple[str, str], ...] = ()


class TooMuch(Exception):
    """
    The expansions come to more than `BUDGET`.
    """


@dataclass
class Budget:
    """
    What all expansions together may still cost.

    :ivar left: what may be expanded, in characters.
    :ivar hints: how many unknown names are compared with the known ones.
    """

    left: int = BUDGET
    hints: int = _MOST_HINTS

    def spend(self, size: int) -> None:
        """
        :raises TooMuch: if that is more than is left.
        """
        self.left -= size
        if self.left < 0:
            raise TooMuch

    def nearest(self, name: str, known: Collection[str]) -> str:
        """
        The known name that an unknown one may have meant, or ``""``.
        """
        self.hints -= 1
        if self.hints < 0:
            return ""
        lower = {each.lower(): each for each in sorted(known)}
        near = get_close_matches(name.lower()[:_LONGEST_NAME], lower, n=1)
        return lower[near[0]] if near else ""


def declare(
    node: Node | None, path: str, base: Mapping[str, Macro], problems: Problems
) -> dict[str, Macro]:
    """
    Read a ``macros`` mapping.

    :param node: the mapping, or `None` where there is none.
    :param path: where it is.
    :param base: macros that these are laid over.
    :param problems: takes what is wrong with them.
    :returns: all of them, by name.
    """
    macros = dict(base)
    if node is None or is_null(node):
        return macros
    if not isinstance(node, MapNode):
        problems.error(
            node.mark,
            path,
            f"must be a mapping of names to values, not {kind_of(node)}",
        )
        return macros
    place = max((macro.stands for macro in base.values()), default=0)
    for name, (key, value) in node.entries.items():
        place += 1
        wrong = _what_is_wrong(name, key, value)
        if wrong:
            problems.error(key.mark, joined(path, key), wrong)
            # So that its uses are not complained about as well.
            value = ScalarNode(key.mark, "", "", broken=True)
        assert isinstance(value, ScalarNode)
        seen = base[name].seen if name in base else place
        macros[name] = Macro(replace(value, mark=key.mark), place, seen, key.secret)
    return macros


def _what_is_wrong(name: str, key: ScalarNode, value: Node) -> str:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        return (
            "a macro's name has letters, digits, _ and - only, and at most "
            f"{_LONGEST_NAME} of them"
        )
    if name in RESERVED:
        return f"{name} is reserved; {', '.join(RESERVED)} are filled in by us"
    if not isinstance(value, ScalarNode) or value.value is None:
        return f"must be text, a number, true or false, not {kind_of(value)}"
    if isinstance(value.value, str) and f"${{{name}}}" in value.value:
        return f"a macro cannot use itself: ${{{quoted(key)[1:-1]}}} is in its value"
    return ""


class Scope:
    """
    The macros that hold at one place of the configuration.

    :param macros: as declared.
    :param given: values that we fill in: the model's id, its port.
    :param budget: what may be expanded.
    :param kept: names that may stay as they are.
    """

    def __init__(
        self,
        macros: Mapping[str, Macro],
        given: Mapping[str, ScalarNode],
        budget: Budget,
        kept: tuple[str, ...] = (),
    ) -> None:
        self._macros = macros
        self._given = given
        self._budget = budget
        self._kept = kept
        self._known: dict[str, _Expanded] = {}
        self._under_way: set[str] = set()

    def expand(self, node: ScalarNode, path: str, problems: Problems) -> ScalarNode:
        """
        A scalar with its macros expanded.

        :param path: where it is.
        :param problems: takes names that are not known.
        """
        if node.broken or not isinstance(node.value, str) or "${" not in node.value:
            return node
        value, secret, missing = self._expand(node.value, "", None)
        secret = secret or node.secret
        broken = False
        for name, macro in missing:
            if name in self._kept and not macro:
                continue
            broken = True
            if name:
                problems.error(
                    node.mark,
                    path,
                    self._complaint(name, macro, secret),
                    doubtful=name not in RESERVED,
                )
        return ScalarNode(node.mark, go_text(value), value, secret, broken)

    def _complaint(self, name: str, macro: str, secret: bool) -> str:
        if secret:
            # Even a name may be a part of the environment's value.
            return "a macro in it is not known; the text comes from the environment"
        where = f" (in the macro {macro})" if macro else ""
        if name.startswith("env."):
            return f"the environment variable {name[4:]} is not set{where}"
        if name == "PORT":
            return (
                f"${{PORT}}{where} has no value here; it is only available to a model "
                "whose cmd holds it"
            )
        if name == "PID":
            return f"${{PID}}{where} is only available in cmdStop"
        if name == "MODEL_ID":
            return f"${{MODEL_ID}}{where} is only available to a model"
        if macro and name in self._macros:
            return (
                f"unknown macro ${{{name}}}{where}; a macro can only use those that "
                "are declared before it"
            )
        known = {each for each, macro in self._macros.items() if not macro.hidden}
        if self._given:
            known.update(("PORT", "MODEL_ID"), self._kept)
        near = self._budget.nearest(name, known)
        return f"unknown macro ${{{name}}}{where}" + (
            f", did you mean ${{{near}}}?" if near else "; declare it under macros"
        )

    def _expand(self, text: str, macro: str, before: int | None) -> _Expanded:
        """
        :param macro: the one whose value this is, or ``""``.
        :param before: the place before which a macro must be seen.
        """
        pieces: list[str] = []
        secret, missing = False, []
        end = 0
        for match in _USE.finditer(text):
            name = match[1]
            found = self._look_up(name, before)
            if found is None:
                missing.append((name, "" if name in self._kept else macro))
                continue
            if match[0] == text:
                return found
            secret = secret or found.secret
            missing += found.missing
            pieces += (text[end : match.start()], go_text(found.value))
            end = match.end()
        if not pieces:
            return _Expanded(text, secret, tuple(missing))
        pieces.append(text[end:])
        # Before they are joined: one text may name a large macro many times.
        self._budget.spend(sum(map(len, pieces)))
        return _Expanded("".join(pieces), secret, tuple(dict.fromkeys(missing)))

    def _look_up(self, name: str, before: int | None) -> _Expanded | None:
        if name in self._given:
            given = self._given[name]
            assert given.value is not None
            return _Expanded(given.value, given.secret)
        macro = self._macros.get(name)
        if macro is None or (before is not None and macro.seen >= before):
            return None
        if name in self._known:
            return self._known[name]
        if name in self._under_way:
            return None
        node = macro.node
        assert node.value is not None
        if node.broken:
            found = _Expanded("", node.secret, (("", name),))
        elif isinstance(node.value, str):
            self._under_way.add(name)
            found = self._expand(node.value, name, macro.stands)
            self._under_way.discard(name)
            found = found._replace(secret=found.secret or node.secret)
        else:
            found = _Expanded(node.value, node.secret)
        self._known[name] = found
        return found
