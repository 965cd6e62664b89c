"""
What an expression of the matrix is, once it has been read and linked.

A tree holds model ids and no names: vars are replaced by their models, ``+name`` by the tree of that set.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """
    One model.
    """

    id: str


@dataclass(frozen=True, slots=True)
class And:
    """
    All parts together: a choice of each part, united.
    """

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """
    One of the parts, in the order in which they are written.
    """

    parts: tuple[Node, ...]


#: What an expression says.
Node = Model | And | Or


@dataclass(frozen=True, slots=True)
class NamedSet:
    """
    One set of the configuration.

    :ivar name: its name.
    :ivar expression_text: the expression as it is written in the configuration; for the log.
    :ivar node: the same, linked. A subtree that several places refer to is one object.
    """

    name: str
    expression_text: str
    node: Node
