"""What a subscriber receives has gapless numbers, whatever is left out or switched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lktrio.devserver.munging import SequenceMapper, Vp8Mapper
from lktrio.rtc.payload.vp8 import Vp8Descriptor


def test_numbers_begin_where_they_are_told_and_go_on() -> None:
    mapper = SequenceMapper(100)
    mapper.restart(70_000)
    assert [mapper.map(index) for index in (70_000, 70_001, 70_003, 70_002)] == [
        100,
        101,
        103,
        102,
    ]
    assert mapper.next == 104


def test_packets_before_the_first_have_no_number() -> None:
    mapper = SequenceMapper(100)
    mapper.restart(50)
    assert mapper.map(49) is None


def test_what_is_skipped_leaves_no_gap() -> None:
    mapper = SequenceMapper(0)
    mapper.restart(10)
    assert mapper.map(10) == 0
    mapper.skip(11)
    mapper.skip(12)
    assert mapper.map(13) == 1
    assert mapper.next == 2


def test_late_packets_keep_the_number_of_their_time() -> None:
    mapper = SequenceMapper(0)
    mapper.restart(10)
    assert mapper.map(10) == 0
    mapper.skip(12)  # 11 is late
    assert mapper.map(13) == 2
    assert mapper.map(11) == 1


def test_another_source_goes_on_after_the_newest_packet() -> None:
    mapper = SequenceMapper(0)
    mapper.restart(10)
    mapper.map(10)
    mapper.map(14)
    mapper.restart(500)
    assert mapper.map(500) == 5
    assert mapper.map(499) is None  # of the time before


@given(st.lists(st.booleans(), min_size=1, max_size=300))
def test_in_order_every_number_is_given_once(kept: list[bool]) -> None:
    mapper = SequenceMapper(7)
    mapper.restart(0)
    numbers: list[int | None] = []
    for index, keep in enumerate(kept):
        if keep:
            numbers.append(mapper.map(index))
        else:
            mapper.skip(index)
    assert numbers == list(range(7, 7 + sum(kept)))


def payload(picture: int, tl0: int, key: int, *, long: bool = True) -> bytes:
    descriptor = Vp8Descriptor(
        True, picture_id=picture, long_picture_id=long, tl0picidx=tl0, tid=0, key_index=key
    )
    return descriptor.serialize() + b"frame"


def read(data: bytes) -> tuple[int | None, int | None, int | None]:
    found, size = Vp8Descriptor.parse(data)
    assert data[size:] == b"frame"
    return found.picture_id, found.tl0picidx, found.key_index


def test_counters_of_vp8_go_on_across_layers() -> None:
    mapper = Vp8Mapper()
    first = payload(0x7FFE, 254, 30)
    mapper.restart(first)
    assert read(mapper.map(first)) == (0x7FFE, 254, 30)
    assert read(mapper.map(payload(0x7FFF, 255, 31))) == (0x7FFF, 255, 31)
    other = payload(100, 7, 3)
    mapper.restart(other)
    assert read(mapper.map(other)) == (0, 0, 0)
    assert read(mapper.map(payload(101, 8, 3))) == (1, 1, 0)


def test_payloads_that_need_no_change_are_passed_on_as_they_are() -> None:
    mapper = Vp8Mapper()
    first = payload(5, 6, 7)
    mapper.restart(first)
    assert mapper.map(first) is first
    assert mapper.map(b"\x10frame") == b"\x10frame"  # without any counters


def test_short_picture_ids_stay_short() -> None:
    mapper = Vp8Mapper()
    mapper.restart(payload(120, 0, 0, long=False))
    mapper.map(payload(120, 0, 0, long=False))
    mapper.restart(payload(3, 0, 0, long=False))
    mapped = mapper.map(payload(3, 0, 0, long=False))
    assert read(mapped)[0] == 121
    assert len(mapped) == len(payload(3, 0, 0, long=False))


@given(st.binary(max_size=12))
def test_damaged_payloads_pass_through(data: bytes) -> None:
    mapper = Vp8Mapper()
    mapper.restart(payload(0, 0, 0))
    mapper.restart(data)
    mapper.map(data)
