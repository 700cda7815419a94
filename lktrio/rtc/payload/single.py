"""Payload formats in which one frame is one payload: Opus and G.711 (RFC 7587, RFC 3551).

Theory of operation: an Opus packet is one RTP payload (RFC 7587 §4.2), and so are the samples
of G.711, one byte each (RFC 3551 §4.5.14). There is nothing to split or to join, and every
frame can be decoded on its own. Encrypted frames keep at most their first byte in clear, which
is why nothing here looks inside.
"""

from __future__ import annotations

from collections.abc import Sequence

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.payload.base import check_inbound, check_outbound

__all__ = ["SingleDepacketizer", "SinglePacketizer"]


class SinglePacketizer:
    """Sends each frame as one payload.

    Args:
        name: What error messages call a frame, such as ``"Opus packet"``.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def preamble(self) -> bytes:
        """See `Packetizer.preamble`: there is none, as every payload is a frame."""
        return b""

    def pack(self, frame: bytes, budget: int) -> list[bytes]:
        """See `Packetizer.pack`; a frame larger than the budget is refused, not split."""
        check_outbound(frame, budget)
        if len(frame) > budget:
            raise LocalProtocolError(
                f"the {self._name} has {len(frame)} bytes and cannot be split over RTP "
                f"packets, which have room for {budget}; encode shorter frames or fewer bits"
            )
        return [frame]


class SingleDepacketizer:
    """Takes each payload as one frame.

    Args:
        name: See `SinglePacketizer`.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def starts_frame(self, payload: bytes) -> bool:
        """See `Depacketizer.starts_frame`."""
        return bool(payload)

    def is_keyframe(self, payload: bytes) -> bool:
        """See `Depacketizer.is_keyframe`: every frame decodes on its own."""
        return bool(payload)

    def assemble(self, payloads: Sequence[bytes]) -> bytes:
        """See `Depacketizer.assemble`."""
        check_inbound(payloads)
        if len(payloads) > 1:
            raise RemoteProtocolError(f"one {self._name} in {len(payloads)} packets")
        if not payloads[0]:
            raise RemoteProtocolError(f"an empty {self._name}")
        return payloads[0]
