"""Data packets between participants.

Theory of operation: a packet that a client sends on one of its data channels goes to those it
names, or to everybody else, over the channel of the same kind of their primary connection. The
server says who sent it, whatever the packet claims, and drops reliable packets it has seen before
(they are sent again after a reconnect). A participant whose channels are not open yet gets reliable
packets once they are.

Packets of kinds this server does not know are forwarded all the same.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

import trio

from lktrio import proto
from lktrio.devserver.connection import MediaConnection
from lktrio.errors import RemoteProtocolError
from lktrio.proto import codec
from lktrio.rtc.datachannel import DataChannel

if TYPE_CHECKING:
    from lktrio.devserver.participant import Participant

__all__ = ["DATA_TRACKS", "LOSSY", "RELIABLE", "DataPort"]

RELIABLE = "_reliable"
LOSSY = "_lossy"
DATA_TRACKS = "_data_track"
_EARLY_BYTES = 100_000  # kept for a participant that is still connecting
_EARLY_SECONDS = 10.0

_log = logging.getLogger("lktrio.devserver")


class DataPort:
    """The data channels of one participant.

    Attributes:
        last_sequence: Newest sequence number received on the reliable channel.
        dropped: Packets that could not be read or were not allowed.
    """

    def __init__(self, participant: Participant) -> None:
        self.participant = participant
        self.last_sequence = 0
        self.dropped = 0
        self._early: deque[tuple[float, bytes]] = deque()
        self._early_size = 0

    def open_channels(self, connection: MediaConnection) -> None:
        """Open the three channels on a connection on which the server offers."""
        connection.peer.create_data_channel(RELIABLE)
        connection.peer.create_data_channel(LOSSY, ordered=False, max_retransmits=0)
        connection.peer.create_data_channel(DATA_TRACKS, ordered=False, max_retransmits=0)

    def on_opened(self, connection: MediaConnection) -> None:
        """A channel opened: deliver what waited for it."""
        if connection is not self.participant.primary:
            return
        if connection.open_channel(RELIABLE) is None or connection.open_channel(LOSSY) is None:
            return
        now = trio.current_time()
        early, self._early = self._early, deque()
        self._early_size = 0
        for kept_at, data in early:
            if now - kept_at < _EARLY_SECONDS:
                connection.send_data(RELIABLE, data)

    def on_message(self, channel: DataChannel, data: bytes) -> None:
        """Take a message of the client."""
        sender = self.participant
        if not sender.grants.may_publish_data:
            self.dropped += 1
            return
        if channel.label == DATA_TRACKS:
            sender.room.data_tracks.forward(sender, data)
            return
        packet = self._read(channel.label, data)
        if packet is not None and not sender.room.api_calls.take(packet):
            self._stamp(packet)
            lossy = channel.label == LOSSY
            sender.room.deliver(packet, sender=sender, lossy=lossy)

    def _read(self, label: str, data: bytes) -> proto.DataPacket | None:
        if label not in (RELIABLE, LOSSY):
            return proto.DataPacket(user=proto.UserPacket(payload=data))
        try:
            packet = codec.decode(proto.DataPacket, data)
        except RemoteProtocolError:
            self.dropped += 1
            return None
        kinds = proto.DataPacket.Kind
        packet.kind = kinds.LOSSY if label == LOSSY else kinds.RELIABLE
        if label == RELIABLE and packet.sequence:
            if packet.sequence <= self.last_sequence:
                self.dropped += 1
                return None
            self.last_sequence = packet.sequence
        if packet.metrics is not None:  # which LiveKit's server evaluates itself
            return None
        if packet.transcription is not None and not self.participant.grants.agent:
            self.dropped += 1
            return None
        return packet

    def _stamp(self, packet: proto.DataPacket) -> None:
        """Say who sent a packet."""
        sender = self.participant
        hidden = sender.hidden
        user = packet.user
        packet.participant_sid = "" if hidden else sender.sid
        if not (sender.grants.agent and packet.participant_identity and _mark_generated(packet)):
            packet.participant_identity = "" if hidden else sender.identity
        if user is not None:
            user.participant_sid = packet.participant_sid
            user.participant_identity = packet.participant_identity
            if not packet.destination_identities:
                packet.destination_identities = list(user.destination_identities)

    def deliver(self, data: bytes, *, lossy: bool) -> None:
        """Send a packet to the client, or keep it until that is possible."""
        participant = self.participant
        connection = participant.primary
        label = LOSSY if lossy else RELIABLE
        if connection.open_channel(label) is None:
            if not lossy:
                self._keep(data)
        elif connection.send_data(label, data):
            connection.flush()
        else:
            _log.warning("%s does not read its data; its session is ended", participant.identity)
            participant.fail()

    def _keep(self, data: bytes) -> None:
        self._early.append((trio.current_time(), data))
        self._early_size += len(data)
        while self._early_size > _EARLY_BYTES:
            self._early_size -= len(self._early.popleft()[1])

    def send_track_packet(self, data: bytes) -> None:
        """Send a packet of a data track."""
        connection = self.participant.primary
        connection.send_data(DATA_TRACKS, data)
        connection.flush()

    def close(self) -> None:
        """Forget what waits."""
        self._early.clear()
        self._early_size = 0


def _mark_generated(packet: proto.DataPacket) -> bool:
    """Whether a packet is of a kind in which agents may speak for others; it is marked then."""
    if packet.chat_message is not None:
        packet.chat_message.generated = True
    elif packet.stream_header is not None and packet.stream_header.text_header is not None:
        packet.stream_header.text_header.generated = True
    kinds = (packet.chat_message, packet.stream_header, packet.stream_chunk, packet.stream_trailer)
    return any(kind is not None for kind in kinds)
