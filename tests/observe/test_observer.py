"""
Tests for `llamaswap_tw.observe.observer` and its time formats.
"""

from __future__ import annotations

import os
import time
from typing import Any

from twisted.logger import Logger, LogLevel
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.observer import LineObserver
from llamaswap_tw.observe.timestamps import NAMES, timestamp

#: 2006-01-02 15:04:05.012345 UTC, near the time that Go's layouts are made of.
WHEN = 1136214245.012345


class LineObserverTests(SynchronousTestCase):
    """
    An event becomes a line.
    """

    def lines(self, level: str = "info", time_format: str = "") -> tuple[Any, Logger]:
        written: list[bytes] = []
        observer = LineObserver(written.append, level, time_format)
        return written, Logger("llamaswap_tw.test", observer=observer)

    def test_line(self) -> None:
        """
        A line is its level and its text.
        """
        written, log = self.lines()
        log.info("swap to {model}", model="a")
        log.warn("careful")
        log.error("broken")
        self.assertEqual(
            written, [b"[INFO] swap to a\n", b"[WARN] careful\n", b"[ERROR] broken\n"]
        )

    def test_level(self) -> None:
        """
        What is below the level is left out.
        """
        written, log = self.lines("warn")
        log.debug("a")
        log.info("b")
        log.warn("c")
        self.assertEqual(written, [b"[WARN] c\n"])

    def test_twisted_is_debug(self) -> None:
        """
        What Twisted says of itself at info counts as debug.
        """
        written: list[bytes] = []
        twisted = Logger(
            "twisted.internet", observer=LineObserver(written.append, "info", "")
        )
        twisted.info("Starting factory")
        self.assertEqual(written, [])
        twisted.error("Something broke")
        self.assertEqual(written, [b"[ERROR] Something broke\n"])

    def test_control_characters(self) -> None:
        """
        What a client sent cannot move the cursor nor begin a line.
        """
        written, log = self.lines()
        log.info("{text}", text="a\n[ERROR] fake\x1b[2J")
        self.assertEqual(written, [b"[INFO] a\\x0a[ERROR] fake\\x1b[2J\n"])

    def test_failure(self) -> None:
        """
        A failure's traceback follows its line.
        """
        written, log = self.lines()
        try:
            raise ValueError("odd")
        except ValueError:
            log.failure("while testing")
        text = b"".join(written).decode()
        self.assertTrue(text.startswith("[ERROR] while testing\n"), text)
        self.assertIn("ValueError: odd", text)

    def test_not_encodable(self) -> None:
        """
        A lone surrogate is escaped.
        """
        written, log = self.lines()
        log.info("{text}", text="\ud800")
        self.assertEqual(written, [b"[INFO] \\ud800\n"])

    def test_time(self) -> None:
        """
        With a format, the time comes first.
        """
        written: list[bytes] = []
        observer = LineObserver(written.append, "info", "RFC3339")
        observer(
            {
                "log_level": LogLevel.info,
                "log_namespace": "llamaswap_tw",
                "log_format": "x",
                "log_time": WHEN,
            }
        )
        self.assertRegex(written[0], rb"^2006-01-02T[0-9:Z+-]+ \[INFO\] x\n$")


class TimestampTests(SynchronousTestCase):
    """
    Times are laid out as Go's constants of the same name.
    """

    def setUp(self) -> None:
        before = os.environ.get("TZ")

        def restore() -> None:
            if before is None:
                del os.environ["TZ"]
            else:
                os.environ["TZ"] = before
            time.tzset()

        os.environ["TZ"] = "MST7"
        time.tzset()
        self.addCleanup(restore)

    def test_layouts(self) -> None:
        """
        Every name is known and gives its layout.
        """
        expected = {
            "ansic": "Mon Jan  2 08:04:05 2006",
            "unixdate": "Mon Jan  2 08:04:05 MST 2006",
            "rubydate": "Mon Jan 02 08:04:05 -0700 2006",
            "rfc822": "02 Jan 06 08:04 MST",
            "rfc822z": "02 Jan 06 08:04 -0700",
            "rfc850": "Monday, 02-Jan-06 08:04:05 MST",
            "rfc1123": "Mon, 02 Jan 2006 08:04:05 MST",
            "rfc1123z": "Mon, 02 Jan 2006 08:04:05 -0700",
            "rfc3339": "2006-01-02T08:04:05-07:00",
            "rfc3339nano": "2006-01-02T08:04:05.012345-07:00",
            "kitchen": "8:04AM",
            "stamp": "Jan  2 08:04:05",
            "stampmilli": "Jan  2 08:04:05.012",
            "stampmicro": "Jan  2 08:04:05.012345",
            "stampnano": "Jan  2 08:04:05.012345000",
        }
        self.assertEqual(set(expected), NAMES)
        for name, text in expected.items():
            self.assertEqual((name, timestamp(name, WHEN)), (name, text + " "))

    def test_any_case(self) -> None:
        """
        Names are taken in any case, and no name is no time.
        """
        self.assertEqual(timestamp("Kitchen", WHEN), "8:04AM ")
        self.assertEqual(timestamp("", WHEN), "")

    def test_noon_and_utc(self) -> None:
        """
        Twelve is written 12, and UTC's offset is ``Z``.
        """
        os.environ["TZ"] = "UTC0"
        time.tzset()
        self.assertEqual(timestamp("kitchen", 12 * 3600.0), "12:00PM ")
        self.assertEqual(timestamp("kitchen", 0.0), "12:00AM ")
        self.assertEqual(timestamp("rfc3339nano", 0.5), "1970-01-01T00:00:00.5Z ")
