"""
Tests for `llamaswap_tw.observe.timeline`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import ModelIdle, StartFailed, UpstreamUnreachable
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.observe.timeline import Timeline

STOPPED = ProcessState.STOPPED
STARTING = ProcessState.STARTING
READY = ProcessState.READY
STOPPING = ProcessState.STOPPING

NOON = 1_700_000_000.0


class TimelineTestCase(SynchronousTestCase):
    """
    A timeline whose time is the test's.
    """

    def setUp(self) -> None:
        self.now = NOON
        self.timeline = Timeline(lambda: self.now)

    def at(self, moment: float) -> Timeline:
        """
        :param moment: seconds after noon.
        """
        self.now = NOON + moment
        return self.timeline

    def changes(
        self, moment: float | None = None
    ) -> list[tuple[float, str, str, str | None]]:
        since = None if moment is None else NOON + moment
        return [
            (change.at - NOON, change.model, change.state, change.reason)
            for change in self.timeline.since(since).changes
        ]

    def served(
        self, moment: float | None = None
    ) -> list[tuple[str, float, float | None]]:
        since = None if moment is None else NOON + moment
        return [
            (model, start - NOON, None if end is None else end - NOON)
            for model, start, end in self.timeline.since(since).served
        ]


class ChangesTests(TimelineTestCase):
    """
    The states of models.
    """

    def test_order(self) -> None:
        """
        Changes are told in their order, without a reason where they were asked for.
        """
        self.at(1).state_changed("a", STARTING, None)
        self.at(2).state_changed("a", READY, None)
        self.assertEqual(
            self.changes(), [(1, "a", "starting", None), (2, "a", "ready", None)]
        )

    def test_reasons(self) -> None:
        """
        What failed says why; what is stopped for another says for which.
        """
        self.at(1).state_changed("a", STOPPED, StartFailed("a", "it exited", "output"))
        self.at(2).state_changed("b", STOPPING, UpstreamUnreachable("it died"))
        self.timeline.evicted(["c"], "d")
        self.at(3).state_changed("c", STOPPING, None)
        self.at(4).state_changed("c", STOPPED, None)
        self.at(5).state_changed("e", STOPPING, ModelIdle("e", 60.0))
        self.assertEqual(
            [reason for *_, reason in self.changes()],
            ["it exited", "it died", "to make way for d", None, "no request for 60 s"],
        )

    def test_stale_reason(self) -> None:
        """
        One that was on its way down when another wanted its place is stopped for
        that no more than the next time.
        """
        self.at(1).state_changed("a", STOPPING, None)
        self.timeline.evicted(["a"], "b")
        for moment, state in enumerate((STOPPED, STARTING, READY, STOPPING), 2):
            self.at(moment).state_changed("a", state, None)
        self.assertEqual([reason for *_, reason in self.changes()], [None] * 5)

    def test_long_reason(self) -> None:
        """
        A reason is no book.
        """
        self.at(1).state_changed("a", STOPPED, StartFailed("a", "x" * 1000))
        self.assertEqual(self.changes()[0][3], "x" * 300)

    def test_since(self) -> None:
        """
        From a moment on, what happened then is told too, and nothing before it.
        """
        for moment in (1, 2, 3):
            self.at(moment).state_changed("a", READY, None)
        self.assertEqual([at for at, *_ in self.changes(2)], [2, 3])
        self.assertEqual(self.changes(4), [])

    def test_hour(self) -> None:
        """
        What is older than an hour is gone, but for the change that says in which
        state each model went into it.
        """
        self.at(0).state_changed("a", STARTING, None)
        self.at(10).state_changed("a", READY, None)
        self.at(20).state_changed("b", READY, None)
        self.at(3619)
        self.assertEqual(
            self.changes(), [(10, "a", "ready", None), (20, "b", "ready", None)]
        )
        self.at(7000)
        self.assertEqual([at for at, *_ in self.changes()], [10, 20])
        self.assertEqual(self.changes(0), [])

    def test_bounded(self) -> None:
        """
        However much happens, what is kept is bounded, and each model's state is known.
        """
        self.at(0).state_changed("quiet", READY, None)
        for number in range(10_000):
            self.at(number / 100).state_changed("busy", READY, None)
        changes = self.changes()
        self.assertLess(len(changes), 5000)
        self.assertEqual(changes[0][1], "quiet")

    def test_removed(self) -> None:
        """
        Of a model that is gone nothing is kept for ever.
        """
        for model in "ab":
            self.at(0).state_changed(model, READY, None)
            self.timeline.busy(model, True)
            self.timeline.busy(model, False)
        self.at(4000)
        self.assertEqual(len(self.changes()), 2)
        self.timeline.retain(["b"])
        self.assertEqual([model for _, model, *_ in self.changes()], ["b"])
        self.assertEqual(self.timeline._last.keys(), {"b"})


class ServedTests(TimelineTestCase):
    """
    When models served.
    """

    def test_open(self) -> None:
        """
        A time of service has no end while it lasts.
        """
        self.at(1).busy("a", True)
        self.assertEqual(self.served(), [("a", 1, None)])
        self.at(3).busy("a", False)
        self.assertEqual(self.served(), [("a", 1, 3)])

    def test_joined(self) -> None:
        """
        A pause of no more than a second is none; a longer one is.
        """
        self.at(1).busy("a", True)
        self.at(2).busy("a", False)
        self.at(3).busy("a", True)
        self.assertEqual(self.served(), [("a", 1, None)])
        self.at(4).busy("a", False)
        self.at(5.5).busy("a", True)
        self.assertEqual(self.served(), [("a", 1, 4), ("a", 5.5, None)])

    def test_since(self) -> None:
        """
        From a moment on, what was not over then is told, whole.
        """
        for model, start, end in (("a", 1, 3), ("b", 2, 9), ("c", 6, 7)):
            self.at(start).busy(model, True)
            self.at(end).busy(model, False)
        self.at(9.5).busy("d", True)
        self.assertEqual(self.served(5), [("b", 2, 9), ("c", 6, 7), ("d", 9.5, None)])

    def test_hour(self) -> None:
        """
        What ended more than an hour ago is told no more; what lasts is.
        """
        self.at(0).busy("a", True)
        self.at(10).busy("b", True)
        self.at(20).busy("b", False)
        self.at(3700)
        self.assertEqual(self.served(), [("a", 0, None)])
        self.assertEqual(self.served(-100), [("a", 0, None)])

    def test_bounded(self) -> None:
        """
        Requests without end, one after the other, are kept in little.
        """
        for number in range(20_000):
            self.at(number / 8).busy("a", True)
            self.timeline.busy("a", False)
        self.assertEqual(self.served(), [("a", 0, 2499.875)])
        for number in range(10_000):
            self.at(2502 + 2 * number).busy("a", True)
            self.timeline.busy("a", False)
        self.assertLess(len(self.timeline._served), 5000)

    def test_json(self) -> None:
        """
        It is told by moments as RFC 3339 writes them, the earliest service first.
        """
        self.at(0).busy("b", True)
        self.at(0.25).busy("a", True)
        self.at(1).busy("b", False)
        self.at(1.5).state_changed("a", STOPPED, StartFailed("a", "it exited"))
        self.at(2.5).busy("b", True)
        self.assertEqual(
            self.timeline.since(None).as_json(),
            {
                "now": "2023-11-14T22:13:22.500Z",
                "events": [
                    {
                        "at": "2023-11-14T22:13:21.500Z",
                        "model": "a",
                        "state": "stopped",
                        "reason": "it exited",
                    }
                ],
                "served": [
                    {
                        "model": "b",
                        "from": "2023-11-14T22:13:20.000Z",
                        "to": "2023-11-14T22:13:21.000Z",
                    },
                    {"model": "a", "from": "2023-11-14T22:13:20.250Z", "to": None},
                    {"model": "b", "from": "2023-11-14T22:13:22.500Z", "to": None},
                ],
            },
        )
