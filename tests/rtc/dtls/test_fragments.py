"""Reassembly of handshake messages, with what an attacker may send instead."""

from __future__ import annotations

import contextlib
import itertools
import tracemalloc
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.dtls import DtlsStats
from lktrio.rtc.dtls.fragments import (
    Awaited,
    Fragment,
    HandshakeMessage,
    Reassembler,
    parse_fragments,
)
from tests.support.work import lines_run

ONE: Awaited = {0: ((1,),)}
CERTIFICATE = 11


def header(kind: int, length: int, sequence: int, offset: int, size: int) -> bytes:
    return (
        bytes([kind])
        + length.to_bytes(3, "big")
        + sequence.to_bytes(2, "big")
        + offset.to_bytes(3, "big")
        + size.to_bytes(3, "big")
    )


def reassembler() -> tuple[Reassembler, DtlsStats]:
    stats = DtlsStats()
    return Reassembler(stats), stats


u24 = st.integers(0, 0xFFFFFF)


@given(
    st.integers(0, 255),
    u24,
    st.integers(0, 0xFFFF),
    u24,
    st.binary(min_size=1, max_size=300),
)
def test_fragments_round_trip(
    kind: int, extra: int, sequence: int, offset: int, data: bytes
) -> None:
    length = min(offset + len(data) + extra, 0xFFFFFF)
    offset = min(offset, length - len(data))
    fragment = Fragment(kind, length, sequence, offset, data)
    encoded = fragment.serialize()
    assert encoded == header(kind, length, sequence, offset, len(data)) + data
    assert parse_fragments(encoded + encoded) == [fragment, fragment]


@given(st.binary(max_size=100))
def test_any_bytes_are_fragments_or_a_remote_error(content: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert b"".join(f.serialize() for f in parse_fragments(content)) == content


def test_impossible_fragments_are_refused() -> None:
    for case, content in {
        "empty record": b"",
        "truncated header": header(1, 0, 0, 0, 0)[:-1],
        "zero-length fragment": header(1, 10, 0, 0, 0),
        "zero-length fragment at the end": header(1, 10, 0, 10, 0),
        "longer than its message": header(1, 10, 0, 0, 11) + bytes(11),
        "beyond the end of its message": header(1, 10, 0, 9, 2) + bytes(2),
        "longer than the record": header(1, 10, 0, 0, 10) + bytes(9),
        "offset in an empty message": header(1, 0, 0, 1, 0),
        "offset far away": header(1, 10, 0, 0xFFFFFF, 10) + bytes(10),
        "trailing byte": header(1, 4, 0, 0, 4) + bytes(4) + b"\x01",
    }.items():
        try:
            parse_fragments(content)
        except RemoteProtocolError:
            continue
        raise AssertionError(f"{case} was accepted")


@given(
    body=st.binary(min_size=1, max_size=400),
    cuts=st.lists(st.integers(1, 399), max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_pieces_in_any_order_make_the_message(body: bytes, cuts: list[int], order: Random) -> None:
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    message = HandshakeMessage(1, 0, body)
    pieces = [message.fragment(start, end - start) for start, end in itertools.pairwise(edges)]
    pieces += pieces[:3]
    order.shuffle(pieces)
    found, stats = reassembler()
    for piece in pieces:
        found.add(piece)
    assert found.take(ONE) == [message]
    assert stats.dropped == 0


@given(
    body=st.binary(min_size=1, max_size=100),
    spans=st.lists(st.tuples(st.integers(0, 99), st.integers(1, 100)), max_size=30),
)
def test_overlapping_pieces_complete_exactly_when_they_cover(
    body: bytes, spans: list[tuple[int, int]]
) -> None:
    message = HandshakeMessage(1, 0, body)
    found, _ = reassembler()
    covered: set[int] = set()
    for offset, size in spans:
        piece = message.fragment(offset, size)
        if piece.data:
            found.add(piece)
            covered |= set(range(offset, offset + len(piece.data)))
    whole = found.take(ONE)
    assert (whole is not None) == (covered == set(range(len(body))))
    assert whole in (None, [message])


def test_messages_are_handed_out_once_as_whole_flights_in_order() -> None:
    found, _ = reassembler()
    awaited: Awaited = {0: ((3,), (2, 11, 14))}
    flight = [HandshakeMessage(kind, i, b"x") for i, kind in enumerate((2, 11, 14))]
    for message in reversed(flight):
        assert found.take(awaited) is None
        found.add(message.fragment(0, 1))
    assert found.take(awaited) == flight
    assert found.take(awaited) is None
    found.add(flight[0].fragment(0, 1))
    found.advance(3)
    assert found.next_sequence == 3
    assert found.take({0: ((2,),)}) is None


def test_flights_are_awaited_at_several_places_at_once() -> None:
    found, _ = reassembler()
    awaited: Awaited = {0: ((1,),), 1: ((1,), (11,))}
    found.add(Fragment(11, 1, 1, 0, b"x"))
    assert found.take(awaited) == [HandshakeMessage(11, 1, b"x")]
    found.add(Fragment(1, 1, 1, 0, b"y"))
    found.add(Fragment(1, 1, 0, 0, b"z"))
    assert found.take(awaited) == [HandshakeMessage(1, 0, b"z")]
    assert found.take(awaited) == [HandshakeMessage(1, 1, b"y")]


def test_a_flight_may_come_again() -> None:
    found, _ = reassembler()
    found.add(Fragment(1, 3, 0, 0, b"bad"))
    assert found.take(ONE) is not None
    assert found.take(ONE) is None
    found.add(Fragment(1, 4, 0, 0, b"good"))
    assert found.take(ONE) == [HandshakeMessage(1, 0, b"good")]


def test_a_message_out_of_place_is_replaced_even_when_it_is_whole() -> None:
    found, stats = reassembler()
    found.add(Fragment(14, 0, 0, 0, b""))
    assert found.take(ONE) is None
    found.add(Fragment(1, 1, 0, 0, b"x"))
    assert stats.unexpected == 1
    assert found.take(ONE) is not None


def test_later_messages_make_room_for_earlier_ones() -> None:
    """Announcing large messages that never come takes nobody else's place."""
    found, _ = reassembler()
    for sequence in range(1, 8):
        found.add(Fragment(CERTIFICATE, 64 * 1024, sequence, 0, b"x"))
    for sequence, kind in enumerate((2, 11, 12)):
        found.add(Fragment(kind, 1000, sequence, 0, bytes(1000)))
    assert found.take({0: ((2, 11, 12),)}) is not None


def test_a_piece_of_another_length_starts_the_message_anew() -> None:
    """Whoever sent the first one wrongly, a correct retransmission must get through."""
    found, stats = reassembler()
    found.add(Fragment(1, 2000, 0, 0, bytes(100)))
    message = HandshakeMessage(1, 0, b"abcdef")
    found.add(message.fragment(0, 3))
    assert stats.unexpected == 1
    assert found.take(ONE) is None
    found.add(message.fragment(3, 3))
    assert found.take(ONE) == [message]


def test_a_piece_of_another_type_starts_the_message_anew() -> None:
    found, stats = reassembler()
    found.add(Fragment(2, 6, 0, 0, b"abc"))
    found.add(Fragment(1, 6, 0, 0, b"ABC"))
    found.add(Fragment(1, 6, 0, 3, b"DEF"))
    assert found.take(ONE) == [HandshakeMessage(1, 0, b"ABCDEF")]
    assert stats.unexpected == 1


def test_the_last_of_contradicting_pieces_wins() -> None:
    found, _ = reassembler()
    found.add(Fragment(1, 6, 0, 0, b"xxxx"))
    found.add(Fragment(1, 6, 0, 0, b"abcd"))
    found.add(Fragment(1, 6, 0, 4, b"ef"))
    assert found.take(ONE) == [HandshakeMessage(1, 0, b"abcdef")]


def test_long_messages_and_those_far_ahead_are_not_collected() -> None:
    for kind, length, sequence, kept in (
        (1, 16 * 1024, 0, True),
        (1, 16 * 1024 + 1, 0, False),
        (CERTIFICATE, 64 * 1024, 0, True),
        (CERTIFICATE, 64 * 1024 + 1, 0, False),
        (1, 0xFFFFFF, 0, False),
        (1, 1, 7, True),
        (1, 1, 8, False),
        (1, 1, 0xFFFF, False),
    ):
        found, stats = reassembler()
        found.add(Fragment(kind, length, sequence, 0, b"x"))
        assert stats.overflowed == (not kept), (kind, length, sequence)


def test_a_message_in_too_many_pieces_is_not_collected_further() -> None:
    found, stats = reassembler()
    for i in range(100):
        found.add(Fragment(1, 1000, 0, 2 * i, b"x"))
    assert stats.overflowed == 100 - 64
    # What joins pieces is still welcome, so a retransmission in order completes it.
    found.add(Fragment(1, 1000, 0, 0, bytes(600)))
    found.add(Fragment(1, 1000, 0, 600, bytes(400)))
    assert found.take(ONE) is not None


def test_memory_is_bounded_whatever_arrives() -> None:
    found, stats = reassembler()
    tracemalloc.start()
    try:
        for sequence in range(8):
            found.add(Fragment(CERTIFICATE, 64 * 1024, sequence, 0, b"x"))
        for i in range(5000):
            found.add(Fragment(i % 256, i * 7 % 20000 + 1, i % 20, 0, b"x"))
        assert tracemalloc.get_traced_memory()[0] < 256 * 1024
    finally:
        tracemalloc.stop()
    assert stats.overflowed > 1000


def test_the_work_for_a_fragment_does_not_grow_with_what_is_collected() -> None:
    def work(collected: int) -> int:
        found, _ = reassembler()
        for sequence in range(collected):
            found.add(Fragment(1, 16_000, sequence, 0, bytes(16_000)))
        piece = Fragment(1, 1000, 7, 0, b"x")
        found.add(piece)
        return lines_run(lambda: [found.add(piece) for _ in range(100)])

    assert work(7) == work(0)


def test_only_a_fragment_that_completes_its_message_is_worth_a_look() -> None:
    found, _ = reassembler()
    assert not found.add(Fragment(1, 10, 0, 0, bytes(4)))
    assert found.add(Fragment(1, 10, 0, 4, bytes(6)))
    assert not found.add(Fragment(1, 10, 0, 4, bytes(6)))
    assert not found.add(Fragment(1, 20_000, 1, 0, bytes(6)))


def test_room_is_given_back() -> None:
    found, stats = reassembler()
    for _ in range(50):
        found.add(Fragment(CERTIFICATE, 60_000, found.next_sequence, 0, bytes(60_000)))
        assert found.take({found.next_sequence: ((CERTIFICATE,),)}) is not None
        found.advance(found.next_sequence + 1)
    found.add(Fragment(1, 10, found.next_sequence, 0, b"x"))
    found.clear()
    assert found.take(ONE) is None
    assert stats.dropped == 0
