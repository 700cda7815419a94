"""Sending chat messages, tones, transcriptions and metrics, in the form that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import trio

from lktrio import proto
from lktrio.net.network import Network
from lktrio.room.packets import chat, transcription
from lktrio.room.packets.dtmf import make_tone
from lktrio.room.state.enums import MessageForm
from lktrio.room.state.messages import ChatMessage, TranscriptionSegment
from lktrio.room.streams.outgoing import StreamOutlet
from lktrio.room.streams.sending import Recipients, StreamSender

__all__ = ["MessageSender"]

_TEXT = "text/plain"


class _Speaking:
    """Where packets go that are somebody's words (a ``StreamOutlet``)."""

    def __init__(self, outlet: StreamOutlet, identity: str) -> None:
        self._outlet = outlet
        self._identity = identity

    @property
    def data_session(self) -> int:
        """Which join of the room this is."""
        return self._outlet.data_session

    async def send_packet(self, packet: proto.DataPacket) -> None:
        """Queue a reliable packet; cancelled, nothing was queued."""
        packet.participant_identity = self._identity
        await self._outlet.send_packet(packet)


class MessageSender:
    """Sends the messages of a participant.

    Args:
        outlet: Where packets go.
        network: The machine, for its clock and its randomness.
        recipients: Who gets something.
    """

    def __init__(self, outlet: StreamOutlet, network: Network, recipients: Recipients) -> None:
        self._outlet = outlet
        self._network = network
        self._recipients = recipients

    # Chat

    async def send_chat(
        self, message: ChatMessage, destinations: Sequence[str], form: MessageForm, speaker: str
    ) -> None:
        """Send a message, or what became of one.

        Args:
            message: The message.
            destinations: Identities of those who get it; empty for everybody.
            form: In which form.
            speaker: Identity of whoever says it; empty for ourselves.
        """
        if form is not MessageForm.PACKET:
            at = message.timestamp if message.edited_at is None else message.edited_at
            header = chat.text_header_of(message)
            await self._send_text(
                chat.CHAT_TOPIC,
                message.text,
                header,
                destinations,
                message.attributes,
                speaker,
                stream_id=message.id,
                timestamp=at,
            )
        if form is not MessageForm.STREAM:
            packet = _packet(destinations, speaker)
            packet.chat_message = chat.packet_of(message)
            await self._outlet.send_packet(packet)
        await trio.lowlevel.checkpoint()

    def new_message(self, text: str, *, reply_to_id: str, generated: bool) -> ChatMessage:
        """A message that is sent now."""
        new_id = StreamSender(self._outlet, self._network, self._recipients).new_id()
        now = self._network.wall_time()
        return ChatMessage(new_id, text, now, reply_to_id=reply_to_id, generated=generated)

    def changed_message(self, text: str, original: ChatMessage) -> ChatMessage:
        """A message that is changed now."""
        return replace(
            original,
            text=text,
            edited_at=self._network.wall_time(),
            version=chat.next_version(original.version),
        )

    # The others

    async def send_tone(self, digit: str, code: int | None, destinations: Sequence[str]) -> None:
        """Send the tone of a key; see ``LocalParticipant.publish_dtmf``."""
        packet = _packet(destinations)
        packet.sip_dtmf = make_tone(digit, code)
        await self._outlet.send_packet(packet)

    async def send_metrics(self, batch: proto.MetricsBatch) -> None:
        """Send metrics to the server."""
        packet = _packet(())
        packet.metrics = batch
        await self._outlet.send_packet(packet)

    async def send_transcription(
        self,
        segments: Sequence[TranscriptionSegment],
        identity: str,
        track_sid: str,
        destinations: Sequence[str],
        form: MessageForm,
        speaker: str,
    ) -> None:
        """Send segments.

        Args:
            segments: What was transcribed.
            identity: Identity of whoever speaks.
            track_sid: SID of the track that the speech is in, or empty.
            destinations: Identities of those who get it; empty for everybody.
            form: In which form.
            speaker: The same as ``identity``; empty for ourselves.

        Raises:
            ValueError: The times of a segment are none, or there is no segment.
        """
        if not segments:
            raise ValueError("there is no segment to send")
        message = proto.Transcription(
            transcribed_participant_identity=identity,
            track_id=track_sid,
            segments=[transcription.packet_of(segment) for segment in segments],
        )
        if form is not MessageForm.PACKET:
            for segment in segments:
                await self._send_text(
                    transcription.TRANSCRIPTION_TOPIC,
                    segment.text,
                    proto.DataStream.TextHeader(),
                    destinations,
                    transcription.attributes_of(segment, track_sid),
                    speaker,
                )
        if form is not MessageForm.STREAM:
            packet = _packet(destinations)
            packet.transcription = message
            await self._outlet.send_packet(packet)
        await trio.lowlevel.checkpoint()

    async def _send_text(
        self,
        topic: str,
        text: str,
        header: proto.DataStream.TextHeader,
        destinations: Sequence[str],
        attributes: Mapping[str, str],
        speaker: str,
        *,
        stream_id: str = "",
        timestamp: float | None = None,
    ) -> None:
        outlet = _Speaking(self._outlet, speaker) if speaker else self._outlet
        streams = StreamSender(outlet, self._network, self._recipients)
        description = streams.describe(
            topic, destinations, attributes, mime_type=_TEXT, id=stream_id, text=header
        )
        if timestamp is not None:
            description = replace(description, timestamp=timestamp)
        await streams.send_whole(description, text.encode())


def _packet(destinations: Sequence[str], speaker: str = "") -> proto.DataPacket:
    return proto.DataPacket(
        kind=proto.DataPacket.Kind.RELIABLE,
        participant_identity=speaker,
        destination_identities=list(destinations),
    )
