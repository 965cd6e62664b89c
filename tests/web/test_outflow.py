"""
Tests for `llamaswap_tw.web.outflow` and for what goes of `llamaswap_tw.web.http2`.
"""

from __future__ import annotations

from typing import Any

from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from llamaswap_tw.errors import BadRequest
from llamaswap_tw.web.request import Request

from .http2 import Connection2, Http2TestCase

KILOBYTE = 1024

#: The window that a client begins with.
WINDOW = 65_535


@implementer(IPushProducer)
class Pump:
    """
    Records how it is paced.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


class ResponseTests(Http2TestCase):
    """
    Responses on their way out.
    """

    def test_response(self) -> None:
        """
        A head in lower case, without what belongs to a connection; a body in
        pieces, as they are flushed; an end.
        """
        request, stream_id = self.begin()
        headers = [
            (b"X-Mine", b" 1 "),
            (b"Connection", b"close"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Keep-Alive", b"timeout=5"),
            (b"Bad Name", b"1"),
            (b"X-Bad", b"a\0b"),
        ]
        request.begin(200, b"OK", headers, None)
        request.send(b"one")
        request.flush()
        self.connection.exchange()
        seen = self.connection.seen[stream_id]
        date = "Thu, 01 Jan 1970 00:00:00 GMT"
        self.assertEqual(seen.headers, {":status": "200", "x-mine": "1", "date": date})
        self.assertEqual((seen.body, seen.ended), (b"one", False))
        request.send(b"two")
        request.end()
        self.connection.exchange()
        self.assertEqual((seen.body, seen.ended), (b"onetwo", True))
        self.assertEqual(self.connection.channel.streams, {})

    def test_dated(self) -> None:
        """
        A model's date and length are told as they are.
        """
        request, stream_id = self.begin()
        request.begin(200, b"OK", [(b"Date", b"then")], 2)
        request.send(b"ok")
        request.end()
        self.connection.exchange()
        self.assertEqual(
            self.connection.seen[stream_id].headers,
            {":status": "200", "date": "then", "content-length": "2"},
        )

    def test_no_body(self) -> None:
        """
        A response without a body is a head alone.
        """
        request, stream_id = self.begin("HEAD")
        request.begin(200, b"OK", [], 1000)
        request.end()
        self.connection.exchange()
        seen = self.connection.seen[stream_id]
        self.assertEqual(seen.headers["content-length"], "1000")
        self.assertEqual((seen.body, seen.ended), (b"", True))
        request, stream_id = self.begin("HEAD")
        request.refuse(BadRequest("odd"))
        self.connection.exchange()
        seen = self.connection.seen[stream_id]
        self.assertEqual((seen.status, seen.body, seen.ended), (400, b"", True))

    def test_interim_and_trailers(self) -> None:
        """
        Interim responses and trailers pass.
        """
        request, stream_id = self.begin()
        request.inform(103, b"Early Hints", [(b"Link", b"</a>")])
        request.begin(200, b"OK", [(b"Trailer", b"x-sum")], None)
        request.send(b"x")
        request.end([(b"X-Sum", b"1")])
        self.connection.exchange()
        seen = self.connection.seen[stream_id]
        self.assertEqual(seen.informed, [{":status": "103", "link": "</a>"}])
        self.assertEqual(seen.trailers, {"x-sum": "1"})
        self.assertEqual((seen.body, seen.ended), (b"x", True))

    def test_at_once(self) -> None:
        """
        The responses to requests of one connection come in any order.
        """
        first, one = self.begin()
        second, two = self.begin()
        second.respond(200, [], b"2")
        self.connection.exchange()
        self.assertTrue(self.connection.seen[two].ended)
        self.assertFalse(self.connection.seen[one].headers)
        first.respond(200, [], b"1")
        self.connection.exchange()
        self.assertEqual(self.connection.seen[one].body, b"1")

    def test_cut(self) -> None:
        """
        A response that will never be whole is reset behind what there is of it, with
        a moment to read that.
        """
        request, stream_id = self.begin()
        gone: list[int] = []
        ended: list[int] = []
        request.at_end(lambda: ended.append(1))
        request.on_gone = lambda: gone.append(1)
        request.begin(200, b"OK", [], None)
        request.send(b"half")
        request.cut()
        self.connection.exchange()
        seen = self.connection.seen[stream_id]
        self.assertEqual((seen.body, seen.ended), (b"half", False))
        self.assertIsNone(seen.reset)
        self.connection.clock.advance(0.1)
        self.connection.exchange()
        self.assertFalse(seen.ended)
        self.assertEqual(seen.reset, ErrorCodes.INTERNAL_ERROR)
        self.assertEqual(ended, [1])
        self.assertEqual(self.connection.channel.streams, {})
        self.connection.ask()
        self.assertEqual(len(self.requests), 2)

    def test_cut_stalled(self) -> None:
        """
        A client that is slow to read gets to the reset behind what there was.
        """
        self.connection.reads = False
        request, stream_id = self.begin()
        request.begin(200, b"OK", [], None)
        request.send(b"x" * (WINDOW + 10))
        request.cut()
        self.connection.exchange()
        seen = self.connection.seen[stream_id]
        self.connection.clock.advance(1)
        self.connection.exchange()
        self.assertIsNone(seen.reset)
        self.connection.read_on(100, stream_id)
        self.connection.clock.advance(0.1)
        self.connection.exchange()
        self.assertEqual(len(seen.body), WINDOW + 10)
        self.assertEqual(seen.reset, ErrorCodes.INTERNAL_ERROR)

    def test_client_resets(self) -> None:
        """
        A client that resets a stream is gone for that request alone.
        """
        gone = []
        stays, _ = self.begin()
        stays.on_gone = lambda: gone.append("other")
        request, stream_id = self.begin()
        request.on_gone = lambda: gone.append("this")
        request.begin(200, b"OK", [], None)
        request.flush()
        self.connection.h2.reset_stream(stream_id)
        self.connection.exchange()
        self.assertEqual(gone, ["this"])
        # What comes for it is for nobody.
        request.send(b"x")
        request.flush()
        request.end()
        self.connection.exchange()
        self.assertEqual(gone, ["this"])

    def test_reset_at_once(self) -> None:
        """
        A request that comes together with its reset, as a router may have answered
        it by then, disturbs nothing.
        """

        def answer(request: Request) -> None:
            self.requests.append(request)
            request.respond(200, [], b"x" * 100)

        self.connection = connection = Connection2(answer)
        client = connection.h2
        fields = [(":method", "GET"), (":scheme", "https"), (":authority", "h")]
        client.send_headers(1, [*fields, (":path", "/")], end_stream=True)
        client.reset_stream(1)
        connection.exchange()
        self.assertEqual(len(self.requests), 1)
        self.assertEqual(connection.channel.streams, {})
        self.assertEqual(connection.ask().status, 200)

    def test_all_gone(self) -> None:
        """
        A client that leaves is gone for all its requests, whether it says so or not.
        """
        gone: list[int] = []
        for leave in (
            lambda: self.connection.leave(),
            lambda: self.connection.h2.close_connection(),
        ):
            self.connect()
            first, _ = self.begin()
            second, _ = self.begin()
            gone.clear()
            first.on_gone = lambda: gone.append(1)
            second.on_gone = lambda: gone.append(2)
            leave()
            self.connection.exchange()
            self.assertEqual(gone, [1, 2])

    def test_resource(self) -> None:
        """
        A resource writes as it does over HTTP/1.
        """
        request, stream_id = self.begin()

        def render(request: Request) -> None:
            request.setHeader(b"Content-Type", b"text/plain")
            request.write(b"one")
            request.write(b"two")
            request.finish()

        request.enter_resource(render)
        self.connection.exchange()
        seen = self.connection.seen[stream_id]
        self.assertEqual(seen.headers["content-type"], "text/plain")
        self.assertNotIn("connection", seen.headers)
        self.assertEqual((seen.body, seen.ended), (b"onetwo", True))

    def test_resource_of_a_client_that_is_gone(self) -> None:
        """
        A resource is told that its client is gone.
        """
        request, stream_id = self.begin()
        told: list[Any] = []
        request.enter_resource(
            lambda request: request.notifyFinish().addErrback(told.append)
        )
        self.connection.h2.reset_stream(stream_id)
        self.connection.exchange()
        self.assertEqual(len(told), 1)

    def test_mistake(self) -> None:
        """
        A mistake of ours is an error for its client, and nobody else's.
        """

        def route(request: Request) -> None:
            raise ZeroDivisionError

        self.connection = Connection2(route)
        self.assertEqual(self.connection.ask().status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_end_soon(self) -> None:
        """
        The end of what would never end by itself is not waited for: a stream whose
        client does not read is reset.
        """
        self.connection.reads = False
        request, stream_id = self.begin()
        request.begin(200, b"OK", [], None)
        request.send(b"x" * (WINDOW + 1))
        request.end_soon()
        quick, other = self.begin()
        quick.begin(200, b"OK", [], None)
        quick.end_soon()
        self.connection.exchange()
        self.assertTrue(self.connection.seen[other].ended)
        self.connection.clock.advance(2)
        self.connection.exchange()
        seen = self.connection.seen[stream_id]
        self.assertEqual(seen.reset, ErrorCodes.INTERNAL_ERROR)
        self.assertIsNone(self.connection.seen[other].reset)


class PaceTests(Http2TestCase):
    """
    A stream's client is its pace, and no other's.
    """

    def setUp(self) -> None:
        super().setUp()
        self.connection.reads = False
        # Only the streams' own windows are in the way.
        self.connection.h2.increment_flow_control_window(10_000_000)

    def stream(self) -> tuple[Request, int, Pump]:
        """
        A response that has begun, and where it comes from.
        """
        request, stream_id = self.begin()
        pump = Pump()
        request.begin(200, b"OK", [], None)
        request.registerProducer(pump, True)
        request.flush()
        return request, stream_id, pump

    def fill(self, request: Request, pump: Pump) -> int:
        """
        Send until it is paused.

        :returns: how much that was.
        """
        sent = 0
        while "pause" not in pump.told[-1:]:
            request.send(b"x" * 1000)
            request.flush()
            sent += 1000
            self.assertLess(sent, 300_000)
        self.connection.exchange()
        return sent

    def test_stalled(self) -> None:
        """
        A stream that is not read is paused with less than 256 KiB held, and goes on
        when it is read; meanwhile another one flows.
        """
        request, stalled, pump = self.stream()
        sent = self.fill(request, pump)
        self.assertLess(sent - WINDOW, 256 * KILOBYTE)
        other, reading, other_pump = self.stream()
        other.send(b"y" * 1000)
        other.flush()
        self.connection.exchange()
        self.assertEqual(self.connection.seen[reading].body, b"y" * 1000)
        self.assertEqual(other_pump.told, [])
        seen = self.connection.seen[stalled]
        self.assertEqual(len(seen.body), WINDOW)
        self.connection.read_on(100_000, stalled)
        self.assertEqual(pump.told, ["pause", "resume"])
        self.assertEqual(len(seen.body), sent)
        request.unregisterProducer()
        request.end()
        self.connection.exchange()
        self.assertTrue(seen.ended)

    def test_connection_stalled(self) -> None:
        """
        Where the whole connection is not read, each of its streams is paused, and
        they go on in turns.
        """
        self.connect()
        self.connection.reads = False
        first, one, first_pump = self.stream()
        second, two, second_pump = self.stream()
        self.fill(first, first_pump)
        self.fill(second, second_pump)
        self.assertEqual(self.connection.seen[two].body, b"")
        self.connection.h2.increment_flow_control_window(200_000, one)
        self.connection.h2.increment_flow_control_window(200_000, two)
        self.connection.h2.increment_flow_control_window(64_000)
        self.connection.exchange()
        bodies = [self.connection.seen[each] for each in (one, two)]
        self.assertApproximates(len(bodies[0].body) - WINDOW, 32_000, 17_000)
        before = len(bodies[1].body)
        self.assertApproximates(before, 32_000, 17_000)
        for _ in range(4):
            # However little there is each time, each has its turn.
            self.connection.h2.increment_flow_control_window(1000)
            self.connection.exchange()
        self.assertEqual(len(bodies[1].body) - before, 2000)

    def test_transport_paused(self) -> None:
        """
        Where the transport takes no more, nothing is given to it, not even the
        heads of new responses; when it does, all goes on.
        """
        channel = self.connection.channel
        request, stream_id, _ = self.stream()
        channel.pauseProducing()
        request.send(b"x")
        request.flush()
        seen = self.connection.ask()
        self.requests[-1].respond(204, [], b"")
        self.connection.exchange()
        self.assertEqual(self.connection.seen[stream_id].body, b"")
        self.assertEqual(seen.headers, {})
        channel.resumeProducing()
        self.connection.exchange()
        self.assertEqual(self.connection.seen[stream_id].body, b"x")
        self.assertEqual(seen.status, 204)

    def test_settings_open_windows(self) -> None:
        """
        A client may open all its streams' windows by a setting.
        """
        request, stream_id, pump = self.stream()
        sent = self.fill(request, pump)
        client = self.connection.h2
        client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 10 * WINDOW})
        self.connection.exchange()
        self.connection.exchange()
        self.assertEqual(len(self.connection.seen[stream_id].body), sent)
        self.assertEqual(pump.told, ["pause", "resume"])

    def test_end_behind_a_window(self) -> None:
        """
        The end of a response waits behind what is not read yet, trailers too.
        """
        for trailers in ([], [(b"x-sum", b"1")]):
            request, stream_id, pump = self.stream()
            sent = self.fill(request, pump)
            request.unregisterProducer()
            request.end(trailers)
            self.connection.exchange()
            seen = self.connection.seen[stream_id]
            self.assertFalse(seen.ended)
            self.connection.read_on(100_000, stream_id)
            self.assertEqual((len(seen.body), seen.ended), (sent, True))
            self.assertEqual(bool(seen.trailers), bool(trailers))

    def test_paused_from_the_start(self) -> None:
        """
        A producer that begins where too much waits already is paused at once.
        """
        request, _, pump = self.stream()
        self.fill(request, pump)
        request.unregisterProducer()
        late = Pump()
        request.registerProducer(late, True)
        self.assertEqual(late.told, ["pause"])

    def test_stopped(self) -> None:
        """
        Where a client leaves, what produces its response is stopped.
        """
        _, stream_id, pump = self.stream()
        self.connection.h2.reset_stream(stream_id)
        self.connection.exchange()
        self.assertEqual(pump.told, ["stop"])
