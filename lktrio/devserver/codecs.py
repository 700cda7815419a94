"""The codecs of the server, and which of them a client may use."""

from __future__ import annotations

from lktrio import proto

__all__ = ["OFFERED_CODECS", "EnabledCodecs"]

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


class EnabledCodecs:
    """The codecs that one client may use.

    Args:
        configuration: What its client is told about itself.

    Attributes:
        publish: What it may send.
        subscribe: What it may receive.
    """

    def __init__(self, configuration: proto.ClientConfiguration | None = None) -> None:
        disabled = configuration.disabled_codecs if configuration is not None else None
        disabled = disabled or proto.DisabledCodecs()
        without = {codec.mime for codec in disabled.codecs}
        unsent = {codec.mime for codec in disabled.publish}
        self.subscribe = tuple(mime for mime in OFFERED_CODECS if mime not in without)
        self.publish = tuple(mime for mime in self.subscribe if mime not in unsent)

    def for_publishing(self, mime: str, *, video: bool) -> str:
        """A codec or, if the client may not send it in such a track, another of its kind."""
        kind = "video/" if video else "audio/"
        allowed = [known for known in self.publish if known.startswith(kind)]
        return mime if mime.lower() in (known.lower() for known in allowed) else allowed[0]
