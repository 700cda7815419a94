"""What an H.264 sequence parameter set says about the picture (H.264 §7.3.2.1.1, annex E.1).

Theory of operation: the parameters are a string of bits, mostly of variable length
(Exp-Golomb), so everything before the wanted ones must be parsed too. A parser never reads
more bits than there are: the end of the data is an error.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SpsInfo", "parse_sps"]

_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
_EXTENDED_SAR = 255
_MAX_GOLOMB_ZEROS = 32  # ue(v) has at most 32 bits behind its zeros (H.264 §7.2)
_MAX_POC_CYCLE = 255  # num_ref_frames_in_pic_order_cnt_cycle (H.264 §7.4.2.1.1)
_MACROBLOCK = 16
_MAX_DIMENSION = 16_880  # at level 6.2, the highest (H.264 §A.3.1)
_PLAUSIBLE_RATES = (1.0, 240.0)
# By chroma_format_idc: how many luma samples one chroma sample stands for, across and down.
_CHROMA_UNITS = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}


@dataclass(frozen=True, slots=True)
class SpsInfo:
    """The parameters of use to a reader of files."""

    width: int
    """Width after cropping, in pixels."""
    height: int
    """Height after cropping, in pixels."""
    interlaced: bool
    """Pictures can be fields."""
    frame_rate: float | None
    """Frames per second by the timing information, where there is a plausible one."""


class _Bits:
    """Reads bits from the payload of a NAL unit."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """The next bits as an unsigned number."""
        self._left -= count
        if self._left < 0:
            raise ValueError("a cut off sequence parameter set")
        return self._value >> self._left & (1 << count) - 1

    def flag(self) -> bool:
        return bool(self.take(1))

    def ue(self) -> int:
        """The next unsigned Exp-Golomb number (H.264 §9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _MAX_GOLOMB_ZEROS:
                raise ValueError("an impossible number in the sequence parameter set")
        return (1 << zeros) - 1 + self.take(zeros)

    def se(self) -> int:
        """The next signed Exp-Golomb number (H.264 §9.1.1)."""
        number = self.ue()
        return (number + 1) // 2 if number & 1 else -(number // 2)


def parse_sps(unit: bytes) -> SpsInfo:
    """Read a sequence parameter set.

    Args:
        unit: The NAL unit with its header byte, without start code.

    Raises:
        ValueError: It is cut off or impossible; the text says which.
    """
    bits = _Bits(unit[1:1024].replace(b"\x00\x00\x03", b"\x00\x00"))  # none is near that long
    profile = bits.take(8)
    bits.take(16)  # constraint flags, level
    bits.ue()  # seq_parameter_set_id
    chroma = _skip_high_profile(bits) if profile in _HIGH_PROFILES else 1
    bits.ue()  # log2_max_frame_num_minus4
    _skip_picture_order(bits)
    bits.ue()  # max_num_ref_frames
    bits.flag()  # gaps_in_frame_num_value_allowed_flag
    columns, rows = bits.ue() + 1, bits.ue() + 1
    frames_only = bits.flag()
    if not frames_only:
        bits.flag()  # mb_adaptive_frame_field_flag
        rows *= 2
    bits.flag()  # direct_8x8_inference_flag
    crop = [bits.ue() for _ in range(4)] if bits.flag() else [0, 0, 0, 0]
    across, down = _CHROMA_UNITS[chroma]
    down *= 1 if frames_only else 2
    width = columns * _MACROBLOCK - across * (crop[0] + crop[1])
    height = rows * _MACROBLOCK - down * (crop[2] + crop[3])
    if not (0 < width <= _MAX_DIMENSION and 0 < height <= _MAX_DIMENSION):
        raise ValueError(f"an impossible picture of {width}x{height} pixels")
    return SpsInfo(
        width=width,
        height=height,
        interlaced=not frames_only,
        frame_rate=_read_frame_rate(bits) if bits.flag() else None,
    )


def _skip_high_profile(bits: _Bits) -> int:
    """Pass over the parameters of the high profiles; returns chroma_format_idc."""
    chroma = bits.ue()
    if chroma not in _CHROMA_UNITS:
        raise ValueError(f"an impossible chroma format {chroma}")
    separate = chroma == 3 and bits.flag()
    bits.ue()  # bit_depth_luma_minus8
    bits.ue()  # bit_depth_chroma_minus8
    bits.flag()  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():  # seq_scaling_matrix_present_flag
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return 0 if separate else chroma


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) & 0xFF
        last = following or last


def _skip_picture_order(bits: _Bits) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()  # log2_max_pic_order_cnt_lsb_minus4
    elif kind == 1:
        bits.flag()  # delta_pic_order_always_zero_flag
        bits.se()  # offset_for_non_ref_pic
        bits.se()  # offset_for_top_to_bottom_field
        count = bits.ue()
        if count > _MAX_POC_CYCLE:
            raise ValueError(f"an impossible picture order cycle of {count}")
        for _ in range(count):
            bits.se()


def _read_frame_rate(bits: _Bits) -> float | None:
    """The frame rate of the video usability information (H.264 annex E.1.1)."""
    if bits.flag() and bits.take(8) == _EXTENDED_SAR:  # aspect ratio
        bits.take(32)
    if bits.flag():  # overscan
        bits.flag()
    if bits.flag():  # video signal type
        bits.take(4)
        if bits.flag():
            bits.take(24)
    if bits.flag():  # chroma location
        bits.ue()
        bits.ue()
    if not bits.flag():  # timing
        return None
    tick, scale = bits.take(32), bits.take(32)
    rate = scale / (2 * tick) if tick else 0.0  # a tick is the time of a field
    lowest, highest = _PLAUSIBLE_RATES
    return rate if lowest <= rate <= highest else None
