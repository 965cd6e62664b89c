"""
Tests for `llamaswap_tw.proxy.relay`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from llamaswap_tw.errors import (
    ModelUnloaded,
    RequestCancelled,
    RequestError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from llamaswap_tw.interfaces import ISwitchingDownstream
from llamaswap_tw.proxy.agent import Agent
from llamaswap_tw.proxy.relay import Relay
from llamaswap_tw.proxy.timeouts import Timeouts

from .support import Transport, Upstream


class FakeLease:
    """
    A lease that counts how often it is given back.
    """

    model_id = "m"
    base_url = "http://127.0.0.1:5800/base"
    queued_for = 0.0
    load_time = 0.0

    def __init__(self, client: Agent) -> None:
        self.client = client
        self.released = 0

    def release(self) -> None:
        self.released += 1


class FakeLeases:
    """
    Leases that are granted by hand.
    """

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []
        self.told: list[Callable[[int], None] | None] = []
        self.watched: list[Deferred[None]] = []
        self.withdrawn = 0

    def acquire(
        self, model_id: str, on_position: Callable[[int], None] | None = None
    ) -> Deferred[Any]:
        assert model_id == "m"
        self.told.append(on_position)
        self.asked.append(Deferred(self._withdraw))
        return self.asked[-1]

    def _withdraw(self, _: Deferred[Any]) -> None:
        self.withdrawn += 1

    def when_not_ready(self, model_id: str) -> Deferred[None]:
        assert model_id == "m"
        self.watched.append(Deferred())
        return self.watched[-1]


@implementer(ISwitchingDownstream)
class FakeDownstream:
    """
    A client that remembers what it was sent.

    :ivar log: every call but those of the body, in order.
    """

    def __init__(self) -> None:
        self.on_gone: Callable[[], None] | None = None
        self.log: list[Any] = []
        self.producer: Any = None
        self.buffered = b""
        self.packets: list[bytes] = []
        self.transport = Transport()
        self.early = b""

    @property
    def body(self) -> bytes:
        return b"".join(self.packets)

    def registerProducer(self, producer: object, streaming: bool) -> None:
        assert streaming
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        assert self.producer is not None
        self.producer = None

    def inform(
        self, code: int, phrase: bytes, headers: Sequence[tuple[bytes, bytes]]
    ) -> None:
        self.log.append(("inform", code, phrase, list(headers)))

    def begin(
        self,
        code: int,
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        length: int | None,
    ) -> None:
        self.log.append(("begin", code, phrase, list(headers), length))

    def send(self, data: bytes) -> None:
        self.buffered += data

    def flush(self) -> None:
        self.packets.append(self.buffered)
        self.buffered = b""

    def switch(
        self,
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        successor: Any,
        close: Callable[[], None] | None,
    ) -> bytes:
        self.log.append(("switch", phrase, list(headers)))
        self.close = close
        self.successor: Any = successor
        self.successor.makeConnection(self.transport)
        return self.early

    def end(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self.flush()
        self.log.append(("end", list(trailers)))

    def cut(self) -> None:
        self.flush()
        self.log.append("cut")

    def refuse(self, error: RequestError) -> None:
        self.log.append(error)

    def leave(self) -> None:
        """
        The client is gone.
        """
        if self.producer is not None:
            self.producer.stopProducing()
        assert self.on_gone is not None
        self.on_gone()


STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    """
    A chunk of a body.
    """
    return b"%x\r\n%b\r\n" % (len(data), data)


class RelayTests(SynchronousTestCase):
    """
    A request goes up, its response comes back, and its lease is released once.
    """

    def setUp(self) -> None:
        self.begin()

    def begin(self, method: bytes = b"POST", body: Any = b"{}") -> None:
        """
        A relay that waits for its model.
        """
        self.upstream = Upstream()
        self.clock = self.upstream.reactor
        self.client = Agent(self.clock, Timeouts(response_header=7))
        self.leases = FakeLeases()
        self.downstream = FakeDownstream()
        self.given: list[FakeLease] = []
        self.method = method
        self.relay = Relay(
            self.clock,
            self.leases,
            self.downstream,
            "m",
            method,
            b"/v1/x",
            b"a=b",
            [(b"Host", b"h")],
            body,
        )
        self.relay.start()

    def grant(self) -> FakeLease:
        """
        Let the latest wait for the model be over.
        """
        lease = FakeLease(self.client)
        self.given.append(lease)
        self.leases.asked[-1].callback(lease)
        return lease

    def connect(self) -> Any:
        """
        Grant, connect, and take what is sent up.
        """
        self.grant()
        side = self.upstream.accept()
        self.sent = side.received()
        return side

    def assert_released(self) -> None:
        self.assertEqual(
            [lease.released for lease in self.given], [1] * len(self.given)
        )

    def test_fake(self) -> None:
        """
        The client of these tests is one.
        """
        verifyObject(ISwitchingDownstream, self.downstream)

    def test_streams(self) -> None:
        """
        Head and first chunk are one packet, each later read is one more, and
        the lease is held to the end.
        """
        side = self.connect()
        self.assertEqual(
            self.sent,
            b"POST /base/v1/x?a=b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
        )
        side.send(STREAM + chunk(b"data: 1\n\n"))
        headers = [
            (b"Content-Type", b"text/event-stream"),
            (b"X-Accel-Buffering", b"no"),
        ]
        self.assertEqual(self.downstream.log, [("begin", 200, b"OK", headers, None)])
        side.send(chunk(b"data: 2\n\n") + chunk(b"data: 3\n\n"))
        self.assertEqual(
            self.downstream.packets, [b"data: 1\n\n", b"data: 2\n\ndata: 3\n\n"]
        )
        self.assertEqual(self.given[0].released, 0)
        side.send(b"0\r\nX-T: 1\r\nConnection: x\r\n\r\n")
        self.assertEqual(self.downstream.log[1:], [("end", [(b"X-T", b"1")])])
        self.assertIsNone(self.downstream.producer)
        self.assert_released()

    def test_head_alone(self) -> None:
        """
        A head is sent on when it comes, though the first of the body may be long in
        coming: clients have a timeout for it.
        """
        side = self.connect()
        side.send(STREAM)
        self.assertEqual(self.downstream.packets, [b""])
        side.send(chunk(b"data: 1\n\n"))
        self.assertEqual(self.downstream.packets, [b"", b"data: 1\n\n"])

    def test_small(self) -> None:
        """
        A response that comes at once goes back in one packet.
        """
        self.connect().send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        self.assertEqual(self.downstream.packets, [b"hi"])
        self.assertEqual(self.downstream.log[-1], ("end", []))
        self.assert_released()

    def test_head(self) -> None:
        """
        HEAD has the length of the body that it does not have.
        """
        self.begin(b"HEAD", b"")
        self.connect().send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        self.assertEqual(
            self.downstream.log, [("begin", 200, b"OK", [], 9), ("end", [])]
        )
        self.assert_released()

    def test_until_closed(self) -> None:
        """
        A body that ends with its connection is whole.
        """
        side = self.connect()
        side.send(b"HTTP/1.1 200 OK\r\n\r\nall")
        side.close()
        self.assertEqual(self.downstream.body, b"all")
        self.assertEqual(self.downstream.log[-1], ("end", []))
        self.assert_released()

    def test_interim(self) -> None:
        """
        Interim responses pass, without what belongs to one hop.
        """
        self.connect().send(b"HTTP/1.1 103 Hints\r\nLink: a\r\nKeep-Alive: b\r\n\r\n")
        self.assertEqual(
            self.downstream.log, [("inform", 103, b"Hints", [(b"Link", b"a")])]
        )

    def test_slow_client(self) -> None:
        """
        A slow client pauses the model.
        """
        side = self.connect()
        side.send(STREAM)
        self.downstream.producer.pauseProducing()
        self.assertEqual(side.transport.producerState, "paused")
        self.downstream.producer.resumeProducing()
        self.assertEqual(side.transport.producerState, "producing")

    def test_gone_while_waiting(self) -> None:
        """
        A client that leaves while it waits withdraws its request.
        """
        self.downstream.leave()
        self.assertEqual(self.leases.withdrawn, 1)
        self.assertEqual(self.downstream.log, [])

    def test_gone_while_connecting(self) -> None:
        """
        A client that leaves while its model is dialled stops that.
        """
        self.grant()
        self.downstream.leave()
        self.assertTrue(self.upstream.reactor.connectors[0].stoppedConnecting)
        self.assert_released()

    def test_gone_before_head(self) -> None:
        """
        A client that leaves before the head stops the model.
        """
        side = self.connect()
        self.downstream.leave()
        self.assertTrue(side.transport.disconnected)
        side.close()
        self.assertEqual(self.downstream.log, [])
        self.assert_released()

    def test_gone_in_stream(self) -> None:
        """
        A client that leaves in mid-stream stops the model.
        """
        for wire in (STREAM, STREAM + chunk(b"x")):
            self.begin()
            side = self.connect()
            side.send(wire)
            self.downstream.leave()
            self.assertTrue(side.transport.disconnected)
            side.close()
            self.assertEqual(len(self.downstream.log), 1)
            self.assert_released()

    def test_gone_at_head(self) -> None:
        """
        A client that leaves just as the head comes is sent nothing more.
        """
        side = self.connect()

        def leave(*_: Any) -> None:
            self.downstream.leave()

        self.patch(self.downstream, "begin", leave)
        side.send(STREAM + chunk(b"x"))
        self.assertTrue(side.transport.disconnected)
        self.assertEqual(self.downstream.body, b"")
        self.assert_released()

    def test_cancelled_while_waiting(self) -> None:
        """
        A request that is cancelled while it waits is withdrawn, and its client told.
        """
        error = RequestCancelled()
        self.relay.cancel(error)
        self.assertEqual(self.leases.withdrawn, 1)
        self.assertEqual(self.downstream.log, [error])

    def test_cancelled_before_head(self) -> None:
        """
        One that is cancelled before there is an answer ends at both sides.
        """
        side = self.connect()
        error = RequestCancelled()
        self.relay.cancel(error)
        self.assertTrue(side.transport.disconnected)
        side.close()
        self.assertEqual(self.downstream.log, [error])
        self.assert_released()

    def test_cancelled_in_stream(self) -> None:
        """
        One that is cancelled in mid-stream is cut, and the stream says why.
        """
        side = self.connect()
        side.send(STREAM + chunk(b"data: 1\n\n"))
        self.relay.cancel(RequestCancelled())
        self.assertTrue(side.transport.disconnected)
        side.close()
        told = self.downstream.body.removeprefix(b"data: 1\n\nevent: error\ndata: ")
        self.assertEqual(orjson.loads(told)["error"]["code"], "request_cancelled")
        self.assertEqual(self.downstream.log[1:], ["cut"])
        self.assertIsNone(self.downstream.producer)
        self.assert_released()

    def test_cancelled_amid_document(self) -> None:
        """
        A document that is cancelled is cut, without a word in it.
        """
        side = self.connect()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        self.relay.cancel(RequestCancelled())
        self.assertTrue(side.transport.disconnected)
        self.assertEqual(self.downstream.body, b"half")
        self.assertEqual(self.downstream.log[-1], "cut")
        self.assert_released()

    def test_cut(self) -> None:
        """
        A response that is cut short is never passed off as whole.
        """
        side = self.connect()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        side.close()
        self.assertEqual(self.downstream.body, b"half")
        self.assertEqual(self.downstream.log[-1], "cut")
        self.assert_released()

    def test_cut_stream(self) -> None:
        """
        A client of an event stream is told that it is cut short, in an event
        of its own.
        """
        for last, before in ((b"data: 1\n\n", b""), (b"data: 1", b"\n\n")):
            self.begin()
            side = self.connect()
            side.send(STREAM + chunk(last))
            side.reset()
            told = self.downstream.body.removeprefix(last + before)
            self.assertTrue(told.startswith(b"event: error\ndata: {"), told)
            self.assertTrue(told.endswith(b"}\n\n"))
            event = orjson.loads(told[len(b"event: error\ndata: ") :])
            self.assertEqual(event["type"], "error")
            self.assertIn("broke off", event["error"]["message"])
            self.assertEqual(self.downstream.log[-1], "cut")
            self.assert_released()

    def test_cut_compressed_stream(self) -> None:
        """
        Nothing readable is put into a compressed stream.
        """
        side = self.connect()
        side.send(
            STREAM.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
            + chunk(b"z")
        )
        side.reset()
        self.assertEqual(self.downstream.body, b"z")

    def test_no_answer(self) -> None:
        """
        A model that closes without an answer is a bad gateway.
        """
        self.connect().close()
        self.assertIsInstance(self.downstream.log[0], UpstreamUnreachable)
        self.assert_released()

    def test_too_slow(self) -> None:
        """
        A model that does not begin its answer in time is a gateway's timeout.
        """
        self.connect()
        self.clock.advance(7.1)
        self.assertIsInstance(self.downstream.log[0], UpstreamTimeout)
        self.assert_released()

    def test_refused_by_router(self) -> None:
        """
        A model that cannot be had is told as the router tells it.
        """
        error = ModelUnloaded("m")
        self.leases.asked[0].errback(error)
        self.assertEqual(self.downstream.log, [error])

    def test_router_fails(self) -> None:
        """
        A mistake in the router is answered all the same.
        """
        self.leases.asked[0].errback(KeyError())
        self.assertEqual(self.downstream.log[0].status, 500)
        self.flushLoggedErrors(KeyError)

    def refuse_connection(self) -> None:
        self.grant()
        self.upstream.fail(ConnectionRefusedError())

    def test_rescheduled(self) -> None:
        """
        A model that died a moment ago is waited for, and the request scheduled
        once more, with its body.
        """
        made: list[Sent] = []

        def make() -> Sent:
            made.append(Sent())
            return made[-1]

        self.begin(body=make)
        self.refuse_connection()
        self.assertEqual((self.downstream.log, self.given[0].released), ([], 0))
        self.leases.watched[0].callback(None)
        self.assertEqual(len(self.leases.asked), 2)
        side = self.connect()
        self.assertTrue(self.sent.endswith(b"\r\n\r\nbody"))
        side.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertEqual(self.downstream.log[-1], ("end", []))
        self.assertEqual(len(made), 2)
        self.assert_released()

    def test_rescheduled_unnoticed(self) -> None:
        """
        The death may go unnoticed for a second; a second refusal is the end.
        """
        self.refuse_connection()
        self.clock.advance(0.9)
        self.assertEqual(len(self.leases.asked), 1)
        self.clock.advance(0.2)
        self.assertEqual(len(self.leases.asked), 2)
        self.refuse_connection()
        self.assertIsInstance(self.downstream.log[0], UpstreamUnreachable)
        self.assertEqual(len(self.leases.watched), 1)
        self.assert_released()

    def test_gone_while_noticing(self) -> None:
        """
        A client that leaves meanwhile is not scheduled once more.
        """
        self.refuse_connection()
        self.downstream.leave()
        self.clock.advance(2)
        self.assertEqual((len(self.leases.asked), self.downstream.log), (1, []))
        self.assert_released()

    def test_downstream_fails(self) -> None:
        """
        A mistake on the client's side neither holds the lease nor the model.
        """
        side = self.connect()

        def fail(*_: Any) -> None:
            raise KeyError

        self.patch(self.downstream, "begin", fail)
        side.send(STREAM)
        self.assertTrue(side.transport.disconnected)
        self.assertEqual(self.downstream.log, ["cut"])
        self.assert_released()
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)


class Sent:
    """
    A body that is sent at once.
    """

    length = 4

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(b"body")
        return succeed(None)

    def pauseProducing(self) -> None:
        pass

    def resumeProducing(self) -> None:
        pass

    def stopProducing(self) -> None:
        pass
