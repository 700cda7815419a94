"""What is known of the RTP streams of tracks: numbers, as they were at one moment.

Counters only grow as long as a stream has the same SSRC; `lktrio.room.state.stats` says more.
"""

from __future__ import annotations

from dataclasses import dataclass

from lktrio.room.state.enums import TrackKind

__all__ = ["InboundStreamStats", "MediaStreamStats", "OutboundStreamStats"]

_BITS = 8


@dataclass(frozen=True, slots=True)
class MediaStreamStats:
    """What is known of an RTP stream in either direction."""

    taken_at: float
    """When, in seconds of trio's clock."""
    track_sid: str
    """SID of its track."""
    kind: TrackKind
    """Audio or video."""
    mime_type: str
    """What it carries, such as ``"video/VP8"``; empty before the first packet."""
    ssrc: int
    """Its SSRC."""
    packets: int
    """Packets sent or received, retransmissions excluded."""
    bytes: int
    """Payload bytes sent or received."""
    frames: int
    """Frames sent, or received whole."""
    nacked: int
    """Packets that the receiver has asked for again (sent: messages that ask)."""
    keyframe_requests: int
    """Keyframes that the receiver has asked for (PLI, FIR)."""

    def bitrate(self, earlier: MediaStreamStats | None) -> float:
        """Bits per second of payload since an earlier moment.

        Args:
            earlier: The same stream's then; None, or what was said of another stream, counts as a
                stream that had carried nothing.

        Returns:
            The mean between the two; 0 if no time has passed, or there is nothing to compare with.
        """
        if earlier is None or self.taken_at <= earlier.taken_at:
            return 0.0
        before = earlier.bytes if earlier.ssrc == self.ssrc else 0
        return (self.bytes - before) * _BITS / (self.taken_at - earlier.taken_at)


@dataclass(frozen=True, slots=True)
class OutboundStreamStats(MediaStreamStats):
    """A stream that we send."""

    round_trip: float | None
    """Seconds to the server and back, by RTCP reports; None before the first."""
    resent: int
    """Packets sent again because they were asked for."""
    resend_refused: int
    """Packets asked for again that were not sent: no longer there, sent again a moment ago, or more
    than the share of the bandwidth that repairs may take."""
    fraction_lost: float
    """The part of our packets that the server has missed of late, 0 to 1, by its last report."""
    frames_dropped: int
    """Frames that went nowhere because the link with the server was being replaced."""


@dataclass(frozen=True, slots=True)
class InboundStreamStats(MediaStreamStats):
    """A stream that we receive."""

    participant_identity: str
    """Who publishes its track."""
    lost: int
    """Packets that have not come, as receiver reports count them; negative for repetitions."""
    given_up: int
    """Packets that were waited for in vain."""
    jitter: float
    """Interarrival jitter in seconds (RFC 3550 section 6.4.1)."""
    repaired: int
    """Packets recovered by retransmission."""
    restored: int
    """Audio packets recovered from redundant ones (RED)."""
    useless_repairs: int
    """Retransmissions of packets that were there already."""
    malformed: int
    """Packets dropped because they made no sense."""
    unknown_payload_type: int
    """Packets dropped because nobody has agreed on what is in them."""
    frames_unread: int
    """Frames dropped because somebody has not read ``frames`` in time."""
    packets_unread: int
    """The same for ``packets``."""
    freezes: int
    """How often video stood still while its frames were read, for whatever reason: for three times
    as long as a frame usually lasts, and for 150 ms longer (W3C's ``freezeCount``)."""
    frozen: float
    """Seconds that it stood still altogether."""
