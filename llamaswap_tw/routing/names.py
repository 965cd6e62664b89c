"""
Which name stands for which model, before profiles and selectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from ..config.schema import Config, PeerModel

#: Longer names are not compared with the known ones: that takes long.
_LONGEST_NAME = 200


class LocalModel(NamedTuple):
    """
    A model of ours.

    :ivar id: its id.
    """

    id: str


#: What a request goes to in the end.
Target: TypeAlias = "LocalModel | PeerModel"


class Found:
    """
    What a name stands for, for one request.

    :param target: the model, ours or a peer's.
    :param asked: the name after profile and selector, as the configuration or
        the client writes it: the key of ``setParamsByID``.
    :param ended: called once when the request is over, where somebody counts it.
    :param selector: the id of the selector that chose it, if one did.
    :ivar target: as given.
    :ivar asked: as given.
    :ivar selector: as given.
    """

    __slots__ = ("_ended", "asked", "selector", "target")

    def __init__(
        self,
        target: Target,
        asked: str,
        ended: Callable[[], None] | None = None,
        selector: str | None = None,
    ) -> None:
        self.target = target
        self.asked = asked
        self.selector = selector
        self._ended = ended

    def __repr__(self) -> str:
        return f"<Found {self.target} asked for as {self.asked!r}>"

    def release(self) -> None:
        """
        The request is over, however it ended.  Once is enough.
        """
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()


class Names:
    """
    The names of all models, ours and those of peers.

    :param config: what is configured.
    """

    def __init__(self, config: Config) -> None:
        # From the weakest name to the strongest: an alias beats the bare name of
        # a peer's model, an id beats both.
        targets: dict[str, Target] = {
            **config.peer_models,
            **{alias: LocalModel(its) for alias, its in config.aliases.items()},
            **{model_id: LocalModel(model_id) for model_id in config.models},
        }
        # Nobody counts these requests, so that all of a name can share one.
        self._found = {name: Found(target, name) for name, target in targets.items()}
        self._unlisted = {
            model_id for model_id, model in config.models.items() if model.unlisted
        }

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def find(self, name: str) -> Found | None:
        """
        Find a model.

        :param name: an id, an alias, or a name of a peer's model.
        :returns: the model, whose release is without effect, or `None` if there
            is none of that name.
        """
        return self._found.get(name)

    def of_peers(self, bare: str) -> list[str]:
        """
        The names of peers' models that the peers call so: of a bare name that
        several peers have, what was meant.
        """
        return [
            name
            for name, found in self._found.items()
            if not isinstance(found.target, LocalModel) and found.target.model == bare
        ]

    def listed(self) -> Iterable[str]:
        """
        Every name that may be told to a client.
        """
        for name, found in self._found.items():
            target = found.target
            if not (isinstance(target, LocalModel) and target.id in self._unlisted):
                yield name


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """
    Names that look like this one.

    :param name: a name that is not known.
    :param known: those that are; of two that differ in case only, the first
        counts.
    :returns: up to three of them, best first.
    """
    if len(name) > _LONGEST_NAME:
        return []
    names: dict[str, str] = {}
    for each in known:
        names.setdefault(each.lower(), each)
    found = get_close_matches(name.lower(), names, n=3, cutoff=0.6)
    return [names[match] for match in found]
