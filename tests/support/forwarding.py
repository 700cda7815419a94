"""A track with its layers and one subscriber, without sockets: for looking at what is forwarded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from lktrio import proto
from lktrio.devserver.downtrack import DownTrack, DownTrackOwner
from lktrio.devserver.encoding import Encoding, Layer
from lktrio.devserver.preferences import TrackSettings
from lktrio.devserver.tracks import PublishedTrack, TrackPublisher
from lktrio.rtc.payload.vp8 import Vp8Descriptor
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.inbound import InboundFormat, InboundStream
from lktrio.rtc.transceiver import Transceiver

__all__ = ["DELTA", "KEYFRAME", "SETTINGS", "Scene", "Sink"]

KEYFRAME = bytes((0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xF0, 0x00))
DELTA = bytes((0x31, 0x02, 0x00, 0x00))
SETTINGS = TrackSettings()


class Sink:
    """The subscriber's stream: remembers what is sent."""

    next_sequence = 1000
    clock_rate = 90_000

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.clock: tuple[int, float] | None = None

    def set_clock(self, timestamp: int, now: float) -> None:
        self.clock = (timestamp, now)

    def send_packet(self, payload: bytes, **fields: Any) -> bytes:
        self.sent.append({"payload": payload, **fields})
        return payload


class Scene:
    """A track with layers and one subscriber."""

    def __init__(
        self, rids: tuple[str, ...], *, kind: str = "video", mime: str = "video/VP8"
    ) -> None:
        track_type = proto.TrackType.VIDEO
        if kind == "audio":
            mime, track_type = "audio/opus", proto.TrackType.AUDIO
        self.asked: list[str] = []
        described = tuple(rid for rid in rids if rid)
        transceiver = cast("Transceiver", SimpleNamespace(remote_rids=described, extension_ids={}))
        encoding = Encoding(mime, transceiver, lambda stream: self.asked.append(stream.rid))
        info = proto.TrackInfo(type=track_type)
        self.track = PublishedTrack(cast("TrackPublisher", None), info, encoding)
        self.layers: dict[str, Layer] = {}
        for number, rid in enumerate(rids):
            stream = InboundStream(
                ssrc=number + 1,
                kind="video",
                clock_rate=90_000,
                formats={96: InboundFormat()},
                rid=rid,
            )
            self.layers[rid] = self.track.add_stream(encoding, stream, rid)
        self.firsts = 0
        owner = SimpleNamespace(on_first_packet=self._on_first, on_silence_due=lambda: None)
        self.down = DownTrack(self.track, cast("DownTrackOwner", owner))
        self.sink = Sink()
        self.indices = dict.fromkeys(rids, 0)

    def _on_first(self, downtrack: DownTrack) -> None:
        self.firsts += 1

    def bind(self, now: float = 0.0, settings: TrackSettings = SETTINGS) -> None:
        self.down.apply(settings, now)
        self.down.bind(cast("Any", self.sink), self.track.primary.mime, now)

    def send(
        self, rid: str, now: float, *, key: bool = False, picture: int = 0, padding: bool = False
    ) -> int:
        """Let a packet of a layer arrive; how many packets went out."""
        payload = Vp8Descriptor(True, picture_id=picture).serialize() + (KEYFRAME if key else DELTA)
        return self.send_payload(rid, now, b"" if padding else payload)

    def send_payload(self, rid: str, now: float, payload: bytes, *, marker: bool = True) -> int:
        """Let a packet with that payload arrive; how many packets went out."""
        index = self.indices[rid]
        self.indices[rid] += 1
        packet = RtpPacket(
            96,
            index & 0xFFFF,
            int(now * 90_000) + 7 * self.layers[rid].stream.ssrc,
            1,
            payload,
            marker=marker,
            index=index + 500 * self.layers[rid].stream.ssrc,
        )
        self.layers[rid].last_packet = now
        return len(self.down.forward(self.layers[rid], [packet], now))
