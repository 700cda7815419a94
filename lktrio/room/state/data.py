"""Data packets that arrive (LiveKit's ``DataPacket``), turned into events.

Packets of the reliable channel carry a sequence number, counted from 1 for one session in the room;
the last one of every sender's session is kept, and repetitions, which come after somebody's
reconnect, are dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar, Protocol

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import EncryptedData, RemoteProtocolError
from lktrio.proto.codec import decode
from lktrio.room.state.encryption import decrypted
from lktrio.room.state.events import DataReceived, EncryptionError, RoomEvent
from lktrio.room.state.remote import RemoteParticipant
from lktrio.room.state.roster import Roster

__all__ = ["DataPackets", "DataStats", "MessagePackets", "RpcPackets", "StreamPackets"]

_log = logging.getLogger("lktrio.room")

_REMEMBERED_SENDERS = 4096  # sessions whose last sequence number is kept
_SEQUENCE_TTL = 30.0  # seconds after the last packet of a session


@dataclass(slots=True)
class DataStats:
    """Counters of data packets."""

    sent: int = 0
    """Packets handed to a channel."""
    lossy_dropped: int = 0
    """Lossy packets dropped because the channel was full."""
    received: int = 0
    """Packets received."""
    duplicates: int = 0
    """Reliable packets that had been received before."""
    undecodable: int = 0
    """Messages that are not a DataPacket."""
    streams_unserved: int = 0
    """Text and byte streams whose topic nobody served when they began."""
    streams_refused: int = 0
    """Those that were dropped because too many were open, or because they made no sense."""
    rpc_dropped: int = 0
    """Packets of calls that were dropped: answers that nobody waits for, requests that came twice
    or make no sense, errors that could not be sent."""
    track_packets_malformed: int = 0
    """Messages that are no packet of a data track."""
    track_packets_unknown: int = 0
    """Packets of data tracks that nobody reads."""
    track_frames_incomplete: int = 0
    """Frames of data tracks of which a packet was lost."""
    messages_repeated: int = 0
    """Chat messages that came again as they were, such as in the other form."""
    messages_malformed: int = 0
    """Chat messages, tones, transcriptions and metrics that were dropped: they make no sense."""
    encrypted: int = 0
    """Packets that are encrypted from end to end, and were dropped."""
    unhandled: int = 0
    """Packets of a kind that is not handled; see ``Room.unhandled``."""


class _Sequences:
    """The last sequence number of every sender's session (``participant_sid``)."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, float]] = {}

    def is_new(self, packet: proto.DataPacket, now: float) -> bool:
        """Whether a reliable packet has not been seen; packets without a number always are."""
        sid, sequence = packet.participant_sid, packet.sequence
        if not sequence or not sid:
            return True
        last, _ = self._last.pop(sid, (0, now))
        self._last[sid] = (max(last, sequence), now)
        if len(self._last) > _REMEMBERED_SENDERS:
            self._forget(now)
        return sequence > last

    def states(self) -> list[proto.DataChannelReceiveState]:
        """How far the data of every sender's session was received."""
        return [
            proto.DataChannelReceiveState(publisher_sid=sid, last_seq=last)
            for sid, (last, _) in self._last.items()
        ]

    def _forget(self, now: float) -> None:
        """Forget sessions that have been silent; if these are not enough, half of the rest."""
        fresh = {sid: seen for sid, seen in self._last.items() if now - seen[1] < _SEQUENCE_TTL}
        if len(fresh) > _REMEMBERED_SENDERS:
            fresh = dict(list(fresh.items())[_REMEMBERED_SENDERS // 2 :])
        self._last = fresh


class StreamPackets(Protocol):
    """What takes the packets of streams."""

    def receive(self, packet: proto.DataPacket, sender: RemoteParticipant | None) -> None:
        """Take a packet that holds the header, a chunk or the trailer of a stream."""
        ...


class RpcPackets(Protocol):
    """What takes the packets of remote procedure calls."""

    def receive(self, packet: proto.DataPacket, sender: RemoteParticipant | None) -> None:
        """Take a packet that holds a request, an acknowledgement or an answer."""
        ...


class MessagePackets(Protocol):
    """What takes the packets of chat messages, tones, transcriptions and metrics."""

    def receive(self, packet: proto.DataPacket) -> None:
        """Take a packet that holds one of these."""
        ...


class DataPackets:
    """The packets that arrive.

    Args:
        roster: Who is in the room.
        tell: Takes the events.
        stats: Where to count.
        count: Counts what is not handled, by kind.
    """

    def __init__(
        self,
        roster: Roster,
        tell: Callable[[RoomEvent], None],
        stats: DataStats,
        count: Callable[[str], None],
    ) -> None:
        self._roster = roster
        self._count = count
        self._tell = tell
        self._stats = stats
        self._seen = _Sequences()
        self._told_encrypted: set[str] = set()  # sessions
        self._streams: StreamPackets | None = None
        self._rpc: RpcPackets | None = None
        self._messages: MessagePackets | None = None

    def give_streams(self, streams: StreamPackets) -> None:
        """Give the packets of streams to this object from now on."""
        self._streams = streams

    def give_rpc(self, rpc: RpcPackets) -> None:
        """Give the packets of calls to this object from now on."""
        self._rpc = rpc

    def give_messages(self, messages: MessagePackets) -> None:
        """Give the packets of chat messages and their like to this object from now on."""
        self._messages = messages

    def receive_states(self) -> list[proto.DataChannelReceiveState]:
        """How far the reliable data of every sender's session was received."""
        return self._seen.states()

    def receive(self, message: bytes, *, reliable: bool, now: float) -> None:
        """Take a message of the reliable or the lossy channel."""
        try:
            packet = decode(proto.DataPacket, message)
        except RemoteProtocolError:
            self._stats.undecodable += 1
            return
        self._stats.received += 1
        if reliable and not self._seen.is_new(packet, now):
            self._stats.duplicates += 1
            return
        try:
            packet = decrypted(packet)
        except EncryptedData as error:
            self._refuse(packet, error)
            return
        for name, handle in self._HANDLERS.items():
            value = getattr(packet, name)
            if value is not None:
                handle(self, packet, value, reliable)
                return
        self._count_unhandled(packet)

    def _refuse(self, packet: proto.DataPacket, error: EncryptedData) -> None:
        self._stats.encrypted += 1
        sid = packet.participant_sid or packet.participant_identity
        if sid not in self._told_encrypted and len(self._told_encrypted) < _REMEMBERED_SENDERS:
            self._told_encrypted.add(sid)
            sender = self._roster.sender(packet.participant_identity, packet.participant_sid)
            _log.warning("%s: %s", printable(packet.participant_identity), error)
            self._tell(EncryptionError(sender, error))

    def _count_unhandled(self, packet: proto.DataPacket) -> None:
        self._stats.unhandled += 1
        for one in fields(packet):
            if isinstance(getattr(packet, one.name), proto.Message):
                self._count(f"data packet: {one.name}")

    def _on_user(self, packet: proto.DataPacket, user: proto.UserPacket, reliable: bool) -> None:
        sender = self._roster.sender(packet.participant_identity, packet.participant_sid)
        self._tell(DataReceived(user.payload, sender, user.topic or "", reliable))

    def _on_stream(self, packet: proto.DataPacket, part: proto.Message, reliable: bool) -> None:
        if self._streams is None or not reliable:
            self._count_unhandled(packet)
            return
        sender = self._roster.sender(packet.participant_identity, packet.participant_sid)
        self._streams.receive(packet, sender)

    def _on_rpc(self, packet: proto.DataPacket, part: proto.Message, reliable: bool) -> None:
        if self._rpc is None or not reliable:
            self._count_unhandled(packet)
            return
        sender = self._roster.sender(packet.participant_identity, packet.participant_sid)
        self._rpc.receive(packet, sender)

    def _on_message(self, packet: proto.DataPacket, _: proto.Message, _reliable: bool) -> None:
        if self._messages is None:
            self._count_unhandled(packet)
        else:
            self._messages.receive(packet)

    _HANDLERS: ClassVar[dict[str, Callable[..., None]]] = {
        "user": _on_user,
        "stream_header": _on_stream,
        "stream_chunk": _on_stream,
        "stream_trailer": _on_stream,
        "rpc_request": _on_rpc,
        "rpc_ack": _on_rpc,
        "rpc_response": _on_rpc,
        "chat_message": _on_message,
        "sip_dtmf": _on_message,
        "transcription": _on_message,
        "metrics": _on_message,
    }
