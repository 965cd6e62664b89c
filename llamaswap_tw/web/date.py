"""
The time, as responses tell it.
"""

from __future__ import annotations

from math import inf

from twisted.internet.interfaces import IReactorTime
from twisted.web.http import datetimeToString


class DateClock:
    """
    Tells the time in HTTP's form, made anew once a second: to make it takes ten
    times as long as to look at a clock.

    :param clock: counts seconds since the epoch, as Twisted's reactors do.
    """

    __slots__ = ("_line", "_seconds", "_until", "_value")

    def __init__(self, clock: IReactorTime) -> None:
        self._seconds = clock.seconds
        self._until = -inf
        self._value = b""
        self._line = b""

    def value(self) -> bytes:
        """
        The value of a ``Date`` header (RFC 9110, 5.6.7).
        """
        self.line()
        return self._value

    def line(self) -> bytes:
        """
        The header, and the end of its line.
        """
        now = self._seconds()
        # A clock that was set back is seen to.
        if not self._until - 1 <= now < self._until:
            second = int(now)
            self._until = second + 1
            self._value = datetimeToString(second)
            self._line = b"Date: %b\r\n" % self._value
        return self._line
