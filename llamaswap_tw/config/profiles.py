"""
Sets of pins, to be switched on at run time.
"""

from __future__ import annotations

from types import MappingProxyType

from .file_schema import File, ProfileSection
from .reporter import Reporter
from .schema import Profile
from .targets import Targets


def make_profiles(
    file: File, targets: Targets, reporter: Reporter
) -> dict[str, Profile]:
    """
    Make the profiles.

    :param targets: what a pin may point at.
    :param reporter: takes what is wrong.
    :returns: them by id, in the order of the file.
    """
    return {
        profile_id: _profile(profile_id, section, targets, reporter)
        for profile_id, section in file.profiles.items()
    }


def _profile(
    profile_id: str, section: ProfileSection, targets: Targets, reporter: Reporter
) -> Profile:
    if not profile_id.strip():
        reporter.error("a profile's id cannot be blank", "profiles", profile_id)
    pins_at = ("profiles", profile_id, "pins")
    if not section.pins and not (
        reporter.keys(*pins_at) or not reporter.is_mapping(*pins_at)
    ):
        reporter.error(
            "there must be at least one pin, like an-id: its-model", *pins_at
        )
    pins: dict[str, str | None] = {}
    for pin, target in section.pins.items():
        at = (*pins_at, pin)
        if not pin.strip():
            reporter.error("the id that is pinned cannot be blank", *at)
        reserved = targets.reserved(pin)
        if reserved:
            reporter.error(f"this is {reserved}, and cannot be pinned", *at)
        pins[pin] = target or None
        if target and not target.strip():
            reporter.error("is blank; give a target, or nothing to disable the id", *at)
        elif target and targets.find(target) is None:
            shown = reporter.text(*at)
            hint = "" if shown.startswith("(") else targets.names.hint(target)
            reporter.error(
                f"there is no model, alias, peer's model or selector {shown}{hint}",
                *at,
                doubtful=True,
            )
    return Profile(profile_id, section.description, MappingProxyType(pins))
