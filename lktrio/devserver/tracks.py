"""Tracks as their publisher describes them, and the layers that carry them.

A track exists from AddTrack on; it is *published* when a section of the publisher's description
carries it. Its media arrives as one stream, or with simulcast as one per layer, named by rid. The
subscribers' `DownTrack`s hang on the track and take from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lktrio import proto
from lktrio.devserver.ids import new_track_sid
from lktrio.rtc.inbound import InboundStream
from lktrio.rtc.payload import MIME_TYPES, Depacketizer, depacketizer
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.transceiver import Transceiver

if TYPE_CHECKING:
    from lktrio.devserver.downtrack import DownTrack
    from lktrio.devserver.participant import Participant

__all__ = ["Layer", "PublishedTrack", "describe_track", "mime_of", "version_now"]

_RIDS = {"q": 0, "h": 1, "f": 2, "2": 0, "1": 1, "0": 2}
"""Names of layers and the quality they have: what LiveKit's clients use."""
ACTIVE_WINDOW = 1.0
"""Seconds without a packet after which a layer counts as stopped."""
_STREAMS = {
    proto.TrackSource.CAMERA: "camera",
    proto.TrackSource.MICROPHONE: "camera",
    proto.TrackSource.SCREEN_SHARE: "screen",
    proto.TrackSource.SCREEN_SHARE_AUDIO: "screen",
}
QUALITY_HOLD = 5.0
"""Seconds for which a publisher goes on with a quality that nobody wants any more."""
_QUALITIES = (proto.VideoQuality.LOW, proto.VideoQuality.MEDIUM, proto.VideoQuality.HIGH)
_SVC_CODECS = ("vp9", "av1")


def version_now() -> proto.TimedVersion:
    """The version of something that changed now."""
    return proto.TimedVersion(unix_micro=time.time_ns() // 1000)


def describe_track(request: proto.AddTrackRequest) -> proto.TrackInfo:
    """Describe a track as its publisher asked for it, before any media is negotiated."""
    video = request.type == proto.TrackType.VIDEO
    layers = sorted(request.layers, key=lambda layer: int(layer.quality))
    info = proto.TrackInfo(
        sid=new_track_sid(request.type, request.source),
        type=request.type,
        name=request.name,
        muted=request.muted,
        width=request.width,
        height=request.height,
        disable_dtx=request.disable_dtx,
        source=request.source,
        layers=layers,
        stereo=request.stereo,
        disable_red=request.disable_red,
        encryption=request.encryption,
        stream=request.stream or _STREAMS.get(request.source, "unknown"),
        audio_features=list(request.audio_features),
        backup_codec_policy=request.backup_codec_policy,
        packet_trailer_features=list(request.packet_trailer_features),
    )
    info.codecs = [
        _codec_info(codec.codec, codec.cid, video, codec.layers or layers, codec.video_layer_mode)
        for codec in request.simulcast_codecs
    ] or [_codec_info("", request.cid, video, layers, proto.VideoLayer.Mode.MODE_UNUSED)]
    info.simulcast = video and any(len(codec.layers) > 1 for codec in request.simulcast_codecs)
    return info


def _codec_info(
    name: str, cid: str, video: bool, layers: list[proto.VideoLayer], mode: proto.VideoLayer.Mode
) -> proto.SimulcastCodecInfo:
    modes = proto.VideoLayer.Mode
    if mode == modes.MODE_UNUSED:
        svc = mime_of(name, video=video).rpartition("/")[2].lower() in _SVC_CODECS
        mode = (
            modes.MULTIPLE_SPATIAL_LAYERS_PER_STREAM if svc else modes.ONE_SPATIAL_LAYER_PER_STREAM
        )
    return proto.SimulcastCodecInfo(
        mime_type=mime_of(name, video=video) if name else "",
        cid=cid,
        layers=sorted(layers, key=lambda layer: int(layer.quality)) if video else [],
        video_layer_mode=mode,
    )


def mime_of(name: str, *, video: bool) -> str:
    """A codec name with the media type in front, if it was missing."""
    return name if "/" in name else f"{'video' if video else 'audio'}/{name}"


@dataclass(slots=True, eq=False)
class Layer:
    """One stream of a track: all of it, or a simulcast layer."""

    rid: str
    spatial: int
    """0 is the smallest picture."""
    stream: InboundStream
    last_packet: float = -ACTIVE_WINDOW
    """When the newest packet arrived."""

    def is_active(self, now: float) -> bool:
        """Whether packets are arriving."""
        return now - self.last_packet < ACTIVE_WINDOW


class PublishedTrack:
    """A track of which a section of its publisher's description carries the media.

    Args:
        participant: The publisher.
        info: Its description, shared with the participant's.
        transceiver: The section.
        mime: The codec in use, such as ``video/VP8``.
        request_keyframe: Asks the publisher for a keyframe of a stream.

    Attributes:
        layers: The streams known so far, smallest picture first.
        downtracks: Who takes from it.
        announced_subscribed: Whether the publisher was told of a first subscriber.
    """

    def __init__(
        self,
        participant: Participant,
        info: proto.TrackInfo,
        transceiver: Transceiver,
        mime: str,
        request_keyframe: Callable[[InboundStream], None],
    ) -> None:
        self.participant = participant
        self.info = info
        self.transceiver = transceiver
        self.mime = mime
        self.layers: list[Layer] = []
        self.downtracks: list[DownTrack] = []
        self.announced_subscribed = False
        self.depacketizer: Depacketizer | None = None
        if mime.lower() in (known.lower() for known in MIME_TYPES):
            self.depacketizer = depacketizer(mime)
        self._request_keyframe = request_keyframe
        self._by_stream: dict[InboundStream, Layer] = {}
        self._told_quality: int | None = None
        self._lower_since: float | None = None

    @property
    def sid(self) -> str:
        """``TR_…``."""
        return self.info.sid

    @property
    def is_video(self) -> bool:
        """Whether it is video."""
        return self.info.type == proto.TrackType.VIDEO

    def starts(self, packet: RtpPacket) -> bool:
        """Whether a subscriber can begin with this packet: for video, the start of a keyframe."""
        payload = packet.payload
        if not payload:
            return False
        if not self.is_video or self.depacketizer is None:
            return True
        return self.depacketizer.starts_frame(payload) and self.depacketizer.is_keyframe(payload)

    def add_stream(self, stream: InboundStream, rid: str) -> Layer:
        """Take up a stream that was recognised as part of the track."""
        layer = Layer(rid, self._spatial(rid), stream)
        self.layers = [known for known in self.layers if known.rid != rid] + [layer]
        self.layers.sort(key=lambda known: known.spatial)
        self._by_stream = {known.stream: known for known in self.layers}
        self._describe(layer)
        return layer

    def layer_of(self, stream: InboundStream) -> Layer | None:
        """The layer that a stream carries."""
        return self._by_stream.get(stream)

    def _spatial(self, rid: str) -> int:
        """Number of a layer; what is not named as usual is counted in the order of its section."""
        remote = self.transceiver.remote
        rids = [described.id for described in remote.rids] if remote is not None else []
        if all(name in _RIDS for name in rids):
            order = sorted(rids, key=_RIDS.__getitem__)
        else:
            order = rids
        return order.index(rid) if rid in order else 0

    def _describe(self, layer: Layer) -> None:
        """Put the SSRC and the rid of a layer where the description lists it."""
        listed = self.info.layers
        for group in (listed, *(codec.layers for codec in self.info.codecs[:1])):
            if layer.spatial < len(group):
                group[layer.spatial].ssrc = layer.stream.ssrc
                group[layer.spatial].rid = layer.rid
                group[layer.spatial].spatial_layer = layer.spatial
        self.info.version = version_now()

    def update_quality(self, now: float) -> None:
        """Tell the publisher which qualities anybody wants, at once when it is more (dynacast)."""
        if not self.is_video:
            return
        wanted = [d.max_spatial for d in self.downtracks if d.bound and not d.disabled]
        highest = max(wanted, default=-1)
        told = self._told_quality
        if highest == told or (told is None and not wanted):
            self._lower_since = None
        elif told is None or highest > told:
            self._tell_quality(highest)
        elif self._lower_since is None:
            self._lower_since = now
        elif now - self._lower_since >= QUALITY_HOLD:
            self._tell_quality(highest)

    def _tell_quality(self, highest: int) -> None:
        self._told_quality, self._lower_since = highest, None
        qualities = [
            proto.SubscribedQuality(quality=quality, enabled=quality <= highest)
            for quality in _QUALITIES
        ]
        codec = self.mime.rpartition("/")[2].lower()
        update = proto.SubscribedQualityUpdate(
            track_sid=self.sid,
            subscribed_qualities=qualities,
            subscribed_codecs=[proto.SubscribedCodec(codec=codec, qualities=qualities)],
        )
        self.participant.send(proto.SignalResponse(subscribed_quality_update=update))

    def request_keyframe(self, layer: Layer) -> None:
        """Ask the publisher for a keyframe of a layer."""
        self._request_keyframe(layer.stream)
