"""
One connection to a model's server: a request goes up, its response comes back,
and the next may follow.

Responses are parsed by httptools (llhttp).  It has no notion of a response to
HEAD and none of the end of the connection, and parses on behind the end of a
response; those are seen to here.

Sources: RFC 9112, 6.3 for where a body ends, 9.3 for when a connection may be
used again; RFC 9110, 15.2 for interim responses.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from .exchange import Exchange, Idle, Owner
from .failures import BrokenOff, HeadTimeout, Malformed
from .headers import RawHeaders
from .keepalive import keep_alive
from .prompt import prompt_writer
from .response import WHOLE, WHOLE_AS_FAR_AS_KNOWN, UpstreamResponse
from .succession import Predecessor
from .timeouts import Timeouts
from .upload import BytesProducer, Upload

#: The largest head of a response, interim ones included, in bytes.
HEAD_LIMIT = 256 * 1024

#: Bodies up to this many bytes are one write with the head.
_ONE_WRITE = 64 * 1024

#: A plain number: to put two of Python's flags together takes as long as to ask.
_PEEK = int(socket.MSG_PEEK | socket.MSG_DONTWAIT)

_PARSE_ERRORS = (HttpParserError, HttpParserUpgrade)


class Connection(Predecessor, Protocol):
    """
    A connection over plain TCP.

    :param reactor: for the timeout.
    :param timeouts: how long what may take.
    :param owner: told when it is open.
    :param idle: where it goes between requests.
    """

    transport: Any

    def __init__(
        self, reactor: IReactorTime, timeouts: Timeouts, owner: Owner, idle: Idle
    ) -> None:
        self._reactor = reactor
        self._timeouts = timeouts
        self._owner = owner
        self._idle = idle
        self._exchange: Exchange | None = None
        self._response: UpstreamResponse | None = None
        self._upload: Upload | None = None
        self._head_timer: IDelayedCall | None = None
        self._used = False
        self._paused = False
        self._socket: socket.socket | None = None
        # What the parser found.
        self._headers: RawHeaders = []
        self._pieces: list[bytes] = []
        self._interim: list[tuple[int, bytes, RawHeaders]] = []
        self._phrase = b""
        self._head: tuple[int, RawHeaders] | None = None
        self._head_size = 0
        self._until_close = False
        self._keep_limit: float | None = None
        self._whole = False
        self._keep_alive = False
        # Called straight from the parser: the quickest callback is a built-in.
        self.on_body = self._pieces.append
        parser = HttpResponseParser(self)
        # RFC 9112, 2.2 and 7.1.1: some servers end lines with LF alone, or pad
        # the size of a chunk with spaces.
        parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._parser = parser
        self._parse: Callable[[bytes], None] = parser.feed_data

    # Opening.

    def connectionMade(self) -> None:
        """
        The connection is there.
        """
        self._prepare()
        self._socket = getattr(self.transport, "socket", None)
        self._owner.opened(self)

    def _prepare(self) -> None:
        transport = self.transport
        self._write = prompt_writer(transport)
        transport.setTcpNoDelay(True)
        seconds = int(self._timeouts.keepalive)
        if seconds:
            keep_alive(transport, seconds)

    # Sending up.

    def is_open(self) -> bool:
        """
        Whether the server has neither closed it nor sent anything since the
        last response.  What the kernel knows of it, the reactor may not yet.
        """
        if self._socket is None:
            return True
        try:
            self._socket.recv(1, _PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def send(self, exchange: Exchange) -> None:
        """
        Send a request up.  The connection is free.
        """
        self._exchange = exchange
        body = exchange.body
        if not isinstance(body, bytes):
            self._write(exchange.head)
            self._start_upload(body)
        elif len(body) <= _ONE_WRITE:
            self._write(exchange.head + body if body else exchange.head)
            if self._timeouts.response_header:
                self._sent()
        else:
            self._write(exchange.head)
            self._start_upload(BytesProducer(body))

    def _start_upload(self, producer: IBodyProducer) -> None:
        self._upload = upload = Upload(self.transport, producer, self._uploaded)
        upload.start()

    def _uploaded(self, reason: Failure | None) -> None:
        self._upload = None
        if reason is None:
            self._sent()
        else:
            self._give_up(reason)

    def _sent(self) -> None:
        seconds = self._timeouts.response_header
        if seconds and self._exchange is not None and self._response is None:
            self._head_timer = self._reactor.callLater(seconds, self._no_head)

    def _no_head(self) -> None:
        self._head_timer = None
        seconds = self._timeouts.response_header
        error = HeadTimeout(f"did not begin its answer within {seconds:g} s")
        self._give_up(Failure(error))

    # Coming back.

    def dataReceived(self, data: bytes) -> None:
        """
        A piece of a response came.
        """
        exchange = self._exchange
        if exchange is None:
            if self._successor is not None:
                self._successor.dataReceived(data)
                return
            # Nobody asked for that.
            self._idle.gone(self)
            self.abort()
            return
        fault: Failure | None = None
        try:
            self._parse(data)
        except _PARSE_ERRORS as e:
            if isinstance(e, HttpParserUpgrade) and self._head is not None:
                self._switch(exchange, data[e.args[0] :])
                return
            if not self._whole:
                # What a callback of ours found is the context of the parser's error.
                fault = Failure(
                    Malformed(f"sent what is not HTTP/1: {e.__context__ or e}")
                )
            self._keep_alive = False
        response = self._response
        if response is None:
            response = self._begin_response(exchange, len(data), fault)
            if response is None or self._exchange is not exchange:
                return
            if not (self._pieces or self._whole or fault):
                response.begun()
        pieces = self._pieces
        if pieces:
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            response.received(body, self._whole)
            if self._exchange is not exchange:
                return
        if self._whole:
            self._end_response(response)
        elif fault is not None:
            self._give_up(fault)

    def _begin_response(
        self, exchange: Exchange, size: int, fault: Failure | None
    ) -> UpstreamResponse | None:
        """
        Answer the exchange, if its head is in.

        :param size: bytes of it that came just now, at most.
        :param fault: what the parser met with, if anything.
        """
        if self._interim:
            self._inform(exchange)
            if self._exchange is not exchange:
                return None
        if self._head is None:
            self._head_size += size
            if fault is None and self._head_size > HEAD_LIMIT:
                words = f"sent more than {HEAD_LIMIT} bytes of head"
                fault = Failure(Malformed(words))
            if fault is not None:
                self._give_up(fault)
            return None
        self._head_size += 1
        self._stop_timer()
        code, headers = self._head
        try:
            length = self._framing(code, headers, exchange.is_head)
        except Malformed:
            self._give_up(Failure())
            return None
        if exchange.is_head:
            # The parser waits for a body that will not come, and whatever
            # comes is none: this connection has served.
            self._whole = True
            self._keep_alive = False
            self._pieces.clear()
        if self._upload is not None and code >= 300:
            # It wants no more of it.
            self._upload.stop()
        response = UpstreamResponse(self, code, self._phrase, headers, length)
        self._response = response
        exchange.answered(response)
        return response

    def _switch(self, exchange: Exchange, rest: bytes) -> None:
        """
        The server has switched protocols.

        :param rest: what came in the new one.
        """
        assert self._head is not None
        self._inform(exchange)
        if self._exchange is not exchange:
            return
        self._exchange = None
        self._stop_timer()
        self._drop_upload()
        code, headers = self._head
        response = UpstreamResponse(self, code, self._phrase, headers, None)
        # Nothing of it was delivered: it waits there for whoever takes over.
        response.received(rest, True)
        exchange.answered(response)
        if self._successor is None:
            self.abort()

    def hand_over(self, successor: Any) -> None:
        """
        The connection is another's from now on.

        :param successor: an `IHalfCloseableProtocol`.
        """
        self._hand_over(successor)

    def _inform(self, exchange: Exchange) -> None:
        interim, self._interim = self._interim, []
        for code, phrase, headers in interim:
            exchange.informed(code, phrase, headers)
            if self._exchange is not exchange:
                return

    def _framing(self, code: int, headers: RawHeaders, is_head: bool) -> int | None:
        """
        Find out where the body ends and how long the server keeps the
        connection.

        :returns: what ``Content-Length`` says, or `None`.
        :raises Malformed: if the body cannot be handed on as it is.
        """
        length: int | None = None
        chunked = False
        for name, value in headers:
            size = len(name)
            if size == 14:
                if name.lower() == b"content-length":
                    length = int(value)
            elif size == 17:
                if name.lower() == b"transfer-encoding":
                    if value.lower() != b"chunked" or chunked:
                        words = value.decode("ascii", "replace")
                        raise Malformed(f"sent a body in an unknown coding: {words}")
                    chunked = True
            elif size == 10 and name.lower() == b"keep-alive":
                self._keep_limit = _timeout_in(value)
        if code == 204:
            return None
        self._until_close = length is None and not chunked and code != 304
        return length

    def _end_response(self, response: UpstreamResponse) -> None:
        """
        The response is whole: the connection is free again, or closed.
        """
        stopped_short = self._upload is not None
        self._drop_upload()
        trailers = self._headers
        self._exchange = self._response = self._head = None
        if self._keep_alive and not stopped_short:
            self._whole = self._keep_alive = self._until_close = False
            self._used = True
            self._head_size = 0
            if trailers:
                self._headers = []
            limit, self._keep_limit = self._keep_limit, None
            # A slow client may have left it paused, and the next request
            # would hang.
            self.resume()
            self._idle.put(self, limit)
        elif stopped_short:
            # It may never read what still waits to be sent.
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()
        response.ended(WHOLE, trailers)

    def _give_up(self, reason: Failure) -> None:
        """
        There will be no more of this response.
        """
        exchange, self._exchange = self._exchange, None
        response, self._response = self._response, None
        self._close()
        if response is not None:
            response.ended(reason, [])
        elif exchange is not None:
            exchange.failed(reason)

    def abort(self) -> None:
        """
        Close the connection at once; nobody is told.
        """
        self._exchange = self._response = None
        self._close()

    def _close(self) -> None:
        self._stop_timer()
        self._drop_upload()
        self.transport.abortConnection()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _drop_upload(self) -> None:
        if self._upload is not None:
            self._upload.stop()
            self._upload = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is gone, whoever closed it.
        """
        exchange, self._exchange = self._exchange, None
        response, self._response = self._response, None
        self._stop_timer()
        self._drop_upload()
        # The parser holds bound methods of ours: a cycle for the collector.
        del self._parser, self._parse
        if self._successor is not None:
            self._successor.connectionLost(reason)
        elif response is not None:
            if self._until_close and reason.check(ConnectionDone):
                response.ended(WHOLE_AS_FAR_AS_KNOWN, [])
            else:
                error = BrokenOff(f"broke off in its answer: {reason.value}")
                response.ended(Failure(error), [])
        elif exchange is None:
            self._idle.gone(self)
        elif self._used and not self._head_size:
            exchange.closed_on(_no_answer(reason))
        else:
            exchange.failed(_no_answer(reason))

    def pause(self) -> None:
        """
        Read no more for now.
        """
        if not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def resume(self) -> None:
        """
        Read on.
        """
        if self._paused:
            self._paused = False
            self.transport.resumeProducing()

    # What the parser calls; `on_body` is set in the constructor.

    def on_message_begin(self) -> None:
        if self._whole:
            raise ValueError("more than one response")
        self._phrase = b""

    def on_status(self, phrase: bytes) -> None:
        self._phrase += phrase

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        code = self._parser.get_status_code()
        headers, self._headers = self._headers, []
        if code >= 200:
            self._head = (code, headers)
        elif code == 101:
            exchange = self._exchange
            if exchange is None or b"\r\nUpgrade: " not in exchange.head:
                raise ValueError("an upgrade that was not asked for")
            if not self._parser.should_upgrade():
                raise ValueError("an upgrade that does not say to what")
            self._head = (code, headers)
        else:
            self._interim.append((code, self._phrase, headers))

    def on_message_complete(self) -> None:
        if self._head is not None:
            self._whole = True
            self._keep_alive = self._parser.should_keep_alive()
        else:
            self._pieces.clear()


@implementer(IHandshakeListener)
class TLSConnection(Connection):
    """
    A connection over TLS.
    """

    _open = False

    def connectionMade(self) -> None:
        """
        The connection is there, the handshake follows.
        """
        self._prepare()
        self._owner.handshaking(self)

    def handshakeCompleted(self) -> None:
        """
        The server is who it should be.
        """
        self._open = True
        self._socket = getattr(self.transport, "socket", None)
        self._owner.opened(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is gone, whoever closed it.
        """
        if not self._open:
            self._open = True
            self._owner.not_opened(reason)
        super().connectionLost(reason)


def _no_answer(reason: Failure) -> Failure:
    error = BrokenOff(f"closed the connection without an answer: {reason.value}")
    return Failure(error)


def _timeout_in(value: bytes) -> float | None:
    """
    The seconds in a ``Keep-Alive`` header (``timeout=5, max=100``).
    """
    for part in value.split(b","):
        name, _, seconds = part.partition(b"=")
        if name.strip().lower() == b"timeout" and seconds.strip().isdigit():
            return float(seconds)
    return None
