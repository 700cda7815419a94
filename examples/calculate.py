"""Serve a method that others call, until the room ends or Ctrl-C; or call it.

    python calculate.py ROOM            # serves
    python calculate.py ROOM 1 2 39     # calls, and prints the sum

The environment says where and as whom: LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET.
"""

from __future__ import annotations

import os
import sys

import trio

import lktrio

SERVER = "calculator"
ADD = lktrio.RpcMethod.json("add")


async def add(call: lktrio.RpcInvocation[list[float]]) -> float:
    """Answer a call; the caller gets the error that is raised."""
    try:
        total = sum(call.payload)
    except TypeError as error:
        raise lktrio.RpcError(1, "these are not numbers") from error
    print(f"{total} for {call.caller_identity!r}", flush=True)
    await trio.lowlevel.checkpoint()
    return total


def token(identity: str, room_name: str) -> str:
    """A token for the room."""
    grants = lktrio.VideoGrants(room_join=True, room=room_name)
    return lktrio.AccessToken(identity=identity, video=grants).to_jwt()


async def serve(room_name: str) -> None:
    """Join the room and answer."""
    url = os.environ["LIVEKIT_URL"]
    async with lktrio.open_room(url, token(SERVER, room_name)) as room:
        print(f"serving in {room.name}", flush=True)
        await room.serve_rpc(ADD, add)


async def call(room_name: str, numbers: list[float]) -> None:
    """Join the room, ask, and leave."""
    url = os.environ["LIVEKIT_URL"]
    async with lktrio.open_room(url, token("somebody", room_name)) as room:
        try:
            with trio.fail_after(5):  # for the one who serves as well
                print(await room.local_participant.perform_rpc(SERVER, ADD, numbers))
        except (lktrio.RpcError, trio.TooSlowError) as error:
            sys.exit(f"there is no answer: {error}")


if __name__ == "__main__":
    room_name, *numbers = sys.argv[1:]
    try:
        if numbers:
            trio.run(call, room_name, [float(number) for number in numbers])
        else:
            trio.run(serve, room_name)
    except* KeyboardInterrupt:
        print("interrupted")
