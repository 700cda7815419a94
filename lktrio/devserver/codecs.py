"""The codecs that the server forwards."""

from __future__ import annotations

__all__ = ["OFFERED_CODECS", "publishable_codec"]

OFFERED_CODECS = (
    "video/VP8",
    "video/H264",
    "video/VP9",
    "video/AV1",
    "audio/opus",
    "audio/PCMU",
    "audio/PCMA",
)
"""Every codec that the server forwards, those first that most clients have."""


def publishable_codec(mime: str, *, video: bool) -> str:
    """A codec, or the first of its kind if the server does not forward it in such a track.

    Args:
        mime: The media type that a client asks for.
        video: The kind of the track.
    """
    kind = "video/" if video else "audio/"
    offered = [known for known in OFFERED_CODECS if known.startswith(kind)]
    return mime if mime.lower() in (known.lower() for known in offered) else offered[0]
