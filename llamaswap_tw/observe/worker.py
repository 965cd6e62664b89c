"""
A thread of its own for what may hang: drivers do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

_Task = tuple[Deferred[Any], Callable[[], Any]]


class Worker:
    """
    Does one thing after the other.  The reactor's own threads are waited for when
    the daemon ends, and this one is not.

    :param reactor: is told of the results.
    :param name: of the thread.
    """

    def __init__(self, reactor: IReactorFromThreads, name: str) -> None:
        self._reactor = reactor
        self._name = name
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._started = False
        self._closed = False

    def call(self, function: Callable[[], Any]) -> Deferred[Any]:
        """
        Call a function in the thread, once all before are done.

        :returns: a `Deferred` that fires with what it returns, or fails with what it
            raises; never, where it hangs or once this is closed.
        """
        done: Deferred[Any] = Deferred()
        if not self._started:
            self._started = True
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        self._tasks.put((done, function))
        return done

    def close(self, last: Callable[[], Any]) -> None:
        """
        End the thread once it has done what is under way.

        :param last: called in it at the end.
        """
        if self._started and not self._closed:
            self._closed = True
            self._tasks.put((Deferred(), last))
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            done, function = task
            try:
                result = function()
            except BaseException:
                result = Failure()
            if not self._closed:
                self._reactor.callFromThread(done.callback, result)
            # Nothing is kept while it waits for the next.
            del task, done, function, result
