"""
The daemon's logs: ours, the models' together, each model's, and what of them
reaches standard output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal
from weakref import WeakValueDictionary

from zope.interface import implementer

from ..interfaces import IOutput
from .ring import LogRing, last_lines

LogToStdout = Literal["proxy", "upstream", "both", "none"]


@implementer(IOutput)
class ModelOutput:
    """
    Where one model's process writes to.

    :param ring: gets what it writes.
    :param shared: gets it too.
    :ivar ring: what it wrote.
    """

    def __init__(self, ring: LogRing, shared: Callable[[bytes], None]) -> None:
        self.ring = ring
        self._shared = shared
        self._began = 0

    def write(self, data: bytes) -> None:
        """
        Take some output as it came.
        """
        self.ring.write(data)
        self._shared(data)

    def began(self) -> None:
        """
        A new process writes from now on.
        """
        self._began = self.ring.written

    def tail(self, limit: int) -> str:
        """
        The last whole lines that the process wrote.
        """
        since = self.ring.written - self._began
        return last_lines(self.ring.history()[-since:], limit) if since else ""


class Logs:
    """
    All the logs.

    :param models: the models' ids.
    :param to_stdout: which of the two logs reaches standard output and the
        combined history.
    :param stdout: takes what reaches standard output; must not block.
    :ivar proxy: the daemon's own log.
    :ivar upstream: what all models write.
    :ivar combined: what reaches standard output.
    """

    def __init__(
        self,
        models: Iterable[str],
        to_stdout: LogToStdout,
        stdout: Callable[[bytes], None],
    ) -> None:
        self.proxy = LogRing()
        self.upstream = LogRing()
        self.combined = LogRing()
        self._outputs: dict[str, ModelOutput] = {}
        #: Also of models that are gone, while their last process writes or somebody
        #: follows: who does goes on when the model is there again.
        self._rings: WeakValueDictionary[str, LogRing] = WeakValueDictionary()
        self._unfollow: list[Callable[[], None]] = []
        self.combined.follow(stdout)
        self.reconfigure(models, to_stdout)

    def reconfigure(self, models: Iterable[str], to_stdout: LogToStdout) -> None:
        """
        Other models have logs from now on, or others reach standard output.

        :param models: as at first; those that had a log keep it.
        :param to_stdout: as at first.
        """
        self._outputs = {
            model: self._outputs.get(model)
            or ModelOutput(self._ring_of(model), self.upstream.write)
            for model in models
        }
        for unfollow in self._unfollow:
            unfollow()
        self._unfollow.clear()
        for name, log in (("proxy", self.proxy), ("upstream", self.upstream)):
            if to_stdout in (name, "both"):
                self._unfollow.append(log.follow(self.combined.write))

    def _ring_of(self, model: str) -> LogRing:
        ring = self._rings.get(model)
        if ring is None:
            ring = self._rings[model] = LogRing()
        return ring

    def output_of(self, model: str) -> ModelOutput:
        """
        Where a model's process writes to.

        :raises KeyError: if there is no such model.
        """
        return self._outputs[model]
