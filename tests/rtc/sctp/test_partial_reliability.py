"""Messages that may be given up: what is skipped, and that nothing ever waits for it."""

from __future__ import annotations

from lktrio.rtc.sctp import SctpMessage, SctpOptions, SctpStats
from lktrio.rtc.sctp.chunks import (
    DATA_BEGIN,
    DATA_END,
    ChunkType,
    Data,
    ForwardTsn,
    ParameterType,
    Sack,
)
from lktrio.rtc.sctp.inbound import InboundData
from tests.rtc.sctp.raw_peer import RawPeer
from tests.rtc.sctp.test_reassembly import FIRST, delivered, feed, fragments, new_receiver, sack
from tests.support.cases import each_case

# Sending.


def lossy(peer: RawPeer, count: int, *, size: int = 1100, ordered: bool = False) -> None:
    for n in range(count):
        peer.association.send(
            1, 53, bytes((n,)) * size, ordered=ordered, max_retransmits=0, now=peer.now
        )
    peer.flush()


def test_a_lost_message_without_retransmissions_is_skipped() -> None:
    peer = RawPeer()
    lossy(peer, 5)
    peer.chunks()
    peer.now += 0.05
    peer.send(peer.sack(0, (2, 4)))  # the second is lost
    chunks = peer.chunks()
    assert [chunk for chunk in chunks if isinstance(chunk, Data)] == []
    (forward,) = [chunk for chunk in chunks if isinstance(chunk, ForwardTsn)]
    assert forward.cumulative_tsn == (peer.remote_tsn + 4) & 0xFFFFFFFF
    assert forward.streams == (), "unordered messages are not listed"
    assert peer.association.stats.messages_abandoned == 1


def test_ordered_messages_name_their_stream_and_number() -> None:
    peer = RawPeer()
    lossy(peer, 3, ordered=True)
    peer.association.send(2, 53, b"other", max_retransmits=0, now=peer.now)
    peer.association.send(1, 53, b"arrives", now=peer.now)
    peer.chunks()
    peer.now += 0.05
    peer.send(peer.sack(-1, (5, 5)))
    peer.advance(0.1)
    (forward,) = peer.take(ForwardTsn)[-1:]
    assert forward.cumulative_tsn == (peer.remote_tsn + 4) & 0xFFFFFFFF
    assert set(forward.streams) == {(1, 2), (2, 0)}


def test_a_lost_forward_tsn_is_repeated() -> None:
    peer = RawPeer()
    lossy(peer, 2)
    peer.advance(0.6)
    assert len(peer.take(ForwardTsn)) == 1
    peer.advance(30)
    repeated = peer.take(ForwardTsn)
    assert 2 <= len(repeated) <= 8
    peer.send(peer.sack(1))
    peer.advance(60)
    assert peer.chunks() == []


def test_a_sack_that_lags_behind_brings_the_forward_tsn_again() -> None:
    peer = RawPeer()
    lossy(peer, 5)
    peer.now += 0.05
    peer.send(peer.sack(0, (2, 4)))
    assert len(peer.take(ForwardTsn)) == 1
    peer.send(peer.sack(0, (2, 4)))
    assert peer.take(ForwardTsn) == [], "not for every SACK"
    peer.now += 0.06
    peer.send(peer.sack(0, (2, 4)))
    assert len(peer.take(ForwardTsn)) == 1


def test_all_fragments_of_a_given_up_message_go_together() -> None:
    peer = RawPeer()
    peer.association.send(1, 53, bytes(60_000), max_retransmits=0, now=peer.now)
    peer.association.send(1, 53, b"next", now=peer.now)
    first = peer.take(Data)
    assert len(first) == 11
    peer.now += 0.05
    peer.send(peer.sack(0, (2, 10)))
    chunks = peer.chunks()
    (forward,) = [chunk for chunk in chunks if isinstance(chunk, ForwardTsn)]
    assert forward.cumulative_tsn == (peer.remote_tsn + 11) & 0xFFFFFFFF, "one for the unsent rest"
    assert forward.streams == ((1, 0),)
    (following,) = [chunk for chunk in chunks if isinstance(chunk, Data)]
    assert following.payload == b"next"
    assert following.flags & DATA_BEGIN
    assert peer.association.buffered_amount == 0


@each_case("ordered", [True, False])
def test_a_given_up_message_whose_sent_part_arrives_after_all_is_still_skipped(
    ordered: bool,
) -> None:
    """All that was sent is acknowledged, yet the receiver must learn that no end will come."""
    peer = RawPeer()
    peer.association.send(1, 53, bytes(60_000), ordered=ordered, max_retransmits=0, now=peer.now)
    sent = len(peer.take(Data))
    peer.advance(0.51)
    peer.take(ForwardTsn)
    peer.now += 0.1
    peer.send(peer.sack(sent - 1))
    peer.advance(5)
    forward = peer.take(ForwardTsn)[-1]
    assert forward.cumulative_tsn == (peer.remote_tsn + sent) & 0xFFFFFFFF
    assert forward.streams == (((1, 0),) if ordered else ())


def test_a_limited_number_of_retransmissions() -> None:
    peer = RawPeer()
    peer.association.send(1, 53, b"twice more", max_retransmits=2, now=peer.now)
    peer.advance(20)
    chunks = peer.chunks()
    assert len([chunk for chunk in chunks if isinstance(chunk, Data)]) == 3
    assert any(isinstance(chunk, ForwardTsn) for chunk in chunks)


def test_a_message_is_repeated_until_its_lifetime_ends() -> None:
    peer = RawPeer()
    peer.association.send(1, 53, b"fresh", lifetime=2.0, now=peer.now)
    peer.advance(1.9)
    assert len(peer.take(Data)) == 3  # at once, after 0.5 s and after another second
    peer.advance(10)
    chunks = peer.chunks()
    assert not any(isinstance(chunk, Data) for chunk in chunks)
    assert any(isinstance(chunk, ForwardTsn) for chunk in chunks)


def test_a_lost_fragment_that_waits_too_long_is_not_repeated() -> None:
    peer = RawPeer()
    for _ in range(9):
        peer.association.send(1, 53, bytes(1100), lifetime=1.0, now=peer.now)
    peer.advance(0.51)
    assert len(peer.take(Data)) == 9 + 2, "after a timeout the window allows two"
    peer.now += 0.9
    peer.send(peer.sack(1))
    assert peer.take(Data) == []
    assert peer.association.stats.messages_abandoned == 7


def test_a_message_that_waits_too_long_is_never_sent() -> None:
    peer = RawPeer(window=1400)
    peer.association.send(1, 53, bytes(1400), now=peer.now)
    peer.association.send(1, 53, b"stale", lifetime=0.5, now=peer.now)
    peer.association.send(1, 53, b"later", now=peer.now)
    peer.flush()
    peer.packets.clear()
    peer.now += 1.0
    peer.send(peer.sack(1))
    assert [(chunk.payload, chunk.stream_sequence) for chunk in peer.take(Data)] == [(b"later", 1)]
    assert peer.association.stats.messages_abandoned == 1


def test_a_lifetime_of_zero_is_one_transmission() -> None:
    peer = RawPeer()
    peer.association.send(1, 53, b"now or never", lifetime=0.0, now=peer.now)
    assert len(peer.take(Data)) == 1
    peer.advance(10)
    assert peer.take(Data) == []


def test_without_the_peers_support_everything_is_reliable() -> None:
    peer = RawPeer(
        parameters=((int(ParameterType.SUPPORTED_EXTENSIONS), bytes((ChunkType.RE_CONFIG,))),)
    )
    lossy(peer, 1)
    assert len(peer.take(Data)) == 1
    peer.advance(0.6)
    assert len(peer.take(Data)) == 1
    assert peer.take(ForwardTsn) == []


def test_many_streams_are_skipped_step_by_step() -> None:
    """A FORWARD-TSN names 128 streams at most, so it stops before the message that is too many."""
    peer = RawPeer(SctpOptions(streams=1024))
    peer.association.outbound_streams = 1024
    for stream in range(200):
        peer.association.send(stream, 53, b"x", max_retransmits=0, now=peer.now)
    peer.chunks()
    peer.advance(0.6)
    (forward,) = peer.take(ForwardTsn)
    assert len(forward.streams) == 128
    assert forward.cumulative_tsn == (peer.remote_tsn + 127) & 0xFFFFFFFF
    peer.send(peer.sack(127))
    peer.advance(5)
    rest = peer.take(ForwardTsn)[-1]
    assert rest.cumulative_tsn == (peer.remote_tsn + 199) & 0xFFFFFFFF
    assert len(rest.streams) == 72


# Receiving.


def test_what_was_skipped_is_not_waited_for() -> None:
    peer = RawPeer()
    peer.data()
    skipped = peer.tsn - 1
    peer.send(peer.data(b"after", sequence=1))
    assert peer.messages() == []
    peer.chunks()
    peer.send(ForwardTsn(skipped & 0xFFFFFFFF, ((0, 0),)))
    assert peer.messages() == [(0, b"after")]
    (answer,) = peer.take(Sack)
    assert answer.cumulative_tsn == (skipped + 1) & 0xFFFFFFFF
    assert answer.gaps == ()


def test_messages_complete_before_the_skip_are_delivered() -> None:
    receiver = new_receiver()
    chunks = fragments([(5, False, [b"lost"]), (5, False, [b"b"]), (5, False, [b"c"])])
    feed(receiver, chunks[1], chunks[2])
    receiver.forward(chunks[2][1], {5: 2})
    assert [data for _, data in delivered(receiver)] == [b"b", b"c"]


def test_a_partly_received_message_is_dropped() -> None:
    receiver = new_receiver()
    chunks = fragments([(0, False, [b"1", b"2", b"3", b"4"]), (0, False, [b"next"])])
    feed(receiver, chunks[0], chunks[1], chunks[3])
    receiver.forward(chunks[3][1], {0: 0})
    feed(receiver, chunks[4])
    assert delivered(receiver) == [(0, b"next")]
    assert receiver.available_window == SctpOptions().receive_window


def test_a_skip_just_behind_a_message_in_progress_drops_it() -> None:
    receiver = new_receiver()
    one, two, _, whole = fragments([(0, False, [b"1", b"2", b"3"]), (0, False, [b"next"])])
    feed(receiver, one, two)
    receiver.forward(whole[1] - 1 & 0xFFFFFFFF, {0: 0})
    feed(receiver, whole)
    assert delivered(receiver) == [(0, b"next")]
    assert receiver.available_window == SctpOptions().receive_window


def test_a_message_that_continues_beyond_the_skip_is_kept() -> None:
    """RFC 3758 section 3.6: nothing up to the new point is missing of it."""
    lost, one, two, three = fragments([(0, True, [b"lost"]), (1, False, [b"1", b"2", b"3"])])
    for late in ([two, three], [three, two]):
        receiver = new_receiver()
        feed(receiver, one)
        receiver.forward(one[1], {})
        feed(receiver, *late)
        assert delivered(receiver) == [(1, b"123")]
        feed(receiver, lost)
        assert len(receiver.messages) == 1


@each_case("offset", [0, -1, -1000, 0x80000000])
def test_an_outdated_forward_tsn_changes_nothing(offset: int) -> None:
    receiver = new_receiver()
    feed(receiver, *fragments([(0, False, [b"a"]), (0, False, [b"b"])]))
    cumulative = sack(receiver).cumulative_tsn
    receiver.forward((cumulative + offset) & 0xFFFFFFFF, {0: 900})
    feed(receiver, (3, (FIRST + 2) & 0xFFFFFFFF, 0, 2, b"c"))
    assert [data for _, data in delivered(receiver)] == [b"a", b"b", b"c"]


def test_a_skip_far_ahead_clears_everything_held() -> None:
    receiver = new_receiver()
    chunks = fragments([(0, True, [b"x", b"y", b"z"]) for _ in range(500)])
    feed(receiver, *chunks[1::3], *chunks[2::6])
    assert sack(receiver).gaps
    receiver.forward((FIRST + (1 << 30)) & 0xFFFFFFFF, {})
    assert not sack(receiver).gaps
    assert receiver.available_window == SctpOptions().receive_window
    assert sack(receiver).cumulative_tsn == (FIRST + (1 << 30)) & 0xFFFFFFFF


def test_skipping_sequence_numbers_backwards_is_ignored() -> None:
    receiver = InboundData(SctpOptions(), SctpStats(), FIRST)
    whole = DATA_BEGIN | DATA_END
    feed(receiver, (whole, FIRST, 0, 0, b"a"))
    receiver.forward(FIRST + 1, {0: 7})
    receiver.forward(FIRST + 2, {0: 3})
    feed(receiver, (whole, FIRST + 3, 0, 8, b"b"))
    assert [data for _, data in delivered(receiver)] == [b"a", b"b"]


def test_streams_outside_the_limit_are_ignored() -> None:
    receiver = new_receiver(SctpOptions(streams=4))
    receiver.forward(FIRST, {9: 0, 3: 0})
    feed(receiver, (3, FIRST + 1, 3, 1, b"b"))
    assert delivered(receiver) == [(3, b"b")]


def test_the_association_reports_delivery_after_a_skip() -> None:
    peer = RawPeer()
    gone = peer.data()
    peer.send(peer.data(b"waits", sequence=1))
    peer.send(ForwardTsn(gone.tsn, ((0, 0),)), peer.data(b"same packet", sequence=2))
    assert [event.data for event in peer.events if isinstance(event, SctpMessage)] == [
        b"waits",
        b"same packet",
    ]
