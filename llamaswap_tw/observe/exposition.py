"""
Metrics as Prometheus reads them.

Imports the official client library, so it is imported itself when somebody first
asks.  All of it may run in a thread: a snapshot does not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

from ..interfaces import ProcessState
from .gpus.reading import GpuReading
from .machine import Now
from .metrics import (
    FIRST_BYTE_BOUNDS,
    LOAD_BOUNDS,
    QUEUE_BOUNDS,
    Distribution,
    Snapshot,
)
from .system import SystemReading

#: Every series of ours and what it is.
HELP: Mapping[str, str] = {
    "llamaswap_requests_total": "Requests for a model that have ended, however they "
    "did.",
    "llamaswap_requests_in_flight": "Requests that a model is serving.",
    "llamaswap_queue_length": "Requests that wait for their model.",
    "llamaswap_queue_seconds": "How long requests waited for their model.",
    "llamaswap_time_to_first_byte_seconds": "From a request to the first byte of the "
    "response's body, waiting included.",
    "llamaswap_tokens_total": "Tokens of prompts, of answers, and of prompts that "
    "were not computed anew.",
    "llamaswap_swaps_total": "Swaps that have ended: loads of a model, whether others "
    "had to stop for it or not.",
    "llamaswap_load_seconds": "How long a model took to be ready, stops of others "
    "included.",
    "llamaswap_evictions_total": "How often a model had to make room for another.",
    "llamaswap_forced_swaps_total": "Swaps begun for a request that had waited longer "
    "than maxWait.",
    "llamaswap_model_state": "1 for the state that the model's process is in.",
    "llamaswap_process_exits_total": "Models' processes that have ended: told to, "
    "before they were ready, or when they were.",
    "llamaswap_cpu_util_percent": "How busy a logical processor was.",
    "llamaswap_memory_total_bytes": "The machine's memory.",
    "llamaswap_memory_used_bytes": "Memory that could not be had without swapping.",
    "llamaswap_memory_free_bytes": "Memory that nothing is in, caches neither.",
    "llamaswap_swap_total_bytes": "The machine's swap space.",
    "llamaswap_swap_used_bytes": "Swap space in use.",
    "llamaswap_load_average": "Processes that run or want to, on average.",
    "llamaswap_network_bytes_total": "Bytes that a network interface has passed.",
    "llamaswap_gpu_temperature_celsius": "The GPU's temperature.",
    "llamaswap_gpu_vram_temperature_celsius": "The temperature of the GPU's memory.",
    "llamaswap_gpu_util_percent": "Share of the time in which the GPU computed.",
    "llamaswap_gpu_memory_util_percent": "Share of the time in which the GPU's memory "
    "was read or written.",
    "llamaswap_gpu_memory_used_bytes": "The GPU's memory in use.",
    "llamaswap_gpu_memory_total_bytes": "The GPU's memory.",
    "llamaswap_gpu_fan_speed_percent": "The fan's speed, of its full one.",
    "llamaswap_gpu_power_draw_watts": "The power that the GPU draws.",
}

_GPU_SERIES = (
    "llamaswap_gpu_temperature_celsius",
    "llamaswap_gpu_vram_temperature_celsius",
    "llamaswap_gpu_util_percent",
    "llamaswap_gpu_memory_util_percent",
    "llamaswap_gpu_memory_used_bytes",
    "llamaswap_gpu_memory_total_bytes",
    "llamaswap_gpu_fan_speed_percent",
    "llamaswap_gpu_power_draw_watts",
)

_Labelled = Iterable[tuple[Sequence[str], float]]


class _Collector:
    """
    Gives one snapshot to the library.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """
        All that there is of ours.
        """
        yield from _served(self._snapshot)
        yield from _loaded(self._snapshot)
        machine = self._snapshot.machine
        if machine is not None:
            yield from _machine(machine)


#: The daemon's own process, which is read anew each time.
_process = ProcessCollector(registry=None)


def expose(snapshot: Snapshot, accept: str) -> tuple[str, bytes]:
    """
    Write a snapshot.  Takes some milliseconds for a hundred models: call it in a
    thread.

    :param accept: what the client takes, as its header says.
    :returns: the type of the content, and the content.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(snapshot))
    registry.register(_process)
    encode, content_type = choose_encoder(accept)
    return content_type, encode(registry)


def _served(snapshot: Snapshot) -> Iterator[Metric]:
    yield _counter(
        "llamaswap_requests_total",
        ("model", "path", "status"),
        snapshot.requests.items(),
    )
    yield _gauge(
        "llamaswap_requests_in_flight", ("model",), _by_one(snapshot.in_flight)
    )
    yield _gauge("llamaswap_queue_length", ("model",), _by_one(snapshot.queue_length))
    yield _histogram("llamaswap_queue_seconds", QUEUE_BOUNDS, snapshot.queued)
    yield _histogram(
        "llamaswap_time_to_first_byte_seconds", FIRST_BYTE_BOUNDS, snapshot.first_byte
    )
    yield _counter("llamaswap_tokens_total", ("model", "kind"), snapshot.tokens.items())


def _loaded(snapshot: Snapshot) -> Iterator[Metric]:
    yield _counter("llamaswap_swaps_total", ("model", "result"), snapshot.swaps.items())
    yield _histogram("llamaswap_load_seconds", LOAD_BOUNDS, snapshot.loads)
    yield _counter("llamaswap_evictions_total", ("model",), _by_one(snapshot.evictions))
    yield _counter("llamaswap_forced_swaps_total", (), [((), snapshot.forced_swaps)])
    yield _gauge(
        "llamaswap_model_state",
        ("model", "state"),
        [
            ((model, state.value), float(state.value == current))
            for model, current in snapshot.states.items()
            for state in ProcessState
        ],
    )
    yield _counter(
        "llamaswap_process_exits_total", ("model", "reason"), snapshot.exits.items()
    )


def _machine(machine: Now) -> Iterator[Metric]:
    if machine.system is not None:
        yield from _system(machine.system)
    if machine.gpus:
        yield from _gpus(machine.gpus)


def _system(reading: SystemReading) -> Iterator[Metric]:
    yield _gauge(
        "llamaswap_cpu_util_percent",
        ("core",),
        [((str(core),), percent) for core, percent in enumerate(reading.cpu)],
    )
    for name, size in (
        ("llamaswap_memory_total_bytes", reading.memory_total),
        ("llamaswap_memory_used_bytes", reading.memory_used),
        ("llamaswap_memory_free_bytes", reading.memory_free),
        ("llamaswap_swap_total_bytes", reading.swap_total),
        ("llamaswap_swap_used_bytes", reading.swap_used),
    ):
        yield _gauge(name, (), [((), size)])
    yield _gauge(
        "llamaswap_load_average",
        ("interval",),
        [
            ((interval,), load)
            for interval, load in zip(("1m", "5m", "15m"), reading.load, strict=True)
        ],
    )
    yield _counter(
        "llamaswap_network_bytes_total",
        ("interface", "direction"),
        [
            ((interface, direction), count)
            for interface, *counts in reading.network
            for direction, count in zip(("recv", "sent"), counts, strict=True)
        ],
    )


def _gpus(readings: Sequence[GpuReading]) -> Iterator[Metric]:
    table = [
        ((str(reading.gpu.id), reading.gpu.name, reading.gpu.uuid), reading.values())
        for reading in readings
    ]
    for index, name in enumerate(_GPU_SERIES):
        known = [
            (labels, value)
            for labels, values in table
            if (value := values[index]) is not None
        ]
        if known:
            yield _gauge(name, ("id", "name", "uuid"), known)


def _by_one(values: Mapping[str, int]) -> _Labelled:
    return [((model,), value) for model, value in values.items()]


def _counter(name: str, labels: Sequence[str], values: Any) -> Metric:
    family = CounterMetricFamily(name, HELP[name], labels=labels)
    for labelled, value in values:
        family.add_metric(labelled, value)
    return family


def _gauge(name: str, labels: Sequence[str], values: Any) -> Metric:
    family = GaugeMetricFamily(name, HELP[name], labels=labels)
    for labelled, value in values:
        family.add_metric(labelled, value)
    return family


def _histogram(
    name: str, bounds: Sequence[float], values: Mapping[str, Distribution]
) -> Metric:
    """
    A histogram by model.  One that has counted nothing is left out: it would be as
    long as any other.
    """
    family = HistogramMetricFamily(name, HELP[name], labels=("model",))
    written = [*(floatToGoString(bound) for bound in bounds), "+Inf"]
    for model, (counts, total) in values.items():
        if any(counts):
            buckets = list(zip(written, accumulate(counts), strict=True))
            family.add_metric((model,), buckets, total)
    return family
