"""Packets that real peers sent: a LiveKit server (pion) and its native client (libwebrtc)."""

from __future__ import annotations

from pathlib import Path

from lktrio.rtc.datachannel import DataChannelOpen
from lktrio.rtc.sctp.chunks import ChunkType, Data, Init, InitAck, ParameterType, UnknownChunk
from lktrio.rtc.sctp.crc32c import crc32c
from tests.support.cases import each_case
from tests.support.sctp_packet import parse_packet

DATA = Path(__file__).parents[2] / "data" / "sctp"
RECORDINGS = sorted(DATA.glob("*.txt"))


def packets(recording: Path) -> list[tuple[str, bytes]]:
    lines = [line.split() for line in recording.read_text().splitlines()]
    return [(line[1], bytes.fromhex(line[3])) for line in lines if line[0] != "#"]


@each_case("recording", RECORDINGS)
def test_every_packet_parses_and_encodes_to_the_same_bytes(recording: Path) -> None:
    found = packets(recording)
    assert len(found) > 30
    for _, packet in found:
        parsed = parse_packet(packet)
        assert parsed.serialize() == packet
        assert not any(isinstance(chunk, UnknownChunk) for chunk in parsed.chunks)


@each_case("recording", RECORDINGS)
def test_every_checksum_is_right(recording: Path) -> None:
    for _, packet in packets(recording):
        checksum = crc32c(packet[:8] + bytes(4) + packet[12:])
        assert checksum == parse_packet(packet).checksum


def test_what_both_peers_offer_is_understood() -> None:
    seen: dict[tuple[str, type], Init] = {}
    for direction, packet in packets(DATA / "handshake-v1.txt"):
        for chunk in parse_packet(packet).chunks:
            if isinstance(chunk, Init):
                seen[direction, type(chunk)] = chunk
    assert set(seen) == {("c2s", Init), ("s2c", Init), ("c2s", InitAck), ("s2c", InitAck)}
    for (direction, _), init in seen.items():
        extensions = init.parameter(ParameterType.SUPPORTED_EXTENSIONS)
        assert extensions is not None
        assert ChunkType.RE_CONFIG in extensions
        assert ChunkType.FORWARD_TSN in extensions
        zero = init.parameter(ParameterType.ZERO_CHECKSUM)
        if direction == "s2c" and type(init) is Init:
            assert zero == bytes((0, 0, 0, 1))


def test_data_channel_open_messages_of_real_peers() -> None:
    opens = [
        (direction, DataChannelOpen.parse(chunk.payload))
        for direction, packet in packets(DATA / "handshake-v0.txt")
        for chunk in parse_packet(packet).chunks
        if isinstance(chunk, Data) and chunk.protocol == 50 and chunk.payload[0] == 3
    ]
    labels = {(direction, message.label, message.ordered) for direction, message in opens}
    assert {("c2s", "_reliable", True), ("s2c", "_lossy", False)} <= labels
    for _, message in opens:
        assert message.max_retransmits == (None if message.label == "_reliable" else 0)
    for direction, packet in packets(DATA / "handshake-v0.txt"):
        for chunk in parse_packet(packet).chunks:
            if isinstance(chunk, Data) and chunk.protocol == 50 and chunk.payload[0] == 3:
                message = DataChannelOpen.parse(chunk.payload)
                assert message.serialize() == chunk.payload, direction
