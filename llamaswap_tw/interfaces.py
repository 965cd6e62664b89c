"""
The seams of the house: what its parts promise one another.

Nothing here imports Twisted at run time: planners and the scheduler are pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from .errors import RequestError
    from .process.kin import Kin
    from .process.launch import Launch, Policy
    from .routing.limits import Limits

#: Runs a function, with arguments, in a thread; fires with what it returns.
InThread = Callable[..., "Deferred[Any]"]


class ProcessState(Enum):
    """
    Where a model's process stands; the values are what the API shows.
    """

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, eq=False)
class Ticket:
    """
    One request's place in the scheduler; two tickets are never equal.

    :ivar model: the id of the model that it wants.
    :ivar arrived: when it came, in seconds of the reactor's clock.
    :ivar wants_position: whether it is told its place in the queue.
    """

    model: str
    arrived: float
    wants_position: bool = False


@dataclass(frozen=True)
class Waiting:
    """
    One ticket that waits, at one moment.

    :ivar ticket: the ticket.
    :ivar position: its place in the queue, from 1 on; 0 where a swap to its model is
        under way.
    :ivar behind: the ids of the models on account of which it does not go on; its
        own where that has no free slot, or is still going down.
    """

    ticket: Ticket
    position: int
    behind: tuple[str, ...] = ()


class ISwapPlanner(Interface):
    """
    Which models may not run beside each other.
    """

    def evictions_for(target: str, running: Collection[str]) -> Sequence[str]:
        """
        What must stop before ``target`` may run.  Pure: it never logs, does
        no I/O and changes nothing.

        :param target: a model's id.
        :param running: the ids of the models that run, are about to, or are
            not yet down; ``target`` may be among them, and so may models that
            the configuration no longer has: these must stop, unless ``target``
            runs beside them already.
        :returns: the ids to stop, a part of ``running`` without ``target``,
            in sorted order.
        """

    def swap_started(target: str, running: Collection[str]) -> None:
        """
        A swap to ``target`` begins; the one place where a planner may log
        why it chose what it chose.
        """


class ISwapPlannerFactory(Interface):
    """
    Makes planners of one kind; an installed package offers it as a plugin of
    `twisted.plugins`, beside `twisted.plugin.IPlugin`.
    """

    name: str = Attribute("What ``routing.router.use`` calls it.")

    def fromConfig(settings: Any, models: Sequence[str]) -> ISwapPlanner:
        """
        Make a planner.

        :param settings: what the configuration has at
            ``routing.router.settings.<name>``, its mappings, lists and scalars;
            `None` where it has nothing there.
        :param models: the ids of all models.
        :raises Exception: if it cannot use the settings; the text is told to the
            user, who wrote them.
        """


class IEffects(Interface):
    """
    What a scheduler may do to the world.  Every method returns at once; what
    comes of it arrives later as an event of `IScheduler`.
    """

    def state_of(model: str) -> ProcessState:
        """
        Where the model's process stands at this moment.
        """

    def running() -> Collection[str]:
        """
        The ids of the models whose process is not stopped.
        """

    def start_swap(model: str, evict: Sequence[str], overdue: bool) -> None:
        """
        Stop ``evict``, all at once, then bring ``model`` up.
        ``swap_finished`` follows, exactly once.

        :param overdue: whether the swap is for a ticket that waited longer
            than ``maxWait``.
        """

    def grant(ticket: Ticket) -> None:
        """
        Let the request through; ``released`` follows, exactly once.
        """

    def refuse(ticket: Ticket, error: RequestError) -> None:
        """
        Answer the request with an error.
        """

    def stop(models: Sequence[str]) -> None:
        """
        Stop these, though they be starting or serving; ``stopped`` follows for
        each that ran, and ``swap_finished`` for each that a swap was under
        way to.
        """

    def tell_position(ticket: Ticket, position: int) -> None:
        """
        The ticket's place in the queue changed.

        :param position: from 1 on; 0 once a swap to its model is under way.
        """

    def wake_at(time: float | None) -> None:
        """
        Call ``tick`` at that time of the reactor's clock, in place of any
        time asked for before; never, for `None`.  A time that has passed means
        soon.
        """


class IScheduler(Interface):
    """
    Who is served, by what, and when: decisions only.  Each event returns at
    once; it acts through `IEffects` alone and has no clock of its own.

    Effects are carried out, in order, once an event has been handled, and an
    event that one of them brings about is handled after those.  An effect that
    raises hinders no other; the outermost event raises it when all is done.
    """

    def requested(ticket: Ticket) -> None:
        """
        A request came; its ticket will be granted, refused or cancelled,
        exactly once.
        """

    def cancelled(ticket: Ticket) -> None:
        """
        The request of a waiting ticket is gone.  Without effect on a ticket
        that has ended.
        """

    def released(ticket: Ticket) -> None:
        """
        The request of a granted ticket has ended.
        """

    def swap_finished(model: str, error: RequestError | None) -> None:
        """
        A swap that was started is over.

        :param error: what all who joined it are told, or `None` where the
            model is ready.
        """

    def stopped(model: str) -> None:
        """
        A model's process is down: by a stop, a crash, or its TTL.
        """

    def unload(models: Sequence[str]) -> None:
        """
        Refuse whoever waits for these and stop them, even if serving.
        """

    def reconfigured(
        planner: ISwapPlanner,
        limits: Mapping[str, Limits],
        priorities: Mapping[str, int],
        max_wait: float | None,
    ) -> None:
        """
        Other rules hold from now on.  Whoever waits keeps waiting by them, but
        for those whose model is no longer known: they are refused.  A model that
        is gone counts as running for as long as `IEffects.running` names it.

        :param planner: says what must stop.
        :param limits: by model; the models that are known.
        :param priorities: by model; 0 where there is none, higher first.
        :param max_wait: seconds after which a ticket is overdue, or `None` for
            never.
        """

    def shut_down(error: RequestError) -> None:
        """
        Refuse whoever waits, and from now on everybody.
        """

    def tick(now: float) -> None:
        """
        The time asked for with ``wake_at`` has come.

        :param now: seconds of the reactor's clock.
        """

    def queue() -> Sequence[Waiting]:
        """
        Who waits.  No event: it changes nothing, and may be asked at any time.

        :returns: those for whom a swap is under way, then the others, in order.
        """


class ISwapObserver(Interface):
    """
    Told of swaps, by whoever carries them out.
    """

    def swap_began(model: str, evict: Sequence[str], overdue: bool) -> None:
        """
        A swap begins.

        :param model: what is brought up.
        :param evict: what is stopped for it.
        :param overdue: as for `IEffects.start_swap`.
        """

    def swap_ended(model: str, error: RequestError | None, seconds: float) -> None:
        """
        A swap is over.

        :param error: as for `IScheduler.swap_finished`.
        :param seconds: since it began.
        """


class IModelProcess(Interface):
    """
    One model's process, from launch to exit, and over again.
    """

    model_id: str = Attribute("The model's id.")
    state: ProcessState = Attribute("Where it stands at this moment.")
    pid: int | None = Attribute("The model's own pid while it has one.")
    base_url: str = Attribute("Where its server listens, without a last slash.")
    in_flight: int = Attribute("How many requests it is serving.")
    unload_at: float | None = Attribute(
        "When its TTL stops it, in seconds of the reactor's clock, unless a request "
        "comes; `None` while one is served, where it is not ready, or has no TTL."
    )
    retry_at: float | None = Attribute(
        "Until when it is not started, since it failed again and again; in seconds of "
        "the reactor's clock, or `None` where it may be."
    )
    kin: Kin | None = Attribute("Finds its processes, while it may have any.")
    port: int | None = Attribute(
        "The port that we assigned to what runs or, where nothing does, to what is "
        "started next."
    )

    def ensure_ready() -> Deferred[None]:
        """
        Start it unless it is up.

        :returns: a `Deferred` that fires when the model is ready and fails
            with a `RequestError`.  Cancelling it disturbs nobody else.
        """

    def forgive() -> None:
        """
        Forget the failures before: a person asked for another try.
        """

    def stop(grace: float | None = None) -> Deferred[None]:
        """
        Stop it unless it is down.

        :param grace: seconds from the polite request to the kill; `None` for
            the model's own ``unloadTimeout``.
        :returns: a `Deferred` that fires when nothing of it lives any more.
        """

    def shut_down(grace: float) -> Deferred[None]:
        """
        Stop it for good: from now on nobody can start it.

        :param grace: as for `stop`; its ``unloadTimeout`` where that is less.
        :returns: a `Deferred` that fires when nothing of it lives any more.
        """

    def reconfigure(launch: Launch, policy: Policy) -> None:
        """
        Another configuration of it holds from now on.

        :param launch: where this is another one, what runs ends with its
            requests, and whoever asks meanwhile waits and then gets the new one.
        :param policy: holds at once.
        """

    def retire() -> Deferred[None]:
        """
        Let what runs end with its requests, within reason, and then for good.

        :returns: a `Deferred` that fires when nothing of it lives any more.
        """

    def replace(launch: Launch) -> None:
        """
        Start it by this launch the next time, and let what runs end with its
        requests; also where it was retired, and is not down yet.
        """

    def request_began() -> None:
        """
        A request is in flight: the TTL does not run.
        """

    def request_ended() -> None:
        """
        That request is over; with the last of them the TTL runs anew.
        """

    def when_not_ready() -> Deferred[None]:
        """
        :returns: a `Deferred` that fires once the state is other than ready;
            at once where it already is.  May be cancelled.
        """


class IProber(Interface):
    """
    Tells whether a server is ready for traffic.
    """

    def when_ready(url: str, met: Callable[[str], None]) -> Deferred[None]:
        """
        Ask again and again until the server answers 200.

        :param url: where to ask.
        :param met: told after each probe that failed what it met with, in
            words for an error message: ``"503 Service Unavailable"``.
        :returns: a `Deferred` that fires when it does; cancelling it gives up.
        """


class IOutput(Interface):
    """
    Takes what a model's process writes.
    """

    def write(data: bytes) -> None:
        """
        Take some output as it came.  Never blocks.
        """

    def began() -> None:
        """
        A new process writes from now on: `tail` knows nothing from before.
        """

    def tail(limit: int) -> str:
        """
        :param limit: the most bytes wanted.
        :returns: the last whole lines written, within the limit.
        """


#: Told of each change: the model's id, the state it is in now, and, where the
#: change was not asked for, why.
StateObserver = Callable[[str, ProcessState, "RequestError | None"], None]

#: Told when a model that served nobody begins to serve, with its id and `True`, and,
#: with `False`, when the last of its requests has ended.
BusyObserver = Callable[[str, bool], None]


class IDownstream(Interface):
    """
    The client's side of a request: what the relay answers to.

    A response is refused, or it begins, is sent, and ends or is cut.  What is
    sent is buffered until `flush`, so that a head and the chunk that came with
    it are one packet.
    """

    on_gone: Callable[[], None] | None = Attribute(
        "Called once if the client goes away before the response has ended."
    )

    def registerProducer(producer: object, streaming: bool) -> None:
        """
        As `twisted.internet.interfaces.IConsumer`: what is sent comes from
        ``producer``, which is paused where the client is slow.
        """

    def unregisterProducer() -> None:
        """
        No more will come of it.
        """

    def inform(
        code: int, phrase: bytes, headers: Sequence[tuple[bytes, bytes]]
    ) -> None:
        """
        Pass on an interim (1xx) response, where the client's protocol has those.
        """

    def begin(
        code: int,
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        length: int | None,
    ) -> None:
        """
        Send the head.

        :param headers: end-to-end headers as they came, without any about the
            body's length.
        :param length: of the body in bytes, or `None` where it is not known.
        """

    def send(data: bytes) -> None:
        """
        Send a piece of the body.
        """

    def flush() -> None:
        """
        Hand what was sent to the transport.
        """

    def end(trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """
        The response is whole.
        """

    def cut() -> None:
        """
        The response will never be whole: end the connection so that the client
        sees that.
        """

    def refuse(error: RequestError) -> None:
        """
        Answer with an error; nothing was sent before.
        """


class ISwitchingDownstream(IDownstream):
    """
    A client whose connection can become something other than HTTP.
    """

    def switch(
        phrase: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        successor: object,
        close: Callable[[], None] | None,
    ) -> bytes:
        """
        Answer 101, in place of a response: the connection is another's.

        :param headers: all that the head has.
        :param successor: an `IHalfCloseableProtocol`.
        :param close: called where the server shuts down; `None` where what follows
            has the time that requests have then.
        :returns: what the client has sent already behind its request.
        """
