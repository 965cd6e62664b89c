"""
Tests for `llamaswap_tw.routing.loaded`, over a real router.
"""

from __future__ import annotations

from llamaswap_tw.errors import ConcurrencyLimit, ModelNotReady
from llamaswap_tw.routing.loaded import LoadedOnly, LoadedUncounted

from .test_router import READY, STARTING, STOPPED, RouterTestCase


class LoadedOnlyTests(RouterTestCase):
    """
    Leases of models that can take a request at once.
    """

    def setUp(self) -> None:
        super().setUp()
        self.leases = LoadedOnly(self.router, "because")

    def test_ready(self) -> None:
        """
        One that is ready is given out as ever, and counted.
        """
        self.load(self.a).release()
        lease = self.successResultOf(self.leases.acquire("a"))
        self.assertEqual(self.a.in_flight, 1)
        lease.release()
        self.assertEqual(self.a.in_flight, 0)

    def test_not_ready(self) -> None:
        """
        One that is not is refused, with the reason, and nothing is started.
        """
        error = self.failureResultOf(self.leases.acquire("a"), ModelNotReady).value
        self.assertEqual(error.status, 409)
        self.assertIn("because", error.message)
        self.assertEqual(self.a.state, STOPPED)
        waiting = self.router.acquire("a")
        self.assertEqual(self.a.state, STARTING)
        self.failureResultOf(self.leases.acquire("a"), ModelNotReady)
        self.a.become_ready()
        self.successResultOf(waiting)
        self.failureResultOf(self.leases.acquire("nobody"), ModelNotReady)

    def test_about_to_stop(self) -> None:
        """
        One that is ready, but to be stopped for another, is refused rather than
        waited for: nobody would load it again for that.
        """
        lease = self.load(self.a)
        other = self.router.acquire("b")
        self.clock.advance(61)
        # The other has waited for too long: no more are let past it.
        self.assertEqual(self.a.state, READY)
        self.failureResultOf(self.leases.acquire("a"), ModelNotReady)
        lease.release()
        self.a.finish_stop()
        self.b.become_ready()
        self.successResultOf(other).release()
        self.assertEqual(self.a.state, STOPPED)

    def test_limit(self) -> None:
        """
        Its limit holds.
        """
        self.load(self.a)
        self.successResultOf(self.leases.acquire("a"))
        self.failureResultOf(self.leases.acquire("a"), ConcurrencyLimit)

    def test_when_not_ready(self) -> None:
        """
        The end of what was given out is told by the router.
        """
        self.load(self.a)
        self.assertNoResult(self.leases.when_not_ready("a"))
        self.successResultOf(self.leases.when_not_ready("nobody"))


class LoadedUncountedTests(RouterTestCase):
    """
    Models that are ready, for requests that nobody counts.
    """

    def setUp(self) -> None:
        super().setUp()
        self.leases = LoadedUncounted(self.router, "because")

    def test_ready(self) -> None:
        """
        One that is ready is given out, whatever its limit, and stopped as if it were
        not.
        """
        self.load(self.a).release()
        for _ in range(5):
            lease = self.successResultOf(self.leases.acquire("a"))
            self.assertEqual(lease.base_url, self.a.base_url)
            self.assertIs(lease.client, self.clients["a"])
        self.assertEqual(self.a.in_flight, 0)
        self.router.acquire("b")
        self.a.finish_stop()
        self.assertEqual(self.b.state, STARTING)
        lease.release()

    def test_not_ready(self) -> None:
        """
        One that is not is refused, and nothing is started.
        """
        self.failureResultOf(self.leases.acquire("a"), ModelNotReady)
        self.failureResultOf(self.leases.acquire("nobody"), ModelNotReady)
        self.assertEqual(self.a.state, STOPPED)
