"""Commands that join a room: which one, as whom, and the room for the time of a block."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import trio

from lktrio._text import printable
from lktrio.auth import AccessToken, VideoGrants
from lktrio.cli.arguments import CommandFailed, UsageError, given_keys
from lktrio.cli.running import server_url
from lktrio.events import ParticipantConnected
from lktrio.net import Network, SystemNetwork
from lktrio.net.packet_log import open_packet_log
from lktrio.room import Room, RoomOptions, open_room

__all__ = ["open_joined_room", "wait_for_recipients"]

_LONGEST_VISIT = timedelta(hours=24)


def _token(arguments: argparse.Namespace) -> str:
    """The token to join with.

    Raises:
        UsageError: There is neither a token nor a room and a key to make one.
    """
    given = arguments.token or (None if arguments.room else os.environ.get("LIVEKIT_TOKEN"))
    if given:
        if arguments.room or arguments.identity:
            raise UsageError("the token says the room and who to be; name neither beside it")
        return str(given)
    if not arguments.room:
        raise UsageError("which room? name it, or give a --token")
    identity = arguments.identity or f"cli-{uuid4().hex[:6]}"
    grants = VideoGrants(room_join=True, room=arguments.room, can_update_own_metadata=True)
    token = AccessToken(identity=identity, ttl=_LONGEST_VISIT, video=grants)
    try:
        return token.to_jwt(*given_keys(arguments))
    except ValueError as error:
        raise UsageError(str(error)) from error


@asynccontextmanager
async def open_joined_room(
    arguments: argparse.Namespace, *, subscribe: bool = False, network: Network | None = None
) -> AsyncGenerator[Room, None]:
    """Join for the time of a block.

    Args:
        arguments: What `room_arguments` declares.
        subscribe: Whether to receive tracks.
        network: The machine, if it is not the real one.

    Raises:
        UsageError: The arguments do not say where to, or as whom.
        ConnectError: Joining failed.
        PacketLogError: Packets cannot be logged where they should be.
    """
    options = RoomOptions(auto_subscribe=subscribe, network=network or SystemNetwork())
    url, token = server_url(arguments), _token(arguments)
    async with AsyncExitStack() as stack:
        if arguments.packet_log is not None:
            log = await stack.enter_async_context(open_packet_log(arguments.packet_log))
            options = replace(options, packet_log=log)
        yield await stack.enter_async_context(open_room(url, token, options))


async def wait_for_recipients(room: Room, identities: Sequence[str], patience: timedelta) -> None:
    """Wait until those can receive who are to get something: these, or everybody who is there.

    Raises:
        CommandFailed: Somebody who was named is not there in time.
    """
    missing = list(dict.fromkeys(identities)) or list(room.remote_participants)
    with trio.move_on_after(patience.total_seconds()):
        while missing:
            await _wait_for(room, missing[0])
            del missing[0]
    if missing and identities:
        raise CommandFailed(f"{printable(missing[0])} is not in the room {printable(room.name)}")
    await trio.lowlevel.checkpoint()


async def _wait_for(room: Room, identity: str) -> None:
    while True:
        event = await room.wait_for(
            ParticipantConnected, lambda event: event.participant.identity == identity
        )
        try:
            await event.participant.wait_active()
        except trio.BrokenResourceError:
            continue  # has left again, and may come back
        return
