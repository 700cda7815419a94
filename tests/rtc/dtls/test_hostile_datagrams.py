"""Whatever arrives: it is counted and dropped, and the handshake still completes."""

from __future__ import annotations

import functools

from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.rtc.dtls import DtlsAborted, DtlsConnected, DtlsEndpoint, DtlsOptions
from lktrio.rtc.dtls.records import EPOCH_1, RECORD_HEADER, RECORD_HEADER_LENGTH
from lktrio.rtc.dtls.registry import ContentType
from tests.rtc.dtls.harness import (
    Parcel,
    Wire,
    assert_connected,
    connected_pair,
    drain,
    endpoint,
    plain_record,
    records,
)
from tests.support.cases import each_case

STEPS = 4  # datagrams of a handshake on a perfect wire


@functools.cache
def genuine() -> tuple[bytes, ...]:
    """The datagrams of an undisturbed handshake with the same random bytes."""
    return tuple(parcel.data for parcel in connected_pair().sent)


def run_with_noise(step: int, noise: list[bytes]) -> Wire:
    """A handshake in which noise arrives at both ends just before datagram ``step``."""

    def rule(parcel: Parcel) -> list[tuple[float, bytes]]:
        if parcel.index == step:
            for data in noise:
                wire.inject(data, to_client=True)
                wire.inject(data, to_client=False)
        return [(0.01, parcel.data)]

    wire = Wire(endpoint(is_client=True), endpoint(is_client=False), rule)
    wire.start()
    wire.run()
    return wire


@settings(max_examples=40)
@given(step=st.integers(0, STEPS - 1), noise=st.lists(st.binary(max_size=200), max_size=8))
def test_random_bytes(step: int, noise: list[bytes]) -> None:
    assert_connected(run_with_noise(step, noise))


@settings(max_examples=60)
@given(
    step=st.integers(0, STEPS - 1),
    kind=st.sampled_from([20, 21, 22, 23, 24, 25, 26, 0, 255]),
    epoch=st.sampled_from([0, 1, 2, 0xFFFF]),
    number=st.integers(0, (1 << 48) - 1),
    version=st.sampled_from([0xFEFD, 0xFEFF, 0xFEFC, 0x0303, 0]),
    content=st.binary(max_size=80),
)
def test_random_records(
    step: int, kind: int, epoch: int, number: int, version: int, content: bytes
) -> None:
    record = RECORD_HEADER.pack(kind, version, epoch << 48 | number, len(content)) + content
    assert_connected(run_with_noise(step, [record]))


@each_case("index", range(STEPS))
def test_every_truncation_of_every_datagram(index: int) -> None:
    """Truncated copies arrive first, at both ends; the genuine datagram still counts."""
    data = genuine()[index]
    # Whole records at the front are genuine: cut within the first, and within each after it.
    first = len(records(data)[0])
    for start in range(0, first, 40):
        noise = [data[:end] for end in range(start, min(start + 40, first))]
        assert_connected(run_with_noise(index, noise))


@settings(max_examples=60, deadline=None)
@given(
    index=st.integers(0, STEPS - 1),
    bits=st.lists(st.integers(0, 8 * 1200), min_size=1, max_size=3),
)
def test_flipped_bits_never_do_more_than_prevent_the_handshake(index: int, bits: list[int]) -> None:
    """A forged copy overtakes the genuine datagram.

    What it changes in a hello may be taken for genuine, for nothing in it is authenticated, but
    then the ends never agree on keys: both connect to each other or neither does.
    """
    data = bytearray(genuine()[index])
    for bit in bits:
        data[bit // 8 % len(data)] ^= 1 << bit % 8
    wire = run_with_noise(index, [bytes(data)])
    if wire.client.connected or wire.server.connected:
        assert_connected(wire)
    else:
        for end in (wire.client, wire.server):
            assert end.closed
            assert [type(event) for event in end.events] == [DtlsAborted]


@each_case("index", [2, 3])
def test_flipped_bits_in_protected_records_do_nothing(index: int) -> None:
    data = genuine()[index]
    last = len(records(data)[-1])
    forged: list[bytes] = []
    for position in range(len(data) - last, len(data), 3):
        changed = bytearray(data[-last:])
        changed[position - len(data)] ^= 0x10
        forged.append(bytes(changed))
    for start in range(0, len(forged), 10):
        assert_connected(run_with_noise(index, forged[start : start + 10]))


@each_case("index", range(STEPS))
def test_a_flipped_bit_in_a_record_header_is_repaired_by_retransmission(index: int) -> None:
    """The forged datagram replaces the genuine one the first time."""
    for bit in range(8 * RECORD_HEADER_LENGTH):
        hit: list[int] = []

        def rule(parcel: Parcel, bit: int = bit, hit: list[int] = hit) -> list[tuple[float, bytes]]:
            data = bytearray(parcel.data)
            if parcel.index == index:
                data[bit // 8] ^= 1 << bit % 8
                hit.append(parcel.index)
            return [(0.01, bytes(data))]

        wire = Wire(endpoint(is_client=True), endpoint(is_client=False), rule)
        wire.start()
        wire.run()
        assert hit
        assert_connected(wire)


def bystander(*, is_client: bool) -> DtlsEndpoint:
    """An endpoint in the middle of its handshake."""
    end = endpoint(is_client=is_client)
    end.start(0.0)
    drain(end)
    return end


@each_case("is_client", [True, False])
def test_empty_and_tiny_datagrams(is_client: bool) -> None:
    end = bystander(is_client=is_client)
    for size in range(RECORD_HEADER_LENGTH):
        end.receive(b"\x16" * size, 0.0)
    assert end.stats.malformed == RECORD_HEADER_LENGTH - 1  # an empty datagram holds nothing
    assert not end.out
    assert not end.events


@each_case("is_client", [True, False])
def test_a_record_longer_than_its_datagram(is_client: bool) -> None:
    end = bystander(is_client=is_client)
    end.receive(RECORD_HEADER.pack(22, 0xFEFD, 0, 100) + bytes(99), 0.0)
    end.receive(RECORD_HEADER.pack(23, 0xFEFD, EPOCH_1, 0xFFFF), 0.0)
    assert end.stats.malformed == 2
    assert not end.out


def test_a_bad_record_does_not_take_the_good_ones_behind_it_along() -> None:
    for bad in (
        plain_record(22, b"\x01broken"),
        plain_record(23, b"data in clear"),
        plain_record(99, b"?"),
        RECORD_HEADER.pack(22, 0xFEFD, 7 << 48, 3) + b"abc",
        RECORD_HEADER.pack(22, 0x0303, 0, 3) + b"abc",
        RECORD_HEADER.pack(23, 0xFEFD, EPOCH_1, 30) + bytes(30),
    ):
        wire = Wire(
            endpoint(is_client=True),
            endpoint(is_client=False),
            lambda parcel, bad=bad: [(0.01, bad + parcel.data)],  # type: ignore[misc]
        )
        wire.start()
        wire.run()
        assert_connected(wire)
        assert wire.client.stats.retransmissions == 0
        assert wire.server.stats.dropped >= 2


def test_a_bad_protected_record_does_not_take_the_good_one_behind_it_along() -> None:
    wire = connected_pair()
    wire.client.send(b"bad")
    wire.client.send(b"good")
    bad, good = drain(wire.client)
    wire.server.receive(bad[:-1] + bytes([bad[-1] ^ 1]) + good, 1.0)
    assert wire.server.inbound == [b"good"]


def test_only_32_records_of_a_datagram_are_looked_at() -> None:
    wire = connected_pair()
    for i in range(40):
        wire.client.send(bytes([i]))
    wire.server.receive(b"".join(drain(wire.client)), 1.0)
    assert wire.server.inbound == [bytes([i]) for i in range(32)]
    assert wire.server.stats.malformed == 1


@each_case("is_client", [True, False])
@each_case("epoch", [2, 3, 0x8000, 0xFFFF])
def test_records_of_other_epochs_are_dropped(epoch: int, is_client: bool) -> None:
    wire = connected_pair()
    victim, peer = (wire.client, wire.server) if is_client else (wire.server, wire.client)
    peer.send(b"data")
    (record,) = drain(peer)
    victim.receive(record[:3] + epoch.to_bytes(2, "big") + record[5:], 1.0)
    assert not victim.inbound
    assert victim.stats.unexpected == 1
    victim.receive(record, 1.0)
    assert victim.inbound == [b"data"]


@each_case("is_client", [True, False])
def test_application_data_in_clear_is_never_taken(is_client: bool) -> None:
    """CVE-2019-20786: data in epoch 0, before and after the handshake."""
    end = bystander(is_client=is_client)
    end.receive(plain_record(ContentType.APPLICATION_DATA, b"forged"), 0.0)
    assert end.stats.unexpected == 1
    assert not end.inbound

    wire = connected_pair()
    end = wire.client if is_client else wire.server
    end.receive(plain_record(ContentType.APPLICATION_DATA, b"forged"), 1.0)
    assert end.stats.unexpected == 1
    assert not end.inbound


@each_case("is_client", [True, False])
def test_at_most_16_early_protected_records_wait(is_client: bool) -> None:
    end = bystander(is_client=is_client)
    for number in range(50):
        end.receive(RECORD_HEADER.pack(23, 0xFEFD, EPOCH_1 + number, 40) + bytes(40), 0.0)
    assert end.stats.overflowed == 50 - 16


def test_forged_early_records_cost_one_retransmission_at_most() -> None:
    forged = [
        RECORD_HEADER.pack(22, 0xFEFD, EPOCH_1 + number, 40) + bytes(40) for number in range(16)
    ]
    wire = run_with_noise(0, forged)
    assert_connected(wire)
    assert wire.client.stats.retransmissions + wire.server.stats.retransmissions <= 2


def test_replayed_data_arrives_once() -> None:
    wire = connected_pair()
    for i in range(10):
        wire.client.send(bytes([i]))
    sent = drain(wire.client)
    for record in sent + sent[::-1]:
        wire.server.receive(record, 1.0)
    assert wire.server.inbound == [bytes([i]) for i in range(10)]
    assert wire.server.stats.replayed == 10


def test_a_whole_handshake_replayed_after_the_connection_changes_nothing() -> None:
    wire = connected_pair()
    for parcel in wire.sent:
        (wire.server if parcel.from_client else wire.client).receive(parcel.data, 1.0)
    assert not wire.client.events
    assert not wire.server.events
    assert not wire.client.out
    wire.client.events.append(DtlsConnected())
    wire.server.events.append(DtlsConnected())
    assert_connected(wire)


def test_one_end_does_not_accept_its_own_records() -> None:
    """Reflected datagrams: each direction has keys of its own."""
    wire = connected_pair()
    wire.client.send(b"data")
    (record,) = drain(wire.client)
    wire.client.receive(record, 1.0)
    assert not wire.client.inbound
    assert wire.client.stats.replayed + wire.client.stats.unauthenticated == 1


def test_nothing_is_accepted_before_start() -> None:
    server = endpoint(is_client=False)
    server.receive(genuine()[0], 0.0)
    assert not server.out
    assert server.stats.unexpected == 1


@settings(max_examples=60, deadline=None)
@given(noise=st.lists(st.binary(max_size=100), max_size=5), mtu=st.sampled_from([200, 1200]))
def test_a_connection_ignores_random_bytes(noise: list[bytes], mtu: int) -> None:
    wire = connected_pair(DtlsOptions(mtu=mtu))
    for data in noise:
        for end in (wire.client, wire.server):
            end.receive(data, 1.0)
            end.receive(b"\x17\xfe\xfd\x00\x01" + data, 1.0)
    assert not wire.client.events
    assert not wire.server.events
    assert not wire.client.inbound + wire.server.inbound
