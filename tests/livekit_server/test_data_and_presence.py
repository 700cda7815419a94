"""Data, coming and going on a real LiveKit server, in both versions of its signalling."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
import trio

import lktrio
from lktrio import api
from lktrio.errors import RoomClosed
from lktrio.events import DataReceived, Disconnected, ParticipantDisconnected
from tests.interop.support.participant import open_participant
from tests.support.servers import SERVERS, RoomServer, open_server

LIMIT = 60

pytestmark = SERVERS[1].marks
single = pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])


async def present(server: RoomServer) -> set[str]:
    """The identities in the room, as the server's API tells them."""
    async with lktrio.LiveKitAPI(server.url, server.key, server.secret) as livekit:
        listed = await livekit.room.list_participants(api.ListParticipantsRequest(room=server.room))
    return {participant.identity for participant in listed.participants}


@single
async def test_data_arrives_whole_in_order_and_for_whom_it_is(single: bool) -> None:
    sizes = [0, 1, 1200, 15_000, 60_000]
    with trio.fail_after(LIMIT):
        async with open_server("livekit") as server, AsyncExitStack() as stack:
            alice, bob, carol = [
                await stack.enter_async_context(
                    open_participant(server.url, server.token(name), single_peer_connection=single)
                )
                for name in ("alice", "bob", "carol")
            ]
            await alice.wait(lambda: len(alice.room.remote_participants) == 2)
            publish = alice.room.local_participant.publish_data
            payloads = [bytes([number]) * size for number, size in enumerate(sizes)] * 20
            for payload in payloads:
                await publish(payload, topic="bob", destination_identities=["bob"])
            while not carol.data("all"):  # packets of this kind get lost
                await publish(b"lossy", topic="all", reliable=False)
                await trio.sleep(0.05)
            await publish("end", topic="end")
            await bob.wait_event(DataReceived, lambda event: event.topic == "end")
            assert bob.data("bob") == payloads
            await carol.wait_event(DataReceived, lambda event: event.topic == "end")
            assert carol.data("bob") == []
            lossy = await carol.wait_event(DataReceived, lambda event: event.topic == "all")
            assert (lossy.data, lossy.reliable) == (b"lossy", False)
            assert lossy.participant is carol.room.remote_participants["alice"]


@single
async def test_leaving_is_seen_at_once_however_the_block_ends(single: bool) -> None:
    class OddError(Exception):
        pass

    with trio.fail_after(LIMIT):
        async with (
            open_server("livekit") as server,
            open_participant(server.url, server.token("watcher")) as watcher,
        ):
            for identity in ("leaves", "is cancelled", "fails"):
                with trio.CancelScope() as scope:
                    try:
                        async with lktrio.open_room(
                            server.url,
                            server.token(identity),
                            lktrio.RoomOptions(single_peer_connection=single),
                        ):
                            assert identity in await present(server)
                            if identity == "is cancelled":
                                scope.cancel()
                                await trio.sleep_forever()
                            if identity == "fails":
                                raise OddError
                    except OddError:
                        assert identity == "fails"
                while identity in await present(server):  # its goodbye is on the way
                    await trio.sleep(0.05)
            gone = [
                (event.participant.identity, event.reason)
                for event in watcher.seen(ParticipantDisconnected)
            ]
            assert all(reason == "client_initiated" for _, reason in gone)


@single
async def test_the_end_of_the_room_is_told(single: bool) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_server("livekit") as server,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            async with lktrio.LiveKitAPI(server.url, server.key, server.secret) as livekit:
                await livekit.room.delete_room(api.DeleteRoomRequest(room=server.room))
            assert await participant.room.wait_closed() == "room_deleted"
            end = await participant.wait_event(Disconnected)
            assert end.reason == "room_deleted"
            with pytest.raises(RoomClosed):
                await participant.room.local_participant.publish_data(b"too late")


@single
async def test_a_second_stay_with_the_same_identity_ends_the_first(single: bool) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_server("livekit") as server,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as first,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as second,
        ):
            assert await first.room.wait_closed() == "duplicate_identity"
            assert second.room.state == "connected"
            assert await present(server) == {"me"}
