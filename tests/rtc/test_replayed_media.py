"""Recorded media of a track that has ended, sent again by somebody without keys."""

from __future__ import annotations

import random
from collections.abc import Callable

from lktrio.rtc.base import Address
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.peer import Peer, PeerConfig
from lktrio.rtc.streams import MediaReceived, StreamBound
from lktrio.rtc.transceiver import Transceiver
from tests.rtc.dtls.harness import LONG_AGO

A: Address = ("192.0.2.1", 1000)
B: Address = ("192.0.2.2", 2000)
STRANGER: Address = ("203.0.113.6", 666)


class Call:
    """A sends tracks to B; everything that A sends is recorded."""

    def __init__(self) -> None:
        self.now = 0.0
        self.peers = {address: self._peer(address, seed) for seed, address in enumerate((A, B))}
        self.a, self.b = self.peers[A], self.peers[B]
        self.recorded: list[bytes] = []
        self.held_back: Callable[[bytes], bool] = lambda data: False
        self.frames: list[bytes] = []
        self.bound: list[int] = []
        self.section = self.a.add_transceiver("audio", "sendonly")

    def _peer(self, address: Address, seed: int) -> Peer:
        draw = random.Random(seed).randbytes
        peer = Peer(
            PeerConfig(),
            certificate=Certificate.generate(LONG_AGO, random=draw),
            random=draw,
            ntp_offset=1.7e9,
        )
        peer.add_host_candidate(address, 0, 0.0)
        return peer

    def negotiate(self, change: Callable[[str], str] = str) -> None:
        self.b.set_offer(change(self.a.create_offer(self.now)), self.now)
        self.a.set_answer(self.b.create_answer(self.now), self.now)
        self.run(0.3)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            if not self._carry():
                due = min(peer.next_timer() for peer in self.peers.values())
                self.now = min(end, max(self.now + 1e-6, due))
            for peer in self.peers.values():
                peer.handle_timer(self.now)

    def _carry(self) -> bool:
        moved = False
        for address, peer in self.peers.items():
            peer.flush(self.now)
            self._take_events(peer)
            out, peer.out = peer.out, []
            for _, to, data in out:
                moved = True
                if address == A and 128 <= data[0] < 192 and not 192 <= data[1] < 224:
                    self.recorded.append(data)
                    if self.held_back(data):
                        continue
                self.peers[to].receive([(data, address)], 0, self.now)
        return moved

    def _take_events(self, peer: Peer) -> None:
        while peer.events:
            event = peer.events.popleft()
            if peer is self.b and isinstance(event, StreamBound):
                self.bound.append(event.stream.ssrc)
            elif peer is self.b and isinstance(event, MediaReceived):
                frames, event.stream.frames = event.stream.frames, []
                self.frames += [frame.data for frame in frames]

    def play(self, word: bytes, count: int) -> None:
        stream = self.a.outbound(self.section, "audio/opus")
        for number in range(count):
            frame = b"\x78" + word + number.to_bytes(2, "big") * 20
            self.a.send(stream.send_frame(frame, 960 * number, self.now))
            self.run(0.02)

    def begin(self, name: str) -> None:
        self.a.set_local_track(self.section, "-", name)
        self.negotiate()

    def end(self) -> None:
        self.a.clear_local_track(self.section)
        self.negotiate()

    def send_again(self) -> list[bytes]:
        """Everything recorded so far comes once more, and what was held back for the first time."""
        self.frames.clear()
        self.bound.clear()
        self.b.receive([(data, STRANGER) for data in self.recorded], 0, self.now)
        self.run(0.3)
        return list(self.frames)


def test_media_of_an_ended_track_does_not_come_back_in_the_next() -> None:
    call = Call()
    call.begin("first")
    call.run(1.0)
    call.play(b"OLD", 50)
    assert len(call.frames) >= 49
    call.end()
    assert call.send_again() == []
    call.begin("second")
    call.play(b"NEW", 5)
    assert call.send_again() == []
    assert call.bound == []
    call.play(b"NEW", 5)
    assert [frame for frame in call.frames if b"OLD" in frame] == []
    assert len(call.frames) >= 4


def test_not_even_what_was_held_back() -> None:
    call = Call()
    call.begin("first")
    call.run(1.0)
    call.play(b"OLD", 20)
    call.held_back = lambda data: True
    call.play(b"OLD", 20)
    call.held_back = lambda data: False
    call.end()
    call.begin("second")
    call.play(b"NEW", 5)
    assert [frame for frame in call.send_again() if b"OLD" in frame] == []


def test_a_description_does_not_bring_a_retired_source_back() -> None:
    call = Call()
    call.begin("first")
    call.run(1.0)
    call.play(b"OLD", 5)
    track = call.section.local_track
    assert track is not None
    call.end()
    call.a.set_local_track(call.section, "-", "second")
    section: Transceiver = call.section
    new = section.local_track
    assert new is not None
    call.bound.clear()
    call.negotiate(lambda offer: offer.replace(f"a=ssrc:{new.ssrc} ", f"a=ssrc:{track.ssrc} "))
    assert call.bound == []
    assert call.send_again() == []


def test_a_track_that_keeps_the_source_of_the_one_before_begins_after_it() -> None:
    call = Call()
    call.begin("first")
    call.run(1.0)
    call.held_back = lambda data: len(call.recorded) % 5 == 0
    call.play(b"OLD", 50)
    call.held_back = lambda data: False
    call.negotiate(lambda offer: offer.replace(" first", " second"))
    call.play(b"NEW", 5)
    assert len([frame for frame in call.frames if b"NEW" in frame]) >= 4
    assert call.send_again() == []
