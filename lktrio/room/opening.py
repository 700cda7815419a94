"""Joining a room, for the duration of a block or of a nursery."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import trio

from lktrio._running import require_trio
from lktrio._scope import open_service_nursery
from lktrio.auth import ConnectionDetails, ParticipantToken, connection_details
from lktrio.errors import RoomClosed
from lktrio.room.local_participant import LocalParticipant
from lktrio.room.options import RoomOptions
from lktrio.room.room import Room
from lktrio.room.session.life import RoomLife
from lktrio.room.session.session import RoomSession, serve_room
from lktrio.room.state.room_state import LocalRecord

__all__ = ["connect_room", "open_room"]


@asynccontextmanager
async def open_room(
    url: str, token: ParticipantToken, options: RoomOptions | None = None
) -> AsyncGenerator[Room, None]:
    """Join a room for the duration of a block.

    Background work runs until the block is left, and then just long enough to leave the room (at
    most 2 s); afterwards nothing of it is left. The end by the network does not cancel the block:
    events and channels end, calls raise ``RoomClosed``. The block's own exception comes out
    bare, and a group of nothing but this room's ``RoomClosed`` as one of them. Cancelled while
    joining, no participant stays behind in the room: a server that was asked to let us in may take
    the same 2 s to do so, and is told that we leave.

    What is in the room already is where ``room.events()`` begins.

    Args:
        url: The server's, such as ``wss://example.livekit.cloud``; empty for what a token source
            says.
        token: Access token with the grant to join, or a source of such tokens.
        options: Preferences and deadlines.

    Raises:
        AuthenticationFailed: The server refused the token.
        JoinRejected: It refused the join for another reason.
        ServerUnreachable: No LiveKit server answers at the URL; ``ProxyFailed`` if a proxy on the
            way did not let us through.
        IceFailed: No path for media was found.
        DtlsFailed: The path could not be secured.
        ConnectTimeout: A phase took too long; the message names it. What failed before, in other
            regions or tries, is in the notes of these errors.
        RemoteProtocolError: What the server says makes no sense.
        ValueError: The URL or the token cannot be one.
    """
    require_trio("open_room()")
    async with open_service_nursery() as services:
        room, session = await _join(services, url, token, options)
        try:
            yield room
        except BaseExceptionGroup as group:
            closed = _only_closed(session.life, group)
            if closed is None:
                raise
            raise closed from None


def _only_closed(life: RoomLife, group: BaseExceptionGroup[BaseException]) -> RoomClosed | None:
    """The first ``RoomClosed`` of a group, if there is nothing else but those of this room."""
    first: RoomClosed | None = None
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found = _only_closed(life, cast("BaseExceptionGroup[BaseException]", error))
        else:
            found = error if isinstance(error, RoomClosed) and life.raised(error) else None
        if found is None:
            return None
        first = first or found
    return first


async def connect_room(
    nursery: trio.Nursery,
    url: str,
    token: ParticipantToken,
    options: RoomOptions | None = None,
) -> Room:
    """Join a room whose background work runs in a nursery of the caller's.

    The room is left when the nursery is cancelled, or by ``Room.leave``. Arguments and errors are
    those of ``open_room``.
    """
    room, _ = await _join(nursery, url, token, options)
    return room


async def _join(
    nursery: trio.Nursery, url: str, token: ParticipantToken, options: RoomOptions | None
) -> tuple[Room, RoomSession]:
    details = await connection_details(url, token)
    local: list[LocalParticipant] = []

    async def renew() -> ConnectionDetails:
        return await connection_details(url, token, renew=True)

    def make_local(record: LocalRecord, session: RoomSession) -> LocalParticipant:
        local.append(LocalParticipant(record, session))
        return local[0]

    session: RoomSession = await nursery.start(
        serve_room,
        details,
        renew,
        options or RoomOptions(),
        make_local,
        name="lktrio.room",
    )
    return Room(session, local[0]), session
