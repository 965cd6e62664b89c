"""
Tests for `llamaswap_tw.process.watch`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.process.table import WATCHDOG_VARIABLE, daemon_name
from llamaswap_tw.process.watch import Watch

from .fakes import FakeProcess, FakeProcessReactor


class WatchTests(SynchronousTestCase):
    """
    There is always a watchdog, and it knows every model.
    """

    def setUp(self) -> None:
        self.reactor = FakeProcessReactor()
        self.watch = Watch(self.reactor, {"PATH": "/bin"})
        self.watch.start()

    @property
    def watchdog(self) -> FakeProcess:
        return self.reactor.spawned[-1]

    def told(self) -> list[dict[str, Any]]:
        """
        What the watchdog that there is has been told.
        """
        return [json.loads(line) for line in self.watchdog.written.splitlines()]

    def remember(self, number: int, stop_command: tuple[str, ...] = ()) -> None:
        self.watch.remember(
            f"{self.watch.name}.{number}", 50, 100, stop_command, {"A": "1"}, 10.0
        )

    def test_started(self) -> None:
        """
        It is told whose watchdog it is, and bears that, for a later daemon.
        """
        self.assertEqual(self.watch.name, daemon_name())
        self.assertEqual(self.told(), [{"daemon": daemon_name()}])
        self.assertEqual(
            self.watchdog.how["env"], {"PATH": "/bin", WATCHDOG_VARIABLE: daemon_name()}
        )
        self.assertEqual(self.watch.pid, self.watchdog.pid)

    def test_models(self) -> None:
        """
        It is told of each model that runs, and of each that is gone.
        """
        self.remember(1, ("stop", "50"))
        self.remember(2)
        self.watch.forget(f"{self.watch.name}.1")
        first, second, gone = self.told()[1:]
        self.assertEqual(first["stop"], ["stop", "50"])
        self.assertEqual(first["environment"], {"A": "1"})
        self.assertEqual((first["pid"], first["started"]), (50, 100))
        # Only a stop command needs one.
        self.assertEqual(second["environment"], {})
        self.assertEqual(gone, {"gone": f"{self.watch.name}.1"})

    def test_replaced(self) -> None:
        """
        One that is killed is replaced at once, and the next told of all that run.
        """
        for number in (1, 2, 3):
            self.remember(number)
        self.watch.forget(f"{self.watch.name}.2")
        self.reactor.advance(5.0)
        self.watchdog.end(signal=9)
        self.assertIsNone(self.watch.pid)
        # Nobody to tell: the next will know.
        self.remember(4)
        self.reactor.advance(0.0)
        self.assertEqual(len(self.reactor.spawned), 2)
        self.assertEqual(
            [told["cookie"].rpartition(".")[2] for told in self.told()[1:]],
            ["1", "3", "4"],
        )

    def test_short_lived(self) -> None:
        """
        One that ends at once is not replaced over and over.
        """
        self.watchdog.end(1)
        self.reactor.advance(0.9)
        self.assertEqual(len(self.reactor.spawned), 1)
        self.reactor.advance(0.1)
        self.assertEqual(len(self.reactor.spawned), 2)

    def test_cannot_start(self) -> None:
        """
        Where none can be started the daemon goes on, and tries again later.
        """
        self.reactor.error = OSError(11, "Resource temporarily unavailable")
        self.reactor.advance(5.0)
        self.watchdog.end(signal=9)
        self.reactor.advance(0.0)
        self.remember(1)
        self.reactor.error = None
        self.reactor.advance(30.0)
        self.assertEqual(len(self.reactor.spawned), 2)
        self.assertEqual(len(self.told()), 2)

    def test_orderly_end(self) -> None:
        """
        When nothing runs any more it is told so, and let go.
        """
        self.remember(1)
        self.watch.forget(f"{self.watch.name}.1")
        self.watch.stop()
        self.assertEqual(self.told()[-1], {"daemon": ""})
        self.assertTrue(self.watchdog.stdin_closed)
        self.watchdog.end()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_end_with_models(self) -> None:
        """
        What the daemon could not stop is left to it.
        """
        self.remember(1)
        self.watch.stop()
        self.assertEqual(len(self.told()), 2)
        self.assertTrue(self.watchdog.stdin_closed)

    def test_end_between_two(self) -> None:
        """
        A daemon that ends while there is none starts no other.
        """
        self.watchdog.end(1)
        self.watch.stop()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
