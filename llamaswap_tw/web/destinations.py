"""
Where requests go, by the name that they ask for.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..config.schema import Config
from ..proxy.filters import Filters, filters_of, filters_of_peer
from ..proxy.peers import PeerLeases, Peers
from ..proxy.relay import Leases
from ..routing.names import Found, LocalModel


@dataclass(frozen=True, slots=True)
class Destination:
    """
    Where requests of one name go; the same for all of them while a configuration
    holds.

    :ivar leases: where leases of the model come from.
    :ivar model_id: the model's id.
    :ivar name: the model's real name, by which it is recorded: its id, or for a
        peer's what it was asked for by.
    :ivar filters: what is changed in a body, or `None` for nothing.
    :ivar peer: the peer whose model it is, or `None` for one of ours.
    :ivar name_in_query: what the model is called in a query that goes up, or
        `None` for what came.
    :ivar priority: what the configuration says of the model's, if anything.
    :ivar tells_loading: whether streams of chat tell that the model is loading.
    """

    leases: Leases
    model_id: str
    name: str
    filters: Filters | None
    peer: PeerLeases | None = None
    name_in_query: str | None = None
    priority: str | None = None
    tells_loading: bool = False

    def streams(self, asked: bool) -> bool:
        """
        Whether a body asks for a stream when it goes up.

        :param asked: whether it does when it comes.
        """
        return asked if self.filters is None else self.filters.streams(asked)


class Destinations:
    """
    Knows where requests go, and works that out once for each name: it takes longer
    than all else that is done before a request goes up.

    :param config: what is configured.
    :param leases: where our models come from.
    :param peers: where the others come from.
    """

    def __init__(self, config: Config, leases: Leases, peers: Peers) -> None:
        self._leases = leases
        self._peers = peers
        self.reconfigure(config)

    def reconfigure(self, config: Config) -> None:
        """
        Another configuration holds from now on.
        """
        self._config = config
        #: By the name after profile and selector.
        self._known: dict[str, Destination] = {}

    def of(self, found: Found) -> Destination:
        """
        :param found: what a request asks for.
        :returns: where it goes.
        """
        destination = self._known.get(found.asked)
        if destination is None:
            destination = self._known[found.asked] = self._work_out(found)
        return destination

    def _work_out(self, found: Found) -> Destination:
        target, config = found.target, self._config
        if isinstance(target, LocalModel):
            model = config.models[target.id]
            filters = filters_of(model, found.asked)
            priority = config.priorities.get(target.id)
            return Destination(
                self._leases,
                target.id,
                target.id,
                None if filters.is_empty else filters,
                priority=None if priority is None else str(priority),
                tells_loading=model.send_loading_state,
            )
        peer = config.peers[target.peer]
        leases = self._peers[target.peer]
        return Destination(
            leases,
            f"{target.peer}/{target.model}",
            found.asked,
            filters_of_peer(peer, target.model, found.asked),
            leases,
            target.model,
        )
