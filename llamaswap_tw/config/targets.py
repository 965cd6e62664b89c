"""
What a name may stand for: a model, a peer's model, a selector.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from .names import Names
from .schema import PeerModel


class Target(NamedTuple):
    """
    What a name stands for.

    :ivar model: the id of a model of ours, or ``""``.
    :ivar peer: a peer's model, or `None`; neither is there for a selector.
    """

    model: str = ""
    peer: PeerModel | None = None

    @property
    def is_selector(self) -> bool:
        """
        Whether it is a selector.
        """
        return not self.model and self.peer is None


class Targets:
    """
    All names that can be asked for.

    :param names: those of the models.
    :param peer_models: those of the peers' models, where they are not ours.
    :param selectors: the selectors' ids, also of those that are no good.
    :ivar names: as given.
    :ivar peer_models: as given.
    """

    def __init__(
        self,
        names: Names,
        peer_models: Mapping[str, PeerModel],
        selectors: Collection[str],
    ) -> None:
        self.names = names
        self.peer_models = peer_models
        self._selectors = frozenset(selectors)

    def find(self, name: str) -> Target | None:
        """
        What a name stands for.
        """
        # A selector has no name of a model; where one does, that is an error.
        model_id = self.names.resolve(name)
        if model_id is not None:
            return Target(model_id)
        if name in self._selectors:
            return Target()
        peer = self.peer_models.get(name)
        return None if peer is None else Target(peer=peer)

    def clash(self, name: str) -> str:
        """
        What has this name already and is no selector, in words, or ``""``.  A
        peer's model counts by its qualified name only: the bare one yields.
        """
        if name in self.names.ids:
            return "the id of a model"
        if name in self.names.aliases:
            return "an alias of a model"
        return self.reserved(name)

    def reserved(self, name: str) -> str:
        """
        The same, for peers' models only.
        """
        peer = self.peer_models.get(name)
        if peer is not None and name == f"{peer.peer}/{peer.model}":
            return "the qualified name of a peer's model"
        return ""
