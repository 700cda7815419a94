"""The server on sockets of this machine: what the simulated network cannot show."""

from __future__ import annotations

import trio

from lktrio import proto
from lktrio.devserver import open_dev_server
from lktrio.events import DataReceived, Disconnected, Reconnected
from lktrio.room import ReconnectKind, ReconnectPolicy, RoomOptions, connect_room
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


def without_leaves(identity: str, response: proto.SignalResponse) -> proto.SignalResponse | None:
    return response if response.leave is None else None


async def test_who_was_on_a_server_that_crashed_joins_anew_when_it_runs_again() -> None:
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            async with open_dev_server() as server:
                options = RoomOptions(reconnect=ReconnectPolicy(delays=(0.05,) * 100))
                token = server.token("bob", "room")
                bob = await connect_room(nursery, server.url, token, options)
                events = bob.events(Reconnected, Disconnected, replay=False)
                before = bob.local_participant.sid
                server.faults.on_response = without_leaves
            async with open_dev_server(port=server.port) as again:
                assert await events.receive() == Reconnected(ReconnectKind.RESTART)
                assert bob.local_participant.sid != before
                alice = await connect_room(nursery, again.url, again.token("alice", "room"))
                messages = bob.events(DataReceived, replay=False)
                await alice.local_participant.publish_data(b"welcome back")
                assert (await messages.receive()).data == b"welcome back"
                await alice.leave()
                await bob.leave()
