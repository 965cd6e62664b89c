"""
Tests for `llamaswap_tw.proxy.failures`.
"""

from __future__ import annotations

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import (
    BodyNotStored,
    RequestError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from llamaswap_tw.proxy.failures import (
    BrokenOff,
    HeadTimeout,
    Malformed,
    Refused,
    as_request_error,
)


class FailureTests(SynchronousTestCase):
    """
    A client is told what went wrong.
    """

    def test_errors(self) -> None:
        """
        Each failure has the status that fits it, and names the model.
        """
        for failure, kind in (
            (Refused("refused"), UpstreamUnreachable),
            (BrokenOff("broke off"), UpstreamUnreachable),
            (Malformed("sent nonsense"), UpstreamUnreachable),
            (HeadTimeout("slept"), UpstreamTimeout),
        ):
            error = as_request_error("m", Failure(failure))
            self.assertIs(type(error), kind)
            self.assertEqual(error.message, f"model 'm' {failure}")

    def test_subject(self) -> None:
        """
        Where it is not the model that failed, who it is comes in its place.
        """
        failure = BrokenOff("broke off")
        failure.subject = "peer 'p'"
        error = as_request_error("p/m", Failure(failure))
        self.assertEqual(error.message, "peer 'p' broke off")

    def test_own(self) -> None:
        """
        An error of the request's own stays what it is.
        """
        error = BodyNotStored("disk full")
        self.assertIs(as_request_error("m", Failure(error)), error)

    def test_mistake(self) -> None:
        """
        A mistake of ours is logged, and the client is not told the details.
        """
        error = as_request_error("m", Failure(KeyError("secret")))
        self.assertIs(type(error), RequestError)
        self.assertNotIn("secret", error.message)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
