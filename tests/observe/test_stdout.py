"""
Tests for `llamaswap_tw.observe.stdout`.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.stdout import _LIMIT, PatientWriter


class PatientWriterTests(SynchronousTestCase):
    """
    Standard output is written without waiting for it.
    """

    def setUp(self) -> None:
        self.read_end, write_end = os.pipe()
        self.writer = PatientWriter(write_end)
        self.addCleanup(os.close, write_end)

    def read_all(self, size: int) -> bytes:
        read = b""
        while len(read) < size:
            read += os.read(self.read_end, 65536)
        return read

    def test_in_order(self) -> None:
        """
        What is written arrives, in order, before closing returns.
        """
        self.addCleanup(os.close, self.read_end)
        for number in range(100):
            self.writer.write(b"%03d\n" % number)
        self.writer.close(10)
        expected = b"".join(b"%03d\n" % number for number in range(100))
        self.assertEqual(self.read_all(len(expected)), expected)

    def test_stalled(self) -> None:
        """
        Where nobody reads, writing goes on, in bounded memory, and later a
        line tells how much was lost.
        """
        self.addCleanup(os.close, self.read_end)
        piece = b"x" * 1023 + b"\n"
        for _ in range(3 * _LIMIT // len(piece)):
            self.writer.write(piece)
        self.assertLessEqual(self.writer._size, _LIMIT)
        self.assertGreater(self.writer._dropped, 0)
        kept = 3 * _LIMIT // len(piece) * len(piece) - self.writer._dropped
        self.assertEqual(len(self.read_all(kept)), kept)
        lost = self.writer._dropped
        self.writer.write(b"back\n")
        marker = f"— {lost} bytes dropped —\nback\n".encode()
        self.assertEqual(self.read_all(len(marker)), marker)
        self.writer.close(10)

    def test_nobody_there(self) -> None:
        """
        A reader that is gone does not end the writer.
        """
        os.close(self.read_end)
        self.writer.write(b"lost\n")
        self.writer.close(10)
        self.assertFalse(self.writer._thread.is_alive())
