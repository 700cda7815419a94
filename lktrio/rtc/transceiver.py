"""A transceiver: one media section of a session description, as one side sees it.

Theory of operation (RFC 8829 section 3.4): a section carries at most one track each way. The
transceiver holds what we want of it (direction, codecs in order of preference, the track we send)
and what was negotiated (mid, codecs with their payload types, header extension numbers, the
track we receive). It knows nothing of packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lktrio.rtc.capabilities import CodecCapability, MediaKind, match_codec
from lktrio.rtc.sdp import Direction, MediaDescription, Msid, RtpCodec

__all__ = [
    "OutboundTrack",
    "Transceiver",
    "intersect",
    "receives",
    "reverse",
    "sends",
]

_FLAGS: dict[Direction, tuple[bool, bool]] = {
    "sendrecv": (True, True),
    "sendonly": (True, False),
    "recvonly": (False, True),
    "inactive": (False, False),
}
_BY_FLAGS: dict[tuple[bool, bool], Direction] = {
    flags: direction for direction, flags in _FLAGS.items()
}


def sends(direction: Direction | None) -> bool:
    """Whether a section of that direction carries media from its author."""
    return direction is not None and _FLAGS[direction][0]


def receives(direction: Direction | None) -> bool:
    """Whether a section of that direction carries media to its author."""
    return direction is not None and _FLAGS[direction][1]


def reverse(direction: Direction) -> Direction:
    """The same direction, seen from the other side."""
    send, receive = _FLAGS[direction]
    return _BY_FLAGS[receive, send]


def intersect(first: Direction, second: Direction) -> Direction:
    """What both directions, seen from one side, allow."""
    return _BY_FLAGS[
        sends(first) and sends(second),
        receives(first) and receives(second),
    ]


@dataclass(frozen=True, slots=True)
class OutboundTrack:
    """The track that we send in a section."""

    stream_id: str
    """First word of the msid; ``-`` for none. LiveKit's server writes ``PA_…|TR_…``."""
    track_id: str
    """Second word of the msid. Towards LiveKit's server: the ``cid`` of AddTrackRequest."""
    ssrc: int
    """SSRC of the media."""
    rtx_ssrc: int | None = None
    """SSRC of its retransmissions (RFC 4588), None where they share the media's."""
    cname: str = "lktrio"
    """Canonical name (RFC 3550 section 6.5.1); tracks of one CNAME can be synchronised."""

    @property
    def msid(self) -> Msid:
        """The msid of the section."""
        return Msid(self.stream_id, self.track_id)


@dataclass(slots=True, eq=False)
class Transceiver:
    """One media section; identity is the object, mids are assigned when it is first offered."""

    kind: MediaKind
    """``"audio"`` or ``"video"``."""
    direction: Direction
    """What we want; takes effect with the next offer or answer."""
    capabilities: tuple[CodecCapability, ...]
    """Our codecs for the section, the preferred one first."""
    mid: str | None = None
    """The section's name, None before it is first described."""
    local_track: OutboundTrack | None = None
    """What we send, or None."""
    current_direction: Direction | None = None
    """What was negotiated, seen from our side; None before the first answer."""
    codecs: list[RtpCodec] = field(default_factory=list[RtpCodec])
    """The negotiated codecs with their payload types, the peer's preferred one first."""
    extension_ids: dict[str, int] = field(default_factory=dict[str, int])
    """Negotiated header extensions: URI to number."""
    remote: MediaDescription | None = None
    """The section of the peer's newest description."""

    @property
    def stopped(self) -> bool:
        """Whether the peer rejected the section; it is of no further use."""
        return self.remote is not None and self.remote.rejected

    @property
    def sending(self) -> bool:
        """Whether media may be sent now."""
        return self.local_track is not None and sends(self.current_direction)

    @property
    def receiving(self) -> bool:
        """Whether media may arrive now."""
        return receives(self.current_direction)

    @property
    def remote_track(self) -> Msid | None:
        """The track that the peer sends, or None when the section carries none.

        The direction alone says nothing: LiveKit's server answers never-used sections with
        ``sendonly`` and no msid. Such as list an SSRC, though, carry a track, which is named after
        the SSRC if there is no other name.
        """
        if self.remote is None or self.stopped or not sends(self.remote.direction):
            return None
        if self.remote.msid is not None:
            return self.remote.msid
        name = self.remote.track_id or next(map(str, self.remote.ssrcs), "")
        return Msid("-", name) if name else None

    def remote_ssrcs(self) -> dict[int, int | None]:
        """The signalled media SSRCs of the peer, each with that of its retransmissions."""
        if self.remote is None:
            return {}
        repair = {
            group.ssrcs[0]: group.ssrcs[1]
            for group in self.remote.ssrc_groups
            if group.semantics == "FID" and len(group.ssrcs) == 2
        }
        repairs = set(repair.values())
        return {ssrc: repair.get(ssrc) for ssrc in self.remote.ssrcs if ssrc not in repairs}

    @property
    def remote_rids(self) -> tuple[str, ...]:
        """The layers that the peer sends in the section, in its order; empty without simulcast.

        A section that was used for another direction before may still list rids of that one.
        """
        if self.remote is None:
            return ()
        sent = dict.fromkeys(rid.id for rid in self.remote.rids if rid.direction == "send")
        if self.remote.simulcast is None:
            return tuple(sent)
        return tuple(rid for rid in self.remote.simulcast.send_rids if rid in sent)

    def codec_for(self, mime: str) -> RtpCodec | None:
        """The first negotiated codec of a media type such as ``"video/VP8"``, or None."""
        name = mime.partition("/")[2].lower()
        return next((codec for codec in self.codecs if codec.name.lower() == name), None)

    def rtx_for(self, codec: RtpCodec) -> RtpCodec | None:
        """The retransmission format of a negotiated codec, or None."""
        return next((rtx for rtx in self.codecs if rtx.apt == codec.payload_type), None)

    def select_codecs(self, remote: Sequence[RtpCodec]) -> list[RtpCodec]:
        """Choose from the peer's codecs those that we have, in its order, with their RTX."""
        chosen: list[RtpCodec] = []
        repaired: set[int | None] = set()
        for codec in remote:
            capability = match_codec(codec, self.capabilities)
            if capability is not None:
                feedback = [kind for kind in codec.feedback if kind in capability.feedback]
                chosen.append(_with_feedback(codec, feedback))
                if capability.rtx_payload_type is not None:
                    repaired.add(codec.payload_type)
        return chosen + [codec for codec in remote if codec.is_rtx and codec.apt in repaired]


def _with_feedback(codec: RtpCodec, feedback: list[str]) -> RtpCodec:
    return RtpCodec(
        codec.payload_type,
        codec.name,
        codec.clock_rate,
        codec.channels,
        dict(codec.parameters),
        feedback,
    )
