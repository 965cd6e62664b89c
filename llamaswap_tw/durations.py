"""
Durations as people read them.

This module imports nothing of Twisted: the pure parts use it too.
"""

from __future__ import annotations

_UNITS = ((3600, "h"), (60, "min"), (1, "s"))


def spoken(seconds: float) -> str:
    """
    Write a duration, in no more than two units and without what a float adds to a
    number: ``100 ms``, ``2.5 s``, ``1 min 30 s``, ``2 h``.

    :param seconds: the duration; less than a tenth of a millisecond is none.
    """
    milliseconds = round(seconds * 1000, 1)
    if milliseconds < 1000:
        return f"{milliseconds:g} ms" if milliseconds else "0 s"
    if round(seconds, 1) < 60:
        return f"{round(seconds, 1 if seconds >= 10 else 2):g} s"
    # Of hours, nobody wants the seconds.
    left = round(seconds) if seconds < 3600 else round(seconds / 60) * 60
    words = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words)
