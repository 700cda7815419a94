"""The media of one remote track, from the streams of its section to the channels of its readers.

Theory of operation: a track keeps what arrives for its first reader, frames and the packets that
they came in; which of the two it reads decides. From then on only what is read is put together.
Packets say nothing of keyframes, so the kept ones begin where the last keyframe does that was put
together.

A track outlives the link with the server. Over the next one it comes in other streams; its timeline
goes on by the time that has passed, and the first frame after the gap says that there was one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import trio

from lktrio._text import printable
from lktrio.errors import CodecUnavailable, EncryptedMedia, RemoteProtocolError
from lktrio.media import OPUS, Codec, EncodedFrame, SenderClock, find_codec
from lktrio.room.channels.backlog import Backlog
from lktrio.room.channels.media import (
    FRAME_QUEUE_LIMIT,
    PACKET_QUEUE_LIMIT,
    FrameQueue,
    MediaChannel,
    MediaQueue,
    MediaSource,
)
from lktrio.room.session.capture_times import CaptureTimes
from lktrio.room.session.freezes import FreezeMonitor
from lktrio.room.state.enums import TrackKind
from lktrio.room.state.remote import RemoteTrackRecord
from lktrio.room.state.stream_stats import InboundStreamStats
from lktrio.rtc.payload.opus import packet_samples
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.inbound import InboundStream, ReceivedFrame
from lktrio.rtc.sdp import RtpCodec

__all__ = ["TrackMedia"]

_RED = "audio/red"  # RFC 2198: Opus packets, some of them twice


class TrackMedia:
    """What receives the media of a track (a ``TrackReceiver``).

    Args:
        record: The track.
        codecs: What was negotiated for its section.
        request_keyframe: Asks the sender of a stream for a keyframe.
        on_first_reader: Called with the track when somebody begins to read it.
        sender_clock: The clock of its participant.

    Attributes:
        record: The track.
        ended: Whether the track is over.
    """

    def __init__(
        self,
        record: RemoteTrackRecord,
        codecs: Sequence[RtpCodec],
        request_keyframe: Callable[[InboundStream], None],
        on_first_reader: Callable[[RemoteTrackRecord], None],
        sender_clock: SenderClock,
    ) -> None:
        self.ended = False
        self._capture_times = CaptureTimes(sender_clock)
        self.record = record
        self._codecs = codecs
        self._ask_keyframe = request_keyframe
        self._streams: list[InboundStream] = []
        self._is_video = record.view.kind is TrackKind.VIDEO
        self._is_opus = False
        self._payload_type = -1  # of which we know whether it is Opus
        self._frames: MediaSource[EncodedFrame] = MediaSource(
            Backlog(from_keyframe=self._is_video), _taken
        )
        self._packets: MediaSource[RtpPacket] = MediaSource(Backlog(from_keyframe=False))
        self._timeline = _FrameTimes()
        self._freezes = FreezeMonitor()
        self._on_first_reader = on_first_reader
        self._was_read = False
        if record.view.encrypted:
            self._frames.drop_backlog()

    @property
    def sid(self) -> str:
        """SID of the track."""
        return self.record.info.sid

    @property
    def mime_type(self) -> str:
        """What is received; before the first packet what is to be expected, empty if unknown.

        A publisher may have announced several codecs. A server forwards the first of them that was
        negotiated with us.
        """
        for stream in self._streams:
            if stream.mime:
                return stream.mime
        info = self.record.info
        announced = [info.mime_type, *(codec.mime_type for codec in info.codecs)]
        negotiated = {f"{self.record.view.kind}/{one.name}".lower() for one in self._codecs}
        for mime in announced:
            if mime.lower() in negotiated:
                return mime
        return info.mime_type

    @property
    def codec(self) -> Codec | None:
        """The codec of the frames, or None when it is none of ``lktrio.media``."""
        mime = self.mime_type
        try:
            return OPUS if mime.lower() == _RED else find_codec(mime)
        except CodecUnavailable:
            return None

    # For readers

    def frames(self) -> MediaChannel[EncodedFrame]:
        """A new channel of frames; see ``RemoteTrack.frames``."""
        self._check_readable()
        make = self._video_queue if self._is_video else _sound_queue
        channel = self._frames.open(make)
        self._packets.drop_backlog()
        self._begin_reading()
        return channel

    def packets(self) -> MediaChannel[RtpPacket]:
        """A new channel of packets; see ``RemoteTrack.packets``."""
        channel = self._packets.open(lambda kept: MediaQueue(PACKET_QUEUE_LIMIT, kept))
        self._frames.drop_backlog()
        self._begin_reading()
        return channel

    def _begin_reading(self) -> None:
        self._want_what_is_read()
        if not self._was_read:
            self._was_read = True
            self._on_first_reader(self.record)

    def _check_readable(self) -> None:
        if self.record.view.encrypted:
            raise EncryptedMedia(
                f"the track {printable(self.sid)} is encrypted from end to end, and cannot be "
                "decrypted yet; its packets() can be read"
            )
        if self.mime_type and self.codec is None:
            raise CodecUnavailable(
                f"the frames of {printable(self.mime_type)} cannot be put together; read the "
                f"packets() of the track {printable(self.sid)}"
            )

    def _video_queue(self, kept: list[EncodedFrame]) -> MediaQueue[EncodedFrame]:
        return FrameQueue(self._request_keyframe, kept)

    def stats(self, now: float) -> list[InboundStreamStats]:
        """What is known of its streams now."""
        return [self._stats_of(stream, now) for stream in self._streams]

    def _stats_of(self, stream: InboundStream, now: float) -> InboundStreamStats:
        stats, reception = stream.stats, stream.reception
        return InboundStreamStats(
            taken_at=now,
            track_sid=self.sid,
            kind=self.record.view.kind,
            mime_type=stream.mime,
            ssrc=stream.ssrc,
            packets=reception.received,
            bytes=stats.bytes_received,
            frames=stats.frames,
            nacked=stats.nacked,
            keyframe_requests=stats.keyframe_requests,
            participant_identity=self.record.participant.identity,
            lost=reception.lost,
            given_up=stream.lost,
            jitter=reception.jitter / stream.clock_rate,
            repaired=stats.repaired,
            restored=stats.restored,
            useless_repairs=stats.useless_repairs,
            malformed=stats.malformed,
            unknown_payload_type=stats.unknown_payload_type,
            frames_unread=self._frames.dropped,
            packets_unread=self._packets.dropped,
            freezes=self._freezes.count,
            frozen=self._freezes.seconds,
        )

    # For the connection

    def detach(self) -> None:
        """The link is gone, and with it the streams; others will come over the next one."""
        self._streams.clear()
        self._timeline.interrupt()

    def move(
        self, codecs: Sequence[RtpCodec], request_keyframe: Callable[[InboundStream], None]
    ) -> None:
        """The track comes over another link: other streams will be attached."""
        self._codecs, self._ask_keyframe = codecs, request_keyframe
        self._payload_type = -1
        self._capture_times.forget_streams()

    def attach(self, stream: InboundStream) -> None:
        """Take media from a stream; it is told what is wanted of it."""
        if stream not in self._streams:
            self._streams.append(stream)
        self._want_what_is_read()

    def deliver(self, stream: InboundStream) -> None:
        """Hand what a stream has received to the channels."""
        frames, stream.frames = stream.frames, []
        packets, stream.packets = stream.packets, []
        if packets and self._packets.wanted:
            now = trio.current_time()
            for packet in packets:
                if packet.payload:  # others are padding, of use for forwarders only
                    self._packets.put(packet, len(packet.payload), now)
        if frames and self._frames.wanted:
            self._deliver_frames(frames, stream)
        self._want_what_is_read()

    def _deliver_frames(self, frames: Sequence[ReceivedFrame], stream: InboundStream) -> None:
        self._capture_times.take_report(stream)
        if stream.payload_type != self._payload_type:
            self._payload_type, self._is_opus = stream.payload_type, self.codec is OPUS
        times = self._timeline
        for frame in frames:
            if self._is_video:
                self._freezes.frame(frame.received_at)
            gap = times.begins_anew
            encoded = EncodedFrame(
                data=frame.data,
                timestamp=times.place(frame, stream.clock_rate),
                duration=_opus_duration(frame.data) if self._is_opus else 0.0,
                keyframe=frame.keyframe,
                captured_at=self._capture_times.time_of(stream, frame.timestamp, frame.received_at),
                discontinuity=gap or frame.discontinuity,
            )
            size, now = len(frame.data), frame.received_at
            self._frames.put(encoded, size, now, keyframe=frame.keyframe)
            if self._is_video and frame.keyframe:
                self._packets.begin_backlog_with(partial(_is_behind, frame.first_sequence))

    def end(self) -> None:
        """The track is over: every channel ends after what it has queued. Idempotent."""
        self.ended = True
        self._frames.end()
        self._packets.end()
        self._want_what_is_read()
        self._streams.clear()

    def _want_what_is_read(self) -> None:
        # A track that nobody reads any more queues nothing and assembles nothing.
        if not self._frames.wanted:
            self._freezes.pause()
        for stream in self._streams:
            stream.want_frames = self._frames.wanted
            stream.want_packets = self._packets.wanted

    def _request_keyframe(self) -> None:
        for stream in self._streams:
            self._ask_keyframe(stream)


class _FrameTimes:
    """The times of a track's frames, in seconds since the first of them."""

    def __init__(self) -> None:
        self._first: int | None = None  # timestamp of the first frame since the last gap
        self._offset = 0.0  # the time of that frame
        self._last = 0.0  # the time of the newest frame
        self._last_received_at = -math.inf

    @property
    def begins_anew(self) -> bool:
        """Whether the next frame is the first one after an interruption."""
        return self._first is None and self._last_received_at > -math.inf

    def interrupt(self) -> None:
        """The timestamps that come next have nothing to do with those that came."""
        self._first = None

    def place(self, frame: ReceivedFrame, clock_rate: int) -> float:
        """The time of a frame."""
        if self._first is None:
            self._first = frame.timestamp
            if self._last_received_at > -math.inf:
                passed = frame.received_at - self._last_received_at
                self._offset = self._last + max(passed, 1 / clock_rate)
        time = self._offset + (frame.timestamp - self._first) / clock_rate
        if time >= self._last or self._last_received_at == -math.inf:
            self._last, self._last_received_at = time, frame.received_at
        return time


def _is_behind(first: int, packet: RtpPacket) -> bool:
    return packet.index >= first


def _sound_queue(kept: list[EncodedFrame]) -> MediaQueue[EncodedFrame]:
    return MediaQueue(FRAME_QUEUE_LIMIT, kept)


def _taken(frame: EncodedFrame) -> EncodedFrame:
    """Note when the program took a frame: what it sends on at once is live."""
    return EncodedFrame(
        frame.data,
        frame.timestamp,
        frame.duration,
        frame.keyframe,
        frame.captured_at,
        trio.current_time(),
        frame.discontinuity,
    )


def _opus_duration(packet: bytes) -> float:
    """Seconds that an Opus packet lasts; 0 if it is not one: what others send is not our fault."""
    try:
        return packet_samples(packet) / OPUS.clock_rate
    except RemoteProtocolError:
        return 0.0
