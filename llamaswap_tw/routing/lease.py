"""
A request's hold on its model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..interfaces import IModelProcess, Ticket


class Lease:
    """
    A granted request's hold on its model.

    :param released: told when it ends.
    :param ticket: the request's.
    :param process: the model's; it counts its requests.
    :param client: sends requests up to it.
    :param queued_for: as the attribute.
    :param load_time: as the attribute.
    :ivar model_id: the model's id.
    :ivar base_url: where its server listens.
    :ivar client: sends requests up to it.
    :ivar queued_for: seconds from the request to the grant.
    :ivar load_time: seconds that the load took for which the request waited; 0
        where it waited for none.
    """

    __slots__ = (
        "_process",
        "_released",
        "_ticket",
        "base_url",
        "client",
        "load_time",
        "model_id",
        "queued_for",
    )

    def __init__(
        self,
        released: Callable[[Ticket], None],
        ticket: Ticket,
        process: IModelProcess,
        client: Any,
        queued_for: float,
        load_time: float,
    ) -> None:
        self._released = released
        self._ticket: Ticket | None = ticket
        self._process = process
        self.model_id = ticket.model
        self.base_url = process.base_url
        self.client = client
        self.queued_for = queued_for
        self.load_time = load_time

    def release(self) -> None:
        """
        The request is over, however it ended.  Once is enough.
        """
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            self._process.request_ended()
            self._released(ticket)


class UncountedLease:
    """
    What a request that nobody counts has in place of a `Lease`: its model may be
    stopped at any time.

    :param model_id: the model's id.
    :param base_url: where its server listens.
    :param client: sends requests up to it.
    :ivar queued_for: it does not wait: 0.
    :ivar load_time: nothing is loaded for it: 0.
    """

    __slots__ = ("base_url", "client", "model_id")

    queued_for = 0.0
    load_time = 0.0

    def __init__(self, model_id: str, base_url: str, client: Any) -> None:
        self.model_id = model_id
        self.base_url = base_url
        self.client = client

    def release(self) -> None:
        """
        The request is over: nobody has counted it.
        """
