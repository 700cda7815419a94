"""When packets carry a checksum, and when a missing one is accepted (RFC 9653)."""

from __future__ import annotations

from lktrio.rtc.sctp import SctpOptions
from lktrio.rtc.sctp.chunks import CookieEcho, Init
from tests.rtc.sctp.network import Network
from tests.rtc.sctp.raw_peer import ALL, RawPeer, checked
from tests.support.cases import each_case
from tests.support.sctp_packet import parse_packet

WITH, WITHOUT = SctpOptions(), SctpOptions(zero_checksum=False)


def checksums_of_data(network: Network) -> list[bool]:
    network.client.association.send(0, 53, bytes(3000), now=network.now)
    network.paths[id(network.client)].sent.clear()
    network.run(1)
    packets = network.paths[id(network.client)].sent
    assert packets
    for packet in packets:
        if parse_packet(packet).checksum:
            assert checked(packet) == packet
    return [parse_packet(packet).checksum != 0 for packet in packets]


def test_data_goes_without_checksum_when_both_offer_it() -> None:
    network = Network(options=WITH)
    network.connect()
    assert not any(checksums_of_data(network))


@each_case("ours, theirs", [(WITH, WITHOUT), (WITHOUT, WITH), (WITHOUT, WITHOUT)])
def test_data_carries_a_checksum_unless_both_offer_it(
    ours: SctpOptions, theirs: SctpOptions
) -> None:
    network = Network(options=ours, server_options=theirs)
    network.connect()
    assert all(checksums_of_data(network))


def test_init_and_cookie_echo_always_carry_one() -> None:
    network = Network(options=WITH)
    network.connect()
    for end in (network.client, network.server):
        for packet in network.paths[id(end)].sent:
            first = parse_packet(packet).chunks[0]
            if type(first) in (Init, CookieEcho):
                assert checked(packet) == packet


def test_a_missing_checksum_is_accepted_only_if_it_was_offered() -> None:
    for options, accepted in ((WITH, True), (WITHOUT, False)):
        peer = RawPeer(options)
        packet = peer.raw(peer.data(b"unchecked").serialize())
        peer.deliver(packet[:8] + bytes(4) + packet[12:])
        assert bool(peer.messages()) is accepted


def test_a_missing_checksum_around_init_or_cookie_echo_is_not_accepted() -> None:
    peer = RawPeer(connect=False)
    for chunk, tag in ((peer.init(), 0), (CookieEcho(b"c"), None)):
        packet = peer.raw(chunk.serialize(), tag=tag)
        peer.deliver(packet[:8] + bytes(4) + packet[12:])
    assert not peer.chunks()
    assert peer.association.stats.packets_dropped == 2


def test_a_wrong_checksum_is_dropped() -> None:
    peer = RawPeer()
    packet = bytearray(peer.raw(peer.data(b"payload").serialize()))
    packet[-2] ^= 1
    peer.deliver(bytes(packet))
    assert peer.messages() == []
    assert peer.association.stats.packets_dropped == 1


def test_verification_can_be_switched_off() -> None:
    peer = RawPeer(SctpOptions(verify_checksum=False))
    packet = peer.raw(peer.data(b"payload").serialize())
    peer.deliver(packet[:8] + b"abcd" + packet[12:])
    assert peer.messages() == [(0, b"payload")]


def test_another_error_detection_method_is_not_taken_for_dtls() -> None:
    other = (*ALL[:2], (ALL[2][0], bytes((0, 0, 0, 2))))
    peer = RawPeer(parameters=other)
    peer.association.send(0, 53, b"data", now=peer.now)
    peer.flush()
    assert parse_packet(peer.packets[-1]).checksum
