"""
Why a name that is known leads to no model.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import RequestError


class ModelDisabled(RequestError):
    """
    The active profile disables the id.

    :param name: as it was asked for.
    :param profile: the profile's id.
    """

    status = 404
    # To a client it is not there, as any other that is not.
    code = "model_not_found"

    def __init__(self, name: str, profile: str) -> None:
        super().__init__(
            f"model {name!r} is disabled by the profile {profile!r}, which is active"
        )


class SelectorNotUsable(RequestError):
    """
    A selector was asked for where only a model will do.

    :param selector: its id.
    :param targets: what it chooses among.
    """

    status = 404

    def __init__(self, selector: str, targets: Sequence[str]) -> None:
        super().__init__(
            f"{selector!r} is a selector, which cannot be used below /upstream; "
            f"ask for one of its targets: {', '.join(targets)}"
        )


class NoTargetLeft(RequestError):
    """
    None of a selector's targets can take a request at this moment.

    :param selector: its id.
    """

    status = 503
    # A stop is a matter of seconds, and then the target can be started again.
    retry_after = 1

    def __init__(self, selector: str) -> None:
        super().__init__(
            f"every target of the selector {selector!r} is being stopped; try again"
        )
