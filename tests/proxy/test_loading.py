"""
Tests for `llamaswap_tw.proxy.loading`.
"""

from __future__ import annotations

from typing import Any

import orjson
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.errors import (
    BackingOff,
    ConcurrencyLimit,
    RequestError,
    ShuttingDown,
    StartFailed,
)
from llamaswap_tw.interfaces import IDownstream
from llamaswap_tw.proxy.agent import Agent
from llamaswap_tw.proxy.loading import LoadingDownstream, with_loading_state
from llamaswap_tw.proxy.relay import Relay
from llamaswap_tw.proxy.timeouts import Timeouts

from .support import Upstream
from .test_relay import STREAM, FakeDownstream, FakeLease, FakeLeases, chunk

HEAD = (
    "begin",
    200,
    b"OK",
    [
        (b"Content-Type", b"text/event-stream"),
        (b"Cache-Control", b"no-cache"),
        (b"X-Accel-Buffering", b"no"),
    ],
    None,
)


def answer(status: bytes, content_type: bytes, body: bytes, more: bytes = b"") -> bytes:
    """
    A model's whole answer.
    """
    return b"HTTP/1.1 %b\r\nContent-Type: %b\r\n%bContent-Length: %d\r\n\r\n%b" % (
        status,
        content_type,
        more,
        len(body),
        body,
    )


class LoadingTestCase(SynchronousTestCase):
    """
    A request whose client may be told that its model is loading.
    """

    def setUp(self) -> None:
        self.upstream = Upstream()
        self.clock = self.upstream.reactor
        self.client = Agent(self.clock, Timeouts())
        self.leases = FakeLeases()
        self.downstream = FakeDownstream()
        self.given: list[FakeLease] = []
        leases, self.told = with_loading_state(
            self.clock, self.leases, self.downstream, "m"
        )
        Relay(
            self.clock,
            leases,
            self.told,
            "m",
            b"POST",
            b"/v1/chat/completions",
            b"",
            [],
            b"{}",
        ).start()

    def place(self, position: int) -> None:
        """
        The scheduler tells the latest ticket where it stands.
        """
        on_position = self.leases.told[-1]
        assert on_position is not None
        on_position(position)

    def wait(self, position: int = 0) -> None:
        """
        The request waits for a model that is not ready.
        """
        self.place(position)
        self.clock.advance(0)
        self.leases.watched[-1].callback(None)

    def grant(self) -> None:
        """
        Let the latest wait be over.
        """
        lease = FakeLease(self.client)
        self.given.append(lease)
        self.leases.asked[-1].callback(lease)

    def connect(self) -> Any:
        """
        Grant, and take what is sent up.
        """
        self.grant()
        side = self.upstream.accept()
        side.received()
        return side

    def refuse(self, error: RequestError) -> None:
        """
        Let the latest wait end with an error.
        """
        self.leases.asked[-1].errback(error)

    def texts(self) -> list[str]:
        """
        What was told in each packet.
        """
        found = []
        for packet in self.downstream.packets:
            document = orjson.loads(packet.removeprefix(b"data: "))
            (choice,) = document["choices"]
            self.assertEqual(document, {"choices": [choice]})
            self.assertEqual(list(choice), ["delta"])
            self.assertEqual(list(choice["delta"]), ["reasoning_content"])
            self.assertTrue(packet.endswith(b"\n\n"))
            found.append(choice["delta"]["reasoning_content"])
        return found

    def error(self) -> Any:
        """
        The error that the stream ended with, as its only end.
        """
        self.assertEqual(self.downstream.log, [HEAD, ("end", [])])
        self.assertIsNone(self.downstream.producer)
        self.assert_quiet()
        event, done, rest = self.downstream.packets[-1].split(b"\n\n")
        self.assertEqual((done, rest), (b"data: [DONE]", b""))
        document = orjson.loads(event.removeprefix(b"data: "))
        self.assertEqual(list(document), ["error"])
        return document["error"]

    def assert_quiet(self) -> None:
        """
        Nothing is told any more, and each lease was given back once.
        """
        before = len(self.downstream.packets)
        self.clock.pump([0.5] * 8)
        self.assertEqual(len(self.downstream.packets), before)
        self.assertEqual(
            [lease.released for lease in self.given], [1] * len(self.given)
        )


class WaitTests(LoadingTestCase):
    """
    What a client is told while it waits.
    """

    def test_interfaces(self) -> None:
        """
        The wrapped client's side is one, and can be paused.
        """
        wrapped = LoadingDownstream(self.downstream, "m")
        verifyObject(IDownstream, wrapped)
        verifyObject(IPushProducer, wrapped)

    def test_told(self) -> None:
        """
        The head and the first line are one packet, sent when it is certain that
        the request waits; a sign of life comes at least once a second, and the
        last line has the seconds that it took.
        """
        self.assertEqual(self.downstream.log, [])
        self.wait()
        self.assertEqual(self.downstream.log, [HEAD])
        self.assertEqual(self.texts(), ["Loading model 'm'"])
        for second in range(1, 6):
            self.clock.advance(1.0)
            self.assertGreaterEqual(len(self.downstream.packets), 1 + second)
        self.assertEqual(set(self.texts()[1:]), {"."})
        self.connect()
        self.assertEqual(self.texts()[-1], "\nReady after 5.0 s\n\n")

    def test_positions(self) -> None:
        """
        Its place in the queue is told at first and whenever it changes, and that
        its turn has come.
        """
        self.wait(3)
        self.place(2)
        self.place(1)
        self.place(0)
        self.assertEqual(
            self.texts(),
            [
                "Loading model 'm', place 3 in the queue",
                "\nPlace 2 in the queue",
                "\nPlace 1 in the queue",
                "\nStarting it now",
            ],
        )

    def test_latest_position(self) -> None:
        """
        A place that is another by the time of the first line is told once.
        """
        self.place(2)
        self.place(1)
        self.clock.advance(0)
        self.leases.watched[0].callback(None)
        self.assertEqual(self.texts(), ["Loading model 'm', place 1 in the queue"])

    def test_ready(self) -> None:
        """
        Of a model that is ready nothing is told, and its answer passes as it is.
        """
        side = self.connect()
        side.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        side.send(answer(b"418 No", b"text/plain", b"tea"))
        self.assertEqual(
            self.downstream.log,
            [
                ("inform", 103, b"Early Hints", []),
                ("begin", 418, b"No", [(b"Content-Type", b"text/plain")], 3),
                ("end", []),
            ],
        )
        self.assertEqual(self.downstream.body, b"tea")
        self.assert_quiet()

    def test_ready_and_busy(self) -> None:
        """
        Nor of one that is ready, and has no slot free.
        """
        self.place(1)
        self.clock.advance(5.0)
        self.place(0)
        self.assertEqual(self.downstream.log, [])
        self.connect().send(STREAM + b"0\r\n\r\n")
        self.assertEqual(len(self.downstream.log), 2)
        self.assertEqual(self.downstream.body, b"")
        self.assertTrue(self.leases.watched[0].called)
        self.assert_quiet()

    def test_stopped_meanwhile(self) -> None:
        """
        A model that was ready and is stopped for another before the request's turn
        is told of from then on.
        """
        self.place(2)
        self.clock.advance(5.0)
        self.leases.watched[0].callback(None)
        self.assertEqual(self.texts(), ["Loading model 'm', place 2 in the queue"])

    def test_granted_at_once(self) -> None:
        """
        A wait that is over in the turn in which it began is told of by nothing.
        """
        self.place(0)
        self.connect().send(answer(b"200 OK", b"text/plain", b"hi"))
        self.clock.advance(5.0)
        self.assertEqual(self.leases.watched, [])
        self.assertEqual(self.downstream.packets, [b"hi"])

    def test_slow_client(self) -> None:
        """
        A client that does not read is told nothing until it reads on.
        """
        self.wait()
        self.downstream.producer.pauseProducing()
        self.clock.pump([1.0] * 100)
        self.place(1)
        self.assertEqual(len(self.downstream.packets), 1)
        self.downstream.producer.resumeProducing()
        self.clock.advance(1.0)
        self.assertEqual(self.texts()[1:], ["."])

    def test_client_leaves(self) -> None:
        """
        A client that leaves withdraws its request, however far it has come.
        """
        for told in (False, True):
            self.setUp()
            if told:
                self.wait(1)
            else:
                self.place(1)
            before = list(self.downstream.log)
            self.downstream.leave()
            self.assertEqual(self.leases.withdrawn, 1)
            self.assertEqual(self.downstream.log, before)
            self.assert_quiet()
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_client_leaves_while_busy(self) -> None:
        """
        So does one that waits for a slot of a model that is ready.
        """
        self.place(1)
        self.clock.advance(0)
        self.downstream.leave()
        self.assertEqual(self.leases.withdrawn, 1)
        self.assertTrue(self.leases.watched[0].called)


class AnswerTests(LoadingTestCase):
    """
    What follows on the lines.
    """

    def test_stream(self) -> None:
        """
        The model's own stream, without its head, at the client's pace.
        """
        self.wait()
        side = self.connect()
        before = len(self.downstream.packets)
        side.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        side.send(STREAM + chunk(b"data: 1\n\n"))
        self.downstream.producer.pauseProducing()
        self.assertEqual(side.transport.producerState, "paused")
        self.downstream.producer.resumeProducing()
        side.send(chunk(b"data: [DONE]\n\n") + b"0\r\nX-T: 1\r\n\r\n")
        self.assertEqual(self.downstream.log, [HEAD, ("end", [(b"X-T", b"1")])])
        self.assertEqual(
            b"".join(self.downstream.packets[before:]), b"data: 1\n\ndata: [DONE]\n\n"
        )
        self.assert_quiet()

    def test_slow_client(self) -> None:
        """
        A client that was slow before the stream began is waited for, though it may
        read on before the model answers.
        """
        for resumed in (False, True):
            self.setUp()
            self.wait()
            self.downstream.producer.pauseProducing()
            side = self.connect()
            if resumed:
                self.downstream.producer.resumeProducing()
            before = len(self.downstream.packets)
            side.send(STREAM, chunk(b"data: 1\n\n"))
            self.assertEqual(len(self.downstream.packets) > before, resumed)
            self.downstream.producer.resumeProducing()
            self.assertEqual(self.downstream.packets[-1], b"data: 1\n\n")

    def test_stream_breaks_off(self) -> None:
        """
        A stream that breaks off is explained and cut, as ever.
        """
        self.wait()
        side = self.connect()
        side.send(STREAM + chunk(b"data: 1\n\n"))
        side.reset()
        self.assertEqual(self.downstream.log, [HEAD, "cut"])
        self.assertIn(b"event: error\n", self.downstream.packets[-1])
        self.assert_quiet()

    def test_client_leaves(self) -> None:
        """
        A client that leaves in the stream ends the model's work.
        """
        self.wait()
        side = self.connect()
        side.send(STREAM + chunk(b"data: 1\n\n"))
        self.downstream.leave()
        self.assertTrue(side.transport.disconnected)
        self.assert_quiet()

    def test_dead_model(self) -> None:
        """
        A model that turns out to be dead is waited for once more, in the same
        stream.
        """
        self.wait()
        self.grant()
        self.upstream.fail(ConnectionRefusedError())
        self.leases.watched[-1].callback(None)
        self.wait(1)
        self.connect().send(STREAM + chunk(b"data: 1\n\n") + b"0\r\n\r\n")
        self.assertEqual(self.downstream.log, [HEAD, ("end", [])])
        self.assertEqual(self.downstream.body.count(b"Loading model"), 2)
        self.assertTrue(self.downstream.body.endswith(b"\n\ndata: 1\n\n"))
        self.assert_quiet()

    def test_own_error(self) -> None:
        """
        An error that the model itself tells becomes the stream's.
        """
        own = {"message": "too long", "code": 400, "n": [1, None]}
        self.wait()
        body = orjson.dumps({"error": own})
        self.connect().send(answer(b"400 Bad Request", b"application/json", body))
        self.assertEqual(self.error(), own)

    def test_no_stream(self) -> None:
        """
        Any other answer is quoted in an error of ours: of the answer's own status
        where it is one of an error.
        """
        for status, content_type, body, code, message in (
            (
                *(b"503 Busy", b"text/plain", b" come back\xff\n"),
                *("service_unavailable", "answered 503 Busy, and not with a stream; "),
            ),
            (
                *(b"200 OK", b"application/json", b'{"error": "gone"}'),
                *("bad_gateway", 'its answer:\n{"error": "gone"}'),
            ),
            (
                *(b"500 Oops", b"text/event-stream", b""),
                *("internal_error", "answered 500 Oops, and not with a stream"),
            ),
            (
                *(b"500 Oops", b"application/json", b"[]"),
                *("internal_error", "its answer:\n[]"),
            ),
        ):
            self.setUp()
            self.wait()
            self.connect().send(answer(status, content_type, body))
            error = self.error()
            self.assertIn(message, error["message"])
            self.assertIn("'m'", error["message"])
            self.assertEqual(error["code"], code)

    def test_compressed(self) -> None:
        """
        Nor can a stream in a content coding follow.
        """
        for coding, follows in ((b"gzip", False), (b"identity", True)):
            self.setUp()
            self.wait()
            more = b"Content-Encoding: %b\r\n" % coding
            self.connect().send(answer(b"200 OK", b"text/event-stream", b"x", more))
            self.assertEqual(self.downstream.packets[-1] == b"x", follows)
            self.assertEqual(self.downstream.log, [HEAD, ("end", [])])

    def test_endless(self) -> None:
        """
        Of an answer that cannot be passed on a little is read, and then no more.
        """
        self.wait()
        side = self.connect()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
        side.send(head, *[b"x" * 20_000] * 20)
        self.assertTrue(side.transport.disconnected)
        self.assertLess(len(self.error()["message"]), 2000)

    def test_rejected_breaks_off(self) -> None:
        """
        One that breaks off is told as far as it came.
        """
        self.wait()
        side = self.connect()
        side.send(answer(b"500 Oops", b"text/plain", b"half of it")[:-3])
        side.reset()
        self.assertTrue(self.error()["message"].endswith("half of"))


class RefusalTests(LoadingTestCase):
    """
    Where there is no answer of the model.
    """

    def test_at_once(self) -> None:
        """
        Refused before it waited, a request is answered with the error itself, and
        so it is where what was begun for it fails at once.
        """
        failed = StartFailed("m", "exited with status 1")
        for error in (ConcurrencyLimit("m", 10), BackingOff("m", 5.0, failed)):
            for placed in (False, True):
                self.setUp()
                if placed:
                    self.place(0)
                self.refuse(error)
                self.clock.advance(1.0)
                self.assertEqual(self.downstream.log, [error])

    def test_ready_and_busy(self) -> None:
        """
        As long as nothing was told the error is an answer of its own.
        """
        self.place(1)
        self.clock.advance(5.0)
        self.refuse(ShuttingDown())
        (error,) = self.downstream.log
        self.assertIsInstance(error, ShuttingDown)

    def test_load_fails(self) -> None:
        """
        A load that fails is an error in the stream, and its end.
        """
        self.wait()
        self.clock.advance(1.0)
        error = StartFailed("m", "exited with status 1", "out of memory")
        self.refuse(error)
        self.assertEqual(self.error(), error.as_json())

    def test_unforeseen(self) -> None:
        """
        So is what nobody foresaw.
        """
        self.wait()
        self.leases.asked[-1].errback(RuntimeError("oops"))
        self.assertEqual(self.error()["code"], "internal_error")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_unreachable(self) -> None:
        """
        So is a model that breaks off before its answer.
        """
        self.wait()
        self.connect().close()
        error = self.error()
        self.assertEqual(error["code"], "bad_gateway")
        self.assertIn("without an answer", error["message"])
