"""The room as a participant uses it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast, overload

import trio

from lktrio import proto
from lktrio.auth import TokenSource
from lktrio.errors import RoomClosed
from lktrio.room.broadcast import Subscription
from lktrio.room.data import DataStats
from lktrio.room.events import RoomEvent
from lktrio.room.local_participant import LocalParticipant
from lktrio.room.options import RoomOptions
from lktrio.room.participant import Participant, RemoteParticipant
from lktrio.room.session import RoomSession, serve_room
from lktrio.signal.scope import open_service_nursery

__all__ = ["Room", "connect_room", "open_room"]

E = TypeVar("E")


class Room:
    """A room that we are in; made by ``open_room`` and ``connect_room``.

    Attributes are snapshots: they change before the event that tells of the change arrives.
    """

    def __init__(self, session: RoomSession) -> None:
        self._session = session

    def __repr__(self) -> str:
        return f"<Room {self.name!r} {self.sid} {self.state}>"

    @property
    def name(self) -> str:
        """Name of the room."""
        return self._session.info.name

    @property
    def sid(self) -> str:
        """SID of the room, ``RM_…``."""
        return self._session.info.sid

    @property
    def metadata(self) -> str:
        """Metadata of the room."""
        return self._session.info.metadata

    @property
    def info(self) -> proto.Room:
        """LiveKit's message about the room, as it last was."""
        return self._session.info

    @property
    def state(self) -> str:
        """``"connected"`` or ``"disconnected"``."""
        return "connected" if self._session.end_reason is None else "disconnected"

    @property
    def recording(self) -> bool:
        """Whether the room is being recorded."""
        return self._session.info.active_recording

    @property
    def active_speakers(self) -> tuple[Participant[Any], ...]:
        """Everybody who speaks in the server's judgement, the loudest first."""
        return self._session.active_speakers

    @property
    def local_participant(self) -> LocalParticipant:
        """Ourselves."""
        return self._session.local

    @property
    def remote_participants(self) -> Mapping[str, RemoteParticipant]:
        """Everybody else by identity, a read-only view."""
        return self._session.roster.view

    @property
    def server_info(self) -> proto.ServerInfo | None:
        """What the server told about itself."""
        return self._session.link.join.server_info

    @property
    def signal_version(self) -> str:
        """``"v1"`` (one peer connection) or ``"v0"`` (two)."""
        return self._session.link.signal.version

    @property
    def data_stats(self) -> DataStats:
        """Counters of data packets."""
        return self._session.data_stats

    @overload
    def events(self) -> Subscription[RoomEvent]: ...

    @overload
    def events(self, *types: type[E]) -> Subscription[E]: ...

    def events(self, *types: type[Any]) -> Subscription[Any]:
        """Receive what happens from now on: all of it, or events of these types.

        The subscription exists from this call on, not only from the first ``receive``. Its last
        event is ``Disconnected``, if it asked for it; then it ends. At most 1,024 events wait; a
        slower subscriber gets ``SlowConsumer`` and nobody else notices.
        """
        return self._session.events.subscribe(*types)

    async def wait_closed(self) -> str:
        """Wait until the room has ended and return why.

        Returns:
            The lower-case name of LiveKit's ``DisconnectReason``, such as ``"room_deleted"``.
        """
        return await self._session.wait_ended()


@asynccontextmanager
async def open_room(
    url: str, token: str | TokenSource, options: RoomOptions | None = None
) -> AsyncGenerator[Room, None]:
    """Join a room for the duration of a block.

    Background work runs until the block is left, and then just long enough to say goodbye (at most
    2 s); afterwards nothing of it is left. The end of the room by the network does not cancel the
    block: events and channels end, calls raise ``RoomClosed``. The block's own exception comes out
    bare, and a group of nothing but this room's ``RoomClosed`` as one of them. Cancelled while
    joining, no participant stays behind in the room: a server that was asked to let us in may take
    the same 2 s to do so, and is told that we leave.

    Tracks that are in the room already, and data that was sent while joining, become known with
    the block's first checkpoint: who calls ``room.events()`` first hears of all of them.

    Args:
        url: The server's, such as ``wss://example.livekit.cloud``; empty for what a token source
            says.
        token: Access token with the grant to join, or a source of such tokens.
        options: Wishes and deadlines.

    Raises:
        AuthenticationFailed: The server refused the token.
        JoinRejected: It refused the join for another reason.
        ServerUnreachable: No LiveKit server answers at the URL.
        IceFailed: No path for media was found.
        DtlsFailed: The path could not be secured.
        ConnectTimeout: A phase took too long; the message names it.
        RemoteProtocolError: What the server says makes no sense.
        ValueError: The URL or the token cannot be one.
    """
    async with open_service_nursery() as services:
        session = await _start(services, url, token, options)
        try:
            yield Room(session)
        except BaseExceptionGroup as group:
            closed = _only_closed(session, group)
            if closed is None:
                raise
            raise closed from None
        finally:
            # Before the peer connections close: LiveKit's server takes that for a failure, and may
            # then wait for us to come back in place of reading that we leave.
            await session.link.signal.say_goodbye()  # noqa: ASYNC102 - has its own shield


def _only_closed(
    session: RoomSession, group: BaseExceptionGroup[BaseException]
) -> RoomClosed | None:
    """The first ``RoomClosed`` of a group, if there is nothing else but those of this room."""
    first: RoomClosed | None = None
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found = _only_closed(session, cast("BaseExceptionGroup[BaseException]", error))
        else:
            found = error if isinstance(error, RoomClosed) and session.raised(error) else None
        if found is None:
            return None
        first = first or found
    return first


async def connect_room(
    nursery: trio.Nursery,
    url: str,
    token: str | TokenSource,
    options: RoomOptions | None = None,
) -> Room:
    """Join a room whose background work runs in a nursery of the caller's.

    The stay ends when the nursery is cancelled. Arguments and errors are those of ``open_room``.
    """
    return Room(await _start(nursery, url, token, options))


async def _start(
    nursery: trio.Nursery, url: str, token: str | TokenSource, options: RoomOptions | None
) -> RoomSession:
    if not isinstance(token, str):
        # Callers may be untyped, and what os.environ.get() does not find is None.
        if not isinstance(token, TokenSource):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(
                f"the token is a str, as AccessToken.to_jwt returns it, or a TokenSource, "
                f"not {type(token).__name__}"
            )
        details = await token.fetch()
        url, token = url or details.server_url, details.participant_token
    session: RoomSession = await nursery.start(
        serve_room, url, token, options or RoomOptions(), name="lktrio.room"
    )
    session.hand_over()
    return session
