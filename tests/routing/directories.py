"""
Configurations with names, for the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llamaswap_tw.config.schema import (
    Config,
    Model,
    PeerModel,
    Profile,
    Selector,
    Strategy,
)
from llamaswap_tw.interfaces import ProcessState


class States(dict[str, ProcessState]):
    """
    Where models stand: stopped, unless a test says otherwise.
    """

    def __missing__(self, model_id: str) -> ProcessState:
        return ProcessState.STOPPED


def selector(
    selector_id: str,
    strategy: Strategy,
    targets: Sequence[str],
    spillover: int = 1,
    unlisted: bool = False,
) -> Selector:
    """
    A selector.
    """
    return Selector(selector_id, strategy, tuple(targets), spillover, unlisted=unlisted)


def make_config(
    models: Mapping[str, Sequence[str]],
    selectors: Sequence[Selector] = (),
    profiles: Mapping[str, Mapping[str, str | None]] | None = None,
    peers: Mapping[str, PeerModel] | None = None,
    unlisted: Sequence[str] = (),
) -> Config:
    """
    A configuration as the loader makes it.

    :param models: id → aliases.
    :param profiles: id → pins.
    :param peers: name → a peer's model.
    :param unlisted: the models that listings leave out.
    """
    return Config(
        models={
            model_id: Model(
                model_id, aliases=tuple(aliases), unlisted=model_id in unlisted
            )
            for model_id, aliases in models.items()
        },
        aliases={alias: its for its, aliases in models.items() for alias in aliases},
        selectors={each.id: each for each in selectors},
        profiles={
            profile_id: Profile(profile_id, f"about {profile_id}", pins)
            for profile_id, pins in (profiles or {}).items()
        },
        peer_models=peers or {},
    )
