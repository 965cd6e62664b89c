"""
What is counted of requests, swaps and processes.

Counts are plain numbers in plain dictionaries: a request adds to some of them.  The
library that shows them is imported when somebody first asks (`exposition`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .machine import Now

#: Upper bounds, in seconds: a request of a loaded model waits for nothing, one that
#: waits for a swap for minutes.
QUEUE_BOUNDS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)

#: To the first byte of an answer: from a small embedding to a long prompt.
FIRST_BYTE_BOUNDS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)

#: From small models in the page cache to large ones from a disk.
LOAD_BOUNDS = (0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600)

#: What becomes of a swap: its model is ready; it did not start; it was not wanted any
#: more (unloaded, removed, shut down).
SWAP_RESULTS = ("ready", "failed", "cancelled")

#: Why a process ended: it was told to; it ended by itself, or was not healthy in time,
#: before it was ready; it died when it was.
EXIT_REASONS = ("stopped", "failed", "crashed")

TOKEN_KINDS = ("input", "output", "cached")

#: What stands in a label for what is not known, of which there is no end.
OTHER_PATH = "other"
NO_MODEL = ""


class Distribution(NamedTuple):
    """
    What a `Histogram` had counted at one moment.

    :ivar counts: how many were within each bound and over the one before; the last,
        beyond all.
    :ivar sum: of all values.
    """

    counts: tuple[int, ...]
    sum: float


class Histogram:
    """
    Counts values by how large they are.

    :param bounds: in rising order; a value that equals one is within it.
    """

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """
        Count a value.
        """
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def distribution(self) -> Distribution:
        """
        What was counted.
        """
        return Distribution(tuple(self._counts), self._sum)


@dataclass(frozen=True, slots=True)
class Gauges:
    """
    What is asked at the moment at which somebody looks.

    :ivar in_flight: by model, how many requests are being served.
    :ivar queue: by model, how many requests wait.
    :ivar states: by model, the state of its process.
    :ivar machine: how the machine is; `None` where it is not sampled.
    """

    in_flight: Callable[[], Mapping[str, int]]
    queue: Callable[[], Mapping[str, int]]
    states: Callable[[], Mapping[str, str]]
    machine: Callable[[], Now | None]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    All that there is to show at one moment; nothing in it changes any more, so that a
    thread may write it.
    """

    requests: Mapping[tuple[str, str, str], int]
    in_flight: Mapping[str, int]
    queue_length: Mapping[str, int]
    queued: Mapping[str, Distribution]
    first_byte: Mapping[str, Distribution]
    tokens: Mapping[tuple[str, str], int]
    swaps: Mapping[tuple[str, str], int]
    loads: Mapping[str, Distribution]
    evictions: Mapping[str, int]
    forced_swaps: int
    states: Mapping[str, str]
    exits: Mapping[tuple[str, str], int]
    machine: Now | None


class Metrics:
    """
    Counts.

    A model that a reload removes keeps what was counted of it for as long as the
    daemon lives, for a sum over all would fall otherwise; one of which nothing was
    counted is forgotten.

    :param models: the names that may stand in a label: models of ours and of peers.
    :param paths: the paths that may: those of endpoints, not what a client invents.
    """

    def __init__(self, models: Collection[str], paths: Collection[str]) -> None:
        self._paths = frozenset(paths)
        self._requests: dict[tuple[str, str, int], int] = {}
        self._queued: dict[str, Histogram] = {}
        self._first_byte: dict[str, Histogram] = {}
        self._loads: dict[str, Histogram] = {}
        self._tokens: dict[str, list[int]] = {}
        self._swaps: dict[tuple[str, str], int] = {}
        self._evictions: dict[str, int] = {}
        self._exits: dict[tuple[str, str], int] = {}
        self._forced_swaps = 0
        self._models: set[str] = set()
        self.reconfigure(models)

    def reconfigure(self, models: Collection[str]) -> None:
        """
        These models are there from now on.
        """
        gone = self._models - set(models)
        if gone:
            asked_for = {model for model, _, _ in self._requests}
            for model in gone - asked_for:
                self._forget_unless_counted(model)
        for model in set(models) - self._models:
            self._models.add(model)
            self._queued[model] = Histogram(QUEUE_BOUNDS)
            self._first_byte[model] = Histogram(FIRST_BYTE_BOUNDS)
            self._loads[model] = Histogram(LOAD_BOUNDS)
            self._tokens[model] = [0] * len(TOKEN_KINDS)
            # What comes to be with its first count hides that from `increase`.
            self._evictions[model] = 0
            self._swaps.update({(model, result): 0 for result in SWAP_RESULTS})
            self._exits.update({(model, reason): 0 for reason in EXIT_REASONS})

    def _forget_unless_counted(self, model: str) -> None:
        swaps = [(model, result) for result in SWAP_RESULTS]
        exits = [(model, reason) for reason in EXIT_REASONS]
        counts = (
            self._evictions[model],
            *self._tokens[model],
            *(self._swaps[key] for key in swaps),
            *(self._exits[key] for key in exits),
            *self._queued[model].distribution().counts,
            *self._first_byte[model].distribution().counts,
        )
        if any(counts):
            return
        self._models.remove(model)
        for by_model in (self._queued, self._first_byte, self._loads):
            del by_model[model]
        del self._tokens[model], self._evictions[model]
        for key in swaps:
            del self._swaps[key]
        for key in exits:
            del self._exits[key]

    # Requests.

    def request_ended(self, model: str, path: str, status: int) -> None:
        """
        A request that was for a model is over, however it ended.

        :param model: its id, or whatever was asked for where there is none such.
        :param path: as it was sent up.
        :param status: of the response.
        """
        try:
            self._requests[model, path, status] += 1
        except KeyError:
            if model not in self._models:
                model = NO_MODEL
            if path not in self._paths:
                path = OTHER_PATH
            key = (model, path, status)
            self._requests[key] = self._requests.get(key, 0) + 1

    def queued(self, model: str, seconds: float) -> None:
        """
        A request was granted its model after so many seconds.
        """
        histogram = self._queued.get(model)
        if histogram is not None:
            histogram.observe(seconds)

    def first_byte(self, model: str, seconds: float) -> None:
        """
        The first byte of a response's body came so many seconds after its request.
        """
        histogram = self._first_byte.get(model)
        if histogram is not None:
            histogram.observe(seconds)

    def tokens(self, model: str, given: int, made: int, cached: int) -> None:
        """
        A response has told of its tokens; a negative number is an unknown one.

        :param given: of the prompt.
        :param made: of the answer.
        :param cached: of the prompt, those that were not computed anew.
        """
        counts = self._tokens.get(model)
        if counts is not None:
            if given > 0:
                counts[0] += given
            if made > 0:
                counts[1] += made
            if cached > 0:
                counts[2] += cached

    # Swaps and processes.

    def swap_ended(self, model: str, result: str, seconds: float | None) -> None:
        """
        A swap is over.

        :param result: one of `SWAP_RESULTS`.
        :param seconds: how long the load took, stops of others included, where the
            model is ready.
        """
        key = (model, result)
        if key in self._swaps:
            self._swaps[key] += 1
            if seconds is not None:
                self._loads[model].observe(seconds)

    def evicted(self, model: str) -> None:
        """
        A model had to make room for another.
        """
        if model in self._evictions:
            self._evictions[model] += 1

    def swap_forced(self) -> None:
        """
        A swap was begun for a request that had waited too long.
        """
        self._forced_swaps += 1

    def process_exited(self, model: str, reason: str) -> None:
        """
        A model's process has ended.

        :param reason: one of `EXIT_REASONS`.
        """
        key = (model, reason)
        if key in self._exits:
            self._exits[key] += 1

    # What is shown.

    def snapshot(self, gauges: Gauges) -> Snapshot:
        """
        What there is to show at this moment.
        """
        return Snapshot(
            requests={
                (model, path, str(status)): count
                for (model, path, status), count in self._requests.items()
            },
            in_flight=dict(gauges.in_flight()),
            queue_length=dict(gauges.queue()),
            queued=_distributions(self._queued),
            first_byte=_distributions(self._first_byte),
            tokens={
                (model, kind): count
                for model, counts in self._tokens.items()
                for kind, count in zip(TOKEN_KINDS, counts, strict=True)
            },
            swaps=dict(self._swaps),
            loads=_distributions(self._loads),
            evictions=dict(self._evictions),
            forced_swaps=self._forced_swaps,
            states=dict(gauges.states()),
            exits=dict(self._exits),
            machine=gauges.machine(),
        )


def _distributions(histograms: Mapping[str, Histogram]) -> dict[str, Distribution]:
    return {model: each.distribution() for model, each in histograms.items()}
