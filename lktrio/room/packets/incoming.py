"""What others say beside media and plain data, turned into events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from lktrio import proto
from lktrio.room.packets import chat, transcription
from lktrio.room.packets.collecting import CollectedText, OtherStreams, TextCollector
from lktrio.room.packets.dtmf import read_tone
from lktrio.room.state.events import (
    ChatReceived,
    DtmfReceived,
    MetricsReceived,
    RoomEvent,
    TranscriptionReceived,
)
from lktrio.room.state.messages import ChatMessage, TranscriptionSegment
from lktrio.room.state.participant import Participant
from lktrio.room.state.remote import RemoteParticipant
from lktrio.room.state.room_state import RoomState

__all__ = ["IncomingMessages"]


class IncomingMessages:
    """The chat messages, tones, transcriptions and metrics of others.

    Args:
        state: What is known of the room; takes the events.
        streams: The streams that programs read.
    """

    def __init__(self, state: RoomState, streams: OtherStreams) -> None:
        self._state = state
        self._stats = state.data_stats
        self._chat = chat.ChatHistory()
        topics = {
            chat.CHAT_TOPIC: self._on_chat_stream,
            transcription.TRANSCRIPTION_TOPIC: self._on_transcription_stream,
        }
        self._texts = TextCollector(topics, streams, self._stats)
        state.give_streams(self._texts)
        state.give_messages(self)

    def follow(self, event: RoomEvent) -> None:
        """Forget the texts that cannot become whole any more."""
        self._texts.follow(event)

    def receive(self, packet: proto.DataPacket) -> None:
        """Take a packet that holds one of these."""
        for name, handle in self._HANDLERS.items():
            value = getattr(packet, name)
            if value is not None:
                handle(self, packet, value)

    # Who

    def _sender(self, identity: str, sid: str) -> RemoteParticipant | None:
        """Who sent something; None for a server."""
        known = self._state.roster.by_sid(sid)
        return known.view if known is not None else self._state.roster.sender(identity, sid)

    def _speaker(self, identity: str, sid: str) -> Participant[Any] | None:
        """Whose words something is: its sender's, or somebody's for whom that one speaks."""
        if identity == self._state.local.identity:
            return self._state.local
        return self._state.roster.sender(identity, sid)

    def _publisher(self, track_sid: str) -> Participant[Any] | None:
        if self._state.local_tracks.find(track_sid) is not None:
            return self._state.local
        track = self._state.roster.find_track(track_sid)
        return None if track is None else track.participant

    # Chat

    def _on_chat_packet(self, packet: proto.DataPacket, message: proto.ChatMessage) -> None:
        self._on_chat(
            packet.participant_identity, packet.participant_sid, chat.read_packet(message)
        )

    def _on_chat_stream(self, stream: CollectedText) -> None:
        if stream.complete:
            self._on_chat(stream.identity, stream.sid, chat.read_stream(stream))

    def _on_chat(self, identity: str, sid: str, message: ChatMessage | None) -> None:
        if message is None:
            self._stats.messages_malformed += 1
            return
        told = self._chat.take(identity, message)
        if told is None:
            self._stats.messages_repeated += 1
            return
        self._state.add_news(ChatReceived(told, self._speaker(identity, sid)))

    # Tones

    def _on_tone(self, packet: proto.DataPacket, tone: proto.SipDTMF) -> None:
        read = read_tone(tone)
        if read is None:
            self._stats.messages_malformed += 1
            return
        sender = self._sender(packet.participant_identity, packet.participant_sid)
        self._state.add_news(DtmfReceived(read.digit, read.code, sender))

    # Transcriptions

    def _on_transcription_packet(
        self, packet: proto.DataPacket, message: proto.Transcription
    ) -> None:
        segments = transcription.read_packet(message)
        if segments is None:
            self._stats.messages_malformed += 1
            return
        whose = self._speaker(message.transcribed_participant_identity, "")
        sender = self._sender(packet.participant_identity, packet.participant_sid)
        self._on_transcription(segments, whose, message.track_id, sender)

    def _on_transcription_stream(self, stream: CollectedText) -> None:
        segment = transcription.read_stream(stream)
        grew = stream.header.total_length is None and stream.header.inline_content is None
        if stream.complete and grew and not segment.final:
            return  # it was told with its last piece
        whose = self._speaker(stream.identity, stream.sid)
        track_sid = stream.attributes.get(transcription.TRACK_ATTRIBUTE, "")
        sender = self._sender(stream.identity, stream.sid)
        self._on_transcription((segment,), whose, track_sid, sender)

    def _on_transcription(
        self,
        segments: tuple[TranscriptionSegment, ...],
        whose: Participant[Any] | None,
        track_sid: str,
        sender: RemoteParticipant | None,
    ) -> None:
        speaker = self._publisher(track_sid) or whose
        self._state.add_news(TranscriptionReceived(segments, speaker, track_sid, sender))

    # Metrics

    def _on_metrics(self, packet: proto.DataPacket, batch: proto.MetricsBatch) -> None:
        sender = self._sender(packet.participant_identity, packet.participant_sid)
        self._state.add_news(MetricsReceived(batch, sender))

    _HANDLERS: ClassVar[dict[str, Callable[..., None]]] = {
        "chat_message": _on_chat_packet,
        "sip_dtmf": _on_tone,
        "transcription": _on_transcription_packet,
        "metrics": _on_metrics,
    }
