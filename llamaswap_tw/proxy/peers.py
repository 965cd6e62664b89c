"""
Other servers whose models are served as if they were ours.

They take no part in scheduling: a request for one goes up at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from hyperlink import URL
from twisted.internet.defer import Deferred, succeed

from ..config.schema import Peer
from .agent import Agent
from .forward import ForwardProxies
from .headers import RawHeaders, peer_headers
from .opening import default_tls
from .target import authority_of
from .timeouts import Timeouts

#: What divides a URL, and what is encoded already.
_DELIMITERS = "%:/?#[]@!$&'()*+,;="


class PeerLease:
    """
    A request on its way to a peer, as `relay.Lease`.

    :ivar model_id: ``<peer>/<model>``.
    :ivar base_url: the peer's URL.
    :ivar client: sends requests up to it.
    :ivar queued_for: it does not wait: 0.
    :ivar load_time: nothing is loaded for it here: 0.
    """

    __slots__ = ("_leases", "base_url", "client", "model_id")

    queued_for = 0.0
    load_time = 0.0

    def __init__(
        self, leases: PeerLeases, model_id: str, base_url: str, client: Agent
    ) -> None:
        self._leases: PeerLeases | None = leases
        self.model_id = model_id
        self.base_url = base_url
        self.client = client

    def release(self) -> None:
        """
        The request is over, however it ended.  Once is enough.
        """
        leases, self._leases = self._leases, None
        if leases is not None:
            leases.in_flight -= 1


class PeerLeases:
    """
    Where leases of one peer's models come from, as `relay.Leases`.

    :param peer: the peer.
    :param client: sends requests up to it.
    :ivar peer: as given; another where the configuration has changed.
    :ivar host: its host and port, as ``Host`` has it.
    :ivar in_flight: how many requests are on their way.
    """

    def __init__(self, peer: Peer, client: Agent) -> None:
        self.in_flight = 0
        self.reconfigure(peer, client)

    def reconfigure(self, peer: Peer, client: Agent) -> None:
        """
        Another configuration holds for the requests from now on.
        """
        self.peer = peer
        self.client = client
        self._base_url = _in_ascii(peer.proxy)
        self.host = authority_of(self._base_url)

    def headers(
        self, headers: Iterable[tuple[bytes, Sequence[bytes]]], we_ask_for_keys: bool
    ) -> RawHeaders:
        """
        The headers that go up to this peer: see `peer_headers`.
        """
        return peer_headers(headers, self.host, self.peer.api_key, we_ask_for_keys)

    def acquire(
        self, model_id: str, on_position: Callable[[int], None] | None = None
    ) -> Deferred[PeerLease]:
        """
        Ask for one of its models.

        :param model_id: ``<peer>/<model>``.
        :param on_position: of no use: there is no queue.
        :returns: a `Deferred` that has fired with a `PeerLease`.
        """
        self.in_flight += 1
        return succeed(PeerLease(self, model_id, self._base_url, self.client))

    def when_not_ready(self, model_id: str) -> Deferred[None]:
        """
        :returns: a `Deferred` that has fired: whether a peer is there shows only
            where it is asked again.
        """
        return succeed(None)


class Peers:
    """
    The peers, each with its connections.

    :param reactor: connects, and is the clock.
    :param proxies: the forward proxies that the daemon's environment names.
    :param tls_options: as for `Agent`.
    """

    def __init__(
        self,
        reactor: Any,
        proxies: ForwardProxies,
        tls_options: Callable[[str], Any] = default_tls,
    ) -> None:
        self._reactor = reactor
        self._proxies = proxies
        self._tls_options = tls_options
        self._leases: dict[str, PeerLeases] = {}

    def __getitem__(self, peer_id: str) -> PeerLeases:
        """
        Where leases of a peer's models come from.

        :raises KeyError: if there is no such peer.
        """
        return self._leases[peer_id]

    def reconfigure(self, peers: Mapping[str, Peer]) -> None:
        """
        These are the peers from now on.  What is on its way to one ends as it
        began; connections that are free stay only where they still lead to the
        peer and its timeouts are the same.
        """
        for peer_id in self._leases.keys() - peers.keys():
            self._leases.pop(peer_id).client.close()
        for peer_id, peer in peers.items():
            known = self._leases.get(peer_id)
            if known is None:
                self._leases[peer_id] = PeerLeases(peer, self._client_of(peer))
            elif _reached_alike(known.peer, peer):
                known.reconfigure(peer, known.client)
            else:
                known.client.close()
                known.reconfigure(peer, self._client_of(peer))

    def close(self) -> None:
        """
        Close the connections that are free.
        """
        for leases in self._leases.values():
            leases.client.close()

    def _client_of(self, peer: Peer) -> Agent:
        return Agent(
            self._reactor,
            Timeouts.of(peer.timeouts),
            self._tls_options,
            self._proxies,
            f"peer {peer.id!r}",
        )


def _reached_alike(one: Peer, other: Peer) -> bool:
    return one.proxy == other.proxy and one.timeouts == other.timeouts


def _in_ascii(url: str) -> str:
    """
    A URL with a name or a path in any language, as it goes over the wire.
    """
    if url.isascii():
        return url
    try:
        encoded: str = URL.from_text(url).to_uri().to_text(with_password=True)
    except ValueError:
        # No name in any language, which its look-up will tell.
        encoded = quote(url, safe=_DELIMITERS)
    return encoded
