"""What an authenticated but hostile peer can do: nothing beyond ending its own association.

Several of these inputs hang, crash or exhaust other stacks; each is named for what it does there.
"""

from __future__ import annotations

import random
import time
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.rtc.sctp import SctpClosed, SctpOptions
from lktrio.rtc.sctp.chunks import (
    Chunk,
    CookieAck,
    Error,
    ForwardTsn,
    Heartbeat,
    HeartbeatAck,
    Init,
    InitAck,
    ParameterType,
    ReConfig,
    UnknownChunk,
)
from tests.rtc.sctp.network import Network
from tests.rtc.sctp.raw_peer import RawPeer, checked
from tests.rtc.sctp.test_chunk_codec import chunks, packets
from tests.support.cases import each_case
from tests.support.sctp_packet import Packet


def alive(peer: RawPeer) -> bool:
    """Whether the association still delivers."""
    before = len(peer.messages())
    peer.send(peer.data(b"alive", unordered=True))
    return len(peer.messages()) == before + 1


@each_case("kind", [1, 2, 6, 9, 130])
def test_a_parameter_of_length_zero_does_not_loop(kind: int) -> None:
    peer = RawPeer(connect=kind > 2)
    fixed = bytes.fromhex("00000001 00010000 0001 0001 00000001") if kind <= 2 else b""
    start = time.process_time()
    peer.send(UnknownChunk(kind, 0, fixed + bytes(8)), tag=0 if kind == 1 else None)
    assert time.process_time() - start < 0.5
    assert not peer.association.closed


def test_two_inits_in_one_packet_do_not_assert() -> None:
    peer = RawPeer(connect=False)
    peer.send(peer.init(), CookieAck(), tag=0)
    peer.send(CookieAck(), peer.init(), tag=0)
    assert peer.association.stats.packets_dropped == 2


def test_any_sequence_of_strange_but_well_formed_chunks_is_survived() -> None:
    order = random.Random(5)
    for seed in range(30):
        peer = RawPeer()
        strange: list[Chunk | UnknownChunk] = [
            Heartbeat(b""),
            HeartbeatAck(b"x" * 30),
            Error(((77, b"?"),)),
            InitAck(1, 1, 1, 1, 1, ()),
            CookieAck(),
            ReConfig(((16, bytes(8)),)),
            ForwardTsn(seed, ((1, 1),) * 300),
            peer.sack(seed, (1, 2)),
            UnknownChunk(200, 0, b"skip me"),
        ]
        order.shuffle(strange)
        peer.send(*strange)
        peer.tsn = (1 << 32) + seed + 1  # where the FORWARD-TSN has led
        assert alive(peer)


def test_unknown_chunks_are_handled_as_their_type_demands() -> None:
    for kind, reported, continues in (
        (0x3F, False, False),
        (0x7F, True, False),
        (0xBF, False, True),
        (0xFF, True, True),
    ):
        peer = RawPeer()
        peer.send(UnknownChunk(kind, 1, b"value"), peer.data(b"after"))
        errors = peer.take(Error)
        assert bool(errors) is reported
        if reported:
            assert errors[0].causes == ((6, bytes((kind, 1, 0, 9)) + b"value\0\0\0"),)
        assert bool(peer.messages()) is continues


def test_heartbeats_are_echoed_but_not_without_limit() -> None:
    peer = RawPeer()
    peer.send(Heartbeat(b"\0\x01\0\x08echo"))
    (answer,) = peer.take(HeartbeatAck)
    assert answer.value == b"\0\x01\0\x08echo"
    for _ in range(50):
        peer.deliver(peer.raw(*[Heartbeat(b"x").serialize()] * 60), flush=False)
    assert len(peer.take(HeartbeatAck)) == 64


def test_large_echoes_are_spread_over_packets() -> None:
    peer = RawPeer()
    for n in range(10):
        peer.deliver(peer.raw(Heartbeat(bytes((n,)) * 500).serialize()), flush=False)
    peer.flush()
    assert max(map(len, peer.packets)) <= SctpOptions().mtu
    assert [answer.value[0] for answer in peer.take(HeartbeatAck)] == list(range(10))


def test_more_chunks_than_a_packet_may_hold_are_ignored() -> None:
    peer = RawPeer()
    peer.deliver(peer.raw(*[peer.data(unordered=True).serialize() for _ in range(100)]))
    assert len(peer.messages()) == 64
    assert peer.association.stats.malformed == 1


def test_a_chunk_that_runs_over_the_end_stops_the_packet_only() -> None:
    peer = RawPeer()
    peer.deliver(peer.raw(peer.data(b"good").serialize(), bytes.fromhex("0003ffff"), bytes(30)))
    peer.deliver(peer.raw(peer.data(b"good").serialize(), bytes.fromhex("00030002"), bytes(30)))
    peer.deliver(peer.raw(peer.data(b"good", sequence=1).serialize(), b"\0\0"))
    assert peer.association.stats.malformed >= 3
    assert alive(peer)


def test_data_without_a_payload_aborts() -> None:
    peer = RawPeer()
    peer.send(UnknownChunk(0, 3, bytes(12)))
    assert isinstance(peer.events[-1], SctpClosed)
    assert "without user data" in peer.events[-1].reason


def test_streams_outside_the_limit_are_reported_and_survived() -> None:
    peer = RawPeer()
    peer.send(*[peer.data(stream_id=60_000 + n) for n in range(60)])
    (error,) = peer.take(Error)
    assert error.causes[0] == (1, (60_000).to_bytes(2, "big") + bytes(2))
    assert len(error.causes) == 16
    assert alive(peer)


def test_a_flood_of_small_out_of_order_chunks_stays_bounded() -> None:
    peer = RawPeer(SctpOptions(receive_window=1 << 20, max_message_size=65536))
    peer.tsn += 1  # the first never comes
    chunk_bytes = [
        peer.data(b".", stream_id=n % 100, sequence=n // 100 + 1).serialize() for n in range(50_000)
    ]
    tracemalloc.start()
    start = time.process_time()
    for n in range(0, 50_000, 50):
        peer.deliver(peer.raw(*chunk_bytes[n : n + 50]), flush=False)
    assert time.process_time() - start < 5
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 30_000_000
    assert not peer.association.closed


def test_tiny_messages_whose_turn_never_comes_end_the_association() -> None:
    """In order, so that no window of bytes is ever full; each would be kept for ever."""
    peer = RawPeer()
    tracemalloc.start()
    for number in range(0, 80_000, 50):
        chunks = [
            peer.data(b".", stream_id=n % 1000, sequence=1 + n // 1000).serialize()
            for n in range(number, number + 50)
        ]
        peer.deliver(peer.raw(*chunks), flush=False)
        if peer.association.closed:
            break
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert number <= 65_600
    assert held < 30_000_000
    peer.flush()
    ended = peer.events[-1]
    assert isinstance(ended, SctpClosed)
    assert "left out" in ended.reason


def test_an_unknown_chunk_is_not_echoed_whole() -> None:
    """A report on a chunk as large as a DTLS record would not fit into another record."""
    peer = RawPeer()
    peer.send(UnknownChunk(0x40, 0, bytes(16_300)))
    (error,) = peer.take(Error)
    assert len(error.serialize()) < 300
    assert alive(peer)


def test_requests_to_reset_streams_are_answered_within_bounds() -> None:
    peer = RawPeer()
    request = (int(ParameterType.OUTGOING_RESET_REQUEST), bytes(12))
    packet = peer.raw(*[ReConfig((request, request)).serialize()] * 64)
    for _ in range(50):
        peer.deliver(packet, flush=False)
    assert 0 < len(peer.take(ReConfig)) <= 64
    assert alive(peer)


def test_a_flood_of_gaps_costs_linear_time() -> None:
    peer = RawPeer()
    start = time.process_time()
    for n in range(1, 20_000, 2):
        chunk = peer.data(b".", tsn=peer.first + n, unordered=True)
        peer.deliver(peer.raw(chunk.serialize()), flush=n % 64 == 1)
    assert time.process_time() - start < 5
    assert not peer.association.closed


def test_forward_tsn_storms_cost_linear_time() -> None:
    peer = RawPeer()
    for n in range(1, 4000):
        chunk = peer.data(b".", tsn=peer.first + 2 * n, stream_id=1, sequence=n)
        peer.deliver(peer.raw(chunk.serialize()), flush=False)
    peer.flush()
    start = time.process_time()
    entries = tuple((stream, 0x7FFF) for stream in range(2, 250))
    for n in range(60):
        forwards = [
            ForwardTsn((peer.first + 32 * n + m) & 0xFFFFFFFF, entries).serialize()
            for m in range(32)
        ]
        peer.deliver(peer.raw(*forwards))
    assert time.process_time() - start < 5


def test_an_init_storm_leaves_nothing_behind() -> None:
    peer = RawPeer(connect=False)
    packet = peer.raw(
        Init(1, 1 << 20, 65535, 65535, 1, ((0xFFFF, bytes(1000)),)).serialize(), tag=0
    )
    answers = 0
    for _ in range(500):
        peer.deliver(packet)
        answers += sum(map(len, peer.packets))
        peer.packets.clear()
    assert answers < 500 * len(packet), "no amplification"
    assert peer.association.next_timer() == float("inf")


@settings(max_examples=60)
@given(st.lists(st.lists(chunks, min_size=1, max_size=4), max_size=6), st.booleans())
def test_well_formed_chunks_of_any_content_never_raise(
    batches: list[list[Chunk | UnknownChunk]], connect: bool
) -> None:
    peer = RawPeer(connect=connect)
    for batch in batches:
        peer.send(*batch)
        peer.advance(0.5)
    peer.advance(20)


@settings(max_examples=100)
@given(packets, st.binary(max_size=60), st.data())
def test_damaged_packets_never_raise(packet: Packet, noise: bytes, data: st.DataObject) -> None:
    peer = RawPeer()
    body = b"".join(chunk.serialize() for chunk in packet.chunks)
    damaged = bytearray(body)
    for bit in data.draw(st.lists(st.integers(0, len(body) * 8 - 1), max_size=5)):
        damaged[bit // 8] ^= 1 << bit % 8
    peer.deliver(peer.raw(bytes(damaged)))
    peer.deliver(peer.raw(bytes(damaged[: len(damaged) // 2]), noise))
    peer.deliver(noise)
    peer.advance(5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 40))
def test_flipped_bits_in_live_traffic_never_raise(seed: int, flips: int) -> None:
    """Every packet of a conversation may come with bits flipped under a true checksum."""
    order = random.Random(seed)
    network = Network(seed=seed)
    network.connect()
    for end in (network.client, network.server):
        for n in range(6):
            end.association.send(n % 3, 53, bytes(3000), ordered=n % 2 == 0, now=network.now)
        end.association.reset_stream(2, network.now)
    network.flush()
    for position, (arrival, count, target, packet) in enumerate(network.queue):
        if flips and order.random() < 0.5:
            damaged = bytearray(packet)
            for _ in range(1 + flips % 5):
                bit = order.randrange(12 * 8, len(damaged) * 8)
                damaged[bit // 8] ^= 1 << bit % 8
            network.queue[position] = (arrival, count, target, checked(bytes(damaged)))
    network.run(30)
