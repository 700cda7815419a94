from __future__ import annotations

import pytest

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.payload import depacketizer, packetizer
from lktrio.rtc.payload.opus import frame_samples, packet_samples
from tests.support.cases import each_case

BUDGET = 1150


def test_a_packet_is_one_payload_and_comes_back_as_it_was() -> None:
    packet = b"\x78" + bytes(range(200))
    payloads = packetizer("audio/opus").pack(packet, BUDGET)
    assert payloads == [packet]
    assert depacketizer("audio/opus").assemble(payloads) == packet


def test_every_packet_starts_a_frame_and_decodes_on_its_own() -> None:
    opus = depacketizer("audio/opus")
    assert opus.starts_frame(b"\x78\x01")
    assert opus.is_keyframe(b"\x78\x01")
    assert not opus.starts_frame(b"")
    assert not opus.is_keyframe(b"")


def test_there_is_no_preamble_as_every_packet_is_heard() -> None:
    assert packetizer("audio/opus").preamble() == b""


def test_a_packet_larger_than_the_budget_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match=r"Opus packet has 1151 bytes.*room for 1150"):
        packetizer("audio/opus").pack(bytes(BUDGET + 1), BUDGET)
    assert len(packetizer("audio/opus").pack(bytes(BUDGET), BUDGET)) == 1


@each_case("payloads", [[], [b""], [b"\x78", b"\x78"]])
def test_what_is_not_exactly_one_packet_is_refused(payloads: list[bytes]) -> None:
    with pytest.raises(RemoteProtocolError):
        depacketizer("audio/opus").assemble(payloads)


@each_case(
    "config, milliseconds",
    [(0, 10), (3, 60), (4, 10), (11, 60), (12, 10), (13, 20), (15, 20), (16, 2.5), (31, 20)],
)
def test_the_configuration_gives_the_frame_size(config: int, milliseconds: float) -> None:
    assert frame_samples(config << 3) == milliseconds * 48


@each_case(
    "packet, milliseconds",
    [
        (b"\xf8\xff\xfe", 20),  # CELT fullband 20 ms, one frame: the silence of LiveKit
        (b"\xf9", 40),
        (b"\xfa", 40),
        (b"\xfb\x06", 120),
        (b"\xfb\x86", 120),  # VBR and padding flags are not part of the count
        (b"\x18", 60),
        (b"\x83\x30", 120),  # 48 frames of 2.5 ms
    ],
)
def test_the_duration_is_read_from_the_first_two_bytes(packet: bytes, milliseconds: float) -> None:
    assert packet_samples(packet) == milliseconds * 48


@each_case("packet", [b"", b"\xfb", b"\xfb\x00", b"\xfb\x07", b"\x83\x31", b"\x1b\x03"])
def test_an_impossible_duration_is_refused(packet: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        packet_samples(packet)
