"""
Tests for `llamaswap_tw.activity.captures` and ``taken``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import orjson
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.activity.captures import OVERHEAD, Capture, Captures

from ..support import ModelTestCase

CHAT = "/v1/chat/completions"
BUDGET = 1_000_000


class Threads:
    """
    Runs what is given when told to.

    :ivar clock: the reactor's; it moves on before something is run.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.calls: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def __call__(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        result: Deferred[Any] = Deferred()
        self.calls.append((result, lambda: function(*args)))
        return result

    def run_one(self) -> None:
        result, call = self.calls.pop(0)
        maybeDeferred(call).chainDeferred(result)

    def run(self) -> None:
        self.clock.advance(0)
        while self.calls:
            self.run_one()
            self.clock.advance(0)


class CapturesTestCase(SynchronousTestCase):
    """
    Captures whose threads run when told to.
    """

    def setUp(self) -> None:
        self.threads = Threads()
        self.captures = Captures(self.threads.clock, BUDGET, self.threads)

    def capture(
        self,
        row_id: int,
        path: str = CHAT,
        request: bytes | None = b"asked",
        response: bytes = b"answered",
        code: int = 200,
    ) -> None:
        """
        Capture a whole request.
        """
        capture = self.captures.start(path, [(b"Host", b"h")], request)
        capture.response_head(code, [(b"Content-Type", b"text/plain")])
        capture.response_data(response)
        capture.keep(row_id)
        self.threads.run()

    def fields(self, row_id: int) -> Any:
        """
        What is told of a capture.
        """
        looked_up = self.captures.get(row_id)
        self.threads.run()
        return self.successResultOf(looked_up)


class FieldsTests(CapturesTestCase):
    """
    What a capture has.
    """

    def test_whole(self) -> None:
        """
        All of request and response, the bodies in base64.
        """
        capture = self.captures.start(CHAT, [(b"X-A", b"1")], b"asked")
        capture.response_head(200, [(b"X-B", b"2")])
        for piece in (b"ans", b"", b"wered"):
            capture.response_data(piece)
        capture.keep(7)
        self.threads.run()
        expected = {
            "id": 7,
            "req_path": CHAT,
            "req_headers": {"X-A": "1"},
            "req_body": "YXNrZWQ=",
            "req_body_size": 5,
            "req_body_truncated": False,
            "resp_headers": {"X-B": "2"},
            "resp_body": "YW5zd2VyZWQ=",
            "resp_body_size": 8,
            "resp_body_truncated": False,
        }
        self.assertEqual(self.fields(7), expected)
        as_json = self.captures.get_json(7)
        self.threads.run()
        told = self.successResultOf(as_json)
        assert told is not None
        self.assertEqual(orjson.loads(told), expected)

    def test_request_in_pieces(self) -> None:
        """
        A body that does not come at once comes in pieces.
        """
        capture = self.captures.start(CHAT, [], None)
        for _ in range(5):
            capture.request_data(b"x" * 10_000)
        capture.response_head(200, [])
        capture.keep(1)
        self.threads.run()
        fields = self.fields(1)
        self.assertEqual(b64decode(fields["req_body"]), b"x" * 50_000)
        self.assertEqual(fields["req_body_size"], 50_000)
        self.assertEqual(fields["resp_body"], "")

    def test_binary(self) -> None:
        """
        Bodies and headers may hold any bytes.
        """
        body = bytes(range(256)) * 100 + b"\n"
        capture = self.captures.start("/a\udc80", [(b"X-\xff", b"\xe9\n")], body)
        capture.response_head(200, [])
        capture.response_data(body)
        capture.keep(1)
        self.threads.run()
        fields = self.fields(1)
        self.assertEqual(b64decode(fields["req_body"]), body)
        self.assertEqual(b64decode(fields["resp_body"]), body)
        self.assertEqual(fields["req_headers"], {"X-\ufffd": "\ufffd\n"})

    def test_redacted(self) -> None:
        """
        Secrets are not in it, however their headers are written and repeated.
        """
        names = (
            *(b"Authorization", b"proxy-authorization", b"COOKIE", b"Set-Cookie"),
            b"x-API-key",
        )
        headers = [(name, b"secret") for name in names for _ in range(2)]
        headers += [(b"x-api-KEY", b"secret"), (b"X-B", b"1"), (b"x-b", b"2")]
        capture = self.captures.start(CHAT, headers, b"")
        capture.response_head(200, headers)
        capture.keep(1)
        self.threads.run()
        fields = self.fields(1)
        expected = {name.decode(): "[REDACTED]" for name in names} | {"X-B": "1, 2"}
        self.assertEqual(fields["req_headers"], expected)
        self.assertEqual(fields["resp_headers"], expected)
        self.assertNotIn("secret", str(fields))

    def test_failed(self) -> None:
        """
        Of one that failed the request and the response's headers are kept.
        """
        for code in (400, 500, 302):
            self.capture(code, code=code)
            fields = self.fields(code)
            self.assertEqual(fields["req_body"], "YXNrZWQ=")
            self.assertEqual(fields["resp_headers"], {"Content-Type": "text/plain"})
            self.assertIsNone(fields["resp_body"])
            self.assertEqual(fields["resp_body_size"], 8)
        self.capture(201, code=201)
        self.assertIsNotNone(self.fields(201)["resp_body"])

    def test_never_answered(self) -> None:
        """
        One that was never answered has no response.
        """
        self.captures.start(CHAT, [], b"asked").keep(1)
        self.threads.run()
        fields = self.fields(1)
        self.assertEqual((fields["resp_headers"], fields["resp_body"]), ({}, None))

    def test_sound_and_pictures(self) -> None:
        """
        Sound and pictures are not kept, by whatever path they came.
        """
        both = (True, True)
        for path, kept in (
            ("/v1/audio/speech", (True, False)),
            ("/audio/speech/", (True, False)),
            ("/v1/images/generations", (True, False)),
            ("/v1/images/edits", (False, False)),
            ("/v1/images%2Fedits", (False, False)),
            ("/sdapi/v1/txt2img", (True, False)),
            ("/sdapi/v1/img2img", (False, False)),
            ("/sdapi/v1/anything", (True, False)),
            ("/v1/audio/transcriptions", (False, True)),
            ("/v1/audio/voices", (False, True)),
            ("/chat/completions", both),
            ("/v1/embeddings", both),
            ("/", both),
        ):
            self.capture(1, path)
            fields = self.fields(1)
            self.assertEqual(
                (fields["req_body"] is not None, fields["resp_body"] is not None),
                kept,
                path,
            )
            self.assertEqual(fields["resp_body_size"], 8)
            self.assertFalse(fields["req_body_truncated"])
            self.setUp()


class BudgetTests(CapturesTestCase):
    """
    All of it stays within the budget.
    """

    def test_cut(self) -> None:
        """
        A body over a tenth of the budget is cut there, and says so.
        """
        body = os.urandom(BUDGET // 2)
        self.capture(1, request=body, response=body)
        fields = self.fields(1)
        for name in ("req_body", "resp_body"):
            self.assertEqual(b64decode(fields[name]), body[: BUDGET // 10])
            self.assertEqual(fields[f"{name}_size"], len(body))
            self.assertIs(fields[f"{name}_truncated"], True)

    def test_cut_in_pieces(self) -> None:
        """
        So it is when it comes in pieces of any size.
        """
        for size in (7, 999, 9_999, 70_001):
            self.setUp()
            capture = self.captures.start(CHAT, [], None)
            capture.response_head(200, [])
            for _ in range(BUDGET // 8 // size + 1):
                capture.response_data(b"x" * size)
            capture.keep(1)
            self.threads.run()
            fields = self.fields(1)
            self.assertEqual(b64decode(fields["resp_body"]), b"x" * (BUDGET // 10))
            self.assertIs(fields["resp_body_truncated"], True)

    def test_no_gap(self) -> None:
        """
        A body that was cut for want of room is not gone on with when there is some.
        """
        others = [self.captures.start(CHAT, [], b"x" * 90_000) for _ in range(5)]
        capture = self.captures.start(CHAT, [], None)
        others[-1].drop()
        capture = self.captures.start(CHAT, [], None)
        capture.response_head(200, [])
        capture.response_data(b"a" * 90_000)
        others[0].drop()
        capture.response_data(b"b" * 1000)
        capture.keep(1)
        self.threads.run()
        fields = self.fields(1)
        self.assertEqual(set(b64decode(fields["resp_body"])), set(b"a"))
        self.assertIs(fields["resp_body_truncated"], True)

    def test_just_fits(self) -> None:
        """
        One of exactly that size is whole, also when it comes in pieces.
        """
        for sizes in ([BUDGET // 10], [9_999, 1, 90_000], [10] * (BUDGET // 100)):
            self.setUp()
            capture = self.captures.start(CHAT, [], None)
            capture.response_head(200, [])
            for size in sizes:
                capture.response_data(b"x" * size)
            capture.keep(1)
            self.threads.run()
            fields = self.fields(1)
            self.assertFalse(fields["resp_body_truncated"])
            self.assertEqual(b64decode(fields["resp_body"]), b"x" * (BUDGET // 10))

    def test_oldest_first(self) -> None:
        """
        The oldest are dropped first, and no more of them than must be.
        """
        for row_id in range(20):
            self.capture(row_id, response=os.urandom(90_000))
            self.assertLessEqual(self.captures.size, BUDGET)
        kept = [row_id for row_id in range(20) if row_id in self.captures]
        self.assertEqual(kept, list(range(20 - len(kept), 20)))
        self.assertGreater(len(kept), 7)
        self.assertIsNone(self.fields(0))

    def test_overhead(self) -> None:
        """
        What little a capture takes beside its bodies counts too.
        """
        for row_id in range(2 * BUDGET // OVERHEAD):
            self.capture(row_id, request=b"", response=b"")
        kept = sum(row_id in self.captures for row_id in range(2 * BUDGET // OVERHEAD))
        self.assertLess(kept, BUDGET // OVERHEAD)
        self.assertGreater(kept, BUDGET // OVERHEAD // 2)

    def test_many_at_once(self) -> None:
        """
        Streams that are captured at the same time do not exceed it either: they are
        cut, and what is kept makes room.
        """
        for row_id in range(8):
            self.capture(row_id, response=os.urandom(90_000))
        streams = [self.captures.start(CHAT, [], b"x" * 100) for _ in range(20)]
        for stream in streams:
            stream.response_head(200, [])
        for _ in range(90):
            for stream in streams:
                stream.response_data(b"x" * 1000)
            self.assertLessEqual(self.captures.size, BUDGET)
        self.assertNotIn(0, self.captures)
        self.assertIn(7, self.captures)
        for row_id, stream in enumerate(streams, 100):
            stream.keep(row_id)
        self.threads.run()
        fields = self.fields(100)
        body = b64decode(fields["resp_body"])
        self.assertGreater(len(body), 10_000)
        self.assertLess(len(body), 90_000)
        self.assertEqual(fields["resp_body_size"], 90_000)
        self.assertIs(fields["resp_body_truncated"], True)
        self.assertLess(self.captures.size, BUDGET // 2)

    def test_no_room_at_all(self) -> None:
        """
        Requests that begin when there is no room at all are not captured.
        """
        headers = [(b"X-Large", b"x" * 50_000)]
        begun = [self.captures.start(CHAT, headers, b"asked") for _ in range(12)]
        for row_id, capture in enumerate(begun):
            capture.response_head(200, [])
            capture.response_data(b"answered")
            capture.keep(row_id)
        self.threads.run()
        self.assertIn(0, self.captures)
        self.assertNotIn(11, self.captures)
        self.assertIsNone(self.fields(11))

    def test_headers_beyond_all(self) -> None:
        """
        So is one whose response turns out to have more headers than there is room for.
        """
        capture = self.captures.start(CHAT, [], b"asked")
        capture.response_head(200, [(b"X-Large", b"x" * BUDGET)])
        capture.response_data(b"answered")
        capture.keep(1)
        self.threads.run()
        self.assertNotIn(1, self.captures)
        self.assertEqual(self.captures.size, 0)

    def test_dropped(self) -> None:
        """
        What is dropped, or kept and dropped, leaves nothing behind, once.
        """
        before = self.captures.size
        capture = self.captures.start(CHAT, [], b"x" * 50_000)
        self.assertGreater(self.captures.size, before + 50_000)
        for _ in range(2):
            capture.drop()
            capture.keep(1)
            capture.response_data(b"late")
            self.threads.run()
            self.assertEqual(self.captures.size, before)
        self.assertNotIn(1, self.captures)


class ThreadTests(CapturesTestCase):
    """
    What takes time is done in threads.
    """

    def begun(self, row_id: int) -> None:
        self.captures.start(CHAT, [], b"asked").keep(row_id)

    def test_together(self) -> None:
        """
        Small captures that come in one turn of the reactor are compressed together,
        those that come while others are at it after those.
        """
        for row_id in range(4):
            self.begun(row_id)
        self.threads.clock.advance(0)
        self.assertEqual(len(self.threads.calls), 1)
        for row_id in range(4, 6):
            self.begun(row_id)
        self.threads.clock.advance(0)
        self.assertEqual(len(self.threads.calls), 1)
        self.threads.run_one()
        self.assertEqual(len(self.threads.calls), 1)
        self.threads.run_one()
        self.assertEqual(self.threads.calls, [])
        self.assertTrue(all(row_id in self.captures for row_id in range(6)))

    def test_large_alone(self) -> None:
        """
        Large ones are compressed one after the other: each takes memory.
        """
        self.captures.reconfigure(4_000_000)
        for row_id in range(3):
            self.captures.start(CHAT, [], b"x" * 300_000).keep(row_id)
        self.threads.clock.advance(0)
        for _ in range(3):
            self.assertEqual(len(self.threads.calls), 1)
            self.threads.run_one()
        self.assertEqual(self.threads.calls, [])

    def test_not_compressed_yet(self) -> None:
        """
        One that is not compressed yet is there already.
        """
        self.begun(1)
        self.assertIn(1, self.captures)
        looked_up = self.captures.get(1)
        self.threads.run()
        told = self.successResultOf(looked_up)
        assert told is not None
        self.assertEqual(told["req_body"], "YXNrZWQ=")

    def test_dropped_meanwhile(self) -> None:
        """
        One that is dropped while it is read is read nevertheless.
        """
        self.capture(1)
        looked_up = self.captures.get(1)
        self.captures.reconfigure(0)
        self.threads.run()
        told = self.successResultOf(looked_up)
        assert told is not None
        self.assertEqual(told["id"], 1)

    def test_failure(self) -> None:
        """
        One that cannot be compressed is told of, and the next one is.
        """
        self.begun(1)
        self.threads.clock.advance(0)
        self.begun(2)
        result, _ = self.threads.calls.pop(0)
        result.errback(MemoryError())
        self.threads.run()
        self.assertEqual(len(self.flushLoggedErrors(MemoryError)), 1)
        self.assertNotIn(1, self.captures)
        self.assertIn(2, self.captures)

    def test_imported_late(self) -> None:
        """
        Nothing is imported for it before the first capture ends.
        """
        code = (
            "import sys, llamaswap_tw.activity.captures\n"
            "print('zstandard' in sys.modules)"
        )
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        self.assertEqual(result.stdout.strip(), "False")


class ReconfigureTests(CapturesTestCase):
    """
    The budget may change.
    """

    def test_smaller(self) -> None:
        """
        A smaller one drops the oldest at once.
        """
        for row_id in range(8):
            self.capture(row_id, response=os.urandom(90_000))
        self.captures.reconfigure(BUDGET // 4)
        self.assertLessEqual(self.captures.size, BUDGET // 4)
        self.assertNotIn(0, self.captures)
        self.assertIn(7, self.captures)

    def test_none(self) -> None:
        """
        With none nothing is captured, nor kept of what was.
        """
        self.assertTrue(self.captures.enabled)
        self.capture(1)
        begun = self.captures.start(CHAT, [], b"asked")
        begun.keep(2)
        later = self.captures.start(CHAT, [], b"asked")
        self.captures.reconfigure(0)
        self.assertFalse(self.captures.enabled)
        for row_id in (1, 2):
            self.assertNotIn(row_id, self.captures)
            self.assertIsNone(self.fields(row_id))
        later.response_head(200, [])
        later.response_data(b"x" * 100_000)
        later.keep(3)
        self.capture(4)
        self.assertEqual(self.captures.size, 0)
        self.captures.reconfigure(BUDGET)
        self.assertNotIn(3, self.captures)
        self.capture(5)
        self.assertIn(5, self.captures)


class CapturesMachine(RuleBasedStateMachine):
    """
    Captures in any order of what may happen to them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.threads = Threads()
        self.budget = 50_000
        self.captures = Captures(self.threads.clock, self.budget, self.threads)
        self.open: list[tuple[Capture, bytearray]] = []
        self.sent: dict[int, bytes] = {}

    @rule(size=st.integers(0, 9000), path=st.sampled_from([CHAT, "/v1/audio/voices"]))
    def start(self, size: int, path: str) -> None:
        capture = self.captures.start(path, [(b"A", b"b" * (size // 9))], b"r" * size)
        capture.response_head(200, [])
        self.open.append((capture, bytearray()))

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 99), size=st.integers(0, 7000), times=st.integers(1, 9))
    def send(self, which: int, size: int, times: int) -> None:
        capture, sent = self.open[which % len(self.open)]
        for _ in range(times):
            data = os.urandom(size)
            capture.response_data(data)
            sent += data

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 99), kept=st.booleans())
    def end(self, which: int, kept: bool) -> None:
        capture, sent = self.open.pop(which % len(self.open))
        if kept:
            row_id = len(self.sent)
            self.sent[row_id] = bytes(sent)
            capture.keep(row_id)
        else:
            capture.drop()

    @rule()
    def pack(self) -> None:
        self.threads.clock.advance(0)
        if self.threads.calls:
            self.threads.run_one()

    @rule(budget=st.sampled_from([0, 20_000, 50_000]))
    def reconfigure(self, budget: int) -> None:
        self.captures.reconfigure(budget)
        # What is on its way when it shrinks has to end first.
        while self.open:
            self.open.pop()[0].drop()
        self.threads.run()
        self.budget = budget

    @invariant()
    def within_budget(self) -> None:
        assert 0 <= self.captures.size <= self.budget

    def teardown(self) -> None:
        for capture, _ in self.open:
            capture.drop()
        self.threads.run()
        ids = [row_id for row_id in self.sent if row_id in self.captures]
        assert self.captures.size == 0 or ids
        for row_id in ids:
            found: list[Any] = []
            self.captures.get(row_id).addCallback(found.append)
            self.threads.run()
            body = b64decode(found[0]["resp_body"])
            sent = self.sent[row_id]
            assert sent.startswith(body)
            assert found[0]["resp_body_size"] == len(sent)
            assert found[0]["resp_body_truncated"] == (len(body) < len(sent))


class RandomTests(ModelTestCase):
    """
    The budget holds whatever happens.
    """

    def test_machine(self) -> None:
        """
        It does in random sequences of all that may happen.
        """
        self.run_machine(CapturesMachine, examples=40, steps=30)
