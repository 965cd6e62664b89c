"""
Whether the sources of the configuration have changed.

Looked at by stat: what tells of changes is not reliable on bind mounts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from .sources import is_source

#: What a file is known by: its inode, its size, and when it was written.
Print = tuple[int, int, int]

#: A file must be missing for so many looks before it counts as gone: an editor
#: that saves moves it away for a moment.
_MISSING = 2


class Sources:
    """
    Looks at files and directories.

    :param paths: the paths of both.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._missing: dict[str, int] = {}
        self._known = self._look()

    def changed(self) -> bool:
        """
        Whether anything has changed since this was last asked.  A file that
        vanishes for a moment is no change, and an emptied directory neither.
        Blocks: call it in a thread.
        """
        found = self._look()
        known = self._known
        for path in known.keys() - found.keys():
            missing = self._missing.get(path, 0) + 1
            self._missing[path] = missing
            if missing < _MISSING or not self._has_others(path, found):
                found[path] = known[path]
        self._missing = {
            path: count for path, count in self._missing.items() if path in known
        }
        self._known = found
        return found != known

    def _look(self) -> dict[str, Print]:
        found: dict[str, Print] = {}
        for path in self._paths:
            names = [path]
            if os.path.isdir(path):
                try:
                    names = [
                        entry.path for entry in os.scandir(path) if is_source(entry)
                    ]
                except OSError:
                    names = []
            for name in names:
                try:
                    stat = os.stat(name)
                except OSError:
                    continue
                found[name] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        for path in found:
            self._missing.pop(path, None)
        return found

    def _has_others(self, path: str, found: Mapping[str, Print]) -> bool:
        """
        Whether a file that is missing is one of several of its directory.
        """
        folder = os.path.dirname(path)
        return path not in self._paths and any(
            os.path.dirname(other) == folder for other in found
        )
