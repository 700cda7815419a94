"""Send every data message back to whom it came from, until the room ends or Ctrl-C.

    python echo_data.py ROOM

The environment says where and as whom: LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET.
"""

from __future__ import annotations

import os
import sys

import trio

import lktrio
from lktrio import events


async def echo(room_name: str) -> None:
    """Join the room and answer."""
    token = lktrio.AccessToken(
        identity="echo", video=lktrio.VideoGrants(room_join=True, room=room_name)
    ).to_jwt()
    async with lktrio.open_room(os.environ["LIVEKIT_URL"], token) as room:
        messages = room.events(events.DataReceived)
        print(f"listening in {room.name}", flush=True)
        async for message in messages:
            if message.participant is None:  # a server sent it, or somebody who has left
                continue
            await room.local_participant.publish_data(
                message.data,
                topic=message.topic,
                reliable=message.reliable,
                destination_identities=[message.participant.identity],
            )
            print(f"{len(message.data)} bytes of {message.participant.identity!r}", flush=True)


if __name__ == "__main__":
    try:
        trio.run(echo, sys.argv[1])
    except* KeyboardInterrupt:
        print("interrupted")
