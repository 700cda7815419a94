"""Frames of a data track, cut into packets."""

from __future__ import annotations

from lktrio.errors import LocalProtocolError
from lktrio.room.data_tracks.packet import DataTrackPacket, encode_packet

__all__ = ["MAX_FRAME_PACKETS", "MAX_FRAME_SIZE", "MAX_PACKET_SIZE", "FramePacketizer"]

MAX_PACKET_SIZE = 16_000
"""Bytes of one packet, as livekit-client and the Rust SDK have it."""
MAX_FRAME_PACKETS = 128
"""Packets of one frame that those put together."""
_HEADER_SIZE = 24  # bytes of a header with a timestamp of the program, the longest one
_PAYLOAD_SIZE = MAX_PACKET_SIZE - _HEADER_SIZE
MAX_FRAME_SIZE = MAX_FRAME_PACKETS * _PAYLOAD_SIZE
"""Bytes of one frame, about 2 MB."""
_CLOCK_RATE = 90_000  # Hz
_WRAP_16, _WRAP_32 = 0xFFFF, 0xFFFFFFFF


class FramePacketizer:
    """Makes the packets of one track.

    Args:
        handle: The number of the track.
        epoch: The timestamp at the time 0, by which its beginning is random.
    """

    def __init__(self, handle: int, epoch: int) -> None:
        self._handle = handle
        self._epoch = epoch
        self._sequence = 0
        self._frame_number = 0

    def packets(self, payload: bytes, user_timestamp: int | None, now: float) -> list[bytes]:
        """The messages for a frame; at least one.

        Raises:
            LocalProtocolError: The frame is too large.
        """
        count = max(1, -(-len(payload) // _PAYLOAD_SIZE))
        if count > MAX_FRAME_PACKETS:
            raise LocalProtocolError(
                f"a frame of {len(payload)} bytes is larger than the {MAX_FRAME_SIZE} that "
                "receivers of data tracks put together; send a file, or smaller frames"
            )
        timestamp = (self._epoch + round(now * _CLOCK_RATE)) & _WRAP_32
        messages = [
            encode_packet(
                DataTrackPacket(
                    self._handle,
                    (self._sequence + place) & _WRAP_16,
                    self._frame_number,
                    timestamp,
                    starts=place == 0,
                    ends=place == count - 1,
                    payload=payload[place * _PAYLOAD_SIZE : (place + 1) * _PAYLOAD_SIZE],
                    user_timestamp=user_timestamp,
                )
            )
            for place in range(count)
        ]
        self._sequence = (self._sequence + count) & _WRAP_16
        self._frame_number = (self._frame_number + 1) & _WRAP_16
        return messages
