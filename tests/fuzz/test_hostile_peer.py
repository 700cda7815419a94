"""A peer that connects properly and then sends garbage: at worst its own data channels end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import pytest

from lktrio.errors import LocalProtocolError
from lktrio.rtc.rtp.outbound import PacketProtection
from lktrio.rtc.sctp.crc32c import crc32c
from lktrio.rtc.srtp import SrtpSender
from lktrio.rtc.transport import TransportState
from lktrio.testing import LinkProfile
from tests.support.attacker import Mutator, held_bytes
from tests.support.peer_call import Call, Host, opus_frames, vp8_frames

SCTP_HEADER = 12
GARBAGE = 3
"""Packets of garbage for each proper one."""


def checked(packet: bytes) -> bytes:
    """An SCTP packet with a true checksum, so that the garbage in it is looked at."""
    checksum = crc32c(packet[:8] + bytes(4) + packet[SCTP_HEADER:])
    return packet[:8] + checksum.to_bytes(4, "little") + packet[SCTP_HEADER:]


class Garbler:
    """Makes a connected host send garbage under its true keys."""

    def __init__(self, host: Host, seed: int) -> None:
        self.host = host
        self.sent = 0
        self._mutator = Mutator(seed)
        self._seen: dict[str, deque[bytes]] = {}

    def garbage(self, kind: str, proper: bytes) -> list[bytes]:
        seen = self._seen.setdefault(kind, deque([proper], maxlen=200))
        seen.append(proper)
        order = self._mutator.random
        self.sent += GARBAGE
        return [self._mutator.mutate(proper, order.choice(seen)) for _ in range(GARBAGE)]

    def garble_data(self) -> None:
        """Send garbage in SCTP packets, most of it with the right tag and checksum."""
        dtls = self.host.peer._transport.dtls
        assert dtls is not None
        send = dtls.send

        def send_more(data: bytes) -> None:
            send(data)
            for body in self.garbage("sctp", data[SCTP_HEADER:]):
                wrong = self._mutator.random.random() < 0.1
                send(body if wrong else checked(data[:SCTP_HEADER] + body))

        dtls.send = send_more  # type: ignore[method-assign] # what a hostile stack would do

    def garble_reports(self) -> None:
        """Send garbage in SRTCP packets."""
        streams = self.host.peer._streams
        sender = streams._sender
        assert sender is not None
        protect = sender.protect_rtcp

        def protect_more(packet: bytes) -> bytes:
            for wrong in self.garbage("rtcp", packet):
                if len(wrong) >= 8:
                    streams.out.append(protect(bytes((0x80 | wrong[0] & 0x3F,)) + wrong[1:]))
            return protect(packet)

        sender.protect_rtcp = protect_more  # type: ignore[method-assign] # as above

    def garble_media(self) -> None:
        """Send garbage in SRTP packets of known and unknown SSRCs, far ahead and behind."""
        streams = self.host.peer._streams
        for _, stream in streams.outbound.bound.values():
            proper = stream._srtp
            assert proper is not None
            assert streams._sender is not None
            garbled = _GarbledMedia(self, streams._sender, proper)
            stream._srtp = garbled


class _GarbledMedia:
    def __init__(self, garbler: Garbler, sender: SrtpSender, proper: PacketProtection) -> None:
        self._garbler = garbler
        self._sender = sender
        self._proper = proper

    def protect(self, header: bytes, payload: bytes, index: int) -> bytes:
        garbler = self._garbler
        order = garbler._mutator.random
        bodies = garbler.garbage("payload", payload)
        for body, head in zip(bodies, garbler.garbage("header", header), strict=True):
            number = max(0, index + order.choice((1, 2, 40, 300, 2100, 20_000, -3, -200)))
            if order.random() < 0.5 or len(head) < 12:
                head = header
            head = bytes((0x80 | head[0] & 0x3F,)) + head[1:2] + (number & 0xFFFF).to_bytes(
                2, "big"
            ) + head[4:]  # fmt: skip
            stream = self._sender.stream(int.from_bytes(head[8:12], "big"))
            self._send(stream.protect(head, body, number))
        return self._proper.protect(header, payload, index)

    def _send(self, datagram: bytes) -> None:
        self._garbler.host.peer.send([datagram])


KINDS: dict[str, Callable[[Garbler], None]] = {
    "data": Garbler.garble_data,
    "reports": Garbler.garble_reports,
    "media": Garbler.garble_media,
}


class HostileCall(Call):
    """A call whose offerer turns hostile once it is connected."""

    def __init__(self, seed: int) -> None:
        super().__init__(LinkProfile(latency=0.01), seed=seed)
        self.video, self.audio = self.publish("video"), self.publish("audio")
        peer = self.offerer.peer
        self.channels = [
            peer.create_data_channel("first"),
            peer.create_data_channel("second", ordered=False, max_retransmits=0),
        ]
        self.connect()
        assert self.network.run(1, until=lambda: self.channels[1].state == "open")
        self.streams = (
            peer.outbound(self.video, "video/VP8"),
            peer.outbound(self.audio, "audio/opus"),
        )

    def act(self, step: int) -> None:
        """Do a little of everything, and let the answers come."""
        now, peer = self.network.now, self.offerer.peer
        for channel in list(self.channels):
            if channel.state == "open":
                channel.send(bytes(100 + 700 * (step % 9)), now)
        if step % 8 == 7 and self.channels[1].state == "open":
            self.channels[1].close(now)
        if step % 8 == 0 and not peer._transport.sctp.closed:
            self.channels.append(peer.create_data_channel(f"number {step}"))
        video, audio = self.streams
        peer.send(video.send_frame(vp8_frames(1)[0], 3000 * step, now))
        peer.send(audio.send_frame(opus_frames(1)[0], 960 * step, now))
        self.offerer.push()
        self.network.run(0.1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", [*KINDS, "all"])
def test_garbage_under_true_keys_does_no_harm(kind: str, seed: int) -> None:
    call = HostileCall(seed)
    victim = call.answerer
    received = victim.peer.counters
    for step in range(10):
        call.act(step)
    garbler = Garbler(call.offerer, seed)
    for name in KINDS if kind == "all" else (kind,):
        KINDS[name](garbler)
    victim.events.clear()
    for step in range(10, 30):
        call.act(step)
        victim.frames.clear()
    call.network.run(10)
    assert garbler.sent > 30
    assert victim.peer.counters != received
    # Only the hostile peer's own data channels may have ended, and that with a reason.
    assert victim.peer.state is TransportState.CONNECTED
    channels = victim.peer._transport.channels
    assert channels.closed_reason is None or "the peer" in channels.closed_reason
    assert held_bytes(victim.peer) < 3_000_000
    if channels.closed_reason is None:
        victim.peer.create_data_channel("of the victim")
    else:
        with pytest.raises(LocalProtocolError, match="closed"):
            victim.peer.create_data_channel("of the victim")
    victim.peer.close(call.network.now)


def test_one_datagram_is_answered_with_about_as_much() -> None:
    """Nobody can make us send much more than was received."""
    call = HostileCall(3)
    garbler = Garbler(call.offerer, 3)
    for garble in KINDS.values():
        garble(garbler)
    sizes = {call.offerer.address: 0, call.answerer.address: 0}

    def note(source: tuple[str, int], _: tuple[str, int], data: bytes) -> None:
        sizes[source] += len(data)

    call.network.watch(note)
    for step in range(30):
        call.act(step)
    assert sizes[call.answerer.address] < sizes[call.offerer.address]
