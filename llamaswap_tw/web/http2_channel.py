"""
The server's side of a connection over HTTP/2, as h2 reads and writes it.

Twisted has such a channel too.  Its streams share one turn of the reactor a frame,
one whose client does not read keeps it turning, and its requests begin when their
bodies are in; none of that can be had otherwise by a subclass, so this is not one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from h2 import events
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IDelayedCall, IPushProducer, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import ShuttingDown
from .frames import Allowance, FrameWatch
from .http2_machine import CONNECTION_WINDOW, make_machine
from .outflow import Outflow
from .patience import Awaited, Patience
from .stream import Stream
from .transport import LINGER, beneath, peer_of

if TYPE_CHECKING:
    from .site import Site

_log = Logger()

#: It is told that it may send more once this much was read.
_CREDIT = CONNECTION_WINDOW // 4

#: How many frames that bring nothing are borne: at once, and a second.
_IDLE_FRAMES = 1000
_IDLE_FRAMES_RATE = 33.0

#: How much a client may have us answer, in bytes, while it reads nothing.
_MOST_UNREAD = 64 * 1024

#: How long a client that was left may keep us, in seconds, by not reading.
_LONGEST_CLOSE = 15.0


@implementer(IPushProducer)
class Http2Channel(Protocol):
    """
    One connection of a client.  Towards its transport it is the producer of all its
    streams.

    :param site: whose it is.
    :ivar h2: reads and writes the frames.
    :ivar peer: the client's address, or ``b""`` where it has none.
    :ivar secure: whether the client came over TLS.
    :ivar streams: the requests that are not over, by their numbers.
    :ivar paused: whether the client is slower to read than all streams together.
    """

    transport: Any
    peer: bytes
    secure: bool

    def __init__(self, site: Site) -> None:
        self.site = site
        self.h2 = make_machine(site.max_head)
        self.streams: dict[int, Stream] = {}
        self.paused = False
        # In the order of their turns; the others wait for windows to open.
        self._ready: dict[int, Outflow] = {}
        self._blocked: dict[int, Outflow] = {}
        self._sending = False
        self._unread = 0
        self._uncredited = 0
        self._draining = False
        self._closing = False
        self._lingering = False
        self._timer: IDelayedCall | None = None
        self._frames = FrameWatch()
        self._allowance = Allowance(_IDLE_FRAMES, _IDLE_FRAMES_RATE)
        self._patience = Patience(site.clock, site.limits, self._out_of_patience)
        self._takers: dict[type[events.Event], Callable[[Any], None]] = {
            events.RequestReceived: self._request_received,
            events.DataReceived: self._body_received,
            events.StreamEnded: self._request_ended,
            events.StreamReset: self._stream_reset,
            events.WindowUpdated: self._window_updated,
            events.RemoteSettingsChanged: self._windows_opened,
            events.ConnectionTerminated: self._client_leaves,
        }

    # The connection.

    def connectionMade(self) -> None:
        """
        A client has connected, and speaks HTTP/2.
        """
        self.peer = peer_of(self.transport)
        self.secure = ISSLTransport.providedBy(self.transport)
        self.site.channels.add(self)
        self.transport.registerProducer(self, True)
        self._patience.wait_for(Awaited.HEAD)
        self.write_out()

    def dataReceived(self, data: bytes) -> None:
        """
        Something came.
        """
        if self._closing:
            if self._lingering and self._timer is not None:
                # It still reads: what it sends tells of that.
                self._timer.reset(LINGER)
            return
        if not self._spend(self._frames.feed(data)):
            return
        if self._frames.too_long:
            self._say_goodbye(ErrorCodes.FRAME_SIZE_ERROR)
            return
        try:
            happened = self.h2.receive_data(data)
        except ProtocolError as e:
            # h2 has a GOAWAY ready that says which.
            self._leave(Failure(e))
            return
        for event in happened:
            taker = self._takers.get(type(event))
            if taker is not None:
                taker(event)
                if self._closing:
                    return
        self._await_rest()
        self._send()
        self.write_out()

    def _spend(self, count: int) -> bool:
        """
        Whether a client may still do what brings nothing.
        """
        if not count or self._allowance.spend(count, self.site.clock.seconds()):
            return True
        _log.warn("{peer} floods its connection", peer=self.peer.decode())
        self._say_goodbye(ErrorCodes.ENHANCE_YOUR_CALM)
        return False

    def _await_rest(self) -> None:
        if self.streams or self._closing:
            return
        patience = self._patience
        if not self._frames.unfinished:
            if patience.awaited is not Awaited.REQUEST:
                patience.wait_for(Awaited.REQUEST)
        elif patience.awaited is not Awaited.HEAD:
            patience.wait_for(Awaited.HEAD)

    def _out_of_patience(self, awaited: Awaited) -> None:
        self._say_goodbye(ErrorCodes.NO_ERROR)

    def _say_goodbye(self, code: ErrorCodes) -> None:
        """
        End the connection now, and say why.
        """
        self.h2.close_connection(code)
        self._leave(Failure(ConnectionLost(f"ended with {code.name}")))

    def _leave(self, reason: Failure) -> None:
        self.write_out()
        self._close(0.0)
        self._lose_streams(reason)

    def _close(self, linger: float) -> None:
        """
        Close the connection once all is sent.

        :param linger: how long what its client still sends is read, in seconds: to
            close on that would reset the connection, and could take back the end
            of an answer.
        """
        if self._closing:
            return
        self._closing = True
        self._patience.stop()
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        if linger:
            self._lingering = True
            self._timer = self.site.clock.callLater(linger, self._close_beneath)
        else:
            self._close_beneath()

    def _close_beneath(self) -> None:
        self._lingering = False
        beneath(self.transport).loseConnection()
        self._timer = self.site.clock.callLater(
            _LONGEST_CLOSE, self.transport.abortConnection
        )

    def close_when_answered(self) -> None:
        """
        Take no further request; answer those that are here.  One whose body is still
        coming is refused: no model would take it any more.
        """
        self._draining = True
        for stream in tuple(self.streams.values()):
            stream.refuse_unless_received(ShuttingDown())
        if not self.streams:
            self._close_drained(0.0)

    def _close_drained(self, linger: float) -> None:
        # Not before: to many clients, all that are made of h2 among them, this is
        # the end of every stream, not of new ones alone.
        if not self._closing:
            self.h2.close_connection(ErrorCodes.NO_ERROR)
            self.write_out()
            self._close(linger)

    def abort(self) -> None:
        """
        Reset the connection.
        """
        self.transport.unregisterProducer()
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is gone, whoever closed it.
        """
        self._closing, self._lingering = True, False
        self._patience.stop()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._lose_streams(reason)
        self.site.connection_lost(self)

    def _lose_streams(self, reason: Failure) -> None:
        for stream in tuple(self.streams.values()):
            stream.lost(reason)

    # What comes.

    def _request_received(self, event: events.RequestReceived) -> None:
        if self._draining:
            # It can be sent again elsewhere, says this.
            self.h2.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            self._spend(1)
            return
        self._patience.awaited = Awaited.NOTHING
        stream = Stream(self, event.stream_id)
        self.streams[event.stream_id] = stream
        fields: Any = event.headers
        stream.head_received(fields, event.stream_ended is not None)

    def _body_received(self, event: events.DataReceived) -> None:
        size = event.flow_controlled_length or 0
        self._uncredited += size
        if self._uncredited >= _CREDIT:
            # Whatever becomes of it: other streams must not wait for this one.
            self.open_window(self._uncredited, None)
            self._uncredited = 0
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            stream.data_received(event.data or b"", size)

    def open_window(self, size: int, stream_id: int | None) -> None:
        """
        Let the client send more.

        :param size: how much, in bytes.
        :param stream_id: on which stream, or `None` for all together.
        """
        try:
            self.h2.increment_flow_control_window(size, stream_id)
        except (KeyError, ProtocolError):
            # The stream is over for h2, and the event is still to come.
            return
        self.write_out()

    def _request_ended(self, event: events.StreamEnded) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            stream.body_received()

    def _stream_reset(self, event: events.StreamReset) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            stream.lost(Failure(ConnectionLost("the client has reset the stream")))
        if not event.remote_reset:
            # A client can have us reset streams too, by what is wrong with them.
            self._spend(1)

    # Nothing is sent before all that came is seen: h2 knows the last of it already,
    # and the first stream with a window would have all that there is for all.

    def _window_updated(self, event: events.WindowUpdated) -> None:
        stream_id = event.stream_id or 0
        if not stream_id:
            self._windows_opened()
        elif outflow := self._blocked.pop(stream_id, None):
            self._ready[stream_id] = outflow

    def _windows_opened(self, event: object = None) -> None:
        """
        Perhaps every stream has more room.
        """
        self._ready.update(self._blocked)
        self._blocked.clear()

    def _client_leaves(self, event: events.ConnectionTerminated) -> None:
        # h2 sends nothing on a connection that its client is about to end.
        self._leave(Failure(ConnectionLost("the client has sent GOAWAY")))

    # What goes.

    def push(self, outflow: Outflow) -> None:
        """
        A stream has something to send.
        """
        self._blocked.pop(outflow.id, None)
        self._ready[outflow.id] = outflow
        self._send()

    def _send(self) -> None:
        """
        Let the streams send in turns, a frame each, for as long as the transport
        takes it.
        """
        if self._sending:
            return
        self._sending = True
        ready = self._ready
        try:
            while ready and not self.paused:
                stream_id = next(iter(ready))
                outflow = ready.pop(stream_id)
                if outflow.send_turn():
                    ready[stream_id] = outflow
                elif outflow.waits:
                    self._blocked[stream_id] = outflow
                self.write_out()
        finally:
            self._sending = False

    def write_out(self) -> None:
        """
        Hand what h2 has written to the transport.
        """
        data = self.h2.data_to_send()
        if not data or self._closing:
            return
        if self.paused:
            # Responses wait, so these are answers to what the client has sent.
            self._unread += len(data)
            if self._unread > _MOST_UNREAD:
                self.abort()
                return
        self.transport.write(data)

    def forget(self, stream: Stream) -> None:
        """
        A stream is over.
        """
        self._ready.pop(stream.id, None)
        self._blocked.pop(stream.id, None)
        if self.streams.pop(stream.id, None) is None or self.streams:
            return
        if self._draining:
            self._close_drained(LINGER)
        elif not self._closing:
            self._patience.wait_for(Awaited.REQUEST)

    def pauseProducing(self) -> None:
        """
        The client is slow.
        """
        self.paused = True

    def resumeProducing(self) -> None:
        """
        It reads on.
        """
        self.paused = False
        self._unread = 0
        self._send()

    def stopProducing(self) -> None:
        """
        The transport is gone; `connectionLost` follows.
        """
        self.paused = True
