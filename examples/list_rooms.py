"""List the rooms of a server, and who is in them.

    python list_rooms.py

The environment says which server: LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET.
"""

from __future__ import annotations

import trio

import lktrio
from lktrio import api


async def list_rooms() -> None:
    """Print a line for each room and one for each participant."""
    async with lktrio.LiveKitAPI() as lk:
        listed = await lk.room.list_rooms(api.ListRoomsRequest())
        for room in listed.rooms:
            print(f"{room.name!r} ({room.sid})")
            people = await lk.room.list_participants(api.ListParticipantsRequest(room=room.name))
            for person in people.participants:
                print(f"  {person.identity!r}: {len(person.tracks)} tracks")


if __name__ == "__main__":
    trio.run(list_rooms)
