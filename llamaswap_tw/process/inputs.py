"""
What the state machine of a model's process is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..errors import StartFailed
from .core import Halt, Waiter


class Lifecycle(Protocol):
    """
    The inputs of the machine: six orders, eight reports.
    """

    def ensure_ready(self, waiters: Sequence[Waiter]) -> None:
        """
        Bring it up for all of these, unless it already is.
        """

    def stop(self, halt: Halt) -> None:
        """
        Bring it down, unless it already is.
        """

    def shut_down(self, halt: Halt) -> None:
        """
        Bring it down for good.
        """

    def reconfigured(self) -> None:
        """
        Its policy has changed.
        """

    def replace(self, halt: Halt) -> None:
        """
        Another launch is wanted of it: let what runs end, and start that when
        it is asked for.  It need not go for good any more.
        """

    def retire(self, halt: Halt) -> None:
        """
        It is not wanted any more: let what runs end, for good.
        """

    def _drained(self, halt: Halt) -> None:
        """
        What ran has ended, or has had its time.
        """

    def _begun(self) -> None:
        """
        It is known to be starting: the attempt may report.
        """

    def _became_ready(self) -> None:
        """
        It answers.
        """

    def _could_not_launch(self, error: StartFailed) -> None:
        """
        There is no child.
        """

    def _gave_up(self, halt: Halt) -> None:
        """
        It did not become ready in time.
        """

    def _exited(self, halt: Halt) -> None:
        """
        The child is dead.
        """

    def _idle(self, halt: Halt) -> None:
        """
        Nobody has asked for it for as long as its TTL.
        """

    def _ended(self) -> None:
        """
        Nothing of it lives any more.
        """
