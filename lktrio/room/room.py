"""The room as a participant uses it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar, overload

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.room.channels.events import Subscription
from lktrio.room.local_participant import LocalParticipant
from lktrio.room.rpc.invocation import RpcInvocation
from lktrio.room.rpc.methods import RpcMethod
from lktrio.room.session.session import RoomSession
from lktrio.room.state.data import DataStats
from lktrio.room.state.enums import (
    AgentState,
    ConnectionState,
    DisconnectReason,
    ParticipantState,
    SimulateScenario,
)
from lktrio.room.state.events import (
    ParticipantActive,
    ParticipantAttributesChanged,
    RoomEvent,
)
from lktrio.room.state.media_path import MediaPath
from lktrio.room.state.participant import Participant
from lktrio.room.state.remote import RemoteParticipant
from lktrio.room.state.stats import RoomStats
from lktrio.room.streams.handling import handle_streams
from lktrio.room.streams.reader import ByteStreamReader, TextStreamReader
from lktrio.room.streams.serving import StreamChannel

__all__ = ["Room"]

E = TypeVar("E")
E1 = TypeVar("E1")
E2 = TypeVar("E2")
E3 = TypeVar("E3")
E4 = TypeVar("E4")
Q = TypeVar("Q")
A = TypeVar("A")


class Room:
    """A room that we are in; made by ``open_room`` and ``connect_room``.

    Attributes are snapshots: they change before the event that tells of the change arrives.
    """

    def __init__(self, session: RoomSession, local: LocalParticipant) -> None:
        self._session = session
        self._state = session.state
        self._local = local

    def __repr__(self) -> str:
        return f"<Room {self.name!r} {printable(self.sid)} {self.state}>"

    @property
    def name(self) -> str:
        """Name of the room."""
        return self._state.info.name

    @property
    def sid(self) -> str:
        """SID of the room, ``RM_…``."""
        return self._state.info.sid

    @property
    def metadata(self) -> str:
        """Metadata of the room."""
        return self._state.info.metadata

    @property
    def info(self) -> proto.Room:
        """LiveKit's message about the room, as it last was."""
        return self._state.info

    @property
    def state(self) -> ConnectionState:
        """Where it is in its life: ``CONNECTED``, ``RECONNECTING`` or ``DISCONNECTED``."""
        return self._state.connection_state

    @property
    def recording(self) -> bool:
        """Whether the room is being recorded."""
        return self._state.info.active_recording

    @property
    def active_speakers(self) -> tuple[Participant[Any], ...]:
        """Everybody who speaks in the server's judgement, the loudest first."""
        return self._state.active_speakers

    @property
    def local_participant(self) -> LocalParticipant:
        """The participant that this program is."""
        return self._local

    @property
    def remote_participants(self) -> Mapping[str, RemoteParticipant]:
        """Everybody else by identity, a read-only view."""
        return self._state.roster.views

    @property
    def server_info(self) -> proto.ServerInfo | None:
        """What the server told about itself."""
        return self._session.server_info

    @property
    def signal_version(self) -> str:
        """``"v1"`` (one peer connection) or ``"v0"`` (two)."""
        return self._session.link.signal.version

    @property
    def media_paths(self) -> tuple[MediaPath, ...]:
        """Which ways media and data take to the server now, for each peer connection that works."""
        paths = [one.path for one in self._session.link.connections]
        return tuple(path for path in paths if path is not None)

    @property
    def data_stats(self) -> DataStats:
        """Counters of data packets."""
        return self._state.data_stats

    def stats(self) -> RoomStats:
        """Numbers about the room as they are now; cheap enough for once a second.

        After the end of the room they are the last ones, without streams.
        """
        return self._session.stats()

    @property
    def unhandled(self) -> Mapping[str, int]:
        """How many messages came of kinds that lktrio does not handle, by kind."""
        return MappingProxyType(self._state.unhandled)

    @overload
    def events(self, *, replay: bool = True) -> Subscription[RoomEvent]: ...

    @overload
    def events(self, one: type[E1], /, *, replay: bool = True) -> Subscription[E1]: ...

    @overload
    def events(
        self, one: type[E1], two: type[E2], /, *, replay: bool = True
    ) -> Subscription[E1 | E2]: ...

    @overload
    def events(
        self, one: type[E1], two: type[E2], three: type[E3], /, *, replay: bool = True
    ) -> Subscription[E1 | E2 | E3]: ...

    @overload
    def events(
        self,
        one: type[E1],
        two: type[E2],
        three: type[E3],
        four: type[E4],
        /,
        *,
        replay: bool = True,
    ) -> Subscription[E1 | E2 | E3 | E4]: ...

    @overload
    def events(self, *types: type[E], replay: bool = True) -> Subscription[E]: ...

    def events(self, *types: type[Any], replay: bool = True) -> Subscription[Any]:
        """Receive what there is and what happens: all of it, or events of these types.

        The subscription exists from this call on, not only from the first ``receive``. It begins
        with the events that tell of what is there: participants, their publications, subscribed
        tracks. Data that came before anybody asked for it is next, for the first who does. The last
        event is ``Disconnected``, if it was asked for; then the subscription ends.

        A slow subscriber stalls nobody: see ``Subscription``.

        Args:
            types: The types of events; none for all.
            replay: Whether to begin with what is there; otherwise with news.
        """
        beginning = self._state.snapshot() if replay else None
        return self._session.events.subscribe(*types, replay=beginning)

    def get_participant(
        self, *, identity: str | None = None, sid: str | None = None
    ) -> Participant[Any] | None:
        """The participant with this identity and this SID, the local one among them; or None."""
        everybody: list[Participant[Any]] = [self._local, *self.remote_participants.values()]
        for participant in everybody:
            if identity in (None, participant.identity) and sid in (None, participant.sid):
                return participant
        return None

    async def wait_for(
        self,
        kind: type[E],
        predicate: Callable[[E], object] | None = None,
        *,
        replay: bool = True,
    ) -> E:
        """Wait for the first event of a type, and return it.

        ::

            await room.wait_for(TrackPublished, lambda event: event.publication.name == "mic")

        Data that waits for a subscription goes on waiting for it, save the event that is returned.
        Cancelled, it has taken nothing.

        Args:
            kind: The type of the event.
            predicate: What the event has to fulfil.
            replay: Whether what is there already counts, as in ``events``.

        Raises:
            RoomClosed: The room has ended without such an event.
        """
        beginning = self._state.snapshot() if replay else None
        try:
            return await self._session.events.wait_for(kind, predicate, replay=beginning)
        except trio.EndOfChannel:
            self._session.life.check_open()
            raise

    async def wait_for_agent(
        self, *, identity: str = "", state: AgentState | str = ""
    ) -> RemoteParticipant:
        """Wait until an agent is there and can receive, and return it.

        ::

            agent = await room.wait_for_agent(state=AgentState.LISTENING)

        Participants that publish on behalf of an agent, such as avatars, are none.

        Args:
            identity: Identity of the agent; empty for any.
            state: What it should be doing; empty for anything.

        Raises:
            RoomClosed: The room has ended.
            ValueError: There is no such state.
        """
        wanted = AgentState(state) if state else None
        self._session.life.check_open()
        with self.events(ParticipantActive, ParticipantAttributesChanged, replay=False) as news:
            while True:
                for participant in self.remote_participants.values():
                    if identity in ("", participant.identity) and _is_ready(participant, wanted):
                        await trio.lowlevel.checkpoint()
                        return participant
                try:
                    await news.receive()
                except trio.EndOfChannel:
                    self._session.life.check_open()
                    raise

    def text_streams(self, topic: str) -> StreamChannel[TextStreamReader]:
        """Serve the text streams of a topic: a channel of them, from this call on.

        ::

            with room.text_streams("lk.chat") as streams:
                async for stream in streams:
                    print(await stream.read_all())

        It begins with the streams of the topic that began in the last 5 s, at most 16. Others that
        nobody serves are dropped, and all of them are counted in ``data_stats``.

        Raises:
            ValueError: The topic is served already.
        """
        return self._session.streams.text.serve(topic)

    def byte_streams(self, topic: str) -> StreamChannel[ByteStreamReader]:
        """Serve the byte streams of a topic, as ``text_streams`` does for text."""
        return self._session.streams.bytes.serve(topic)

    async def serve_text_streams(
        self,
        topic: str,
        handler: Callable[[TextStreamReader], Awaitable[object]],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Call a handler for every text stream of a topic, until cancelled or the room has ended.

        ::

            await nursery.start(room.serve_text_streams, "lk.chat", handler)

        Every stream has a task of its own, at most 64 at once; the next ones wait. A handler that
        raises ends only its stream, with a line in the log. A stream is closed when its handler
        returns. Cancelled, the handlers are too.

        Raises:
            ValueError: The topic is served already.
        """
        with self.text_streams(topic) as streams:
            task_status.started()
            await handle_streams(streams, handler)

    async def serve_byte_streams(
        self,
        topic: str,
        handler: Callable[[ByteStreamReader], Awaitable[object]],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Call a handler for every byte stream of a topic, as ``serve_text_streams`` for text."""
        with self.byte_streams(topic) as streams:
            task_status.started()
            await handle_streams(streams, handler)

    @overload
    async def serve_rpc(
        self,
        method: str,
        handler: Callable[[RpcInvocation[str]], Awaitable[str]],
        *,
        task_status: trio.TaskStatus[None] = ...,
    ) -> None: ...

    @overload
    async def serve_rpc(
        self,
        method: RpcMethod[Q, A],
        handler: Callable[[RpcInvocation[Q]], Awaitable[A]],
        *,
        task_status: trio.TaskStatus[None] = ...,
    ) -> None: ...

    async def serve_rpc(  # noqa: ASYNC128 - the endpoint calls it
        self,
        method: str | RpcMethod[Any, Any],
        handler: Callable[[RpcInvocation[Any]], Awaitable[Any]],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Answer the calls of a method, until cancelled or the room has ended (LiveKit's RPC).

        ::

            async def add(call: RpcInvocation[str]) -> str:
                return str(sum(json.loads(call.payload)))

            await nursery.start(room.serve_rpc, "add", add)

        Every call has a task of its own, at most 64 at once in a room; further ones are answered
        with ``APPLICATION_ERROR``. What the handler returns is the answer. It chooses the error by
        raising ``RpcError``; any other exception becomes a line in the log and
        ``APPLICATION_ERROR``. The handler is cancelled at the caller's deadline, which is that of
        calls it makes itself as well, and when the caller leaves or this room is joined anew, as
        nobody waits for the answer then. It goes on through a resume. Cancelled, the handlers are
        too, and those who called them are told.

        Args:
            method: Its name, for calls of text; or with the types of its request and its answer.
            handler: Called with each call.
            task_status: Told once the method is served.

        Raises:
            ValueError: The method is served already.
        """
        if isinstance(method, str):
            method = RpcMethod.text(method)
        await self._session.rpc.serve(method, handler, task_status=task_status)

    async def wait_closed(self) -> DisconnectReason:
        """Wait until the room has ended and return why."""
        return await self._session.life.wait_ended()

    async def simulate(
        self, scenario: SimulateScenario | str, value: int | str | None = None
    ) -> None:
        """Ask the server for a fault, to see what a program does then (LiveKit's scenarios).

        Returns when the server was asked; events tell the rest.

        Args:
            scenario: What is to happen.
            value: For those scenarios that say so: which protocol, how many.

        Raises:
            RoomClosed: The room has ended.
            ValueError: There is no such scenario, or the value does not fit it.
        """
        await self._session.simulate(SimulateScenario(scenario), value)

    async def leave(
        self, reason: DisconnectReason | str = DisconnectReason.CLIENT_INITIATED
    ) -> None:
        """Leave the room before its block or nursery ends, and wait until that is done.

        Events and channels end at once, calls raise ``RoomClosed``; then the server is told, for
        which `Timeouts.leave` is the limit. Several tasks may leave, and a room that has ended may
        be left too. Cancelled, the room is left nevertheless, in the background.

        Args:
            reason: What the server and the others are told (``LeaveRequest.reason``).

        Raises:
            ValueError: There is no such reason.
        """
        await self._session.leave(DisconnectReason(reason))


def _is_ready(participant: RemoteParticipant, state: AgentState | None) -> bool:
    """Whether a participant is an agent that can receive, and does this."""
    agent = participant.agent
    if agent is None or agent.on_behalf_of or participant.state is not ParticipantState.ACTIVE:
        return False
    return state in (None, agent.state)
