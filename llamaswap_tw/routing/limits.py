"""
How many requests a model may have.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """
    How many requests a model may have, and how long they may wait.

    :ivar concurrency_limit: served at once, and, without a queue limit, waiting
        and served together.
    :ivar queue_limit: how many more may wait.
    :ivar queue_timeout: seconds that one may wait, or `None` for any time.
    """

    concurrency_limit: int = 10
    queue_limit: int = 0
    queue_timeout: float | None = None

    @property
    def most(self) -> int:
        """
        How many may wait and be served together.
        """
        return self.concurrency_limit + self.queue_limit
