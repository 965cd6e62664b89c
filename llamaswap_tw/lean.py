"""
Imported before anything of Twisted's web: keeps its HTTP/2 out of the daemon.

Twisted imports it, and h2 with it, wherever h2 is installed, at the cost of 2 MB and
20 ms.  The daemon has its own, and imports h2 when a first client speaks it.
"""

from __future__ import annotations

import sys
from typing import Any

_HTTP2 = "twisted.web._http2"

if "twisted.web.http" not in sys.modules:
    modules: dict[str, Any] = sys.modules
    # To Python, one that must not be imported; Twisted takes it for one that is not
    # installed.
    modules[_HTTP2] = None
    import twisted.web.http  # noqa: F401 - now, so that it need be kept no longer

    del modules[_HTTP2]
