"""
The benchmarks, one a module; each takes a `Lab` and gives its figures as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ..daemon import Daemon, Model, running
from ..figures import Figure
from ..native import Native

#: No captures, no samples of the machine, no lines of the access log: as much as can
#: be turned off of what is recorded.  Rows are always kept.
UNRECORDED: Mapping[str, object] = {
    "captureBuffer": 0,
    "logLevel": "warn",
    "performance": {"disabled": True},
}


@dataclass(frozen=True)
class Lab:
    """
    What a benchmark works with.

    :ivar native: the load generator, which is the model server too.
    :ivar folder: for files that are gone afterwards.
    """

    native: Native
    folder: Path

    def daemon(
        self, *models: Model, settings: Mapping[str, object] | None = None
    ) -> AbstractContextManager[Daemon]:
        """
        A daemon for the time of a ``with``.

        :param models: what is configured.
        :param settings: what else is, as the configuration file has it.
        """
        return running(self.native, self.folder, models, settings or {})


#: A benchmark.
Benchmark = Callable[[Lab], Iterator[Figure]]
