"""Tracks as their publisher describes them.

A track exists from AddTrack on; it is *published* when a section of the publisher's description
carries it. More sections may carry it in other codecs, for subscribers that cannot take the first;
the publisher is told when there are such. Every subscriber's copy of the track is a `TrackReceiver`
and takes from one of its `Encoding`s.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from lktrio import proto
from lktrio.devserver.codecs import publishable_codec
from lktrio.devserver.dynacast import NOTHING, Dynacast
from lktrio.devserver.encoding import Encoding, Layer
from lktrio.devserver.ids import new_track_sid
from lktrio.devserver.permissions import TrackSubscriber
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.inbound import InboundStream

__all__ = [
    "PublishedTrack",
    "TrackPublisher",
    "TrackReceiver",
    "describe_track",
    "mime_of",
    "version_now",
]

_STREAMS = {
    proto.TrackSource.CAMERA: "camera",
    proto.TrackSource.MICROPHONE: "camera",
    proto.TrackSource.SCREEN_SHARE: "screen",
    proto.TrackSource.SCREEN_SHARE_AUDIO: "screen",
}
_CROWD = 5
"""Participants from which on a publisher rather sends two codecs than a worse one to all."""
_Policy = proto.BackupCodecPolicy
_SVC_CODECS = ("vp9", "av1")


def version_now() -> proto.TimedVersion:
    """The version of something that changed now."""
    return proto.TimedVersion(unix_micro=time.time_ns() // 1000)


def describe_track(request: proto.AddTrackRequest, random: RandomBytes) -> proto.TrackInfo:
    """Describe a track as its publisher asked for it, before any media is negotiated."""
    video = request.type == proto.TrackType.VIDEO
    layers = sorted(request.layers, key=lambda layer: int(layer.quality))
    info = proto.TrackInfo(
        sid=new_track_sid(request.type, request.source, random),
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
        audio_features=_audio_features(request),
        backup_codec_policy=_backup_policy(request),
        packet_trailer_features=list(dict.fromkeys(request.packet_trailer_features)),
    )
    info.codecs = _codecs(request) or [
        _codec_info("", request.cid, video, layers, proto.VideoLayer.Mode.MODE_UNUSED)
    ]
    info.simulcast = video and any(len(codec.layers) > 1 for codec in request.simulcast_codecs)
    return info


def _audio_features(request: proto.AddTrackRequest) -> list[proto.AudioTrackFeature]:
    features = dict.fromkeys(request.audio_features)
    if request.stereo:
        features[proto.AudioTrackFeature.TF_STEREO] = None
    if request.disable_dtx:
        features[proto.AudioTrackFeature.TF_NO_DTX] = None
    return list(features)


def _backup_policy(request: proto.AddTrackRequest) -> proto.BackupCodecPolicy:
    """As asked for; several codecs of audio are sent side by side unless that is refused."""
    policy = request.backup_codec_policy
    if request.type == proto.TrackType.AUDIO and policy != proto.BackupCodecPolicy.REGRESSION:
        return proto.BackupCodecPolicy.SIMULCAST
    return policy


def _codecs(request: proto.AddTrackRequest) -> list[proto.SimulcastCodecInfo]:
    """The codecs that were asked for, each once; those that are not forwarded are replaced."""
    video = request.type == proto.TrackType.VIDEO
    named = {
        mime_of(codec.codec, video=video).lower(): codec.layers
        for codec in reversed(request.simulcast_codecs)
    }
    found: dict[str, proto.SimulcastCodecInfo] = {}
    for codec in request.simulcast_codecs:
        mime = publishable_codec(mime_of(codec.codec, video=video), video=video)
        layers = named.get(mime.lower()) or request.layers
        info = _codec_info(mime, codec.cid, video, layers, codec.video_layer_mode)
        found.setdefault(mime.lower(), info)
    return list(found.values())


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


class TrackPublisher(Protocol):
    """Whose track it is."""

    @property
    def sid(self) -> str:
        """``PA_…``."""
        ...

    @property
    def identity(self) -> str:
        """Unique within the room."""
        ...

    def permits(self, subscriber: TrackSubscriber, sid: str) -> bool:
        """Whether it lets somebody receive one of its tracks."""
        ...

    def send(self, response: proto.SignalResponse) -> None:
        """Queue a message to its client."""
        ...


class TrackReceiver(Protocol):
    """One subscriber's copy of a track."""

    mime: str
    disabled: bool
    max_spatial: int

    @property
    def bound(self) -> bool:
        """Whether the subscriber agreed to receive it."""
        ...

    def choose(self, now: float) -> None:
        """Decide anew which layer to forward."""
        ...

    def relay(self, layer: Layer, packets: Sequence[RtpPacket], now: float) -> None:
        """Forward packets of a layer to the subscriber."""
        ...

    def set_clock(self, wall: float, now: float) -> None:
        """Put the reports to the subscriber into the publisher's time."""
        ...

    def on_mute_changed(self, now: float) -> None:
        """The publisher muted or unmuted the track."""
        ...

    def on_codecs_changed(self) -> None:
        """The track cannot be had in the codec any more in which the subscriber gets it."""
        ...


class PublishedTrack:
    """A track of which a section of its publisher's description carries the media.

    Args:
        publisher: Whose it is.
        info: Its description, shared with the participant's.
        encoding: How it is sent.

    Attributes:
        encodings: All the ways it is sent now, the publisher's preferred one first.
        receivers: Who takes from it.
        fell_back: Whether everybody gets it in its backup codec, as one could not take the first.
    """

    def __init__(
        self, publisher: TrackPublisher, info: proto.TrackInfo, encoding: Encoding
    ) -> None:
        self.publisher = publisher
        self.info = info
        self.encodings = [encoding]
        self.receivers: list[TrackReceiver] = []
        self.fell_back = False
        self._announced = False
        self._dynacast = Dynacast(info.sid, video=info.type == proto.TrackType.VIDEO)

    @property
    def sid(self) -> str:
        """``TR_…``."""
        return self.info.sid

    @property
    def is_video(self) -> bool:
        """Whether it is video."""
        return self.info.type == proto.TrackType.VIDEO

    @property
    def primary(self) -> Encoding:
        """The encoding that makes it a published track."""
        return self.encodings[0]

    @property
    def codecs(self) -> list[str]:
        """The codecs in which it can be received, the preferred one first."""
        if self.fell_back:
            return [self.info.codecs[1].mime_type]
        promised = [codec.mime_type for codec in self.info.codecs if codec.mime_type]
        names = [*(encoding.mime for encoding in self.encodings), *promised]
        return list({name.lower(): name for name in reversed(names)}.values())[::-1]

    def encoding(self, mime: str) -> Encoding | None:
        """The encoding with that codec, None if it is not sent (yet)."""
        found = (known for known in self.encodings if known.mime.lower() == mime.lower())
        return next(found, None)

    def described(self, mime: str) -> proto.SimulcastCodecInfo | None:
        """The part of its description for a codec."""
        return next((c for c in self.info.codecs if c.mime_type.lower() == mime.lower()), None)

    def falls_back_on(self, encoding: Encoding, participants: int) -> bool:
        """Whether everybody is to get that codec from now on, by the publisher's policy.

        Args:
            encoding: What the publisher has begun to send.
            participants: How many are in the room.
        """
        policy, codecs = self.info.backup_codec_policy, self.info.codecs
        if len(codecs) < 2 or encoding.mime.lower() != codecs[1].mime_type.lower():
            return False
        preferred = policy == _Policy.PREFER_REGRESSION and participants < _CROWD
        return policy == _Policy.REGRESSION or preferred

    def add_encoding(self, encoding: Encoding) -> None:
        """Take up a further codec, or the same one from another section."""
        same = self.encoding(encoding.mime)
        if same is not None and same is not self.primary:
            self.encodings.remove(same)
        self.encodings.append(encoding)
        self.info.version = version_now()

    def add_stream(self, encoding: Encoding, stream: InboundStream, rid: str) -> Layer:
        """Take up a stream that was recognised as part of an encoding."""
        layer = encoding.add_stream(stream, rid)
        if encoding is self.primary:
            encoding.describe(layer, self.info.layers)
        described = self.described(encoding.mime)
        if described is not None:
            encoding.describe(layer, described.layers)
        self.info.version = version_now()
        return layer

    def update_quality(self, now: float) -> None:
        """Tell the publisher which codecs and qualities anybody wants, once its media flows.

        A client that is told while it still publishes the track may not know that one yet.
        """
        if not self.is_video and len(self.info.codecs) < 2:
            return
        if not any(encoding.began for encoding in self.encodings):
            return
        wanted = {encoding.mime.lower(): NOTHING for encoding in self.encodings}
        for receiver in self.receivers:
            if receiver.bound and not receiver.disabled:
                mime = receiver.mime.lower()
                wanted[mime] = max(wanted.get(mime, NOTHING), receiver.max_spatial)
        message = self._dynacast.update(wanted, now)
        if message is not None:
            self.publisher.send(message)

    def announce_subscribed(self) -> None:
        """Tell the publisher, once, that somebody receives the track."""
        if not self._announced:
            self._announced = True
            told = proto.TrackSubscribed(track_sid=self.sid)
            self.publisher.send(proto.SignalResponse(track_subscribed=told))
