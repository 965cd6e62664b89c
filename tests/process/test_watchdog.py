"""
Tests for `llamaswap_tw.process.watchdog`: what it reads, and whom it ends.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.process import watchdog
from llamaswap_tw.process.watchdog import Watched, end_all, look, read

from .test_kin import DAEMON, INIT, LEADER, table

DAEMON_NAME = "7.10.5"


def told(number: int = 4, pid: int = 50, **changes: Any) -> dict[str, Any]:
    """
    What a daemon tells of a model.
    """
    return {
        "cookie": f"{DAEMON_NAME}.{number}",
        "pid": pid,
        "started": 100,
        "stop": [],
        "environment": {},
        "timeout": 10.0,
        **changes,
    }


def line(**words: Any) -> bytes:
    return json.dumps(words).encode() + b"\n"


class ReadTests(SynchronousTestCase):
    """
    It keeps what the daemon told it.
    """

    def test_models(self) -> None:
        """
        Models that run are kept, those that are gone are not.
        """
        daemon, watched = read(
            [
                line(daemon=DAEMON_NAME),
                line(**told(1)),
                line(**told(2)),
                line(gone=f"{DAEMON_NAME}.1"),
                line(gone=f"{DAEMON_NAME}.9"),
            ]
        )
        self.assertEqual(daemon, DAEMON_NAME)
        self.assertEqual(len(watched), 1)

    def test_cut(self) -> None:
        """
        A last line that the daemon died in the middle of is passed over.
        """
        whole = line(**told(2))
        daemon, watched = read([line(daemon=DAEMON_NAME), line(**told(1)), whole[:-9]])
        self.assertEqual((daemon, len(watched)), (DAEMON_NAME, 1))

    def test_nothing(self) -> None:
        """
        A daemon that said nothing left nothing.
        """
        self.assertEqual(read([]), ("", []))

    def test_orderly_end(self) -> None:
        """
        After an end in good order it does not even look.
        """

        def read_table() -> None:
            self.fail("it looked")

        self.patch(watchdog, "read_table", read_table)
        end_all(*read([line(daemon=DAEMON_NAME), line(daemon="")]))


class LookTests(SynchronousTestCase):
    """
    Whoever is of the daemon's models is killed.
    """

    def test_family(self) -> None:
        """
        A model's whole family is, and nobody else.
        """
        model = Watched(told())
        entries = table(INIT, LEADER, (60, 50, 60, 60, 110), (70, 1, 70, 70, 120))
        self.assertEqual(look(DAEMON_NAME, [model], entries, {}), ({50, 60}, False))

    def test_not_told_of(self) -> None:
        """
        So is a model that the daemon had no time to tell of, with what descends
        from it.
        """
        entries = table(INIT, (60, 1, 60, 60, 110), (61, 60, 61, 61, 111))
        cookies = {60: DAEMON_NAME + ".9"}
        self.assertEqual(look(DAEMON_NAME, [], entries, cookies), ({60, 61}, False))

    def test_other_daemon(self) -> None:
        """
        Another daemon's are not, though its name begin alike.
        """
        entries = table(INIT, DAEMON, (60, 1, 60, 60, 110))
        for cookie in ("7.10.55.1", "7.1.5.1", DAEMON_NAME):
            self.assertEqual(
                look(DAEMON_NAME, [], entries, {60: cookie}), (set(), False)
            )

    def test_being_stopped(self) -> None:
        """
        Who is being stopped by a command of its own is spared for as long, the
        others are not; then it is killed.
        """
        first, second = Watched(told(1, 50)), Watched(told(2, 70))
        entries = table(INIT, LEADER, (51, 50, 51, 51, 101), (70, 1, 70, 70, 100))
        cookies = {50: DAEMON_NAME + ".1", 51: DAEMON_NAME + ".1"}
        stops = [True]
        self.patch(first, "is_being_stopped", lambda: stops[0])
        self.assertEqual(
            look(DAEMON_NAME, [first, second], entries, cookies), ({70}, True)
        )
        stops[0] = False
        self.assertEqual(
            look(DAEMON_NAME, [first, second], entries, cookies), ({50, 51, 70}, False)
        )

    def test_no_command(self) -> None:
        """
        Who has no stop command is killed at once.
        """
        model = Watched(told())
        model.begin()
        self.assertFalse(model.is_being_stopped())
