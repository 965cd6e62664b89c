"""
Other servers, and the names of their models.
"""

from __future__ import annotations

from .file_schema import File, PeerSection
from .model import is_url, make_filters
from .names import Names
from .reporter import Reporter
from .schema import Peer, PeerModel, Timeouts


def make_peers(
    file: File, names: Names, reporter: Reporter
) -> tuple[dict[str, Peer], dict[str, PeerModel]]:
    """
    Make the peers.

    :param names: of our own models, which win over the bare names of peers'.
    :param reporter: takes what is wrong.
    :returns: the peers by id, and their models by each name that is theirs.
    """
    peers: dict[str, Peer] = {}
    qualified: dict[str, PeerModel] = {}
    #: Bare name → the models of that name, in the order of the peers.
    bare: dict[str, dict[PeerModel, None]] = {}
    for peer_id, section in sorted(file.peers.items()):
        peer = peers[peer_id] = _peer(peer_id, section, reporter)
        for number, model in enumerate(section.models):
            if model not in peer.models:
                continue
            found = PeerModel(peer_id, model)
            _claim(found, number, qualified, names, reporter)
            bare.setdefault(model, {})[found] = None
    known = dict(qualified)
    for model, owners in bare.items():
        if len(owners) == 1 and names.resolve(model) is None:
            known.setdefault(model, next(iter(owners)))
    return peers, known


def _peer(peer_id: str, section: PeerSection, reporter: Reporter) -> Peer:
    at = ("peers", peer_id)
    if not peer_id.strip():
        reporter.error("a peer's id cannot be blank", *at)
    proxy = section.proxy or ""
    if section.proxy is None:
        if not reporter.given(*at, "proxy"):
            reporter.error(
                "is missing; give the peer's URL, like http://other:8080", *at, "proxy"
            )
    elif not is_url(proxy):
        reporter.error(
            "must be a URL of http or https with a host, like http://other:8080",
            *(*at, "proxy"),
        )
    key = section.api_key
    if any(character < " " or character == "\x7f" for character in key):
        reporter.error(
            "cannot have a line break or a control character in it", *at, "apiKey"
        )
    if not section.models and not (
        reporter.length(*at, "models") or reporter.is_lost(*at, "models")
    ):
        reporter.error(
            "there must be at least one model, as the peer calls it", *at, "models"
        )
    models: dict[str, None] = {}
    for number, model in enumerate(section.models):
        if not model.strip():
            reporter.error("cannot be blank", *at, "models", number)
        elif model in models:
            reporter.warn("is there already, and ignored", *at, "models", number)
        else:
            models[model] = None
    return Peer(
        id=peer_id,
        proxy=proxy,
        api_key=key,
        models=tuple(models),
        filters=make_filters(section.filters),
        timeouts=Timeouts(**dict(section.timeouts)),
    )


def _claim(
    found: PeerModel,
    number: int,
    qualified: dict[str, PeerModel],
    names: Names,
    reporter: Reporter,
) -> None:
    """
    Take the qualified name, which is nobody else's.
    """
    name = f"{found.peer}/{found.model}"
    at = ("peers", found.peer, "models", number)
    other = ""
    if name in qualified:
        if qualified[name] == found:
            return
        other = f"a model of the peer {reporter.key('peers', qualified[name].peer)}"
    elif name in names.ids:
        other = f"the model {reporter.key('models', name)}"
    elif name in names.aliases:
        owner = reporter.key("models", names.aliases[name])
        other = f"the model {owner}, as an alias"
    if other:
        shown = _shown(found, at, reporter)
        reporter.error(
            f"it can be asked for as {shown}, and that is a name of {other} already; "
            "rename one of them",
            *at,
        )
    qualified.setdefault(name, found)


def _shown(found: PeerModel, at: tuple[str | int, ...], reporter: Reporter) -> str:
    """
    The qualified name for a message, without secrets.
    """
    peer = reporter.quoted_key("peers", found.peer)
    model = reporter.text(*at)
    if peer.startswith("(") or model.startswith("("):
        return "peer/model"
    return f"{peer[1:-1]}/{model[1:-1]}"
