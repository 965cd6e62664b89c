"""
Tests for `llamaswap_tw.observe.ring`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.ring import LogRing, last_lines


class LogRingTests(SynchronousTestCase):
    """
    A ring keeps the end of what was written, and no more.
    """

    @given(st.lists(st.binary(max_size=30), max_size=40), st.integers(1, 50))
    def test_keeps_the_end(self, pieces: list[bytes], size: int) -> None:
        """
        Whatever the pieces, the history is the end of their sum.
        """
        ring = LogRing(size)
        for piece in pieces:
            ring.write(piece)
        everything = b"".join(pieces)
        self.assertEqual(ring.history(), everything[-size:])
        self.assertEqual(ring.written, len(everything))

    def test_byte_by_byte(self) -> None:
        """
        A log written byte by byte does not end in as many pieces, and holds little
        more than it keeps.
        """
        ring = LogRing(10_000)
        for _ in range(5_000):
            ring.write(b"x")
        self.assertEqual(len(ring.history()), 5_000)
        self.assertLess(len(ring._pieces), 10)
        for _ in range(20_000):
            ring.write(b"y")
        self.assertEqual(ring.history(), b"y" * 10_000)
        self.assertLess(sum(map(len, ring._pieces)), 15_000)

    @given(
        st.lists(st.text("ab\n", max_size=30), max_size=40),
        st.integers(1, 50),
        st.integers(0, 400),
        st.integers(0, 400),
    )
    def test_since(self, pieces: list[str], size: int, start: int, end: int) -> None:
        """
        What was written between two places is given whole, or its end from where
        a line begins, with how much of it is not there.
        """
        ring = LogRing(size)
        for piece in pieces:
            ring.write(piece.encode())
        everything = "".join(pieces).encode()
        start, end = sorted((min(start, len(everything)), min(end, len(everything))))
        wanted = everything[start:end]
        skipped, data = ring.since(start, end)
        self.assertEqual(wanted[skipped:], data)
        if start >= len(everything) - size:
            self.assertEqual(skipped, 0)
        else:
            kept = everything[-size:][: max(end - (len(everything) - size), 0)]
            self.assertIn(data, (kept, kept.partition(b"\n")[2]))
            self.assertTrue(data or not kept)
        if end == len(everything):
            self.assertEqual(ring.since(start), (skipped, data))

    def test_follow(self) -> None:
        """
        A follower hears each piece until it has had enough, even if it ends
        the following while it hears one.
        """
        ring = LogRing()
        heard: list[bytes] = []

        def once(data: bytes) -> None:
            heard.append(data)
            unfollow()

        unfollow = ring.follow(once)
        ring.write(b"a")
        ring.write(b"b")
        self.assertEqual(heard, [b"a"])


class LastLinesTests(SynchronousTestCase):
    """
    The end of a log is given in whole lines.
    """

    def test_whole_lines(self) -> None:
        """
        A line that does not fit is left out, not cut.
        """
        self.assertEqual(last_lines(b"first\nsecond\nthird\n", 13), "second\nthird")
        self.assertEqual(last_lines(b"first\nsecond\nthird\n", 12), "second\nthird")
        self.assertEqual(last_lines(b"first\nsecond\nthird\n", 11), "third")

    def test_all_of_it(self) -> None:
        """
        What fits is given whole.
        """
        self.assertEqual(last_lines(b"only\n", 100), "only")
        self.assertEqual(last_lines(b"", 100), "")

    def test_long_line(self) -> None:
        """
        Of one line that is too long the end is given.
        """
        self.assertEqual(last_lines(b"0123456789", 4), "6789")

    def test_not_text(self) -> None:
        """
        Bytes that are no UTF-8 are replaced.
        """
        self.assertEqual(last_lines(b"a\xff", 10), "a\ufffd")
