"""
What a model's process asks of its surroundings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from signal import Signals
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from .child import Child
    from .kin import Kin
    from .launch import Launch
    from .table import Entry


class IFamily(Interface):
    """
    A child and whatever came of it.
    """

    child: Child = Attribute("The model's own process.")
    kin: Kin = Attribute("Finds whoever came of it.")

    def living() -> Deferred[Sequence[Entry]]:
        """
        :returns: a `Deferred` that fires with those that live.
        """

    def signal_group(number: Signals) -> None:
        """
        Send a signal to the child's whole group; none once the child is dead,
        since its pid may lead another's then.
        """

    def signal(pids: Sequence[int], number: Signals) -> None:
        """
        Send a signal to some that `living` found a moment ago.
        """

    def run_stop_command(grace: float) -> Deferred[bool]:
        """
        Run the model's own stop command.

        :param grace: seconds after which it is ended.
        :returns: a `Deferred` that fires with whether it went well; cancelling
            it kills the command.
        """

    def gone() -> None:
        """
        Nothing of it lives any more.
        """


class ILauncher(Interface):
    """
    Starts models' processes.
    """

    def cleaned() -> Deferred[None]:
        """
        :returns: a `Deferred` that fires once nothing is left of an earlier
            daemon that died.
        """

    def taken(port: int) -> Deferred[str | None]:
        """
        Whether something listens on a port already.

        :returns: a `Deferred` that fires with words for who does, or `None`.
        """

    def start(
        launch: Launch,
        unload_timeout: float,
        output: Callable[[bytes], None],
        on_exit: Callable[[str], None],
    ) -> IFamily:
        """
        Start a process.

        :param launch: what to start.
        :param unload_timeout: seconds that its stop command has if the daemon
            is killed.
        :param output: takes what it writes.
        :param on_exit: called once with words for how the child ended.
        :raises CannotLaunch: if it cannot be started.
        """
