"""
Sets of pins, of which one or none is active.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from ..errors import NotFound
from .names import nearest

if TYPE_CHECKING:
    from ..config.schema import Profile


class Pin(Enum):
    """
    What an id may be pinned to that is no target.
    """

    DISABLED = "disabled"


#: Told which profile is active from now on; must not raise.
ProfileObserver = Callable[["str | None"], None]

_NO_PINS: Mapping[str, str | None] = {}


class Profiles:
    """
    Knows which profile is active: none at first.

    :param profiles: by id.
    :ivar active: the id of the active one, or `None`.
    :ivar pins: the active one's pins: id → target, or `None` where the id is
        disabled.
    :ivar observers: told of each change.
    """

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = profiles
        self.active: str | None = None
        self.pins = _NO_PINS
        self.observers: list[ProfileObserver] = []

    def activate(self, name: str | None) -> None:
        """
        Switch to another profile.  Requests under way go on as they began.

        :param name: its id, or `None` for none.
        :raises NotFound: if there is no such profile.
        """
        if name is None:
            pins = _NO_PINS
        elif name in self._profiles:
            pins = self._profiles[name].pins
        else:
            found = nearest(name, self._profiles)
            hint = f"; did you mean {' or '.join(found)}?" if found else ""
            raise NotFound(f"there is no profile {name!r}{hint}")
        if name != self.active:
            self.active, self.pins = name, pins
            self._tell()

    def reconfigured(self, profiles: Mapping[str, Profile]) -> None:
        """
        Other profiles hold from now on, and none is active.  The observers are
        told in any case: whoever shows profiles shows the new ones.

        :param profiles: by id.
        """
        self._profiles = profiles
        self.active, self.pins = None, _NO_PINS
        self._tell()

    def _tell(self) -> None:
        for observer in tuple(self.observers):
            observer(self.active)

    def pin_of(self, name: str) -> str | Literal[Pin.DISABLED] | None:
        """
        Where the active profile sends an id.

        :param name: as it was asked for.
        :returns: the target, `Pin.DISABLED`, or `None` where the id is not
            pinned.
        """
        pins = self.pins
        if name not in pins:
            return None
        target = pins[name]
        return Pin.DISABLED if target is None else target

    def as_json(self) -> dict[str, Any]:
        """
        The answer of ``GET /api/profiles``.
        """
        return {
            "active": self.active,
            "profiles": [
                {
                    "id": profile.id,
                    "description": profile.description,
                    "pins": {pin: target or "" for pin, target in profile.pins.items()},
                }
                for profile in self._profiles.values()
            ],
        }
