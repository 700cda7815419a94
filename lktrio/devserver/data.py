"""Data packets between participants.

Theory of operation: a packet that a client sends on one of its data channels goes to those it
names, or to everybody else, over the channel of the same kind of their primary connection. The
server says who sent it, whatever the packet claims, and drops reliable packets it has seen before
(they are sent again after a reconnect). A participant whose channels are not open yet gets reliable
packets once they are.

Packets of kinds this server does not know are forwarded all the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Protocol

import trio

from lktrio import proto
from lktrio.devserver.connection import DATA_TRACKS, LOSSY, RELIABLE, MediaConnection
from lktrio.devserver.data_tracks import DataTrackMember, DataTracks
from lktrio.devserver.rpc import ApiCalls
from lktrio.errors import RemoteProtocolError
from lktrio.proto import codec

__all__ = ["DataExchange", "DataInbox", "DataMember", "DataOutbox"]

_EARLY_BYTES = 100_000  # kept for a participant that is still connecting
_EARLY_SECONDS = 10.0


class DataInbox:
    """What one client sends.

    Attributes:
        last_sequence: Newest sequence number received on the reliable channel.
        dropped: Packets that could not be read or were not allowed.
    """

    def __init__(self) -> None:
        self.last_sequence = 0
        self.dropped = 0

    def read(self, label: str, data: bytes, *, agent: bool) -> proto.DataPacket | None:
        """The packet in a message of the client, None if it is not for others.

        Args:
            label: Of the channel; what comes on one of the client's own is data of the user.
            data: The message.
            agent: Whether the client is an agent.
        """
        if label not in (RELIABLE, LOSSY):
            return proto.DataPacket(user=proto.UserPacket(payload=data))
        try:
            packet = codec.decode(proto.DataPacket, data)
        except RemoteProtocolError:
            self.dropped += 1
            return None
        kinds = proto.DataPacket.Kind
        packet.kind = kinds.LOSSY if label == LOSSY else kinds.RELIABLE
        if packet.metrics is not None:  # which LiveKit's server evaluates itself
            return None
        if self._is_repeated(packet) or (packet.transcription is not None and not agent):
            self.dropped += 1
            return None
        return packet

    def _is_repeated(self, packet: proto.DataPacket) -> bool:
        if packet.kind != proto.DataPacket.Kind.RELIABLE or not packet.sequence:
            return False
        repeated = packet.sequence <= self.last_sequence
        self.last_sequence = max(self.last_sequence, packet.sequence)
        return repeated


class DataOutbox:
    """What one client is sent.

    Args:
        connection: Its primary peer connection.
    """

    def __init__(self, connection: MediaConnection) -> None:
        self._connection = connection
        self._early: deque[tuple[float, bytes]] = deque()
        self._early_size = 0

    def on_opened(self) -> None:
        """A channel opened: deliver what waited for it."""
        connection = self._connection
        if connection.open_channel(RELIABLE) is None or connection.open_channel(LOSSY) is None:
            return
        now = trio.current_time()
        early = list(self._early)
        self.clear()
        for kept_at, data in early:
            if now - kept_at < _EARLY_SECONDS:
                connection.send_data(RELIABLE, data)

    def deliver(self, data: bytes, *, lossy: bool) -> bool:
        """Send a packet to the client, or keep it until that is possible.

        Returns:
            False if the client lags so far behind that it is to be given up.
        """
        connection = self._connection
        label = LOSSY if lossy else RELIABLE
        if connection.open_channel(label) is None:
            if not lossy:
                self._keep(data)
            return True
        taken = connection.send_data(label, data)
        connection.flush()
        return taken

    def _keep(self, data: bytes) -> None:
        self._early.append((trio.current_time(), data))
        self._early_size += len(data)
        while self._early_size > _EARLY_BYTES:
            self._early_size -= len(self._early.popleft()[1])

    def send_track_packet(self, data: bytes) -> None:
        """Send a packet of a data track."""
        self._connection.send_data(DATA_TRACKS, data)
        self._connection.flush()

    def clear(self) -> None:
        """Forget what waits."""
        self._early.clear()
        self._early_size = 0


class DataMember(DataTrackMember, Protocol):
    """A participant that sends and gets data."""

    @property
    def hidden(self) -> bool:
        """Whether others do not see it."""
        ...

    @property
    def is_agent(self) -> bool:
        """Whether it is an agent, who may transcribe and speak for others."""
        ...

    @property
    def inbox(self) -> DataInbox:
        """What it sends."""
        ...

    def deliver(self, data: bytes, *, lossy: bool) -> None:
        """Send it a packet."""
        ...


class DataExchange:
    """Brings the data of one room to those it is for.

    Args:
        members: The participants by identity, as they are at any time.
        tracks: The data tracks of the room.
        calls: Calls of the server API that are under way.
    """

    def __init__(
        self, members: Mapping[str, DataMember], tracks: DataTracks, calls: ApiCalls
    ) -> None:
        self._members = members
        self._tracks = tracks
        self._calls = calls

    def take(self, sender: DataMember, label: str, data: bytes) -> None:
        """Take a message that a client sent on a channel."""
        if not sender.grants.may_publish_data:
            sender.inbox.dropped += 1
        elif label == DATA_TRACKS:
            sender.inbox.dropped += not self._tracks.forward(sender, data)
        else:
            packet = sender.inbox.read(label, data, agent=sender.is_agent)
            if packet is not None and not self._calls.take(packet):
                _stamp(packet, sender)
                self.deliver(packet, sender=sender, lossy=label == LOSSY)

    def deliver(
        self,
        packet: proto.DataPacket,
        *,
        sender: DataMember | None,
        lossy: bool,
        sids: frozenset[str] = frozenset(),
    ) -> None:
        """Send a data packet to those it names, or to everybody but its sender."""
        named = set(packet.destination_identities)
        data = codec.encode(packet)
        for member in list(self._members.values()):
            meant = member.identity in named or member.sid in sids
            if member is not sender and (meant or not (named or sids)):
                member.deliver(data, lossy=lossy)


def _stamp(packet: proto.DataPacket, sender: DataMember) -> None:
    """Say who sent a packet."""
    hidden, user = sender.hidden, packet.user
    packet.participant_sid = "" if hidden else sender.sid
    if not (sender.is_agent and packet.participant_identity and _mark_generated(packet)):
        packet.participant_identity = "" if hidden else sender.identity
    if user is not None:
        user.participant_sid = packet.participant_sid
        user.participant_identity = packet.participant_identity
        if not packet.destination_identities:
            packet.destination_identities = list(user.destination_identities)


def _mark_generated(packet: proto.DataPacket) -> bool:
    """Whether a packet is of a kind in which agents may speak for others; it is marked then.

    The other packets of a stream name the agent, whoever its header names.
    """
    if packet.chat_message is not None:
        packet.chat_message.generated = True
    elif packet.stream_header is not None and packet.stream_header.text_header is not None:
        packet.stream_header.text_header.generated = True
    else:
        return False
    return True
