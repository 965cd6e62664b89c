"""
One event at a time, and what it brings about after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any


class Turns:
    """
    Keeps deciding and acting apart.

    An event is handled whole, then the effects that it decided on are carried
    out, in order, then comes the next event.  So whatever an effect does, be it
    that it raises or that it brings an event about at once, it meets a state
    that is consistent and never one half changed.
    """

    def __init__(self) -> None:
        self._events: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._effects: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._busy = False

    def effect(self, action: Callable[..., None], *args: Any) -> None:
        """
        Carry ``action`` out once the event of this turn has been handled.
        """
        self._effects.append((action, args))

    def event(self, handler: Callable[..., None], *args: Any) -> None:
        """
        Handle an event now, or, from inside another one, after it.

        What a handler or an effect raises hinders no other.

        :raises Exception: what one of them raised, after all are done; an
            `ExceptionGroup` where more than one did.
        """
        self._events.append((handler, args))
        if self._busy:
            return
        self._busy = True
        raised: list[Exception] = []
        try:
            while due := self._effects or self._events:
                call, its = due.popleft()
                try:
                    call(*its)
                except Exception as e:
                    raised.append(e)
        finally:
            self._busy = False
        if len(raised) == 1:
            raise raised[0]
        if raised:
            raise ExceptionGroup("several effects failed", raised)
