"""Two peers that negotiate and exchange media and data over a simulated network."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterable

from lktrio.rtc.base import Address
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent
from lktrio.rtc.rtp.inbound import InboundStream, ReceivedFrame
from lktrio.rtc.streams import MediaReceived
from lktrio.rtc.transceiver import Transceiver
from lktrio.rtc.transport import TransportOptions, TransportState
from lktrio.testing import LinkProfile
from lktrio.testing.engines import EngineNetwork

LONG_AGO = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
PERFECT = LinkProfile()
VP8_KEY = b"\x10\x00\x00\x9d\x01\x2a\x40\x01\xb4\x00"  # the header of a 320x180 keyframe
VP8_DELTA = b"\x11\x00\x00"


class Host:
    """A peer with one socket in the simulated network, and what it received."""

    def __init__(
        self, network: EngineNetwork, address: Address, seed: int, *, lite: bool = False
    ) -> None:
        self.network = network
        self.address = address
        self.peer = Peer(
            PeerConfig(transport=TransportOptions(ice_lite=lite)),
            certificate=Certificate.generate(LONG_AGO),
            random=random.Random(seed).randbytes,
            ntp_offset=1_700_000_000.0,
        )
        self.paths = {address: 0}
        self.peer.add_host_candidate(address, 0, 0.0)
        self.events: list[PeerEvent] = []
        self.frames: dict[Transceiver, list[ReceivedFrame]] = {}
        network.attach(self, address)

    def receive(self, data: bytes, local: Address, source: Address, now: float) -> None:
        if local in self.paths:
            self.peer.receive([(data, source)], self.paths[local], now)

    def next_timer(self) -> float:
        return self.peer.next_timer()

    def handle_timer(self, now: float) -> None:
        self.peer.handle_timer(now)

    def drain(self) -> Iterable[tuple[Address, Address, bytes]]:
        self.peer.flush(self.network.now)
        while self.peer.events:
            event = self.peer.events.popleft()
            self.events.append(event)
            if isinstance(event, MediaReceived):
                frames, event.stream.frames = event.stream.frames, []
                self.frames.setdefault(event.transceiver, []).extend(frames)
        out, self.peer.out = self.peer.out, []
        ours = {path: address for address, path in self.paths.items()}
        return [(ours[path], address, data) for path, address, data in out if path in ours]

    def move(self, address: Address) -> None:
        """Go on from another address; the old one is gone."""
        (path,) = self.paths.values()
        self.paths = {address: path + 1}
        self.peer.add_host_candidate(address, path + 1, self.network.now)
        self.peer.remove_host_candidate(path, self.network.now)
        self.network.attach(self, address)
        self.address = address
        self.push()

    def push(self) -> None:
        """Bring what was asked of the peer onto the network."""
        for local, remote, data in self.drain():
            self.network.send(local, remote, data)

    def stream(self) -> InboundStream:
        (stream,) = [s for t in self.peer.transceivers for s in self.peer.inbound(t)]
        return stream


class Call:
    """An offerer and an answerer."""

    def __init__(
        self, conditions: LinkProfile = PERFECT, seed: int = 1, *, lite: bool = False
    ) -> None:
        self.network = EngineNetwork(seed=seed, profile=conditions)
        self.offerer = Host(self.network, ("192.0.2.1", 1000), seed)
        self.answerer = Host(self.network, ("192.0.2.2", 2000), seed + 1, lite=lite)

    def negotiate(self, *, ice_restart: bool = False) -> None:
        now = self.network.now
        offer = self.offerer.peer.create_offer(now, ice_restart=ice_restart)
        self.answerer.peer.set_offer(offer, now)
        self.offerer.peer.set_answer(self.answerer.peer.create_answer(now), now)
        self.offerer.push()
        self.answerer.push()

    def connect(self) -> None:
        self.negotiate()
        assert self.network.run(30, until=self.is_connected)

    def is_connected(self) -> bool:
        states = {self.offerer.peer.state, self.answerer.peer.state}
        return states == {TransportState.CONNECTED}

    def publish(self, kind: str) -> Transceiver:
        transceiver = self.offerer.peer.add_transceiver(
            "video" if kind == "video" else "audio", "sendonly"
        )
        self.offerer.peer.set_local_track(transceiver, "-", f"cid-{kind}")
        return transceiver

    def play(
        self,
        transceiver: Transceiver,
        mime: str,
        frames: list[bytes],
        rate: float,
        first: int = 0,
    ) -> None:
        """Send frames at a rate per second, then let everything arrive."""
        stream = self.offerer.peer.outbound(transceiver, mime)
        clock = stream.clock_rate
        for number, data in enumerate(frames, first):
            timestamp = round(number * clock / rate)
            self.offerer.peer.send_frame(stream, data, timestamp, self.network.now)
            self.offerer.push()
            self.network.run(1 / rate)
        self.network.run(2)


def opus_frames(count: int) -> list[bytes]:
    return [b"\x78" + number.to_bytes(4, "big") * 20 for number in range(count)]


def vp8_frames(count: int, size: int = 5000) -> list[bytes]:
    return [
        (VP8_DELTA if number % 30 else VP8_KEY) + number.to_bytes(4, "big") * (size // 4)
        for number in range(count)
    ]
