"""What the server is told about a track before there is one (LiveKit's ``AddTrackRequest``)."""

from __future__ import annotations

from dataclasses import dataclass

from lktrio import proto
from lktrio.media import H264, OPUS, VP8, Codec
from lktrio.room.state.enums import TrackSource
from lktrio.rtc import capabilities

__all__ = ["TrackDescription"]

_CAPABILITIES = {
    OPUS.mime: capabilities.OPUS,
    VP8.mime: capabilities.VP8,
    H264.mime: capabilities.H264,
}
_SOURCES = {  # by kind, the usual one first
    "audio": (TrackSource.MICROPHONE, TrackSource.SCREEN_SHARE_AUDIO, TrackSource.UNKNOWN),
    "video": (TrackSource.CAMERA, TrackSource.SCREEN_SHARE, TrackSource.UNKNOWN),
}


@dataclass(frozen=True, slots=True)
class TrackDescription:
    """What is announced about a track."""

    codec: Codec
    """What the frames are encoded with."""
    name: str = ""
    """Free text for other participants."""
    source: TrackSource | str = ""
    """Where the media comes from; empty for the usual one of the kind."""
    width: int = 0
    """Width of video in pixels, 0 if unknown."""
    height: int = 0
    """Height of video in pixels, 0 if unknown."""
    muted: bool = False
    """Whether it starts muted."""
    stereo: bool = False
    """Whether Opus is stereo."""
    stream: str = ""
    """Tracks of one stream name are synchronised; empty for the server's choice."""

    @property
    def actual_source(self) -> TrackSource:
        """The source, with the default filled in."""
        return TrackSource(self.source or _SOURCES[self.codec.kind][0])

    @property
    def capability(self) -> capabilities.CodecCapability:
        """The codec as the track's section offers it first."""
        stereo = self.stereo and self.codec.mime == OPUS.mime
        return capabilities.OPUS_STEREO if stereo else _CAPABILITIES[self.codec.mime]

    def check(self) -> None:
        """Refuse what cannot be published.

        Raises:
            ValueError: The codec cannot be published, or the source is none of its kind.
        """
        if self.codec.mime not in _CAPABILITIES:
            names = ", ".join(_CAPABILITIES)
            raise ValueError(
                f"{self.codec.mime} cannot be published; these can: {names}. Encode the media "
                "with one of them first"
            )
        sources = _SOURCES[self.codec.kind]
        if self.source and self.source.lower() not in sources:
            raise ValueError(
                f"{str(self.source)!r} is no source of {self.codec.kind}; it is one of "
                f"{', '.join(sources)}"
            )

    def request(self, cid: str) -> proto.AddTrackRequest:
        """The announcement."""
        video = self.codec.kind == "video"
        layer = proto.VideoLayer(
            quality=proto.VideoQuality.HIGH, width=self.width, height=self.height
        )
        simulcast = proto.SimulcastCodec(codec=self.codec.name.lower(), cid=cid)
        return proto.AddTrackRequest(
            cid=cid,
            name=self.name,
            type=proto.TrackType.VIDEO if video else proto.TrackType.AUDIO,
            source=self.actual_source.to_proto(proto.TrackSource),
            width=self.width,
            height=self.height,
            muted=self.muted,
            layers=[layer] if video else [],
            simulcast_codecs=[simulcast] if video else [],
            disable_red=True,
            stereo=self.stereo,
            audio_features=[proto.AudioTrackFeature.TF_STEREO] if self.stereo else [],
            stream=self.stream,
        )
