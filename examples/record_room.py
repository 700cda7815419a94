"""Record every track of a room into a file of its own, until the room ends or Ctrl-C.

    python record_room.py ROOM FOLDER

Frames are stored as they come, without decoding: Opus in Ogg files, VP8 in IVF files, H.264 as a
stream. The files are named after who publishes, and play in step if they are started together.
The environment says where and as whom: LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import trio

import lktrio
from lktrio import events, media

SUFFIXES = {"opus": ".ogg", "VP8": ".ivf", "H264": ".h264"}


async def record_room(room_name: str, folder: Path) -> None:
    """Join the room, and record what there is and what comes."""
    token = lktrio.AccessToken(
        identity="recorder",
        video=lktrio.VideoGrants(room_join=True, room=room_name, can_publish=False),
    ).to_jwt()
    async with (
        lktrio.open_room(os.environ["LIVEKIT_URL"], token) as room,
        trio.open_nursery() as nursery,
    ):
        recording = media.Recording()  # what the files have in common
        subscribed = room.events(events.TrackSubscribed)  # those that are there come first
        print(f"recording {room.name}", flush=True)
        async for event in subscribed:
            nursery.start_soon(record_track, event.track, recording, folder)


async def record_track(track: lktrio.RemoteTrack, recording: media.Recording, folder: Path) -> None:
    """Record one track until it ends."""
    if track.codec is None or track.codec.name not in SUFFIXES:
        print(f"{track.sid} is not recorded: {track.publication.mime_type}", flush=True)
        return
    try:
        frames = track.frames()
    except lktrio.EncryptedMedia as error:
        print(f"{track.sid} is not recorded: {error}", flush=True)
        return
    identity, suffix = track.participant.identity, SUFFIXES[track.codec.name]
    path = folder / media.safe_file_name(identity, track.sid, suffix=suffix)
    async with media.open_writer(path, track.codec, recording=recording) as out:
        print(f"{path}: {track.kind} of {track.participant.identity!r}", flush=True)
        async for frame in frames:
            await out.send(frame)
    print(f"{path}: {out.written} frames, {frames.dropped} missed", flush=True)


if __name__ == "__main__":
    try:
        trio.run(record_room, sys.argv[1], Path(sys.argv[2]))
    except* KeyboardInterrupt:
        print("interrupted")
