"""Packets of data tracks: what others make is read, what is malformed is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.room.data_tracks.assembly import FrameAssembler
from lktrio.room.data_tracks.packet import DataTrackPacket, decode_packet, encode_packet
from lktrio.room.data_tracks.packetizing import (
    MAX_FRAME_PACKETS,
    MAX_FRAME_SIZE,
    MAX_PACKET_SIZE,
    FramePacketizer,
)

HEADER = "0001 0002 0003 00000004"  # handle, sequence, frame number, timestamp

SIXTEEN = st.integers(0, 0xFFFF)
PACKETS = st.builds(
    DataTrackPacket,
    handle=st.integers(1, 0xFFFF),
    sequence=SIXTEEN,
    frame_number=SIXTEEN,
    timestamp=st.integers(0, 2**32 - 1),
    starts=st.booleans(),
    ends=st.booleans(),
    payload=st.binary(max_size=40),
    user_timestamp=st.none() | st.integers(0, 2**64 - 1),
)


def packet(flags: str, rest: str = "") -> bytes:
    return bytes.fromhex(f"{flags} 00 {HEADER} {rest}")


def test_the_format() -> None:
    user_timestamp = "02 08 0102030405060708"
    cases = {
        "a whole frame": (packet("18", "616263"), True, True, None, b"abc"),
        "the first part": (packet("10", "616263"), True, False, None, b"abc"),
        "the last part": (packet("08", "616263"), False, True, None, b"abc"),
        "empty": (packet("18"), True, True, None, b""),
        "a timestamp": (
            packet("1c", f"0002 {user_timestamp} 616263"), True, True, 0x0102030405060708, b"abc",
        ),
        "encryption first, padding last": (
            packet("1c", f"0006 01 0d {'55' * 13} {user_timestamp} 00 616263"),
            True, True, 0x0102030405060708, b"abc",
        ),
        "an unknown extension without a value": (
            packet("1c", "0000 09 00 616263"), True, True, None, b"abc",
        ),
        "nothing but padding": (packet("1c", "0000 00 ff 616263"), True, True, None, b"abc"),
        "a timestamp of another size": (
            packet("1c", "0001 02 04 01020304 616263"), True, True, None, b"abc",
        ),
    }  # fmt: skip
    for name, (message, starts, ends, user, payload) in cases.items():
        expected = DataTrackPacket(1, 2, 3, 4, starts, ends, payload, user)
        assert decode_packet(message) == expected, name
    assert encode_packet(DataTrackPacket(1, 2, 3, 4, True, True, b"abc", None)) == packet(
        "18", "616263"
    )
    assert encode_packet(
        DataTrackPacket(1, 2, 3, 4, False, True, b"abc", 0x0102030405060708)
    ) == packet("0c", f"0002 {user_timestamp} 616263")


def test_malformed_packets() -> None:
    cases = {
        "empty": b"",
        "cut off": packet("18")[:11],
        "another version": packet("38"),
        "handle 0": bytes(12),
        "no size of extensions": packet("1c", "00"),
        "extensions beyond the end": packet("1c", "0001 02 04 0102"),
        "an extension beyond the others": packet("1c", "0001 02 05 01020304"),
        "an extension without its length": packet("1c", "0000 09 01"),
        "half of an extension": packet("1c", "0001 09 03 010203 09"),
        "extensions without end": packet("1c", "ffff"),
    }
    for name, message in cases.items():
        with pytest.raises(RemoteProtocolError):
            raise AssertionError(f"{name}: {decode_packet(message)}")


@settings(max_examples=50, deadline=None)
@given(PACKETS)
def test_packets_come_back(sent: DataTrackPacket) -> None:
    assert decode_packet(encode_packet(sent)) == sent


@settings(max_examples=100, deadline=None)
@given(PACKETS, st.data())
def test_damaged_packets_are_read_or_refused(sent: DataTrackPacket, data: st.DataObject) -> None:
    message = bytearray(encode_packet(sent))
    for _ in range(data.draw(st.integers(1, 3))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = decode_packet(bytes(message[: data.draw(st.integers(0, len(message)))]))
    except RemoteProtocolError:
        return
    FrameAssembler().push(read)


def cut(
    packetizer: FramePacketizer, *sizes: int
) -> tuple[list[bytes], list[list[DataTrackPacket]]]:
    """Frames of these sizes, each of a content of its own, and their packets."""
    frames = [
        bytes([number % 251]) * (size // 2) + number.to_bytes(4, "big") + bytes(size - size // 2)
        for number, size in enumerate(sizes)
    ]
    packets = [
        [decode_packet(message) for message in packetizer.packets(frame, number, number / 10)]
        for number, frame in enumerate(frames)
    ]
    return frames, packets


def test_frames_are_cut_and_put_together() -> None:
    packetizer = FramePacketizer(7, 2**32 - 1)
    frames, packets = cut(packetizer, 0, 1000, 15_970, 16_000, 100_000, MAX_FRAME_SIZE - 4)
    assert [len(parts) for parts in packets] == [1, 1, 1, 2, 7, MAX_FRAME_PACKETS]
    everything = [part for parts in packets for part in parts]
    assert [part.sequence for part in everything] == list(range(len(everything)))
    assert {part.handle for part in everything} == {7}
    assert [parts[0].timestamp for parts in packets[:3]] == [2**32 - 1, 8999, 17999]
    assert max(len(encode_packet(part)) for part in everything) <= MAX_PACKET_SIZE
    assembler = FrameAssembler()
    got = [frame for part in everything if (frame := assembler.push(part))]
    assert [frame.payload for frame in got] == frames
    assert [frame.user_timestamp for frame in got] == list(range(6))
    assert assembler.incomplete == 0
    with pytest.raises(LocalProtocolError, match="larger"):
        packetizer.packets(bytes(MAX_FRAME_SIZE + 1), None, 0)
    assert decode_packet(packetizer.packets(b"x", None, 0)[0]).frame_number == 6


def test_numbers_wrap() -> None:
    """Sequence and frame numbers begin anew after 65,536, in the middle of a frame as well."""
    packetizer = FramePacketizer(1, 0)
    for _ in range(0x10000 - 2):
        packetizer.packets(b"x", None, 0)
    frames, packets = cut(packetizer, 40_000, 40_000, 40_000)
    assert [parts[0].frame_number for parts in packets] == [0xFFFE, 0xFFFF, 0]
    assert [part.sequence for part in packets[0]] == [0xFFFE, 0xFFFF, 0]
    assembler = FrameAssembler()
    for frame, parts in zip(frames, packets, strict=True):
        *first, whole = [assembler.push(part) for part in reversed(parts)]
        assert not any(first)
        assert whole is not None
        assert whole.payload == frame


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([10, 20_000, 40_000, 70_000]), max_size=12), st.data())
def test_what_arrives_of_a_lossy_channel_is_whole(sizes: list[int], data: st.DataObject) -> None:
    """Under loss, repetition and overtaking: a frame of which all came is there, once, or more."""
    frames, packets = cut(FramePacketizer(1, 0), *sizes)
    lost = data.draw(st.sets(st.integers(0, 60), max_size=6))
    arriving = [
        (place, part)
        for place, part in enumerate(part for parts in packets for part in parts)
        if place not in lost
    ]
    jitter = data.draw(st.lists(st.integers(0, 3), min_size=len(arriving), max_size=len(arriving)))
    order = sorted(range(len(arriving)), key=lambda place: place + jitter[place])
    assembler = FrameAssembler()
    got = [frame for place in order if (frame := assembler.push(arriving[place][1]))]
    payloads = [frame.payload for frame in got]
    assert all(payload in frames for payload in payloads)
    there = {part for _, part in arriving}
    whole = [frame for frame, parts in zip(frames, packets, strict=True) if there.issuperset(parts)]
    assert sorted(payloads) == sorted(whole)


def test_an_assembler_is_bounded() -> None:
    """Frames that never end, never begin, or are larger than frames are given up."""

    def part(number: int, sequence: int, payload: bytes = b"x", **flags: bool) -> DataTrackPacket:
        marks = {"starts": False, "ends": False, **flags}
        return DataTrackPacket(1, sequence, number, 0, payload=payload, **marks)

    assembler = FrameAssembler()
    for sequence in range(MAX_FRAME_PACKETS + 1):
        assert assembler.push(part(0, sequence, starts=sequence == 0)) is None
    assert assembler.incomplete == 1
    for number in range(1, 1000):
        assert assembler.push(part(number, number)) is None
    assert assembler.incomplete >= 990
    before = assembler.incomplete
    for sequence in range(40):
        assembler.push(part(2000, sequence, bytes(64_000)))
    assert assembler.incomplete > before
    assert assembler.push(part(3000, 5, ends=True)) is None  # before its beginning, as it says
    assert assembler.push(part(3000, 9, starts=True)) is None
