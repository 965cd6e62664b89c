"""
``python -m llamaswap_tw.simulator``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .options import parse

#: Finds the package where this process found it, with no environment to tell.
_AGAIN = (
    "import sys; sys.path[:] = {path!r}; "
    "from llamaswap_tw.simulator.__main__ import main; main()"
)


def _environment_visible() -> bool:
    """
    Whether others can read what this process was started with.
    """
    try:
        return bool(Path("/proc/self/environ").read_bytes())
    except OSError:
        return False


def main() -> None:
    """
    Run the simulator as the command line says.
    """
    options = parse()
    if options.wipe_environment and _environment_visible():
        # What a process may overwrite there depends on its rights; to start
        # anew with nothing always works.
        code = _AGAIN.format(path=sys.path)
        arguments = [sys.executable, "-c", code, *sys.argv[1:]]
        os.execve(sys.executable, arguments, {})
    # Twisted imports TLS if it is there, which takes a third of the start.
    sys.modules["OpenSSL"] = None  # type: ignore[assignment]  # import then fails
    from .process import run

    run(options)


if __name__ == "__main__":
    main()
