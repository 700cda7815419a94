from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.media.ogg import MAX_SEGMENTS, OggPage, build_page, checksum, read_page
from tests.media import oracle


def reference_checksum(page: bytes) -> int:
    """The checksum of RFC 3533 §6, bit by bit."""
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc


@given(data=st.binary(max_size=100))
def test_the_checksum_is_the_one_of_the_standard(data: bytes) -> None:
    assert checksum(data) == reference_checksum(data)


def page() -> OggPage:
    data = build_page([b"one", b"two"], granule=960, serial=7, sequence=3)
    found = read_page(data, 0)
    assert found is not None
    return found


def test_a_page_made_by_another_program_passes_its_checksum() -> None:
    data = oracle.ogg()
    position, sequences = 0, []
    while position < len(data):
        found = read_page(data, position)
        assert found is not None
        sequences.append(found.sequence)
        position += found.size
    assert position == len(data)
    assert sequences == list(range(len(sequences)))


def test_any_flipped_bit_is_noticed() -> None:
    for bit in range(0, 8 * 35, 5):
        data = bytearray(build_page([b"one", b"two"], granule=960, serial=7, sequence=3))
        assert len(data) == 35, bit
        data[bit // 8] ^= 1 << bit % 8
        try:
            assert read_page(data, 0) is None  # the page claims to be longer, bit
        except ValueError:
            return
        assert bit // 8 >= 26  # the segment table and its size, bit


def test_a_page_that_is_cut_off_is_waited_for() -> None:
    data = build_page([b"one", b"two"], granule=960, serial=7, sequence=3)
    for size in range(len(data)):
        assert read_page(data[:size], 0) is None
    assert read_page(b"x" * 5 + data, 5) == page()


def test_what_is_no_page_is_refused_from_the_first_byte() -> None:
    for data in (b"x", b"Ox", b"Oggs", b"OggS\x01" + bytes(40)):
        with pytest.raises(ValueError, match=r"no Ogg page|version"):
            read_page(data, 0)


@given(
    sizes=st.lists(st.sampled_from([0, 1, 7, 254, 255, 256, 510, 600]), max_size=40),
    granule=st.integers(-1, 2**62),
    serial=st.integers(0, 2**32 - 1),
    first=st.booleans(),
    last=st.booleans(),
)
def test_round_trip(
    *, sizes: list[int], granule: int, serial: int, first: bool, last: bool
) -> None:
    packets = tuple(bytes((index,)) * size for index, size in enumerate(sizes))
    data = build_page(packets, granule=granule, serial=serial, sequence=5, first=first, last=last)
    assert read_page(data, 0) == OggPage(
        continued=False,
        first=first,
        last=last,
        granule=granule,
        serial=serial,
        sequence=5,
        packets=packets,
        unfinished=False,
        size=len(data),
    )


def test_packets_that_do_not_fit_a_page_are_refused() -> None:
    build_page([b"x"] * MAX_SEGMENTS, granule=0, serial=0, sequence=0)
    with pytest.raises(ValueError, match="256 segments"):
        build_page([b"x"] * (MAX_SEGMENTS + 1), granule=0, serial=0, sequence=0)
