"""Reading the headers of H.264: numbers of a few bits, many of variable length (H.264 §7.2, §9.1).

A reader never takes more bits than there are: the end of the data is an error.
"""

from __future__ import annotations

__all__ = ["BitReader"]

_MAX_GOLOMB_ZEROS = 32  # ue(v) has at most 32 bits behind its zeros (H.264 §7.2)


class BitReader:
    """Reads bits from the payload of a NAL unit.

    Args:
        unit: The NAL unit with its header byte, without start code.
        most: Bytes of it that are looked at.
        what: What an error calls it.
    """

    def __init__(self, unit: bytes, most: int, what: str) -> None:
        data = unit[1:most].replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)
        self._what = what

    def take(self, count: int) -> int:
        """The next bits as an unsigned number.

        Raises:
            ValueError: There are not so many, here as in the other methods.
        """
        self._left -= count
        if self._left < 0:
            raise ValueError(f"a cut off {self._what}")
        return self._value >> self._left & (1 << count) - 1

    def flag(self) -> bool:
        """The next bit."""
        return bool(self.take(1))

    def ue(self) -> int:
        """The next unsigned Exp-Golomb number (H.264 §9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _MAX_GOLOMB_ZEROS:
                raise ValueError(f"an impossible number in the {self._what}")
        return (1 << zeros) - 1 + self.take(zeros)

    def se(self) -> int:
        """The next signed Exp-Golomb number (H.264 §9.1.1)."""
        number = self.ue()
        return (number + 1) // 2 if number & 1 else -(number // 2)
