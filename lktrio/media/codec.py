"""The codecs that a track can be published in without any transcoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lktrio.errors import CodecUnavailable

__all__ = ["CODECS", "H264", "OPUS", "PCMA", "PCMU", "VP8", "Codec", "find_codec"]


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec as it is negotiated (RFC 8866 §6.6 and the payload format of each codec)."""

    name: str
    """Short name, such as ``"VP8"``."""
    mime: str
    """Media type, such as ``"video/VP8"``; upper and lower case are the same."""
    kind: Literal["audio", "video"]
    """What it carries."""
    clock_rate: int
    """RTP clock rate, in Hz."""
    channels: int | None = None
    """Channels that RTP announces; None for video."""
    fmtp: str = ""
    """Format parameters that are offered."""

    def same_as(self, other: Codec) -> bool:
        """Whether both are the same codec, whatever their parameters."""
        return self.mime.lower() == other.mime.lower()


OPUS = Codec("opus", "audio/opus", "audio", 48_000, 2, "minptime=10;useinbandfec=1")
"""Opus (RFC 7587): always announced with two channels, whatever is in the packets."""

VP8 = Codec("VP8", "video/VP8", "video", 90_000)
"""VP8 (RFC 7741)."""

H264 = Codec(
    "H264",
    "video/H264",
    "video",
    90_000,
    fmtp="level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
)
"""H.264 constrained baseline, level 3.1 (RFC 6184)."""

PCMU = Codec("PCMU", "audio/PCMU", "audio", 8000, 1)
"""G.711 with mu-law, the telephone's codec in America and Japan (RFC 3551 §4.5.14)."""

PCMA = Codec("PCMA", "audio/PCMA", "audio", 8000, 1)
"""G.711 with A-law, the telephone's codec elsewhere (RFC 3551 §4.5.14)."""

CODECS = (OPUS, VP8, H264, PCMU, PCMA)
"""Every codec here."""


def find_codec(mime: str) -> Codec:
    """The codec with a media type.

    Args:
        mime: Such as ``"video/vp8"``; upper and lower case are the same.

    Raises:
        CodecUnavailable: There is none.
    """
    for codec in CODECS:
        if codec.mime.lower() == mime.lower():
            return codec
    known = ", ".join(codec.mime for codec in CODECS)
    raise CodecUnavailable(f"no codec {mime!r}; there are {known}")
