"""A bot that answers every message, as long as the room lasts."""

from __future__ import annotations

import lktrio
from lktrio.events import DataReceived


async def answer(room: lktrio.Room) -> None:
    """Send everybody's messages back to whom they came from."""
    async for event in room.events(DataReceived):
        if event.participant is not None and event.topic != "answer":
            await room.local_participant.publish_data(
                b"you said " + event.data,
                topic="answer",
                destination_identities=[event.participant.identity],
            )
