"""
Whether the sources of the configuration have changed.

Looked at by stat: what tells of changes is not reliable on bind mounts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from .sources import is_source

#: What a file is known by: its inode, its size, when it was written, and who may
#: read it: one that could not be read may be readable now.
Print = tuple[int, int, int, int, int, int]

#: A file must be missing for so many looks before it counts as gone: an editor
#: that saves moves it away for a moment.
_MISSING = 2


class Sources:
    """
    Looks at files and directories; what it finds at first is what it knows.

    :param paths: the paths of both.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        #: For how many looks each file has been missing.
        self._missing: dict[str, int] = {}
        self._known = self._look()

    def changed(self) -> bool:
        """
        Whether anything has changed since this was last asked.  A file that
        vanishes for a moment is no change, and an emptied directory neither.
        Blocks: call it in a thread.
        """
        found, known = self._look(), self._known
        missing = {
            path: self._missing.get(path, 0) + 1 for path in known.keys() - found.keys()
        }
        kept = {
            path: known[path]
            for path, looks in missing.items()
            if looks < _MISSING or not self._has_others(path, found)
        }
        self._missing = {path: missing[path] for path in kept}
        self._known = {**found, **kept}
        return self._known != known

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
                # Whoever writes a file in place empties it first.
                if stat.st_size:
                    found[name] = (
                        *(stat.st_ino, stat.st_size, stat.st_mtime_ns),
                        *(stat.st_mode, stat.st_uid, stat.st_gid),
                    )
        return found

    def _has_others(self, path: str, found: Mapping[str, Print]) -> bool:
        """
        Whether a file that is missing is one of several of its directory.
        """
        folder = os.path.dirname(path)
        return path not in self._paths and any(
            os.path.dirname(other) == folder and other not in self._paths
            for other in found
        )
