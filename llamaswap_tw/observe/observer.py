"""
The daemon's own log lines, out of the events of `twisted.logger`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure
from zope.interface import implementer

from .timestamps import timestamp

_NAMES = {
    LogLevel.debug: "DEBUG",
    LogLevel.info: "INFO",
    LogLevel.warn: "WARN",
    LogLevel.error: "ERROR",
    LogLevel.critical: "ERROR",
}

_RANKS = {
    LogLevel.debug: 0,
    LogLevel.info: 1,
    LogLevel.warn: 2,
    LogLevel.error: 3,
    LogLevel.critical: 3,
}

#: What moves a terminal's cursor, begins another line, or turns the direction of
#: the text around: those below 32 but the tab, DEL, the second row of controls, the
#: separators of lines and paragraphs, and the marks of direction.
_HOSTILE = re.compile("[\0-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_HOSTILE_IN_TRACEBACK = re.compile(_HOSTILE.pattern.replace("\x0a-", "\x0b-"))

#: The format of an event that is a whole line already: the formatting is spared.
WHOLE_LINE = "{line}"


def _escaped(character: re.Match[str]) -> str:
    code = ord(character[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


@implementer(ILogObserver)
class LineObserver:
    """
    Writes each event as a line ``[timestamp ][LEVEL] text``.

    What Twisted says of itself at level info (factories that start, ports that
    close) is taken for debug: it is no news to the daemon's user.

    :param write: takes each line, encoded.
    :param level: the lowest level written: debug, info, warn or error.
    :param time_format: as ``logTimeFormat``.
    """

    def __init__(
        self, write: Callable[[bytes], None], level: str, time_format: str
    ) -> None:
        self._write = write
        self.reconfigure(level, time_format)

    def reconfigure(self, level: str, time_format: str) -> None:
        """
        Write by other settings from now on; as at first.
        """
        self._lowest = _RANKS[LogLevel.lookupByName(level)]
        self._time_format = time_format

    def __call__(self, event: LogEvent) -> None:
        """
        Take an event.
        """
        level = event.get("log_level", LogLevel.info)
        namespace = event.get("log_namespace", "")
        if level is LogLevel.info and not namespace.startswith("llamaswap_tw"):
            level = LogLevel.debug
        if _RANKS[level] < self._lowest:
            return
        # What a client or a model sent may be part of the text: it must not
        # move the cursor of the terminal that shows the log, nor fake a line.
        if event.get("log_format") == WHOLE_LINE:
            text: str = event["line"]
        else:
            text = formatEvent(event)
        if not text.isprintable():
            text = _HOSTILE.sub(_escaped, text)
        failure: Failure | None = event.get("log_failure")
        if failure is not None:
            trace = failure.getTraceback().rstrip()
            text = f"{text}\n{_HOSTILE_IN_TRACEBACK.sub(_escaped, trace)}"
        stamp = timestamp(self._time_format, event.get("log_time", 0.0))
        line = f"{stamp}[{_NAMES[level]}] {text}\n"
        self._write(line.encode("utf-8", "backslashreplace"))
