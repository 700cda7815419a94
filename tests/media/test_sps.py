from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.media.sps import SpsInfo, parse_sps
from lktrio.rtc.payload.h264 import split_nal_units
from tests.media import oracle


class BitWriter:
    def __init__(self) -> None:
        self.text = ""

    def u(self, value: int, count: int) -> BitWriter:
        self.text += f"{value:0{count}b}" if count else ""
        return self

    def ue(self, *values: int) -> BitWriter:
        for value in values:
            digits = f"{value + 1:b}"
            self.text += "0" * (len(digits) - 1) + digits
        return self

    def se(self, value: int) -> BitWriter:
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def bytes(self) -> bytes:
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        data = int(text, 2).to_bytes(len(text) // 8, "big")
        # What an encoder does so that nothing inside looks like a start code.
        return b"\x67" + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", data)


def begin(profile: int = 66) -> BitWriter:
    return BitWriter().u(profile, 8).u(0, 8).u(31, 8).ue(0)


def end(bits: BitWriter, *, vui: bool = False) -> BitWriter:
    """320x180, progressive, cropped at the bottom."""
    bits.ue(1).u(0, 1).ue(19, 11).u(1, 1).u(1, 1)
    return bits.u(1, 1).ue(0, 0, 0, 6).u(vui, 1)


PLAIN = SpsInfo(320, 180, interlaced=False, frame_rate=None)


def test_picture_order_of_every_type_is_passed_over() -> None:
    assert parse_sps(end(begin().ue(0).ue(0, 4)).bytes()) == PLAIN
    assert parse_sps(end(begin().ue(0).ue(2)).bytes()) == PLAIN
    cycle = begin().ue(0).ue(1).u(0, 1).se(-5).se(7).ue(3).se(1).se(-1).se(0)
    assert parse_sps(end(cycle).bytes()) == PLAIN


def test_scaling_lists_are_passed_over() -> None:
    bits = begin(100).ue(1, 0, 0).u(0, 1).u(1, 1)
    bits.u(1, 1)  # the first of eight lists: 16 values, of which the third ends it
    bits.se(0).se(4).se(-12)
    bits.u(1, 1)  # the second: all 16 values
    for _ in range(16):
        bits.se(1)
    bits.u(0, 6)
    assert parse_sps(end(bits.ue(0).ue(2)).bytes()) == PLAIN


@pytest.mark.parametrize(
    ("chroma", "size"), [(0, (320, 186)), (1, (320, 180)), (2, (320, 186)), (3, (320, 186))]
)
def test_cropping_is_counted_in_units_of_the_chroma_format(
    chroma: int, size: tuple[int, int]
) -> None:
    bits = begin(244).ue(chroma)
    if chroma == 3:
        bits.u(0, 1)
    info = parse_sps(end(bits.ue(0, 0).u(0, 1).u(0, 1).ue(0).ue(2)).bytes())
    assert (info.width, info.height) == size


def test_interlaced_pictures_are_twice_as_high_as_their_fields() -> None:
    bits = begin().ue(0).ue(2).ue(1).u(0, 1).ue(19, 16).u(0, 1).u(1, 1).u(1, 1)
    info = parse_sps(bits.u(1, 1).ue(0, 0, 0, 1).u(0, 1).bytes())
    assert info == SpsInfo(320, 540, interlaced=True, frame_rate=None)


@pytest.mark.parametrize(
    ("tick", "scale", "rate"),
    [(1, 50, 25.0), (1001, 60_000, 30_000 / 1001), (0, 50, None), (1, 0, None), (1, 180_000, None)],
)
def test_the_frame_rate_is_behind_everything_else(
    tick: int, scale: int, rate: float | None
) -> None:
    bits = end(begin().ue(0).ue(2), vui=True)
    bits.u(1, 1).u(255, 8).u(4, 16).u(3, 16)  # aspect ratio
    bits.u(1, 1).u(1, 1)  # overscan
    bits.u(1, 1).u(5, 3).u(0, 1).u(1, 1).u(0x010101, 24)  # video signal
    bits.u(1, 1).ue(0, 0)  # chroma location
    bits.u(1, 1).u(tick, 32).u(scale, 32).u(1, 1)
    assert parse_sps(bits.bytes()).frame_rate == rate
    absent = end(begin().ue(0).ue(2), vui=True).u(0, 5)
    assert parse_sps(absent.bytes()).frame_rate is None


@pytest.mark.parametrize(
    ("bits", "complaint"),
    [
        (begin(100).ue(4), "chroma format 4"),
        (begin().ue(0).ue(1).u(0, 1).se(0).se(0).ue(256), "cycle of 256"),
        (begin().u(0, 40), "impossible number"),
        (end(begin().ue(0).ue(2)).u(0, 0), None),
        (begin().ue(0).ue(2).ue(1).u(0, 1).ue(2000, 11).u(1, 1).u(1, 1).u(0, 2), "32016x192"),
        (
            begin().ue(0).ue(2).ue(1).u(0, 1).ue(0, 0).u(1, 1).u(1, 1).u(1, 1).ue(8, 0, 0, 0),
            "0x16",
        ),
    ],
)
def test_impossible_parameters_are_refused(bits: BitWriter, complaint: str | None) -> None:
    if complaint is None:
        assert parse_sps(bits.bytes()) == PLAIN
        return
    with pytest.raises(ValueError, match=complaint):
        parse_sps(bits.u(0, 64).bytes())


def test_a_parameter_set_that_is_cut_off_is_refused() -> None:
    unit = split_nal_units(oracle.h264())[0]
    assert parse_sps(unit) == SpsInfo(96, 64, interlaced=False, frame_rate=25)
    for size in range(12):
        with pytest.raises(ValueError, match="cut off"):
            parse_sps(unit[:size])


@given(data=st.binary(max_size=80), profile=st.sampled_from([66, 77, 100, 244]))
def test_arbitrary_bytes_are_refused_or_plausible(data: bytes, profile: int) -> None:
    with contextlib.suppress(ValueError):
        info = parse_sps(b"\x67" + bytes((profile,)) + data)
        assert 0 < info.width <= 16_880
        assert 0 < info.height <= 16_880
