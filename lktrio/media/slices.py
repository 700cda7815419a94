"""What the header of an H.264 slice says about its picture (H.264 §7.3.3).

A slice names a picture parameter set, that a sequence parameter set, and these say how the rest of
the header is to be read. `ParameterSets` remembers of them what is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

from lktrio.media.bits import BitReader
from lktrio.media.sps import SpsInfo

__all__ = ["ParameterSets", "SliceHeader"]

_MAX_PPS_IDENTIFIER = 255  # H.264 §7.4.2.2
_MAX_SIZE = 48  # bytes that are looked at, of slices and picture parameter sets
_BIDIRECTIONAL = 1  # slice_type modulo 5, H.264 table 7-6


@dataclass(frozen=True, slots=True)
class SliceHeader:
    """The beginning of one slice."""

    bidirectional: bool
    """A B slice: it may refer to pictures that are shown later."""
    field: bool
    """The picture is one field of a frame."""
    sps: SpsInfo | None
    """The sequence parameter set of the picture, None if that is not known."""


class ParameterSets:
    """The parameter sets of a stream; newer ones replace those with the same number."""

    def __init__(self) -> None:
        self._sequences: dict[int, SpsInfo] = {}
        self._pictures: dict[int, int] = {}

    def add_sequence(self, sps: SpsInfo) -> None:
        """Remember a sequence parameter set."""
        self._sequences[sps.identifier] = sps

    def add_picture(self, unit: bytes) -> None:
        """Remember a picture parameter set, by its NAL unit.

        Raises:
            ValueError: It is cut off or impossible.
        """
        bits = BitReader(unit, _MAX_SIZE, "picture parameter set")
        identifier = bits.ue()
        if identifier > _MAX_PPS_IDENTIFIER:
            raise ValueError(f"an impossible number of a parameter set: {identifier}")
        self._pictures[identifier] = bits.ue()

    def read_slice(self, unit: bytes) -> SliceHeader:
        """Read the header of a slice, by its NAL unit.

        Raises:
            ValueError: It is cut off.
        """
        bits = BitReader(unit, _MAX_SIZE, "slice")
        bits.ue()  # first_mb_in_slice
        bidirectional = bits.ue() % 5 == _BIDIRECTIONAL
        sps = self._sequences.get(self._pictures.get(bits.ue(), -1))
        field = False
        if sps is not None and sps.field_capable:
            bits.take(2 * sps.separate_planes + sps.frame_num_bits)
            field = bits.flag()
        return SliceHeader(bidirectional, field, sps)
