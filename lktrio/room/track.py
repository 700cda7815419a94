"""The media of tracks: what is received from others, and what is sent by us."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import trio

from lktrio.errors import RemoteProtocolError
from lktrio.media import OPUS, Codec, EncodedFrame
from lktrio.room.frames import PACKET_QUEUE_LIMIT, FrameChannel, MediaChannel
from lktrio.rtc.capabilities import MediaKind
from lktrio.rtc.payload.opus import packet_samples
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.extensions import AudioLevel
from lktrio.rtc.rtp.inbound import InboundStream, ReceivedFrame

if TYPE_CHECKING:
    from lktrio.room.participant import RemoteParticipant
    from lktrio.room.publication import LocalTrackPublication, RemoteTrackPublication
    from lktrio.room.session import RoomSession
    from lktrio.rtc.rtp.outbound import OutboundStream

__all__ = ["LocalTrack", "RemoteTrack"]

_MAX_LATE = 0.25  # seconds by which a frame may be late before the schedule moves
_MIN_TAIL = 0.05  # seconds that a last frame is given on its way; servers drop what comes too late
_MAX_TAIL = 0.25
_DEFAULT_AUDIO_LEVEL = 25  # -dBov; LiveKit's server takes what is louder than 35 for speech
_SILENCE = 127  # RFC 6464 section 3
_DTX_SIZE = 2  # bytes of an Opus packet that stands for silence, RFC 7587 section 3.1.3
_MAX_AUDIO_LEVEL = 127


class RemoteTrack:
    """The media of somebody's track, while we are subscribed to it.

    Attributes:
        publication: What was announced about the track.
        participant: Who publishes it.
    """

    def __init__(
        self,
        publication: RemoteTrackPublication,
        participant: RemoteParticipant,
        request_keyframe: Callable[[InboundStream], None],
    ) -> None:
        self.publication = publication
        self.participant = participant
        self._ask_keyframe = request_keyframe
        self._streams: list[InboundStream] = []
        self._frame_channels: dict[FrameChannel, None] = {}
        self._packet_channels: dict[MediaChannel[RtpPacket], None] = {}
        self._first_timestamp: int | None = None
        self._ended = False

    def __repr__(self) -> str:
        return f"<RemoteTrack {self.sid} {self.kind} of {self.participant.identity!r}>"

    @property
    def sid(self) -> str:
        """SID of the track, ``TR_…``."""
        return self.publication.sid

    @property
    def kind(self) -> MediaKind:
        """``"audio"`` or ``"video"``."""
        return self.publication.kind

    @property
    def codec(self) -> Codec | None:
        """The codec of the frames, or None when it is none of ``lktrio.media``."""
        codec = self.publication.codec
        return OPUS if codec is None and self.publication.mime_type == "audio/red" else codec

    # For users

    def frames(self) -> MediaChannel[EncodedFrame]:
        """Receive the encoded frames from now on, in order, video from a keyframe on.

        Timestamps are seconds since the first frame of the track that arrived; the same for all
        channels of it. At most 50 frames wait; a consumer that is slower loses the oldest, counted
        in ``dropped``, and video then goes on with a keyframe, which the publisher is asked for.
        The channel ends with the track. Several channels may be open at once.
        """
        ask = self._request_keyframe if self.kind == "video" else None
        channel = FrameChannel(self, ask)
        if self._ended:
            channel.end()
            return channel
        self._frame_channels[channel] = None
        self._update_wishes()
        self._request_keyframe()
        return channel

    def packets(self) -> MediaChannel[RtpPacket]:
        """Receive the RTP packets from now on, in the order of their arrival.

        Retransmissions and padding are dealt with. At most 2,048 packets wait; a consumer that is
        slower loses the oldest, counted in ``dropped``. The channel ends with the track.
        """
        channel: MediaChannel[RtpPacket] = MediaChannel(self, PACKET_QUEUE_LIMIT)
        if self._ended:
            channel.end()
            return channel
        self._packet_channels[channel] = None
        self._update_wishes()
        return channel

    # For the room

    def attach(self, stream: InboundStream) -> None:
        """Take media from a stream; it is told what is wanted of it."""
        if stream not in self._streams:
            self._streams.append(stream)
        self._update_wishes()

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

    def discard(self, channel: MediaChannel[Any]) -> None:
        """Deliver nothing more to a channel."""
        if isinstance(channel, FrameChannel):
            self._frame_channels.pop(channel, None)
        else:
            self._packet_channels.pop(channel, None)
        self._update_wishes()

    def end(self) -> None:
        """The track is over: every channel ends after what it has queued. Idempotent."""
        self._ended = True
        channels: list[MediaChannel[Any]] = [*self._frame_channels, *self._packet_channels]
        for channel in channels:
            channel.end()
        self._frame_channels.clear()
        self._packet_channels.clear()
        self._update_wishes()
        self._streams.clear()

    def _update_wishes(self) -> None:
        # A track that nobody reads queues nothing and assembles nothing.
        for stream in self._streams:
            stream.want_frames = bool(self._frame_channels)
            stream.want_packets = bool(self._packet_channels)

    def _request_keyframe(self) -> None:
        if self.kind == "video":
            for stream in self._streams:
                self._ask_keyframe(stream)


def _opus_duration(packet: bytes) -> float:
    """Seconds that an Opus packet lasts; 0 if it is not one: what others send is not our fault."""
    try:
        return packet_samples(packet) / OPUS.clock_rate
    except RemoteProtocolError:
        return 0.0


def _check_frame(frame: EncodedFrame) -> None:
    """Refuse what would spoil the schedule; callers may be untyped."""
    if not isinstance(frame, EncodedFrame):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a media.EncodedFrame is needed, not {type(frame).__name__}")
    if not (math.isfinite(frame.timestamp) and math.isfinite(frame.duration)):
        raise ValueError(f"a frame cannot begin at {frame.timestamp} s and last {frame.duration} s")


class LocalTrack(trio.abc.SendChannel[EncodedFrame]):
    """A track that we publish; made by ``LocalParticipant.publish_track``.

    Attributes:
        codec: What the frames are encoded with.
        publication: What the server knows about the track.
        keyframes_requested: How often subscribers asked for a keyframe so far.
        audio_level: How loud the audio is that is sent, in -dBov from 0 (loudest) to 127 (silence).
            Servers find the active speakers by it, as they do not decode. Frames that stand for
            silence are marked as such by themselves.
    """

    def __init__(self, codec: Codec, session: RoomSession) -> None:
        self.codec = codec
        self.publication: LocalTrackPublication
        self.keyframes_requested = 0
        self.audio_level = _DEFAULT_AUDIO_LEVEL
        self._session = session
        self._stream: OutboundStream
        self._zero: float | None = None
        self._over_at = -math.inf
        self._end_message = ""
        self._end_type: type[Exception] = trio.ClosedResourceError
        self._ended = trio.Event()
        self._subscribed = trio.Event()
        self._wants_keyframe = False
        self._keyframe_lot = trio.lowlevel.ParkingLot()

    def __repr__(self) -> str:
        return f"<LocalTrack {self.codec.name} {self.publication.sid}>"

    @property
    def kind(self) -> MediaKind:
        """``"audio"`` or ``"video"``."""
        return self.codec.kind

    @property
    def sid(self) -> str:
        """SID of the track, ``TR_…``."""
        return self.publication.sid

    @property
    def muted(self) -> bool:
        """Whether what is sent goes nowhere."""
        return self.publication.muted

    async def send(self, value: EncodedFrame) -> None:
        """Send a frame when it is due, so that a file is sent in real time.

        The first frame is sent at once; every later one when as much time has passed as lies
        between their timestamps. A frame that is late by more than 0.25 s moves the schedule. On a
        muted track frames take their time and go nowhere. Cancelled, it has sent nothing.

        Args:
            value: The frame. Timestamps must not run backwards for audio.

        Raises:
            RoomClosed: The room has ended.
            trio.ClosedResourceError: The track was unpublished.
            trio.BrokenResourceError: The server took the track away.
            LocalProtocolError: The frame is none of the track's codec, or too large.
            ValueError: Its timestamp or duration is no finite number.
            TypeError: It is no frame.
        """
        _check_frame(value)
        with trio.move_on_at(self._due(value.timestamp)):
            await self._ended.wait()
        self._check_open()
        if not self.muted:
            self._send(value)
            tail = min(max(value.duration, _MIN_TAIL), _MAX_TAIL)
            self._over_at = trio.current_time() + tail

    def _due(self, timestamp: float) -> float:
        now = trio.current_time()
        if self._zero is None or self._zero + timestamp < now - _MAX_LATE:
            self._zero = now - timestamp
        return self._zero + timestamp

    def _send(self, frame: EncodedFrame) -> None:
        level: AudioLevel | None = None
        if self.kind == "audio":
            silent = len(frame.data) <= _DTX_SIZE
            loudness = _SILENCE if silent else min(max(self.audio_level, 0), _MAX_AUDIO_LEVEL)
            level = AudioLevel(loudness, voice=not silent)
        elif frame.keyframe:
            self._wants_keyframe = False
        timestamp = round(frame.timestamp * self.codec.clock_rate)
        self._session.send_frame(self._stream, frame.data, timestamp, level)

    def _check_open(self) -> None:
        self._session.check_open()
        if self._ended.is_set():
            raise self._end_type(self._end_message)

    async def mute(self) -> None:
        """Stop sending and tell the room.

        Raises:
            RoomClosed: The room has ended.
            trio.ClosedResourceError: The track was unpublished.
            trio.BrokenResourceError: The server took the track away.
        """
        await self._set_muted(True)

    async def unmute(self) -> None:
        """Go on sending and tell the room; errors as for ``mute``."""
        await self._set_muted(False)

    async def _set_muted(self, muted: bool) -> None:
        await trio.lowlevel.checkpoint()
        self._check_open()
        if self.muted != muted:
            await self._session.publisher.set_muted(self, muted)
            if not muted and not self._ended.is_set():
                self._session.send_preamble(self._stream)

    async def wait_subscribed(self) -> None:
        """Wait until somebody receives this track for the first time, or it has ended.

        Media that is sent earlier is heard by nobody. What is sent from then on reaches the first
        subscriber from its first frame on, if that is a keyframe; those who come later see video
        from the next keyframe on.

        Raises:
            RoomClosed: The room has ended.
            trio.ClosedResourceError: The track was unpublished meanwhile.
            trio.BrokenResourceError: The server took the track away.
        """
        await self._subscribed.wait()
        self._check_open()

    async def wait_played(self) -> None:
        """Wait until the last frame that was sent is over, or the track is.

        Who unpublishes earlier may cut it off. The time is the frame's duration, but at least
        0.05 s and at most 0.25 s from its sending. Leaving the block of ``publish_track`` waits
        for it.
        """
        with trio.move_on_at(self._over_at):
            await self._ended.wait()

    async def wait_keyframe_request(self) -> None:
        """Wait until a subscriber needs a keyframe; an encoder should then make one.

        Returns at once if one was asked for, and neither this method has told so nor a keyframe was
        sent since.

        Raises:
            RoomClosed: The room has ended.
            trio.ClosedResourceError: The track was unpublished.
            trio.BrokenResourceError: The server took the track away.
        """
        while not self._wants_keyframe and not self._ended.is_set():
            await self._keyframe_lot.park()
        await trio.lowlevel.checkpoint()
        self._check_open()
        self._wants_keyframe = False

    async def aclose(self) -> None:
        """Unpublish the track, also when cancelled. Idempotent."""
        self._session.publisher.unpublish(self)
        await trio.lowlevel.checkpoint()

    # For the room

    def start(self, stream: OutboundStream) -> None:
        """Media can be sent from now on."""
        self._stream = stream
        if not self.muted:
            self._session.send_preamble(stream)

    def subscribed(self) -> None:
        """Somebody receives the track."""
        self._subscribed.set()

    def keyframe_requested(self) -> None:
        """A subscriber cannot go on without a keyframe."""
        self.keyframes_requested += 1
        self._wants_keyframe = True
        self._keyframe_lot.unpark_all()

    def end(self, *, by_server: bool = False) -> None:
        """The track is no longer published. Idempotent."""
        if by_server:
            self._end_type = trio.BrokenResourceError
            self._end_message = "the server unpublished this track"
        elif not self._ended.is_set():
            self._end_message = "this track was unpublished"
        self._ended.set()
        self._subscribed.set()
        self._keyframe_lot.unpark_all()
