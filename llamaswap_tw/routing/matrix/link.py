"""
Sets as they were written → sets of models, their references resolved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from . import expression
from .expression import And, BadExpression, Name, Or, Reference, parse

#: How many characters all expressions together may have.
TOTAL_LIMIT = 1_000_000

#: How many circles are told, and how many sets of each.
_MOST_CIRCLES = 10


@dataclass(frozen=True, eq=False, slots=True)
class Model:
    """
    A model.
    """

    id: str


#: A linked expression.  It is a graph without circles rather than a tree: what a
#: set says is there once, however many others refer to it.
Linked: TypeAlias = "Model | And[Linked] | Or[Linked]"


@dataclass(frozen=True, eq=False, slots=True)
class LinkedSet:
    """
    A set.

    :ivar name: its name.
    :ivar text: its expression as it was written.
    :ivar node: what it says.
    """

    name: str
    text: str
    node: Linked = field(repr=False)


class Mistake(Enum):
    """
    What can be wrong with a set.
    """

    SYNTAX = "it cannot be parsed"
    UNKNOWN = "a name in it is neither a var nor a model"
    UNDEFINED = "it refers to a set that there is not"
    CIRCULAR = "it refers to itself"
    TOO_MUCH = "all sets together are too long"


class BadSet(BadExpression):
    """
    A set that means nothing.

    :ivar set: its name.
    :ivar mistake: what kind of mistake it is.
    :ivar name: the name that it is about, or ``""``.
    """

    def __init__(
        self,
        set_name: str,
        mistake: Mistake,
        name: str,
        reason: str,
        text: str,
        at: int,
    ) -> None:
        super().__init__(reason, text, at)
        self.set = set_name
        self.mistake = mistake
        self.name = name


class BadSets(ValueError):
    """
    Sets that cannot be linked.

    :param errors: every mistake that was found.
    """

    def __init__(self, errors: Iterable[BadSet]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"set {e.set!r}: {e}" for e in self.errors))


class _Linker:
    def __init__(
        self,
        sets: Mapping[str, str],
        names: Mapping[str, str],
        models: Collection[str],
    ) -> None:
        self._sets = sets
        self._names = names
        self._models = models
        self._models_made: dict[str, Model] = {}
        self._parsed: dict[str, expression.Node] = {}
        self._linked: dict[str, Linked] = {}
        self._errors: list[BadSet] = []
        self._circles = 0

    def link(self) -> tuple[LinkedSet, ...]:
        left = TOTAL_LIMIT
        for name, text in self._sets.items():
            left -= len(text)
            if left < 0:
                self._wrong(
                    name,
                    Mistake.TOO_MUCH,
                    "",
                    f"all sets together are longer than {TOTAL_LIMIT} characters",
                    0,
                )
                break
            try:
                self._parsed[name] = parse(text)
            except BadExpression as e:
                self._wrong(name, Mistake.SYNTAX, "", e.reason, e.at)
        order = self._order()
        for name in order:
            self._linked[name] = self._node(name, self._parsed[name])
        if self._errors:
            raise BadSets(self._errors)
        return tuple(
            LinkedSet(name, self._sets[name], self._linked[name]) for name in order
        )

    def _wrong(
        self, set_name: str, mistake: Mistake, name: str, reason: str, at: int
    ) -> None:
        self._errors.append(
            BadSet(set_name, mistake, name, reason, self._sets[set_name], at)
        )

    def _order(self) -> list[str]:
        """
        The sets as they were defined, but each after those that it refers to.
        """
        order: list[str] = []
        #: A set under way → what it refers to and was not looked at yet.
        under_way: dict[str, Iterator[Reference]] = {}
        done: set[str] = set()
        for first in self._parsed:
            if first in done:
                continue
            under_way[first] = _references(self._parsed[first])
            while under_way:
                name, references = next(reversed(under_way.items()))
                for reference in references:
                    other = reference.name
                    if other in under_way:
                        self._circular(name, reference, under_way)
                    elif other in self._parsed and other not in done:
                        under_way[other] = _references(self._parsed[other])
                        break
                else:
                    del under_way[name]
                    done.add(name)
                    order.append(name)
        return order

    def _circular(
        self, set_name: str, reference: Reference, under_way: Iterable[str]
    ) -> None:
        reason = "the reference is circular"
        # To tell the way takes time; after a few, the user has got the idea.
        if self._circles < _MOST_CIRCLES:
            self._circles += 1
            way = [*under_way]
            way = way[way.index(reference.name) :]
            if len(way) > _MOST_CIRCLES:
                way = [*way[:5], "…", *way[-5:]]
            reason += f": {' → '.join([*way, reference.name])}"
        self._wrong(set_name, Mistake.CIRCULAR, reference.name, reason, reference.at)

    def _node(self, set_name: str, node: expression.Node) -> Linked:
        if isinstance(node, And):
            return And(tuple(self._node(set_name, part) for part in node.parts))
        if isinstance(node, Or):
            return Or(tuple(self._node(set_name, part) for part in node.parts))
        if isinstance(node, Reference):
            if node.name not in self._sets:
                self._wrong(
                    set_name,
                    Mistake.UNDEFINED,
                    node.name,
                    f"there is no set {node.name!r} to refer to",
                    node.at,
                )
            # Of one that is wrong nothing is made: its error was noted.
            return self._linked.get(node.name) or Model("")
        return self._model(set_name, node)

    def _model(self, set_name: str, name: Name) -> Model:
        model_id = self._names.get(name.text)
        if model_id is None:
            model_id = name.text
            if model_id not in self._models:
                self._wrong(
                    set_name,
                    Mistake.UNKNOWN,
                    name.text,
                    f"{name.text!r} is neither a var nor the id of a model",
                    name.at,
                )
        return self._models_made.setdefault(model_id, Model(model_id))


def _references(node: expression.Node) -> Iterator[Reference]:
    if isinstance(node, Reference):
        yield node
    elif isinstance(node, And | Or):
        for part in node.parts:
            yield from _references(part)


def link(
    sets: Mapping[str, str], names: Mapping[str, str], models: Collection[str]
) -> tuple[LinkedSet, ...]:
    """
    Make sets of models.

    :param sets: name → expression, in the order of their definition.
    :param names: short name → a model's id; one wins over a model of that id.
    :param models: the ids of all models.
    :returns: the sets in the order that decides a tie: as they were defined, but
        that a set comes after those that it refers to.  Whoever remembers what it
        made of a node, and goes through the sets in order, never follows a chain
        of references.
    :raises BadSets: with every mistake.
    """
    return _Linker(sets, names, models).link()


def models_of(node: Linked) -> frozenset[str]:
    """
    The ids of all models that an expression names.
    """
    found: set[str] = set()
    seen: set[Linked] = set()
    waiting: list[Linked] = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Model):
            found.add(node.id)
        elif node not in seen:
            seen.add(node)
            waiting.extend(node.parts)
    return frozenset(found)


def naming(sets: Iterable[LinkedSet], model_id: str) -> list[LinkedSet]:
    """
    Those that name a model, themselves or by what they refer to.

    :param sets: as `link` returns them.
    :param model_id: the model's id.
    """
    known: dict[Linked, bool] = {}

    def names(node: Linked) -> bool:
        if isinstance(node, Model):
            return node.id == model_id
        found = known.get(node)
        if found is None:
            found = known[node] = any(names(part) for part in node.parts)
        return found

    return [one for one in sets if names(one.node)]
