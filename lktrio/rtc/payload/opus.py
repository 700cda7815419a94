"""What an Opus packet says about itself (RFC 6716 §3).

Theory of operation: the first byte of a packet, the TOC, gives mode, bandwidth, frame size and
channels; together with the frame count byte of code 3 it gives the duration without decoding
anything. Durations are in samples at 48 kHz, the RTP clock of Opus whatever the coded bandwidth
is (RFC 7587 §4.1). In RTP an Opus packet is a payload as it is; see `lktrio.rtc.payload.single`.
"""

from __future__ import annotations

from lktrio._protocol_errors import RemoteProtocolError

__all__ = [
    "CLOCK_RATE",
    "MAX_PACKET_SAMPLES",
    "frame_samples",
    "packet_samples",
]

CLOCK_RATE = 48_000
"""RTP clock rate of Opus, in Hz (RFC 7587 §4.1)."""

MAX_PACKET_SAMPLES = CLOCK_RATE * 120 // 1000
"""Longest packet, 120 ms (RFC 6716 §3.2.5), in samples at 48 kHz."""

_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)
_FRAME_SAMPLES = _SILK * 3 + _HYBRID * 2 + _CELT * 4
"""Samples per frame at 48 kHz by configuration number (RFC 6716 §3.1, table 2)."""


def frame_samples(toc: int) -> int:
    """Samples at 48 kHz of each frame in a packet with this TOC byte (RFC 6716 §3.1)."""
    return _FRAME_SAMPLES[toc >> 3]


def packet_samples(packet: bytes) -> int:
    """Duration of an Opus packet in samples at 48 kHz, read from its first two bytes.

    Raises:
        RemoteProtocolError: The packet is empty, or says that it holds no frame or more than
            120 ms (RFC 6716 §3.4, requirements 1, 2 and 5).
    """
    if not packet:
        raise RemoteProtocolError("an empty Opus packet")
    samples = frame_samples(packet[0]) * _frame_count(packet)
    if not 0 < samples <= MAX_PACKET_SAMPLES:
        raise RemoteProtocolError(f"an Opus packet of {samples / 48:g} ms; 2.5 to 120 are possible")
    return samples


def _frame_count(packet: bytes) -> int:
    code = packet[0] & 3
    if code < 3:
        return (1, 2, 2)[code]
    if len(packet) < 2:
        raise RemoteProtocolError("an Opus packet without its frame count byte")
    return packet[1] & 0x3F
