"""
Samples of the GPUs, though their driver may hang.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from .reading import Accelerator, Gpu, GpuReading, IGpuReader

#: A driver that has not answered for so many seconds is said to hang.
_PATIENCE = 10.0


class IWorker(Protocol):
    """
    Calls in a thread, one after the other: `..worker.Worker`.
    """

    def call(self, function: Callable[[], Any]) -> Deferred[Any]: ...

    def close(self, last: Callable[[], Any]) -> None: ...


class GpuSampler:
    """
    Asks whoever knows the GPUs, in a thread of its own, for one thing at a time.

    :param clock: tells how long a driver has not answered.
    :param worker: the thread.
    :param open_gpus: finds who knows the GPUs; called in the thread.
    :ivar readings: how they were when they were asked last; none while their driver
        hangs.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        worker: IWorker,
        open_gpus: Callable[[], IGpuReader | None],
    ) -> None:
        self._clock = clock
        self._worker = worker
        self._open_gpus = open_gpus
        #: Who knows them, while samples are taken.
        self._reader: IGpuReader | None = None
        #: The same, as the thread knows it.
        self._opened_reader: IGpuReader | None = None
        self._stopped = False
        self._asked_at: float | None = None
        self._hangs = False
        self._broken = False
        self._seen: dict[Gpu, bool] = {}
        self.readings: Sequence[GpuReading] = ()

    def start(self) -> Deferred[list[Accelerator]]:
        """
        Find the GPUs.

        :returns: a `Deferred` that fires with what they are, once that is known.
        """
        return self._worker.call(self._open).addCallbacks(self._opened, self._failed)

    def _open(self) -> tuple[IGpuReader | None, list[Accelerator]]:
        self._opened_reader = reader = self._open_gpus()
        return reader, [] if reader is None else reader.describe()

    def _close(self) -> None:
        if self._opened_reader is not None:
            self._opened_reader.close()

    def _opened(
        self, found: tuple[IGpuReader | None, list[Accelerator]]
    ) -> list[Accelerator]:
        reader, accelerators = found
        if self._stopped:
            return accelerators
        self._reader = reader
        if reader is None:
            self._log.info("GPUs: none are known of")
            self.stop()
        else:
            self._log.info(
                "GPUs: {gpus}, by {source}",
                gpus=", ".join(
                    accelerator.model or accelerator.vendor
                    for accelerator in accelerators
                ),
                source=reader.source,
            )
        return accelerators

    def _failed(self, reason: Failure) -> list[Accelerator]:
        self._log.failure("looking for GPUs", reason)
        self.stop()
        return []

    def ask(self, sampled: Callable[[Sequence[GpuReading]], None]) -> None:
        """
        Ask for a sample, unless one is still awaited.

        :param sampled: told of it, where any GPU answers.
        """
        if self._reader is None:
            return
        if self._asked_at is None:
            self._asked_at = self._clock.seconds()
            asked = self._worker.call(self._reader.sample)
            asked.addCallbacks(self._sampled, self._not_sampled)
            asked.addCallback(lambda _: self._tell(sampled))
        elif not self._hangs:
            silent = self._clock.seconds() - self._asked_at
            if silent >= _PATIENCE:
                self._hangs = True
                self.readings = ()
                self._log.warn(
                    "GPUs: {source} has not answered for {silent:.0f} s",
                    source=self._reader.source,
                    silent=silent,
                )

    def _tell(self, sampled: Callable[[Sequence[GpuReading]], None]) -> None:
        if self.readings:
            sampled(self.readings)

    def _sampled(self, readings: list[GpuReading]) -> None:
        if self._stopped:
            # It was on its way.
            return
        self._answered()
        if self._broken:
            self._broken = False
            self._log.info("GPUs: they can be read again")
        self.readings = readings
        answering = {reading.gpu for reading in readings}
        for gpu in answering | self._seen.keys():
            before, now = self._seen.get(gpu), gpu in answering
            self._seen[gpu] = now
            if before is not None and before is not now:
                tell = self._log.info if now else self._log.warn
                tell(
                    "GPU {id} ({name}) {what}",
                    id=gpu.id,
                    name=gpu.name,
                    what="answers again" if now else "does not answer any more",
                )

    def _not_sampled(self, reason: Failure) -> None:
        if self._stopped:
            return
        self._answered()
        self.readings = ()
        if not self._broken:
            self._broken = True
            self._log.warn(
                "GPUs: they cannot be read: {reason}", reason=reason.getErrorMessage()
            )

    def _answered(self) -> None:
        self._asked_at = None
        if self._hangs:
            self._hangs = False
            self._log.info("GPUs: their driver answers again")

    def stop(self) -> None:
        """
        No more samples.
        """
        self._stopped = True
        self._reader = None
        self.readings = ()
        self._worker.close(self._close)
