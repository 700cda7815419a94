"""The code of the page about the embedded server; the tests run it."""

from __future__ import annotations

import lktrio
from lktrio import devserver, events


async def test_greeting() -> None:
    """A test with pytest-trio: two participants, a real server, no other program."""
    async with (
        devserver.open_dev_server() as server,
        lktrio.open_room(server.url, server.token("alice", "demo")) as alice,
        lktrio.open_room(server.url, server.token("bob", "demo")) as bob,
    ):
        heard = bob.events(events.DataReceived)
        await alice.local_participant.publish_data(b"hello")
        assert (await heard.receive()).data == b"hello"
