"""
Listening sockets that whoever started the daemon has opened: socket activation.

Twisted's own ``systemd:`` endpoints are for TCP: of a socket in the file system they
change the mode, which only its owner may, and remove it in the end, after which nobody
finds the socket that systemd goes on holding.

Source: sd_listen_fds(3), which Twisted reads.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Any

from twisted.internet import fdesc, unix
from twisted.internet.defer import Deferred, execute
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.tcp import Port
from twisted.python.failure import Failure
from zope.interface import implementer

from .listen import BadAddress, PromptPort


class PassedUnixPort(unix.Port):
    """
    A UNIX socket that listens already, and is not ours to change or to remove.

    It accepts one connection a turn of the reactor, as `PromptPort` does.
    """

    # A shutdown would reach the socket itself, which is others' too.
    _shouldShutdown = False

    def startListening(self) -> None:
        """
        Take connections.
        """
        passed: Any = self._preexistingSocket
        factory: Any = self.factory
        self._preexistingSocket = None
        factory.doStart()
        self.connected = True
        self.socket = passed
        self.fileno = passed.fileno  # type: ignore[method-assign]  # as Twisted does
        self.startReading()

    def doRead(self) -> None:
        """
        A client wants to connect.
        """
        self.numberAccepts = 1
        super().doRead()

    def connectionLost(self, reason: Failure) -> None:
        """
        Take no more; those that connect from now on wait for who listens next.
        """
        # Past the class above, which removes the file.
        Port.connectionLost(self, reason)


@implementer(IStreamServerEndpoint)
@dataclass(frozen=True)
class PassedEndpoint:
    """
    Listens on a socket that was passed.

    :ivar reactor: watches it.
    :ivar descriptor: the socket's; closed once the port has one of its own.
    """

    reactor: Any
    descriptor: int

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen.

        :returns: a `Deferred` that fires with the open port and fails with an
            `OSError` where the descriptor is no socket.
        """

        def begin() -> IListeningPort:
            with socket.socket(fileno=os.dup(self.descriptor)) as passed:
                family = passed.family
                fdesc.setNonBlocking(passed)
                port: Any
                if family == socket.AF_UNIX:
                    port = PassedUnixPort._fromListeningDescriptor(
                        self.reactor, passed.fileno(), protocolFactory
                    )
                else:
                    port = PromptPort._fromListeningDescriptor(
                        self.reactor, passed.fileno(), family, protocolFactory
                    )
            # Else models would get it too.
            os.close(self.descriptor)
            port.startListening()
            opened: IListeningPort = port
            return opened

        return execute(begin)


def passed_endpoints(reactor: Any) -> list[PassedEndpoint]:
    """
    All sockets that were passed, in their order.

    :raises BadAddress: if there is none.
    """
    found: list[PassedEndpoint] = []
    while True:
        # Twisted has taken the variables out of the environment when it was
        # imported; this is where it tells of them.
        text = f"systemd:domain=INET:index={len(found)}"
        try:
            endpoint: Any = serverFromString(reactor, text)
        except IndexError:
            break
        found.append(PassedEndpoint(reactor, endpoint.fileno))
    if not found:
        raise BadAddress(
            "cannot listen on systemd: no socket was passed; LISTEN_PID, LISTEN_FDS "
            "and LISTEN_FDNAMES say which are, and systemd sets them for a service "
            "with a .socket unit"
        )
    return found
