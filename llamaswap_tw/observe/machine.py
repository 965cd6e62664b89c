"""
The machine that all runs on: what it is, and how it was in the last hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import InThread
from .gpus.choose import open_gpus
from .gpus.reading import Accelerator, GpuReading
from .gpus.sampler import GpuSampler
from .hardware import read_hardware
from .history import History, Sample, gpu_stats, pack_gpus, pack_system, system_stats
from .system import SystemReader, SystemReading
from .worker import Worker

#: The first sample comes after so many seconds, so that a page has something.
_FIRST = 1.0

#: How long whoever asks for the hardware waits for a driver that does not answer, in
#: seconds.
_GPUS_LIMIT = 10.0


@dataclass(frozen=True, slots=True)
class Now:
    """
    How the machine is.

    :ivar system: `None` before the first sample.
    :ivar gpus: those that answer.
    """

    system: SystemReading | None
    gpus: Sequence[GpuReading]


@dataclass(frozen=True, slots=True)
class Performance:
    """
    Samples, not yet in their public form.
    """

    system: Sequence[Sample]
    gpus: Sequence[Sample]

    def as_json(self) -> bytes:
        """
        As ``/api/performance`` shows them.  An hour of a large machine takes a tenth
        of a second: call it in a thread.
        """
        # Not in one go: nothing else runs while the library writes.
        return b'{"enabled":true,"sys_stats":[%b],"gpu_stats":[%b]}' % (
            b",".join(map(orjson.dumps, system_stats(self.system))),
            b",".join(map(orjson.dumps, gpu_stats(self.gpus))),
        )


class Machine:
    """
    Samples the machine, and knows what it is.

    :param reactor: its clock, and told of what threads have found.
    :param in_thread: calls a function in a thread, for a `Deferred`.
    :param every: seconds from one sample to the next, or `None` for no samples.
    :param wall: gives the time, in seconds since the epoch.
    :param read_system: gives a sample of the system; called in a thread.
    :param read_hardware: describes the machine, given the time; called in a thread.
    :param make_sampler: makes what samples the GPUs.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        in_thread: InThread,
        every: float | None,
        *,
        wall: Callable[[], float] = time.time,
        read_system: Callable[[], SystemReading] | None = None,
        read_hardware: Callable[[float], dict[str, Any]] = read_hardware,
        make_sampler: Callable[[], GpuSampler] | None = None,
    ) -> None:
        self._reactor = reactor
        self._in_thread = in_thread
        self._every = every
        self._wall = wall
        self._read_system = read_system or SystemReader().read
        self._read_hardware = read_hardware
        self._make_sampler = make_sampler or self._sampler_of_its_own
        self._sampler: GpuSampler | None = None
        self._timer: IDelayedCall | None = None
        self._reading = False
        self._broken = False
        self._system: SystemReading | None = None
        self._system_history = History()
        self._gpu_history = History()
        self._document: dict[str, Any] | None = None
        self._accelerators: list[dict[str, Any]] | None = None
        self._gpus_awaited: IDelayedCall | None = None
        self._curious: list[Deferred[dict[str, Any]]] = []

    def _sampler_of_its_own(self) -> GpuSampler:
        return GpuSampler(self._reactor, Worker(self._reactor, "gpus"), open_gpus)

    # Life.

    def start(self) -> None:
        """
        Find out what machine this is, and take samples from now on.
        """
        self._in_thread(self._read_hardware, self._wall()).addCallbacks(
            self._described, self._not_described
        )
        self._gpus_awaited = self._reactor.callLater(_GPUS_LIMIT, self._give_up)
        self._begin()

    def stop(self) -> None:
        """
        No more samples.
        """
        self._end()
        self._drop_sampler()
        self._give_up()

    def reconfigure(self, every: float | None) -> None:
        """
        Samples come at other times from now on, or not at all: those that were taken
        are forgotten then.

        :param every: seconds, or `None`.
        """
        if every == self._every:
            return
        self._every = every
        self._end()
        if every is None:
            self._system = None
            self._system_history.clear()
            self._gpu_history.clear()
            if not self._awaits_gpus:
                self._drop_sampler()
        self._begin()

    def _begin(self) -> None:
        if self._sampler is None and (self._every is not None or self._awaits_gpus):
            self._sampler = sampler = self._make_sampler()
            sampler.start().addCallback(self._gpus_described, sampler)
        if self._every is not None:
            # How busy the processors were is known at the second reading.
            self._read_once(keep=False)
            self._timer = self._reactor.callLater(
                min(_FIRST, self._every), self._sample
            )

    def _end(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _drop_sampler(self) -> None:
        sampler, self._sampler = self._sampler, None
        if sampler is not None:
            sampler.stop()

    # Samples.

    @property
    def enabled(self) -> bool:
        """
        Whether samples are taken.
        """
        return self._every is not None

    def now(self) -> Now | None:
        """
        How the machine is, or `None` where no samples are taken.
        """
        if self._every is None:
            return None
        gpus = () if self._sampler is None else self._sampler.readings
        return Now(self._system, gpus)

    def since(self, after: float | None) -> Performance:
        """
        :param after: seconds since the epoch, or `None` for all of the last hour.
        :returns: the samples after that moment.
        """
        return Performance(
            self._system_history.since(after), self._gpu_history.since(after)
        )

    def _sample(self) -> None:
        self._timer = self._reactor.callLater(self._every, self._sample)
        self._read_once(keep=True)
        if self._sampler is not None:
            self._sampler.ask(self._gpus_sampled)

    def _read_once(self, keep: bool) -> None:
        if not self._reading:
            self._reading = True
            self._in_thread(self._read_system).addCallbacks(
                self._read, self._not_read, (keep,)
            )

    def _read(self, reading: SystemReading, keep: bool) -> None:
        self._reading = self._broken = False
        if keep and self._every is not None:
            self._system = reading
            self._system_history.add(self._wall(), *pack_system(reading))

    def _not_read(self, reason: Failure) -> None:
        self._reading = False
        if not self._broken:
            self._broken = True
            self._log.failure("sampling the machine", reason)

    def _gpus_sampled(self, readings: Sequence[GpuReading]) -> None:
        self._gpu_history.add(self._wall(), *pack_gpus(readings))

    # What it is.

    def hardware(self) -> Deferred[dict[str, Any]]:
        """
        :returns: a `Deferred` that fires with what ``/api/hardware`` shows, once it
            is known.
        """
        if self._document is not None and not self._awaits_gpus:
            return succeed(self._whole())
        curious: Deferred[dict[str, Any]] = Deferred(self._forget)
        self._curious.append(curious)
        return curious

    def _forget(self, curious: Deferred[dict[str, Any]]) -> None:
        if curious in self._curious:
            self._curious.remove(curious)

    @property
    def _awaits_gpus(self) -> bool:
        return self._gpus_awaited is not None and self._gpus_awaited.active()

    def _whole(self) -> dict[str, Any]:
        return {**(self._document or {}), "accelerators": self._accelerators}

    def _described(self, document: dict[str, Any]) -> None:
        self._document = document
        self._tell()

    def _not_described(self, reason: Failure) -> None:
        self._log.failure("looking at the hardware", reason)
        self._described({"schema_version": 1})

    def _gpus_described(
        self, accelerators: list[Accelerator], sampler: GpuSampler
    ) -> None:
        self._accelerators = [each.as_json() for each in accelerators]
        self._give_up()
        if self._every is None and self._sampler is sampler:
            # It was wanted for this alone.
            self._drop_sampler()

    def _give_up(self) -> None:
        """
        Nobody waits for the GPUs any more: they are known, or do not answer.
        """
        if self._gpus_awaited is not None and self._gpus_awaited.active():
            self._gpus_awaited.cancel()
        self._tell()

    def _tell(self) -> None:
        if self._document is None or self._awaits_gpus:
            return
        curious, self._curious = self._curious, []
        for each in curious:
            each.callback(self._whole())
