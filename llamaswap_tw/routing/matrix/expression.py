"""
An expression over models: text → tree.

::

    expression = together ("|" together)*
    together   = atom ("&" atom)*
    atom       = NAME | "+" NAME | "(" expression ")"

``a & b`` lets both run, ``a | b`` one of them, ``+name`` stands for the expression
of another set.  A name has letters, digits, ``_``, ``-`` and ``.``; blanks do not
matter.

This module knows nobody: the configuration uses it to find mistakes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeAlias, TypeVar

#: The longest expression, in characters.
LENGTH_LIMIT = 100_000

#: How deep parentheses may be nested.
DEPTH_LIMIT = 100

#: How much of an expression is shown around a mistake.
_SHOWN = 60

_TOKEN = re.compile(r"\s*(?:([A-Za-z0-9_.-]+)|([&|()+])|(\S))")

T = TypeVar("T", covariant=True)


# Nodes are equal only to themselves: sets share them, and to compare what they
# hold would multiply the sets out.
@dataclass(frozen=True, eq=False, slots=True)
class And(Generic[T]):
    """
    All of the parts.
    """

    parts: tuple[T, ...] = field(repr=False)


@dataclass(frozen=True, eq=False, slots=True)
class Or(Generic[T]):
    """
    One of the parts; the first written comes first.
    """

    parts: tuple[T, ...] = field(repr=False)


@dataclass(frozen=True, eq=False, slots=True)
class Name:
    """
    A var or the id of a model.

    :ivar at: its place in the text, from 0 on.
    """

    text: str
    at: int


@dataclass(frozen=True, eq=False, slots=True)
class Reference:
    """
    What another set says.

    :ivar name: the other set's.
    :ivar at: the place of the name in the text, from 0 on.
    """

    name: str
    at: int


#: An expression as it was written.
Node: TypeAlias = "Name | Reference | And[Node] | Or[Node]"


class BadExpression(ValueError):
    """
    An expression that means nothing.

    :param reason: what is wrong, and what is allowed.
    :param text: the expression.
    :param at: the place of the mistake, from 0 on.
    """

    def __init__(self, reason: str, text: str, at: int) -> None:
        super().__init__(f"column {at + 1}: {reason}")
        self.reason = reason
        self.text = text
        self.at = at

    def pointed(self) -> tuple[str, str]:
        """
        The expression, or what is around the mistake, and beneath it a caret.
        """
        start = 0
        if len(self.text) > _SHOWN:
            start = max(0, min(self.at - _SHOWN // 2, len(self.text) - _SHOWN))
        shown = "".join(
            character if character.isprintable() else " "
            for character in self.text[start : start + _SHOWN]
        )
        before = "…" if start else ""
        after = "…" if start + _SHOWN < len(self.text) else ""
        return (
            f"{before}{shown.rstrip()}{after}",
            f"{' ' * (len(before) + self.at - start)}^",
        )


class _Token(NamedTuple):
    """
    :ivar kind: one of ``& | ( ) +``, ``name``, or ``""`` for the end.
    """

    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    for match in _TOKEN.finditer(text):
        name, sign, other = match.groups()
        if other:
            raise BadExpression(
                f"the character {other!r} cannot be used here; names have letters, "
                "digits, _ - and . (for other ids, declare a short name under vars)",
                text,
                match.start(3),
            )
        if name:
            found.append(_Token("name", name, match.start(1)))
        else:
            found.append(_Token(sign, sign, match.start(2)))
    found.append(_Token("", "", len(text.rstrip())))
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def parse(self) -> Node:
        if len(self._tokens) == 1:
            raise BadExpression(
                "the expression is empty; give models, like a & (b | c)", self._text, 0
            )
        node = self._expression()
        token = self._tokens[self._next]
        if token.kind == ")":
            raise self._wrong(token, "this parenthesis was never opened")
        if token.kind:
            raise self._wrong(token, "there must be & or | before this")
        return node

    def _wrong(self, token: _Token, reason: str) -> BadExpression:
        return BadExpression(reason, self._text, token.at)

    def _take(self, kind: str) -> _Token | None:
        token = self._tokens[self._next]
        if token.kind != kind:
            return None
        self._next += 1
        return token

    def _expression(self) -> Node:
        parts = [self._together()]
        while self._take("|"):
            parts.append(self._together())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _together(self) -> Node:
        parts = [self._atom()]
        while self._take("&"):
            parts.append(self._atom())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _atom(self) -> Node:
        token = self._tokens[self._next]
        self._next += 1
        if token.kind == "name":
            return Name(token.text, token.at)
        if token.kind == "+":
            name = self._take("name")
            if name is None:
                raise self._wrong(
                    self._tokens[self._next], "after + there must be a set's name"
                )
            return Reference(name.text, name.at)
        if token.kind != "(":
            what = repr(token.text) if token.kind else "the end"
            raise self._wrong(
                token, f"there must be a model, +set or ( here, not {what}"
            )
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise self._wrong(
                token, f"parentheses are nested more than {DEPTH_LIMIT} deep"
            )
        node = self._expression()
        self._depth -= 1
        if not self._take(")"):
            rest = self._tokens[self._next]
            raise self._wrong(
                rest,
                "there must be & or | before this"
                if rest.kind
                else "a parenthesis is missing: the one opened in column "
                f"{token.at + 1} is never closed",
            )
        return node


def parse(text: str) -> Node:
    """
    Read an expression.

    :raises BadExpression: with the first mistake in it.
    """
    if len(text) > LENGTH_LIMIT:
        raise BadExpression(
            f"the expression is longer than {LENGTH_LIMIT} characters", text, 0
        )
    return _Parser(text).parse()
