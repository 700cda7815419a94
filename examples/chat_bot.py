"""Answer a chat, and the keys of telephones, until the room ends or Ctrl-C.

    python chat_bot.py ROOM

The environment says where and as whom: LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET.
"""

from __future__ import annotations

import os
import sys

import trio

import lktrio
from lktrio import events


async def chat(room: lktrio.Room) -> None:
    """Answer messages; when one is changed, so is its answer."""
    me = room.local_participant
    answers: dict[str, lktrio.ChatMessage] = {}
    async for event in room.events(events.ChatReceived):
        if event.participant is None:  # a server wrote it
            continue
        text = f"{len(event.message.text.split())} words"
        whom = [event.participant.identity]
        if (former := answers.get(event.message.id)) is None:
            answer = await me.send_chat_message(
                text, reply_to_id=event.message.id, destination_identities=whom
            )
        else:
            answer = await me.edit_chat_message(text, former, destination_identities=whom)
        answers[event.message.id] = answer
        print(f"{event.participant.identity!r}: {text}", flush=True)


async def listen_to_keys(room: lktrio.Room) -> None:
    """Say which keys were pressed."""
    async for tone in room.events(events.DtmfReceived):
        await room.local_participant.send_chat_message(f"somebody pressed {tone.digit}")


async def main(room_name: str) -> None:
    """Join the room and answer."""
    token = lktrio.AccessToken(
        identity="bot", video=lktrio.VideoGrants(room_join=True, room=room_name)
    ).to_jwt()
    async with (
        lktrio.open_room(os.environ["LIVEKIT_URL"], token) as room,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(chat, room)
        nursery.start_soon(listen_to_keys, room)
        print(f"listening in {room.name}", flush=True)


if __name__ == "__main__":
    try:
        trio.run(main, sys.argv[1])
    except* KeyboardInterrupt:
        print("interrupted")
