"""RTP header extensions: element forms, lookup, values."""

from __future__ import annotations

import pytest

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.rtp.extensions import (
    ABS_SEND_TIME_URI,
    MID_URI,
    NO_EXTENSIONS,
    AudioLevel,
    ExtensionIds,
    abs_send_time,
    build_extensions,
    find_extension,
    parse_extensions,
)
from tests.support.cases import each_case

HEADER = bytes.fromhex("9060 0001 00000002 00000003")


def parsed(block: str) -> dict[int, bytes]:
    packet = HEADER + bytes.fromhex(block)
    return parse_extensions(packet, len(packet))


def test_small_values_take_the_one_byte_form() -> None:
    assert build_extensions({1: b"a", 14: b"0123456789abcdef"}) == bytes.fromhex(
        "bede 0005 10 61 ef 30313233343536373839616263646566 00"
    )


@each_case("extensions", [{15: b"a"}, {1: b""}, {1: bytes(17)}])
def test_what_does_not_fit_one_byte_takes_the_two_byte_form(extensions: dict[int, bytes]) -> None:
    block = build_extensions(extensions)
    assert block[:2] == b"\x10\x00"
    assert parsed(block.hex()) == extensions


def test_padding_between_elements_is_skipped() -> None:
    assert parsed("bede 0002 10aa 0000 20bb 0000") == {1: b"\xaa", 2: b"\xbb"}
    assert parsed("1005 0003 0101aa00 000201bb 00000000") == {1: b"\xaa", 2: b"\xbb"}


def test_id_15_ends_the_one_byte_form() -> None:
    assert parsed("bede 0002 10aa f0bb 20cc 0000") == {1: b"\xaa"}


def test_id_0_with_a_length_is_skipped() -> None:
    assert parsed("bede 0001 01aabb00") == {}
    assert parsed("bede 0002 01aabb 20cc 000000") == {2: b"\xcc"}


def test_other_profiles_hold_no_elements() -> None:
    assert parsed("abcd 0001 10aa0000") == {}


def test_one_element_is_found() -> None:
    packet = HEADER + build_extensions({3: b"xy", 5: b"z"})
    assert find_extension(packet, len(packet), 5) == b"z"
    assert find_extension(packet, len(packet), 4) is None
    assert find_extension(b"\x80" + packet[1:12], 12, 5) is None
    broken = HEADER + bytes.fromhex("bede 0001 1f000000")
    assert find_extension(broken, len(broken), 1) is None


def test_ids_are_taken_from_the_session_description() -> None:
    ids = ExtensionIds.from_uris([(MID_URI, 4), ("urn:example:unknown", 9), (ABS_SEND_TIME_URI, 2)])
    assert ids == ExtensionIds(mid=4, abs_send_time=2)
    assert ExtensionIds.from_uris([]) == NO_EXTENSIONS


@each_case("level", [AudioLevel(0, True), AudioLevel(127, False), AudioLevel(30)])
def test_audio_levels_survive(level: AudioLevel) -> None:
    assert AudioLevel.parse(bytes(level)) == level
    assert len(bytes(level)) == 1


def test_an_empty_audio_level_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        AudioLevel.parse(b"")


def test_abs_send_time_is_six_bits_of_seconds_and_wraps() -> None:
    assert abs_send_time(1.0) == 1 << 18
    assert abs_send_time(63.5) == 0xFE0000
    assert abs_send_time(64.0 + 1 / 262144) == 1
