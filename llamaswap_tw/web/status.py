"""
Where every model stands, as pages show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..activity.inflight import Entry
from ..config.schema import Config
from ..interfaces import ProcessState
from ..observe.moments import instant
from ..observe.past import Pasts
from ..routing.router import Queued, Router
from .capabilities import capability_fields

#: Of a peer's model we do not know.
_UNKNOWN = "unknown"

#: So many of those who wait are told, by their places: with thousands, of whom nobody
#: reads the end, an event would be of hundreds of kilobytes, four times a second.
MOST_WAITING = 200


def model_status(
    config: Config,
    states: Mapping[str, ProcessState],
    further: Mapping[str, Mapping[str, Any]] = {},
) -> list[dict[str, Any]]:
    """
    Every model, ours by their ids, then those of peers.

    :param config: what is configured.
    :param states: where each model's process stands.
    :param further: what else is known of each, as `further_status` tells it.
    """
    found = [
        _record(
            model.id,
            state=states.get(model.id, ProcessState.STOPPED).value,
            name=model.name,
            description=model.description,
            unlisted=model.unlisted,
            aliases=list(model.aliases),
            ttl=model.ttl,
            **further.get(model.id, {}),
            **(
                {}
                if model.capabilities is None
                else _told(capability_fields(model.capabilities))
            ),
        )
        for model in config.models.values()
    ]
    for name, peers in sorted(config.peer_models.items()):
        if name != f"{peers.peer}/{peers.model}":
            continue
        # They have bare names too, where those are clear: rows and requests in flight
        # tell of them by these.
        bare = [peers.model] if config.peer_models.get(peers.model) == peers else []
        found.append(_record(name, state=_UNKNOWN, peerID=peers.peer, aliases=bare))
    return found


def _record(model_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": model_id,
        "name": "",
        "description": "",
        "state": _UNKNOWN,
        "unlisted": False,
        "peerID": "",
        "aliases": [],
        "capabilities": {},
        "context_length": 0,
        "state_since": None,
        "load_seconds": [],
        "failure": None,
        "in_flight": 0,
        "waiting": 0,
        "ttl": 0,
        "unload_at": None,
        "memory_bytes": None,
        **fields,
    }


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: fields[name]
        for name in ("capabilities", "context_length")
        if name in fields
    }


def further_status(
    router: Router,
    pasts: Pasts,
    memory: Callable[[str], int | None],
    offset: float,
) -> dict[str, dict[str, Any]]:
    """
    What is known of each model of ours beyond its configuration and its state.

    :param router: holds the models' processes.
    :param pasts: what has become of them so far.
    :param memory: how many bytes each takes, or `None` where that is not known.
    :param offset: from the reactor's clock to the time of day, in seconds.
    """
    in_flight, waiting = router.in_flight(), router.waiting()
    found: dict[str, dict[str, Any]] = {}
    for model in router.models:
        process, past = router.process(model), pasts[model]
        failure = past.failure
        found[model] = {
            "state_since": instant(past.since),
            "load_seconds": [round(seconds, 2) for seconds in past.loads],
            "failure": None
            if failure is None
            else {
                "message": failure.message,
                "code": failure.code,
                "at": instant(failure.at),
                "retry_at": _moment(process.retry_at, offset),
                "log": failure.log,
            },
            "in_flight": in_flight[model],
            "waiting": waiting[model],
            "unload_at": _moment(process.unload_at, offset),
            "memory_bytes": memory(model),
        }
    return found


def _moment(time: float | None, offset: float) -> str | None:
    return None if time is None else instant(time + offset)


def queue_status(
    queue: Sequence[Queued], in_flight: Iterable[Entry], offset: float
) -> dict[str, Any]:
    """
    Who waits, as the event ``queue`` tells it: the first `MOST_WAITING`, and how many
    there are.

    :param queue: who does, in order.
    :param in_flight: the requests on their way; those that wait are named by their
        ids.  What else waits, a load that a person asked for, has none.
    :param offset: from the reactor's clock to the time of day, in seconds; the same
        each time, so that what has not changed is told in the same words.
    """
    told = queue[:MOST_WAITING]
    wanted = {one.granted for one in told}
    ids: dict[object, str] = {}
    for entry in in_flight:
        # The first to come are mostly the first in the queue.
        if len(ids) == len(wanted):
            break
        if entry.waits in wanted:
            ids[entry.waits] = entry.id
    waiting = [
        {
            "id": ids.get(one.granted, ""),
            "model": one.model,
            "since": instant(one.arrived + offset),
            "position": one.position,
            "behind": list(one.behind),
        }
        for one in told
    ]
    return {"waiting": waiting, "total": len(queue)}
