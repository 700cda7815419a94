"""When SACKs are sent, and what received ones do to the sender."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.rtc.sctp import SctpClosed, SctpOptions
from lktrio.rtc.sctp.chunks import DATA_BEGIN, DATA_END, DATA_IMMEDIATE, Data, Sack, UnknownChunk
from lktrio.rtc.sctp.ranges import Ranges, merge_ranges
from tests.rtc.sctp.raw_peer import RawPeer


def payloads(peer: RawPeer) -> list[bytes]:
    return [chunk.payload for chunk in peer.take(Data)]


def start_messages(peer: RawPeer, count: int) -> None:
    """Send ``count`` packets of one chunk each."""
    for n in range(count):
        peer.association.send(0, 53, bytes((n,)) * 1100, now=peer.now)
    peer.flush()


# What we send.


def test_a_lone_packet_is_acknowledged_after_a_short_while() -> None:
    peer = RawPeer()
    peer.send(peer.data())
    assert peer.take(Sack) == []
    assert peer.association.next_timer() == pytest.approx(peer.now + 0.02)
    peer.advance(0.02)
    (sack,) = peer.take(Sack)
    assert sack.cumulative_tsn == peer.first


def test_a_batch_of_packets_is_acknowledged_once_and_at_once() -> None:
    peer = RawPeer()
    for _ in range(60):
        peer.deliver(peer.raw(peer.data().serialize()), flush=False)
    (sack,) = peer.take(Sack)
    assert sack.cumulative_tsn == (peer.first + 59) & 0xFFFFFFFF
    assert peer.association.next_timer() == float("inf")


def test_many_chunks_in_one_packet_are_still_a_lone_packet() -> None:
    peer = RawPeer()
    peer.send(*[peer.data() for _ in range(10)])
    assert peer.take(Sack) == []


def test_a_gap_a_duplicate_and_a_wish_are_answered_at_once() -> None:
    peer = RawPeer()
    missing = peer.data()
    peer.send(peer.data())
    (sack,) = peer.take(Sack)
    assert sack.gaps == ((2, 2),)
    peer.send(missing)
    (sack,) = peer.take(Sack)
    assert sack.gaps == ()
    peer.send(missing)
    (sack,) = peer.take(Sack)
    assert sack.duplicates == (missing.tsn,)
    peer.send(peer.data(flags=DATA_BEGIN | DATA_END | DATA_IMMEDIATE))
    assert len(peer.take(Sack)) == 1


def test_a_sack_travels_with_data() -> None:
    peer = RawPeer()
    peer.deliver(peer.raw(peer.data().serialize()), flush=False)
    peer.association.send(0, 53, b"answer", now=peer.now)
    assert [type(chunk) for chunk in peer.chunks()] == [Sack, Data]


# What we receive.


def test_gaps_are_filled_without_waiting_for_the_timeout() -> None:
    peer = RawPeer()
    start_messages(peer, 6)
    payloads(peer)
    peer.now += 0.05
    peer.send(peer.sack(1, (2, 4)))  # the third is missing, the rest has arrived
    assert payloads(peer) == [bytes((2,)) * 1100]
    assert peer.association.stats.timeouts == 0


def test_one_overtaken_chunk_is_given_a_quarter_of_a_round_trip() -> None:
    peer = RawPeer()
    start_messages(peer, 3)
    payloads(peer)
    peer.now += 0.1
    peer.send(peer.sack(-1, (2, 3)))
    assert payloads(peer) == []
    assert peer.association.next_timer() == pytest.approx(peer.now + 0.025)
    peer.advance(0.026)
    assert payloads(peer) == [bytes(1100)]


def test_reordering_costs_nothing() -> None:
    peer = RawPeer()
    start_messages(peer, 3)
    payloads(peer)
    peer.now += 0.1
    peer.send(peer.sack(-1, (2, 3)))
    peer.now += 0.01
    peer.send(peer.sack(2))
    peer.advance(30)
    assert payloads(peer) == []
    assert peer.association.stats.data_chunks_retransmitted == 0


def test_a_lost_tail_is_probed_before_the_timeout() -> None:
    peer = RawPeer()
    start_messages(peer, 3)
    peer.now += 0.05
    peer.send(peer.sack(2))
    start_messages(peer, 3)
    payloads(peer)
    before = peer.now
    while not (probe := peer.take(Data)):
        peer.advance(0.01)
    assert peer.now - before < 0.2
    assert [chunk.payload for chunk in probe] == [bytes((2,)) * 1100]
    assert probe[0].flags & DATA_IMMEDIATE
    peer.now += 0.05
    peer.send(peer.sack(2, (3, 3)))  # two are missing, and the probe has told
    peer.advance(0.1)
    assert payloads(peer) == [bytes(1100), bytes((1,)) * 1100]
    assert peer.association.stats.timeouts == 0


def test_retransmission_timeouts_double_and_then_end_the_association() -> None:
    peer = RawPeer(SctpOptions(rto_initial=0.5, rto_max=10.0))
    start_messages(peer, 1)
    payloads(peer)
    times = [peer.now]
    while not peer.association.closed:
        peer.advance(peer.association.next_timer() - peer.now)
        if payloads(peer):
            times.append(peer.now)
        assert peer.now < 1000
    gaps = [round(late - early, 2) for early, late in pairwise(times)]
    assert gaps == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, 10.0, 10.0]
    assert peer.events == [SctpClosed("the peer does not answer", graceful=False)]
    assert peer.association.next_timer() == float("inf")


def test_a_peer_that_talks_but_never_acknowledges_is_given_up_too() -> None:
    peer = RawPeer()
    start_messages(peer, 1)
    for _ in range(200):
        peer.advance(1)
        if peer.association.closed:
            break
        peer.send(peer.data(unordered=True))
    assert isinstance(peer.events[-1], SctpClosed)


def test_an_answer_starts_the_count_of_timeouts_anew() -> None:
    peer = RawPeer()
    start_messages(peer, 10)
    for n in range(9):
        peer.advance(30)
        peer.send(peer.sack(n))
    assert not peer.association.closed
    assert peer.association.stats.timeouts > 20


def test_after_a_timeout_sending_starts_over_slowly() -> None:
    peer = RawPeer()
    start_messages(peer, 9)
    payloads(peer)
    peer.advance(0.51)
    sizes = [len(payloads(peer))]
    acknowledged = -1
    while acknowledged < 5:
        acknowledged += sizes[-1]
        peer.now += 0.05
        peer.send(peer.sack(acknowledged))
        sizes.append(len(payloads(peer)))
    assert sizes == [2, 4, 3]  # one MTU may be exceeded by less than one (RFC 9260 6.1 B)


def test_a_changed_network_is_tried_at_once() -> None:
    peer = RawPeer()
    start_messages(peer, 1)
    peer.advance(20)
    payloads(peer)
    peer.association.network_changed(peer.now)
    assert payloads(peer) == [bytes(1100)]
    assert peer.association.next_timer() <= peer.now + 1.0


def test_what_a_receiver_takes_back_is_sent_again() -> None:
    peer = RawPeer()
    start_messages(peer, 4)
    payloads(peer)
    peer.now += 0.05
    peer.send(peer.sack(-1, (2, 4)))
    assert payloads(peer) == [bytes(1100)]
    peer.send(peer.sack(0))  # the three are gone
    peer.advance(5)
    assert set(payloads(peer)) == {bytes((1,)) * 1100, bytes((2,)) * 1100}
    peer.send(peer.sack(2))
    assert payloads(peer) == [bytes((3,)) * 1100]


def test_the_round_trip_time_is_measured() -> None:
    peer = RawPeer()
    assert peer.association.round_trip_time is None
    start_messages(peer, 1)
    peer.now += 0.07
    peer.send(peer.sack(0))
    assert peer.association.round_trip_time == pytest.approx(0.07)


def test_an_overtaken_sack_changes_nothing() -> None:
    peer = RawPeer()
    start_messages(peer, 4)
    payloads(peer)
    peer.now += 0.05
    peer.send(peer.sack(2))
    peer.send(peer.sack(0, window=0))
    peer.send(peer.sack(3))
    peer.association.send(0, 53, b"next", now=peer.now)
    assert payloads(peer) == [b"next"]


def test_a_sack_for_what_was_never_sent_is_ignored() -> None:
    peer = RawPeer()
    start_messages(peer, 2)
    peer.send(peer.sack(2))
    peer.send(peer.sack(1 << 30))
    assert peer.association.stats.malformed == 2
    peer.send(peer.sack(-1, (50, 60), (1, 65535)))
    peer.send(peer.sack(-1, (5, 3)))
    peer.send(peer.sack(-1, (0, 1)))
    assert peer.association.stats.malformed == 5
    peer.send(peer.sack(1))
    assert not peer.association.closed
    peer.advance(60)
    assert peer.association.next_timer() == float("inf")


def test_a_sack_cut_short_is_ignored() -> None:
    peer = RawPeer()
    start_messages(peer, 2)
    for value in (b"", bytes(11), bytes(8) + bytes.fromhex("0001 0000"), bytes(10) + b"\xff\xff"):
        peer.send(UnknownChunk(3, 0, value))
    assert peer.association.stats.malformed == 4


def test_wide_gap_blocks_cost_no_time() -> None:
    """A SACK of 280 blocks, each 65 535 wide, once cost another stack 3.3 seconds."""
    peer = RawPeer(window=1 << 30)
    start_messages(peer, 10)
    gaps = tuple((1 + n, 65535) for n in range(280))
    start = time.process_time()
    for _ in range(50):
        peer.send(peer.sack(-1, *gaps))
        peer.send(peer.sack(-1, (2, 65535)))
    assert time.process_time() - start < 0.5


def test_repeated_sacks_with_many_gaps_are_cheap() -> None:
    peer = RawPeer(window=1 << 30)
    peer.association.remote_max_message_size = 0
    acknowledged = -1
    for _ in range(9):
        peer.association.send(0, 53, bytes(2_000_000), now=peer.now)
        acknowledged += len(peer.take(Data))
        peer.now += 0.001
        peer.send(peer.sack(acknowledged))
    outstanding = len(peer.take(Data))
    assert outstanding > 2000
    gaps = tuple((n, n) for n in range(2, 582, 2))
    start = time.process_time()
    for _ in range(200):
        peer.deliver(peer.raw(peer.sack(acknowledged, *gaps).serialize()), flush=False)
    assert time.process_time() - start < 1.0


ranges = st.lists(st.integers(0, 60), unique=True, max_size=20).map(
    lambda edges: [
        (low, high - 1) for low, high in zip(*[iter(sorted(edges))] * 2, strict=False) if high > low
    ]
)


@given(ranges, ranges)
def test_merged_ranges_are_the_union_and_the_difference(known: Ranges, blocks: Ranges) -> None:
    def members(found: Ranges) -> list[int]:
        return [n for low, high in found for n in range(low, high + 1)]

    union, fresh = merge_ranges(known, blocks)
    assert members(union) == sorted(set(members(known)) | set(members(blocks)))
    assert members(fresh) == sorted(set(members(blocks)) - set(members(known)))
    assert all(early[1] + 1 < late[0] for early, late in pairwise(union))
