"""Reliable packets keep their order and their numbers, whatever becomes of the channel."""

from __future__ import annotations

from typing import Any, cast

import pytest
import trio
import trio.testing

from lktrio import proto
from lktrio.errors import PublishTimeout, RoomClosed
from lktrio.proto.codec import decode
from lktrio.room import DisconnectReason
from lktrio.room.session.data import PacketSender, pack, user_packet
from lktrio.room.session.life import RoomLife
from lktrio.room.state.data import DataStats

pytestmark = pytest.mark.virtual_time


class Channel:
    """A data channel that notes what is sent."""

    def __init__(self, state: str = "open") -> None:
        self.state = state
        self.sent: list[proto.DataPacket] = []
        self.buffered_amount = 0
        self.outstanding = 0
        self.limit = 1 << 20
        self.reporting = False

    def outstanding_limit(self, delay: float, size: int, now: float) -> float:
        return self.limit

    def report_progress(self, wanted: bool) -> None:
        self.reporting = wanted

    def send(self, data: bytes, now: float) -> None:
        assert self.state == "open"
        self.sent.append(decode(proto.DataPacket, data))

    def numbers(self) -> list[int]:
        return [packet.sequence for packet in self.sent]


class Connection:
    """The connection of the channels."""

    def __init__(self) -> None:
        self.reliable, self.lossy = Channel(), Channel()
        self.connected = trio.Event()
        self.interrupted = False
        self.driver = self

    def flush_coalesced(self) -> None:
        """There is nothing to send."""

    @property
    def channels(self) -> dict[str, Channel]:
        return {"_reliable": self.reliable, "_lossy": self.lossy}


def sender_over(connection: Connection, life: RoomLife | None = None) -> PacketSender:
    return PacketSender(cast("Any", connection), life or RoomLife(), 10, DataStats())


def packet(size: int = 1) -> bytes:
    return pack(user_packet(bytes(size), topic="", reliable=True, destinations=[]))


async def send(sender: PacketSender, count: int, size: int = 1) -> None:
    for _ in range(count):
        await sender.send(packet(size), reliable=True)


async def test_another_association_gets_what_the_server_has_not_seen() -> None:
    connection = Connection()
    sender = sender_over(connection)
    await send(sender, 5)
    assert connection.reliable.numbers() == [1, 2, 3, 4, 5]
    sender.suspend()
    connection.reliable = Channel("connecting")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send, sender, 2)
        await trio.testing.wait_all_tasks_blocked()
        sender.resume(3)
        await trio.sleep(5)
        connection.reliable.state = "open"
        sender.opened("_reliable")
    assert connection.reliable.numbers() == [4, 5, 6, 7]


async def test_what_is_kept_is_bounded() -> None:
    connection = Connection()
    sender = sender_over(connection)
    await send(sender, 40, 10_000)
    connection.reliable = Channel()
    sender.opened("_reliable")
    kept = connection.reliable.numbers()
    assert kept == list(range(kept[0], 41))
    assert 100_000 < len(kept) * 10_000 <= 140_000


async def test_a_new_session_begins_to_count_anew_and_repeats_nothing() -> None:
    old, new = Connection(), Connection()
    sender = sender_over(old)
    await send(sender, 3)
    sender.use(cast("Any", new))
    sender.opened("_reliable")
    await send(sender, 2)
    assert new.reliable.numbers() == [1, 2]


async def test_the_time_for_a_channel_begins_when_the_link_is_back() -> None:
    for restarted in (False, True):
        connection = Connection()
        sender = sender_over(connection)
        connection.reliable.state = "connecting"
        sender.suspend()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, sender, 1)
            await trio.sleep(9)  # of the 10 s that a channel may take
            if restarted:
                sender.use(cast("Any", connection))
            else:
                sender.resume(0)
            await trio.sleep(5)
            connection.reliable.state = "open"
            sender.opened("_reliable")
        assert connection.reliable.numbers() == [1], restarted


async def test_senders_wait_for_as_long_as_the_link_is_lost() -> None:
    connection = Connection()
    life = RoomLife()
    sender = sender_over(connection, life)
    connection.reliable.state = connection.lossy.state = "connecting"
    with pytest.raises(PublishTimeout):
        await send(sender, 1)
    sender.suspend()
    for reliable in (True, False):
        with trio.move_on_after(40) as scope:
            await sender.send(packet(), reliable=reliable)
        assert scope.cancelled_caught is reliable
    life.end(DisconnectReason.SIGNAL_CLOSE, None, can_reconnect=True)
    with pytest.raises(RoomClosed):
        await send(sender, 1)
    assert not connection.reliable.sent


async def test_senders_take_turns_when_there_is_no_room() -> None:
    connection = Connection()
    channel = connection.reliable
    sender = sender_over(connection)
    channel.outstanding = channel.limit = 100_000
    done: list[str] = []

    async def send_one(name: str, size: int) -> None:
        await sender.send(packet(size), reliable=True)
        done.append(name)

    async with trio.open_nursery() as nursery:
        for name in ("bulk 1", "bulk 2"):
            nursery.start_soon(send_one, name, 15_000)
            await trio.testing.wait_all_tasks_blocked()
        await send_one("small", 100)  # there is some room for these
        with trio.CancelScope() as gives_up:
            gives_up.cancel()
            await send_one("cancelled", 15_000)
        with trio.move_on_after(1):
            await send_one("late", 15_000)
        channel.outstanding = 170_000
        nursery.start_soon(send_one, "small 2", 100)
        await trio.testing.wait_all_tasks_blocked()
        assert (done, channel.reporting) == (["small"], True)
        sender.progressed()
        await trio.testing.wait_all_tasks_blocked()
        assert done == ["small"]
        channel.outstanding = 0
        sender.progressed()
        assert channel.numbers() == [1, 2, 3, 4]  # at once, not when the tasks run
        await trio.testing.wait_all_tasks_blocked()
    assert sorted(done) == ["bulk 1", "bulk 2", "small", "small 2"]
    sizes = [len(one.user.payload) for one in channel.sent if one.user]
    assert sizes == [100, 15_000, 100, 15_000]
    assert not channel.reporting


async def test_who_waits_for_a_turn_sends_over_the_next_channel_or_learns_of_the_end() -> None:
    life = RoomLife()
    connection = Connection()
    sender = sender_over(connection, life)
    connection.reliable.outstanding = connection.reliable.limit = 100_000
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send, sender, 2, 15_000)
        await trio.testing.wait_all_tasks_blocked()
        connection.reliable = Channel()
        sender.opened("_reliable")
        await trio.testing.wait_all_tasks_blocked()
    assert connection.reliable.numbers() == [1, 2]
    connection.reliable.outstanding = connection.reliable.limit = 100_000

    async def wait() -> None:
        with pytest.raises(RoomClosed):
            await send(sender, 1, 15_000)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        life.end(DisconnectReason.SIGNAL_CLOSE, None, can_reconnect=True)
        sender.changed()
