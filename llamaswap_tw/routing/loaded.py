"""
Models for requests that must not load one.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred, fail, succeed

from ..errors import ModelNotReady
from .lease import Lease, UncountedLease
from .router import OnPosition


class Holder(Protocol):
    """
    As much of the router as is used here.
    """

    def acquire(
        self, model_id: str, on_position: OnPosition | None = None
    ) -> Deferred[Lease]:
        """
        As `Router.acquire`.
        """

    def uncounted(self, model_id: str) -> UncountedLease | None:
        """
        As `Router.uncounted`.
        """

    def when_not_ready(self, model_id: str) -> Deferred[None]:
        """
        As `Router.when_not_ready`.
        """


class _LoadedOnly:
    def __init__(self, router: Holder, because: str) -> None:
        self._router = router
        self._because = because

    def when_not_ready(self, model_id: str) -> Deferred[None]:
        """
        As `Router.when_not_ready`.
        """
        return self._router.when_not_ready(model_id)


class LoadedOnly(_LoadedOnly):
    """
    Gives out leases of models that can take a request at once.

    :param router: holds the models.
    :param because: why a request does not load its model, for who asked.
    """

    def acquire(
        self, model_id: str, on_position: OnPosition | None = None
    ) -> Deferred[Lease]:
        """
        Ask for a model.

        :param on_position: of no use: nobody waits.
        :returns: a `Deferred` that has fired with a `Lease`, or failed with a
            `RequestError`.
        """
        if self._router.uncounted(model_id) is not None:
            asked = self._router.acquire(model_id)
            if asked.called:
                return asked
            # It is ready and about to be stopped: to wait would be to load it.
            asked.addErrback(lambda _: None)
            asked.cancel()
        return fail(ModelNotReady(model_id, self._because))


class LoadedUncounted(_LoadedOnly):
    """
    Gives out models that are ready to requests that nobody counts; as `LoadedOnly`.
    """

    def acquire(
        self, model_id: str, on_position: OnPosition | None = None
    ) -> Deferred[UncountedLease]:
        """
        Ask for a model.

        :param on_position: of no use: nobody waits.
        :returns: a `Deferred` that has fired, or failed with `ModelNotReady`.
        """
        lease = self._router.uncounted(model_id)
        if lease is None:
            return fail(ModelNotReady(model_id, self._because))
        return succeed(lease)
