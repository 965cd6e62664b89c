"""
From the name that a client asks for to the model that answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import ModelNotFound
from .names import Found, Names, nearest
from .profiles import Pin, Profiles
from .refusals import ModelDisabled, SelectorNotUsable
from .selectors import Selectors, StateOf

if TYPE_CHECKING:
    from ..config.schema import Config


class Directory:
    """
    Finds the model for a name: a pin of the active profile comes first, then
    selectors, then ids and aliases of ours, then the names of peers' models.

    :param config: what is configured.
    :param state_of: where a model of ours stands, for selectors.  A model that
        is stopping gets no request through a spillover.
    :ivar profiles: the profiles.
    :ivar selectors: the selectors.
    """

    def __init__(self, config: Config, state_of: StateOf) -> None:
        self._names = Names(config)
        self.selectors = Selectors(config.selectors, self._names, state_of)
        self.profiles = Profiles(config.profiles)

    def reconfigured(self, config: Config) -> None:
        """
        Another configuration holds from now on, without a profile.

        :param config: what is configured.
        """
        names = Names(config)
        self.selectors.reconfigured(config.selectors, names)
        self._names = names
        # At last: it tells observers, who may ask for names.
        self.profiles.reconfigured(config.profiles)

    def __contains__(self, name: str) -> bool:
        """
        Whether a name stands for something, be it for being disabled.
        """
        return (
            name in self.profiles.pins or name in self.selectors or name in self._names
        )

    def find(self, name: str) -> Found:
        """
        Find the model for a request.

        :param name: as the client asks for it.
        :returns: the model; release it when the request is over, however it ends.
        :raises ModelNotFound: if the name stands for nothing.
        :raises ModelDisabled: if the active profile disables it.
        :raises NoTargetLeft: if it is a selector's, and none of its targets can
            take a request.
        """
        name = self._pinned(name)
        if name in self.selectors:
            return self.selectors.choose(name)
        return self._named(name, selectors=True)

    def find_upstream(self, name: str) -> Found:
        """
        Find the model for a request below ``/upstream``, where profiles count and
        selectors do not.

        :param name: as the client asks for it.
        :returns: the model; a release is without effect.
        :raises ModelNotFound: if the name stands for nothing.
        :raises ModelDisabled: if the active profile disables it.
        :raises SelectorNotUsable: if it is a selector's.
        """
        name = self._pinned(name)
        if name in self.selectors:
            raise SelectorNotUsable(name, self.selectors.targets_of(name))
        return self._named(name, selectors=False)

    def _pinned(self, name: str) -> str:
        """
        The name that the active profile puts in its place; that one is not looked
        up among the pins again.
        """
        pin = self.profiles.pin_of(name)
        if pin is None:
            return name
        if pin is Pin.DISABLED:
            raise ModelDisabled(name, self.profiles.active or "")
        return pin

    def _named(self, name: str, selectors: bool) -> Found:
        found = self._names.find(name)
        if found is None:
            meant = self._names.of_peers(name)
            raise ModelNotFound(name, meant or nearest(name, self._usable(selectors)))
        return found

    def _usable(self, selectors: bool) -> Iterable[str]:
        """
        The names that would do, without those that are not told.
        """
        pins = self.profiles.pins
        known = {pin for pin, target in pins.items() if target is not None}
        known.update(self._names.listed())
        if selectors:
            known.update(self.selectors.listed())
        return sorted(known - {pin for pin, target in pins.items() if target is None})
