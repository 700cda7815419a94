"""SRTP sessions: keys, replay, rollover, limits, hostile input."""

from __future__ import annotations

import functools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import LocalProtocolError
from lktrio.rtc.rtp import HEADER
from lktrio.rtc.srtp import SrtpKeys, SrtpProfile, SrtpReceiver, SrtpSender
from lktrio.rtc.srtp.replay import REPLAY_WINDOW
from lktrio.rtc.srtp.session import MAX_SSRCS_PER_KEYS
from tests.support.cases import each_case

GCM = SrtpProfile.AEAD_AES_128_GCM
KEY, SALT = bytes(range(16)), bytes(range(12))
RTCP = bytes.fromhex("80c9000100000007")

every_profile = each_case("profile", SrtpProfile)


def pair(profile: SrtpProfile = GCM, **options: int) -> tuple[SrtpSender, SrtpReceiver]:
    key, salt = bytes(profile.key_length), bytes(profile.salt_length)
    return SrtpSender(profile, key, salt), SrtpReceiver(profile, key, salt, **options)


def seal(sender: SrtpSender, index: int, ssrc: int = 7, payload: bytes = b"payload") -> bytes:
    header = HEADER.pack(0x80, 96, index & 0xFFFF, 0, ssrc)
    return sender.stream(ssrc).protect(header, payload, index)


def received(receiver: SrtpReceiver, packet: bytes) -> int | None:
    result = receiver.unprotect(packet)
    return None if result is None else result[0]


# keys


@every_profile
def test_the_exporter_gives_both_sides_matching_keys(profile: SrtpProfile) -> None:
    material = random.Random(1).randbytes(profile.exporter_length)
    client_local, client_remote = SrtpKeys.from_exporter(profile, material, is_client=True)
    server_local, server_remote = SrtpKeys.from_exporter(profile, material, is_client=False)
    assert (client_local, client_remote) == (server_remote, server_local)
    size, salt = profile.key_length, profile.salt_length
    assert client_local.key == material[:size]
    assert server_local.key == material[size : 2 * size]
    assert client_local.salt == material[2 * size : 2 * size + salt]
    assert server_local.salt == material[2 * size + salt :]


def test_keys_do_not_show_themselves() -> None:
    keys = SrtpKeys(GCM, KEY, SALT)
    assert "x00" not in repr(keys)
    assert "03" not in repr(keys)


def test_key_material_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="56 bytes of key material, not 55"):
        SrtpKeys.from_exporter(GCM, bytes(55), is_client=True)
    with pytest.raises(ValueError, match="takes a key of 16"):
        SrtpSender(GCM, bytes(15), bytes(12))
    with pytest.raises(ValueError, match="takes a key of 16"):
        SrtpReceiver(GCM, bytes(16), bytes(14))


# replay


@every_profile
def test_a_packet_is_accepted_once(profile: SrtpProfile) -> None:
    sender, receiver = pair(profile)
    packet = seal(sender, 100)
    assert received(receiver, packet) == 100
    assert received(receiver, packet) is None
    assert receiver.dropped.replayed == 1
    sealed = sender.protect_rtcp(RTCP)
    assert receiver.unprotect_rtcp(sealed) == RTCP
    assert receiver.unprotect_rtcp(sealed) is None
    assert receiver.dropped.replayed == 2


@given(st.lists(st.integers(0, 3 * REPLAY_WINDOW), max_size=200))
def test_within_the_window_exactly_the_new_packets_are_accepted(indices: list[int]) -> None:
    sender, receiver = pair()
    seen: set[int] = set()
    for index in indices:
        fresh = index not in seen and (not seen or index > max(seen) - REPLAY_WINDOW)
        assert (received(receiver, seal(sender, index)) == index) is fresh
        if fresh:
            seen.add(index)


def test_a_packet_behind_the_window_is_dropped() -> None:
    sender, receiver = pair()
    assert received(receiver, seal(sender, 5000)) == 5000
    assert received(receiver, seal(sender, 5000 - REPLAY_WINDOW)) is None
    assert receiver.dropped.too_old == 1
    assert received(receiver, seal(sender, 5001 - REPLAY_WINDOW)) == 5001 - REPLAY_WINDOW


def test_srtcp_may_be_reordered_within_its_window() -> None:
    sender, receiver = pair()
    sealed = [sender.protect_rtcp(RTCP) for _ in range(REPLAY_WINDOW + 2)]
    assert receiver.unprotect_rtcp(sealed[3]) == RTCP
    assert receiver.unprotect_rtcp(sealed[2]) == RTCP
    assert receiver.unprotect_rtcp(sealed[-1]) == RTCP
    assert receiver.unprotect_rtcp(sealed[1]) is None
    assert receiver.unprotect_rtcp(sealed[4]) == RTCP
    assert receiver.dropped.replayed == 1


# rollover


@every_profile
def test_the_rollover_counter_follows_the_sender_over_many_wraps(profile: SrtpProfile) -> None:
    sender, receiver = pair(profile)
    for index in range(0, 5 << 16, 0x7000):
        assert received(receiver, seal(sender, index)) == index


def test_packets_around_a_wrap_may_be_reordered() -> None:
    sender, receiver = pair()
    for index in (65533, 65536, 65535, 65538, 65534, 65537):
        assert received(receiver, seal(sender, index)) == index


def test_a_stream_whose_first_packets_before_the_wrap_were_lost_is_understood() -> None:
    sender, receiver = pair()
    for index in (65538, 65534, 65539):
        assert received(receiver, seal(sender, index)) == index


def test_a_jump_of_more_than_half_the_sequence_space_at_the_start_is_understood() -> None:
    sender, receiver = pair()
    assert received(receiver, seal(sender, 5)) == 5
    assert received(receiver, seal(sender, 65000)) == 65000


def test_a_forged_packet_does_not_move_the_rollover_counter() -> None:
    sender, receiver = pair()
    assert received(receiver, seal(sender, 65000)) == 65000
    forged = HEADER.pack(0x80, 96, 100, 0, 7) + bytes(30)
    assert received(receiver, forged) is None
    assert receiver.dropped.unauthenticated == 1
    assert received(receiver, seal(sender, 65001)) == 65001


def test_a_forged_packet_does_not_mark_an_index_as_received() -> None:
    sender, receiver = pair()
    assert received(receiver, seal(sender, 1)) == 1
    genuine = seal(sender, 2)
    assert received(receiver, genuine[:-1] + bytes((genuine[-1] ^ 1,))) is None
    assert received(receiver, genuine) == 2


# limits


def test_forged_packets_create_no_state() -> None:
    sender, receiver = pair(max_ssrcs=1)
    for ssrc in range(1000):
        assert received(receiver, HEADER.pack(0x80, 96, 0, 0, ssrc) + bytes(30)) is None
        assert receiver.unprotect_rtcp(RTCP[:4] + ssrc.to_bytes(4, "big") + bytes(40)) is None
    assert receiver.dropped.unauthenticated == 2000
    assert received(receiver, seal(sender, 0)) == 0
    assert receiver.unprotect_rtcp(sender.protect_rtcp(RTCP)) == RTCP


def test_only_so_many_sources_are_accepted() -> None:
    sender, receiver = pair(max_ssrcs=2)
    assert [received(receiver, seal(sender, 9, ssrc)) for ssrc in (1, 2, 3)] == [9, 9, None]
    assert receiver.dropped.over_limit == 1
    receiver.retire(1)
    assert received(receiver, seal(sender, 9, 3)) == 9
    receiver.max_ssrcs = 3
    assert received(receiver, seal(sender, 9, 4)) == 9


def test_only_so_many_rtcp_sources_are_accepted() -> None:
    sender, receiver = pair(max_ssrcs=1)
    other = RTCP[:7] + b"\x08"
    assert receiver.unprotect_rtcp(sender.protect_rtcp(RTCP)) == RTCP
    assert receiver.unprotect_rtcp(sender.protect_rtcp(other)) is None
    receiver.retire(7)
    assert receiver.unprotect_rtcp(sender.protect_rtcp(other)) == other


def test_a_retired_source_is_never_taken_again() -> None:
    sender, receiver = pair()
    old = [seal(sender, index) for index in range(300)]
    for packet in old[:200]:
        assert received(receiver, packet) is not None
    receiver.retire(7)
    assert [received(receiver, packet) for packet in old] == [None] * 300
    assert receiver.dropped.retired == 300
    assert receiver.is_retired(7)
    receiver.retire(7)
    assert received(receiver, seal(sender, 1 << 16)) is None
    assert received(receiver, seal(sender, 3, ssrc=8)) == 3


def test_retiring_a_source_lets_none_of_its_rtcp_be_taken_twice() -> None:
    sender, receiver = pair(max_ssrcs=1)
    recorded = [sender.protect_rtcp(RTCP) for _ in range(50)]
    for packet in recorded:
        assert receiver.unprotect_rtcp(packet) == RTCP
    receiver.retire(7)
    assert [receiver.unprotect_rtcp(packet) for packet in recorded] == [None] * 50
    assert receiver.unprotect_rtcp(sender.protect_rtcp(RTCP)) == RTCP


def test_a_sealed_source_goes_on_with_what_is_new() -> None:
    sender, receiver = pair()
    for index in (*range(65_000, 65_500), 65_540):
        received(receiver, seal(sender, index))
    receiver.seal(7)
    receiver.seal(8)  # nothing has come of it
    late = [received(receiver, seal(sender, index)) for index in range(64_500, 65_541)]
    assert late == [None] * len(late)
    assert received(receiver, seal(sender, 65_541)) == 65_541
    assert received(receiver, seal(sender, 65_600)) == 65_600
    assert received(receiver, seal(sender, 65_550)) == 65_550


def test_one_pair_of_keys_admits_only_so_many_sources_in_its_life() -> None:
    sender, receiver = pair()
    for ssrc in range(100, 100 + MAX_SSRCS_PER_KEYS):
        receiver.retire(ssrc)
    assert received(receiver, seal(sender, 0)) is None
    assert receiver.dropped.over_limit == 1


@functools.cache
def rtcp_packets() -> list[bytes]:
    sender, _ = pair()
    return [sender.protect_rtcp(RTCP) for _ in range(3001)]


@given(st.lists(st.integers(0, 3000), max_size=60))
def test_no_rtcp_index_is_taken_twice(order: list[int]) -> None:
    _, receiver = pair()
    packets = rtcp_packets()
    taken: set[int] = set()
    for index in order:
        fresh = index not in taken and index > max(taken, default=-1) - REPLAY_WINDOW
        assert (receiver.unprotect_rtcp(packets[index]) is not None) is fresh
        taken.add(index) if fresh else None


def test_a_key_is_not_used_for_too_many_packets() -> None:
    sender, _ = pair()
    assert seal(sender, (1 << 48) - 1)
    with pytest.raises(LocalProtocolError):
        seal(sender, 1 << 48)
    sender._rtcp_index = (1 << 31) - 1
    assert sender.protect_rtcp(RTCP)
    with pytest.raises(LocalProtocolError):
        sender.protect_rtcp(RTCP)


# hostile input


@every_profile
def test_every_truncation_is_dropped(profile: SrtpProfile) -> None:
    sender, receiver = pair(profile)
    header = HEADER.pack(0x91, 96, 1, 0, 7) + bytes(4) + bytes.fromhex("bede000110aa0000")
    packet = sender.stream(7).protect(header, b"payload", 1)
    control = sender.protect_rtcp(RTCP + bytes(20))
    for size in range(len(packet)):
        assert receiver.unprotect(packet[:size]) is None
    for size in range(len(control)):
        assert receiver.unprotect_rtcp(control[:size]) is None
    assert receiver.dropped.total == len(packet) + len(control)
    assert received(receiver, packet) == 1


@every_profile
def test_every_flipped_bit_is_dropped(profile: SrtpProfile) -> None:
    sender, receiver = pair(profile)
    packet = seal(sender, 1)
    control = sender.protect_rtcp(RTCP + bytes(4))
    for bit in range(8 * len(packet)):
        damaged = bytearray(packet)
        damaged[bit // 8] ^= 1 << bit % 8
        assert receiver.unprotect(bytes(damaged)) is None
    for bit in range(8 * len(control)):
        damaged = bytearray(control)
        damaged[bit // 8] ^= 1 << bit % 8
        assert receiver.unprotect_rtcp(bytes(damaged)) is None


@given(st.binary(max_size=100))
def test_noise_is_dropped(data: bytes) -> None:
    _, receiver = pair()
    assert receiver.unprotect(data) is None
    assert receiver.unprotect_rtcp(data) is None
    assert receiver.dropped.total == 2


def test_an_extension_that_reaches_into_the_tag_is_malformed() -> None:
    _, receiver = pair()
    header = HEADER.pack(0x90, 96, 1, 0, 7) + bytes.fromhex("bede0003")
    assert receiver.unprotect(header + bytes(27)) is None
    assert receiver.dropped.malformed == 1
