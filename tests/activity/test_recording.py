"""
Tests for `llamaswap_tw.activity.recording` and `llamaswap_tw.activity.recorder`.
"""

from __future__ import annotations

import base64
import gc
import json
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from zope.interface.verify import verifyObject

from llamaswap_tw.activity.recording import Recording
from llamaswap_tw.activity.row import Tokens
from llamaswap_tw.errors import (
    CLIENT_GONE,
    ConcurrencyLimit,
    ModelNotFound,
    RequestCancelled,
    RequestError,
    StartFailed,
)
from llamaswap_tw.interfaces import ISwitchingDownstream
from llamaswap_tw.proxy.agent import Agent
from tests.proxy.test_relay import FakeDownstream, FakeLease, FakeLeases

from .recording import Records

PATH = b"/v1/chat/completions"

USAGE = (
    b'data: {"usage":{"prompt_tokens":7,"completion_tokens":5},'
    b'"timings":{"prompt_n":7,"predicted_n":5,"prompt_per_second":70.5,'
    b'"predicted_per_second":20.25}}\n\n'
)

STREAM = [(b"Content-Type", b"text/event-stream"), (b"Set-Cookie", b"s3cret")]


class FakeClient:
    """
    A client's request.
    """

    def __init__(self, method: bytes = b"POST") -> None:
        self.method = method
        self.requestHeaders = Headers()
        self.refused: RequestError | None = None
        self.refused_with: tuple[Sequence[tuple[bytes, bytes]], bytes] = ((), b"")
        self.remote_ip = "192.0.2.1"
        self.ended: Callable[[], None] = lambda: None

    def at_end(self, ended: Callable[[], None]) -> None:
        self.ended = ended


class FakeRelay:
    """
    Remembers that it was started and cancelled.
    """

    def __init__(self) -> None:
        self.log: list[Any] = []

    def start(self) -> None:
        self.log.append("start")

    def cancel(self, error: RequestError) -> None:
        self.log.append(error)


class RecordingTestCase(SynchronousTestCase):
    """
    One request to a model.
    """

    budget = 0

    def setUp(self) -> None:
        self.clock = Clock()
        self.records = Records(self.clock, self.budget)
        self.client = FakeClient()
        self.downstream = FakeDownstream()
        self.relay = FakeRelay()
        self.leases = FakeLeases()
        self.released = 0

    def begin(
        self, model: str = "m", path: bytes = PATH, body: bytes | None = b"{}"
    ) -> Recording:
        """
        A request is on its way.
        """
        recorder = self.records.recorder
        recording = recorder.begin(self.client, model, path, {}, self.release)
        headers = [
            (name, value)
            for name, values in self.client.requestHeaders.getAllRawHeaders()
            for value in values
        ]
        size = 70_000_000 if body is None else len(body)
        recorder.sent_up(recording, headers, body, size)
        recording.around(self.downstream)
        recording.start(self.relay)
        return recording

    def release(self) -> None:
        self.released += 1

    def answer(self, recording: Recording, *pieces: bytes, code: int = 200) -> None:
        """
        The model answers with a stream.
        """
        recording.begin(code, b"", STREAM, None)
        for piece in pieces:
            recording.send(piece)
            recording.flush()

    def row(self) -> Any:
        """
        The row that the request left, when it is over.
        """
        self.client.ended()
        (row,) = self.records.rows
        self.assertEqual(self.records.in_flight.snapshot(), [])
        self.assertEqual(self.released, 1)
        return row


class RowTests(RecordingTestCase):
    """
    What is kept of a request, however it ends.
    """

    def test_interface(self) -> None:
        """
        A recording is a client to its relay.
        """
        self.assertTrue(verifyObject(ISwitchingDownstream, self.begin()))

    def test_done(self) -> None:
        """
        A whole answer leaves its tokens, its times and its status.
        """
        self.client.requestHeaders.addRawHeader(b"x-session-id", b"talk")
        recording = self.begin()
        lease = FakeLease(Agent(self.clock, None))  # type: ignore[arg-type]  # as much of it as is used
        lease.queued_for, lease.load_time = 2.5, 2.25
        recording.leases(self.leases).acquire("m")
        self.leases.asked[0].callback(lease)
        self.clock.advance(3)
        self.answer(recording, b"data: {}\n\n")
        self.clock.advance(1)
        recording.send(USAGE)
        recording.end()
        row = self.row()
        self.assertEqual(row.timestamp, 1_700_000_000.0)
        self.assertEqual((row.model, row.req_path), ("m", PATH.decode()))
        self.assertEqual(row.resp_content_type, "text/event-stream")
        self.assertEqual((row.resp_status_code, row.error_msg), (200, ""))
        self.assertEqual(
            row.tokens,
            Tokens(
                input_tokens=7,
                output_tokens=5,
                cache_tokens=-1,
                draft_tokens=-1,
                draft_acc_tokens=-1,
                prompt_per_second=70.5,
                tokens_per_second=20.25,
            ),
        )
        self.assertEqual(row.duration_ms, 4000)
        self.assertEqual(
            row.metadata,
            {
                "session_id": "talk",
                "queue_ms": "2500",
                "load_ms": "2250",
                "ttft_ms": "3000",
            },
        )
        self.assertEqual(self.records.told, [1])

    def test_passes_on(self) -> None:
        """
        All that the relay answers reaches the client, as it came.
        """
        recording = self.begin()
        recording.inform(103, b"Hints", [])
        self.answer(recording, b"a", b"b")
        recording.registerProducer("producer", True)
        recording.unregisterProducer()
        recording.end([(b"X-T", b"1")])
        self.assertEqual(
            self.downstream.log,
            [
                ("inform", 103, b"Hints", []),
                ("begin", 200, b"", STREAM, None),
                ("end", [(b"X-T", b"1")]),
            ],
        )
        self.assertEqual(self.downstream.packets[:2], [b"a", b"b"])

        def gone() -> None:
            """Nobody calls it."""

        recording.on_gone = gone
        self.assertIs(self.downstream.on_gone, gone)

    def test_refused(self) -> None:
        """
        A request that gets no model, or one that is loaded in vain, leaves why.
        """
        for error in (ConcurrencyLimit("m", 1), StartFailed("m", "exit status 1", "")):
            self.setUp()
            self.begin().refuse(error)
            self.client.refused_with = [(b"content-type", b"text/plain")], b"no"
            row = self.row()
            self.assertEqual(row.resp_content_type, "text/plain")
            self.assertEqual(row.resp_status_code, error.status)
            self.assertEqual(row.error_msg, str(error)[:500])
            self.assertEqual(row.tokens, Tokens())

    def test_unknown_model(self) -> None:
        """
        One for a model that there is not leaves the name that it asked for; but the
        metrics have no label that a client made up.
        """
        self.records.recorder.begin(self.client, "nobody", PATH, {}, self.release)
        self.client.refused = ModelNotFound("nobody")
        row = self.row()
        self.assertEqual((row.model, row.resp_status_code), ("nobody", 404))
        self.assertIn("nobody", row.error_msg)
        self.assertNotIn("nobody", str(self.records.metrics._requests))

    def test_client_gone_before(self) -> None:
        """
        A client that leaves before there is an answer.
        """
        self.begin()
        row = self.row()
        self.assertEqual(row.resp_status_code, CLIENT_GONE)
        self.assertEqual(row.error_msg, "the client left before there was an answer")

    def test_client_gone_amid(self) -> None:
        """
        A client that leaves in mid-stream: what was told of tokens till then counts.
        """
        recording = self.begin()
        self.answer(recording, USAGE)
        row = self.row()
        self.assertEqual((row.resp_status_code, row.tokens.output_tokens), (200, 5))
        self.assertEqual(row.error_msg, "the client left before its end")

    def test_cut(self) -> None:
        """
        A model that breaks off.
        """
        recording = self.begin()
        self.answer(recording, b"data: 1\n\n")
        recording.cut()
        row = self.row()
        self.assertEqual(row.resp_status_code, 200)
        self.assertIn("broke off", row.error_msg)

    def test_cancelled(self) -> None:
        """
        An operator ends it: the relay is told, and the row tells.
        """
        recording = self.begin()
        (entry,) = self.records.in_flight.snapshot()
        self.assertTrue(self.records.in_flight.cancel(entry["id"]))
        start, error = self.relay.log
        self.assertEqual(start, "start")
        self.assertIsInstance(error, RequestCancelled)
        recording.refuse(error)
        row = self.row()
        self.assertEqual(row.resp_status_code, error.status)
        self.assertEqual(row.error_msg, str(error))

    def test_cancelled_early(self) -> None:
        """
        One that is cancelled while its body is still looked into goes to no model.
        """
        recorder = self.records.recorder
        recording = recorder.begin(self.client, "m", PATH, {}, self.release)
        (entry,) = self.records.in_flight.snapshot()
        self.assertTrue(self.records.in_flight.cancel(entry["id"]))
        recording.around(self.downstream)
        recording.start(self.relay)
        self.assertEqual(self.relay.log, [])
        (error,) = self.downstream.log
        self.assertIsInstance(error, RequestCancelled)
        self.assertEqual(self.row().resp_status_code, CLIENT_GONE)

    def test_model_refuses(self) -> None:
        """
        An error of the model's own leaves its message.
        """
        recording = self.begin()
        recording.begin(500, b"Oops", [(b"Content-Type", b"application/json")], None)
        recording.send(b'{"error":{"message":"out of memory"}}')
        recording.end()
        row = self.row()
        self.assertEqual((row.resp_status_code, row.error_msg), (500, "out of memory"))

    def test_once(self) -> None:
        """
        A request leaves one row, though its end be told twice.
        """
        recording = self.begin()
        recording.end()
        self.client.ended()
        recording.ended()
        self.row()

    def test_no_garbage(self) -> None:
        """
        One that is over leaves nothing that the collector of garbage has to find.
        """
        # What other tests left may leave something in its turn.
        while gc.collect():
            pass
        gc.disable()
        self.addCleanup(gc.enable)
        recording = self.begin()
        self.answer(recording, USAGE)
        recording.end()
        self.row()
        # As requests do.
        self.client.ended = lambda: None
        self.client = FakeClient()
        del recording
        self.assertEqual(gc.collect(), 0)

    def test_not_posted(self) -> None:
        """
        What is not posted leaves no row, but is in flight and is counted.
        """
        self.client.method = b"GET"
        recording = self.begin()
        self.assertEqual(len(self.records.in_flight.snapshot()), 1)
        self.answer(recording, b"x")
        recording.end()
        self.client.ended()
        self.assertEqual(self.records.rows, [])
        self.assertEqual(self.records.metrics._requests, {("m", PATH.decode(), 200): 1})

    def test_full_disk(self) -> None:
        """
        A row that could not be kept is not told of.
        """
        self.records.store.is_full = True
        self.begin().end()
        self.row()
        self.assertEqual(self.records.told, [])

    def test_retried(self) -> None:
        """
        A request whose model died under it waits twice, and both count.
        """
        recording = self.begin()
        leases = recording.leases(self.leases)
        for _ in range(2):
            leases.acquire("m")
            lease = FakeLease(Agent(self.clock, None))  # type: ignore[arg-type]  # as much of it as is used
            lease.queued_for = lease.load_time = 1.5
            self.leases.asked[-1].callback(lease)
        recording.end()
        metadata = self.row().metadata
        self.assertEqual((metadata["queue_ms"], metadata["load_ms"]), ("3000", "3000"))

    def test_session_cut(self) -> None:
        """
        A client cannot fill the rows with the name of its session.
        """
        self.client.requestHeaders.addRawHeader(b"X-Session-ID", b"s" * 5000)
        self.begin().end()
        self.assertLessEqual(len(self.row().metadata["session_id"]), 200)

    def test_model_cut(self) -> None:
        """
        Nor with the name of a model that is not known, which may be as long as a body.
        """
        self.begin(model="m" * 1_000_000).end()
        self.assertLessEqual(len(self.records.in_flight.snapshot()[0]["model"]), 2048)
        self.assertLessEqual(len(self.row().model), 2048)

    def test_waited_in_vain(self) -> None:
        """
        A request that was refused in the end tells how long it had waited.
        """
        asked = self.begin().leases(self.leases).acquire("m")
        self.clock.advance(2.5)
        self.leases.asked[-1].errback(ConcurrencyLimit("m", 1))
        self.failureResultOf(asked, ConcurrencyLimit)
        self.clock.advance(1)
        self.assertEqual(self.row().metadata, {"queue_ms": "2500"})

    def test_left_while_waiting(self) -> None:
        """
        So does one whose client left before that.
        """
        self.begin().leases(self.leases).acquire("m")
        self.clock.advance(1.5)
        self.assertEqual(self.row().metadata, {"queue_ms": "1500"})

    def test_refused_at_once(self) -> None:
        """
        One that was refused at once has not waited.
        """
        recording = self.begin()
        recording.leases(self.leases)
        recording.refuse(ConcurrencyLimit("m", 1))
        self.assertEqual(self.row().metadata, {})


class InFlightTests(RecordingTestCase):
    """
    What others see of a request on its way.
    """

    def test_grows(self) -> None:
        """
        Its bytes and headers are seen as they come, secrets not.
        """
        recording = self.begin()
        self.answer(recording, b"12345", b"678")
        (entry,) = self.records.in_flight.snapshot()
        self.assertEqual(entry["resp_bytes"], 8)
        self.assertEqual(entry["resp_headers"]["Content-Type"], "text/event-stream")
        self.assertNotIn("s3cret", str(entry))
        self.assertEqual(entry["remote_ip"], "192.0.2.1")

    def test_tunnel(self) -> None:
        """
        A tunnel is in flight until its connection is closed.
        """
        self.client.method = b"GET"
        recording = self.begin()
        recording.switch(b"Switching", [(b"A", b"b")], FakeTunnel(), None)
        (entry,) = self.records.in_flight.snapshot()
        self.assertEqual(entry["resp_headers"], {"A": "b"})
        self.client.ended()
        self.assertEqual(self.records.in_flight.snapshot(), [])


class FakeTunnel:
    """
    What a connection is given to.
    """

    def makeConnection(self, transport: object) -> None:
        pass


class CaptureTests(RecordingTestCase):
    """
    Bodies that are captured.
    """

    budget = 100_000

    def shown(self) -> dict[str, Any]:
        """
        The only capture there is.
        """
        document = self.successResultOf(self.records.captures.get(1))
        assert document is not None
        found: dict[str, Any] = json.loads(json.dumps(document))
        return found

    def test_kept(self) -> None:
        """
        What goes up and what comes back is kept under the row's id.
        """
        self.client.requestHeaders.addRawHeader(b"Authorization", b"Bearer s3cret")
        recording = self.begin(body=b'{"model":"m"}')
        self.answer(recording, b"data: 1\n\n", b"data: 2\n\n")
        recording.end()
        self.row()
        shown = self.shown()
        self.assertEqual(shown["req_path"], PATH.decode())
        self.assertEqual(base64.b64decode(shown["req_body"]), b'{"model":"m"}')
        self.assertEqual(
            base64.b64decode(shown["resp_body"]), b"data: 1\n\ndata: 2\n\n"
        )
        self.assertNotIn("s3cret", str(shown))

    def test_refused(self) -> None:
        """
        Of a request that was refused there is the request, and of the refusal the
        headers.
        """
        self.begin(body=b"{}").refuse(ConcurrencyLimit("m", 1))
        self.client.refused_with = [(b"Retry-After", b"1")], b"too many"
        self.row()
        shown = self.shown()
        self.assertEqual(base64.b64decode(shown["req_body"]), b"{}")
        self.assertEqual(shown["resp_headers"], {"Retry-After": "1"})
        self.assertEqual((shown["resp_body"], shown["resp_body_size"]), (None, 8))

    def test_in_a_file(self) -> None:
        """
        A body that was too large for memory is not read again: it is marked as cut,
        and its size is told.
        """
        self.begin(body=None).end()
        self.row()
        shown = self.shown()
        self.assertEqual(shown["req_body"], "")
        self.assertEqual(shown["req_body_size"], 70_000_000)
        self.assertTrue(shown["req_body_truncated"])

    def test_pictures_in_a_file(self) -> None:
        """
        One that would not be kept in any case was cut nowhere.
        """
        self.begin(path=b"/v1/images/edits", body=None).end()
        self.row()
        shown = self.shown()
        self.assertIsNone(shown["req_body"])
        self.assertFalse(shown["req_body_truncated"])

    def test_no_row(self) -> None:
        """
        Without a row there is no capture, and its room is free again.
        """
        self.records.store.is_full = True
        recording = self.begin(body=b"x" * 5000)
        recording.end()
        self.row()
        self.assertEqual(self.records.captures.size, 0)
