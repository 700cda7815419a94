"""Data arrives whole, in order, at those it is for; what cannot be sent is refused or counted."""

from __future__ import annotations

import pytest
import trio

from lktrio import proto
from lktrio.errors import LocalProtocolError, NotPermitted, PublishTimeout, RoomClosed
from lktrio.events import DataReceived
from lktrio.room import Room, RoomOptions
from lktrio.room.session.data import LOSSY_LIMIT, MAX_PACKET_SIZE, RELIABLE_HIGH_WATER
from tests.support.scripted_room import Plan, info, open_scripted_room, quick
from tests.support.servers import PATIENCE, VERSIONS, RoomServer, expect, until

pytestmark = pytest.mark.virtual_time


async def both(first: Room, second: Room) -> None:
    await until(lambda: bool(first.remote_participants and second.remote_participants))


@VERSIONS
async def test_reliable_data_arrives_in_order(server: RoomServer, options: RoomOptions) -> None:
    payloads = [bytes([number % 256]) * (number * 37) for number in range(200)]
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        await both(alice, bob)
        events = bob.events(DataReceived)
        for number, payload in enumerate(payloads):
            await alice.local_participant.publish_data(payload, topic=str(number))
        with trio.fail_after(10):
            for number, payload in enumerate(payloads):
                event = await events.receive()
                assert (event.data, event.topic, event.reliable) == (payload, str(number), True)
                assert event.participant is bob.remote_participants["alice"]
        assert alice.data_stats.sent == bob.data_stats.received == len(payloads)


@VERSIONS
async def test_lossy_data_and_text(server: RoomServer, options: RoomOptions) -> None:
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        await both(alice, bob)
        events = bob.events(DataReceived)
        await alice.local_participant.publish_data("grüß dich", topic="t", reliable=False)
        event = await expect(events, DataReceived)
        assert (event.data, event.topic, event.reliable) == ("grüß dich".encode(), "t", False)


async def test_data_goes_to_those_it_names(server: RoomServer) -> None:
    async with (
        server.join("alice") as alice,
        server.join("bob") as bob,
        server.join("carol") as carol,
    ):
        await until(lambda: len(alice.remote_participants) == 2)
        for_bob, for_carol, own = (one.events(DataReceived) for one in (bob, carol, alice))
        publish = alice.local_participant.publish_data
        await publish(b"secret", destination_identities=["bob"])
        await publish(b"nobody", destination_identities=["mallory"])
        await publish(b"all")
        assert (await expect(for_bob, DataReceived)).data == b"secret"
        assert (await expect(for_bob, DataReceived)).data == b"all"
        assert (await expect(for_carol, DataReceived)).data == b"all"
        await bob.local_participant.publish_data(b"answer", destination_identities=("alice",))
        assert (await expect(own, DataReceived)).data == b"answer"  # and no echo before
        with pytest.raises(TypeError, match="list"):
            await publish(b"x", destination_identities="bob")


async def test_data_of_a_server(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.api() as api:
        packet = proto.SendDataRequest(
            room=server.room,
            data=b"from above",
            kind=proto.DataPacket.Kind.RELIABLE,
            topic="news",
        )

        async def send() -> None:
            """Again and again: a real server drops what comes before its channel is open."""
            while True:
                await api.room.send_data(packet)
                await trio.sleep(0.1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            event = await bob.wait_for(DataReceived)
            nursery.cancel_scope.cancel()
        assert (event.data, event.topic, event.participant) == (b"from above", "news", None)


@pytest.mark.parametrize("reliable", [True, False])
async def test_the_largest_packet(server: RoomServer, reliable: bool) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        events = bob.events(DataReceived)
        publish = alice.local_participant.publish_data
        with pytest.raises(LocalProtocolError, match="split"):
            await publish(bytes(MAX_PACKET_SIZE), reliable=reliable)
        await publish(bytes(MAX_PACKET_SIZE - 100), reliable=reliable)
        assert len((await expect(events, DataReceived)).data) == MAX_PACKET_SIZE - 100
        assert alice.state == "connected"


@VERSIONS
async def test_who_may_not_send_data(server: RoomServer, options: RoomOptions) -> None:
    async with server.join("me", options, can_publish_data=False) as room:
        with pytest.raises(NotPermitted, match="data"):
            await room.local_participant.publish_data(b"x")


async def test_senders_of_reliable_data_wait_for_room() -> None:
    async with open_scripted_room() as (scripted, room):
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                await room.local_participant.publish_data(bytes(60_000))
                sent += 1

        await room.local_participant.publish_data(b"the channel is open")
        async with trio.open_nursery() as nursery:
            receive, scripted.peer.receive = scripted.peer.receive, lambda *args: None  # type: ignore[method-assign]
            nursery.start_soon(send)
            await trio.sleep(0.5)
            stopped = sent
            assert stopped * 60_000 < RELIABLE_HIGH_WATER
            await trio.sleep(0.1)
            assert sent == stopped
            scripted.peer.receive = receive  # type: ignore[method-assign]
            await until(lambda: sent > stopped + 20)
            nursery.cancel_scope.cancel()


async def test_lossy_data_is_dropped_and_counted_when_there_is_no_room() -> None:
    async with open_scripted_room() as (scripted, room):
        publish = room.local_participant.publish_data
        await publish(b"the channel is open", reliable=False)
        scripted.peer.receive = lambda *args: None  # type: ignore[method-assign]
        for _ in range(200):
            await publish(bytes(1000), reliable=False)
        stats = room.data_stats
        assert stats.sent * 1000 <= LOSSY_LIMIT + 20_000  # some are on their way
        assert stats.lossy_dropped > 0
        assert stats.sent + stats.lossy_dropped == 201


async def test_waiting_for_room_ends_with_the_stay() -> None:
    async with open_scripted_room() as (scripted, room):
        publish = room.local_participant.publish_data
        await publish(b"the channel is open")
        scripted.peer.receive = lambda *args: None  # type: ignore[method-assign]

        async def send() -> None:
            while True:
                await publish(bytes(60_000))

        async def wait() -> None:
            with pytest.raises(RoomClosed, match="signal_close"):
                await send()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.sleep(0.1)
            await scripted.visit.drop()


async def test_a_channel_that_never_opens() -> None:
    plan, options = Plan(data=False), quick(data_channel=0.1)
    async with open_scripted_room(plan, options) as (_, room):
        with pytest.raises(PublishTimeout, match="_reliable"):
            await room.local_participant.publish_data(b"x")


async def test_what_others_send_is_checked() -> None:
    """Repetitions, packets of other kinds and nonsense are counted, and nothing ends."""
    async with open_scripted_room() as (scripted, room):
        await scripted.update(info("bob"))
        events = room.events(DataReceived)

        def packet(sequence: int, text: bytes = b"x") -> proto.DataPacket:
            return proto.DataPacket(
                user=proto.UserPacket(payload=text),
                sequence=sequence,
                participant_sid="PA_bob",
                participant_identity="bob",
            )

        await scripted.send_data(packet(1, b"one"))
        await scripted.send_data(packet(1, b"again"))
        await scripted.send_data(b"\xff\xff\xff")
        await scripted.send_data(proto.DataPacket(sequence=2, participant_sid="PA_bob"))
        await scripted.send_data(packet(3, b"three"))
        await scripted.send_data(packet(2, b"late"))
        await scripted.send_data(packet(4, b"four"))
        for expected in (b"one", b"three", b"four"):
            assert (await expect(events, DataReceived)).data == expected
        stats = room.data_stats
        assert (stats.received, stats.duplicates) == (6, 2)
        assert (stats.undecodable, stats.unhandled) == (1, 1)


async def test_data_of_somebody_who_is_not_there_yet() -> None:
    """It comes with an object that becomes the participant."""
    async with open_scripted_room() as (scripted, room):
        events = room.events(DataReceived)
        early = proto.DataPacket(
            user=proto.UserPacket(payload=b"hello"),
            participant_sid="PA_bob",
            participant_identity="bob",
        )
        await scripted.send_data(early)
        sender = (await expect(events, DataReceived)).participant
        assert sender is not None
        assert (sender.identity, sender.sid) == ("bob", "PA_bob")
        assert "bob" not in room.remote_participants
        await scripted.update(info("bob", name="Bob"))
        await until(lambda: "bob" in room.remote_participants)
        assert room.remote_participants["bob"] is sender
        assert sender.name == "Bob"


async def test_what_was_sent_before_leaving_arrives(server: RoomServer) -> None:
    """Once the server has it, it does not matter that the sender leaves."""
    async with server.join("bob") as bob:
        texts = bob.text_streams("t")
        for size in (1, 300_000):
            async with server.join(f"alice {size}") as alice:
                await alice.local_participant.wait_data_sent()  # nothing yet
                await alice.local_participant.send_text("x" * size, topic="t")
                await alice.local_participant.wait_data_sent()
            with trio.fail_after(PATIENCE):
                assert await (await texts.receive()).read_all() == "x" * size
            with pytest.raises(RoomClosed):
                await alice.local_participant.wait_data_sent()
