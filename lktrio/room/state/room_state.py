"""What is known of a room, and how what the server says changes it.

Theory of operation: `apply` looks the kind of a message up in a table and changes the records; the
events that it returns say what changed. Kinds that are not in the table belong to the session (the
descriptions of peer connections), or are newer than this program: these are counted, and logged
once. The room itself goes through these states:

================  =====================================  ==================================
state             entered when                           left for
================  =====================================  ==================================
``connecting``    the server has answered the join       ``connected``, ``disconnected``
``connected``     media can flow: the program has it     ``reconnecting``, ``disconnected``
``reconnecting``  the link is lost and being replaced    ``connected``, ``disconnected``
``disconnected``  left, sent away, or the link is lost   never
================  =====================================  ==================================

After a resume the server says everything anew, after a restart its answer to the new join does.
Both are compared with what is known, and only the differences become events.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any, ClassVar

from lktrio import proto
from lktrio.room.state.changes import participant_changes
from lktrio.room.state.data import DataPackets, DataStats, MessagePackets, RpcPackets, StreamPackets
from lktrio.room.state.enums import (
    ConnectionQuality,
    ConnectionState,
    DisconnectReason,
    ReconnectKind,
    StreamState,
    SubscriptionError,
)
from lktrio.room.state.events import (
    ActiveSpeakersChanged,
    ConnectionQualityChanged,
    Disconnected,
    LocalDataTrackPublished,
    LocalDataTrackUnpublished,
    Reconnected,
    Reconnecting,
    RecordingStatusChanged,
    RoomEvent,
    RoomMetadataChanged,
    RoomMoved,
    RoomUpdated,
    TokenRefreshed,
    TrackStreamStateChanged,
    TrackSubscriptionFailed,
    TrackSubscriptionPermissionChanged,
)
from lktrio.room.state.local import LocalTrackPublication
from lktrio.room.state.local_data_tracks import LocalDataTracks
from lktrio.room.state.local_tracks import LocalTracks
from lktrio.room.state.participant import Participant, ParticipantRecord
from lktrio.room.state.remote import SubscriptionRequests
from lktrio.room.state.roster import Roster

__all__ = ["LocalRecord", "RoomState"]

_log = logging.getLogger("lktrio.room")

_NEXT = {
    ConnectionState.CONNECTING: {ConnectionState.CONNECTED, ConnectionState.DISCONNECTED},
    ConnectionState.CONNECTED: {ConnectionState.RECONNECTING, ConnectionState.DISCONNECTED},
    ConnectionState.RECONNECTING: {
        ConnectionState.RECONNECTING,  # a further try
        ConnectionState.CONNECTED,
        ConnectionState.DISCONNECTED,
    },
    ConnectionState.DISCONNECTED: set[ConnectionState](),
}

LocalRecord = ParticipantRecord[LocalTrackPublication]
"""What the state keeps of the local participant."""


class RoomState:
    """The state of one room.

    Args:
        join: The server's answer to the join.
        requests: Who takes the requests of participants and publications.
        make_local: Makes the local participant's view, which events name.

    Attributes:
        info: LiveKit's message about the room, as it last was.
        local: The local participant.
        local_tracks: Its tracks.
        local_data_tracks: Its data tracks.
        roster: The remote participants.
        data_stats: Counters of data packets.
        reconnections: How often the link was replaced, by kind.
    """

    def __init__(
        self,
        join: proto.JoinResponse,
        requests: SubscriptionRequests,
        make_local: Callable[[LocalRecord], Participant[LocalTrackPublication]],
    ) -> None:
        self.info = join.room or proto.Room()
        self.data_stats = DataStats()
        self.reconnections = dict.fromkeys(ReconnectKind, 0)
        self._news: list[RoomEvent] = []
        self._local = LocalRecord(join.participant or proto.ParticipantInfo(), requests)
        self.local = make_local(self._local)
        tell = self._news.append
        self.local_tracks = LocalTracks(self.local, self._local.publications, tell)
        self.local_data_tracks = LocalDataTracks(
            self.local,
            lambda track: tell(LocalDataTrackPublished(track.view, self.local)),
            lambda track: tell(LocalDataTrackUnpublished(track.view, self.local)),
        )
        self.roster = Roster(requests, tell)
        self._data = DataPackets(self.roster, tell, self.data_stats, self._count_unhandled)
        for info in join.other_participants:
            self.roster.update(info)
        self._news.clear()  # nobody has missed anything: see `snapshot`
        self.connection_state = ConnectionState.CONNECTING
        """See the table above."""
        self.unhandled: dict[str, int] = {}
        """How many messages came of kinds that are not handled, by kind."""
        self._end: Disconnected | None = None

    @property
    def active_speakers(self) -> tuple[Participant[Any], ...]:
        """Everybody who speaks, the loudest first."""
        everybody: list[Participant[Any]] = [self.local, *self.roster.views.values()]
        speaking = [participant for participant in everybody if participant.is_speaking]
        return tuple(sorted(speaking, key=lambda one: one.audio_level, reverse=True))

    # What happens

    def connected(self) -> None:
        """Media can flow."""
        self._move(ConnectionState.CONNECTED)

    def reconnecting(self, kind: ReconnectKind, attempt: int) -> list[RoomEvent]:
        """The link is lost; a try to replace it begins."""
        self._move(ConnectionState.RECONNECTING)
        self._news.append(Reconnecting(kind, attempt))
        return self.take_news()

    def reconnected(self, kind: ReconnectKind) -> list[RoomEvent]:
        """The link was replaced: media can flow again."""
        self._move(ConnectionState.CONNECTED)
        self.reconnections[kind] += 1
        self._news.append(Reconnected(kind))
        return self.take_news()

    def rejoin(self, join: proto.JoinResponse) -> list[RoomEvent]:
        """Take over what the server says at a new join; returns how that differs."""
        if join.participant is not None:
            before = self._local.info
            self._local.update(join.participant)
            self._news.extend(participant_changes(self.local, before, join.participant))
        self.roster.rejoin(join.other_participants)
        self._on_room_update(proto.RoomUpdate(room=join.room))
        return self.take_news()

    def _move(self, state: ConnectionState) -> None:
        assert state in _NEXT[self.connection_state], f"{self.connection_state} to {state}"
        self.connection_state = state

    def apply(self, response: proto.SignalResponse) -> list[RoomEvent]:
        """Take over what a message of the server says; returns what that changed."""
        for name, handle in self._HANDLERS.items():
            message = getattr(response, name)
            if message is not None:
                handle(self, message)
                break
        else:
            for kind in _kinds_of(response):
                self._count_unhandled(kind)
        return self.take_news()

    def _count_unhandled(self, kind: str) -> None:
        if kind in self._OTHERS:
            return
        self.unhandled[kind] = self.unhandled.get(kind, 0) + 1
        if self.unhandled[kind] == 1:
            _log.info("messages of the kind %r are not handled", kind)

    def receive_data(self, message: bytes, *, reliable: bool, now: float) -> list[RoomEvent]:
        """Take a message of a data channel; returns the events."""
        self._data.receive(message, reliable=reliable, now=now)
        return self.take_news()

    def give_streams(self, streams: StreamPackets) -> None:
        """Give the packets of text and byte streams to this object from now on."""
        self._data.give_streams(streams)

    def give_rpc(self, rpc: RpcPackets) -> None:
        """Give the packets of remote procedure calls to this object from now on."""
        self._data.give_rpc(rpc)

    def give_messages(self, messages: MessagePackets) -> None:
        """Give the packets of chat messages and their like to this object from now on."""
        self._data.give_messages(messages)

    def add_news(self, event: RoomEvent) -> None:
        """What was received of others says this."""
        self._news.append(event)

    def receive_states(self) -> list[proto.DataChannelReceiveState]:
        """How far the reliable data of others was received; for a resume."""
        return self._data.receive_states()

    def end(self, reason: DisconnectReason, *, can_reconnect: bool = False) -> list[RoomEvent]:
        """The room has ended, and the media of others with it; only the first call counts."""
        if self._end is None:
            self._move(ConnectionState.DISCONNECTED)
            self._end = Disconnected(reason, can_reconnect)
            self.roster.end_media()
            self._news.append(self._end)
        return self.take_news()

    def take_news(self) -> list[RoomEvent]:
        """The events since they were last taken, in order."""
        news = self._news.copy()
        self._news.clear()
        return news

    def snapshot(self) -> Iterator[RoomEvent]:
        """The events that tell of what is there: participants, publications, subscribed tracks.

        After the end, that alone.
        """
        if self._end is None:
            yield from self.roster.snapshot()
        else:
            yield self._end

    # Participants and tracks

    def _on_update(self, update: proto.ParticipantUpdate) -> None:
        local = self._local.info
        for info in update.participants:
            if info.sid == local.sid or info.identity == local.identity:
                self._on_own_update(info)
            else:
                self.roster.update(info)

    def _on_own_update(self, info: proto.ParticipantInfo) -> None:
        before = self._local.info
        if info.sid != before.sid or self._local.is_stale(info):
            return
        if info.state == proto.ParticipantInfo.State.DISCONNECTED:
            return  # the server's leave says the same, with what to do about it
        self._local.update(info)
        self._news.extend(participant_changes(self.local, before, info))
        self.local_tracks.update(info.tracks)

    def _on_track_unpublished(self, message: proto.TrackUnpublishedResponse) -> None:
        self.local_tracks.removed_by_server(message.track_sid)

    def _on_mute(self, message: proto.MuteTrackRequest) -> None:
        self.local_tracks.muted_by_server(message.sid, message.muted)

    def _on_track_subscribed(self, message: proto.TrackSubscribed) -> None:
        self.local_tracks.subscribed(message.track_sid)

    def _on_stream_states(self, message: proto.StreamStateUpdate) -> None:
        for state in message.stream_states:
            track = self.roster.find_track(state.track_sid)
            now = StreamState.from_proto(state.state)
            if track is not None and track.stream_state is not now:
                track.stream_state = now
                self._news.append(TrackStreamStateChanged(track.view, track.participant, now))

    def _on_subscription_permission(self, update: proto.SubscriptionPermissionUpdate) -> None:
        data_track = self.roster.data_tracks.find(update.track_sid)
        if data_track is not None:
            data_track.subscription_allowed = update.allowed
        track = self.roster.find_track(update.track_sid)
        if track is not None and track.subscription_allowed != update.allowed:
            track.subscription_allowed = update.allowed
            self._news.append(
                TrackSubscriptionPermissionChanged(track.view, track.participant, update.allowed)
            )

    def _on_subscription_response(self, response: proto.SubscriptionResponse) -> None:
        reason = SubscriptionError.from_proto(response.err)
        self._news.append(TrackSubscriptionFailed(response.track_sid, reason))

    # The room

    def _on_room_update(self, update: proto.RoomUpdate) -> None:
        if update.room is None:
            return
        before, self.info = self.info, update.room
        if before == self.info:
            return
        self._news.append(RoomUpdated())
        if before.metadata != update.room.metadata:
            self._news.append(RoomMetadataChanged(update.room.metadata, before.metadata))
        if before.active_recording != update.room.active_recording:
            self._news.append(RecordingStatusChanged(update.room.active_recording))

    def _on_room_moved(self, moved: proto.RoomMovedResponse) -> None:
        self.roster.leave_all()
        previous, self.info = self.info.name, moved.room or self.info
        before = self._local.info
        if moved.participant is not None:
            self._local.update(moved.participant)
            self.local_tracks.update(moved.participant.tracks)
        self._news.append(RoomMoved(self.info.name, previous))
        self._news.extend(participant_changes(self.local, before, self._local.info))
        for info in moved.other_participants:
            self.roster.update(info)
        self._on_refresh_token(moved.token)

    def _participant(self, sid: str) -> tuple[ParticipantRecord[Any], Participant[Any]] | None:
        if sid == self._local.info.sid:
            return self._local, self.local
        record = self.roster.by_sid(sid)
        return (record, record.view) if record is not None else None

    def _on_speakers(self, message: proto.SpeakersChanged) -> None:
        for speaker in message.speakers:
            found = self._participant(speaker.sid)
            if found is not None:
                found[0].is_speaking = speaker.active
                found[0].audio_level = speaker.level
        self._news.append(ActiveSpeakersChanged(self.active_speakers))

    def _on_quality(self, message: proto.ConnectionQualityUpdate) -> None:
        for update in message.updates:
            found = self._participant(update.participant_sid)
            quality = ConnectionQuality.from_proto(update.quality)
            if found is not None:
                found[0].connection_quality = quality
                self._news.append(ConnectionQualityChanged(found[1], quality, update.score))

    def _on_refresh_token(self, token: str) -> None:
        if token:  # the signalling keeps it for itself as well
            self._news.append(TokenRefreshed(token))

    _HANDLERS: ClassVar[Mapping[str, Callable[..., None]]] = {
        "update": _on_update,
        "mute": _on_mute,
        "speakers_changed": _on_speakers,
        "room_update": _on_room_update,
        "room_moved": _on_room_moved,
        "connection_quality": _on_quality,
        "stream_state_update": _on_stream_states,
        "subscription_permission_update": _on_subscription_permission,
        "refresh_token": _on_refresh_token,
        "track_unpublished": _on_track_unpublished,
        "subscription_response": _on_subscription_response,
        "track_subscribed": _on_track_subscribed,
    }
    _OTHERS: ClassVar[frozenset[str]] = frozenset(
        {
            "answer",
            "offer",
            "trickle",
            "leave",
            "media_sections_requirement",
            "publish_data_track_response",
            "unpublish_data_track_response",
            "data_track_subscriber_handles",
            "store_data_blob_response",
            "get_data_blob_response",
        }
    )
    """Kinds that the session deals with."""


def _kinds_of(response: proto.SignalResponse) -> list[str]:
    """The kinds that a message is of: one, as a rule."""
    return [one.name for one in fields(response) if getattr(response, one.name) is not None]
