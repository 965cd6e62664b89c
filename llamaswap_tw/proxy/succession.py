"""
Handing a connection over, in the middle of its life, to a protocol that knows
half a close: what follows on a 101.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from zope.interface import alsoProvides


class Predecessor:
    """
    Mixed into a `twisted.internet.protocol.Protocol` that may give its connection
    away.  It stays the transport's protocol, and passes on whatever it is told:
    so it knows of the connection's end, whatever the transport is wrapped in.
    """

    transport: Any
    _successor: Any = None

    def _hand_over(self, successor: Any) -> None:
        """
        From now on the connection is another's.

        :param successor: an `IHalfCloseableProtocol`.
        """
        self._successor = successor
        # Not before: the transport of a protocol that provides it tells of the end
        # of what it reads in this way alone.
        alsoProvides(self, IHalfCloseableProtocol)
        successor.makeConnection(self.transport)

    def readConnectionLost(self) -> None:
        """
        No more will come.
        """
        self._successor.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """
        All was sent, and its end.
        """
        self._successor.writeConnectionLost()
