"""The media of one remote track, from the streams of its section to the channels of its readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lktrio.errors import RemoteProtocolError
from lktrio.media import OPUS, Codec, EncodedFrame
from lktrio.room.frames import PACKET_QUEUE_LIMIT, FrameChannel, MediaChannel
from lktrio.room.state.remote import RemoteTrackRecord
from lktrio.rtc.payload.opus import packet_samples
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.inbound import InboundStream, ReceivedFrame

__all__ = ["TrackMedia"]


class TrackMedia:
    """What receives the media of a track (a ``TrackReceiver``).

    Args:
        record: The track.
        request_keyframe: Asks the sender of a stream for a keyframe.

    Attributes:
        ended: Whether the track is over.
    """

    def __init__(
        self, record: RemoteTrackRecord, request_keyframe: Callable[[InboundStream], None]
    ) -> None:
        self.ended = False
        self._record = record
        self._ask_keyframe = request_keyframe
        self._streams: list[InboundStream] = []
        self._frame_channels: dict[FrameChannel, None] = {}
        self._packet_channels: dict[MediaChannel[RtpPacket], None] = {}
        self._first_timestamp: int | None = None

    @property
    def sid(self) -> str:
        """SID of the track."""
        return self._record.info.sid

    @property
    def codec(self) -> Codec | None:
        """The codec of the frames, or None when it is none of ``lktrio.media``."""
        publication = self._record.view
        codec = publication.codec
        return OPUS if codec is None and publication.mime_type == "audio/red" else codec

    # For readers

    def frames(self) -> MediaChannel[EncodedFrame]:
        """A new channel of frames; see ``RemoteTrack.frames``."""
        ask = self._request_keyframe if self._is_video else None
        channel = FrameChannel(self, ask)
        if self.ended:
            channel.end()
            return channel
        self._frame_channels[channel] = None
        self._want_what_is_read()
        self._request_keyframe()
        return channel

    def packets(self) -> MediaChannel[RtpPacket]:
        """A new channel of packets; see ``RemoteTrack.packets``."""
        channel: MediaChannel[RtpPacket] = MediaChannel(self, PACKET_QUEUE_LIMIT)
        if self.ended:
            channel.end()
            return channel
        self._packet_channels[channel] = None
        self._want_what_is_read()
        return channel

    def discard(self, channel: MediaChannel[Any]) -> None:
        """Deliver nothing more to a channel."""
        if isinstance(channel, FrameChannel):
            self._frame_channels.pop(channel, None)
        else:
            self._packet_channels.pop(channel, None)
        self._want_what_is_read()

    # For the connection

    def attach(self, stream: InboundStream) -> None:
        """Take media from a stream; it is told what is wanted of it."""
        if stream not in self._streams:
            self._streams.append(stream)
        self._want_what_is_read()

    def deliver(self, stream: InboundStream) -> None:
        """Hand what a stream has received to the channels."""
        frames, stream.frames = stream.frames, []
        packets, stream.packets = stream.packets, []
        if self._packet_channels:
            for packet in packets:
                if packet.payload:  # others are padding, of use for forwarders only
                    for packet_channel in list(self._packet_channels):
                        packet_channel.put(packet)
        if frames and self._frame_channels:
            self._deliver_frames(frames, stream.clock_rate)

    def _deliver_frames(self, frames: Sequence[ReceivedFrame], clock_rate: int) -> None:
        if self._first_timestamp is None:
            self._first_timestamp = frames[0].timestamp
        opus = self.codec is OPUS
        for frame in frames:
            encoded = EncodedFrame(
                data=frame.data,
                timestamp=(frame.timestamp - self._first_timestamp) / clock_rate,
                duration=_opus_duration(frame.data) if opus else 0.0,
                keyframe=frame.keyframe,
            )
            for channel in list(self._frame_channels):
                channel.put(encoded)

    def end(self) -> None:
        """The track is over: every channel ends after what it has queued. Idempotent."""
        self.ended = True
        channels: list[MediaChannel[Any]] = [*self._frame_channels, *self._packet_channels]
        for channel in channels:
            channel.end()
        self._frame_channels.clear()
        self._packet_channels.clear()
        self._want_what_is_read()
        self._streams.clear()

    @property
    def _is_video(self) -> bool:
        return self._record.view.kind == "video"

    def _want_what_is_read(self) -> None:
        # A track that nobody reads queues nothing and assembles nothing.
        for stream in self._streams:
            stream.want_frames = bool(self._frame_channels)
            stream.want_packets = bool(self._packet_channels)

    def _request_keyframe(self) -> None:
        if self._is_video:
            for stream in self._streams:
                self._ask_keyframe(stream)


def _opus_duration(packet: bytes) -> float:
    """Seconds that an Opus packet lasts; 0 if it is not one: what others send is not our fault."""
    try:
        return packet_samples(packet) / OPUS.clock_rate
    except RemoteProtocolError:
        return 0.0
