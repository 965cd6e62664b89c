"""
Virtual models, which choose among their targets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from ..interfaces import ProcessState
from .names import Found, LocalModel, Names, Target
from .refusals import NoTargetLeft

if TYPE_CHECKING:
    from ..config.schema import Selector

#: Where the process of a model of ours stands, by the model's id.
StateOf = Callable[[str], ProcessState]

_RUNNING = (ProcessState.READY, ProcessState.STARTING)
_GOING = (ProcessState.STOPPING, ProcessState.SHUTDOWN)


class _Load:
    """
    Where targets stand, and how busy they are.

    Reservations belong to the model, not to the selector: two selectors with a
    target in common see how busy it is, and a reservation lasts as long as its
    request whatever becomes of the selector.

    :param state_of: where a model of ours stands.
    """

    def __init__(self, state_of: StateOf) -> None:
        self._state_of = state_of
        self._reserved: dict[Target, int] = {}

    def state(self, target: Target) -> ProcessState:
        """
        Where a target stands.

        A peer's model counts as cold, so that it is active only while requests are
        reserved on it.  Were it running at all times, it would take half of what
        a model of ours before it has room for, and keep that one from loading.
        """
        if isinstance(target, LocalModel):
            return self._state_of(target.id)
        return ProcessState.STOPPED

    def reserved(self, target: Target) -> int:
        """
        How many requests are reserved on a target.
        """
        return self._reserved.get(target, 0)

    def reserve(self, target: Target) -> None:
        """
        There is one request more.
        """
        self._reserved[target] = self.reserved(target) + 1

    def free(self, target: Target) -> None:
        """
        There is one request less.
        """
        left = self._reserved[target] - 1
        if left:
            self._reserved[target] = left
        else:
            del self._reserved[target]


class _Strategy(Protocol):
    #: What it chooses among, as `Names` knows it; never empty.
    targets: Sequence[Found]

    def choose(self) -> Found: ...


class _Pin:
    """
    Always the first target.
    """

    def __init__(self, targets: Sequence[Found]) -> None:
        # The others count for nothing, not even for whether it is loaded.
        self.targets = targets[:1]

    def choose(self) -> Found:
        return self.targets[0]


class _Warm:
    """
    The first target that is ready, else the first that is starting, else the
    first.
    """

    def __init__(self, targets: Sequence[Found], load: _Load) -> None:
        self.targets = targets
        self._load = load

    def choose(self) -> Found:
        states = [self._load.state(found.target) for found in self.targets]
        for state in _RUNNING:
            if state in states:
                return self.targets[states.index(state)]
        return self.targets[0]


class _Spillover:
    """
    Fills one target after the other.

    :param selector_id: the selector's id.
    :param limit: how many requests an active target has before a cold one is
        taken.
    """

    def __init__(
        self, selector_id: str, targets: Sequence[Found], limit: int, load: _Load
    ) -> None:
        self.targets = targets
        self._id = selector_id
        self._limit = limit
        self._load = load
        self._last = -1

    def choose(self) -> Found:
        number = self._choose()
        self._last = number
        found = self.targets[number]
        target = found.target
        self._load.reserve(target)
        return Found(target, found.asked, lambda: self._load.free(target), self._id)

    def _choose(self) -> int:
        load = self._load
        active: list[tuple[int, int, int]] = []
        cold: list[int] = []
        for number, found in enumerate(self.targets):
            state = load.state(found.target)
            if state in _GOING:
                continue
            busy = load.reserved(found.target)
            if busy or state in _RUNNING:
                # Among equals, whoever comes next after the last one chosen.
                turn = (number - self._last - 1) % len(self.targets)
                active.append((busy, turn, number))
            else:
                cold.append(number)
        if not active and not cold:
            raise NoTargetLeft(self._id)
        if active:
            busy, _, number = min(active)
            if busy < self._limit or not cold:
                return number
        return cold[0]


class Selectors:
    """
    Chooses a target for each request to a selector.

    :param selectors: by id.
    :param names: knows their targets.
    :param state_of: where a model of ours stands.
    :raises ValueError: if there is no model of a target's name.
    """

    def __init__(
        self, selectors: Mapping[str, Selector], names: Names, state_of: StateOf
    ) -> None:
        self._load = _Load(state_of)
        self._selectors = selectors
        self._strategies = self._make(selectors, names)

    def reconfigured(self, selectors: Mapping[str, Selector], names: Names) -> None:
        """
        Other selectors hold from now on.  What is reserved stays so until its
        request ends.

        :param selectors: by id.
        :param names: knows their targets.
        :raises ValueError: if there is no model of a target's name; then nothing
            has changed.
        """
        self._strategies = self._make(selectors, names)
        self._selectors = selectors

    def _make(
        self, selectors: Mapping[str, Selector], names: Names
    ) -> dict[str, _Strategy]:
        strategies: dict[str, _Strategy] = {}
        for selector_id, selector in selectors.items():
            targets: list[Found] = []
            for name in selector.targets:
                found = names.find(name)
                if found is None:
                    raise ValueError(
                        f"selector {selector_id!r}: there is no model {name!r}"
                    )
                targets.append(Found(found.target, found.asked, selector=selector_id))
            if selector.strategy == "pin":
                strategies[selector_id] = _Pin(targets)
            elif selector.strategy == "warm":
                strategies[selector_id] = _Warm(targets, self._load)
            else:
                strategies[selector_id] = _Spillover(
                    selector_id, targets, selector.spillover, self._load
                )
        return strategies

    def __contains__(self, name: str) -> bool:
        return name in self._strategies

    def choose(self, selector_id: str) -> Found:
        """
        Choose a target for a request.

        :param selector_id: a selector's id.
        :returns: the target; release it when the request is over, however it
            ends: until then it counts against the target.
        :raises NoTargetLeft: if no target can take a request.
        """
        return self._strategies[selector_id].choose()

    def targets_of(self, selector_id: str) -> Sequence[str]:
        """
        What a selector chooses among, as the configuration names it.
        """
        return self._selectors[selector_id].targets

    def is_loaded(self, selector_id: str) -> bool:
        """
        Whether listings show a selector as loaded: one of its targets runs, or is
        about to.  Of a peer's model we do not know.
        """
        return any(
            self._load.state(found.target) in _RUNNING
            for found in self._strategies[selector_id].targets
        )

    def listed(self) -> Collection[str]:
        """
        The ids of the selectors that may be told to a client.
        """
        return [
            selector_id
            for selector_id, selector in self._selectors.items()
            if not selector.unlisted
        ]

    def reserved(self, target: Target) -> int:
        """
        How many requests selectors have reserved on a model.
        """
        return self._load.reserved(target)
