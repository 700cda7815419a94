"""Messages come out whole, once and in order, in whatever order their fragments come in."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.sctp import SctpOptions, SctpStats
from lktrio.rtc.sctp.chunks import DATA_BEGIN, DATA_END, DATA_UNORDERED, Sack
from lktrio.rtc.sctp.events import MAX_MESSAGE_SIZE
from lktrio.rtc.sctp.inbound import InboundData
from tests.support.cases import each_case

FIRST = 0xFFFFFFFA  # the numbers wrap within every test

Fragment = tuple[int, int, int, int, bytes]  # flags, TSN, stream, sequence, payload


def fragments(messages: list[tuple[int, bool, list[bytes]]], first: int = FIRST) -> list[Fragment]:
    """The DATA chunks of messages given as stream, unordered, pieces."""
    out: list[Fragment] = []
    sequences: dict[int, int] = {}
    tsn = first
    for stream, unordered, pieces in messages:
        sequence = 0 if unordered else sequences.get(stream, 0)
        if not unordered:
            sequences[stream] = sequence + 1
        for index, piece in enumerate(pieces):
            flags = (
                (DATA_BEGIN if index == 0 else 0)
                | (DATA_END if index == len(pieces) - 1 else 0)
                | (DATA_UNORDERED if unordered else 0)
            )
            out.append((flags, tsn & 0xFFFFFFFF, stream, sequence, piece))
            tsn += 1
    return out


def new_receiver(options: SctpOptions | None = None) -> InboundData:
    return InboundData(options or SctpOptions(), SctpStats(), FIRST)


def feed(receiver: InboundData, *chunks: Fragment) -> None:
    for flags, tsn, stream, sequence, payload in chunks:
        receiver.receive(flags, tsn, stream, sequence, 53, payload)


def delivered(receiver: InboundData) -> list[tuple[int, bytes]]:
    return [(message.stream_id, message.data) for message in receiver.messages]


def sack(receiver: InboundData) -> Sack:
    return Sack.parse(0, receiver.build_sack()[4:])


messages = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.booleans(),
        st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=6),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=80)
@given(messages, st.randoms(use_true_random=False), st.booleans())
def test_any_order_with_repetitions_delivers_every_message_once(
    sent: list[tuple[int, bool, list[bytes]]], order: random.Random, repeat: bool
) -> None:
    chunks = fragments(sent)
    arriving = chunks * 2 if repeat else list(chunks)
    order.shuffle(arriving)
    receiver = new_receiver()
    feed(receiver, *arriving)
    found = delivered(receiver)
    for stream in range(3):
        ordered = [b"".join(p) for s, unordered, p in sent if s == stream and not unordered]
        loose = [b"".join(p) for s, unordered, p in sent if s == stream and unordered]
        got = [data for s, data in found if s == stream]
        assert sorted(got) == sorted(ordered + loose)
        for data in loose:
            got.remove(data)
        if not set(ordered) & set(loose):
            assert got == ordered
    assert not receiver.missing
    assert receiver.available_window == SctpOptions().receive_window
    assert sack(receiver).gaps == ()


def test_in_order_fragments() -> None:
    receiver = new_receiver()
    feed(receiver, *fragments([(1, False, [b"ab", b"cd", b"ef"]), (1, False, [b"g"])]))
    assert delivered(receiver) == [(1, b"abcdef"), (1, b"g")]


def test_loss_on_one_stream_does_not_delay_another() -> None:
    lost, *rest = fragments([(1, False, [b"lost"]), (2, False, [b"a", b"b"]), (1, False, [b"c"])])
    receiver = new_receiver()
    feed(receiver, *rest)
    assert delivered(receiver) == [(2, b"ab")]
    feed(receiver, lost)
    assert delivered(receiver) == [(2, b"ab"), (1, b"lost"), (1, b"c")]


def test_unordered_messages_do_not_wait() -> None:
    lost, *rest = fragments([(1, False, [b"lost"]), (1, True, [b"x", b"y"]), (1, True, [b"z"])])
    receiver = new_receiver()
    feed(receiver, *rest)
    assert delivered(receiver) == [(1, b"xy"), (1, b"z")]
    feed(receiver, lost)
    assert delivered(receiver)[-1] == (1, b"lost")


def test_the_stream_sequence_number_wraps() -> None:
    receiver = new_receiver()
    sent = [(0, False, [bytes((n & 0xFF,))]) for n in range(65536 + 3)]
    for flags, tsn, stream, sequence, payload in fragments(sent):
        receiver.receive(flags, tsn, stream, sequence & 0xFFFF, 53, payload)
    assert len(receiver.messages) == 65539
    assert sack(receiver).cumulative_tsn == (FIRST + 65538) & 0xFFFFFFFF


def test_gaps_are_reported_as_blocks() -> None:
    chunks = fragments([(0, True, [bytes((n,))]) for n in range(12)])
    receiver = new_receiver()
    feed(receiver, *(chunks[n] for n in (0, 2, 3, 11, 5)))
    report = sack(receiver)
    assert report.cumulative_tsn == FIRST
    assert report.gaps == ((2, 3), (5, 5), (11, 11))
    feed(receiver, chunks[4])
    assert sack(receiver).gaps == ((2, 5), (11, 11))
    feed(receiver, chunks[1])
    assert sack(receiver).gaps == ((6, 6),)


def test_duplicates_are_reported_once_and_bounded() -> None:
    chunks = fragments([(0, True, [b"a"]), (0, True, [b"b"]), (0, True, [b"c"])])
    receiver = new_receiver()
    feed(receiver, chunks[0], chunks[0], chunks[2], chunks[2])
    assert sack(receiver).duplicates == (chunks[0][1], chunks[2][1])
    assert sack(receiver).duplicates == ()
    feed(receiver, *[chunks[0]] * 1000)
    assert len(sack(receiver).duplicates) == 16


def test_a_sack_of_many_gaps_fits_a_packet() -> None:
    chunks = fragments([(0, True, [b"."]) for _ in range(2000)])
    receiver = new_receiver()
    feed(receiver, *chunks[1::2], *chunks[1:40:2])
    assert len(receiver.build_sack()) <= SctpOptions().mtu - 12


@each_case("order", ["forwards", "backwards", "shuffled", "odd ones first"])
def test_the_time_for_a_large_message_is_linear_in_any_order(order: str) -> None:
    count = 14000
    first, *rest = fragments([(0, False, [b"x"] * count)])
    arriving = {
        "forwards": rest,
        "backwards": rest[::-1],
        "shuffled": random.Random(4).sample(rest, len(rest)),
        "odd ones first": rest[1::2][:4000] + rest[::2] + rest[1::2][4000:],
    }[order]
    receiver = new_receiver(SctpOptions(max_message_size=MAX_MESSAGE_SIZE))
    start = time.process_time()
    feed(receiver, *arriving)
    feed(receiver, first, *rest)  # what was dropped for too many gaps comes again
    assert time.process_time() - start < 2.0
    assert delivered(receiver) == [(0, b"x" * count)]


def test_fragments_that_lead_nowhere_are_discarded_when_the_gap_closes() -> None:
    receiver = new_receiver()
    begin, middle, end = DATA_BEGIN, 0, DATA_END
    feed(
        receiver,
        (begin, FIRST + 1, 1, 0, b"begins, never ends"),
        (begin, FIRST + 2, 1, 1, b"a second beginning"),
        (end, FIRST + 4, 1, 1, b"an end whose middle is of another stream"),
        (middle, FIRST + 3, 2, 1, b"that"),
        (begin | end, FIRST, 0, 0, b"closes the gap"),
    )
    assert delivered(receiver) == [(0, b"closes the gap")]
    assert receiver.available_window == SctpOptions().receive_window
    assert not receiver.missing


def test_fragments_without_a_beginning_are_discarded() -> None:
    receiver = new_receiver()
    feed(receiver, (0, FIRST, 0, 0, b"middle"), (DATA_END, FIRST + 1, 0, 0, b"end"))
    feed(receiver, (3, FIRST + 2, 0, 0, b"whole"))
    assert delivered(receiver) == [(0, b"whole")]
    assert receiver.available_window == SctpOptions().receive_window


def test_a_message_cut_off_by_the_next_one_is_discarded() -> None:
    receiver = new_receiver()
    feed(receiver, (DATA_BEGIN, FIRST, 0, 0, b"cut"), (3, FIRST + 1, 0, 0, b"next"))
    assert delivered(receiver) == [(0, b"next")]
    assert receiver.available_window == SctpOptions().receive_window


def test_a_used_sequence_number_delivers_nothing() -> None:
    receiver = new_receiver()
    feed(receiver, (3, FIRST, 0, 0, b"a"), (3, FIRST + 1, 0, 0, b"again 0"))
    feed(receiver, (3, FIRST + 2, 0, 2, b"c"), (3, FIRST + 3, 0, 2, b"c again"))
    feed(receiver, (3, FIRST + 4, 0, 1, b"b"))
    assert [data for _, data in delivered(receiver)] == [b"a", b"b", b"c"]


def test_a_message_larger_than_announced_is_a_violation() -> None:
    for order in (1, -1):
        receiver = new_receiver(SctpOptions(max_message_size=1000))
        chunks = fragments([(0, False, [bytes(100)] * 11)])
        with pytest.raises(RemoteProtocolError, match="larger than 1000"):
            feed(receiver, *chunks[::order])


def test_the_window_shrinks_by_what_is_held_and_is_enforced() -> None:
    options = SctpOptions(receive_window=100_000, max_message_size=20_000)
    receiver = new_receiver(options)
    first, *rest = fragments([(0, False, [bytes(1000)]) for _ in range(120)])
    feed(receiver, *rest)
    assert sack(receiver).window == receiver.available_window == 0
    assert sack(receiver).gaps == ((2, 101),)
    feed(receiver, first)
    assert len(receiver.messages) == 101
    assert sack(receiver).window == 100_000
    feed(receiver, *rest)
    assert len(receiver.messages) == 120


def test_a_message_in_progress_always_has_room() -> None:
    options = SctpOptions(receive_window=65536, max_message_size=262144)
    receiver = new_receiver(options)
    for chunk in fragments([(0, False, [bytes(1000)] * 262)]):
        feed(receiver, chunk)
        assert receiver.messages or sack(receiver).window > 1000
    assert [len(data) for _, data in delivered(receiver)] == [262_000]


def test_left_out_sequence_numbers_cannot_fill_the_memory() -> None:
    receiver = new_receiver(SctpOptions(receive_window=100_000, max_message_size=20_000))
    late = [(3, FIRST + n & 0xFFFFFFFF, 0, n + 1, bytes(1000)) for n in range(1000)]
    with pytest.raises(RemoteProtocolError, match="left out"):
        feed(receiver, *late)


def test_left_out_sequence_numbers_behind_a_gap_cannot_either() -> None:
    receiver = new_receiver(SctpOptions(receive_window=100_000, max_message_size=20_000))
    feed(receiver, (7, FIRST + 2000 & 0xFFFFFFFF, 0, 0, b"keeps a gap open"))
    late = [(3, FIRST + n & 0xFFFFFFFF, 0, n + 1, bytes(1000)) for n in range(500)]
    with pytest.raises(RemoteProtocolError, match="cannot be delivered"):
        feed(receiver, *late)


def test_resetting_streams_frees_what_waited_on_them() -> None:
    receiver = new_receiver()
    feed(receiver, (3, FIRST, 1, 5, b"waits"), (3, FIRST + 1, 2, 5, b"waits"))
    receiver.reset_streams((1,))
    assert receiver.available_window == SctpOptions().receive_window - 5
    receiver.reset_streams(())
    assert receiver.available_window == SctpOptions().receive_window
    feed(receiver, (3, FIRST + 2, 1, 0, b"a"), (3, FIRST + 3, 2, 0, b"b"))
    assert delivered(receiver) == [(1, b"a"), (2, b"b")]


def test_the_number_of_gaps_is_bounded() -> None:
    receiver = new_receiver()
    chunks = fragments([(0, True, [b"."]) for _ in range(20000)])
    feed(receiver, *chunks[1::2])
    assert len(receiver.messages) == 4096
    feed(receiver, *chunks)
    assert len(receiver.messages) == 20000


def test_a_number_too_far_ahead_for_a_gap_block_is_dropped() -> None:
    receiver = new_receiver()
    feed(receiver, (7, (FIRST - 1 + 65536) & 0xFFFFFFFF, 0, 0, b"far"))
    assert delivered(receiver) == []
    feed(receiver, (7, (FIRST - 1 + 65535) & 0xFFFFFFFF, 0, 0, b"near"))
    assert delivered(receiver) == [(0, b"near")]
    assert sack(receiver).gaps == ((65535, 65535),)


def test_streams_beyond_the_limit_are_refused_one_by_one() -> None:
    receiver = new_receiver(SctpOptions(streams=4))
    feed(receiver, (3, FIRST, 4, 0, b"no"), (3, FIRST + 1, 3, 0, b"yes"))
    feed(receiver, (3, FIRST + 3, 9, 0, b"no"), (3, FIRST + 2, 3, 1, b"yes"))
    assert delivered(receiver) == [(3, b"yes"), (3, b"yes")]
    assert receiver.invalid_streams == [4, 9]
    assert receiver.available_window == SctpOptions().receive_window
