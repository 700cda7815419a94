"""What a peer can send and receive: codecs, their payload types, and RTP header extensions.

The payload types are those of LiveKit's own table, so that an offer of ours and one of the server
agree without translation. An answer always takes over the numbers of the offer (RFC 3264), so
nothing else may depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from lktrio.rtc.rtp.extensions import (
    ABS_SEND_TIME_URI,
    AUDIO_LEVEL_URI,
    MID_URI,
    REPAIRED_RID_URI,
    RID_URI,
    TRANSPORT_CC_URI,
)
from lktrio.rtc.sdp import RtpCodec

__all__ = [
    "AV1",
    "H264",
    "H265",
    "OPUS",
    "OPUS_STEREO",
    "VP8",
    "VP9",
    "CodecCapability",
    "MediaCapabilities",
    "PACKET_CODECS",
    "MediaKind",
    "match_codec",
    "with_first",
]

MediaKind: TypeAlias = Literal["audio", "video"]

_VIDEO_FEEDBACK = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
_H264_CONSTRAINED_BASELINE = "42e01f"
_H264_HIGH = "640032"


@dataclass(frozen=True, slots=True)
class CodecCapability:
    """One codec configuration that a peer offers or accepts."""

    mime: str
    """Media type, such as ``"video/VP8"``."""
    payload_type: int
    """Payload type in offers of ours."""
    clock_rate: int
    """RTP clock in Hz."""
    channels: int = 1
    """Audio channels in the rtpmap; 1 for video."""
    parameters: tuple[tuple[str, str | None], ...] = ()
    """Format parameters (``a=fmtp``), in order."""
    feedback: tuple[str, ...] = ()
    """RTCP feedback (``a=rtcp-fb``) that we send and understand."""
    rtx_payload_type: int | None = None
    """Payload type of its retransmissions (RFC 4588) in offers of ours."""

    @property
    def name(self) -> str:
        """Encoding name, such as ``"VP8"``."""
        return self.mime.partition("/")[2]

    def offer(self) -> list[RtpCodec]:
        """The codec as it appears in an offer, with its retransmission format."""
        codec = RtpCodec(
            payload_type=self.payload_type,
            name=self.name,
            clock_rate=self.clock_rate,
            channels=self.channels,
            parameters=dict(self.parameters),
            feedback=list(self.feedback),
        )
        if self.rtx_payload_type is None:
            return [codec]
        return [codec, rtx_codec(self.rtx_payload_type, self.payload_type, self.clock_rate)]


def rtx_codec(payload_type: int, associated: int, clock_rate: int) -> RtpCodec:
    """Build the retransmission format (RFC 4588) of the payload type ``associated``."""
    return RtpCodec(
        payload_type=payload_type,
        name="rtx",
        clock_rate=clock_rate,
        channels=1,
        parameters={"apt": str(associated)},
        feedback=[],
    )


def _h264(payload_type: int, profile: str, mode: str) -> CodecCapability:
    return CodecCapability(
        "video/H264",
        payload_type,
        90_000,
        parameters=(
            ("level-asymmetry-allowed", "1"),
            ("packetization-mode", mode),
            ("profile-level-id", profile),
        ),
        feedback=_VIDEO_FEEDBACK,
        rtx_payload_type=payload_type + 1,
    )


OPUS = CodecCapability(
    "audio/opus",
    111,
    48_000,
    channels=2,
    parameters=(("minptime", "10"), ("useinbandfec", "1")),
    feedback=("nack",),
)
OPUS_STEREO = replace(OPUS, parameters=(*OPUS.parameters, ("sprop-stereo", "1"), ("stereo", "1")))
"""Opus of a section that sends two channels (RFC 7587 section 6.1)."""
VP8 = CodecCapability("video/VP8", 96, 90_000, feedback=_VIDEO_FEEDBACK, rtx_payload_type=97)
H264 = _h264(108, _H264_CONSTRAINED_BASELINE, "1")
VP9 = CodecCapability(
    "video/VP9",
    98,
    90_000,
    parameters=(("profile-id", "0"),),
    feedback=_VIDEO_FEEDBACK,
    rtx_payload_type=99,
)
AV1 = CodecCapability("video/AV1", 35, 90_000, feedback=_VIDEO_FEEDBACK, rtx_payload_type=36)
H265 = CodecCapability("video/H265", 116, 90_000, feedback=_VIDEO_FEEDBACK, rtx_payload_type=117)
PACKET_CODECS = (VP9, AV1, H265)
"""Codecs whose frames we cannot put together; they are not offered unless asked for."""
_H264_VARIANTS = (
    H264,
    _h264(125, _H264_CONSTRAINED_BASELINE, "0"),
    _h264(123, _H264_HIGH, "1"),
)


@dataclass(frozen=True, slots=True)
class MediaCapabilities:
    """Everything a peer negotiates for its media sections."""

    audio_codecs: tuple[CodecCapability, ...] = (OPUS,)
    """Audio codecs in order of preference."""
    video_codecs: tuple[CodecCapability, ...] = (VP8, *_H264_VARIANTS)
    """Video codecs in order of preference."""
    audio_extensions: tuple[str, ...] = (MID_URI, AUDIO_LEVEL_URI)
    """URIs of the RTP header extensions of audio sections."""
    video_extensions: tuple[str, ...] = (
        MID_URI,
        RID_URI,
        REPAIRED_RID_URI,
        ABS_SEND_TIME_URI,
        TRANSPORT_CC_URI,
    )
    """URIs of the RTP header extensions of video sections."""
    extension_ids: dict[str, int] = field(
        default_factory=lambda: {
            uri: number
            for number, uri in enumerate(
                (
                    AUDIO_LEVEL_URI,
                    ABS_SEND_TIME_URI,
                    TRANSPORT_CC_URI,
                    MID_URI,
                    RID_URI,
                    REPAIRED_RID_URI,
                ),
                start=1,
            )
        }
    )
    """Identifiers in offers of ours; one URI has one identifier in a whole peer connection."""

    def codecs(self, kind: MediaKind) -> tuple[CodecCapability, ...]:
        """The codecs of one kind."""
        return self.audio_codecs if kind == "audio" else self.video_codecs

    def extensions(self, kind: MediaKind) -> tuple[str, ...]:
        """The header extensions of one kind."""
        return self.audio_extensions if kind == "audio" else self.video_extensions


def match_codec(
    remote: RtpCodec, capabilities: tuple[CodecCapability, ...]
) -> CodecCapability | None:
    """Find the capability that ``remote`` describes, or None if we do not have it.

    H.264 configurations match by packetization mode and profile; the level may differ, since
    ``level-asymmetry-allowed`` makes it a property of each direction (RFC 6184 section 8.2.2).
    """
    if remote.is_rtx:
        return None
    name, channels = remote.name.lower(), remote.channels or 1
    for capability in capabilities:
        same = (
            capability.clock_rate == remote.clock_rate
            and capability.channels == channels
            and capability.name.lower() == name
        )
        if same and (capability.name != "H264" or _same_h264(remote, capability)):
            return capability
    return None


def _same_h264(remote: RtpCodec, capability: CodecCapability) -> bool:
    ours = dict(capability.parameters)
    return (remote.parameters.get("packetization-mode") or "0") == ours["packetization-mode"] and (
        _h264_profile(remote.parameters.get("profile-level-id"))
        == _h264_profile(ours["profile-level-id"])
    )


def _h264_profile(profile_level_id: str | None) -> str:
    """Reduce a profile-level-id to its profile: baseline and constrained baseline are one.

    We neither encode nor decode, and no WebRTC peer sends the tools in which they differ.
    """
    text = (profile_level_id or "42e01f").lower()
    return "42" if text.startswith("42") else text[:2]


def with_first(
    codecs: tuple[CodecCapability, ...], preferred: CodecCapability
) -> tuple[CodecCapability, ...]:
    """Put ``preferred`` at the head of ``codecs``, in place of what has its payload type."""
    others = (codec for codec in codecs if codec.payload_type != preferred.payload_type)
    return (preferred, *others)
