"""Publish media files to a room, all at once and in real time.

    python publish_file.py ROOM FILE...

Ogg files with Opus, IVF files with VP8 and H.264 streams are sent as they are, without decoding.
The environment says where and as whom: LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

import lktrio


async def publish_files(room_name: str, files: Sequence[str]) -> None:
    """Join the room, publish each file as a track, and leave when all have been played."""
    token = lktrio.AccessToken(
        identity="publisher", video=lktrio.VideoGrants(room_join=True, room=room_name)
    ).to_jwt()
    async with (
        lktrio.open_room(os.environ["LIVEKIT_URL"], token) as room,
        trio.open_nursery() as nursery,
    ):
        for file in files:
            nursery.start_soon(publish_file, room, file)


async def publish_file(room: lktrio.Room, file: str) -> None:
    """Publish one file, from the moment on at which somebody receives it."""
    await room.local_participant.publish_file(file, name=Path(file).name, wait_subscribed=True)
    print(f"{file} has been played", flush=True)


if __name__ == "__main__":
    try:
        trio.run(publish_files, sys.argv[1], sys.argv[2:])
    except* KeyboardInterrupt:
        print("interrupted")
