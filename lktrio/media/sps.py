"""What an H.264 sequence parameter set says about the picture (H.264 §7.3.2.1.1, annex E.1).

Theory of operation: the parameters are a string of bits, mostly of variable length
(Exp-Golomb), so everything before the wanted ones must be parsed too.
"""

from __future__ import annotations

from dataclasses import dataclass

from lktrio.media.bits import BitReader

__all__ = ["SpsInfo", "parse_sps"]

_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
_EXTENDED_SAR = 255
_NO_REORDERING = 2  # pic_order_cnt_type of streams that are shown as they are coded
_MAX_POC_CYCLE = 255  # num_ref_frames_in_pic_order_cnt_cycle (H.264 §7.4.2.1.1)
_MACROBLOCK = 16
_MAX_DIMENSION = 16_880  # at level 6.2, the highest (H.264 §A.3.1)
_MAX_SIZE = 1024  # bytes that are looked at; none is near that long
_MAX_IDENTIFIER = 31  # H.264 §7.4.2.1.1
_MAX_FRAME_NUM_BITS = 16
_MAX_BIT_DEPTH = 14
_MAX_CPB_COUNT = 32  # H.264 §E.2.2
_PLAUSIBLE_RATES = (1 / 60, 240.0)  # slides at one end, slow motion at the other
# By chroma_format_idc: how many luma samples one chroma sample stands for, across and down.
_CHROMA_UNITS = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}


@dataclass(frozen=True, slots=True)
class SpsInfo:
    """The parameters of use to a reader of files."""

    width: int
    """Width after cropping, in pixels."""
    height: int
    """Height after cropping, in pixels."""
    field_capable: bool
    """Pictures can be fields; each says whether it is."""
    frame_rate: float | None
    """Frames per second by the timing information, where there is a plausible one."""
    field_adaptive: bool = False
    """Frames mix macroblocks of fields and of frames, as encoders do for interlaced video."""
    identifier: int = 0
    """By which picture parameter sets refer to it."""
    chroma: int = 1
    """chroma_format_idc: 1 is 4:2:0, the only one that everybody shows."""
    bit_depth: int = 8
    """Bits of a sample."""
    separate_planes: bool = False
    """Colours are coded as three pictures."""
    frame_num_bits: int = 4
    """Size of frame_num in slice headers."""
    in_order: bool = False
    """Pictures are stated to be shown in the order in which they are coded."""


def parse_sps(unit: bytes) -> SpsInfo:
    """Read a sequence parameter set.

    Args:
        unit: The NAL unit with its header byte, without start code.

    Raises:
        ValueError: It is cut off or impossible; the text says which.
    """
    bits = BitReader(unit, _MAX_SIZE, "sequence parameter set")
    profile = bits.take(8)
    bits.take(16)  # constraint flags, level
    identifier = _at_most(bits.ue(), _MAX_IDENTIFIER, "number of a parameter set")
    high = profile in _HIGH_PROFILES
    chroma, separate, depth = _read_high_profile(bits) if high else (1, False, 8)
    frame_num_bits = _at_most(bits.ue() + 4, _MAX_FRAME_NUM_BITS, "size of frame_num")
    picture_order = _skip_picture_order(bits)
    bits.ue()  # max_num_ref_frames
    bits.flag()  # gaps_in_frame_num_value_allowed_flag
    columns, rows = bits.ue() + 1, bits.ue() + 1
    frames_only = bits.flag()
    adaptive = not frames_only and bits.flag()
    rows *= 1 if frames_only else 2
    bits.flag()  # direct_8x8_inference_flag
    crop = [bits.ue() for _ in range(4)] if bits.flag() else [0, 0, 0, 0]
    across, down = _CHROMA_UNITS[0 if separate else chroma]
    down *= 1 if frames_only else 2
    width = columns * _MACROBLOCK - across * (crop[0] + crop[1])
    height = rows * _MACROBLOCK - down * (crop[2] + crop[3])
    if not (0 < width <= _MAX_DIMENSION and 0 < height <= _MAX_DIMENSION):
        raise ValueError(f"an impossible picture of {width}x{height} pixels")
    rate, reordered = _read_usability(bits) if bits.flag() else (None, None)
    return SpsInfo(
        width=width,
        height=height,
        field_capable=not frames_only,
        field_adaptive=adaptive,
        frame_rate=rate,
        identifier=identifier,
        chroma=chroma,
        bit_depth=depth,
        separate_planes=separate,
        frame_num_bits=frame_num_bits,
        in_order=picture_order == _NO_REORDERING or reordered == 0,
    )


def _at_most(value: int, limit: int, what: str) -> int:
    if value > limit:
        raise ValueError(f"an impossible {what}: {value}")
    return value


def _read_high_profile(bits: BitReader) -> tuple[int, bool, int]:
    """The parameters of the high profiles: chroma format, whether planes are separate, depth."""
    chroma = bits.ue()
    if chroma not in _CHROMA_UNITS:
        raise ValueError(f"an impossible chroma format {chroma}")
    separate = chroma == 3 and bits.flag()
    depth = max(bits.ue(), bits.ue()) + 8
    bits.flag()  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():  # seq_scaling_matrix_present_flag
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma, separate, _at_most(depth, _MAX_BIT_DEPTH, "depth of samples")


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) & 0xFF
        last = following or last


def _skip_picture_order(bits: BitReader) -> int:
    """Pass over the parameters of the picture order; returns its kind."""
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
    return kind


def _read_usability(bits: BitReader) -> tuple[float | None, int | None]:
    """The video usability information (H.264 annex E.1.1), as far as it goes.

    Returns:
        The frame rate, and how many pictures may be shown earlier than coded.
    """
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
    rate = _read_frame_rate(bits) if bits.flag() else None
    try:
        return rate, _read_reordering(bits)
    except ValueError:  # cut off: what is missing is of no use to a player
        return rate, None


def _read_frame_rate(bits: BitReader) -> float | None:
    tick, scale = bits.take(32), bits.take(32)
    bits.flag()  # fixed_frame_rate_flag
    rate = scale / (2 * tick) if tick else 0.0  # a tick is the time of a field
    lowest, highest = _PLAUSIBLE_RATES
    return rate if lowest <= rate <= highest else None


def _read_reordering(bits: BitReader) -> int | None:
    """max_num_reorder_frames, behind everything else."""
    models = 0
    for _ in range(2):
        if bits.flag():
            models += 1
            _skip_hypothetical_decoder(bits)
    if models:
        bits.flag()  # low_delay_hrd_flag
    bits.flag()  # pic_struct_present_flag
    if not bits.flag():  # bitstream_restriction_flag
        return None
    bits.flag()  # motion_vectors_over_pic_boundaries_flag
    for _ in range(4):
        bits.ue()
    return bits.ue()


def _skip_hypothetical_decoder(bits: BitReader) -> None:
    """Pass over hrd_parameters (H.264 annex E.1.2)."""
    count = _at_most(bits.ue() + 1, _MAX_CPB_COUNT, "number of coded picture buffers")
    bits.take(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.flag()
    bits.take(20)
