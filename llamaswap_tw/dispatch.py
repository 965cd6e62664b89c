"""
What the reactor does for each event, without what nobody reads.

Twisted calls whatever has something to read within a context that says which
connection it is, for the lines of its old log.  Ours have no such thing, and the
context, made anew each time, is 15 to 20 % of what a chunk of a stream costs.
"""

from __future__ import annotations

from typing import Any

from twisted.python import log


def call_plainly(logger: Any, func: Any, *args: Any, **kw: Any) -> Any:
    """
    Stands in for `twisted.python.log.callWithLogger`.

    :param logger: whose prefix nobody reads.
    :param func: called with the rest; what it raises is logged.
    """
    try:
        return func(*args, **kw)
    except KeyboardInterrupt:
        raise
    except BaseException:
        log.err()
        return None


def install() -> None:
    """
    Put it in place, for the whole program: not for a library to do.
    """
    log.callWithLogger = call_plainly
