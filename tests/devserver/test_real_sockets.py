"""The server on sockets of this machine: what the simulated network cannot show."""

from __future__ import annotations

import trio

from lktrio import proto
from lktrio.devserver import open_dev_server
from tests.support.caller import OPUS_FRAME, Mode, open_caller
from tests.support.places import place_of


async def test_sound_and_data_reach_the_other_in_both_modes() -> None:
    modes: tuple[Mode, ...] = ("v1", "v0")
    with trio.fail_after(20):
        async with open_dev_server() as server:
            place = place_of(server)
            for mode in modes:
                async with (
                    open_caller(place, "alice", mode) as alice,
                    open_caller(place, "bob", mode) as bob,
                ):
                    voice = await alice.publish("audio/opus")
                    while not bob.frames.get(voice.sid):
                        voice.send(OPUS_FRAME)
                        await trio.sleep(0.02)
                    await alice.send_data(proto.DataPacket(user=proto.UserPacket(payload=b"x")))
                    while not bob.packets:
                        await trio.sleep(0.02)
