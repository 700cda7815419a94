"""Retransmissions on an SSRC of their own (RTX, RFC 4588 section 4).

A retransmission is a new packet whose payload is the original sequence number and the old payload.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["OSN_SIZE", "Rtx", "unwrap", "wrap"]

OSN_SIZE = 2
"""Bytes of the original sequence number before the payload."""


@dataclass(frozen=True, slots=True)
class Rtx:
    """Where retransmissions go."""

    ssrc: int
    """SSRC of the retransmissions."""
    payload_type: int
    """Payload type that repairs the stream's."""


def wrap(index: int, payload: bytes) -> bytes:
    """The payload of a retransmission.

    Args:
        index: Extended sequence number of the original packet.
        payload: Its payload.
    """
    return (index & 0xFFFF).to_bytes(OSN_SIZE, "big") + payload


def unwrap(payload: bytes, highest: int) -> tuple[int, bytes] | None:
    """The original packet of a retransmission, None for a probe that repeats nothing.

    Args:
        payload: Payload of the retransmission.
        highest: Highest extended sequence number of the media: the original is not later.

    Returns:
        Extended sequence number, which is negative for a packet before the first, and payload.
    """
    if len(payload) < OSN_SIZE:
        return None
    distance = (highest - (payload[0] << 8 | payload[1])) & 0xFFFF
    return highest - distance, payload[OSN_SIZE:]
