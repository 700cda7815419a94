"""The two halves of an RTP payload format, as the RTP streams see them.

A payload format (RFC 3550 §5.2 leaves it to a profile per codec) says how one encoded frame
becomes the payloads of one or more RTP packets, and back. The sending half has state, such as
VP8's picture ids, so there is one `Packetizer` per outbound stream. The receiving half has
none: all packets of one frame are collected by the jitter buffer before they are assembled,
so one `Depacketizer` per codec serves every stream.

Neither half knows RTP headers. The marker bit belongs on the last payload of a frame; frames
of one stream are told apart by their RTP timestamp.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError

__all__ = [
    "MAX_FRAME_PACKETS",
    "MAX_FRAME_SIZE",
    "MIN_BUDGET",
    "Depacketizer",
    "Packetizer",
    "check_inbound",
    "check_outbound",
    "check_packet_count",
    "even_split",
]

MAX_FRAME_SIZE = 8 * 1024 * 1024
"""Largest encoded frame that is sent or put together, in bytes."""

MAX_FRAME_PACKETS = 8192
"""Most packets that one frame is sent in or put together from."""

MIN_BUDGET = 64
"""Smallest payload budget that `Packetizer.pack` accepts, in bytes: room for every codec's
descriptor and then some."""


class Packetizer(Protocol):
    """Splits encoded frames into RTP payloads; one object per outbound stream."""

    def preamble(self) -> bytes:
        """A payload that can be sent before the first frame and adds nothing to any; or empty.

        It begins no frame, so who receives it waits for one that does.
        """
        ...

    def pack(self, frame: bytes, budget: int) -> list[bytes]:
        """Split one frame.

        Args:
            frame: One whole encoded frame.
            budget: Most bytes per payload, at least `MIN_BUDGET`.

        Returns:
            The payloads in order, at least one, all of about the same size where the codec
            allows it. The last one is to carry the RTP marker where the codec uses it.

        Raises:
            LocalProtocolError: The frame is not one of this codec, is larger than
                `MAX_FRAME_SIZE`, or would need more than `MAX_FRAME_PACKETS` packets.
        """
        ...


class Depacketizer(Protocol):
    """Puts frames together from RTP payloads; stateless, one object per codec."""

    def starts_frame(self, payload: bytes) -> bool:
        """Whether a frame can begin with this payload; False for a malformed one."""
        ...

    def is_keyframe(self, payload: bytes) -> bool:
        """Whether a frame that begins with this payload can be decoded on its own."""
        ...

    def assemble(self, payloads: Sequence[bytes]) -> bytes:
        """Put one frame together.

        Args:
            payloads: All payloads of the frame in sequence number order, padding removed.

        Returns:
            The frame in the form that `Packetizer.pack` takes.

        Raises:
            RemoteProtocolError: The payloads do not make a frame.
        """
        ...


def even_split(size: int, limit: int) -> list[tuple[int, int]]:
    """Cut ``size`` bytes into the fewest pieces of at most ``limit``, none much smaller.

    Pieces of one size let the kernel segment a whole frame from one buffer (UDP GSO), which
    takes equal datagrams followed by one that may be shorter. So every piece but the last has
    the same size, and the last is shorter by less than the number of pieces.

    Returns:
        ``(start, stop)`` of each piece in order.
    """
    if size <= limit:
        return [(0, size)]
    count = -(-size // limit)
    step = -(-size // count)
    return [(start, min(start + step, size)) for start in range(0, size, step)]


def check_outbound(frame: bytes, budget: int) -> None:
    """Hold what every packetizer asks of its arguments.

    Raises:
        LocalProtocolError: The frame is empty or too large, or the budget too small.
    """
    if not frame:
        raise LocalProtocolError("an encoded frame cannot be empty; leave the frame out instead")
    if len(frame) > MAX_FRAME_SIZE:
        raise LocalProtocolError(
            f"the encoded frame has {len(frame)} bytes, more than the {MAX_FRAME_SIZE} that one "
            "frame may have; encode it at a lower bit rate"
        )
    if budget < MIN_BUDGET:
        raise LocalProtocolError(f"a payload budget of {budget} bytes is below {MIN_BUDGET}")


def check_packet_count(count: int) -> None:
    """Refuse to send a frame in more packets than a receiver takes.

    Raises:
        LocalProtocolError: There are more than `MAX_FRAME_PACKETS`.
    """
    if count > MAX_FRAME_PACKETS:
        raise LocalProtocolError(
            f"the encoded frame needs {count} packets, more than the {MAX_FRAME_PACKETS} that "
            "one frame may have; encode it at a lower bit rate"
        )


def check_inbound(payloads: Sequence[bytes]) -> None:
    """Hold what every depacketizer asks of its input.

    Raises:
        RemoteProtocolError: There are no payloads, too many, or too many bytes in them.
    """
    if not payloads:
        raise RemoteProtocolError("a frame without packets")
    if len(payloads) > MAX_FRAME_PACKETS:
        raise RemoteProtocolError(f"a frame of {len(payloads)} packets")
    size = sum(map(len, payloads))
    if size > MAX_FRAME_SIZE + 64 * len(payloads):
        raise RemoteProtocolError(f"a frame of {size} bytes")
