"""One subscriber's copy of a track: which layer it gets, and under which numbers.

Theory of operation: a down track forwards the packets of exactly one layer at a time. It begins,
resumes and changes layers only with a keyframe, which it asks the publisher for; until that comes,
what was forwarded goes on. Sequence numbers, timestamps and VP8's counters go on without a gap
across all of that, so to the subscriber it is a single stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lktrio import proto
from lktrio.devserver.encoding import Encoding, Layer
from lktrio.devserver.munging import SequenceMapper, Vp8Mapper
from lktrio.devserver.preferences import TrackSettings
from lktrio.devserver.svc import DEPENDENCY_DESCRIPTOR_URI, SpatialSelector
from lktrio.devserver.tracks import PublishedTrack
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.ntp import unix_time
from lktrio.rtc.rtp.outbound import OutboundStream
from lktrio.rtc.transceiver import Transceiver

__all__ = ["SILENCE_STEP", "DownTrack", "DownTrackOwner"]

_KEYFRAME_RETRY = 1.0  # seconds after which a keyframe that did not come is asked for again
_MIN_STEP = 0.02  # seconds between the last frame of one layer and the first of the next
_TIMESTAMP_MASK = 0xFFFFFFFF
_TOP = 2  # the highest spatial layer there is
_SILENCE = {
    "audio/opus": bytes((0xF8, 0xFF, 0xFE)),
    "audio/pcmu": bytes((0xFF,)) * 160,
    "audio/pcma": bytes((0xD5,)) * 160,
}
"""Frames of silence, 20 ms each."""
SILENCE_STEP = 0.02
"""Seconds that one of them lasts."""
_SILENCE_FRAMES = 50  # after the mute of a track


class DownTrackOwner(Protocol):
    """Who forwards a down track to its subscriber."""

    def send_media(self, datagrams: list[bytes]) -> None:
        """Send forwarded packets."""
        ...

    def on_first_packet(self, downtrack: DownTrack) -> None:
        """The track begins to flow."""
        ...

    def on_silence_due(self) -> None:
        """Packets of silence are to be sent, one each `SILENCE_STEP`."""
        ...

    def change_codec(self, downtrack: DownTrack) -> None:
        """The track cannot be had in its codec any more."""
        ...


class DownTrack:
    """A track on its way to one subscriber.

    Args:
        track: What is forwarded.
        owner: Who sends it.

    Attributes:
        mime: The codec in which the subscriber gets it, once that is known.
        transceiver: The subscriber's section, once it has one.
        muted: Whether forwarding is held by the publisher's mute or the subscriber's settings.
        disabled: Whether the subscriber does not want to see it now.
        refused: Whether the subscriber cannot take the codec.
    """

    def __init__(self, track: PublishedTrack, owner: DownTrackOwner) -> None:
        self.track = track
        self._owner = owner
        self.mime = ""
        self.transceiver: Transceiver | None = None
        self.muted = False
        self.disabled = False
        self.refused = False
        self.max_spatial = _TOP
        self._stream: OutboundStream | None = None
        self._sequence = SequenceMapper(0)
        self._vp8: Vp8Mapper | None = None
        self._selector: SpatialSelector | None = None
        self._current: Layer | None = None
        self._wanted: Layer | None = None
        self._timed_by: Layer | None = None
        self._timestamp_offset = 0
        self._last_timestamp = 0
        self._last_time = 0.0
        self._asked_at = 0.0
        self._asked_for: Layer | None = None
        self._announced = False
        self._filled = False
        self._silence_due = 0

    @property
    def bound(self) -> bool:
        """Whether the subscriber agreed to receive it."""
        return self._stream is not None

    @property
    def encoding(self) -> Encoding | None:
        """What is forwarded; None while the publisher does not send this codec."""
        return self.track.encoding(self.mime)

    def bind(self, stream: OutboundStream, mime: str, now: float) -> None:
        """Begin to forward a codec into a stream."""
        self._stream, self.mime = stream, mime
        self._sequence = SequenceMapper(stream.next_sequence)
        self._last_time = now
        self.choose(now)

    def change_codec(self, stream: OutboundStream, mime: str, now: float) -> None:
        """Go on in the same stream with another codec of the track."""
        self._current = self._wanted = self._timed_by = self._asked_for = None
        self._selector = self._vp8 = None
        self._filled = True  # there are timestamps to go on from
        self.bind(stream, mime, now)

    def apply(self, settings: TrackSettings, now: float) -> None:
        """Follow what the subscriber wants to see of a video track."""
        self.max_spatial = _spatial_for(self.track.info, settings)
        self.disabled = settings.disabled
        self.on_mute_changed(now)

    def on_mute_changed(self, now: float) -> None:
        """Hold or resume forwarding, as the publisher and the subscriber want it."""
        muted = self.disabled or self.track.info.muted
        if muted:
            self._current = None
        if muted != self.muted:
            self.muted = muted
            self._silence_due = _SILENCE_FRAMES if muted and self._announced else 0
            if self._silence_due:
                self._owner.on_silence_due()
        self.choose(now)

    def on_codecs_changed(self) -> None:
        """The track cannot be had in its codec any more."""
        self._owner.change_codec(self)

    def choose(self, now: float) -> None:
        """Decide which layer to forward, and ask for a keyframe if it needs one."""
        encoding = self.encoding
        if self._stream is None or self.muted or encoding is None or not encoding.layers:
            return
        self._wanted = self._best(encoding.layers, now)
        changes = self._wanted is not self._current or (
            self._selector is not None and self._selector.wants_keyframe(self.max_spatial)
        )
        needs_keyframe = changes and self.track.is_video
        overdue = now - self._asked_at >= _KEYFRAME_RETRY
        if needs_keyframe and (overdue or self._asked_for is not self._wanted):
            self._ask(self._wanted, now)

    def _best(self, layers: list[Layer], now: float) -> Layer:
        active = [layer for layer in layers if layer.is_active(now)] or layers
        fitting = [layer for layer in active if layer.spatial <= self.max_spatial]
        return fitting[-1] if fitting else active[0]

    def _ask(self, layer: Layer, now: float) -> None:
        encoding = self.encoding
        if encoding is not None:
            self._asked_at, self._asked_for = now, layer
            encoding.request_keyframe(layer)

    def set_clock(self, wall: float, now: float) -> None:
        """Let sender reports to the subscriber be in the publisher's time.

        Args:
            wall: Unix time at the publisher, or any clock that all of its tracks share.
            now: The same moment on our clock.
        """
        layer = self._current
        report = layer.stream.sender_report if layer is not None else None
        if layer is None or report is None or self._stream is None:
            return
        elapsed = wall - unix_time(report.ntp_time)
        timestamp = report.rtp_timestamp + round(elapsed * layer.stream.clock_rate)
        self._stream.set_clock((timestamp + self._timestamp_offset) & _TIMESTAMP_MASK, now)

    def on_keyframe_requested(self, now: float) -> None:
        """The subscriber cannot go on without a keyframe."""
        layer = self._current or self._wanted
        if layer is not None:
            self._ask(layer, now)

    def relay(self, layer: Layer, packets: Sequence[RtpPacket], now: float) -> None:
        """Forward packets of a layer to the subscriber."""
        datagrams = self.forward(layer, packets, now)
        if datagrams:
            self._owner.send_media(datagrams)

    def forward(self, layer: Layer, packets: Sequence[RtpPacket], now: float) -> list[bytes]:
        """Turn packets of a layer into datagrams for the subscriber."""
        stream, encoding = self._stream, self.encoding
        if stream is None or self.muted or encoding is None:
            return []
        if layer is not self._current and layer is not self._wanted:
            return []
        datagrams: list[bytes] = []
        for packet in packets:
            if layer is not self._current:
                if layer is not self._wanted or not encoding.starts(packet):
                    continue
                self._switch(encoding, layer, packet, now)
            datagram = self._forward(stream, packet, now)
            if datagram is not None:
                datagrams.append(datagram)
        return datagrams

    def _forward(self, stream: OutboundStream, packet: RtpPacket, now: float) -> bytes | None:
        payload, marker = packet.payload, packet.marker
        if payload and self._selector is not None:
            selected = self._selector.select(packet, self.max_spatial)
            payload, marker = (b"", False) if selected is None else (payload, selected)
        if not payload:
            self._sequence.skip(packet.index)
            return None
        index = self._sequence.map(packet.index)
        if index is None:
            return None
        if self._vp8 is not None:
            payload = self._vp8.map(payload)
        timestamp = (packet.timestamp + self._timestamp_offset) & _TIMESTAMP_MASK
        if self._sequence.next == index + 1:
            self._last_timestamp, self._last_time = timestamp, now
        return stream.send_packet(
            payload,
            index=index,
            timestamp=timestamp,
            marker=marker,
            now=now,
            extensions=self._extensions(packet),
        )

    def _extensions(self, packet: RtpPacket) -> dict[int, bytes] | None:
        """Header extensions that are forwarded: what tells of AV1's layers."""
        encoding = self.encoding
        if self._selector is None or encoding is None or self.transceiver is None:
            return None
        found = packet.extensions.get(encoding.descriptor_id)
        number = self.transceiver.extension_ids.get(DEPENDENCY_DESCRIPTOR_URI, 0)
        return {number: found} if found and number and encoding.descriptor_id else None

    def silence(self, trailer: bytes, now: float) -> bytes | None:
        """A packet of silence, as long as one is due after a mute.

        The last that a decoder heard may have been noise, which it would go on to imitate.

        Args:
            trailer: What tells that the server made it, where tracks are encrypted.
            now: The time.
        """
        payload = _SILENCE.get(self.mime.lower())
        if not self._silence_due or self._stream is None or payload is None:
            return None
        self._silence_due -= 1
        encrypted = self.track.info.encryption != proto.Encryption.Type.NONE
        return self._insert(self._stream, payload + trailer if encrypted else payload, now)

    def _insert(self, stream: OutboundStream, payload: bytes, now: float) -> bytes | None:
        """A packet that the server makes, between those that are forwarded."""
        step = round((now - self._last_time) * stream.clock_rate)
        timestamp = (self._last_timestamp + step) & _TIMESTAMP_MASK
        datagram = stream.send_packet(
            payload,
            index=self._sequence.next,
            timestamp=timestamp,
            marker=True,
            now=now,
        )
        if datagram is not None:
            self._sequence.next += 1
            self._last_timestamp, self._last_time, self._filled = timestamp, now, True
        return datagram

    def _switch(self, encoding: Encoding, layer: Layer, packet: RtpPacket, now: float) -> None:
        """Go on with a packet that a decoder can begin with."""
        self._current, self._asked_for = layer, None
        self._sequence.restart(packet.index)
        if self._timed_by is not layer:
            if self._timed_by is not None:
                self._timestamp_offset = self._continue(self._timed_by, layer, packet, now)
            elif self._filled:
                self._timestamp_offset = self._after_last(layer, packet, now)
            self._timed_by = layer
        elif self._filled and not self._is_ahead(packet):
            self._timestamp_offset = self._after_last(layer, packet, now)
        self._filled = False
        self._selector = self._selector or encoding.selector()
        if len(encoding.layers) > 1 and encoding.mime.lower() == "video/vp8":
            self._vp8 = self._vp8 or Vp8Mapper()
        if self._vp8 is not None:
            self._vp8.restart(packet.payload)
        if not self._announced:
            self._announced = True
            self._owner.on_first_packet(self)

    def _continue(self, old: Layer, new: Layer, packet: RtpPacket, now: float) -> int:
        """The timestamp offset with which another layer goes on where one left off."""
        clock_rate = new.stream.clock_rate
        offset = _aligned(old, new)
        if offset is None:
            return self._after_last(new, packet, now)
        offset += self._timestamp_offset
        ahead = (packet.timestamp + offset - self._last_timestamp) & _TIMESTAMP_MASK
        if 0 < ahead < 10 * clock_rate:
            return offset
        return self._last_timestamp + int(_MIN_STEP * clock_rate) - packet.timestamp

    def _is_ahead(self, packet: RtpPacket) -> bool:
        """Whether a packet is later than what was sent, by the timestamps that it has."""
        ahead = packet.timestamp + self._timestamp_offset - self._last_timestamp
        return 0 < ahead & _TIMESTAMP_MASK < _TIMESTAMP_MASK >> 1

    def _after_last(self, layer: Layer, packet: RtpPacket, now: float) -> int:
        """The timestamp offset with which a packet is as much later as time has passed."""
        step = int(max(now - self._last_time, _MIN_STEP) * layer.stream.clock_rate)
        return self._last_timestamp + step - packet.timestamp


def _aligned(old: Layer, new: Layer) -> int | None:
    """What to add to timestamps of one layer to get those of another, by their sender reports."""
    before, after = old.stream.sender_report, new.stream.sender_report
    if before is None or after is None:
        return None
    seconds = (after.ntp_time - before.ntp_time) / 2**32
    return before.rtp_timestamp - after.rtp_timestamp + round(seconds * new.stream.clock_rate)


def _spatial_for(info: proto.TrackInfo, settings: TrackSettings) -> int:
    """The highest layer that a subscriber has use for."""
    quality = settings.quality
    if settings.width:
        for layer in info.layers:
            if layer.width >= settings.width or layer.height >= settings.height > 0:
                quality = layer.quality
                break
        else:
            quality = proto.VideoQuality.HIGH
    if quality == proto.VideoQuality.HIGH or quality == proto.VideoQuality.OFF:
        return _TOP
    return int(quality)
