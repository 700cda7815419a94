"""The code of the page about server APIs; the tests run it."""

from __future__ import annotations

import trio

import lktrio
from lktrio import api
from lktrio.errors import ServerError


async def make_room(url: str, api_key: str, api_secret: str) -> api.Room:
    """One object for all services, one message for each request."""
    async with lktrio.LiveKitAPI(url, api_key, api_secret) as lk:
        return await lk.room.create_room(
            api.CreateRoomRequest(name="demo", empty_timeout=600, max_participants=20)
        )


async def say_goodbye(lk: lktrio.LiveKitAPI, room: str, identity: str) -> bool:
    """Send somebody away; False if nobody of that identity is there."""
    request = api.RoomParticipantIdentity(room=room, identity=identity)
    try:
        with trio.fail_after(5):
            await lk.room.remove_participant(request)
    except ServerError as error:
        if error.code == "not_found":
            return False
        raise
    return True
