"""
Tests for `llamaswap_tw.program`.
"""

from __future__ import annotations

import os
import signal
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw import dispatch
from llamaswap_tw.program import HangUps, Program


class SignalTests(SynchronousTestCase):
    """
    How the program is told to end.
    """

    def root(self) -> tuple[Any, Any, Any]:
        reactor, daemon = mock.Mock(), mock.Mock()
        self.pidfile = self.mktemp()
        open(self.pidfile, "w").close()
        root: Any = Program(
            reactor,
            daemon,
            mock.Mock(),
            None,
            self.pidfile,
            mock.Mock(),
            mock.Mock(),
        )
        exits: Any = mock.Mock()
        self.patch(os, "_exit", exits)
        return root, reactor, exits

    def test_first_and_second(self) -> None:
        """
        The first signal stops the reactor, the second ends the program at
        once.
        """
        root, reactor, exits = self.root()
        root._signalled(signal.SIGTERM, None)
        reactor.callFromThread.assert_called_once_with(root._stop, "SIGTERM")
        self.assertFalse(exits.called)
        self.assertTrue(os.path.exists(self.pidfile))
        root._signalled(signal.SIGINT, None)
        exits.assert_called_once_with(128 + signal.SIGINT)
        self.assertFalse(os.path.exists(self.pidfile))

    def test_stop(self) -> None:
        """
        A reactor that is about to stop anyway is no trouble.
        """
        root, reactor, _ = self.root()
        reactor.stop.side_effect = ReactorNotRunning
        root._stop("SIGTERM")
        self.assertTrue(reactor.stop.called)

    def test_status(self) -> None:
        """
        The exit status tells whether all went down in time.
        """
        root, _, exits = self.root()
        root._daemon.ended_in_time = True
        root._end()
        self.assertFalse(exits.called)
        root._daemon.ended_in_time = False
        root._end()
        exits.assert_called_once_with(1)
        self.assertFalse(os.path.exists(self.pidfile))


class ServiceManagerTests(SynchronousTestCase):
    """
    What a service manager is told.
    """

    def setUp(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.daemon, self.notifier = mock.Mock(), mock.Mock()
        self.reactor = mock.Mock()
        self.patch(dispatch, "install", mock.Mock())
        # So that nothing is added to the log of the tests.
        writer: Any = mock.Mock()
        self.root: Any = Program(
            self.reactor,
            self.daemon,
            mock.Mock(),
            writer,
            None,
            mock.Mock(),
            self.notifier,
        )

    def told(self) -> list[str]:
        return [call[0] for call in self.notifier.method_calls]

    def test_ready(self) -> None:
        """
        It is told of the start once the signals have been taken too.
        """
        self.root.startService()
        self.assertEqual(self.told(), [])
        ((take_signals,), _) = self.reactor.callWhenRunning.call_args
        take_signals()
        self.assertEqual(signal.getsignal(signal.SIGTERM), self.root._signalled)
        self.assertEqual(self.told(), ["ready"])

    def test_reload(self) -> None:
        """
        It is told when a reload begins and when that has ended.
        """
        done: Deferred[None] = Deferred()
        self.daemon.reload.return_value = done
        self.root._reload()
        self.assertEqual(self.told(), ["reloading"])
        done.callback(None)
        self.assertEqual(self.told(), ["reloading", "ready"])

    def test_stop(self) -> None:
        """
        It is told that the program stops before anything does.
        """
        order = mock.Mock()
        order.attach_mock(self.notifier.stopping, "told")
        order.attach_mock(self.daemon.stopService, "stopped")
        self.root.services = [self.daemon]
        self.root.running = True
        self.root.stopService()
        self.assertEqual(order.mock_calls, [mock.call.told(), mock.call.stopped()])


class HangUpTests(SynchronousTestCase):
    """
    How it is told to reload.
    """

    def setUp(self) -> None:
        hung_up = signal.getsignal(signal.SIGHUP)
        self.addCleanup(signal.signal, signal.SIGHUP, hung_up)
        self.reactor = mock.Mock()

    def turn(self) -> None:
        """
        The reactor runs, and calls what it was asked to.
        """
        for call in self.reactor.callFromThread.call_args_list:
            call.args[0](*call.args[1:])
        self.reactor.callFromThread.reset_mock()

    def test_early(self) -> None:
        """
        One that comes before there is a daemon is told once the reactor runs.
        """
        hang_ups = HangUps(self.reactor)
        signal.raise_signal(signal.SIGHUP)
        daemon = mock.Mock()
        Program(self.reactor, daemon, mock.Mock(), None, None, hang_ups, mock.Mock())
        self.assertFalse(daemon.reload.called)
        self.turn()
        daemon.reload.assert_called_once_with()

    def test_each(self) -> None:
        """
        Each is told, from the reactor and not from within the signal.
        """
        reload = mock.Mock()
        hang_ups = HangUps(self.reactor)
        hang_ups.tell(reload)
        for _ in range(2):
            signal.raise_signal(signal.SIGHUP)
        self.assertFalse(reload.called)
        self.turn()
        self.assertEqual(reload.call_count, 2)

    def test_for_nobody(self) -> None:
        """
        One that there is nobody to tell of is no trouble.
        """
        HangUps(self.reactor)
        signal.raise_signal(signal.SIGHUP)
        self.turn()
