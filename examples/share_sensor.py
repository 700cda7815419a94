"""Share the readings of a sensor on a data track, or print those of everybody else.

    python share_sensor.py ROOM publish
    python share_sensor.py ROOM read

The environment says where: LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET. The sensor is the load
of this machine, ten times a second; it takes readers no matter when they come.
"""

from __future__ import annotations

import json
import os
import sys
import time

import trio

import lktrio
from lktrio import events

TRACK = "load"


async def publish(room: lktrio.Room) -> None:
    """Send a reading again and again."""
    async with room.local_participant.publish_data_track(TRACK, frame_encoding="json") as track:
        print(f"publishing {track.name!r} in {room.name}", flush=True)
        while True:
            reading = json.dumps(os.getloadavg()).encode()
            await track.send(reading, user_timestamp=int(time.time() * 1000))
            await trio.sleep(0.1)


async def read(room: lktrio.Room) -> None:
    """Print twice a second what everybody publishes."""
    async with trio.open_nursery() as nursery:
        async for event in room.events(events.DataTrackPublished):
            if event.track.name == TRACK:
                nursery.start_soon(print_readings, event.track)


async def print_readings(track: lktrio.RemoteDataTrack) -> None:
    """Print one track to its end."""
    with track.frames(target_fps=2) as frames:
        async for frame in frames:
            load, *_ = json.loads(frame.payload)
            print(f"{track.publisher_identity}: {load}", flush=True)
    print(f"{track.publisher_identity} has stopped", flush=True)


async def main(room_name: str, what: str) -> None:
    """Join the room and do it."""
    token = lktrio.AccessToken(
        identity=f"{what}-{os.getpid()}",
        video=lktrio.VideoGrants(room_join=True, room=room_name),
    ).to_jwt()
    async with lktrio.open_room(os.environ["LIVEKIT_URL"], token) as room:
        await (publish if what == "publish" else read)(room)


if __name__ == "__main__":
    try:
        trio.run(main, sys.argv[1], sys.argv[2])
    except* KeyboardInterrupt:
        print("interrupted")
    except* lktrio.RoomClosed as closed:
        print(closed.exceptions[0])
