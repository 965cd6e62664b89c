"""
What becomes of requests to models: those in flight, rows, captures and counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IReactorTime

from ..observe.metrics import Metrics
from .captures import Capture, Captures
from .inflight import InFlight
from .recording import Client, Recording
from .store import Store
from .usage import UsageReader

#: The longest name of a session that is kept, in characters.
_LONGEST_SESSION = 200

#: The longest name of a model that is kept, in characters: one that is not known may be
#: as long as a body.
_LONGEST_MODEL = 2048


class Recorder:
    """
    Follows requests to models.

    :param clock: measures how long things take.
    :param wall: tells the time of day, in seconds since the epoch.
    :param in_flight: who is on the way.
    :param store: keeps the rows.
    :param captures: keeps bodies.
    :param metrics: counts.
    :param session_headers: request headers that name a session.
    :param row_added: told the id of each new row.
    """

    def __init__(
        self,
        clock: IReactorTime,
        wall: Callable[[], float],
        in_flight: InFlight,
        store: Store,
        captures: Captures,
        metrics: Metrics,
        session_headers: Sequence[str],
        row_added: Callable[[int], None],
    ) -> None:
        #: Seconds of the clock: for durations.
        self.seconds = clock.seconds
        self._wall = wall
        self._in_flight = in_flight
        self._store = store
        self._captures = captures
        self._row_added = row_added
        #: Told how long a request waited for its model: the model, and seconds.
        self.waited = metrics.queued
        #: Told when a response's first byte came: the model, and seconds.
        self.first_byte = metrics.first_byte
        self._metrics = metrics
        self.reconfigure(session_headers)

    def reconfigure(self, session_headers: Sequence[str]) -> None:
        """
        Other headers name a session from now on.
        """
        self._session_headers = [name.encode("utf-8") for name in session_headers]

    def begin(
        self,
        client: Client,
        model: str,
        path: bytes,
        metadata: dict[str, str],
        released: Callable[[], None] | None = None,
    ) -> Recording:
        """
        A request is about to go to a model.

        :param client: the client's request.
        :param model: the model's real name, or what was asked for where that is none.
        :param path: the path that goes up.
        :param metadata: what its row is to tell of how the model was chosen.
        :param released: called first when it is over.
        :returns: what watches it from now on to its end.
        """
        usage = UsageReader(path) if client.method == b"POST" else None
        req_path = path.decode("latin-1")
        recording = Recording(self, client, usage, released)
        client.at_end(recording.ended)
        headers = client.requestHeaders
        for name in self._session_headers:
            values = headers.getRawHeaders(name)
            if values:
                session = values[0].decode("utf-8", "replace")
                metadata["session_id"] = session[:_LONGEST_SESSION]
                break
        recording.entry = self._in_flight.add(
            model[:_LONGEST_MODEL],
            req_path,
            client.method.decode("latin-1"),
            headers,
            client.remote_ip,
            metadata,
            recording.cancel,
        )
        return recording

    def sent_up(
        self,
        recording: Recording,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes | None,
        size: int,
    ) -> None:
        """
        What goes up is settled.

        :param recording: what watches the request.
        :param headers: those that go up.
        :param body: the body, or `None` where it is in a file.
        :param size: how long it is, in bytes.
        """
        if recording.usage is not None and self._captures.enabled:
            path = recording.entry.req_path
            recording.capture = self._captures.start(path, headers, body, size)

    def over(self, recording: Recording) -> None:
        """
        A request is over: keep what is known of it.
        """
        entry = recording.entry
        entry.removed()
        self._metrics.request_ended(entry.model, entry.req_path, recording.status)
        if recording.usage is None:
            return
        row = recording.row(self._wall())
        tokens = row.tokens
        self._metrics.tokens(
            entry.model, tokens.input_tokens, tokens.output_tokens, tokens.cache_tokens
        )
        self._store.add(row).addCallback(self._stored, recording.capture)

    def _stored(self, row_id: int | None, capture: Capture | None) -> Any:
        if row_id is None:
            if capture is not None:
                capture.drop()
            return
        if capture is not None:
            capture.keep(row_id)
        self._row_added(row_id)
