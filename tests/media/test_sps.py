from __future__ import annotations

import contextlib
import re
from dataclasses import replace

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


PLAIN = SpsInfo(320, 180, field_capable=False, frame_rate=None)


def test_picture_order_of_every_type_is_passed_over() -> None:
    cycle = begin().ue(0).ue(1).u(0, 1).se(-5).se(7).ue(3).se(1).se(-1).se(0)
    for bits, in_order in (
        (begin().ue(0).ue(0, 4), False),
        (begin().ue(0).ue(2), True),
        (cycle, False),
    ):
        assert parse_sps(end(bits).bytes()) == replace(PLAIN, in_order=in_order)


def test_scaling_lists_are_passed_over() -> None:
    bits = begin(100).ue(1, 0, 0).u(0, 1).u(1, 1)
    bits.u(1, 1)  # the first of eight lists: 16 values, of which the third ends it
    bits.se(0).se(4).se(-12)
    bits.u(1, 1)  # the second: all 16 values
    for _ in range(16):
        bits.se(1)
    bits.u(0, 6)
    assert parse_sps(end(bits.ue(0).ue(0, 4)).bytes()) == PLAIN


def test_cropping_is_counted_in_units_of_the_chroma_format() -> None:
    for chroma, separate, size in (
        (0, 0, (320, 186)),
        (1, 0, (320, 180)),
        (2, 0, (320, 186)),
        (3, 0, (320, 186)),
        (3, 1, (320, 186)),
    ):
        bits = begin(244).ue(chroma)
        if chroma == 3:
            bits.u(separate, 1)
        bits.ue(0, 2).u(0, 1).u(0, 1).ue(5).ue(2)
        info = parse_sps(end(bits).bytes())
        assert (info.width, info.height) == size, chroma
        assert (info.chroma, info.separate_planes) == (chroma, bool(separate))
        assert (info.bit_depth, info.frame_num_bits) == (10, 9)


def test_interlaced_pictures_are_twice_as_high_as_their_fields() -> None:
    bits = begin().ue(0).ue(2).ue(1).u(0, 1).ue(19, 16).u(0, 1).u(1, 1).u(1, 1)
    info = parse_sps(bits.u(1, 1).ue(0, 0, 0, 1).u(0, 1).bytes())
    assert info == SpsInfo(
        320, 540, field_capable=True, frame_rate=None, field_adaptive=True, in_order=True
    )


def usability(bits: BitWriter) -> BitWriter:
    """Everything before the timing."""
    bits.u(1, 1).u(255, 8).u(4, 16).u(3, 16)  # aspect ratio
    bits.u(1, 1).u(1, 1)  # overscan
    bits.u(1, 1).u(5, 3).u(0, 1).u(1, 1).u(0x010101, 24)  # video signal
    return bits.u(1, 1).ue(0, 0)  # chroma location


def test_the_frame_rate_is_behind_everything_else() -> None:
    for tick, scale, rate in (
        (1, 50, 25.0),
        (1001, 60_000, 30_000 / 1001),
        (1, 1, 0.5),
        (0, 50, None),
        (1, 0, None),
        (1000, 1, None),
        (1, 180_000, None),
    ):
        bits = usability(end(begin().ue(0).ue(2), vui=True))
        bits.u(1, 1).u(tick, 32).u(scale, 32).u(1, 1)
        assert parse_sps(bits.bytes()).frame_rate == rate, (tick, scale)
    absent = end(begin().ue(0).ue(2), vui=True).u(0, 5)
    assert parse_sps(absent.bytes()).frame_rate is None


def test_whether_pictures_are_shown_in_order_is_behind_the_decoder_models() -> None:
    for models in range(4):
        for reordered in (None, 0, 2):
            bits = usability(end(begin().ue(0).ue(0, 0), vui=True)).u(0, 1)
            for model in (models & 1, models & 2):
                bits.u(bool(model), 1)
                if model:
                    bits.ue(1).u(0, 8).ue(7, 7).u(0, 1).ue(9, 9).u(1, 1).u(0, 20)
            if models:
                bits.u(0, 1)
            bits.u(0, 1)
            if reordered is not None:
                bits.u(1, 1).u(1, 1).ue(2, 1, 16, 16, reordered, 4)
            else:
                bits.u(0, 1)
            assert parse_sps(bits.bytes()).in_order == (reordered == 0), (models, reordered)


def test_impossible_parameters_are_refused() -> None:
    for bits, complaint in (
        (begin(100).ue(4), "chroma format 4"),
        (begin(100).ue(1, 7, 0), "depth of samples: 15"),
        (begin().ue(13), "size of frame_num: 17"),
        (BitWriter().u(66, 8).u(0, 16).ue(32), "number of a parameter set: 32"),
        (begin().ue(0).ue(1).u(0, 1).se(0).se(0).ue(256), "cycle of 256"),
        (begin().u(0, 40), "impossible number"),
        (begin().ue(0).ue(2).ue(1).u(0, 1).ue(2000, 11).u(1, 1).u(1, 1).u(0, 2), "32016x192"),
        (
            begin().ue(0).ue(2).ue(1).u(0, 1).ue(0, 0).u(1, 1).u(1, 1).u(1, 1).ue(8, 0, 0, 0),
            "0x16",
        ),
    ):
        with pytest.raises(ValueError, match=complaint):
            parse_sps(bits.u(0, 64).bytes())


def test_a_parameter_set_that_is_cut_off_is_refused() -> None:
    unit = split_nal_units(oracle.h264())[0]
    info = parse_sps(unit)
    assert info == SpsInfo(96, 64, field_capable=False, frame_rate=25, in_order=True)
    for size in range(12):
        with pytest.raises(ValueError, match="cut off"):
            parse_sps(unit[:size])


@given(data=st.binary(max_size=80), profile=st.sampled_from([66, 77, 100, 244]))
def test_arbitrary_bytes_are_refused_or_plausible(data: bytes, profile: int) -> None:
    with contextlib.suppress(ValueError):
        info = parse_sps(b"\x67" + bytes((profile,)) + data)
        assert 0 < info.width <= 16_880
        assert 0 < info.height <= 16_880
