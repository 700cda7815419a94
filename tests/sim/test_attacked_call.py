"""Somebody sees everything that two peers send and forges what he likes: the call goes on."""

from __future__ import annotations

from collections.abc import Iterable

from lktrio.rtc.base import Address
from lktrio.rtc.datachannel import DataChannelMessage
from lktrio.testing import LinkProfile
from tests.support.attacker import STRANGER, Attacker, held_bytes
from tests.support.cases import each_case
from tests.support.peer_call import Call, opus_frames, vp8_frames

OTHER_STRANGER = ("203.0.113.66", 7)


def from_strangers(_: Address) -> Iterable[Address]:
    return STRANGER, OTHER_STRANGER


def from_the_path(source: Address) -> Iterable[Address]:
    return source, STRANGER


class AttackedCall(Call):
    """A call with media and data and an attacker."""

    def __init__(self, seed: int) -> None:
        super().__init__(LinkProfile(latency=0.01), seed=seed)
        self.video = self.publish("video")
        self.audio = self.publish("audio")
        self.channel = self.offerer.peer.create_data_channel("chat")

    def talk(self) -> None:
        """Send media and messages; all of it has to arrive."""
        assert self.network.run(5, until=lambda: self.channel.state == "open")
        messages = [bytes(3000) + bytes([number]) for number in range(20)]
        for message in messages:
            self.channel.send(message, self.network.now)
            self.offerer.push()
            self.network.run(0.02)
        pictures, sounds = vp8_frames(15), opus_frames(30)
        self.play(self.video, "video/VP8", pictures, 30)
        self.play(self.audio, "audio/opus", sounds, 50)
        arrived = {kind.kind: [f.data for f in got] for kind, got in self.answerer.frames.items()}
        assert arrived == {"video": pictures, "audio": sounds}
        events = self.answerer.events
        assert [e.data for e in events if isinstance(e, DataChannelMessage)] == messages


@each_case("seed", range(10))
def test_strangers_do_not_prevent_the_connection(seed: int) -> None:
    call = AttackedCall(seed)
    attacker = Attacker(call.network, seed, from_strangers, 3)
    call.connect()
    call.talk()
    assert attacker.injected > 1000


@each_case("seed", range(6))
def test_forgeries_from_the_path_itself_do_not_disturb_a_connection(seed: int) -> None:
    call = AttackedCall(seed)
    attacker = Attacker(call.network, seed, from_the_path, 3)
    attacker.active = False
    call.connect()
    attacker.active = True
    call.talk()
    assert attacker.injected > 1000


@each_case("source", [STRANGER, ("192.0.2.1", 1000)])
def test_every_forgery_is_counted_and_none_is_kept(source: Address) -> None:
    call = AttackedCall(1)
    attacker = Attacker(call.network, 1, from_strangers)
    attacker.active = False
    call.connect()
    call.talk()
    victim = call.answerer
    victim.frames.clear()
    victim.events.clear()
    before = held_bytes(victim.peer)
    for _ in range(3000):
        counted = sum(victim.peer.counters.values())
        data = attacker.forge(victim.address)
        victim.receive(data, victim.address, source, call.network.now)
        assert sum(victim.peer.counters.values()) > counted, data.hex()
        victim.push()
    assert held_bytes(victim.peer) < before + 40_000
    assert call.network.run(1) is False
    assert call.is_connected()


def test_a_datagram_larger_than_any_peer_sends_is_not_looked_at() -> None:
    call = AttackedCall(1)
    call.connect()
    victim = call.answerer
    before = victim.peer.counters
    for first in range(256):
        data = bytes((first,)) + bytes(2048)
        victim.receive(data, victim.address, call.offerer.address, call.network.now)
    after = victim.peer.counters
    assert after.pop("transport.oversized") == before.pop("transport.oversized") + 256
    assert after == before
