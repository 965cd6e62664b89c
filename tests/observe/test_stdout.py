"""
Tests for `llamaswap_tw.observe.stdout`.
"""

from __future__ import annotations

import os
import re

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe import stdout
from llamaswap_tw.observe.stdout import _LIMIT, _MUCH, PatientWriter


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
        count = 3 * _LIMIT // len(piece)
        for _ in range(count):
            self.writer.write(piece)
            self.assertLessEqual(self.writer._size, _LIMIT)
        read = b""
        while self.writer._size:
            read += os.read(self.read_end, 65536)
        self.writer.write(b"back\n")
        while not read.endswith(b"back\n"):
            read += os.read(self.read_end, 65536)
        self.writer.close(10)
        lost = [int(size) for size in re.findall("— (\\d+) bytes", read.decode())]
        self.assertGreater(sum(lost), 0)
        self.assertEqual(read.count(piece) * len(piece) + sum(lost), count * len(piece))

    def test_gathered(self) -> None:
        """
        Lines that follow one another closely are written together, and those that
        wait for more when the program ends are not held up by that.
        """
        self.addCleanup(os.close, self.read_end)
        self.patch(stdout, "_GATHER", 60.0)
        self.writer.write(b"first\n")
        self.assertEqual(self.read_all(6), b"first\n")
        for number in range(10):
            self.writer.write(b"%d\n" % number)
        os.set_blocking(self.read_end, False)
        self.assertRaises(BlockingIOError, os.read, self.read_end, 1)
        self.writer.close(10)
        self.assertFalse(self.writer._thread.is_alive())
        self.assertEqual(os.read(self.read_end, 100), b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n")

    def test_much(self) -> None:
        """
        What is much does not wait for more.
        """
        self.addCleanup(os.close, self.read_end)
        self.patch(stdout, "_GATHER", 60.0)
        self.writer.write(b"first\n")
        self.assertEqual(self.read_all(6), b"first\n")
        much = bytes(_MUCH + 1)
        self.writer.write(much)
        self.assertEqual(self.read_all(len(much)), much)
        self.writer.close(10)

    def test_nobody_there(self) -> None:
        """
        A reader that is gone does not end the writer.
        """
        os.close(self.read_end)
        self.writer.write(b"lost\n")
        self.writer.close(10)
        self.assertFalse(self.writer._thread.is_alive())
