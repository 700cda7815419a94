"""Save the files that others send, and send some, until the room ends or Ctrl-C.

    python exchange_files.py ROOM IDENTITY FOLDER [FILE ...]

Files travel as byte streams of the topic "files". The environment says where: LIVEKIT_URL,
LIVEKIT_API_KEY, LIVEKIT_API_SECRET.
"""

from __future__ import annotations

import os
import sys
from functools import partial

import trio

import lktrio
from lktrio import media

TOPIC = "files"


async def save(folder: trio.Path, stream: lktrio.ByteStreamReader) -> None:
    """Write a file of somebody else; one that does not arrive whole is not kept."""
    info = stream.info
    sender = info.participant_identity
    path = folder / media.safe_file_name(sender, info.id, info.name)
    part = path.with_suffix(".part")
    try:
        async with await part.open("wb") as file:
            async for piece in stream:
                await file.write(piece)
        await part.rename(path)
    except lktrio.StreamError as error:
        await part.unlink()
        print(f"{path.name} did not arrive: {error}", flush=True)
        return
    print(f"{path.name}: {stream.received} bytes of {sender!r}", flush=True)


async def send(room: lktrio.Room, path: str) -> None:
    """Send a file, and show how far it is."""
    send_file = partial(room.local_participant.send_file, path, topic=TOPIC)
    async with trio.open_nursery() as nursery:
        progress: lktrio.StreamProgress = await nursery.start(send_file)
        async for sent in progress:
            if sys.stderr.isatty():
                print(f"\r{path}: {sent} of {progress.total} bytes", end="", file=sys.stderr)
    print(f"{path}: sent", flush=True)


async def exchange(room_name: str, identity: str, folder: str, files: list[str]) -> None:
    """Join the room, save what comes, and send what there is."""
    token = lktrio.AccessToken(
        identity=identity, video=lktrio.VideoGrants(room_join=True, room=room_name)
    ).to_jwt()
    await trio.Path(folder).mkdir(parents=True, exist_ok=True)
    async with (
        lktrio.open_room(os.environ["LIVEKIT_URL"], token) as room,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(room.serve_byte_streams, TOPIC, partial(save, trio.Path(folder)))
        print(f"exchanging files in {room.name}", flush=True)
        for path in files:
            await send(room, path)


if __name__ == "__main__":
    _, room_name, identity, folder, *files = sys.argv
    try:
        trio.run(exchange, room_name, identity, folder, files)
    except* KeyboardInterrupt:
        print("interrupted")
