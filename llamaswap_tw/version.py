"""
Which build of the daemon this is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

import orjson

from . import __version__

_UNKNOWN = "unknown"


def build_info(name: str = "llamaswap-tw") -> dict[str, str]:
    """
    Describe the build that runs.  Reads files: call it in a thread.

    :param name: of the distribution.
    :returns: ``version``, ``commit`` that it was installed from, where that was a
        repository, and ``build_date``, when it was installed, RFC 3339.
    """
    info = {"version": __version__, "commit": _UNKNOWN, "build_date": _UNKNOWN}
    try:
        installed = Distribution.from_name(name)
    except PackageNotFoundError:
        # It runs from its sources.
        return info
    # PEP 610: where it was installed from.
    origin = installed.read_text("direct_url.json")
    if origin is not None:
        vcs = orjson.loads(origin).get("vcs_info", {})
        info["commit"] = vcs.get("commit_id", _UNKNOWN)
    for file in installed.files or ():
        if file.name == "METADATA":
            stamp = Path(str(file.locate())).stat().st_mtime
            info["build_date"] = datetime.fromtimestamp(int(stamp), UTC).isoformat()
    return info
