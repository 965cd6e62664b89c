"""
The requests to models that are on their way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers

from ..observe.moments import instant
from .headers import RawHeaders, readable_headers


def _nothing_to_end() -> None:
    """
    The request is over.
    """


class Entry:
    """
    One request on its way.

    :ivar id: names it while it is.
    :ivar model: the model's real name.
    :ivar req_path: the path that goes up.
    :ivar metadata: what is known of how its model was chosen.
    :ivar resp_bytes: how much of the response's body has come.
    :ivar cancel: ends it.
    :ivar waits: what will fire with its lease, while it waits for that.
    :ivar revision: another one each time that something else changes.
    :ivar is_over: whether it is on its way no more.
    """

    __slots__ = (
        "_began",
        "_headers",
        "_in_flight",
        "_method",
        "_remote_ip",
        "_resp_headers",
        "_timestamp",
        "cancel",
        "id",
        "is_over",
        "metadata",
        "model",
        "req_path",
        "resp_bytes",
        "revision",
        "waits",
    )

    def __init__(
        self,
        in_flight: InFlight,
        entry_id: str,
        model: str,
        req_path: str,
        method: str,
        headers: Headers,
        remote_ip: str,
        metadata: Mapping[str, str],
        cancel: Callable[[], None],
    ) -> None:
        self._in_flight = in_flight
        self.id = entry_id
        self.model = model
        self.req_path = req_path
        self._method = method
        self._headers = headers
        self._remote_ip = remote_ip
        self.metadata = metadata
        self.cancel = cancel
        self._began = in_flight.clock.seconds()
        self._timestamp = in_flight.wall()
        self._resp_headers: RawHeaders = ()
        self.resp_bytes = 0
        self.revision = 0
        self.waits: Deferred[Any] | None = None
        self.is_over = False

    def answered(self, headers: RawHeaders) -> None:
        """
        The response's head is there.
        """
        self._resp_headers = headers
        self.revision += 1

    def removed(self) -> None:
        """
        It is over.
        """
        self.is_over = True
        # What it ends has it: without this both would stay until the collector of
        # garbage finds them, and it is told to seldom look.
        self.cancel = _nothing_to_end
        self._in_flight.remove(self)

    @property
    def elapsed(self) -> float:
        """
        Seconds since it began.
        """
        return self._in_flight.clock.seconds() - self._began

    def as_json(self) -> dict[str, Any]:
        """
        What may be told of it.
        """
        raw = self._headers.getAllRawHeaders()
        return {
            "id": self.id,
            "timestamp": instant(self._timestamp),
            "model": self.model,
            "req_path": self.req_path,
            "method": self._method,
            "req_headers": readable_headers(
                (name, value) for name, values in raw for value in values
            ),
            "remote_ip": self._remote_ip,
            "resp_headers": readable_headers(self._resp_headers),
            "resp_bytes": self.resp_bytes,
            "elapsed_ms": round(self.elapsed * 1000),
            "metadata": self.metadata,
        }


class Watcher(Protocol):
    """
    Hears of requests that come and go.
    """

    def entry_added(self, entry: Entry) -> None:
        """
        There is another one.
        """

    def entry_removed(self, entry: Entry) -> None:
        """
        One is over.
        """


class InFlight:
    """
    All that are on their way.

    What changes while one is (`Entry.resp_bytes`, `Entry.revision`) is not told: it
    changes with each piece of each response, and whoever wants to know looks.

    :param clock: measures how long they take.
    :param wall: tells the time of day, in seconds since the epoch.
    :ivar watcher: hears of them while somebody wants to.
    """

    def __init__(self, clock: IReactorTime, wall: Callable[[], float]) -> None:
        self.clock = clock
        self.wall = wall
        self.watcher: Watcher | None = None
        self._entries: dict[str, Entry] = {}
        self._numbers = count(1)

    def __iter__(self) -> Iterator[Entry]:
        """
        From the oldest to the youngest.
        """
        return iter(tuple(self._entries.values()))

    def add(
        self,
        model: str,
        req_path: str,
        method: str,
        headers: Headers,
        remote_ip: str,
        metadata: Mapping[str, str],
        cancel: Callable[[], None],
    ) -> Entry:
        """
        A request begins.

        :param cancel: ends it.  The others are as `Entry` has them.
        """
        entry_id = str(next(self._numbers))
        entry = Entry(
            self,
            entry_id,
            model,
            req_path,
            method,
            headers,
            remote_ip,
            metadata,
            cancel,
        )
        self._entries[entry_id] = entry
        if self.watcher is not None:
            self.watcher.entry_added(entry)
        return entry

    def remove(self, entry: Entry) -> None:
        """
        A request is over.
        """
        del self._entries[entry.id]
        if self.watcher is not None:
            self.watcher.entry_removed(entry)

    def cancel(self, entry_id: str) -> bool:
        """
        End a request.

        :returns: whether there is one of that id.
        """
        entry = self._entries.get(entry_id)
        if entry is not None:
            entry.cancel()
        return entry is not None

    def snapshot(self) -> list[dict[str, Any]]:
        """
        What may be told of each, from the oldest to the youngest.
        """
        return [entry.as_json() for entry in self._entries.values()]
